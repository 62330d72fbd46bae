package home

import (
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"testing"
)

type inParts struct {
	small int8
	text  string
	f     float32
	_     *int
	c     complex128
	one   [1]bool
	none  [0]int
	pair  struct{ a, b uint16 }
}

// What a deferred function gets is what it was to be called with, whatever registers that takes; it recovers, or the panic goes on.
func TestDeferredFunctionsOfAnyTypeRecover(t *testing.T) {
	deep := func() {
		runtime.GC()
		growStack(200)
	}
	var got string
	parts := inParts{-1, strings.Repeat("ab", 2), 2.5, nil, 1 - 2i, [1]bool{true}, [0]int{}, struct{ a, b uint16 }{3, 4}}
	for _, c := range []struct {
		function any
		in       []any
		want     string
	}{
		{func() { got = said(recover()) }, nil, "raised"},
		{func(n int) error { deep(); got = said(n, recover()); return nil }, []any{7}, "7 raised"},
		{func(a bool, b int16, c float32, d float64, e []string, f *inParts, g complex64) (int, string, any) {
			deep()
			got = said(a, b, c, d, e, f.text, g, recover())
			return 1, "", nil
		}, []any{true, int16(-2), float32(0.5), 1.5, []string{strings.Repeat("x", 2)}, &parts, complex64(1 + 2i)}, "true -2 0.5 1.5 [xx] abab (1+2i) raised"},
		{func(p inParts, m map[string]int) {
			deep()
			got = said(p, m, recover())
		}, []any{parts, map[string]int{"a": 1}}, "{-1 abab 2.5 <nil> (1-2i) [true] [] {3 4}} map[a:1] raised"},
		{func(list ...error) { got = said(len(list), recover()) }, []any{make([]error, 2)}, "2 raised"},
		{func(a, b, c, d, e, f, g, h, i uint8, x float64) (_, _, _, _, _, _, _, _, _ int) {
			got = said(a, b, c, d, e, f, g, h, i, x, recover())
			return
		}, []any{uint8(1), uint8(2), uint8(3), uint8(4), uint8(5), uint8(6), uint8(7), uint8(8), uint8(9), 0.25}, "1 2 3 4 5 6 7 8 9 0.25 raised"},
		{reflect.MakeFunc(reflect.TypeFor[func(string, int)](), func(in []reflect.Value) []reflect.Value {
			got = said(in[0], in[1], recover())
			return nil
		}).Interface(), []any{"made", 3}, "made 3 raised"},
	} {
		got = ""
		if p := raised(c.function, c.in); p != nil || got != c.want {
			t.Errorf("%T: got %q, want %q; the panic that came back: %v", c.function, got, c.want, p)
		}
	}
	if p := raised(func(n int) { func() { recover() }() }, []any{1}); p != "raised" {
		t.Errorf("a function that does not recover itself: %v came back", p)
	}
	if p := raised(func(n int) { panic(n) }, []any{1}); p != 1 {
		t.Errorf("a function that panics: %v came back", p)
	}
	for _, f := range []any{func([2]int) {}, func(int) (_ [2]int) { return }, func(_, _, _, _, _ string) {}} {
		in := make([]any, reflect.TypeOf(f).NumIn())
		for i := range in {
			in[i] = reflect.Zero(reflect.TypeOf(f).In(i)).Interface()
		}
		if p := raised(f, in); p == nil || p == "raised" {
			t.Errorf("%T is passed values on the stack, and was called: %v", f, p)
		}
	}
}

func said(values ...any) string { return strings.TrimSpace(fmt.Sprintln(values...)) }

func growStack(n int) byte {
	var room [1024]byte
	if n > 0 {
		room[n%1024] = growStack(n - 1)
	}
	return room[n%1024]
}

// raised panics with a function deferred, and gives the panic that comes back.
func raised(function any, in []any) (p any) {
	defer func() { p = recover() }()
	b := beneath{function: reflect.ValueOf(function), values: [2]any{"raised"}}
	for i, v := range in {
		value := reflect.New(b.function.Type().In(i)).Elem()
		value.Set(reflect.ValueOf(v))
		b.in = append(b.in, value)
	}
	b.raise()
	return nil
}
