package main

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
)

// Packages with cgo. go/types does not know what C declares: whatever C lends its type to is of an invalid type here,
// and a constant that C has a part in has no value, or a wrong one (the size of a struct with a C field). So a function
// that names anything of that kind, in these packages or in those that import them, stays native. The rest moves.

// beyondC is what is known of C's part in the user's packages; one for a whole program.
type beyondC struct {
	packages  map[string]bool // those with cgo, and those that import them
	constants map[types.Object]bool
	types     map[types.Type]bool
}

// noteC makes a checked package know C's part in it, if C has one.
func (s *session) noteC(info *PackageInfo) {
	own := len(info.meta.CgoFiles) > 0
	near := own
	for _, imported := range info.Pkg.Imports() {
		if user := s.user[imported.Path()]; user != nil && user.c != nil {
			near = true
		}
	}
	if !near {
		return
	}
	if s.c == nil {
		s.c = &beyondC{packages: map[string]bool{}, constants: map[types.Object]bool{}, types: map[types.Type]bool{}}
	}
	info.c = s.c
	info.c.packages[info.Pkg.Path()] = true
	for changed := true; changed; {
		changed = false
		for _, file := range info.Files {
			for _, d := range file.Decls {
				if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.CONST && info.c.noteConstants(info.Info, g) {
					changed = true
				}
			}
		}
	}
}

// noteConstants finds the constants of a declaration whose value go/types cannot know. Without values of its own a line
// repeats those above it.
func (c *beyondC) noteConstants(info *types.Info, decl *ast.GenDecl) (changed bool) {
	var values []ast.Expr
	for _, s := range decl.Specs {
		spec, ok := s.(*ast.ValueSpec)
		if !ok {
			continue
		}
		if len(spec.Values) > 0 {
			values = spec.Values
		}
		uncertain := false
		for _, value := range values {
			uncertain = uncertain || c.uncertain(info, value)
		}
		for _, name := range spec.Names {
			o, ok := info.Defs[name].(*types.Const)
			if !ok || c.constants[o] {
				continue
			}
			if uncertain || o.Val() == nil || o.Val().Kind() == constant.Unknown {
				c.constants[o] = true
				changed = true
			}
		}
	}
	return changed
}

// uncertain reports whether an expression asks package unsafe, or names something of C's.
func (c *beyondC) uncertain(info *types.Info, e ast.Expr) bool {
	return c.reaches(info, e, func(o types.Object) bool {
		builtin, ok := o.(*types.Builtin)
		return ok && builtin.Pkg() == types.Unsafe
	})
}

// touches reports whether a declaration names anything whose type or value only C knows.
func (c *beyondC) touches(info *types.Info, n ast.Node) bool {
	return c.reaches(info, n, func(types.Object) bool { return false })
}

func (c *beyondC) reaches(info *types.Info, n ast.Node, other func(types.Object) bool) bool {
	found := false
	check := func(o types.Object) {
		if o == nil {
			return
		}
		if name, ok := o.(*types.PkgName); ok {
			found = found || name.Imported().Path() == "C"
			return
		}
		found = found || c.constants[o] || other(o) || c.unknown(o.Type())
	}
	ast.Inspect(n, func(n ast.Node) bool {
		if n != nil {
			check(info.Implicits[n])
		}
		if id, ok := n.(*ast.Ident); ok {
			check(info.Uses[id])
			check(info.Defs[id])
		}
		return !found
	})
	return found
}

// known reports whether a type is Go's own through and through. Without cgo all are.
func (c *beyondC) known(t types.Type) bool { return c == nil || !c.unknown(t) }

// unknown reports whether a type, or one that it leads to, is C's.
func (c *beyondC) unknown(t types.Type) bool {
	if t == nil {
		return false
	}
	if known, ok := c.types[t]; ok {
		return known
	}
	found := false
	seen := map[types.Type]bool{}
	var visit func(t types.Type)
	visit = func(t types.Type) {
		t = types.Unalias(t)
		if found || t == nil || seen[t] {
			return
		}
		seen[t] = true
		if t == types.Typ[types.Invalid] || c.types[t] {
			found = true
			return
		}
		for _, part := range parts(t) {
			visit(part)
		}
		if n, ok := t.(*types.Named); ok && n.Obj().Pkg() != nil && c.packages[n.Obj().Pkg().Path()] {
			visit(n.Underlying())
		}
	}
	visit(t)
	c.types[t] = found
	return found
}
