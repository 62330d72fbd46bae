package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"strings"
)

// expr renders an expression as a value.
func (r *rewriter) expr(e ast.Expr) string {
	if name := r.early[e]; name != "" {
		return name
	}
	if tv, ok := r.types.Types[e]; ok && tv.IsType() {
		return r.source(e)
	}
	switch e := e.(type) {
	case *ast.Ident:
		return r.ident(e)
	case *ast.BasicLit:
		return r.source(e)
	case *ast.ParenExpr:
		return r.keep(e, e.X)
	case *ast.FuncLit:
		return r.funcLit(e)
	case *ast.CompositeLit:
		return r.composite(e)
	case *ast.SelectorExpr:
		return r.selector(e)
	case *ast.IndexExpr:
		return r.index(e)
	case *ast.IndexListExpr:
		if f := r.instantiated(e); f != nil {
			return r.function(e.X, f) + r.after(e.X, e)
		}
		return r.source(e)
	case *ast.SliceExpr:
		return r.slice(e)
	case *ast.StarExpr:
		return "fire__.Load(" + r.expr(e.X) + ")"
	case *ast.TypeAssertExpr:
		return "fire__.Assert[" + r.typeText(e, r.types.TypeOf(e.Type)) + "](" + r.expr(e.X) + ")"
	case *ast.CallExpr:
		return r.call(e)
	case *ast.UnaryExpr:
		return r.unary(e)
	case *ast.BinaryExpr:
		return r.binary(e)
	}
	r.refuse(e, "an expression that fire does not know")
	return ""
}

func (r *rewriter) ident(e *ast.Ident) string {
	o := r.object(e)
	if o == nil {
		return e.Name
	}
	if f, ok := o.(*types.Func); ok {
		return r.functionValue(e, f)
	}
	if a, ok := r.address(e); ok {
		return "fire__.Load(" + a + ")"
	}
	return e.Name
}

// after is the user's text of what follows a part of a node.
func (r *rewriter) after(part, n ast.Node) string {
	return r.between(part.End(), n.End())
}

func (r *rewriter) funcLit(e *ast.FuncLit) string {
	defer r.hold()()
	var prefix strings.Builder
	parameters := r.parameters(e.Type.Params, &prefix)
	results := r.enter(e.Type, e.Body, &prefix)
	defer r.leave()
	mark := "func"
	if name := r.literals[e]; name != "" {
		mark = literalMark + name + "*/"
	}
	return mark + "(" + strings.Join(parameters, ", ") + ") " + results + " " + r.block(e.Body, prefix.String())
}

func (r *rewriter) selector(e *ast.SelectorExpr) string {
	s := r.types.Selections[e]
	if s == nil { // a qualified name
		if a, ok := r.address(e); ok {
			return "fire__.Load(" + a + ")"
		}
		if f, ok := r.types.Uses[e.Sel].(*types.Func); ok {
			return r.functionValue(e, f)
		}
		return r.source(e)
	}
	switch s.Kind() {
	case types.FieldVal:
		text, remote := r.path(e.X, s.Recv(), s.Index())
		if remote {
			return "fire__.Load(" + text + ")"
		}
		return text
	case types.MethodVal:
		receiver := r.receiver(e, s)
		if rest, ok := strings.CutPrefix(receiver, "fire__.Dispatch("); ok {
			receiver = "fire__.Bound(" + rest // not called here: a nil interface panics here all the same
		}
		return receiver + "." + e.Sel.Name
	}
	return r.methodExpression(e, s)
}

// methodExpression renders T.m as a function literal: the wrapper that Go makes may read memory on its way.
func (r *rewriter) methodExpression(e *ast.SelectorExpr, s *types.Selection) string {
	signature := r.typeOf(e).(*types.Signature)
	var parameters, arguments []string
	for i := range signature.Params().Len() {
		t := signature.Params().At(i).Type()
		name, dots, text := fmt.Sprintf("fire__p%d", i), "", r.typeText(e, t)
		if signature.Variadic() && i == signature.Params().Len()-1 {
			text, dots = "..."+r.typeText(e, t.(*types.Slice).Elem()), "..."
		}
		parameters = append(parameters, name+" "+text)
		arguments = append(arguments, name+dots)
	}
	var results []string
	for i := range signature.Results().Len() {
		results = append(results, r.typeText(e, signature.Results().At(i).Type()))
	}
	call := r.receiverFrom(e, s, func() (string, bool) { return arguments[0], isPointer(s.Recv()) }) +
		"." + e.Sel.Name + "(" + strings.Join(arguments[1:], ", ") + ")"
	if len(results) > 0 {
		call = "return " + call
	}
	return "(func(" + strings.Join(parameters, ", ") + ") (" + strings.Join(results, ", ") + ") { " + call + " })"
}

func (r *rewriter) index(e *ast.IndexExpr) string {
	if tv := r.types.Types[e.Index]; tv.IsType() {
		if f := r.instantiated(e); f != nil {
			return r.function(e.X, f) + r.after(e.X, e)
		}
		return r.keep(e, e.X)
	}
	t := core(r.typeOf(e.X))
	switch t.(type) {
	case nil:
		if byteText(r.typeOf(e.X)) {
			return "fire__.ByteAt(" + r.expr(e.X) + ", " + r.expr(e.Index) + ")"
		}
		r.refuse(e, "an index into a type parameter without a core type")
	case *types.Map:
		return "fire__.Map(" + r.expr(e.X) + ").Get(" + r.expr(e.Index) + ")"
	}
	if a, ok := r.address(e); ok {
		return "fire__.Load(" + a + ")"
	}
	return r.keep(e, e.X, e.Index)
}

