package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"path/filepath"
	"sort"
	"strings"
)

// emitter collects what the shadow packages of one worker must declare: it starts from the hosted bodies and
// follows what they mention, no further. Objects are kept by name, because a library may be known twice: from
// its export data and, for its generic code, from its source.
type emitter struct {
	s           *session
	named       map[string]*types.TypeName // path.Name
	instances   map[string]instance        // closed instances, by canonical name
	fields      map[string]bool            // path.field: its type must be real, not opaque
	whole       map[string]bool            // path.Name: every field must be real
	converted   map[string]bool            // the same, but what its fields hold need not be
	functions   map[string]*types.Func     // called at home, by id
	required    map[string]bool            // those that must exist there
	variables   map[string]*types.Var
	constants   map[string]*types.Const
	methodNames map[string]bool // of interfaces: methods with these names are declared on every type
	interfaces  map[string]proxied
	hosting     map[string]bool // ids of functions whose bodies are here
	bodies      []*hostedBody
	contains    map[string]bool            // the user's functions among them
	valued      map[string]*types.Func     // functions used as values
	entries     []entryInstance            // of generic functions that home calls
	exported    map[string]*types.TypeName // unexported types that the worker's program must name, by path.name
	accessors   map[string]*accessor       // of fields that other packages reach by promotion, by path.name
	scanned     *types.Package             // the package whose source is being looked at
	uses        []scannedUses
	changed     bool
	entry       string              // the function being hosted
	needs       map[string][]string // what home must hold → the entries that need it

	initialisers []*hostedInitialiser
}

// instance is an instantiated type, and the package whose source mentions it: that one can name it.
type instance struct {
	t  *types.Named
	in *types.Package
}

// scannedUses are the instantiations that a hosted declaration of a package mentions.
type scannedUses struct {
	in   *types.Package
	uses []use
}

// accessor reaches an unexported field for another package.
type accessor struct {
	owner *types.TypeName
	field *types.Var
	name  string
}

type proxied struct {
	owner string // path of the package that the proxy is declared in
	t     types.Type
}

// hostedBody is one rewritten function.
type hostedBody struct {
	path    string // package
	id      string
	name    string // its name in the shadow
	text    string
	imports []string // import lines
	depends []string
	entry   *types.Func // not nil: home calls it
	object  *types.Func // not nil: it is a declaration's
	as      hosting
}

func newEmitter(s *session) *emitter {
	return &emitter{s: s, named: map[string]*types.TypeName{}, instances: map[string]instance{}, fields: map[string]bool{},
		whole: map[string]bool{}, converted: map[string]bool{}, functions: map[string]*types.Func{}, required: map[string]bool{}, variables: map[string]*types.Var{},
		constants: map[string]*types.Const{}, methodNames: map[string]bool{"Error": true}, interfaces: map[string]proxied{},
		hosting: map[string]bool{}, valued: map[string]*types.Func{}, accessors: map[string]*accessor{}, exported: map[string]*types.TypeName{}, contains: map[string]bool{}, needs: map[string][]string{}}
}

// hosting is why a function is hosted.
type hosting int

const (
	asEntry       hosting = iota // home calls it
	asItself                     // hosted code calls it under its own name
	asDeferred                   // hosted code defers it: it recovers, which it can only do where the panic is
	asInitialiser                // it gives variables that are born at home their first values
)

