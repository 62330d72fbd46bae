package main

import (
	"fmt"
	"go/ast"
	"go/types"
	"strconv"
	"strings"
)

func (r *rewriter) clauses(list []ast.Stmt, head func(*ast.CaseClause) (string, string)) string {
	var out strings.Builder
	out.WriteString("{\n")
	for _, c := range list {
		clause := c.(*ast.CaseClause)
		label, prefix := head(clause)
		out.WriteString(r.inline(clause) + label + ": " + prefix + "\n" + r.statements(clause.Body))
	}
	out.WriteString("}")
	return out.String()
}

// head renders the init statement of a switch. Where it must become several statements, they stand before it.
func (r *rewriter) head(init ast.Stmt, need bool) (before, inside, after string) {
	if init == nil {
		return "", "", ""
	}
	if a, ok := init.(*ast.AssignStmt); need || ok && r.needsBlock(a) {
		return "{ " + r.statement(init) + "\n", "", "\n}"
	}
	return "", r.simple(init) + "; ", ""
}

func (r *rewriter) switchStatement(s *ast.SwitchStmt) string {
	compared := false
	if s.Tag != nil {
		compared = holdsInterface(r.typeOf(s.Tag))
		for _, c := range s.Body.List {
			for _, e := range c.(*ast.CaseClause).List {
				compared = compared || holdsInterface(r.typeOf(e)) && !r.types.Types[e].IsNil()
			}
		}
	}
	before, inside, after := r.head(s.Init, compared)
	before += r.takeLabel(before != "")
	defer r.hold()()
	if !compared {
		text := before + "switch " + inside
		if s.Tag != nil {
			text += r.inPlace(s.Tag) + " "
		}
		return text + r.clauses(s.Body.List, func(c *ast.CaseClause) (string, string) {
			if c.List == nil {
				return "default", ""
			}
			list := make([]string, len(c.List))
			for i, e := range c.List {
				list[i] = r.inPlace(e)
			}
			return "case " + strings.Join(list, ", "), ""
		}) + after
	}
	tag := r.fresh("tag")
	r.out.markCompared(r.typeOf(s.Tag))
	return before + "switch " + tag + " := (" + r.inPlace(s.Tag) + "); " + r.clauses(s.Body.List, func(c *ast.CaseClause) (string, string) {
		if c.List == nil {
			return "default", ""
		}
		list := make([]string, len(c.List))
		for i, e := range c.List {
			if r.types.Types[e].IsNil() {
				list[i] = tag + " == nil"
			} else {
				list[i] = "fire__.Equal(" + tag + ", " + r.inPlace(e) + ")"
			}
		}
		return "case " + strings.Join(list, ", "), ""
	}) + after
}

func (r *rewriter) typeSwitch(s *ast.TypeSwitchStmt) string {
	var name string
	var x ast.Expr
	switch a := s.Assign.(type) {
	case *ast.AssignStmt:
		name = a.Lhs[0].(*ast.Ident).Name
		x = a.Rhs[0].(*ast.TypeAssertExpr).X
	case *ast.ExprStmt:
		x = a.X.(*ast.TypeAssertExpr).X
	}
	var interfaces []string
	for _, c := range s.Body.List {
		for _, e := range c.(*ast.CaseClause).List {
			if t := r.types.Types[e]; t.IsType() && (isInterface(t.Type) || r.isOwn(t.Type)) {
				interfaces = append(interfaces, "fire__.TypeFor["+r.source(e)+"]()")
			}
		}
	}
	before, inside, after := r.head(s.Init, true)
	before += r.takeLabel(before != "")
	defer r.hold()()
	value := r.fresh("x")
	narrowed := r.fresh("v")
	text := before + "switch " + inside + value + " := " + r.inPlace(x) + "; "
	if name != "" {
		text += narrowed + " := "
	}
	narrow := "fire__.AsAny(" + value + ")"
	if len(interfaces) > 0 {
		narrow = "fire__.Narrow(" + value + ", " + strings.Join(interfaces, ", ") + ")"
	}
	text += narrow + ".(type) "
	return text + r.clauses(s.Body.List, func(c *ast.CaseClause) (string, string) {
		list := make([]string, len(c.List))
		for i, e := range c.List {
			list[i] = r.source(e)
		}
		label := "case " + strings.Join(list, ", ")
		if c.List == nil {
			label = "default"
		}
		if name == "" {
			return label, ""
		}
		o := r.types.Implicits[c]
		from := narrowed
		if len(c.List) != 1 || r.types.Types[c.List[0]].IsNil() {
			from = value
		}
		if o != nil && r.boxed[o] {
			return label, "_ = " + narrowed + "; " + name + " := fire__.Box(" + from + "); _ = " + name + ";"
		}
		return label, "_ = " + narrowed + "; " + name + " := " + from + "; _ = " + name + ";"
	}) + after
}

// isOwn reports whether a type is one that the function declares.
func (r *rewriter) isOwn(t types.Type) bool {
	n, ok := types.Unalias(t).(*types.Named)
	return ok && r.locals[n.Obj()] != ""
}

func (r *rewriter) selectStatement(s *ast.SelectStmt) string {
	defer r.hold()()
	if len(s.Body.List) == 0 {
		return "for { fire__.Block() }" // a terminating statement, as the user's
	}
	var names, values, bodies []string
	hasDefault := false
	for _, c := range s.Body.List {
		clause := c.(*ast.CommClause)
		n := len(names)
		name := r.fresh("c")
		label, prefix := "case "+strconv.Itoa(n), ""
		receive := func(x ast.Expr) {
			values = append(values, "fire__.Receiver("+r.inPlace(ast.Unparen(x).(*ast.UnaryExpr).X)+")")
			names = append(names, name)
		}
		switch comm := clause.Comm.(type) {
		case nil:
			hasDefault = true
			label = "default"
		case *ast.SendStmt:
			values = append(values, "fire__.Sender("+r.inPlace(comm.Chan)+").Case("+r.inPlace(comm.Value)+")")
			names = append(names, name)
		case *ast.ExprStmt:
			receive(comm.X)
		case *ast.AssignStmt:
			receive(comm.Rhs[0])
			call := name + ".Value()"
			if len(comm.Lhs) == 2 {
				call = name + ".Value2()"
			}
			prefix = r.assignText(comm, call) + ";"
		}
		bodies = append(bodies, r.inline(clause)+label+": "+prefix+"\n"+r.statements(clause.Body))
	}
	head := ""
	if len(names) > 0 {
		head = strings.Join(names, ", ") + " := " + strings.Join(values, ", ") + "; "
	}
	if !hasDefault { // the last case as default: a switch with one can be a terminating statement, as the select is
		last := len(bodies) - 1
		bodies[last] = strings.Replace(bodies[last], "case "+strconv.Itoa(last)+":", "default:", 1)
	}
	return fmt.Sprintf("switch %sfire__.Select(%t, %s) {\n%s}", head, hasDefault, strings.Join(names, ", "), strings.Join(bodies, ""))
}
