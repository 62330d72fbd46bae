package main

import (
	"go/ast"
	"go/token"
	"go/types"
)

// The language orders calls, receives and the like, and leaves open when a variable beside them is read: in `return x, f()`
// before or after f. Programs come to rely on what the compiler does, which is to read variables last, when all calls of the
// statement are done (cmd/compile/internal/walk/order.go). A worker reads a variable at home by a call, which the compiler
// would order with the others: where a read stands before a call, what is ordered is evaluated first here, into temporaries.

// ordering looks through the expressions of a statement, in the order of their evaluation, for a read before a call.
type ordering struct {
	*rewriter
	pending bool // something has been read that the compiler reads last
	trouble bool // and a call comes after it
}

// outOfOrder reports whether a worker would read something before a call that the compiler reads after it.
func (r *rewriter) outOfOrder(targets, values []ast.Expr) bool {
	o := ordering{rewriter: r}
	for _, e := range targets {
		o.target(e)
	}
	for _, e := range values {
		o.value(e)
	}
	return o.trouble
}

// anyInOrder reports whether the compiler evaluates some part of the expressions when its turn comes.
func (r *rewriter) anyInOrder(list []ast.Expr) (found bool) {
	for _, e := range list {
		ast.Inspect(e, func(n ast.Node) bool {
			part, ok := n.(ast.Expr)
			found = found || ok && !r.settled(part) && r.inOrder(part)
			_, literal := n.(*ast.FuncLit)
			return !found && !literal
		})
	}
	return found
}

// remote reports whether an expression is a variable, or a part of one, that is read by a call: it lies at home, or is deferred; or
// that a closure changes: where a statement becomes several, the compiler does not see that its reads belong behind the calls.
func (r *rewriter) remote(e ast.Expr) bool {
	e = ast.Unparen(e)
	if e != nil && e == r.deferred {
		return true
	}
	switch e := e.(type) {
	case *ast.Ident:
		o := r.object(e)
		return r.boxed[o] || r.shared[o] || isPackageVariable(o)
	case *ast.StarExpr:
		return true
	case *ast.SelectorExpr:
		s := r.types.Selections[e]
		if s == nil {
			return isPackageVariable(r.types.Uses[e.Sel])
		}
		return s.Kind() == types.FieldVal && (isPointer(s.Recv()) || pathHasPointer(s) || r.remote(e.X))
	case *ast.IndexExpr:
		switch core(r.typeOf(e.X)).(type) {
		case *types.Slice, *types.Pointer, *types.Map:
			return true
		case *types.Array:
			return r.remote(e.X)
		}
	}
	return false
}

// settled reports whether an expression has nothing to evaluate now.
func (r *rewriter) settled(e ast.Expr) bool {
	if e == nil {
		return true
	}
	tv, ok := r.types.Types[e]
	_, literal := e.(*ast.FuncLit)
	return literal || ok && (tv.IsType() || tv.Value != nil)
}

// isCall reports whether evaluating an expression itself may run other code, or block.
func (r *rewriter) isCall(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.UnaryExpr:
		return e.Op == token.ARROW
	case *ast.BinaryExpr, *ast.CompositeLit:
		return (isLogical(e) || r.isMapLiteral(e)) && hasCall(e)
	case *ast.CallExpr:
		tv := r.types.Types[e.Fun]
		if tv.IsBuiltin() {
			id, ok := ast.Unparen(e.Fun).(*ast.Ident)
			return ok && (id.Name == "copy" || id.Name == "append" || id.Name == "recover")
		}
		return !tv.IsType()
	}
	return false
}

// isMapLiteral reports whether an expression is a literal of a map: the compiler evaluates and stores its entries one by one.
func (r *rewriter) isMapLiteral(e ast.Expr) bool {
	if _, ok := e.(*ast.CompositeLit); !ok {
		return false
	}
	_, ok := core(r.typeOf(e)).(*types.Map)
	return ok
}

func isLogical(e ast.Expr) bool {
	b, ok := e.(*ast.BinaryExpr)
	return ok && (b.Op == token.LAND || b.Op == token.LOR)
}

