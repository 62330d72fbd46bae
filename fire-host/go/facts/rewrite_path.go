package main

import (
	"go/ast"
	"go/types"
)

// address renders the address of an expression that lies at home. Not ok: the expression is the worker's own value.
func (r *rewriter) address(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.ParenExpr:
		return r.address(e.X)
	case *ast.Ident:
		o := r.object(e)
		if r.boxed[o] {
			return e.Name, true
		}
		if isPackageVariable(o) {
			return "Fire__" + e.Name, true
		}
	case *ast.StarExpr:
		return r.expr(e.X), true
	case *ast.SelectorExpr:
		s := r.types.Selections[e]
		if s == nil {
			if o := r.types.Uses[e.Sel]; isPackageVariable(o) {
				return r.source(e.X) + ".Fire__" + e.Sel.Name, true
			}
			return "", false
		}
		if s.Kind() == types.FieldVal {
			text, remote := r.path(e.X, s.Recv(), s.Index())
			return text, remote
		}
	case *ast.IndexExpr:
		switch core(r.typeOf(e.X)).(type) {
		case *types.Slice:
			return "&(" + r.expr(e.X) + ")[" + r.expr(e.Index) + "]", true
		case *types.Pointer:
			return "&(" + r.near(r.expr(e.X), r.typeOf(e.X)) + ")[" + r.expr(e.Index) + "]", true
		case *types.Array:
			if a, ok := r.address(e.X); ok {
				return "&(" + a + ")[" + r.expr(e.Index) + "]", true
			}
		}
	}
	return "", false
}

// path renders the field that a chain of field indices leads to: its address where a pointer lies before it, else its value.
func (r *rewriter) path(x ast.Expr, t types.Type, index []int) (text string, remote bool) {
	if isPointer(t) {
		text, remote = r.expr(x), true
	} else if a, ok := r.address(x); ok {
		text, remote = a, true
	} else {
		text = r.expr(x)
	}
	return r.pathFrom(x, text, remote, t, index)
}

// pathFrom is path with its start rendered: an address if remote, else a value.
func (r *rewriter) pathFrom(x ast.Expr, text string, remote bool, t types.Type, index []int) (string, bool) {
	for n, i := range index {
		f, base := fieldAt(t, i), t
		r.out.markField(f)
		last := n == len(index)-1
		t = f.Type()
		if !isPointer(t) && !isInterface(t) && !accessible(f, r.info.Pkg) {
			continue // promoted through a field that this package cannot name: the next name finds it, or the method's
		}
		switch open := accessible(f, r.info.Pkg); {
		case !remote && open:
			text = "(" + text + ")." + f.Name()
		case !remote:
			text = r.accessor(x, base, f) + "Of(" + text + ")"
		case open:
			text = "&(" + r.near(text, base) + ")." + f.Name()
		default:
			text = r.accessor(x, base, f) + "At(" + r.near(text, base) + ")"
		}
		if !remote {
			remote = !last && isPointer(t)
			continue
		}
		if !last && isPointer(t) {
			text = "fire__.Load(" + text + ")"
		}
	}
	return text, remote
}

// near keeps the address of a part of a nil pointer's target recognisable: within the first page nothing else is.
func (r *rewriter) near(text string, t types.Type) string {
	if p, ok := core(t).(*types.Pointer); ok {
		t = p.Elem()
	}
	if !isOpen(t) && r.out.s.sizes.Sizeof(t) < 4096 {
		return text
	}
	return "fire__.NonNil(" + text + ")"
}

// accessor is the function, but for its ending, that reaches a field which the user's source cannot name: a method of
// another package is promoted through it.
func (r *rewriter) accessor(x ast.Expr, owner types.Type, f *types.Var) string {
	if p, ok := core(owner).(*types.Pointer); ok {
		owner = p.Elem()
	}
	named, ok := types.Unalias(owner).(*types.Named)
	if !ok || named.Obj().Pkg() == nil || !packageLevel(named) || named.TypeArgs().Len() > 0 || f.Pkg().Path() != named.Obj().Pkg().Path() {
		r.refuse(x, "a field promoted through an unexported pointer of another package")
	}
	name := "Fire__" + named.Obj().Name() + "__" + f.Name() + "__"
	if r.out.accessors[f.Pkg().Path()+"."+name] == nil {
		r.out.accessors[f.Pkg().Path()+"."+name] = &accessor{named.Obj(), f, name}
		r.out.changed = true
		r.out.name(named.Obj())
	}
	return r.table.alias(f.Pkg().Path()) + "." + name
}