// host rewrites a function declaration into the worker.
func (e *emitter) host(info *PackageInfo, file *ast.File, decl *ast.FuncDecl, as hosting) (err *refusal) {
	defer func() {
		if p := recover(); p != nil {
			thrown, ok := p.(refusal)
			if !ok {
				panic(p)
			}
			err = &thrown
		}
	}()
	object := info.Info.Defs[decl.Name].(*types.Func)
	id := functionID(object)
	if as == asItself {
		e.hosting[id] = true
	}
	if as != asEntry && e.s.user[info.Path] != nil {
		e.contains[id] = true
	}
	r := &rewriter{info: info, types: info.Info, file: file, text: info.Source[file], out: e, table: newImportTable(info.Pkg.Path()),
		boxed: map[types.Object]bool{}, old: beforeSharedLoops(info, file)}
	name := decl.Name.Name
	if as != asItself {
		name = hostedName(object)
	}
	if decl.Body == nil {
		return &refusal{reasonNoBody, "it needs " + id + ", which has no Go body", decl.Pos()}
	}
	if as == asEntry && callsRecover(info.Info, decl.Body) {
		return &refusal{reasonRecover, "it calls recover in its own frame", decl.Pos()}
	}
	if why := e.recoversElsewhere(info, decl); why != nil {
		return why
	}
	if why := e.s.cannotRead(info, decl); why != "" {
		return &refusal{reasonAdded, why, decl.Pos()}
	}
	outer := e.scanned
	e.scanned = info.Pkg
	defer func() { e.scanned = outer }()
	imports := e.scan(info, file, decl)
	e.uses = append(e.uses, scannedUses{info.Pkg, usesIn(info, decl)})
	body := &hostedBody{path: info.Pkg.Path(), id: id, name: name, as: as, object: object}
	if as == asEntry {
		body.entry = object
	}
	e.bodies = append(e.bodies, body)
	body.text = r.hosted(decl, name, as)
	e.markSignature(object.Signature())
	for path, alias := range r.table.aliases {
		imports[alias] = fmt.Sprintf("import %s %q", alias, path)
	}
	body.imports = append(usedImports(body.text, imports), "import fire__ \"fireagent/worker\"")
	sort.Strings(body.imports)
	return nil
}

// hostedName is the name of a hosted function that home calls, and of a hosted method.
func hostedName(f *types.Func) string {
	name := f.Name()
	if recv := f.Signature().Recv(); recv != nil {
		t := recv.Type()
		if p, ok := types.Unalias(t).(*types.Pointer); ok {
			t = p.Elem()
		}
		if n, ok := types.Unalias(t).(*types.Named); ok {
			name = n.Obj().Name() + "__" + name
		}
	}
	return "Fire__body_" + name
}

// beforeSharedLoops reports whether a file is of a language version before Go 1.22.
func beforeSharedLoops(info *PackageInfo, file *ast.File) bool {
	version := info.Info.FileVersions[file]
	if version == "" {
		return false
	}
	return compareVersions(strings.TrimPrefix(version, "go"), "1.22") < 0
}

func compareVersions(a, b string) int {
	var x, y [2]int
	fmt.Sscanf(a, "%d.%d", &x[0], &x[1])
	fmt.Sscanf(b, "%d.%d", &y[0], &y[1])
	if x[0] != y[0] {
		return x[0] - y[0]
	}
	return x[1] - y[1]
}

// usedImports are the user's import lines that the rewritten text still needs.
func usedImports(text string, lines map[string]string) []string {
	file, err := parser.ParseFile(token.NewFileSet(), "", "package p\n"+text, 0)
	if err != nil {
		panic(refusal{reasonConstruct, "its rewritten text is not Go: " + err.Error(), token.NoPos})
	}
	var out []string
	for _, id := range file.Unresolved {
		if line, ok := lines[id.Name]; ok {
			out = append(out, line)
			delete(lines, id.Name)
		}
	}
	return out
}

