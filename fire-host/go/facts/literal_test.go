package main

import (
	"slices"
	"strings"
	"testing"
)

func TestLiteralsAreNamedAsInTheUsersProgram(t *testing.T) {
	s := program(t, `package p

type T struct { n int; f func() }

func Plain(t *T) func() { return func() { t.n++ } }

func Added(t *T, list []int) (n int) {
	defer func() { n++ }()
	p := &n
	for i := 0; i < 3; list[i]++ { i++ }
	return func() int { func() { *p = 4 }(); return 3 }()
}

func (t *T) Method() { go t.f() }

func Generic[K any](k K, f func(K)) { func() { f(k) }() }

func Use() { Generic(1, func(int) {}) }
`)
	for id, want := range map[string]string{
		"Plain":       `"Fire__body_Plain", "Plain"`,
		"(*T).Method": `"Fire__body_T__Method", "(*T).Method"`,
		"Generic":     `"Fire__body_Generic", "Generic[...]"`,
	} {
		e := newEmitter(s)
		if code, detail := e.hostEntry(s.findFunction("example.com/p."+id), false); code != "" {
			t.Fatal(id, code, detail)
		}
		if text := e.bodies[0].frames(); !strings.Contains(text, want) {
			t.Errorf("%s: %s", id, text)
		}
	}
	e := newEmitter(s)
	if code, detail := e.hostEntry(s.findFunction("example.com/p.Added"), false); code != "" {
		t.Fatal(code, detail)
	}
	// Two of fire's come first: the result that lies at home is read when the function ends, and list[i]++ is no simple statement.
	names := literalNames(e.bodies[0].text)
	for _, want := range [][2]string{{".func2", ".func1"}, {".func4", ".func2"}, {".func4.1", ".func2.1"}, {".func3", "="}, {".func1", "-"}} {
		at := slices.Index(names, want[0])
		if at < 0 || names[at+1] != want[1] {
			t.Errorf("%s is not %s in %q of\n%s", want[0], want[1], names, e.bodies[0].text)
		}
	}
}
