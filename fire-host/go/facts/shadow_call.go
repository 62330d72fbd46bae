package main

import (
	"go/token"
	"go/types"
)

// markFunction notes a function that hosted code names: it is called at home, or comes along if it cannot be.
func (e *emitter) markFunction(f *types.Func) {
	f = f.Origin()
	if f.Pkg() == nil {
		return
	}
	signature := f.Signature()
	id := functionID(f)
	if recv := signature.Recv(); recv != nil {
		if types.IsInterface(recv.Type()) {
			return
		}
		e.markMethod(id, f)
		return
	}
	if _, ok := replaced[id]; ok || id == "reflect.TypeFor" {
		return
	}
	library := e.s.user[f.Pkg().Path()] == nil
	if signature.TypeParams().Len() > 0 || library && !f.Exported() {
		watchesLifetime(f, token.NoPos)
		e.bringAlong(id, f)
		return
	}
	e.declare(id, f, true)
}

// replaced are functions that the worker runtime has itself: home could not run them for a body.
var replaced = map[string]string{"iter.Pull": "fire__.Pull", "iter.Pull2": "fire__.Pull2", "maps.Clone": "fire__.CloneMap", "runtime.Goexit": "fire__.Goexit"}

// markMethod is markFunction for methods. Home cannot be asked for a library's unexported ones, nor for those of
// generic types that it may not have instantiated.
func (e *emitter) markMethod(id string, f *types.Func) {
	library := e.s.user[f.Pkg().Path()] == nil
	t := f.Signature().Recv().Type()
	if p, ok := types.Unalias(t).(*types.Pointer); ok {
		t = p.Elem()
	}
	named, _ := types.Unalias(t).(*types.Named)
	exported := f.Exported() && named != nil && named.Obj().Exported()
	generic := f.Signature().RecvTypeParams().Len() > 0
	if library && !exported || !library && generic {
		if e.tryAlong(id, f) || !f.Exported() {
			return
		}
	}
	e.declare(id, f, true)
}

// tryAlong brings a function along. Not: it is refused, and home can be asked for it.
func (e *emitter) tryAlong(id string, f *types.Func) (ok bool) {
	kept := len(e.bodies)
	defer func() {
		if p := recover(); p != nil {
			if _, refused := p.(refusal); !refused || !f.Exported() {
				panic(p)
			}
			for _, b := range e.bodies[kept:] {
				delete(e.hosting, b.id)
			}
			delete(e.hosting, id)
			e.bodies = e.bodies[:kept]
			ok = false
		}
	}()
	e.bringAlong(id, f)
	return true
}

// need notes that the function being hosted is of no use if home does not hold something.
func (e *emitter) need(id string) {
	if list := e.needs[id]; len(list) == 0 || list[len(list)-1] != e.entry {
		e.needs[id] = append(list, e.entry)
	}
}

// declare notes a stub.
func (e *emitter) declare(id string, f *types.Func, required bool) {
	if required {
		e.need(id)
	}
	if required && !e.required[id] {
		e.required[id] = true
		e.changed = true
	}
	if e.functions[id] != nil {
		return
	}
	e.functions[id] = f
	e.changed = true
	e.markSignature(f.Signature())
}

// bringAlong hosts a function that home cannot be asked for: a generic one, or an unexported one of a library.
func (e *emitter) bringAlong(id string, f *types.Func) {
	if e.hosting[id] {
		return
	}
	e.hosting[id] = true
	hosted := false
	defer func() {
		if !hosted {
			delete(e.hosting, id) // whoever asks for it next must be refused as well
		}
	}()
	info := e.s.sourceOf(f.Pkg().Path())
	if info == nil {
		panic(refusal{reasonGeneric, "it needs the source of " + id, token.NoPos})
	}
	file, decl := info.declaration(id)
	if decl == nil {
		panic(refusal{reasonGeneric, "it needs the source of " + id, token.NoPos})
	}
	if err := e.host(info, file, decl, asItself); err != nil {
		err.detail = "it needs " + id + ": " + err.detail
		panic(*err)
	}
	hosted = true
}
