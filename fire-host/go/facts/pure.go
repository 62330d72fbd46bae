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

// onlyValues reports whether a signature takes basic values, or functions of such values, and gives basic values or slices of
// them.
func onlyValues(signature *types.Signature) bool {
	for i := range signature.Params().Len() {
		if t := signature.Params().At(i).Type(); !isValue(t) && !takesCallback(t) {
			return false
		}
	}
	for i := range signature.Results().Len() {
		t := signature.Results().At(i).Type()
		if s, ok := t.Underlying().(*types.Slice); ok {
			t = s.Elem()
		}
		if !isValue(t) {
			return false
		}
	}
	return signature.Recv() == nil && signature.TypeParams().Len() == 0
}

func isValue(t types.Type) bool {
	b, ok := t.Underlying().(*types.Basic)
	return ok && b.Kind() != types.UnsafePointer
}

// takesCallback reports whether a parameter is a function of basic values.
func takesCallback(t types.Type) bool {
	f, ok := t.Underlying().(*types.Signature)
	if !ok {
		return false
	}
	for _, tuple := range []*types.Tuple{f.Params(), f.Results()} {
		for i := range tuple.Len() {
			if !isValue(tuple.At(i).Type()) {
				return false
			}
		}
	}
	return true
}