// scan marks all that a declaration mentions and returns the import lines that it may need, by name.
func (e *emitter) scan(info *PackageInfo, file *ast.File, decl ast.Node) map[string]string {
	used := map[*types.PkgName]bool{}
	promoted := map[*ast.Ident]bool{}
	ast.Inspect(decl, func(n ast.Node) bool {
		if literal, ok := n.(*ast.InterfaceType); ok {
			e.markType(info.Info.TypeOf(literal))
		}
		if literal, ok := n.(*ast.StructType); ok {
			if s, ok := info.Info.TypeOf(literal).(*types.Struct); ok {
				for i := range s.NumFields() {
					e.markField(s.Field(i)) // a named struct with the same fields is assignable to it
				}
			}
		}
		if x, ok := n.(*ast.SelectorExpr); ok {
			if s := info.Info.Selections[x]; s != nil && s.Kind() != types.FieldVal {
				hidden, _ := hiddenFrom(s, info.Pkg)
				promoted[x.Sel] = hidden >= 0 // home is asked for the method of the type around it
			}
		}
		id, ok := n.(*ast.Ident)
		if !ok || promoted[id] {
			return true
		}
		if instance, ok := info.Info.Instances[id]; ok {
			for i := range instance.TypeArgs.Len() {
				e.markType(instance.TypeArgs.At(i))
			}
		}
		switch o := info.Info.Uses[id].(type) {
		case *types.PkgName:
			used[o] = true
		case *types.TypeName:
			e.markType(o.Type())
		case *types.Func:
			e.markFunction(o)
		case *types.Const:
			e.markConstant(o)
		case *types.Var:
			if o.IsField() {
				e.markField(o)
			} else if isPackageVariable(o) {
				e.markVariable(o)
			}
		}
		if o := info.Info.Defs[id]; o != nil && o.Type() != nil {
			e.markType(o.Type())
		}
		return true
	})
	lines := map[string]string{}
	for name := range used {
		switch path := name.Imported().Path(); path {
		case "C":
			panic(refusal{reasonCgo, "it names cgo", decl.Pos()})
		case "unsafe":
			lines[name.Name()] = "import " + name.Name() + " \"unsafe\""
		default:
			lines[name.Name()] = fmt.Sprintf("import %s %q", name.Name(), path)
		}
	}
	return lines
}

func (e *emitter) markSignature(signature *types.Signature) {
	for _, t := range parameterTypes(signature) {
		e.markType(t)
	}
	for i := range signature.Results().Len() {
		e.markType(signature.Results().At(i).Type())
	}
}

// markType notes every name that a type is written with.
func (e *emitter) markType(t types.Type) {
	if t == nil {
		return
	}
	walkWithAliases(t, map[types.Type]bool{}, func(t types.Type) {
		switch t := t.(type) {
		case *types.Alias:
			e.name(t.Obj())
		case *types.Named:
			e.name(t.Obj())
			if i, ok := t.Underlying().(*types.Interface); t.TypeArgs().Len() > 0 && !isOpen(t) && !mentionsLocal(t) && (!ok || i.IsMethodSet()) {
				if _, have := e.instances[canonicalType(t)]; !have {
					e.instances[canonicalType(t)] = instance{t, e.scanned}
					e.changed = true
				}
			}
		case *types.Interface:
			e.markInterface(t)
			if t.NumMethods() > 0 && t.IsMethodSet() && !isOpen(t) && !mentionsLocal(t) && nameable(t, e.scanned) {
				e.proxy(t)
			}
		}
	})
}

func (e *emitter) name(o *types.TypeName) {
	if o.Pkg() == nil || o.Parent() != o.Pkg().Scope() {
		return
	}
	key := o.Pkg().Path() + "." + o.Name()
	if e.named[key] == nil {
		e.named[key] = o
		e.changed = true
	}
}

func (e *emitter) markInterface(t *types.Interface) {
	for i := range t.NumMethods() {
		if name := t.Method(i).Name(); !e.methodNames[name] {
			e.methodNames[name] = true
			e.changed = true
		}
	}
}

func (e *emitter) markField(f *types.Var) {
	if f.Pkg() == nil {
		return
	}
	key := f.Pkg().Path() + "." + f.Origin().Name()
	if !e.fields[key] {
		e.fields[key] = true
		e.changed = true
	}
}

// markCompared notes a type whose values the worker compares or converts: all of its fields must be real.
func (e *emitter) markCompared(t types.Type) {
	if t == nil {
		return
	}
	walkWithAliases(t, map[types.Type]bool{}, func(t types.Type) {
		if n, ok := t.(*types.Named); ok && n.Obj().Pkg() != nil {
			if key := n.Obj().Pkg().Path() + "." + n.Obj().Name(); !e.whole[key] {
				if s, ok := n.Underlying().(*types.Struct); ok {
					e.whole[key] = true
					e.changed = true
					for i := range s.NumFields() {
						e.markCompared(s.Field(i).Type())
					}
				}
			}
		}
	})
}

