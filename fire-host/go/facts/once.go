package main

import "slices"

// once answers which of the given functions are called only as the program starts: by main, by init, for the value of a
// package variable, or by another such function, and there neither in a loop nor later. A new body of one shows after the
// next start alone. In doubt a function is not among them.
func (s *session) once(r *request, reply map[string]any) error {
	calls := &calls{of: map[string][]naming{}, dynamic: map[string]bool{}}
	for _, path := range s.userPaths() {
		info := s.user[path]
		calls.add(s.variableNamings(info))
		for _, f := range declared(info) {
			calls.add(s.namings(f))
		}
	}
	found := []string{}
	for _, id := range r.Subjects {
		if f := s.findFunction(id); f != nil && calls.atStart(f, nil) {
			found = append(found, id)
		}
	}
	reply["once"] = found
	return nil
}

// calls are the places that name functions, by function.
type calls struct {
	of      map[string][]naming
	dynamic map[string]bool // see naming
}

func (c *calls) add(list []naming) {
	for _, one := range list {
		if one.dynamic != "" {
			c.dynamic[one.dynamic] = true
		} else {
			c.of[one.callee] = append(c.of[one.callee], one)
		}
	}
}

// atStart reports whether a function is called only as the program starts.
func (c *calls) atStart(f *function, asked []*function) bool {
	if f.Object.Signature().Recv() != nil && (f.Object.Exported() || c.dynamic[f.Info.Path+"."+f.Object.Name()]) {
		return false // an interface may lead to it
	}
	if slices.Contains(asked, f) || len(c.of[f.ID]) == 0 {
		return false
	}
	asked = append(asked, f)
	return !slices.ContainsFunc(c.of[f.ID], func(one naming) bool {
		return !one.once || one.caller != nil && one.caller.Reason != reasonMain && !c.atStart(one.caller, asked)
	})
}
