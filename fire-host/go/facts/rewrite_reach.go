package main

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
)

// Home checks every address that a worker names against what it has handed out: values of known types, and by untyped
// pointers memory of which it knows where it begins. An address that is computed with a number, from a pointer to one value,
// may lie beside what home knows of, though in the same array. A body is moved if the address is certain to be known:
//
//	to a constant place within the value, or behind an untyped pointer
//	to any place of a slice or an array that the pointer is made of
//
// Anything else is refused.

// reach is a pointer and how far from it.
type reach struct {
	from     ast.Expr // an unsafe.Pointer
	offset   int64
	constant bool
}

// computed takes an address apart that is computed as a number.
func (r *rewriter) computed(e ast.Expr) (reach, bool) {
	switch e := ast.Unparen(e).(type) {
	case *ast.BinaryExpr:
		if e.Op != token.ADD && e.Op != token.SUB {
			break
		}
		for _, side := range [][2]ast.Expr{{e.X, e.Y}, {e.Y, e.X}} {
			found, ok := r.computed(side[0])
			if !ok {
				continue
			}
			by, constant := r.constantOf(side[1])
			if e.Op == token.SUB {
				by = -by
			}
			return reach{found.from, found.offset + by, found.constant && constant}, true
		}
	case *ast.CallExpr:
		operand := r.converted(e)
		if operand == nil {
			break
		}
		if isUnsafePointer(r.typeOf(operand)) {
			return reach{operand, 0, true}, true
		}
		return r.computed(operand)
	}
	return reach{}, false
}

func (r *rewriter) constantOf(e ast.Expr) (int64, bool) {
	value := r.types.Types[e].Value
	if value == nil {
		return 0, false
	}
	return constant.Int64Val(constant.ToInt(value))
}

// mustReach refuses a call that computes an address, or a slice there, unless home is certain to know it.
func (r *rewriter) mustReach(e *ast.CallExpr, known bool) {
	if !known {
		panic(refusal{reasonUnsafe, "an address computed from a pointer", e.Pos()})
	}
}

// isKnown reports whether home is certain to know an address, and so many bytes there; 0: it is not said how many.
func (r *rewriter) isKnown(to reach, size int64) bool {
	made, elem := r.pointerMade(to.from)
	if made == nil {
		return to.constant && to.offset >= 0
	}
	if _, array := core(elem).(*types.Array); array || r.isOfSeries(r.converted(made)) {
		return true
	}
	if !to.constant || to.offset < 0 {
		return false
	}
	return to.offset == 0 && size == 0 || !isOpen(elem) && to.offset+max(size, 1) <= r.out.s.sizes.Sizeof(elem)
}

// isOfSeries reports whether a pointer is made of a slice or an array, which home knows as a whole.
func (r *rewriter) isOfSeries(p ast.Expr) bool {
	p = ast.Unparen(p)
	if address, ok := p.(*ast.UnaryExpr); ok {
		_, ok := ast.Unparen(address.X).(*ast.IndexExpr)
		return ok && address.Op == token.AND
	}
	return r.isUnsafeCall(p, "SliceData")
}

// isKnownSlice is isKnown for what unsafe.Slice makes.
func (r *rewriter) isKnownSlice(p, length ast.Expr) bool {
	if r.isOfSeries(p) {
		return true
	}
	elem := core(r.typeOf(p)).(*types.Pointer).Elem()
	n, constant := r.constantOf(length)
	size, constant := int64(0), constant && !isOpen(elem)
	if constant {
		size = r.out.s.sizes.Sizeof(elem)
	}
	if from := r.converted(p); from != nil && isUnsafePointer(r.typeOf(from)) {
		return r.isKnown(reach{from, 0, constant}, n*size)
	}
	return constant && n*size <= size
}

// headerMade is where a declaration makes the header of a slice or a string: with a number for its address.
func (r *rewriter) headerMade(decl ast.Node) (at token.Pos) {
	ast.Inspect(decl, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CompositeLit:
			if r.isHeader(n) {
				at = n.Pos()
			}
		case *ast.AssignStmt:
			for _, target := range n.Lhs {
				if s, ok := ast.Unparen(target).(*ast.SelectorExpr); ok && s.Sel.Name == "Data" && r.isHeader(s.X) {
					at = s.Pos()
				}
			}
		}
		return !at.IsValid()
	})
	return at
}

// isHeader reports whether an expression is a reflect.SliceHeader or a reflect.StringHeader, or points to one.
func (r *rewriter) isHeader(e ast.Expr) bool {
	t := r.types.TypeOf(e)
	if t == nil {
		return false
	}
	if p, ok := t.Underlying().(*types.Pointer); ok {
		t = p.Elem()
	}
	n, ok := types.Unalias(t).(*types.Named)
	return ok && n.Obj().Pkg() != nil && n.Obj().Pkg().Path() == "reflect" && (n.Obj().Name() == "SliceHeader" || n.Obj().Name() == "StringHeader")
}