// markConverted notes a struct that is taken for another: both must be declared alike.
func (e *emitter) markConverted(t types.Type) {
	n, ok := types.Unalias(t).(*types.Named)
	if !ok || n.Obj().Pkg() == nil {
		return
	}
	if _, ok := n.Underlying().(*types.Struct); !ok {
		return
	}
	if key := n.Obj().Pkg().Path() + "." + n.Obj().Name(); !e.converted[key] {
		e.converted[key] = true
		e.changed = true
	}
}

// taken is a struct type of another package that a named type was declared as: its unexported fields can only be had by
// its name. Nil: it is declared field by field.
func taken(named *types.Named) *types.Named {
	s, ok := named.Underlying().(*types.Struct)
	if !ok || named.TypeParams().Len() > 0 {
		return nil
	}
	for i := range s.NumFields() {
		f := s.Field(i)
		if f.Exported() || f.Pkg() == nil || f.Pkg().Path() == named.Obj().Pkg().Path() {
			continue
		}
		scope := f.Pkg().Scope()
		for _, name := range scope.Names() {
			o, ok := scope.Lookup(name).(*types.TypeName)
			if !ok || o.IsAlias() || !o.Exported() {
				continue
			}
			if n, ok := o.Type().(*types.Named); ok && n.TypeParams().Len() == 0 && types.Identical(n.Underlying(), s) {
				return n
			}
		}
		return nil
	}
	return nil
}

func (e *emitter) markVariable(v *types.Var) {
	key := v.Pkg().Path() + "." + v.Name()
	born := e.s.isBorn(v)
	if !born {
		e.need(key)
	}
	if e.variables[key] == nil {
		e.variables[key] = v
		e.changed = true
		e.markType(v.Type())
		if born {
			e.bear(v)
		}
	}
}

func (e *emitter) markConstant(c *types.Const) {
	if c.Pkg() == nil || c.Parent() != c.Pkg().Scope() {
		return
	}
	key := c.Pkg().Path() + "." + c.Name()
	if e.constants[key] == nil {
		e.constants[key] = c
		e.changed = true
		e.markType(c.Type())
	}
}

// markFunction notes a function that hosted code names: it is called at home, or comes along if it cannot be.
func (e *emitter) markFunction(f *types.Func) {
	f = f.Origin()
	if f.Pkg() == nil {
		return
	}
	signature := f.Signature()
	id := functionID(f)
	if recv := signature.Recv(); recv != nil {
		if types.IsInterface(recv.Type()) {
			return
		}
		e.markMethod(id, f)
		return
	}
	if _, ok := replaced[id]; ok || id == "reflect.TypeFor" {
		return
	}
	library := e.s.user[f.Pkg().Path()] == nil
	if signature.TypeParams().Len() > 0 || library && !f.Exported() {
		e.bringAlong(id, f)
		return
	}
	e.declare(id, f, true)
}

// replaced are functions that the worker runtime has itself: home could not run them for a body.
var replaced = map[string]string{"iter.Pull": "fire__.Pull", "iter.Pull2": "fire__.Pull2", "maps.Clone": "fire__.CloneMap", "runtime.Goexit": "fire__.Goexit"}

// markMethod is markFunction for methods. Home cannot be asked for a library's unexported ones, nor for those of
// generic types that it may not have instantiated.
func (e *emitter) markMethod(id string, f *types.Func) {
	library := e.s.user[f.Pkg().Path()] == nil
	t := f.Signature().Recv().Type()
	if p, ok := types.Unalias(t).(*types.Pointer); ok {
		t = p.Elem()
	}
	named, _ := types.Unalias(t).(*types.Named)
	exported := f.Exported() && named != nil && named.Obj().Exported()
	generic := f.Signature().RecvTypeParams().Len() > 0
	if library && !exported || !library && generic {
		if e.tryAlong(id, f) || !f.Exported() {
			return
		}
	}
	e.declare(id, f, true)
}