func accessible(f *types.Var, from *types.Package) bool {
	return f.Exported() || f.Pkg() == nil || f.Pkg() == from || f.Pkg().Path() == from.Path()
}

// receiver renders what a method is called on.
func (r *rewriter) receiver(e *ast.SelectorExpr, s *types.Selection) string {
	return r.receiverFrom(e, s, func() (string, bool) {
		if !isPointer(s.Recv()) {
			if text, remote := r.address(e.X); remote {
				return text, true
			}
		}
		return r.expr(e.X), isPointer(s.Recv())
	})
}

// receiverFrom is receiver with its start rendered: an address if remote, else a value. A pointer is the address of
// what it points to.
func (r *rewriter) receiverFrom(e *ast.SelectorExpr, s *types.Selection, start func() (text string, remote bool)) string {
	method := s.Obj().(*types.Func)
	through := s.Index()[:len(s.Index())-1]
	text, remote := start()
	if text, ok := r.promotedReceiver(e, s, text, remote); ok {
		return text
	}
	r.out.markFunction(method)
	t := pathEnd(s)
	if len(through) > 0 {
		text, remote = r.pathFrom(e.X, text, remote, s.Recv(), through)
	} else if isPointer(t) {
		remote = false // the pointer itself is at hand
	}
	if _, ok := types.Unalias(t).(*types.TypeParam); ok {
		if remote {
			text = "fire__.Load(" + text + ")"
		}
		return "(" + text + ")"
	}
	if isInterface(t) {
		if remote {
			text = "fire__.Load(" + text + ")"
		}
		return "fire__.Dispatch(" + text + ")"
	}
	if isPointer(method.Signature().Recv().Type()) {
		switch {
		case isPointer(t) && remote:
			text = "fire__.Load(" + text + ")"
		case !isPointer(t) && !remote:
			r.refuse(e, "a method that takes the address of a value without one")
		}
		return "(" + text + ")"
	}
	if isPointer(t) { // *p is copied for the call
		if remote {
			text = "fire__.Load(" + text + ")"
		}
		return "fire__.Load(" + text + ")"
	}
	if remote {
		text = "fire__.Load(" + text + ")"
	}
	return "(" + text + ")"
}

// hiddenFrom is the place of the first embedded field of a method's selection that a package cannot name, and the type
// that it is a field of, or points to one. Less than 0: there is none, or that type has no name.
func hiddenFrom(s *types.Selection, from *types.Package) (int, types.Type) {
	t := s.Recv()
	for n, i := range s.Index()[:len(s.Index())-1] {
		f := fieldAt(t, i)
		if !accessible(f, from) {
			owner := t
			if p, ok := core(t).(*types.Pointer); ok {
				owner = p.Elem()
			}
			named, ok := types.Unalias(owner).(*types.Named)
			if !ok || !packageLevel(named) || named.TypeArgs().Len() > 0 {
				break
			}
			return n, t
		}
		t = f.Type()
	}
	return -1, nil
}

// promotedReceiver renders the receiver of a method that is promoted through a field which the user's source cannot name:
// home is asked for the method of the type around it.
func (r *rewriter) promotedReceiver(e *ast.SelectorExpr, s *types.Selection, text string, remote bool) (string, bool) {
	hidden, t := hiddenFrom(s, r.info.Pkg)
	if hidden < 0 {
		return "", false
	}
	pointer := isPointer(t)
	if p, ok := core(t).(*types.Pointer); ok {
		t = p.Elem()
	}
	named := types.Unalias(t).(*types.Named)
	if hidden > 0 {
		text, remote = r.pathFrom(e.X, text, remote, s.Recv(), s.Index()[:hidden])
		if pointer && remote {
			text = "fire__.Load(" + text + ")"
		}
	}
	if !pointer && !remote {
		text = "fire__.Box(" + text + ")"
	}
	method, signature := s.Obj().(*types.Func), s.Obj().(*types.Func).Signature()
	receiver := types.NewVar(method.Pos(), named.Obj().Pkg(), "", types.NewPointer(named))
	outer := types.NewFunc(method.Pos(), named.Obj().Pkg(), method.Name(),
		types.NewSignatureType(receiver, nil, nil, signature.Params(), signature.Results(), signature.Variadic()))
	r.out.name(named.Obj())
	r.out.declare(functionID(outer), outer, true)
	return "(" + text + ")", true
}