func (r *rewriter) slice(e *ast.SliceExpr) string {
	rest := func(x string) string {
		s := splices{text: r.text}
		s.replace(r.info.offset(e.X.Pos()), r.info.offset(e.X.End()), x)
		for _, c := range []ast.Expr{e.Low, e.High, e.Max} {
			if c != nil {
				s.replace(r.info.offset(c.Pos()), r.info.offset(c.End()), r.expr(c))
			}
		}
		return s.render(r.info.offset(e.Pos()), r.info.offset(e.End()))
	}
	switch core(r.typeOf(e.X)).(type) {
	case nil:
		if byteText(r.typeOf(e.X)) {
			return rest(r.expr(e.X))
		}
		r.refuse(e, "a slice of a type parameter without a core type")
	case *types.Pointer:
		return rest("fire__.NonNil(" + r.expr(e.X) + ")")
	case *types.Array:
		a, ok := r.address(e.X)
		if !ok {
			r.refuse(e, "a slice of an array without an address")
		}
		return rest("fire__.NonNil(" + a + ")")
	}
	return rest(r.expr(e.X))
}

func (r *rewriter) unary(e *ast.UnaryExpr) string {
	switch e.Op {
	case token.ARROW:
		return "fire__.Recv(" + r.expr(e.X) + ")"
	case token.AND:
		if lit, ok := ast.Unparen(e.X).(*ast.CompositeLit); ok {
			return "fire__.New[" + r.typeText(e, r.typeOf(lit)) + "](" + r.composite(lit) + ")"
		}
		a, ok := r.address(e.X)
		if !ok {
			r.refuse(e, "the address of a value that is not at home")
		}
		return "fire__.NonNil(" + a + ")"
	}
	return r.keep(e, e.X)
}

func (r *rewriter) binary(e *ast.BinaryExpr) string {
	if e.Op == token.EQL || e.Op == token.NEQ {
		x, y := r.types.Types[e.X], r.types.Types[e.Y]
		if !x.IsNil() && !y.IsNil() && (holdsInterface(x.Type) || holdsInterface(y.Type)) {
			r.out.markCompared(x.Type)
			r.out.markCompared(y.Type)
			text := "fire__.Equal(" + r.expr(e.X) + ", " + r.expr(e.Y) + ")"
			if e.Op == token.NEQ {
				text = "!" + text
			}
			return text
		}
		r.out.markCompared(x.Type)
	}
	if isLogical(e) {
		s := splices{text: r.text}
		s.replace(r.info.offset(e.X.Pos()), r.info.offset(e.X.End()), r.expr(e.X))
		s.replace(r.info.offset(e.Y.Pos()), r.info.offset(e.Y.End()), r.inPlace(e.Y))
		return s.render(r.info.offset(e.Pos()), r.info.offset(e.End()))
	}
	return r.keep(e, e.X, e.Y)
}

// composite renders a composite literal. Slices and maps are born at home, whole.
func (r *rewriter) composite(e *ast.CompositeLit) string {
	t := r.typeOf(e)
	pointer, elided := types.Unalias(t).(*types.Pointer)
	elided = elided && e.Type == nil
	if elided {
		t = pointer.Elem()
	}
	if _, ok := core(t).(*types.Map); ok {
		if text, ok := r.mapInOrder(e, t); ok {
			if elided {
				return "fire__.New[" + r.typeText(e, t) + "](" + text + ")"
			}
			return text
		}
	}
	text := r.literal(e, t)
	switch core(t).(type) {
	case *types.Slice:
		text = "fire__.Adopt(" + text + ")"
	case *types.Map:
		text = "fire__.AdoptMap(" + text + ")"
	case nil:
		r.refuse(e, "a literal of a type parameter without a core type")
	}
	if elided {
		return "fire__.New[" + r.typeText(e, t) + "](" + text + ")"
	}
	return text
}

func (r *rewriter) literal(e *ast.CompositeLit, t types.Type) string {
	s := splices{text: r.text}
	replace := func(c ast.Expr, with string) { s.replace(r.info.offset(c.Pos()), r.info.offset(c.End()), with) }
	structure, isStruct := core(t).(*types.Struct)
	for i, element := range e.Elts {
		if kv, ok := element.(*ast.KeyValueExpr); ok {
			if isStruct {
				if f, ok := r.types.Uses[kv.Key.(*ast.Ident)].(*types.Var); ok {
					r.out.markField(f)
				}
			} else {
				replace(kv.Key, r.expr(kv.Key))
			}
			replace(kv.Value, r.expr(kv.Value))
			continue
		}
		if isStruct {
			r.out.markField(structure.Field(i))
		}
		replace(element, r.expr(element))
	}
	text := s.render(r.info.offset(e.Lbrace), r.info.offset(e.End()))
	if e.Type != nil {
		return r.source(e.Type) + text
	}
	return r.typeText(e, t) + text
}
