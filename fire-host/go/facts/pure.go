package main

import (
	_ "embed"
	"go/types"
	"strings"
)

//go:embed pure.txt
var pureText string

// pure holds the names in pure.txt.
var pure = func() map[string]bool {
	out := map[string]bool{}
	for _, line := range strings.Split(pureText, "\n") {
		if strings.HasPrefix(line, "#") {
			continue
		}
		for _, name := range strings.Fields(line) {
			out[name] = true
		}
	}
	return out
}()

// onlyValues reports whether a signature takes basic values and gives basic values or slices of them.
func onlyValues(signature *types.Signature) bool {
	basic := func(t types.Type) bool {
		b, ok := t.Underlying().(*types.Basic)
		return ok && b.Kind() != types.UnsafePointer
	}
	for i := range signature.Params().Len() {
		if !basic(signature.Params().At(i).Type()) {
			return false
		}
	}
	for i := range signature.Results().Len() {
		t := signature.Results().At(i).Type()
		if s, ok := t.Underlying().(*types.Slice); ok {
			t = s.Elem()
		}
		if !basic(t) {
			return false
		}
	}
	return signature.Recv() == nil && signature.TypeParams().Len() == 0
}
