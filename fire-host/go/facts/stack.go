package main

import (
	"go/ast"
	"go/types"
)

// deepest is how many calls a function may be away from one that reads the stack and still be taken to be about its own
// caller: helpers of that kind skip a frame or two. Whoever is further away sees its place in the stack change in a dump alone.
const deepest = 2

// readsStack reports whether a function of the user reads the stack that it is called from, itself or through others.
func (s *session) readsStack(f *types.Func) bool {
	return s.readsStackWithin(f.Origin(), deepest-1)
}

func (s *session) readsStackWithin(f *types.Func, calls int) bool {
	if f.Pkg() == nil || s.user[f.Pkg().Path()] == nil {
		return false
	}
	if calls == deepest-1 {
		if known, ok := s.stack[f]; ok {
			return known
		}
	}
	found := false
	info := s.user[f.Pkg().Path()]
	if _, decl := info.declaration(functionID(f)); decl != nil && decl.Body != nil {
		ast.Inspect(decl.Body, func(n ast.Node) bool {
			id, ok := n.(*ast.Ident)
			if !ok || found {
				return !found
			}
			if callee, ok := info.Info.Uses[id].(*types.Func); ok && callee.Pkg() != nil {
				callee = callee.Origin()
				found = callerSensitive[functionID(callee)] || calls > 0 && callee != f && s.readsStackWithin(callee, calls-1)
			}
			return !found
		})
	}
	if calls == deepest-1 {
		if s.stack == nil {
			s.stack = map[*types.Func]bool{}
		}
		s.stack[f] = found
	}
	return found
}