// tryAlong brings a function along. Not: it is refused, and home can be asked for it.
func (e *emitter) tryAlong(id string, f *types.Func) (ok bool) {
	kept := len(e.bodies)
	defer func() {
		if p := recover(); p != nil {
			if _, refused := p.(refusal); !refused || !f.Exported() {
				panic(p)
			}
			for _, b := range e.bodies[kept:] {
				delete(e.hosting, b.id)
			}
			delete(e.hosting, id)
			e.bodies = e.bodies[:kept]
			ok = false
		}
	}()
	e.bringAlong(id, f)
	return true
}

// need notes that the function being hosted is of no use if home does not hold something.
func (e *emitter) need(id string) {
	if list := e.needs[id]; len(list) == 0 || list[len(list)-1] != e.entry {
		e.needs[id] = append(list, e.entry)
	}
}

// declare notes a stub.
func (e *emitter) declare(id string, f *types.Func, required bool) {
	if required {
		e.need(id)
	}
	if required && !e.required[id] {
		e.required[id] = true
		e.changed = true
	}
	if e.functions[id] != nil {
		return
	}
	e.functions[id] = f
	e.changed = true
	e.markSignature(f.Signature())
}

// bringAlong hosts a function that home cannot be asked for: a generic one, or an unexported one of a library.
func (e *emitter) bringAlong(id string, f *types.Func) {
	if e.hosting[id] {
		return
	}
	e.hosting[id] = true
	hosted := false
	defer func() {
		if !hosted {
			delete(e.hosting, id) // whoever asks for it next must be refused as well
		}
	}()
	info := e.s.sourceOf(f.Pkg().Path())
	if info == nil {
		panic(refusal{reasonGeneric, "it needs the source of " + id, token.NoPos})
	}
	file, decl := info.declaration(id)
	if decl == nil {
		panic(refusal{reasonGeneric, "it needs the source of " + id, token.NoPos})
	}
	if err := e.host(info, file, decl, asItself); err != nil {
		err.detail = "it needs " + id + ": " + err.detail
		panic(*err)
	}
	hosted = true
}

// declaration finds the declaration of a function.
func (info *PackageInfo) declaration(id string) (*ast.File, *ast.FuncDecl) {
	declared(info)
	if f := info.byID[id]; f != nil {
		return f.File, f.Decl
	}
	return nil, nil
}

// hostDeferred hosts a function that recovers and that hosted code defers; it returns its name.
func (e *emitter) hostDeferred(f *types.Func) string {
	id := functionID(f)
	for _, b := range e.bodies {
		if b.id == id && b.as == asDeferred {
			return b.name
		}
	}
	info := e.s.sourceOf(f.Pkg().Path())
	if info == nil {
		panic(refusal{reasonRecover, "it defers " + id + ", which recovers", token.NoPos})
	}
	file, decl := info.declaration(id)
	if decl == nil {
		panic(refusal{reasonRecover, "it defers " + id + ", which recovers", token.NoPos})
	}
	if err := e.host(info, file, decl, asDeferred); err != nil {
		err.detail = "it defers " + id + ": " + err.detail
		panic(*err)
	}
	return hostedName(f.Origin())
}

// recovers reports whether a function calls recover in its own frame. None of the standard library does so for the
// function that defers it.
func (e *emitter) recovers(f *types.Func) bool {
	f = f.Origin()
	if f.Pkg() == nil {
		return false
	}
	if info := e.s.user[f.Pkg().Path()]; info != nil {
		_, decl := info.declaration(functionID(f))
		return decl != nil && decl.Body != nil && callsRecover(info.Info, decl.Body)
	}
	p := e.s.listed[f.Pkg().Path()]
	return p != nil && !p.Standard && e.s.recoverers(p)[f.Name()]
}