func isComparison(e ast.Expr) bool {
	b, ok := e.(*ast.BinaryExpr)
	return ok && (b.Op == token.EQL || b.Op == token.NEQ)
}

// inOrder reports whether the compiler evaluates an expression when its turn comes (orderState.expr1).
func (r *rewriter) inOrder(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.SliceExpr:
		return true
	case *ast.TypeAssertExpr:
		return !oneWord(r.typeOf(e))
	case *ast.CallExpr:
		if tv := r.types.Types[e.Fun]; tv.IsType() {
			return isString(r.typeOf(e.Args[0])) && elementIs(tv.Type, types.Byte, types.Rune)
		}
		return true
	}
	return isLogical(e) || r.isMapLiteral(e) || r.isCall(e)
}

// oneWord reports whether an interface holds values of a type itself.
func oneWord(t types.Type) bool {
	switch u := t.Underlying().(type) {
	case *types.Pointer, *types.Map, *types.Chan, *types.Signature:
		return true
	case *types.Basic:
		return u.Kind() == types.UnsafePointer
	}
	return false
}

// operands are the parts that an expression evaluates, in order; as addresses those of which only the place matters.
func (r *rewriter) operands(e ast.Expr) (values []ast.Expr, place ast.Expr) {
	switch e := e.(type) {
	case *ast.SelectorExpr:
		s := r.types.Selections[e]
		switch {
		case s == nil || s.Kind() == types.MethodExpr:
		case s.Kind() == types.MethodVal && !isPointer(s.Recv()) && isPointer(s.Obj().(*types.Func).Signature().Recv().Type()):
			return nil, e.X
		case s.Kind() == types.FieldVal && !isPointer(s.Recv()):
			return nil, e.X
		default:
			return []ast.Expr{e.X}, nil
		}
	case *ast.IndexExpr:
		if _, ok := core(r.typeOf(e.X)).(*types.Array); ok {
			return []ast.Expr{e.Index}, e.X
		}
		return []ast.Expr{e.X, e.Index}, nil
	case *ast.SliceExpr:
		list := []ast.Expr{e.Low, e.High, e.Max}
		if _, ok := core(r.typeOf(e.X)).(*types.Array); ok {
			return list, e.X
		}
		return append([]ast.Expr{e.X}, list...), nil
	case *ast.StarExpr:
		return []ast.Expr{e.X}, nil
	case *ast.UnaryExpr:
		if e.Op == token.AND {
			return nil, e.X
		}
		return []ast.Expr{e.X}, nil
	case *ast.BinaryExpr:
		return []ast.Expr{e.X, e.Y}, nil
	case *ast.TypeAssertExpr:
		return []ast.Expr{e.X}, nil
	case *ast.KeyValueExpr:
		if id, ok := e.Key.(*ast.Ident); ok {
			if v, ok := r.types.Uses[id].(*types.Var); ok && v.IsField() {
				return []ast.Expr{e.Value}, nil
			}
		}
		return []ast.Expr{e.Key, e.Value}, nil
	case *ast.CompositeLit:
		return e.Elts, nil
	case *ast.CallExpr:
		if tv := r.types.Types[e.Fun]; tv.IsType() || tv.IsBuiltin() {
			return e.Args, nil
		}
		return append([]ast.Expr{e.Fun}, e.Args...), nil
	}
	return nil, nil
}

// movable are the operands that can be evaluated before an expression: not what runs under a condition, nor what comes after a
// store to a map.
func (r *rewriter) movable(e ast.Expr) (values []ast.Expr, place ast.Expr) {
	values, place = r.operands(e)
	switch {
	case isLogical(e):
		values = values[:1]
	case r.isMapLiteral(e):
		values = nil
	}
	return values, place
}

