package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
)

// hostDeferred hosts a function that recovers and that hosted code defers; it returns its name.
func (e *emitter) hostDeferred(f *types.Func) string {
	id := functionID(f)
	for _, b := range e.bodies {
		if b.id == id && b.as == asDeferred {
			return b.name
		}
	}
	info := e.s.sourceOf(f.Pkg().Path())
	if info == nil {
		panic(refusal{reasonRecover, "it defers " + id + ", which recovers", token.NoPos})
	}
	file, decl := info.declaration(id)
	if decl == nil {
		panic(refusal{reasonRecover, "it defers " + id + ", which recovers", token.NoPos})
	}
	if err := e.host(info, file, decl, asDeferred); err != nil {
		err.detail = "it defers " + id + ": " + err.detail
		panic(*err)
	}
	return hostedName(f.Origin())
}

// recovers reports whether a function calls recover in its own frame. None of the standard library does so for the
// function that defers it.
func (e *emitter) recovers(f *types.Func) bool {
	f = f.Origin()
	if f.Pkg() == nil {
		return false
	}
	if info := e.s.user[f.Pkg().Path()]; info != nil {
		_, decl := info.declaration(functionID(f))
		return decl != nil && decl.Body != nil && callsRecover(info.Info, decl.Body)
	}
	p := e.s.listed[f.Pkg().Path()]
	return p != nil && !p.Standard && e.s.recoverers(p)[f.Name()]
}

// someoneRecovers reports whether a method of this name of the user calls recover in its own frame.
func (s *session) someoneRecovers(name string) bool {
	for _, info := range s.user {
		for _, file := range info.Files {
			for _, d := range file.Decls {
				if decl, ok := d.(*ast.FuncDecl); ok && decl.Recv != nil && decl.Name.Name == name && decl.Body != nil && callsRecover(info.Info, decl.Body) {
					return true
				}
			}
		}
	}
	return false
}

// recoverers are the names of a library's functions and methods that call recover.
func (s *session) recoverers(p *listed) map[string]bool {
	if found, ok := s.recovering[p.ImportPath]; ok {
		return found
	}
	found := map[string]bool{}
	for _, name := range absolute(p.Dir, p.GoFiles, p.CgoFiles) {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			continue
		}
		for _, d := range file.Decls {
			if decl, ok := d.(*ast.FuncDecl); ok && decl.Body != nil {
				ast.Inspect(decl.Body, func(n ast.Node) bool {
					if call, ok := n.(*ast.CallExpr); ok {
						if id, ok := call.Fun.(*ast.Ident); ok && id.Name == "recover" {
							found[decl.Name.Name] = true
						}
					}
					_, literal := n.(*ast.FuncLit)
					return !literal
				})
			}
		}
	}
	if s.recovering == nil {
		s.recovering = map[string]map[string]bool{}
	}
	s.recovering[p.ImportPath] = found
	return found
}
