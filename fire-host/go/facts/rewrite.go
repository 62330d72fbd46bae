package main

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"strings"
)

// rewriter turns the body of one function into what a worker runs: every access to memory that the home
// process owns becomes a call of the worker runtime. Anything it does not know how to keep exact it refuses.
type rewriter struct {
	info      *PackageInfo
	types     *types.Info
	file      *ast.File
	text      []byte
	out       *emitter
	table     *importTable // imports that the generated text adds
	boxed     map[types.Object]bool
	shared    map[types.Object]bool           // variables that calls of closures may change
	old       bool                            // loop variables are shared by all iterations (before Go 1.22)
	generic   bool                            // the function has type parameters, or its receiver has
	label     string                          // of the loop or switch that is rendered next, with its colon; empty once written
	idle      map[types.Object]bool           // variables that constant expressions alone mention
	locals    map[types.Object]string         // names of the types that the function declares
	instances map[types.Object][]*types.Named // of generic types, by the last local type that they mention
	viewed    map[ast.Expr]bool               // conversions to unsafe.Pointer that are found to be harmless where they are used
	early     map[ast.Expr]string             // expressions that have been evaluated into temporaries: see rewrite_order.go
	deferred  ast.Expr                        // a function value that is deferred: see rewrite_defer.go
	literals  map[*ast.FuncLit]string         // of the declaration: see literal.go
	count     int
	frames    []*frame // innermost last
}

// refusal is thrown where a body cannot be kept exact.
type refusal struct {
	code, detail string
	pos          token.Pos
}

func (r *rewriter) refuse(n ast.Node, detail string) {
	panic(refusal{reasonConstruct, detail, n.Pos()})
}

// fresh makes a name that no user's name can equal.
func (r *rewriter) fresh(what string) string {
	r.count++
	return fmt.Sprintf("fire__%s%d", what, r.count)
}

// source is the user's own text of a node.
func (r *rewriter) source(n ast.Node) string { return r.between(n.Pos(), n.End()) }

// between is the user's own text from one place to another.
func (r *rewriter) between(from, to token.Pos) string {
	return string(r.text[r.info.offset(from):r.info.offset(to)])
}

// keep is the user's own text of a node with some of its children replaced.
func (r *rewriter) keep(n ast.Node, children ...ast.Expr) string {
	e := splices{text: r.text}
	for _, c := range children {
		if c != nil {
			e.replace(r.info.offset(c.Pos()), r.info.offset(c.End()), r.expr(c))
		}
	}
	return e.render(r.info.offset(n.Pos()), r.info.offset(n.End()))
}

// typeOf is the type of an expression.
func (r *rewriter) typeOf(e ast.Expr) types.Type {
	if t := r.types.TypeOf(e); t != nil {
		return t
	}
	return types.Typ[types.Invalid]
}

// typeText writes a type for use in the body's file.
func (r *rewriter) typeText(at ast.Node, t types.Type) string {
	if mentionsLocal(t) {
		return r.localTypeText(at, t)
	}
	if !nameable(t, r.info.Pkg) {
		r.refuse(at, "a value of a type that this package cannot name: "+t.String())
	}
	r.out.markType(t)
	return r.seenFrom(at, t)
}

// localTypeText writes a type that mentions one declared inside the function: its bare name is in scope.
func (r *rewriter) localTypeText(at ast.Node, t types.Type) string {
	r.out.markType(t)
	return types.TypeString(t, r.table.qualify)
}

// core is the underlying type, and for a type parameter the single one that its constraint leaves.
func core(t types.Type) types.Type {
	p, ok := types.Unalias(t).(*types.TypeParam)
	if !ok {
		return t.Underlying()
	}
	constraint, ok := p.Constraint().Underlying().(*types.Interface)
	if !ok {
		return nil
	}
	var single types.Type
	for i := range constraint.NumEmbeddeds() {
		switch e := types.Unalias(constraint.EmbeddedType(i)).(type) {
		case *types.Union:
			for j := range e.Len() {
				u := e.Term(j).Type().Underlying()
				if single != nil && !types.Identical(single, u) {
					return nil
				}
				single = u
			}
		default:
			if _, ok := e.Underlying().(*types.Interface); !ok {
				single = e.Underlying()
			}
		}
	}
	return single
}

func isPointer(t types.Type) bool {
	_, ok := core(t).(*types.Pointer)
	return ok
}

func isInterface(t types.Type) bool {
	if _, ok := types.Unalias(t).(*types.TypeParam); ok {
		return false
	}
	return types.IsInterface(t)
}

