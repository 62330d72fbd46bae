package main

import (
	"go/types"
	"sort"
)

// close follows the marks until nothing new turns up: fields of the named types, methods that interfaces ask for,
// embedded fields that promote them.
func (e *emitter) close() {
	for e.changed = true; e.changed; {
		e.changed = false
		for _, key := range sortedKeys(e.named) {
			e.closeType(e.named[key])
		}
		if !e.changed {
			for _, one := range e.uses {
				e.scanned = one.in
				e.s.expand(one.uses, func(n *types.Named) { e.markType(n) })
			}
		}
	}
}

func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	sort.Strings(out)
	return out
}

func (e *emitter) closeType(o *types.TypeName) {
	e.scanned = o.Pkg()
	if a, ok := o.Type().(*types.Alias); ok {
		e.markType(a.Rhs())
		return
	}
	named, ok := o.Type().(*types.Named)
	if !ok {
		return
	}
	for i := range named.TypeParams().Len() {
		e.markType(named.TypeParams().At(i).Constraint())
	}
	switch u := named.Underlying().(type) {
	case *types.Struct:
		if t := taken(named); t != nil {
			e.markType(t)
			break
		}
		for i := range u.NumFields() {
			f := u.Field(i)
			if f.Embedded() && e.promotes(f.Type()) {
				e.markField(f)
			}
			if e.real(named, f) {
				e.markType(f.Type())
			}
		}
	case *types.Interface:
		e.markType(u)
		e.proxy(named)
	default:
		e.markType(u)
	}
	for i := range named.NumMethods() {
		if m := named.Method(i).Origin(); e.methodNames[m.Name()] {
			if id := functionID(m); !m.Exported() && e.s.user[o.Pkg().Path()] != nil && named.TypeParams().Len() > 0 {
				e.markMethod(id, m)
			} else if !e.along(id) {
				e.declare(id, m, false)
			}
		}
	}
}

// promotes reports whether embedding a type gives a method that an interface asks for.
func (e *emitter) promotes(t types.Type) bool {
	if _, ok := t.Underlying().(*types.Pointer); !ok && !types.IsInterface(t) {
		t = types.NewPointer(t)
	}
	set := types.NewMethodSet(t)
	for i := range set.Len() {
		if e.methodNames[set.At(i).Obj().Name()] {
			return true
		}
	}
	return false
}

// real reports whether a field is declared with its own type. All others are opaque words: nothing in the worker
// looks into them, they only travel.
func (e *emitter) real(owner *types.Named, f *types.Var) bool {
	if owner.TypeParams().Len() > 0 || f.Pkg() == nil {
		return true
	}
	path := owner.Obj().Pkg().Path()
	return e.fields[f.Pkg().Path()+"."+f.Name()] || e.whole[path+"."+owner.Obj().Name()] ||
		e.converted[path+"."+owner.Obj().Name()]
}

// proxy notes that values of an interface type may arrive whose own type the worker does not know.
func (e *emitter) proxy(t types.Type) {
	u, ok := t.Underlying().(*types.Interface)
	if !ok || u.NumMethods() == 0 || !u.IsMethodSet() {
		return
	}
	owner := ""
	if n, ok := t.(*types.Named); ok {
		if n.TypeParams().Len() > 0 && n.TypeArgs().Len() == 0 || n.Obj().Pkg() == nil {
			return
		}
		owner = n.Obj().Pkg().Path()
		if n.TypeArgs().Len() > 0 && !e.s.written(n, n.Obj().Pkg()) {
			if foreignFields(u) {
				return // nobody else can write its methods
			}
			owner = lastOwner
		}
	}
	if owner == "" && e.scanned != nil {
		owner = e.scanned.Path()
	}
	key := canonicalType(t)
	if _, have := e.interfaces[key]; have {
		return
	}
	e.interfaces[key] = proxied{owner, t}
	e.changed = true
	for i := range u.NumMethods() {
		e.markType(u.Method(i).Type())
	}
}

// hazardous reports whether a method called through an interface would make Go's own wrapper read memory through a
// pointer: such calls are made at home instead.
func (e *emitter) hazardous(t types.Type) bool {
	return hazard(t, func(name string) bool { return e.methodNames[name] })
}

// hazardousAtAll is hazardous where it is not known yet which methods interfaces ask for.
func (e *emitter) hazardousAtAll(t types.Type) bool {
	return hazard(t, func(string) bool { return true })
}

func hazard(t types.Type, asked func(name string) bool) bool {
	set := types.NewMethodSet(t)
	for i := range set.Len() {
		selection := set.At(i)
		if !asked(selection.Obj().Name()) {
			continue
		}
		from := t
		pointer := isPointer(from)
		index := selection.Index()
		reads := false
		for _, i := range index[:len(index)-1] {
			f := fieldAt(from, i)
			reads = reads || pointer && isPointer(f.Type()) || types.IsInterface(f.Type())
			if isPointer(f.Type()) {
				pointer = true
			}
			from = f.Type()
		}
		method := selection.Obj().(*types.Func)
		if recv := method.Signature().Recv(); recv != nil && !isPointer(recv.Type()) && !types.IsInterface(recv.Type()) {
			reads = reads || pointer
		}
		if reads {
			return true
		}
	}
	return false
}

// along reports whether a function is hosted under its own name, so that no stub may be declared for it.
func (e *emitter) along(id string) bool {
	for _, b := range e.bodies {
		if b.id == id && b.as == asItself {
			return true
		}
	}
	return false
}

// entryOf is the body of a function that home calls here; nil if it is hosted elsewhere.
func (e *emitter) entryOf(id string) *hostedBody {
	for _, b := range e.bodies {
		if b.id == id && b.as == asEntry {
			return b
		}
	}
	return nil
}
