package main

import (
	"slices"
	"testing"
)

func TestOnce(t *testing.T) {
	s := program(t, `package main

type server struct{ handle func() }

type starter interface{ begin() }

var table = build()

func build() []int { return entries() }
func entries() []int { return nil }
func setup(s *server) { s.routes(); s.handle = func() { answer() } }
func answer() { detail() }
func detail() {}
func each() {}
func last() {}
func twice(n int) { if n > 0 { twice(n - 1) } }
func jumped() {}
func jumps() { again: jumped(); goto again }
func generic[T any](T) {}
func value() {}
func nobody() {}
func both() {}
func background() {}

func (s *server) routes() { both() }
func (s *server) begin() {}
func (s *server) Start() {}

func main() {
	s := &server{}
	setup(s)
	var b starter = s
	b.begin()
	s.begin()
	s.Start()
	for range 3 { each() }
	defer last()
	twice(1)
	jumps()
	generic[int](1)
	_ = value
	both()
	go background()
}
`)
	var all []string
	for _, f := range declared(s.user["example.com/p"]) {
		all = append(all, f.ID)
	}
	reply := map[string]any{}
	if err := s.once(&request{Subjects: all}, reply); err != nil {
		t.Fatal(err)
	}
	got := reply["once"].([]string)
	var want []string
	for _, name := range []string{"build", "entries", "setup", "jumps", "generic", "both", "background", "(*server).routes"} {
		want = append(want, "example.com/p."+name)
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}
