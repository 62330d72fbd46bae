package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"os"
	"path/filepath"
	"strings"
)

// When tests are verified, the instances of the user's generic code that they lead to move too. Test files are read for
// that alone: nothing in them is instrumented or moved. They are checked with a package of their own, so what they
// mention is translated into the types of the program; what only a test can name is left out.

// testUses lists the instantiations that a package's tests mention, in the program's types.
func (s *session) testUses(info *PackageInfo) []use {
	if !s.request.Skip || len(info.meta.TestGoFiles)+len(info.meta.XTestGoFiles) == 0 {
		return nil
	}
	if s.tested == nil {
		s.tested = map[*PackageInfo][]use{}
	}
	if found, ok := s.tested[info]; ok {
		return found
	}
	inside := s.checkFiles(info.meta, absolute(info.meta.Dir, info.meta.GoFiles, info.meta.TestGoFiles), s)
	checked := []*PackageInfo{inside}
	if len(info.meta.XTestGoFiles) > 0 && inside.Pkg != nil {
		outside := *info.meta
		outside.ImportPath += "_test"
		checked = append(checked, s.checkFiles(&outside, absolute(info.meta.Dir, info.meta.XTestGoFiles), instead{s, inside.Pkg}))
	}
	found := []use{}
	for _, one := range checked {
		for _, file := range one.Files {
			if !strings.HasSuffix(one.Names[file], "_test.go") {
				continue
			}
			for _, u := range usesIn(one, file) {
				if ours, ok := s.ours(u); ok {
					found = append(found, ours)
				}
			}
		}
	}
	s.tested[info] = found
	return found
}

// instead imports a package with its tests in place of the one without.
type instead struct {
	*session
	pkg *types.Package
}

func (i instead) Import(path string) (*types.Package, error) { return i.ImportFrom(path, "", 0) }

func (i instead) ImportFrom(path, dir string, mode types.ImportMode) (*types.Package, error) {
	if path == i.pkg.Path() {
		return i.pkg, nil
	}
	return i.session.ImportFrom(path, dir, mode)
}

// ours is an instantiation of the user's code in the program's types. Not ok: only a test can name it.
func (s *session) ours(u use) (use, bool) {
	if u.object == nil || u.object.Pkg() == nil {
		return use{}, false
	}
	info := s.user[u.object.Pkg().Path()]
	if info == nil || u.object.Parent() != u.object.Pkg().Scope() {
		return use{}, false
	}
	out := use{object: info.Pkg.Scope().Lookup(u.object.Name())}
	if out.object == nil {
		return use{}, false
	}
	for _, a := range u.args {
		now := s.today(a)
		if isOpen(now) || mentionsLocal(now) || anyType(now, func(t types.Type) bool { return !s.known(t) }) {
			return use{}, false
		}
		out.args = append(out.args, now)
	}
	return out, true
}

// known reports whether a type is one of the program's, not a test's.
func (s *session) known(t types.Type) bool {
	switch t := t.(type) {
	case *types.Basic:
		return t.Kind() != types.Invalid
	case *types.Named:
		p := t.Obj().Pkg()
		if p == nil {
			return true
		}
		if info := s.user[p.Path()]; info != nil {
			return p == info.Pkg
		}
		return s.listed[p.Path()] != nil
	}
	return true
}

// instancesTest is the test file that makes the types which only the tests lead to known to home. Empty: there are none.
func (s *session) instancesTest(info *PackageInfo, exported map[string]*types.TypeName) string {
	table := newImportTable(info.Pkg.Path())
	found := map[string]string{}
	s.expand(s.testUses(info), func(n *types.Named) {
		if packageLevel(n) && registrableInstance(n) && !mentionsLocal(n) && (s.written(n, info.Pkg) || s.exportable(n, info)) {
			found[canonicalType(n)] = exportedText(table, exported, n)
		}
	})
	methods := testMethods(info)
	if len(found) == 0 && methods == "" {
		return ""
	}
	var text strings.Builder
	fmt.Fprintf(&text, generated+"package %s\n\nimport __fire_test_types \"fireagent/home\"\n%s\nfunc init() {\n\t__fire_test_types.Types(\n", info.name(), table.lines())
	for _, name := range sortedKeys(found) {
		fmt.Fprintf(&text, "\t\t%q, (*%s)(nil),\n", name, found[name])
	}
	fmt.Fprintf(&text, "\t)\n\t__fire_test_types.Functions(\n%s\t)\n}\n", methods)
	return text.String()
}

// testMethods registers the unexported methods of the types that a package's tests declare: interfaces of the package may
// ask for them, and reflect does not show them.
func testMethods(info *PackageInfo) string {
	var b strings.Builder
	for _, name := range absolute(info.meta.Dir, info.meta.TestGoFiles) {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			continue // Go says so
		}
		for _, d := range file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok || f.Recv == nil || len(f.Recv.List) != 1 || f.Name.IsExported() || f.Name.Name == "_" {
				continue
			}
			t := ast.Unparen(f.Recv.List[0].Type)
			pointer, isPointer := t.(*ast.StarExpr)
			if isPointer {
				t = ast.Unparen(pointer.X)
			}
			id, ok := t.(*ast.Ident)
			switch {
			case !ok: // generic
			case isPointer:
				fmt.Fprintf(&b, "\t\t\"%s.(*%s).%s\", (*%s).%s,\n", info.Path, id.Name, f.Name.Name, id.Name, f.Name.Name)
			default:
				fmt.Fprintf(&b, "\t\t\"%s.%s.%s\", %s.%s,\n", info.Path, id.Name, f.Name.Name, id.Name, f.Name.Name)
			}
		}
	}
	return b.String()
}

// putTests writes the test files of one package.
func (b *homeBuild) putTests(info *PackageInfo, libraries []string) error {
	if len(info.meta.TestGoFiles)+len(info.meta.XTestGoFiles) == 0 {
		return nil
	}
	if text := b.s.instancesTest(info, b.exported); text != "" {
		if err := b.put(filepath.Join(info.meta.Dir, "zz_fire_instances_test.go"), text); err != nil {
			return err
		}
	}
	return b.put(filepath.Join(info.meta.Dir, "zz_fire_begin_test.go"), beginTest(info, libraries))
}

// measureNatively has testing.AllocsPerRun measure native code when tests are verified: of a call that is carried out by
// messages it would count fire's own allocations.
func (b *homeBuild) measureNatively() error {
	if !b.s.request.Skip {
		return nil
	}
	const head, imports = "func AllocsPerRun(runs int, f func()) (avg float64) {", "import ("
	name := filepath.Join(b.s.goRoot, "src", "testing", "allocs.go")
	text, err := os.ReadFile(name)
	if err != nil || !strings.Contains(string(text), head) || !strings.Contains(string(text), imports) {
		return nil // another Go's: its measurements count fire's allocations too
	}
	patched := strings.Replace(string(text), head, head+" defer __fire_home.Natively()();", 1)
	return b.put(name, strings.Replace(patched, imports, imports+" __fire_home \"fireagent/home\";", 1))
}
