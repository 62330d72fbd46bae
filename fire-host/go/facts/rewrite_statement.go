package main

import (
	"go/ast"
	"go/token"
	"go/types"
	"strings"
)

// block renders a block; the prefix comes first, on the line of the brace.
func (r *rewriter) block(b *ast.BlockStmt, prefix string) string {
	return "{ " + prefix + "\n" + r.statements(b.List) + "}"
}

func (r *rewriter) statements(list []ast.Stmt) string {
	var out strings.Builder
	for _, s := range list {
		out.WriteString(r.inline(s) + r.statement(s) + "\n")
	}
	return out.String()
}

func (r *rewriter) statement(s ast.Stmt) string {
	switch s := s.(type) {
	case nil:
		return ""
	case *ast.BlockStmt:
		defer r.hold()()
		return r.block(s, "")
	case *ast.ExprStmt:
		before := r.ordered(nil, []ast.Expr{s.X})
		return afterAll(before, r.expr(s.X))
	case *ast.AssignStmt:
		return r.assign(s)
	case *ast.IncDecStmt:
		return r.incDec(s)
	case *ast.DeclStmt:
		return r.declaration(s)
	case *ast.ReturnStmt:
		before := r.ordered(nil, s.Results)
		return afterAll(before, r.returned(s))
	case *ast.IfStmt:
		return r.ifStatement(s)
	case *ast.ForStmt:
		return r.forStatement(s)
	case *ast.RangeStmt:
		return r.rangeStatement(s)
	case *ast.SwitchStmt:
		return r.switchStatement(s)
	case *ast.TypeSwitchStmt:
		return r.typeSwitch(s)
	case *ast.SelectStmt:
		return r.selectStatement(s)
	case *ast.SendStmt:
		before := r.ordered(nil, []ast.Expr{s.Chan, s.Value})
		return afterAll(before, "fire__.Sender("+r.expr(s.Chan)+").Send("+r.expr(s.Value)+")")
	case *ast.GoStmt:
		return r.goStatement(s)
	case *ast.DeferStmt:
		return r.deferStatement(s)
	case *ast.LabeledStmt:
		if _, ok := s.Stmt.(*ast.EmptyStmt); ok {
			return r.source(s)
		}
		return r.labeled(s)
	case *ast.BranchStmt, *ast.EmptyStmt:
		return r.source(s)
	}
	r.refuse(s, "a statement that fire does not know")
	return ""
}

// simple renders a statement in a place where the grammar wants a simple one.
func (r *rewriter) simple(s ast.Stmt) string {
	apart := false
	switch s := s.(type) {
	case *ast.AssignStmt:
		apart = r.needsBlock(s)
	case *ast.IncDecStmt:
		apart = !r.plain(s.X) || r.outOfOrder([]ast.Expr{s.X}, nil)
	case *ast.ExprStmt:
		apart = r.outOfOrder(nil, []ast.Expr{s.X})
	case *ast.SendStmt:
		apart = r.outOfOrder(nil, []ast.Expr{s.Chan, s.Value})
	}
	if apart {
		r.notRecovering(s)
		return "func() { " + r.statement(s) + " }()"
	}
	return r.statement(s)
}

func (r *rewriter) ifStatement(s *ast.IfStmt) string {
	defer r.hold()()
	var out strings.Builder
	out.WriteString("if ")
	open := ""
	a, _ := s.Init.(*ast.AssignStmt)
	switch apart := r.outOfOrder(nil, []ast.Expr{s.Cond}); {
	case apart || a != nil && r.needsBlock(a):
		out.Reset()
		out.WriteString("{ ")
		if s.Init != nil {
			out.WriteString(r.statement(s.Init) + "; ")
		}
		for _, one := range r.ordered(nil, []ast.Expr{s.Cond}) {
			out.WriteString(one + "; ")
		}
		out.WriteString("if ")
		open = " }"
	case s.Init != nil:
		out.WriteString(r.simple(s.Init) + "; ")
	}
	out.WriteString(r.expr(s.Cond) + " " + r.block(s.Body, ""))
	switch e := s.Else.(type) {
	case nil:
	case *ast.IfStmt:
		text := r.ifStatement(e)
		if strings.HasPrefix(text, "{") {
			text = "{ " + text + "\n}"
		}
		out.WriteString(" else " + text)
	default:
		out.WriteString(" else " + r.statement(e))
	}
	return out.String() + open
}

// labeled renders a labelled statement. Where the statement becomes a block, the label stays with the loop or switch
// inside, which break and continue mean.
func (r *rewriter) labeled(s *ast.LabeledStmt) string {
	label := s.Label.Name + ":\n" + r.inline(s.Stmt)
	switch s.Stmt.(type) {
	case *ast.ForStmt, *ast.RangeStmt, *ast.SwitchStmt, *ast.TypeSwitchStmt:
		r.label = label
	default:
		return label + r.statement(s.Stmt)
	}
	text := r.statement(s.Stmt)
	if r.label != "" {
		r.label = ""
		return label + text
	}
	if r.aimedAt(s.Label.Name, token.GOTO) {
		r.refuse(s, "a goto to a statement that becomes several")
	}
	return text
}

// takeLabel is the label of the statement that is being rendered, if that has become a block.
func (r *rewriter) takeLabel(blocked bool) string {
	if !blocked {
		return ""
	}
	label := r.label
	r.label = ""
	return label
}

