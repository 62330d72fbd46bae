package main

import (
	"go/ast"
	"go/token"
	"go/types"
)

// A pointer in a worker is a reference to home memory: arithmetic on it, and a view of what it points to by another type,
// mean there what they mean at home. Two things would not be the same: the bytes of a string, and the code of a function
// literal, are the worker's own, so that their addresses say nothing. What looks at these is refused.

func isUnsafePointer(t types.Type) bool {
	b, ok := core(t).(*types.Basic)
	return ok && b.Kind() == types.UnsafePointer
}

// unsafeConversion renders a conversion to or from unsafe.Pointer.
func (r *rewriter) unsafeConversion(e *ast.CallExpr, to, from types.Type) string {
	x := e.Args[0]
	target := r.source(e.Fun)
	switch {
	case isUnsafePointer(to) && isBasic(from, types.IsInteger):
		to, ok := r.computed(x)
		r.mustReach(e, ok && r.isKnown(to, 0))
		return target + "(fire__.PointerAt(" + r.expr(x) + "))"
	case isUnsafePointer(from) && isBasic(to, types.IsInteger):
		if made, _ := r.pointerMade(x); made != nil {
			r.view(made) // as a number it shows nothing of what lies there
		}
		return target + "(fire__.Address(" + r.expr(x) + "))"
	case isUnsafePointer(to):
		if p, ok := core(from).(*types.Pointer); ok && !r.viewed[e] && r.mayReveal(x, p.Elem()) {
			panic(refusal{reasonUnsafe, "a conversion to unsafe.Pointer", e.Pos()})
		}
	default:
		seen, ok := core(to).(*types.Pointer)
		made, original := r.pointerMade(x)
		if !ok {
			panic(refusal{reasonUnsafe, "a conversion from unsafe.Pointer", e.Pos()})
		}
		if made != nil {
			if r.reveals(original, seen.Elem()) {
				panic(refusal{reasonUnsafe, "a conversion from unsafe.Pointer", e.Pos()})
			}
			r.view(made)
		}
	}
	return r.keep(e, x)
}

// view notes that a conversion to unsafe.Pointer is looked at in a way that has been judged.
func (r *rewriter) view(made ast.Expr) {
	if r.viewed == nil {
		r.viewed = map[ast.Expr]bool{}
	}
	r.viewed[made] = true
}

// pointerMade is the conversion that an unsafe.Pointer comes from at once, and what that pointed to. Nil: it is another.
func (r *rewriter) pointerMade(x ast.Expr) (ast.Expr, types.Type) {
	operand := r.converted(x)
	if operand == nil {
		return nil, nil
	}
	p, ok := core(r.typeOf(operand)).(*types.Pointer)
	if !ok {
		return nil, nil
	}
	return ast.Unparen(x), p.Elem()
}

// converted is the operand of a conversion. Nil: it is none.
func (r *rewriter) converted(x ast.Expr) ast.Expr {
	call, ok := ast.Unparen(x).(*ast.CallExpr)
	if !ok || !r.types.Types[call.Fun].IsType() || len(call.Args) != 1 {
		return nil
	}
	return call.Args[0]
}

// mayReveal reports whether memory may be looked at, by an untyped pointer to it, that holds a string or a function of
// the worker's.
func (r *rewriter) mayReveal(x ast.Expr, t types.Type) bool {
	if isString(t) || isOpen(t) && !r.opaqueToAll(t) {
		return true
	}
	if address, ok := ast.Unparen(x).(*ast.UnaryExpr); ok && address.Op == token.AND {
		if id := r.root(address.X); id != nil && isLocal(r.object(id)) {
			return len(r.guarded(r.object(id).Type(), 0, nil)) > 0
		}
	}
	_, function := t.Underlying().(*types.Signature)
	return function
}

// opaqueToAll reports whether an open type holds no type parameter's value itself.
func (r *rewriter) opaqueToAll(t types.Type) bool {
	if isParameter(t) {
		return false
	}
	switch t := t.Underlying().(type) {
	case *types.Pointer, *types.Slice, *types.Map, *types.Chan:
		return true
	case *types.Struct:
		for i := range t.NumFields() {
			if f := t.Field(i).Type(); isOpen(f) && !r.opaqueToAll(f) {
				return false
			}
		}
		return true
	}
	return false
}

func isParameter(t types.Type) bool {
	_, ok := types.Unalias(t).(*types.TypeParam)
	return ok
}

