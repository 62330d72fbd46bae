package main

import (
	"go/ast"
	"go/token"
	"go/types"
	"strings"
)

func (r *rewriter) rangeStatement(s *ast.RangeStmt) string {
	if s.Tok == token.DEFINE && r.old && r.capturesLoopVariable(s) {
		return r.rangeShared(s)
	}
	defer r.hold()()
	switch core(r.typeOf(s.X)).(type) {
	case nil:
		r.refuse(s, "a range over a type parameter without a core type")
	case *types.Slice:
		return r.rangeElements(s, r.inPlace(s.X))
	case *types.Pointer:
		if !r.used(s.Value) {
			return r.rangeElements(s, r.inPlace(s.X)) // the length alone, even of a nil pointer
		}
		return r.rangeElements(s, "fire__.NonNil("+r.inPlace(s.X)+")[:]")
	case *types.Map:
		return r.rangeMap(s)
	case *types.Chan:
		return r.rangeChannel(s)
	}
	return r.rangeNative(s)
}

// rangeShared renders a loop whose iterations share its variables, as before Go 1.22, and of which something keeps one: they are declared
// in front of it, and each iteration assigns to them.
func (r *rewriter) rangeShared(s *ast.RangeStmt) string {
	label := r.takeLabel(true)
	assigning := *s
	assigning.Tok = token.ASSIGN
	var declared []string
	names := map[string]bool{}
	for _, e := range []ast.Expr{s.Key, s.Value} {
		if !r.used(e) {
			continue
		}
		id := e.(*ast.Ident)
		names[id.Name] = true
		t := r.typeText(id, r.types.Defs[id].Type())
		if r.boxed[r.types.Defs[id]] {
			declared = append(declared, id.Name+" := fire__.Zero["+t+"]()")
		} else {
			declared = append(declared, "var "+id.Name+" "+t)
		}
		declared = append(declared, "_ = "+id.Name)
	}
	ast.Inspect(s.X, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && names[id.Name] {
			r.refuse(s, "a closure over a loop variable that all iterations share, of the name of what is ranged over")
		}
		return true
	})
	return "{ " + strings.Join(declared, "; ") + "; " + label + r.rangeStatement(&assigning) + " }"
}

// capturesLoopVariable reports whether a closure in the body uses a variable of the range clause.
func (r *rewriter) capturesLoopVariable(s *ast.RangeStmt) bool {
	variables := map[types.Object]bool{}
	for _, e := range []ast.Expr{s.Key, s.Value} {
		if id, ok := e.(*ast.Ident); ok {
			if r.boxed[r.types.Defs[id]] {
				return true
			}
			variables[r.types.Defs[id]] = true
		}
	}
	found := false
	ast.Inspect(s.Body, func(n ast.Node) bool {
		if lit, ok := n.(*ast.FuncLit); ok {
			ast.Inspect(lit, func(n ast.Node) bool {
				if id, ok := n.(*ast.Ident); ok && variables[r.types.Uses[id]] && r.types.Uses[id] != nil {
					found = true
				}
				return !found
			})
		}
		return !found
	})
	return found
}

func (r *rewriter) used(e ast.Expr) bool { return e != nil && !isBlank(e) }

// bind renders the assignment of one iteration's values to the variables of the range clause.
func (r *rewriter) bind(s *ast.RangeStmt, key, value string) string {
	var out []string
	one := func(e ast.Expr, text string) {
		if r.used(e) {
			out = append(out, r.assignText(&ast.AssignStmt{Lhs: []ast.Expr{e}, Tok: s.Tok}, text))
		}
	}
	if s.Tok == token.ASSIGN {
		var targets []ast.Expr
		for _, e := range []ast.Expr{s.Key, s.Value} {
			if r.used(e) {
				targets = append(targets, e)
			}
		}
		out = r.ordered(targets, nil)
	}
	if s.Tok == token.ASSIGN && r.used(s.Key) && r.used(s.Value) {
		return strings.Join(append(out, r.assignText(&ast.AssignStmt{Lhs: []ast.Expr{s.Key, s.Value}, Tok: s.Tok}, key+", "+value)), "; ")
	}
	one(s.Key, key)
	one(s.Value, value)
	return strings.Join(out, "; ")
}

// body renders the loop's body with the variables of the range clause bound first.
func (r *rewriter) body(s *ast.RangeStmt, bound string) string {
	if bound == "" {
		return r.block(s.Body, "")
	}
	return "{ " + bound + "\n" + r.block(s.Body, "") + "\n}"
}

// rangeElements ranges over a slice or through a pointer to an array: each element is read when its turn comes.
func (r *rewriter) rangeElements(s *ast.RangeStmt, x string) string {
	if !r.used(s.Value) {
		if s.Key == nil || isBlank(s.Key) {
			return "for range " + x + " " + r.block(s.Body, "")
		}
		i := r.fresh("i")
		return "for " + i + " := range " + x + " " + r.body(s, r.bind(s, i, ""))
	}
	list, i, n := r.fresh("s"), r.fresh("i"), r.fresh("n")
	return "for " + list + ", " + i + ", " + n + " := fire__.Elements(" + x + "); " + i + " < " + n + "; " + i + "++ " +
		r.body(s, r.bind(s, i, "fire__.Load(&"+list+"["+i+"])"))
}

func (r *rewriter) rangeMap(s *ast.RangeStmt) string {
	it := r.fresh("it")
	return "for " + it + " := fire__.MapRange(" + r.inPlace(s.X) + "); " + it + ".Next(); " + r.body(s, r.bind(s, it+".Key()", it+".Value()"))
}

func (r *rewriter) rangeChannel(s *ast.RangeStmt) string {
	c, v, ok := r.fresh("c"), r.fresh("v"), r.fresh("ok")
	head := "for " + c + " := (" + r.inPlace(s.X) + "); ; { " + v + ", " + ok + " := fire__.Recv2(" + c + "); if !" + ok + " { break }; _ = " + v + "; " + r.bind(s, v, "")
	return head + "\n" + r.block(s.Body, "") + "\n}"
}

// rangeNative ranges over what the worker holds itself: integers, strings, arrays, functions.
func (r *rewriter) rangeNative(s *ast.RangeStmt) string {
	list := []ast.Expr{s.Key}
	if s.Value != nil {
		list = append(list, s.Value)
	}
	if s.Key == nil {
		return "for range " + r.inPlace(s.X) + " " + r.block(s.Body, "")
	}
	direct := true
	for _, e := range list {
		if id, ok := e.(*ast.Ident); !isBlank(e) && (!ok || r.boxed[r.object(id)] || isPackageVariable(r.object(id))) {
			direct = false
		}
	}
	if direct {
		names := make([]string, len(list))
		for i, e := range list {
			names[i] = e.(*ast.Ident).Name
		}
		return "for " + strings.Join(names, ", ") + " " + s.Tok.String() + " range " + r.inPlace(s.X) + " " + r.block(s.Body, "")
	}
	names := make([]string, len(list))
	for i, e := range list {
		names[i] = "_"
		if !isBlank(e) {
			names[i] = r.fresh("v")
		}
	}
	value := ""
	if len(names) == 2 {
		value = names[1]
	}
	return "for " + strings.Join(names, ", ") + " := range " + r.inPlace(s.X) + " " + r.body(s, r.bind(s, names[0], value))
}