func isBasic(t types.Type, info types.BasicInfo) bool {
	b, ok := core(t).(*types.Basic)
	return ok && b.Info()&info != 0
}

func isString(t types.Type) bool { return isBasic(t, types.IsString) }

// holdsInterface reports whether comparing values of a type compares interfaces.
func holdsInterface(t types.Type) bool {
	switch u := t.Underlying().(type) {
	case *types.Interface:
		return isInterface(t)
	case *types.Array:
		return holdsInterface(u.Elem())
	case *types.Struct:
		for i := range u.NumFields() {
			if holdsInterface(u.Field(i).Type()) {
				return true
			}
		}
	}
	return false
}

// isLocal reports whether an object is a variable of the function.
func isLocal(o types.Object) bool {
	v, ok := o.(*types.Var)
	return ok && !v.IsField() && v.Pkg() != nil && v.Parent() != v.Pkg().Scope()
}

func isPackageVariable(o types.Object) bool {
	v, ok := o.(*types.Var)
	return ok && !v.IsField() && v.Pkg() != nil && v.Parent() == v.Pkg().Scope()
}

// object is what an identifier stands for.
func (r *rewriter) object(id *ast.Ident) types.Object {
	if o := r.types.Uses[id]; o != nil {
		return o
	}
	return r.types.Defs[id]
}

// pathHasPointer reports whether the embedded fields that a selection goes through hold a pointer.
func pathHasPointer(s *types.Selection) bool {
	t := s.Recv()
	for _, i := range s.Index()[:len(s.Index())-1] {
		f := fieldAt(t, i)
		if isPointer(f.Type()) {
			return true
		}
		t = f.Type()
	}
	return false
}

// pathEnd is the type of the embedded field that declares the selected method.
func pathEnd(s *types.Selection) types.Type {
	t := s.Recv()
	for _, i := range s.Index()[:len(s.Index())-1] {
		t = fieldAt(t, i).Type()
	}
	return t
}

func fieldAt(t types.Type, i int) *types.Var {
	if p, ok := core(t).(*types.Pointer); ok {
		t = p.Elem()
	}
	return core(t).(*types.Struct).Field(i)
}

// root is the variable that an addressable expression is a part of, if no pointer lies between.
func (r *rewriter) root(e ast.Expr) *ast.Ident {
	switch e := ast.Unparen(e).(type) {
	case *ast.Ident:
		return e
	case *ast.SelectorExpr:
		s := r.types.Selections[e]
		if s == nil || s.Kind() != types.FieldVal || isPointer(s.Recv()) || pathHasPointer(s) {
			return nil
		}
		return r.root(e.X)
	case *ast.IndexExpr:
		if _, ok := core(r.typeOf(e.X)).(*types.Array); ok {
			return r.root(e.X)
		}
	}
	return nil
}

// hasCall reports whether evaluating an expression may run user code or block.
func hasCall(e ast.Expr) bool {
	found := false
	ast.Inspect(e, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.CallExpr:
			found = true
		case *ast.UnaryExpr:
			found = found || n.Op == token.ARROW
		}
		return !found
	})
	return found
}

// hosted renders a function declaration for a worker under the given name: receiver first, lines kept.
func (r *rewriter) hosted(decl *ast.FuncDecl, name string, as hosting) string {
	r.findBoxed(decl)
	r.noteLiterals(decl)
	r.locals, _ = localTypes(r.types, r.types.Defs[decl.Name].(*types.Func), decl.Body)
	r.instances = r.out.s.localInstances(r.info, decl, r.locals)
	signature := r.types.Defs[decl.Name].(*types.Func).Signature()
	r.generic = signature.TypeParams().Len() > 0 || signature.RecvTypeParams().Len() > 0
	var parameters []string
	var prefix strings.Builder
	if decl.Recv != nil {
		parameters = append(parameters, r.parameters(decl.Recv, &prefix)...)
		if as != asItself && r.generic {
			name, _, _ := strings.Cut(parameters[0], " ")
			parameters[0] = name + " " + r.table.text(namedReceiver(signature).Recv().Type()) // type parameters may be blank
		}
		if as == asItself {
			name = "(" + parameters[0] + ") " + name
			parameters = nil
		}
	}
	parameters = append(parameters, r.parameters(decl.Type.Params, &prefix)...)
	ownParameters := ""
	if decl.Type.TypeParams != nil {
		ownParameters = r.between(decl.Type.TypeParams.Opening, decl.Type.TypeParams.Closing+1)
	}
	if r.generic && as != asItself {
		ownParameters = parameterList(r.table, typeParameters(namedReceiver(signature)))
	}
	results := r.enter(decl.Type, decl.Body, &prefix)
	defer r.leave()
	directive := ""
	if len(r.literals) > 0 {
		directive = "//go:noinline\n" // else the compiler names the literals by where it has put them
	}
	return fmt.Sprintf("%s%s\nfunc %s%s(%s) %s %s\n", directive, r.line(decl), name, ownParameters, strings.Join(parameters, ", "), results, r.block(decl.Body, prefix.String()))
}