// someoneRecovers reports whether a method of this name of the user calls recover in its own frame.
func (s *session) someoneRecovers(name string) bool {
	for _, info := range s.user {
		for _, file := range info.Files {
			for _, d := range file.Decls {
				if decl, ok := d.(*ast.FuncDecl); ok && decl.Recv != nil && decl.Name.Name == name && decl.Body != nil && callsRecover(info.Info, decl.Body) {
					return true
				}
			}
		}
	}
	return false
}

// recoverers are the names of a library's functions and methods that call recover.
func (s *session) recoverers(p *listed) map[string]bool {
	if found, ok := s.recovering[p.ImportPath]; ok {
		return found
	}
	found := map[string]bool{}
	for _, name := range absolute(p.Dir, p.GoFiles, p.CgoFiles) {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			continue
		}
		for _, d := range file.Decls {
			if decl, ok := d.(*ast.FuncDecl); ok && decl.Body != nil {
				ast.Inspect(decl.Body, func(n ast.Node) bool {
					if call, ok := n.(*ast.CallExpr); ok {
						if id, ok := call.Fun.(*ast.Ident); ok && id.Name == "recover" {
							found[decl.Name.Name] = true
						}
					}
					_, literal := n.(*ast.FuncLit)
					return !literal
				})
			}
		}
	}
	if s.recovering == nil {
		s.recovering = map[string]map[string]bool{}
	}
	s.recovering[p.ImportPath] = found
	return found
}

// sourceOf is a package with its bodies: the user's as it stands, a library's read once.
func (s *session) sourceOf(path string) *PackageInfo {
	if info := s.user[path]; info != nil {
		return info
	}
	if info := s.sourced[path]; info != nil {
		return info
	}
	p := s.listed[path]
	if p == nil {
		return nil
	}
	files := p.GoFiles
	if len(p.CompiledGoFiles) > 0 {
		files = p.CompiledGoFiles
	}
	var names []string
	for _, f := range absolute(p.Dir, files) {
		if filepath.Ext(f) == ".go" {
			names = append(names, f)
		}
	}
	info := s.checkFiles(p, names, s)
	if info.Pkg == nil {
		return nil
	}
	s.sourced[path] = info
	return info
}

// walkWithAliases visits a type and all that it is written with, names of aliases included.
func walkWithAliases(t types.Type, seen map[types.Type]bool, visit func(types.Type)) {
	if a, ok := t.(*types.Alias); ok {
		if seen[a] {
			return
		}
		seen[a] = true
		visit(a)
		for i := range a.TypeArgs().Len() {
			walkWithAliases(a.TypeArgs().At(i), seen, visit)
		}
		walkWithAliases(a.Rhs(), seen, visit)
		return
	}
	if t == nil || seen[t] {
		return
	}
	visit(t)
	seen[t] = true
	for _, part := range parts(t) {
		walkWithAliases(part, seen, visit)
	}
}

// parts are the types that a type is written with.
func parts(t types.Type) []types.Type {
	var out []types.Type
	switch t := t.(type) {
	case *types.Named:
		for i := range t.TypeArgs().Len() {
			out = append(out, t.TypeArgs().At(i))
		}
	case *types.Pointer:
		out = append(out, t.Elem())
	case *types.Slice:
		out = append(out, t.Elem())
	case *types.Array:
		out = append(out, t.Elem())
	case *types.Chan:
		out = append(out, t.Elem())
	case *types.Map:
		out = append(out, t.Key(), t.Elem())
	case *types.Tuple:
		for i := range t.Len() {
			out = append(out, t.At(i).Type())
		}
	case *types.Signature:
		out = append(out, t.Params(), t.Results())
	case *types.Struct:
		for i := range t.NumFields() {
			out = append(out, t.Field(i).Type())
		}
	case *types.Interface:
		for i := range t.NumExplicitMethods() {
			out = append(out, t.ExplicitMethod(i).Type())
		}
		for i := range t.NumEmbeddeds() {
			out = append(out, t.EmbeddedType(i))
		}
	case *types.Union:
		for i := range t.Len() {
			out = append(out, t.Term(i).Type())
		}
	}
	return out
}
