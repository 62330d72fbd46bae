package main

import (
	"go/ast"
	"go/types"
	"path/filepath"
	"strings"
)

// Reasons why a function cannot be moved. The list is closed; each is told to the user by its code.
const (
	reasonMain      = "main"      // main.main and init: they have already run
	reasonCgo       = "cgo"       // it names cgo, or something of C's
	reasonNoBody    = "no-body"   // written in assembly or linked from elsewhere
	reasonDirective = "directive" // go:nosplit, go:linkname and their like
	reasonGeneric   = "generic"   // an instance of it that a worker cannot name, or generic code that cannot come along
	reasonRecover   = "recover"   // recover works only in the frame that the panic called
	reasonConstruct = "construct" // a construct that the rewriter refuses, named in the detail
	reasonUnsafe    = "unsafe"    // it looks at the address of a string's bytes or of a function's code, or computes one beside what is known
	reasonAdded     = "added"     // it needs what the running binary does not hold and cannot be given
)

// function is one function or method declaration of the user.
type function struct {
	ID     string
	Decl   *ast.FuncDecl
	File   *ast.File
	Info   *PackageInfo
	Object *types.Func
	Reason string
	Detail string
	Slot   int // in the package's dispatch table; -1 if it has none

	meaning string // see meaningOf; empty until asked for
	namings []naming
	named   bool // namings has been read
}

// functionID names a function the way fire prints it everywhere.
func functionID(f *types.Func) string {
	f = f.Origin()
	path := ""
	if f.Pkg() != nil {
		path = f.Pkg().Path() + "."
	}
	receiver := f.Signature().Recv()
	if receiver == nil {
		return path + f.Name()
	}
	t, pointer := receiver.Type(), false
	if p, ok := types.Unalias(t).(*types.Pointer); ok {
		t, pointer = p.Elem(), true
	}
	name := "?"
	if n, ok := types.Unalias(t).(*types.Named); ok {
		name = n.Obj().Name()
	}
	if pointer {
		return path + "(*" + name + ")." + f.Name()
	}
	return path + name + "." + f.Name()
}

// declared lists the functions of a package in source order, with what speaks against moving each.
func declared(info *PackageInfo) []*function {
	if info.byID == nil {
		info.functions = readDeclared(info)
		info.byID = make(map[string]*function, len(info.functions))
		for _, f := range info.functions {
			info.byID[f.ID] = f
		}
	}
	return info.functions
}

func readDeclared(info *PackageInfo) []*function {
	var out []*function
	slot := 0
	for _, file := range info.Files {
		for _, d := range file.Decls {
			decl, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			object, _ := info.Info.Defs[decl.Name].(*types.Func)
			if object == nil || decl.Name.Name == "_" {
				continue // a blank function cannot be called: it is none
			}
			f := &function{ID: functionID(object), Decl: decl, File: file, Info: info, Object: object, Slot: -1}
			f.Reason, f.Detail = standingReason(f)
			if f.Reason == "" {
				f.Slot = slot
				slot++
			}
			out = append(out, f)
		}
	}
	return out
}

// standingReason says what can be seen without looking at the constructs of the body.
func standingReason(f *function) (code, detail string) {
	decl := f.Decl
	switch {
	case decl.Body == nil:
		return reasonNoBody, "it has no Go body"
	case decl.Recv == nil && decl.Name.Name == "init":
		return reasonMain, "init has already run"
	case decl.Recv == nil && decl.Name.Name == "main" && f.Info.name() == "main":
		return reasonMain, "main has already been entered"
	}
	if decl.Doc != nil {
		for _, c := range decl.Doc.List {
			word, _, _ := strings.Cut(c.Text, " ")
			switch word {
			case "//go:nosplit", "//go:linkname", "//go:norace", "//go:nowritebarrier", "//go:systemstack", "//go:uintptrescapes", "//go:nocheckptr", "//export":
				return reasonDirective, "it carries " + word
			}
		}
	}
	if f.Info.c != nil && f.Info.c.touches(f.Info.Info, f.Decl) {
		return reasonCgo, "it names cgo, or something whose type or value C knows"
	}
	return "", ""
}

// callsRecover reports whether the function calls recover in its own frame.
func callsRecover(info *types.Info, body *ast.BlockStmt) bool {
	found := false
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.CallExpr:
			if id, ok := ast.Unparen(n.Fun).(*ast.Ident); ok && id.Name == "recover" {
				if _, ok := info.Uses[id].(*types.Builtin); ok {
					found = true
				}
			}
		}
		return !found
	})
	return found
}

// functions answers the list of all functions, each tried by the rewriter so that the answer is what an edit would meet.
func (s *session) functions(reply map[string]any) error {
	list := []map[string]any{}
	for _, path := range s.userPaths() {
		info := s.user[path]
		for _, f := range declared(info) {
			reason, detail := f.Reason, f.Detail
			if reason == "" {
				reason, detail = s.tryMove(f)
			}
			at := s.fset.Position(f.Decl.Name.Pos())
			row := map[string]any{"id": f.ID, "file": at.Filename, "line": at.Line, "package": path, "uses": s.usedFunctions(f)}
			if reason != "" {
				row["reason"], row["detail"] = reason, detail
			}
			list = append(list, row)
		}
	}
	reply["functions"] = list
	return nil
}

// usedFunctions lists the user's functions that a body names.
func (s *session) usedFunctions(f *function) []string {
	seen := map[string]bool{}
	for _, one := range s.namings(f) {
		seen[one.callee] = true
	}
	return sortedKeys(seen)
}

// userPaths lists the user's packages, dependencies first.
func (s *session) userPaths() []string {
	var out []string
	for _, path := range s.order {
		if s.user[path] != nil {
			out = append(out, path)
		}
	}
	return out
}

// findFunction finds a declaration of the user by its id.
func (s *session) findFunction(id string) *function {
	for path, info := range s.user {
		if strings.HasPrefix(id, path) && strings.HasPrefix(id[len(path):], ".") {
			declared(info)
			if f := info.byID[id]; f != nil {
				return f
			}
		}
	}
	return nil
}

// packageOfFile finds the user's package that a file belongs to, by its directory.
func (s *session) packageOfFile(name string) *listed {
	dir := filepath.Dir(name)
	for _, path := range s.order {
		if p := s.listed[path]; p.isUser() && p.Dir == dir && p.ForTest == "" && !strings.HasSuffix(p.ImportPath, ".test") {
			return p
		}
	}
	return nil
}
