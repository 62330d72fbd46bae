package main

import (
	"go/ast"
	"go/types"
	"strings"
)

// What rewrite_order.go finds out of order is evaluated into temporaries first: before the statement where there is room
// for statements, else in a function literal in the place of the expression.

// ordered renders what must be evaluated before the rest of a statement: calls and what the compiler orders with them.
// Later, these expressions are rendered by their temporaries. Targets are what is assigned to.
func (r *rewriter) ordered(targets, values []ast.Expr) []string {
	several := len(targets) > 1 && len(values) == 1 // assigned after the call, whose place is before the targets' operands
	if !r.outOfOrder(targets, values) && !(several && r.anyInOrder(targets)) {
		return nil
	}
	h := hoisting{rewriter: r, taken: map[ast.Expr]bool{}}
	if len(targets) == 0 && len(values) == 1 {
		h.root = ast.Unparen(values[0])
	}
	for _, e := range targets {
		h.target(e)
	}
	for _, e := range values {
		h.value(e)
	}
	return h.before
}

// hoisting renders what is ordered into temporaries.
type hoisting struct {
	*rewriter
	root   ast.Expr // the whole statement: nothing of it comes after it
	before []string
	taken  map[ast.Expr]bool // what has a temporary now: a statement may be rendered twice
}

func (h *hoisting) value(e ast.Expr) {
	e = ast.Unparen(e)
	if h.settled(e) {
		return
	}
	values, place := h.movable(e)
	if place != nil {
		h.target(place)
	}
	var last []ast.Expr
	for _, v := range values {
		h.value(v)
		switch {
		case !h.copied(e, v):
		case isComparison(e): // when both operands are there
			last = append(last, v)
		default:
			h.take(v)
		}
	}
	for _, v := range last {
		h.take(v)
	}
	if h.inOrder(e) && e != h.root {
		h.take(e)
	}
}

func (h *hoisting) target(e ast.Expr) { h.way(e, h.value) }

// take evaluates an expression into a temporary. What gives no value, or several, stays where it is.
func (h *hoisting) take(e ast.Expr) {
	e = ast.Unparen(e)
	t := h.types.TypeOf(e)
	if _, several := t.(*types.Tuple); several || t == nil || h.types.Types[e].IsVoid() || h.taken[e] {
		return
	}
	text, name := h.typed(e, h.expr(e)), h.fresh("o")
	h.evaluated(e, name)
	h.taken[e] = true
	h.before = append(h.before, name+" := "+text, "_ = "+name)
}

// evaluated notes the temporary that holds the value of an expression.
func (r *rewriter) evaluated(e ast.Expr, name string) {
	if r.early == nil {
		r.early = map[ast.Expr]string{}
	}
	r.early[e] = name
}

// inPlace renders an expression with what must be evaluated before the rest of it: where the grammar leaves no room for
// statements, or they would run too early.
func (r *rewriter) inPlace(e ast.Expr) string {
	if !r.outOfOrder(nil, []ast.Expr{e}) {
		return r.expr(e)
	}
	if _, several := r.types.TypeOf(e).(*types.Tuple); several {
		return r.expr(e)
	}
	r.notRecovering(e)
	before := r.ordered(nil, []ast.Expr{e})
	return "func() " + r.typeText(e, types.Default(r.typeOf(e))) + " { " + strings.Join(append(before, "return "+r.expr(e)), "; ") + " }()"
}

// mapInOrder renders a literal of a map in which an entry reads something before a call that the compiler reads after it:
// entries without anything to evaluate are there first, the others are stored one by one. Not ok: there is no such entry.
func (r *rewriter) mapInOrder(e *ast.CompositeLit, t types.Type) (string, bool) {
	var constant []string
	var entries []*ast.KeyValueExpr
	found := false
	for _, element := range e.Elts {
		entry, ok := element.(*ast.KeyValueExpr)
		if !ok {
			return "", false
		}
		if r.constant(entry.Key) && r.constant(entry.Value) {
			constant = append(constant, r.source(entry))
			continue
		}
		found = found || r.outOfOrder(nil, []ast.Expr{entry.Key, entry.Value})
		entries = append(entries, entry)
	}
	if !found {
		return "", false
	}
	r.notRecovering(e)
	text, m := r.typeText(e, t), r.fresh("m")
	out := []string{m + " := fire__.AdoptMap(" + text + "{" + strings.Join(constant, ", ") + "})"}
	for _, entry := range entries {
		before := r.ordered(nil, []ast.Expr{entry.Key, entry.Value})
		out = append(out, afterAll(before, "fire__.Map("+m+").Set("+r.expr(entry.Key)+", "+r.expr(entry.Value)+")"))
	}
	return "func() " + text + " { " + strings.Join(append(out, "return "+m), "; ") + " }()", true
}

// constant reports whether an expression is a constant or nil, or a literal that is written with these alone.
func (r *rewriter) constant(e ast.Expr) bool {
	if tv := r.types.Types[e]; tv.Value != nil || tv.IsNil() {
		return true
	}
	lit, ok := ast.Unparen(e).(*ast.CompositeLit)
	if !ok || lit.Type == nil {
		return false
	}
	switch core(r.typeOf(lit)).(type) {
	case *types.Struct, *types.Array:
	default:
		return false
	}
	for _, element := range lit.Elts {
		if entry, ok := element.(*ast.KeyValueExpr); ok {
			element = entry.Value
		}
		if !r.constant(element) {
			return false
		}
	}
	return true
}

// notRecovering refuses what would call recover in another frame if it were put into a function of its own.
func (r *rewriter) notRecovering(n ast.Node) {
	ast.Inspect(n, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && id.Name == "recover" {
			if _, ok := r.types.Uses[id].(*types.Builtin); ok {
				panic(refusal{reasonRecover, "recover within an expression or statement that becomes a function", id.Pos()})
			}
		}
		_, literal := n.(*ast.FuncLit)
		return !literal
	})
}

// afterAll renders a statement behind what must come first, in a block where it declares nothing.
func afterAll(before []string, statement string) string {
	if len(before) == 0 {
		return statement
	}
	return "{ " + strings.Join(append(before, statement), "; ") + " }"
}
