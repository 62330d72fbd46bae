package main

import (
	"go/ast"
	"go/token"
	"go/types"
)

// findBoxed collects the variables of a function that are born at home: those whose address is taken, and those that
// hold references and are assigned in code that another call runs (a closure that is not called on the spot, the body
// of a range over a function). What such a call has been handed stays alive for as long as the call; a variable of
// the worker's own would not keep it alive any longer.
func (r *rewriter) findBoxed(decl *ast.FuncDecl) {
	b := boxes{rewriter: r}
	b.walk(decl.Body)
	r.findIdle(decl.Body)
	r.shared = map[types.Object]bool{}
	r.findShared(decl.Body, nil)
	ast.Inspect(decl, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncType:
			if n.Results != nil {
				r.boxTogether(n.Results.List)
			}
		case *ast.ForStmt:
			if a, ok := n.Init.(*ast.AssignStmt); ok && a.Tok == token.DEFINE {
				any := false
				for _, e := range a.Lhs {
					any = any || r.boxed[r.newObject(e)]
				}
				for _, e := range a.Lhs {
					if o := r.newObject(e); any && o != nil {
						r.boxed[o] = true
					}
				}
			}
		}
		return true
	})
}

// boxTogether makes all named results of a function born at home if one is.
func (r *rewriter) boxTogether(list []*ast.Field) {
	any := false
	for _, f := range list {
		for _, id := range f.Names {
			o := r.types.Defs[id]
			any = any || o != nil && r.boxed[o]
		}
	}
	for _, f := range list {
		for _, id := range f.Names {
			if o := r.types.Defs[id]; any && o != nil && id.Name != "_" {
				r.boxed[o] = true
			}
		}
	}
}

// newObject is the variable that a name on the left of := declares.
func (r *rewriter) newObject(e ast.Expr) types.Object {
	if id, ok := e.(*ast.Ident); ok {
		return r.types.Defs[id]
	}
	return nil
}

// boxes walks a body and remembers the code around a place that runs in calls of its own.
type boxes struct {
	*rewriter
	apart []ast.Node
}

func (b *boxes) walk(n ast.Node) {
	direct := map[*ast.FuncLit]bool{}
	ast.Inspect(n, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if lit, ok := ast.Unparen(n.Fun).(*ast.FuncLit); ok {
				direct[lit] = true
			}
		case *ast.GoStmt:
			if lit, ok := ast.Unparen(n.Call.Fun).(*ast.FuncLit); ok {
				for _, a := range n.Call.Args {
					b.walk(a)
				}
				b.within(lit, lit.Body)
				return false
			}
		case *ast.FuncLit:
			if !direct[n] {
				b.within(n, n.Body)
				return false
			}
		case *ast.RangeStmt:
			if n.Tok == token.ASSIGN {
				b.assigned(n.Key)
				b.assigned(n.Value)
			}
			if _, ok := core(b.typeOf(n.X)).(*types.Signature); ok {
				b.walk(n.X)
				b.within(n, n.Body)
				return false
			}
		case *ast.AssignStmt:
			for _, e := range n.Lhs {
				if b.newObject(e) == nil {
					b.assigned(e)
				}
			}
		case *ast.UnaryExpr:
			if n.Op == token.AND {
				b.box(n.X)
			}
		case *ast.SliceExpr:
			if _, ok := core(b.typeOf(n.X)).(*types.Array); ok {
				b.box(n.X)
			}
		case *ast.SelectorExpr:
			b.method(n)
		}
		return true
	})
}

// within walks code that runs in calls of its own.
func (b *boxes) within(n ast.Node, body *ast.BlockStmt) {
	b.apart = append(b.apart, n)
	b.walk(body)
	b.apart = b.apart[:len(b.apart)-1]
}

// box makes the variable that an expression is a part of one that is born at home.
func (b *boxes) box(e ast.Expr) {
	if id := b.root(e); id != nil {
		if o := b.object(id); isLocal(o) {
			b.boxed[o] = true
		}
	}
}

// assigned notes an assignment: it matters where the variable is declared outside of the code that runs apart.
func (b *boxes) assigned(e ast.Expr) {
	if e == nil || len(b.apart) == 0 {
		return
	}
	id := b.root(e)
	if id == nil {
		return
	}
	o := b.object(id)
	if !isLocal(o) || !holdsReference(o.Type()) {
		return
	}
	for _, n := range b.apart {
		if o.Pos() < n.Pos() || o.Pos() >= n.End() {
			b.boxed[o] = true
			return
		}
	}
}

// method notes a method value or call that takes the address of a variable.
func (b *boxes) method(n *ast.SelectorExpr) {
	s := b.types.Selections[n]
	if s == nil || s.Kind() != types.MethodVal || isInterface(s.Recv()) {
		return
	}
	method := s.Obj().(*types.Func)
	if !isPointer(method.Signature().Recv().Type()) || isPointer(s.Recv()) || s.Indirect() && pathHasPointer(s) {
		return
	}
	if last := pathEnd(s); !isPointer(last) {
		b.box(n.X)
	}
}

// holdsReference reports whether values of a type may refer to home memory. Strings do not: they travel with their bytes.
func holdsReference(t types.Type) bool {
	switch u := t.Underlying().(type) {
	case *types.Basic:
		return u.Kind() == types.UnsafePointer
	case *types.Array:
		return holdsReference(u.Elem())
	case *types.Struct:
		for i := range u.NumFields() {
			if holdsReference(u.Field(i).Type()) {
				return true
			}
		}
		return false
	}
	return true
}

// findShared collects the variables that function literals assign to which they do not declare: a call may change them.
func (r *rewriter) findShared(n ast.Node, inside *ast.FuncLit) {
	assigned := func(e ast.Expr) {
		if e == nil || inside == nil {
			return
		}
		if id := r.root(e); id != nil {
			if o := r.object(id); isLocal(o) && (o.Pos() < inside.Pos() || o.Pos() >= inside.End()) {
				r.shared[o] = true
			}
		}
	}
	ast.Inspect(n, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			if inside == nil || n.Pos() != inside.Pos() {
				r.findShared(n.Body, n)
				return inside != nil // what is outside of this one as well
			}
		case *ast.AssignStmt:
			for _, e := range n.Lhs {
				if r.newObject(e) == nil {
					assigned(e)
				}
			}
		case *ast.IncDecStmt:
			assigned(n.X)
		case *ast.RangeStmt:
			if n.Tok == token.ASSIGN {
				assigned(n.Key)
				assigned(n.Value)
			}
		}
		return true
	})
}

// findIdle collects the variables that constant expressions alone mention, as in len(array).
func (r *rewriter) findIdle(body ast.Node) {
	r.idle = map[types.Object]bool{}
	ast.Inspect(body, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			if v, ok := r.types.Defs[id].(*types.Var); ok && id.Name != "_" {
				r.idle[v] = true
			}
		}
		return true
	})
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case ast.Expr:
			if tv := r.types.Types[n]; tv.Value != nil {
				return false
			}
			if id, ok := n.(*ast.Ident); ok {
				delete(r.idle, r.types.Uses[id])
			}
		case *ast.TypeSwitchStmt:
			return true
		}
		return true
	})
}
