package main

import (
	"go/ast"
	"go/token"
	"go/types"
)

// Strings travel with their bytes, so that a moved body's are copies. Where a package tells strings apart by the addresses
// of their bytes, or finds one inside of another that way, this shows in functions that look at no address: they only hand
// on the strings that are looked at. All functions of such a package that handle strings stay at home, and those of other
// packages that call the ones which look.

// addressReaders are the functions of a package that calculate with the addresses of strings' bytes.
func (s *session) addressReaders(info *PackageInfo) map[string]bool {
	if info.addressReaders != nil {
		return info.addressReaders
	}
	found := map[string]bool{}
	info.addressReaders = found
	var all []*ast.FuncDecl
	note := func(decl *ast.FuncDecl) {
		if o, ok := info.Info.Defs[decl.Name].(*types.Func); ok {
			found[functionID(o)] = true
		}
	}
	for _, file := range info.Files {
		if !importsUnsafe(file) {
			continue
		}
		r := &rewriter{info: info, types: info.Info, file: file, text: info.Source[file], out: newEmitter(s), table: newImportTable(info.Path)}
		for _, d := range file.Decls {
			if decl, ok := d.(*ast.FuncDecl); ok && decl.Body != nil && r.looksAtBytes(decl.Body) && r.calculates(decl) {
				note(decl)
			}
		}
	}
	if len(found) == 0 {
		return found
	}
	for _, file := range info.Files {
		r := &rewriter{info: info, types: info.Info, file: file}
		for _, d := range file.Decls {
			if decl, ok := d.(*ast.FuncDecl); ok && decl.Body != nil && r.calculates(decl) && r.callee(decl.Body, func(f *types.Func) bool { return found[functionID(f)] }) != "" {
				all = append(all, decl)
			}
		}
	}
	for _, decl := range all {
		note(decl) // it asked another one for the addresses
	}
	return found
}

// tellsStringsApart says what keeps a declaration at home where strings are told apart by their addresses. Empty: nothing.
func (r *rewriter) tellsStringsApart(decl *ast.FuncDecl) string {
	s := r.out.s
	if readers := s.addressReaders(r.info); len(readers) > 0 && r.handlesStrings(decl) {
		return "its package calculates with the addresses of strings' bytes, in " + sortedKeys(readers)[0]
	}
	id := r.callee(decl, func(f *types.Func) bool {
		info := s.user[f.Pkg().Path()]
		return info != nil && info != r.info && s.addressReaders(info)[functionID(f)]
	})
	if id == "" {
		return ""
	}
	return "it calls " + id + ", which calculates with the addresses of strings' bytes"
}

// callee is a function that is named and for which a predicate holds. Empty: there is none.
func (r *rewriter) callee(in ast.Node, is func(f *types.Func) bool) (found string) {
	ast.Inspect(in, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok && found == "" {
			if f, ok := r.types.Uses[id].(*types.Func); ok && f.Pkg() != nil {
				if is(f) {
					found = functionID(f)
				}
			}
		}
		return found == ""
	})
	return found
}

func importsUnsafe(file *ast.File) bool {
	for _, i := range file.Imports {
		if i.Path.Value == `"unsafe"` {
			return true
		}
	}
	return false
}

// looksAtBytes reports whether a body gets at the address of a string's bytes.
func (r *rewriter) looksAtBytes(body ast.Node) bool {
	found := false
	ast.Inspect(body, func(n ast.Node) bool {
		e, ok := n.(*ast.CallExpr)
		if !ok || found {
			return !found
		}
		if operand := r.converted(e); operand != nil && isUnsafePointer(r.typeOf(operand)) {
			if made, original := r.pointerMade(operand); made != nil {
				seen, ok := core(r.typeOf(e)).(*types.Pointer)
				found = ok && r.reveals(original, seen.Elem())
			}
		}
		found = found || r.isStringData(e)
		return !found
	})
	return found
}

// calculates reports whether a function subtracts or compares addresses, or answers one.
func (r *rewriter) calculates(decl *ast.FuncDecl) bool {
	address := func(t types.Type) bool {
		b, ok := t.Underlying().(*types.Basic)
		return ok && (b.Kind() == types.Uintptr || b.Kind() == types.UnsafePointer)
	}
	if results := r.types.Defs[decl.Name].Type().(*types.Signature).Results(); results != nil {
		for i := range results.Len() {
			if address(results.At(i).Type()) {
				return true
			}
		}
	}
	found := false
	ast.Inspect(decl.Body, func(n ast.Node) bool {
		if e, ok := n.(*ast.BinaryExpr); ok {
			switch e.Op {
			case token.SUB, token.EQL, token.NEQ, token.LSS, token.LEQ, token.GTR, token.GEQ:
				x, y := r.types.Types[e.X], r.types.Types[e.Y]
				fixed := x.Value != nil || y.Value != nil || x.IsNil() || y.IsNil()
				found = found || !fixed && (address(x.Type) || r.isStringData(e.X) || r.isStringData(e.Y))
			}
		}
		return !found
	})
	return found
}

// handlesStrings reports whether a declaration deals in strings that are no constants.
func (r *rewriter) handlesStrings(decl ast.Node) bool {
	found := false
	ast.Inspect(decl, func(n ast.Node) bool {
		e, ok := n.(ast.Expr)
		if !ok || found {
			return !found
		}
		tv, ok := r.types.Types[e]
		if id, named := e.(*ast.Ident); named {
			if v, variable := r.object(id).(*types.Var); variable {
				tv, ok = types.TypeAndValue{Type: v.Type()}, true
			}
		}
		if ok && tv.Value == nil && tv.Type != nil && !tv.IsVoid() {
			found = holdsString(tv.Type, map[types.Type]bool{})
		}
		return !found
	})
	return found
}

// holdsString reports whether a value of a type carries a string along.
func holdsString(t types.Type, seen map[types.Type]bool) bool {
	if seen[t] {
		return false
	}
	seen[t] = true
	switch u := t.Underlying().(type) {
	case *types.Basic:
		return u.Info()&types.IsString != 0
	case *types.Array:
		return holdsString(u.Elem(), seen)
	case *types.Struct:
		for i := range u.NumFields() {
			if holdsString(u.Field(i).Type(), seen) {
				return true
			}
		}
	case *types.Tuple:
		for i := range u.Len() {
			if holdsString(u.At(i).Type(), seen) {
				return true
			}
		}
	}
	return false
}
