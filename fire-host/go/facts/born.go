package main

import (
	"fmt"
	"go/ast"
	"go/scanner"
	"go/token"
	"go/types"
	"sort"
	"strings"
)

// Package variables that the running binary does not hold are born at home, once, when the first worker that needs
// them is committed; their initialisers run then, in that worker. They stay for as long as the process does, under a
// name that says their type and initialiser as well: a variable of another type or beginning is another variable.

// isBorn reports whether a variable of the user is none of the running binary.
func (s *session) isBorn(v *types.Var) bool {
	if s.compiled == nil || s.user[v.Pkg().Path()] == nil {
		return false
	}
	base := s.compiled[v.Pkg().Path()]
	if base == nil {
		return true
	}
	old := base.Pkg.Scope().Lookup(v.Name())
	if old == nil {
		return true
	}
	if was, ok := old.(*types.Var); !ok || typeText(was.Type()) != typeText(v.Type()) {
		panic(refusal{reasonAdded, v.Pkg().Path() + "." + v.Name() + " is something else in the running program", 0})
	}
	return false
}

// initialiser is how a declaration gives variables their first values. Without a right side they are zero.
func initialiser(info *PackageInfo, v *types.Var) (place int, one *types.Initializer) {
	for i, one := range info.Info.InitOrder {
		for _, lhs := range one.Lhs {
			if lhs == v {
				return i, one
			}
		}
	}
	return -1, nil
}

// variableID is the name of a package variable on the wire.
func (e *emitter) variableID(v *types.Var) string {
	id := v.Pkg().Path() + "." + v.Name()
	if !e.s.isBorn(v) {
		return id
	}
	text := typeText(v.Type())
	info := e.s.user[v.Pkg().Path()]
	if _, one := initialiser(info, v); one != nil {
		for _, lhs := range one.Lhs {
			text += "," + lhs.Name()
		}
		text += "=" + tokens(info.textOf(one.Rhs))
	}
	return id + "#" + digest(text)
}

// textOf is the source of a node.
func (info *PackageInfo) textOf(n ast.Node) []byte {
	return info.Source[info.fileOf(n)][info.offset(n.Pos()):info.offset(n.End())]
}

func (info *PackageInfo) fileOf(n ast.Node) *ast.File {
	for _, file := range info.Files {
		if file.FileStart <= n.Pos() && n.Pos() < file.FileEnd {
			return file
		}
	}
	return nil
}

// tokens is Go source without its layout and comments.
func tokens(source []byte) string {
	var s scanner.Scanner
	files := token.NewFileSet()
	s.Init(files.AddFile("", files.Base(), len(source)), source, nil, 0)
	var b strings.Builder
	for {
		_, kind, text := s.Scan()
		if kind == token.EOF {
			return b.String()
		}
		if kind == token.SEMICOLON && text == "\n" {
			continue
		}
		if text == "" {
			text = kind.String()
		}
		b.WriteString(text + " ")
	}
}

// bear hosts the initialiser of a variable that is born at home, once for all variables that it begins.
func (e *emitter) bear(v *types.Var) {
	info := e.s.user[v.Pkg().Path()]
	place, one := initialiser(info, v)
	if one == nil {
		return
	}
	for _, done := range e.initialisers {
		if done.one == one {
			return
		}
	}
	made := &hostedInitialiser{one: one, place: place, path: info.Path, name: fmt.Sprintf("Fire__init_%d", place)}
	e.initialisers = append(e.initialisers, made)
	for _, lhs := range one.Lhs {
		if lhs.Name() == "_" {
			continue
		}
		if !e.s.isBorn(lhs) {
			panic(refusal{reasonAdded, "the initialiser of " + v.Name() + " begins " + lhs.Name() + " too, which the running program has", one.Rhs.Pos()})
		}
		made.ids = append(made.ids, e.variableID(lhs))
		e.markVariable(lhs)
	}
	ast.Inspect(one.Rhs, func(n ast.Node) bool {
		if spec, ok := n.(*ast.TypeSpec); ok {
			panic(refusal{reasonAdded, "an initialiser that declares a type", spec.Pos()})
		}
		return true
	})
	file := info.fileOf(one.Rhs)
	outer := e.scanned
	e.scanned = info.Pkg
	defer func() { e.scanned = outer }()
	imports := e.scan(info, file, one.Rhs)
	e.uses = append(e.uses, scannedUses{info.Pkg, usesIn(info, one.Rhs)})
	r := &rewriter{info: info, types: info.Info, file: file, text: info.Source[file], out: e, table: newImportTable(info.Pkg.Path()),
		boxed: map[types.Object]bool{}, old: beforeSharedLoops(info, file), locals: map[types.Object]string{}}
	body := &hostedBody{path: info.Path, id: "the initialiser of " + made.ids[0], name: made.name, as: asInitialiser}
	e.bodies = append(e.bodies, body)
	body.text = r.initialiser(one, made.name)
	for path, alias := range r.table.aliases {
		imports[alias] = fmt.Sprintf("import %s %q", alias, path)
	}
	body.imports = append(usedImports(body.text, imports), "import fire__ \"fireagent/worker\"")
	sort.Strings(body.imports)
}

