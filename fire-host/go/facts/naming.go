package main

import (
	"go/ast"
	"go/token"
	"go/types"
)

// naming is a place that names a function of the user.
type naming struct {
	callee  string    // its id
	caller  *function // nil in the declaration of a package variable
	once    bool      // it is a call that is made once, if its caller is called once
	dynamic string    // of a method of an interface: the package and the name of what may be called
}

// namings are the places of one declaration. They are read once for each check of its package.
func (s *session) namings(f *function) []naming {
	if !f.named {
		f.namings, f.named = s.readNamings(f.Info, f.Decl, f), true
	}
	return f.namings
}

// variableNamings are those of the declarations of a package's variables.
func (s *session) variableNamings(info *PackageInfo) []naming {
	if !info.named {
		info.named = true
		for _, file := range info.Files {
			for _, decl := range file.Decls {
				if _, ok := decl.(*ast.GenDecl); ok {
					info.namings = append(info.namings, s.readNamings(info, decl, nil)...)
				}
			}
		}
	}
	return info.namings
}

func (s *session) readNamings(info *PackageInfo, decl ast.Decl, caller *function) []naming {
	r := &namingReader{s: s, info: info, caller: caller, called: map[*ast.Ident]bool{}}
	ast.Walk(&namingVisitor{r, false}, decl)
	if r.jumps {
		for i := range r.found {
			r.found[i].once = false
		}
	}
	return r.found
}

type namingReader struct {
	s      *session
	info   *PackageInfo
	caller *function
	called map[*ast.Ident]bool
	jumps  bool
	found  []naming
}

type namingVisitor struct {
	*namingReader
	again bool // what is visited may run more than once, or later
}

// Visit implements ast.Visitor.
func (v *namingVisitor) Visit(n ast.Node) ast.Visitor {
	switch n := n.(type) {
	case *ast.FuncLit, *ast.ForStmt, *ast.RangeStmt, *ast.DeferStmt:
		if !v.again {
			return &namingVisitor{v.namingReader, true}
		}
	case *ast.BranchStmt:
		v.jumps = v.jumps || n.Tok == token.GOTO
	case *ast.CallExpr:
		if id := calledName(n.Fun); id != nil {
			v.called[id] = true
		}
	case *ast.Ident:
		callee, ok := v.info.Info.Uses[n].(*types.Func)
		if !ok || callee.Pkg() == nil || v.s.user[callee.Pkg().Path()] == nil {
			break
		}
		one := naming{callee: functionID(callee), caller: v.caller, once: v.called[n] && !v.again}
		if receiver := callee.Signature().Recv(); receiver != nil && types.IsInterface(receiver.Type()) {
			one.dynamic = callee.Pkg().Path() + "." + callee.Name()
		}
		v.found = append(v.found, one)
	}
	return v
}

// calledName finds the name in what is called.
func calledName(e ast.Expr) *ast.Ident {
	switch e := ast.Unparen(e).(type) {
	case *ast.Ident:
		return e
	case *ast.SelectorExpr:
		return e.Sel
	case *ast.IndexExpr:
		return calledName(e.X)
	case *ast.IndexListExpr:
		return calledName(e.X)
	}
	return nil
}
