package main

import (
	"go/ast"
	"go/token"
	"go/types"
	"strings"
)

func isBlank(e ast.Expr) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == "_"
}

func (r *rewriter) mapIndex(e ast.Expr) (*ast.IndexExpr, bool) {
	x, ok := ast.Unparen(e).(*ast.IndexExpr)
	if !ok {
		return nil, false
	}
	_, ok = core(r.typeOf(x.X)).(*types.Map)
	return x, ok
}

// isNew reports whether a name on the left of := is declared there.
func (r *rewriter) isNew(e ast.Expr) bool {
	id, ok := e.(*ast.Ident)
	return ok && r.types.Defs[id] != nil
}

// plain reports whether an assignment's target is the worker's own.
func (r *rewriter) plain(e ast.Expr) bool {
	if isBlank(e) {
		return true
	}
	if _, ok := r.mapIndex(e); ok {
		return false
	}
	if id, ok := ast.Unparen(e).(*ast.Ident); ok {
		o := r.object(id)
		return !r.boxed[o] && !isPackageVariable(o)
	}
	switch x := ast.Unparen(e).(type) {
	case *ast.SelectorExpr:
		if s := r.types.Selections[x]; s != nil && s.Kind() == types.FieldVal && !isPointer(s.Recv()) && !pathHasPointer(s) {
			return r.plain(x.X)
		}
	case *ast.IndexExpr:
		if _, ok := core(r.typeOf(x.X)).(*types.Array); ok {
			return r.plain(x.X)
		}
	}
	return false
}

func (r *rewriter) allPlain(list []ast.Expr) bool {
	for _, e := range list {
		if !r.plain(e) {
			return false
		}
	}
	return true
}

// needsBlock reports whether an assignment becomes several statements.
func (r *rewriter) needsBlock(s *ast.AssignStmt) bool {
	if r.outOfOrder(r.sides(s)) {
		return true
	}
	if s.Tok != token.ASSIGN && s.Tok != token.DEFINE {
		return !r.plain(s.Lhs[0])
	}
	return len(s.Lhs) > 1 && !r.allPlain(s.Lhs)
}

// sides are the targets of an assignment that are there already, and the values.
func (r *rewriter) sides(s *ast.AssignStmt) (targets, values []ast.Expr) {
	for _, l := range s.Lhs {
		if !isBlank(l) && !(s.Tok == token.DEFINE && r.isNew(l)) {
			targets = append(targets, l)
		}
	}
	return targets, s.Rhs
}

func (r *rewriter) assign(s *ast.AssignStmt) string {
	before := r.ordered(r.sides(s))
	text := r.assignment(s)
	if s.Tok == token.DEFINE && len(before) > 0 {
		return strings.Join(append(before, text), "; ")
	}
	return afterAll(before, text)
}

func (r *rewriter) assignment(s *ast.AssignStmt) string {
	if s.Tok != token.ASSIGN && s.Tok != token.DEFINE {
		return r.operation(s)
	}
	if len(s.Rhs) == 1 && len(s.Lhs) == 2 {
		if text, ok := r.commaOK(s.Rhs[0]); ok {
			return r.assignText(s, text)
		}
	}
	list := make([]string, len(s.Rhs))
	for i, e := range s.Rhs {
		list[i] = r.expr(e)
	}
	if len(s.Lhs) == 1 || len(s.Rhs) == 1 || r.allPlain(s.Lhs) {
		return r.assignText(s, strings.Join(list, ", "))
	}
	return r.parallel(s, list)
}

// commaOK renders the forms that give a second, boolean value.
func (r *rewriter) commaOK(e ast.Expr) (string, bool) {
	switch e := ast.Unparen(e).(type) {
	case *ast.IndexExpr:
		if _, ok := r.mapIndex(e); ok {
			return "fire__.Map(" + r.expr(e.X) + ").Get2(" + r.expr(e.Index) + ")", true
		}
	case *ast.UnaryExpr:
		if e.Op == token.ARROW {
			return "fire__.Recv2(" + r.expr(e.X) + ")", true
		}
	case *ast.TypeAssertExpr:
		return "fire__.AssertOk[" + r.typeText(e, r.types.TypeOf(e.Type)) + "](" + r.expr(e.X) + ")", true
	}
	return "", false
}