// hostedInitialiser is the first value of some variables, computed in the worker.
type hostedInitialiser struct {
	one   *types.Initializer
	place int // in the package's order of initialisation
	path  string
	name  string
	ids   []string
}

// initialiser renders a function that gives variables their first values.
func (r *rewriter) initialiser(one *types.Initializer, name string) string {
	b := boxes{rewriter: r}
	b.walk(one.Rhs)
	r.findIdle(one.Rhs)
	r.frames = append(r.frames, &frame{})
	defer r.leave()
	text := r.expr(one.Rhs)
	var set, names []string
	for _, lhs := range one.Lhs {
		value := text
		if len(one.Lhs) > 1 {
			value = r.fresh("t")
			if lhs.Name() == "_" {
				value = "_"
			}
			names = append(names, value)
		}
		if lhs.Name() != "_" {
			set = append(set, "fire__.Ref(Fire__"+lhs.Name()+").Set("+value+")")
		}
	}
	first := ""
	if len(names) > 0 {
		first = strings.Join(names, ", ") + " := " + text + "; "
	}
	return fmt.Sprintf("%s\nfunc %s() { %s%s }\n", r.line(one.Rhs), name, first, strings.Join(set, "; "))
}

// initialise renders the entries of a package's initialisers, in the order in which Go runs them.
func (d *declarations) initialise() {
	var own []*hostedInitialiser
	for _, one := range d.e.initialisers {
		if one.path == d.pkg.Path() {
			own = append(own, one)
		}
	}
	sort.Slice(own, func(i, j int) bool { return own[i].place < own[j].place })
	for _, one := range own {
		fmt.Fprintf(&d.init, "\tfire__.Initialise(%#v, %s)\n", one.ids, one.name)
	}
}

// born answers the variables that are born at home, and the functions of the user that their initialisers lead to.
func (e *emitter) born() []map[string]any {
	rows := []map[string]any{}
	for _, key := range sortedKeys(e.variables) {
		v := e.variables[key]
		if !e.s.isBorn(v) {
			continue
		}
		reached := map[string]bool{}
		info := e.s.user[v.Pkg().Path()]
		if _, one := initialiser(info, v); one != nil {
			e.s.reach(info, one.Rhs, reached)
		}
		rows = append(rows, map[string]any{"id": e.variableID(v), "variable": key, "reaches": sortedKeys(reached)})
	}
	return rows
}

// reach collects the functions of the user that a node leads to, by way of others too.
func (s *session) reach(info *PackageInfo, n ast.Node, into map[string]bool) {
	ast.Inspect(n, func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		if !ok {
			return true
		}
		callee, ok := info.Info.Uses[id].(*types.Func)
		if !ok || callee.Pkg() == nil || s.user[callee.Pkg().Path()] == nil || into[functionID(callee)] {
			return true
		}
		into[functionID(callee)] = true
		if f := s.findFunction(functionID(callee)); f != nil {
			s.reach(f.Info, f.Decl, into)
		}
		return true
	})
}
