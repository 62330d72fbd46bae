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
	e.where = o.Pkg().Path()
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
			e.declare(functionID(m), m, false)
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
	return e.fields[f.Pkg().Path()+"."+f.Name()] || e.whole[path+"."+owner.Obj().Name()]
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
	set := types.NewMethodSet(t)
	for i := range set.Len() {
		selection := set.At(i)
		if !e.methodNames[selection.Obj().Name()] {
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