// set renders the store of a value, given as text, to a target that is not the worker's own.
func (r *rewriter) set(target ast.Expr, value string) string {
	if x, ok := r.mapIndex(target); ok {
		return "fire__.Map(" + r.expr(x.X) + ").Set(" + r.expr(x.Index) + ", " + value + ")"
	}
	a, ok := r.address(target)
	if !ok {
		r.refuse(target, "an assignment to a value without an address")
	}
	return "fire__.Ref(" + a + ").Set(" + value + ")"
}

// assignText renders = and := with the right side given as text.
func (r *rewriter) assignText(s *ast.AssignStmt, right string) string {
	if len(s.Lhs) == 1 {
		l := s.Lhs[0]
		if s.Tok == token.DEFINE && r.isNew(l) {
			o := r.types.Defs[l.(*ast.Ident)]
			if r.boxed[o] {
				return l.(*ast.Ident).Name + " := fire__.New[" + r.typeText(l, o.Type()) + "](" + right + ")"
			}
			return strings.Join(append([]string{l.(*ast.Ident).Name + " := " + right}, r.usedHere(l.(*ast.Ident))...), "; ")
		}
		if r.plain(l) {
			return r.target(l) + " " + s.Tok.String() + " " + right
		}
		return r.set(l, right)
	}
	// The right side comes first, then operands on the left, then the stores: calls among the operands have been made.
	var operands, names, after []string
	define := false
	for _, l := range s.Lhs {
		id, _ := l.(*ast.Ident)
		x, isMap := r.mapIndex(l)
		switch {
		case isBlank(l):
			names = append(names, "_")
		case s.Tok == token.DEFINE && r.isNew(l):
			define = true
			if r.boxed[r.types.Defs[id]] {
				t := r.fresh("t")
				names = append(names, t)
				after = append(after, id.Name+" := fire__.New["+r.typeText(l, r.types.Defs[id].Type())+"]("+t+")")
			} else {
				names = append(names, id.Name)
				after = append(after, r.usedHere(id)...)
			}
		case r.plain(l):
			names = append(names, r.target(l))
		default:
			t := r.fresh("t")
			names = append(names, t)
			define = define || s.Tok == token.ASSIGN
			if isMap {
				m, k := r.fresh("m"), r.fresh("k")
				operands = append(operands, m+", "+k+" := "+r.mapOperands(l, x))
				after = append(after, m+".Set("+k+", "+t+")")
				continue
			}
			a, ok := r.address(l)
			if !ok {
				r.refuse(l, "an assignment to a value without an address")
			}
			p := r.fresh("p")
			operands = append(operands, p+" := fire__.Ref("+a+")")
			after = append(after, p+".Set("+t+")")
		}
	}
	after = append(operands, after...)
	if s.Tok == token.DEFINE || !define {
		return strings.Join(append([]string{strings.Join(names, ", ") + " " + s.Tok.String() + " " + right}, after...), "; ")
	}
	// Some targets are at home, some are not: everything goes through temporaries of a block.
	for i, l := range s.Lhs {
		if !isBlank(l) && r.plain(l) {
			t := r.fresh("t")
			after = append(after, names[i]+" = "+t)
			names[i] = t
		}
	}
	return "{ " + strings.Join(append([]string{strings.Join(names, ", ") + " := " + right}, after...), "; ") + " }"
}

// mapOperands renders what m[k] evaluates before it is assigned to: the map and the key.
func (r *rewriter) mapOperands(at ast.Expr, x *ast.IndexExpr) string {
	key := r.typeText(at, core(r.typeOf(x.X)).(*types.Map).Key())
	return "fire__.Map(" + r.expr(x.X) + "), fire__.Keep[" + key + "](" + r.expr(x.Index) + ")"
}

// usedHere renders a use of a variable that constant expressions alone mention: they are rendered by their values.
func (r *rewriter) usedHere(id *ast.Ident) []string {
	if o := r.types.Defs[id]; o == nil || !r.idle[o] {
		return nil
	}
	return []string{"_ = " + id.Name}
}

