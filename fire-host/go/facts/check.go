package main

import (
	"go/ast"
	"go/importer"
	"go/parser"
	"go/scanner"
	"go/token"
	"go/types"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// PackageInfo is one type-checked package read from source.
type PackageInfo struct {
	Path   string
	Pkg    *types.Package
	Info   *types.Info
	Files  []*ast.File
	Fset   *token.FileSet
	Source map[*ast.File][]byte
	Names  map[*ast.File]string // absolute file names
	Errors []diagnostic
	meta   *listed
	export string   // fingerprint of what importers can see
	c      *beyondC // nil: C has no part in it

	functions []*function // in source order, once asked for
	byID      map[string]*function
	namings   []naming // in declarations of variables
	named     bool     // namings has been read

	addressReaders map[string]bool // see addresses.go, once asked for
}

// name is the package's name, also if all of its files are tests.
func (info *PackageInfo) name() string {
	if name := info.Pkg.Name(); name != "" {
		return name
	}
	return info.meta.Name
}

// diagnostic is one compiler message.
type diagnostic struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Col     int    `json:"col"`
	Message string `json:"message"`
}

func listDiagnostic(e *listedError, dir string) diagnostic {
	d := diagnostic{Message: strings.TrimSpace(e.Err)}
	parts := strings.Split(e.Pos, ":")
	if len(parts) >= 2 {
		d.File = parts[0]
		d.Line, _ = strconv.Atoi(parts[1])
		if len(parts) >= 3 {
			d.Col, _ = strconv.Atoi(parts[2])
		}
		if !filepath.IsAbs(d.File) {
			d.File = filepath.Join(dir, d.File)
		}
	}
	return d
}

// check parses and type-checks a package of the user from its source.
func (s *session) check(p *listed) *PackageInfo {
	info := s.checkFiles(p, absolute(p.Dir, p.GoFiles, p.CgoFiles), s)
	s.noteC(info)
	info.export = exportFingerprint(info.Pkg)
	return info
}

func newInfo() *types.Info {
	return &types.Info{
		Types:        map[ast.Expr]types.TypeAndValue{},
		Instances:    map[*ast.Ident]types.Instance{},
		Defs:         map[*ast.Ident]types.Object{},
		Uses:         map[*ast.Ident]types.Object{},
		Implicits:    map[ast.Node]types.Object{},
		Selections:   map[*ast.SelectorExpr]*types.Selection{},
		Scopes:       map[ast.Node]*types.Scope{},
		FileVersions: map[*ast.File]string{},
	}
}

// checkFiles is check with a given list of files and importer.
func (s *session) checkFiles(p *listed, files []string, imp types.ImporterFrom) *PackageInfo {
	info := &PackageInfo{Path: p.ImportPath, Fset: s.fset, Info: newInfo(), Source: map[*ast.File][]byte{}, Names: map[*ast.File]string{}, meta: p}
	broken := false
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			info.Errors = append(info.Errors, diagnostic{File: name, Line: 1, Col: 1, Message: err.Error()})
			broken = true
			continue
		}
		file, err := parser.ParseFile(s.fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
		if list, ok := err.(scanner.ErrorList); ok {
			for _, e := range list {
				info.Errors = append(info.Errors, diagnostic{e.Pos.Filename, e.Pos.Line, e.Pos.Column, "syntax error: " + e.Msg})
			}
			broken = true
		}
		if file == nil {
			continue
		}
		info.Files = append(info.Files, file)
		info.Source[file] = text
		info.Names[file] = name
	}
	version := ""
	if p.Module != nil && p.Module.GoVersion != "" {
		version = "go" + p.Module.GoVersion
	}
	config := types.Config{
		Importer:    mappedImporter{s, p, imp},
		Sizes:       s.sizes,
		GoVersion:   version,
		FakeImportC: len(p.CgoFiles) > 0,
		Error: func(err error) {
			e, ok := err.(types.Error)
			if !ok || broken && strings.Contains(err.Error(), "undeclared") {
				return
			}
			at := e.Fset.Position(e.Pos)
			info.Errors = append(info.Errors, diagnostic{at.Filename, at.Line, at.Column, e.Msg})
		},
	}
	path := p.ImportPath
	if i := strings.Index(path, " ["); i >= 0 {
		path = path[:i]
	}
	info.Pkg, _ = config.Check(path, s.fset, info.Files, info.Info)
	if len(info.Errors) == 0 && info.qualified() {
		info.checkAgain(&config, path, s.fset)
	}
	return info
}

// exportFingerprint is a text that changes when, and only when, importers can see a difference.
func exportFingerprint(pkg *types.Package) string {
	var b strings.Builder
	scope := pkg.Scope()
	seen := map[*types.Named]bool{}
	qualifier := func(p *types.Package) string { return p.Path() }
	var named func(t types.Type)
	named = func(t types.Type) {
		n, ok := types.Unalias(t).(*types.Named)
		if !ok || n.Obj().Pkg() != pkg || seen[n] {
			return
		}
		seen[n] = true
		b.WriteString(types.TypeString(n, qualifier) + "=" + types.TypeString(n.Underlying(), qualifier) + "\n")
		for i := range n.NumMethods() {
			b.WriteString(types.ObjectString(n.Method(i), qualifier) + "\n")
		}
	}
	for _, name := range scope.Names() { // sorted; unexported types can be reached through exported ones
		object := scope.Lookup(name)
		if c, ok := object.(*types.Const); ok && object.Exported() {
			b.WriteString(types.ObjectString(c, qualifier) + "=" + c.Val().ExactString() + "\n")
		} else if _, isType := object.(*types.TypeName); object.Exported() || isType {
			b.WriteString(types.ObjectString(object, qualifier) + "\n")
		}
		if _, ok := object.(*types.TypeName); ok {
			named(object.Type())
		}
	}
	return b.String()
}

// exportImporter imports libraries from compiled export data.
type exportImporter struct {
	session *session
	gc      types.ImporterFrom
}

func newExportImporter(s *session) *exportImporter {
	e := &exportImporter{session: s}
	lookup := func(path string) (io.ReadCloser, error) {
		p := e.session.listed[path]
		if p == nil || p.Export == "" {
			return nil, os.ErrNotExist
		}
		return os.Open(p.Export)
	}
	e.gc = importer.ForCompiler(s.fset, "gc", lookup).(types.ImporterFrom)
	return e
}

// ImportFrom imports a package by its resolved path: the user's from source, others from export data.
func (s *session) ImportFrom(path, dir string, mode types.ImportMode) (*types.Package, error) {
	if path == "unsafe" {
		return types.Unsafe, nil
	}
	if info := s.user[path]; info != nil {
		return info.Pkg, nil
	}
	return s.exports.gc.ImportFrom(path, dir, mode)
}

// Import is ImportFrom without a directory.
func (s *session) Import(path string) (*types.Package, error) { return s.ImportFrom(path, "", 0) }

// mappedImporter resolves an import line to an import path as `go list` said (vendor directories, test variants).
type mappedImporter struct {
	session *session
	from    *listed
	next    types.ImporterFrom
}

func (m mappedImporter) Import(path string) (*types.Package, error) { return m.ImportFrom(path, "", 0) }

func (m mappedImporter) ImportFrom(path, dir string, mode types.ImportMode) (*types.Package, error) {
	if to, ok := m.from.ImportMap[path]; ok {
		path = to
	}
	return m.next.ImportFrom(path, dir, mode)
}