// line is a directive that gives what follows the position of a node in the user's file.
func (r *rewriter) line(n ast.Node) string {
	at := r.info.Fset.PositionFor(n.Pos(), false)
	return fmt.Sprintf("//line %s:%d", at.Filename, at.Line)
}

func (r *rewriter) inline(n ast.Node) string {
	at := r.info.Fset.PositionFor(n.Pos(), false)
	return fmt.Sprintf("/*line %s:%d:%d*/", at.Filename, at.Line, at.Column)
}

// parameters renders a parameter list; what must be born at home is moved there in the prefix of the body.
func (r *rewriter) parameters(list *ast.FieldList, prefix *strings.Builder) []string {
	var out []string
	for _, field := range list.List {
		text := r.source(field.Type)
		if len(field.Names) == 0 {
			out = append(out, "_ "+text)
		}
		for _, id := range field.Names {
			name := id.Name
			if r.boxed[r.types.Defs[id]] {
				name = r.fresh("p")
				fmt.Fprintf(prefix, "%s := fire__.Box(%s); ", id.Name, name)
			}
			out = append(out, name+" "+text)
		}
	}
	return out
}

// frame is the function whose body is being rendered.
type frame struct {
	body    *ast.BlockStmt
	results []result
	boxed   bool // a result's address is taken: results are set before every return
}

type result struct {
	name  string
	typ   types.Type
	boxed bool
}

// enter begins a function: it renders the results, and puts into the prefix what moves results to home and back.
func (r *rewriter) enter(t *ast.FuncType, body *ast.BlockStmt, prefix *strings.Builder) string {
	f := &frame{body: body}
	r.frames = append(r.frames, f)
	if t.Results == nil {
		return ""
	}
	for _, field := range t.Results.List {
		for _, id := range field.Names {
			o := r.types.Defs[id]
			f.results = append(f.results, result{id.Name, r.typeOf(field.Type), o != nil && r.boxed[o]})
			f.boxed = f.boxed || o != nil && r.boxed[o]
		}
	}
	if !f.boxed {
		text := r.source(t.Results)
		if !strings.HasPrefix(text, "(") {
			text = "(" + text + ")"
		}
		return text
	}
	var list []string
	for i := range f.results {
		one := &f.results[i]
		text := r.typeText(t, one.typ)
		switch {
		case one.boxed:
			name, box := r.fresh("r"), r.fresh("b")
			fmt.Fprintf(prefix, "%s := fire__.Zero[%s](); %s := %s; defer func() { %s = fire__.Load(%s) }(); ", one.name, text, box, one.name, name, box)
			one.name = box // the user's name may be shadowed where the function returns
			list = append(list, name+" "+text)
			continue
		case one.name == "_":
			one.name = r.fresh("r")
		}
		list = append(list, one.name+" "+text)
	}
	return "(" + strings.Join(list, ", ") + ")"
}

func (r *rewriter) leave() { r.frames = r.frames[:len(r.frames)-1] }

// returned renders a return statement.
func (r *rewriter) returned(s *ast.ReturnStmt) string {
	f := r.frames[len(r.frames)-1]
	if !f.boxed || len(s.Results) == 0 {
		return r.keep(s, s.Results...)
	}
	var before, after []string
	var names []string
	for i, one := range f.results {
		value := ""
		if len(s.Results) == 1 && len(f.results) > 1 {
			value = r.fresh("t")
			names = append(names, value)
		} else {
			value = r.held(s.Results[i])
			if tv := r.types.Types[s.Results[i]]; tv.Value == nil && !tv.IsNil() {
				name := r.fresh("t")
				before = append(before, name+" := "+value)
				value = name
			}
		}
		if one.boxed {
			after = append(after, "fire__.Ref("+one.name+").Set("+value+")")
		} else {
			after = append(after, one.name+" = "+value)
		}
	}
	if names != nil {
		before = append(before, strings.Join(names, ", ")+" := "+r.expr(s.Results[0]))
	}
	return "{ " + strings.Join(append(before, after...), "; ") + "; return }"
}