// target renders a plain target.
func (r *rewriter) target(e ast.Expr) string {
	switch x := ast.Unparen(e).(type) {
	case *ast.SelectorExpr:
		text, _ := r.path(x.X, r.types.Selections[x].Recv(), r.types.Selections[x].Index())
		return text
	case *ast.IndexExpr:
		return r.target(x.X) + "[" + r.expr(x.Index) + "]"
	}
	return r.source(e)
}

// parallel renders a, b = x, y with targets at home: operands first, then the values, then the stores in order.
func (r *rewriter) parallel(s *ast.AssignStmt, right []string) string {
	var before, values, after []string
	for i, l := range s.Lhs {
		value := right[i]
		if tv := r.types.Types[s.Rhs[i]]; tv.Value == nil && !tv.IsNil() {
			value = r.fresh("t")
			values = append(values, value+" := "+r.typed(s.Rhs[i], right[i]))
		}
		x, isMap := r.mapIndex(l)
		switch {
		case isBlank(l):
			after = append(after, "_ = "+value)
		case s.Tok == token.DEFINE && r.isNew(l):
			id := l.(*ast.Ident)
			if r.boxed[r.types.Defs[id]] {
				after = append(after, id.Name+" := fire__.New["+r.typeText(l, r.types.Defs[id].Type())+"]("+value+")")
			} else {
				after = append(after, id.Name+" := "+value)
			}
		case isMap:
			m, k := r.fresh("m"), r.fresh("k")
			before = append(before, m+", "+k+" := "+r.mapOperands(l, x))
			after = append(after, m+".Set("+k+", "+value+")")
		case r.plain(l):
			after = append(after, r.target(l)+" = "+value)
		default:
			a, _ := r.address(l)
			p := r.fresh("p")
			before = append(before, p+" := fire__.Ref("+a+")")
			after = append(after, p+".Set("+value+")")
		}
	}
	all := strings.Join(append(append(before, values...), after...), "; ")
	if s.Tok == token.DEFINE {
		return all
	}
	return "{ " + all + " }"
}

// held renders an expression whose value is kept in a variable of its own before it is used.
func (r *rewriter) held(e ast.Expr) string { return r.typed(e, r.expr(e)) }

// typed gives a rendered expression the type that it takes from where the user wrote it: a shift of an untyped constant
// and a comparison would get another where they stand alone.
func (r *rewriter) typed(e ast.Expr, text string) string {
	t := types.Default(r.typeOf(e)) // of a condition it is an untyped bool
	if !takesType(r.types, e) || isBool(t) || isInt(t) {
		return text
	}
	return "fire__.Keep[" + r.typeText(e, t) + "](" + text + ")"
}

func isBool(t types.Type) bool { return types.Identical(t, types.Typ[types.Bool]) }
func isInt(t types.Type) bool  { return types.Identical(t, types.Typ[types.Int]) }

// takesType reports whether an expression that is no constant gets its type from what it is used for.
func takesType(info *types.Info, e ast.Expr) bool {
	if tv := info.Types[e]; tv.Value != nil || tv.IsNil() {
		return false
	}
	switch e := ast.Unparen(e).(type) {
	case *ast.UnaryExpr:
		return e.Op != token.ARROW && e.Op != token.AND && takesType(info, e.X)
	case *ast.BinaryExpr:
		switch e.Op {
		case token.EQL, token.NEQ, token.LSS, token.LEQ, token.GTR, token.GEQ:
			return true
		case token.SHL, token.SHR:
			return info.Types[e.X].Value != nil || takesType(info, e.X)
		}
		one := func(x ast.Expr) bool { return info.Types[x].Value != nil || takesType(info, x) }
		return one(e.X) && one(e.Y)
	}
	return false
}

