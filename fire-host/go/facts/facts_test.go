package main

import (
	"go/types"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// program loads a module of one package.
func program(t *testing.T, source string) *session {
	t.Helper()
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("go.mod", "module example.com/p\n\ngo 1.24\n")
	write("p.go", source)
	var s session
	reply := map[string]any{}
	if err := s.load(&request{Dir: dir}, reply); err != nil {
		t.Fatal(err)
	}
	if found := reply["diagnostics"].([]diagnostic); len(found) > 0 {
		t.Fatal(found)
	}
	return &s
}

// moved is the rewritten text of a function, without its line directives.
func moved(t *testing.T, s *session, id string) string {
	t.Helper()
	f := s.findFunction(id)
	if f == nil {
		t.Fatalf("no function %s", id)
	}
	e := newEmitter(s)
	if code, detail := e.hostEntry(f, false); code != "" {
		return code + ": " + detail
	}
	var lines []string
	for _, line := range strings.Split(e.bodies[0].text, "\n") {
		if strings.HasPrefix(line, "//line") {
			continue
		}
		if _, rest, ok := strings.Cut(line, "*/"); ok {
			line = rest
		}
		lines = append(lines, strings.TrimSpace(line))
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}

func TestBodies(t *testing.T) {
	s := program(t, `package p

import "unsafe"

type T struct { n int; next *T; m map[string]int }

var count int

func Load(t *T) int { return t.next.n + count }
func Store(t *T) { t.n = 5; t.m["a"]++ }
func Slice(s []int) []int { return append(s, s[0]) }
func Local(n int) int { x := n; x++; return x }
func Box(n int) *int { return &n }
func Recovers() { recover() }
func Reads(p unsafe.Pointer) int { return *(*int)(p) }
func Text(s string) int { return (*struct{ p unsafe.Pointer; n int })(unsafe.Pointer(&s)).n }
func (t T) Value() int { return t.n }
func Calls(t *T) int { return t.Value() }
`)
	for id, want := range map[string][]string{
		"Load":     {"fire__.Load(&(fire__.Load(&(t).next)).n) + fire__.Load(Fire__count)"},
		"Store":    {"fire__.Ref(&(t).n).Set(5)", `fire__.Map(fire__.Load(&(t).m))`},
		"Slice":    {"fire__.Slice(s).Append(fire__.Load(&(s)[0]))"},
		"Local":    {"x := n", "x++", "return x"},
		"Box":      {"fire__.Box(", "return fire__.NonNil(n)"},
		"Recovers": {"recover: "},
		"Reads":    {"fire__.Load((*int)(p))"},
		"Text":     {"unsafe: "},
		"Calls":    {"fire__.Load(t).Value()"},
	} {
		got := moved(t, s, "example.com/p."+id)
		for _, part := range want {
			if !strings.Contains(got, part) {
				t.Errorf("%s is rewritten without %q:\n%s", id, part, got)
			}
		}
	}
}

func TestUpdateSeesTheNewBody(t *testing.T) {
	s := program(t, "package p\n\nfunc F() int { return 1 }\n")
	file := s.fset.Position(s.findFunction("example.com/p.F").Decl.Pos()).Filename
	if err := os.WriteFile(file, []byte("package p\n\nfunc F() int { return x }\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	reply := map[string]any{}
	if err := s.update(&request{Files: []string{file}}, reply); err != nil {
		t.Fatal(err)
	}
	found := reply["diagnostics"].([]diagnostic)
	if len(found) != 1 || found[0].Line != 3 || found[0].Message != "undefined: x" {
		t.Errorf("the update found %v", found)
	}
}

func TestInstrumentationMovesNoLine(t *testing.T) {
	source := "package p\n\nfunc F(int,\n\t_ string) (n int) {\n\treturn 1\n}\n"
	s := program(t, source)
	reply := map[string]any{}
	out := t.TempDir()
	if err := s.instrument(&request{Out: out}, reply); err != nil {
		t.Fatal(err)
	}
	file := s.fset.Position(s.findFunction("example.com/p.F").Decl.Pos()).Filename
	text, err := os.ReadFile(filepath.Join(out, "src", file))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(string(text), "\n") != strings.Count(source, "\n") || !strings.Contains(string(text), "__fire[0].Hot()") {
		t.Errorf("the instrumented text is\n%s", text)
	}
}

func TestOverlayIsNotYoung(t *testing.T) {
	s := program(t, "package p\n\nfunc F() {}\n")
	reply := map[string]any{}
	out := t.TempDir()
	if err := s.instrument(&request{Out: out}, reply); err != nil {
		t.Fatal(err)
	}
	count := 0
	err := filepath.WalkDir(out, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".go" {
			return err
		}
		info, err := d.Info()
		if count++; err == nil && time.Since(info.ModTime()) < 2*time.Second {
			t.Errorf("%s is too young to be found by Go 1.25", path)
		}
		return err
	})
	if err != nil || count == 0 {
		t.Fatal(count, err)
	}
}

// TestPure holds every entry of pure.txt to what makes it safe to run in a worker.
func TestPure(t *testing.T) {
	s := program(t, `package p

import (
	_ "html"
	_ "math"
	_ "math/bits"
	_ "net/url"
	_ "path"
	_ "sort"
	_ "strconv"
	_ "strings"
	_ "unicode"
	_ "unicode/utf8"
)
`)
	for id := range pure {
		dot := strings.LastIndexByte(id, '.')
		pkg, err := s.Import(id[:dot])
		if err != nil {
			t.Errorf("%s: %v", id, err)
			continue
		}
		f, ok := pkg.Scope().Lookup(id[dot+1:]).(*types.Func)
		if !ok {
			t.Errorf("%s is no function", id)
		} else if !onlyValues(f.Signature()) {
			t.Errorf("%s takes or gives more than values", id)
		}
	}
}