// aimedAt reports whether the function has a branch of a kind to a label.
func (r *rewriter) aimedAt(label string, kind token.Token) bool {
	found := false
	ast.Inspect(r.frames[len(r.frames)-1].body, func(n ast.Node) bool {
		if b, ok := n.(*ast.BranchStmt); ok && b.Tok == kind && b.Label != nil && b.Label.Name == label {
			found = true
		}
		return !found
	})
	return found
}

func (r *rewriter) forStatement(s *ast.ForStmt) string {
	a, _ := s.Init.(*ast.AssignStmt)
	boxed := a != nil && a.Tok == token.DEFINE && r.boxed[r.newObject(a.Lhs[0])]
	if a != nil && a.Tok == token.DEFINE {
		for _, l := range a.Lhs {
			boxed = boxed || r.boxed[r.newObject(l)]
		}
	}
	blocked := boxed || a != nil && r.needsBlock(a)
	label := r.takeLabel(blocked)
	defer r.hold()()
	before, initial, after := "", "", ""
	if blocked && !boxed && a.Tok == token.DEFINE {
		// The variables stay the loop's, so that each iteration has its own.
		before, after = "{ "+strings.Join(r.ordered(r.sides(a)), "; ")+"; ", " }"
		initial = r.assignment(a)
	} else if blocked {
		before, after = "{ "+r.statement(s.Init)+"; ", " }"
	} else if s.Init != nil {
		initial = r.simple(s.Init)
	}
	cond, post := "", ""
	if s.Cond != nil {
		cond = r.inPlace(s.Cond)
	}
	if s.Post != nil {
		post = r.simple(s.Post)
	}
	switch {
	case boxed && !r.old:
		before += label + r.forBoxed(a, cond, post) + r.block(s.Body, "") + "\n}"
	case s.Init == nil && s.Post == nil:
		before += "for " + cond + " " + r.block(s.Body, "")
	default:
		before += label + "for " + initial + "; " + cond + "; " + post + " " + r.block(s.Body, "")
	}
	return before + after
}

// hold sets the label aside while parts of the labelled statement are rendered; what it returns puts it back.
func (r *rewriter) hold() func() {
	label := r.label
	r.label = ""
	return func() { r.label = label }
}

// forBoxed renders the head of a loop whose variables are born at home: every iteration has its own.
func (r *rewriter) forBoxed(a *ast.AssignStmt, cond, post string) string {
	var own, names, boxes, next []string
	first := r.fresh("first")
	for _, l := range a.Lhs {
		if r.newObject(l) == nil {
			continue
		}
		box, name := r.fresh("b"), l.(*ast.Ident).Name
		own, names, boxes = append(own, box), append(names, name), append(boxes, name+" := "+box+"; _ = "+name)
		next = append(next, box+" = fire__.Box(fire__.Load("+box+"))")
	}
	bind := strings.Join(boxes, "; ")
	head := "for " + strings.Join(own, ", ") + ", " + first + " := " + strings.Join(names, ", ") + ", true; ; " + first + " = false { " +
		"if !" + first + " { " + strings.Join(next, "; ") + "; " + bind + "; " + post + " }; " + bind + "; "
	if cond != "" {
		head += "if !(" + cond + ") { break }; "
	}
	return head + "\n"
}

func (r *rewriter) goStatement(s *ast.GoStmt) string {
	call := s.Call
	before := r.ordered(nil, []ast.Expr{call})
	if lit, ok := ast.Unparen(call.Fun).(*ast.FuncLit); ok && len(call.Args) == 0 && lit.Type.Results == nil {
		return "fire__.Go(" + r.funcLit(lit) + ")"
	}
	if r.tuple(call) {
		r.refuse(s, "go with the several results of a call as arguments")
	}
	bind := func(e ast.Expr) string {
		if tv := r.types.Types[e]; tv.Value != nil || tv.IsNil() {
			return r.expr(e)
		}
		name := r.fresh("a")
		before = append(before, name+" := "+r.held(e))
		return name
	}
	if tv := r.types.Types[call.Fun]; tv.IsBuiltin() {
		for _, a := range call.Args {
			if name := bind(a); r.types.Types[a].Value == nil {
				r.evaluated(a, name)
			}
		}
		return "{ " + strings.Join(append(before, "fire__.Go(func() { "+r.expr(call)+" })"), "; ") + " }"
	}
	fun := ""
	switch f := ast.Unparen(call.Fun).(type) {
	case *ast.Ident:
		if _, ok := r.types.Uses[f].(*types.Func); ok {
			fun = f.Name
		}
	case *ast.SelectorExpr:
		if r.types.Selections[f] == nil {
			if _, ok := r.types.Uses[f.Sel].(*types.Func); ok {
				fun = r.source(f)
			}
		}
	case *ast.IndexExpr, *ast.IndexListExpr:
		if r.instantiated(f) != nil {
			fun = r.expr(f)
		}
	}
	if fun == "" {
		fun = bind(call.Fun)
	}
	list := make([]string, len(call.Args))
	for i, a := range call.Args {
		list[i] = bind(a)
	}
	dots := ""
	if call.Ellipsis.IsValid() {
		dots = "..."
	}
	return "{ " + strings.Join(append(before, "fire__.Go(func() { "+fun+"("+strings.Join(list, ", ")+dots+") })"), "; ") + " }"
}