// copied reports whether the compiler copies an operand when its turn comes: the bounds of a slice expression but for plain
// names (orderState.cheapExpr), and what has no address where one is needed, to compare it or to make it an interface (addrTemp).
func (r *rewriter) copied(e, argument ast.Expr) bool {
	if s, ok := e.(*ast.SliceExpr); ok {
		_, name := ast.Unparen(argument).(*ast.Ident)
		return argument != s.X && !r.settled(argument) && !name
	}
	t := r.typeOf(argument)
	if tv := r.types.Types[argument]; !tv.IsValue() || tv.Value != nil || tv.IsNil() || tv.Addressable() || isInterface(t) || isOpen(t) {
		return false
	}
	switch e := e.(type) {
	case *ast.BinaryExpr:
		return wide(t) && isComparison(e)
	case *ast.CallExpr:
		return isInterface(r.parameterOf(e, argument)) && r.byAddress(t)
	}
	return false
}

// byAddress reports whether the compiler makes a value an interface by its address (dataWordFuncName).
func (r *rewriter) byAddress(t types.Type) bool {
	t = types.Default(t)
	if _, several := t.(*types.Tuple); several {
		return false
	}
	size := r.out.s.sizes.Sizeof(t)
	if aligned := r.out.s.sizes.Alignof(t) == size; aligned && (size == 2 || (size == 4 || size == 8) && !holdsPointer(t)) {
		return false
	}
	for {
		switch u := t.Underlying().(type) {
		case *types.Struct:
			if u.NumFields() != 1 {
				return true
			}
			t = u.Field(0).Type()
			continue
		case *types.Array:
			if u.Len() != 1 {
				return true
			}
			t = u.Elem()
			continue
		case *types.Slice:
			return false
		}
		return !isString(t)
	}
}

// holdsPointer reports whether a word-sized value is or holds a reference.
func holdsPointer(t types.Type) bool {
	switch u := t.Underlying().(type) {
	case *types.Basic:
		return u.Kind() == types.UnsafePointer
	case *types.Struct:
		for i := range u.NumFields() {
			if holdsPointer(u.Field(i).Type()) {
				return true
			}
		}
		return false
	case *types.Array:
		return u.Len() > 0 && holdsPointer(u.Elem())
	}
	return true
}

// parameterOf is the type that an argument of a call or conversion gets.
func (r *rewriter) parameterOf(call *ast.CallExpr, argument ast.Expr) types.Type {
	if tv := r.types.Types[call.Fun]; tv.IsType() {
		return tv.Type
	}
	signature, ok := core(r.typeOf(call.Fun)).(*types.Signature)
	if !ok || signature.Params().Len() == 0 {
		return types.Typ[types.Invalid]
	}
	last := signature.Params().Len() - 1
	for i, a := range call.Args {
		if a != argument {
			continue
		}
		p := signature.Params().At(min(i, last)).Type()
		if s, ok := p.(*types.Slice); ok && signature.Variadic() && i >= last && !call.Ellipsis.IsValid() {
			p = s.Elem()
		}
		return p
	}
	return types.Typ[types.Invalid]
}

// wide reports whether values of a type are structs or arrays.
func wide(t types.Type) bool {
	switch t.Underlying().(type) {
	case *types.Struct, *types.Array:
		return true
	}
	return false
}

func (o *ordering) value(e ast.Expr) {
	e = ast.Unparen(e)
	if o.settled(e) {
		return
	}
	before := o.pending
	values, place := o.movable(e)
	if place != nil {
		o.target(place)
	}
	for _, v := range values {
		outer := o.pending
		o.value(v)
		if o.copied(e, v) && !isComparison(e) {
			o.pending = outer
		}
	}
	switch {
	case o.inOrder(e):
		o.trouble = o.trouble || before && o.isCall(e)
		o.pending = before
	case o.remote(e):
		o.pending = true
	}
}

// target looks through what is assigned to, or whose address is taken: only the way to it is evaluated.
func (o *ordering) target(e ast.Expr) { o.way(e, o.value) }

// way visits what is evaluated on the way to a place.
func (r *rewriter) way(e ast.Expr, value func(ast.Expr)) {
	e = ast.Unparen(e)
	if r.settled(e) {
		return
	}
	if _, ok := r.mapIndex(e); !ok && r.inOrder(e) {
		value(e)
		return
	}
	values, place := r.operands(e)
	if place != nil {
		r.way(place, value)
	}
	for _, v := range values {
		value(v)
	}
}
