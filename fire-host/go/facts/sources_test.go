package main

import (
	"os"
	"path/filepath"
	"testing"
)

// Of what an edit touches, the go command reads little: the rest is the compiler's alone.
func TestShapes(t *testing.T) {
	s := program(t, "package p\n\nimport \"os\"\n\ntype T struct{ A int }\n\nfunc F() { os.Exit(0) }\n\nfunc G() {}\n")
	built := func(text string) source {
		t.Helper()
		name := filepath.Join(s.request.Dir, "p.go")
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := s.update(&request{Files: []string{name}}, map[string]any{}); err != nil {
			t.Fatal(err)
		}
		reply := map[string]any{}
		if err := s.instrument(&request{Out: t.TempDir()}, reply); err != nil {
			t.Fatal(err)
		}
		return reply["sources"].(map[string]any)["packages"].(map[string]source)["example.com/p"]
	}
	first := built("package p\n\nimport \"os\"\n\ntype T struct{ A int }\n\nfunc F() { os.Exit(0) }\n\nfunc G() {}\n")
	field := built("package p\n\nimport \"os\"\n\ntype T struct{ A, B int }\n\nfunc F() { os.Exit(0) }\n\nfunc G() {}\n\nfunc H() {}\n")
	if field.Digest == first.Digest || field.Shape != first.Shape {
		t.Errorf("a field and a function: %v, then %v", first, field)
	}
	for name, text := range map[string]string{
		"an import":   "package p\n\nimport (\n\t\"os\"\n\t_ \"embed\"\n)\n\ntype T struct{ A int }\n\nfunc F() { os.Exit(0) }\n\nfunc G() {}\n",
		"a directive": "package p\n\nimport \"os\"\n\ntype T struct{ A int }\n\nfunc F() { os.Exit(0) }\n\n//go:nosplit\nfunc G() {}\n",
	} {
		if other := built(text); other.Shape == first.Shape {
			t.Errorf("%s: the shape stays", name)
		}
	}
}
