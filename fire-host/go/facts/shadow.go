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
	if why := r.tellsStringsApart(decl); why != "" {
		return &refusal{reasonUnsafe, why, decl.Pos()}
	}
	if at := r.headerMade(decl); at.IsValid() {
		return &refusal{reasonUnsafe, "the header of a slice or a string made of numbers", at}
	}
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

// declaration finds the declaration of a function.
func (info *PackageInfo) declaration(id string) (*ast.File, *ast.FuncDecl) {
	declared(info)
	if f := info.byID[id]; f != nil {
		return f.File, f.Decl
	}
	return nil, nil
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