// guard is a place in a type where a string or a function lies.
type guard struct {
	at       int64
	function bool
}

// guarded collects them.
func (r *rewriter) guarded(t types.Type, at int64, out []guard) []guard {
	if isOpen(t) {
		if !r.opaqueToAll(t) {
			out = append(out, guard{at, true})
		}
		return out
	}
	switch u := t.Underlying().(type) {
	case *types.Basic:
		if u.Kind() == types.String {
			out = append(out, guard{at, false})
		}
	case *types.Signature:
		out = append(out, guard{at, true})
	case *types.Array:
		if size := r.out.s.sizes.Sizeof(u.Elem()); len(r.guarded(u.Elem(), 0, nil)) > 0 {
			for i := range min(u.Len(), 64) {
				out = r.guarded(u.Elem(), at+i*size, out)
			}
		}
	case *types.Struct:
		fields := make([]*types.Var, u.NumFields())
		for i := range fields {
			fields[i] = u.Field(i)
		}
		for i, offset := range r.out.s.sizes.Offsetsof(fields) {
			out = r.guarded(fields[i].Type(), at+offset, out)
		}
	}
	return out
}

// reveals reports whether memory of one type, looked at as another, shows the address of a string's bytes or of a
// function's code. A slice of the bytes is none: it is born at home, as a copy that must not be written to either way.
func (r *rewriter) reveals(from, to types.Type) bool {
	if isOpen(to) {
		return len(r.guarded(from, 0, nil)) > 0 && !types.Identical(from, to)
	}
	size := r.out.s.sizes.Sizeof(to)
	for _, g := range r.guarded(from, 0, nil) {
		if g.at < size && !r.keeps(to, g, 0) {
			return true
		}
	}
	return false
}

// keeps reports whether a type has at a place what may show what is guarded there.
func (r *rewriter) keeps(t types.Type, g guard, at int64) bool {
	switch u := t.Underlying().(type) {
	case *types.Basic:
		return g.at == at && u.Kind() == types.String && !g.function
	case *types.Slice:
		return g.at == at && !g.function
	case *types.Signature:
		return g.at == at && g.function
	case *types.Array:
		if size := r.out.s.sizes.Sizeof(u.Elem()); size > 0 {
			i := (g.at - at) / size
			return r.keeps(u.Elem(), g, at+i*size)
		}
	case *types.Struct:
		fields := make([]*types.Var, u.NumFields())
		for i := range fields {
			fields[i] = u.Field(i)
		}
		for i, offset := range r.out.s.sizes.Offsetsof(fields) {
			from, end := at+offset, at+offset+r.out.s.sizes.Sizeof(fields[i].Type())
			if from <= g.at && g.at < end {
				return r.keeps(fields[i].Type(), g, from)
			}
		}
	}
	return false
}

// unsafeCall renders a call of a function of package unsafe.
func (r *rewriter) unsafeCall(e *ast.CallExpr, name string) string {
	switch name {
	case "Sizeof", "Alignof", "Offsetof":
		return r.source(e) // of a type parameter; the operand is not evaluated
	case "Add":
		offset, constant := r.constantOf(e.Args[1])
		r.mustReach(e, r.isKnown(reach{e.Args[0], offset, constant}, 0))
		return r.keep(e, e.Args...)
	case "SliceData":
		return r.keep(e, e.Args...)
	case "Slice":
		if data := ast.Unparen(e.Args[0]); r.isStringData(data) {
			call := data.(*ast.CallExpr)
			return r.source(e.Fun) + "(fire__.StringData(" + r.expr(call.Args[0]) + "), " + r.expr(e.Args[1]) + ")"
		}
		r.mustReach(e, r.isKnownSlice(e.Args[0], e.Args[1]))
		return r.keep(e, e.Args...)
	case "String":
		return "fire__.StringAt(" + r.expr(e.Args[0]) + ", " + r.expr(e.Args[1]) + ")"
	}
	panic(refusal{reasonUnsafe, "a call of " + r.source(e.Fun), e.Pos()})
}

func (r *rewriter) isStringData(e ast.Expr) bool { return r.isUnsafeCall(e, "StringData") }

// isUnsafeCall reports whether an expression is a call of a function of package unsafe.
func (r *rewriter) isUnsafeCall(e ast.Expr, name string) bool {
	call, ok := ast.Unparen(e).(*ast.CallExpr)
	if !ok {
		return false
	}
	s, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr)
	return ok && s.Sel.Name == name && r.types.Types[call.Fun].IsBuiltin()
}