// operation renders op=.
func (r *rewriter) operation(s *ast.AssignStmt) string {
	l, operator := s.Lhs[0], strings.TrimSuffix(s.Tok.String(), "=")
	if r.plain(l) {
		return r.target(l) + " " + s.Tok.String() + " " + r.expr(s.Rhs[0])
	}
	right, before := r.expr(s.Rhs[0]), ""
	if hasCall(s.Rhs[0]) && r.types.Types[s.Rhs[0]].Value == nil {
		v := r.fresh("t")
		before, right = v+" := "+r.typed(s.Rhs[0], right)+"; ", v
	} else {
		right = "(" + right + ")"
	}
	return r.update(l, before, operator+" "+right)
}

// update renders target = target <rest>, the target's operands evaluated once.
func (r *rewriter) update(l ast.Expr, before, rest string) string {
	if x, ok := r.mapIndex(l); ok {
		m, k := r.fresh("m"), r.fresh("k")
		return "{ " + m + ", " + k + " := " + r.mapOperands(l, x) + "; " + before + m + ".Set(" + k + ", " + m + ".Get(" + k + ") " + rest + ") }"
	}
	a, ok := r.address(l)
	if !ok {
		r.refuse(l, "an assignment to a value without an address")
	}
	p := r.fresh("p")
	return "{ " + p + " := fire__.Ref(" + a + "); " + before + p + ".Set(" + p + ".Get() " + rest + ") }"
}

func (r *rewriter) incDec(s *ast.IncDecStmt) string {
	if r.plain(s.X) {
		before := r.ordered([]ast.Expr{s.X}, nil)
		return afterAll(before, r.target(s.X)+s.Tok.String())
	}
	before := r.ordered([]ast.Expr{s.X}, nil)
	return afterAll(before, r.update(s.X, "", s.Tok.String()[:1]+" 1"))
}

// declaration renders a declaration statement.
func (r *rewriter) declaration(s *ast.DeclStmt) string {
	decl := s.Decl.(*ast.GenDecl)
	if decl.Tok == token.TYPE {
		for _, spec := range decl.Specs {
			if r.generic || spec.(*ast.TypeSpec).TypeParams != nil {
				r.refuse(spec, "a type declared in a generic function, or a generic one in a function")
			}
		}
		return r.source(s) + r.registerLocals(decl)
	}
	if decl.Tok != token.VAR {
		return r.source(s)
	}
	var out []string
	for _, spec := range decl.Specs {
		out = append(out, r.variables(spec.(*ast.ValueSpec)))
	}
	return strings.Join(out, "; ")
}

func (r *rewriter) variables(spec *ast.ValueSpec) string {
	anyBoxed := false
	for _, id := range spec.Names {
		anyBoxed = anyBoxed || r.boxed[r.types.Defs[id]]
	}
	typeText := ""
	if spec.Type != nil {
		typeText = " " + r.source(spec.Type)
	}
	before := r.ordered(nil, spec.Values)
	var values []string
	for _, v := range spec.Values {
		values = append(values, r.expr(v))
	}
	if len(spec.Values) == 1 && len(spec.Names) == 2 {
		if text, ok := r.commaOK(spec.Values[0]); ok {
			values = []string{text}
		}
	}
	right := ""
	if len(values) > 0 {
		right = " = " + strings.Join(values, ", ")
	}
	names := make([]string, len(spec.Names))
	var after []string
	for i, id := range spec.Names {
		names[i] = id.Name
		o := r.types.Defs[id]
		if !r.boxed[o] {
			after = append(after, r.usedHere(id)...)
			continue
		}
		if len(values) == 0 {
			names[i] = "_"
			after = append(after, id.Name+" := fire__.Zero["+r.typeText(id, o.Type())+"]()")
			continue
		}
		names[i] = r.fresh("t")
		after = append(after, id.Name+" := fire__.New["+r.typeText(id, o.Type())+"]("+names[i]+")")
	}
	text := "var " + strings.Join(names, ", ") + typeText + right
	if len(values) == 0 && anyBoxed {
		kept := names[:0]
		for _, n := range names {
			if n != "_" {
				kept = append(kept, n)
			}
		}
		if len(kept) == 0 {
			return strings.Join(after, "; ")
		}
		text = "var " + strings.Join(kept, ", ") + typeText
	}
	return strings.Join(append(append(before, text), after...), "; ")
}
