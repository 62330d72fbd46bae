package main

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
)

// once answers which of the given functions are called only as the program starts: by main, by init, for the value of a
// package variable, or by another such function, and there neither in a loop nor later. A new body of one shows after the
// next start alone. In doubt a function is not among them.
func (s *session) once(r *request, reply map[string]any) error {
	sites := &callSites{of: map[string][]callSite{}, dynamic: map[string]bool{}}
	for _, path := range s.userPaths() {
		info := s.user[path]
		byDecl := map[ast.Decl]*function{}
		for _, f := range declared(info) {
			byDecl[f.Decl] = f
		}
		for _, file := range info.Files {
			for _, decl := range file.Decls {
				sites.read(info, decl, byDecl[decl])
			}
		}
	}
	found := []string{}
	for _, id := range r.Subjects {
		if f := s.findFunction(id); f != nil && sites.atStart(f, nil) {
			found = append(found, id)
		}
	}
	reply["once"] = found
	return nil
}

// callSite is a place that names a function.
type callSite struct {
	caller *function // nil in the declaration of a package variable
	once   bool      // it is a call that is made once, if its caller is called once
}

type callSites struct {
	of      map[string][]callSite
	dynamic map[string]bool // names of methods, by package, that are called through an interface
}

func (c *callSites) read(info *PackageInfo, decl ast.Decl, caller *function) {
	var path []ast.Node
	called := map[*ast.Ident]bool{}
	jumps := false
	ast.Inspect(decl, func(n ast.Node) bool {
		branch, ok := n.(*ast.BranchStmt)
		jumps = jumps || ok && branch.Tok == token.GOTO
		return !jumps
	})
	ast.Inspect(decl, func(n ast.Node) bool {
		if n == nil {
			path = path[:len(path)-1]
			return true
		}
		path = append(path, n)
		switch n := n.(type) {
		case *ast.CallExpr:
			if id := calledName(n.Fun); id != nil {
				called[id] = true
			}
		case *ast.Ident:
			callee, ok := info.Info.Uses[n].(*types.Func)
			if !ok || callee.Pkg() == nil {
				break
			}
			if receiver := callee.Signature().Recv(); receiver != nil && types.IsInterface(receiver.Type()) {
				c.dynamic[callee.Pkg().Path()+"."+callee.Name()] = true
				break
			}
			id := functionID(callee)
			again := jumps || slices.ContainsFunc(path, isAgain)
			c.of[id] = append(c.of[id], callSite{caller, called[n] && !again})
		}
		return true
	})
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

// isAgain reports whether what is inside may run more than once, or later.
func isAgain(n ast.Node) bool {
	switch n.(type) {
	case *ast.FuncLit, *ast.ForStmt, *ast.RangeStmt, *ast.DeferStmt:
		return true
	}
	return false
}

// atStart reports whether a function is called only as the program starts.
func (c *callSites) atStart(f *function, asked []*function) bool {
	if f.Object.Signature().Recv() != nil && (f.Object.Exported() || c.dynamic[f.Info.Path+"."+f.Object.Name()]) {
		return false // an interface may lead to it
	}
	if slices.Contains(asked, f) || len(c.of[f.ID]) == 0 {
		return false
	}
	asked = append(asked, f)
	return !slices.ContainsFunc(c.of[f.ID], func(site callSite) bool {
		return !site.once || site.caller != nil && site.caller.Reason != reasonMain && !c.atStart(site.caller, asked)
	})
}
