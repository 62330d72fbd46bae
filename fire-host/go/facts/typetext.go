package main

import (
	"fmt"
	"go/ast"
	"go/types"
	"sort"
	"strconv"
	"strings"
)

// importTable collects the imports of one generated file, each under an alias that no user's name can shadow.
type importTable struct {
	own     string // path of the package the file belongs to
	aliases map[string]string
}

func newImportTable(own string) *importTable {
	return &importTable{own, map[string]string{}}
}

// alias returns the name under which the file refers to a package; empty for the package itself.
func (t *importTable) alias(path string) string {
	if path == t.own {
		return ""
	}
	name, ok := t.aliases[path]
	if !ok {
		name = "fire__" + strconv.Itoa(len(t.aliases))
		t.aliases[path] = name
	}
	return name
}

// qualify is a types.Qualifier.
func (t *importTable) qualify(p *types.Package) string { return t.alias(p.Path()) }

func (t *importTable) text(typ types.Type) string { return types.TypeString(typ, t.qualify) }

// seenFrom writes a type where the user's names hide some that it is written with: the package's own have second ones.
func (r *rewriter) seenFrom(at ast.Node, t types.Type) string {
	inner := r.info.Pkg.Scope().Innermost(at.Pos())
	hidden := func(o types.Object) bool {
		if inner == nil || o == nil {
			return false
		}
		_, seen := inner.LookupParent(o.Name(), at.Pos())
		return seen != nil && seen.Parent() != r.info.Pkg.Scope() && seen.Parent() != types.Universe
	}
	var second []*types.TypeName
	walkWithAliases(t, map[types.Type]bool{}, func(t types.Type) {
		var o *types.TypeName
		switch t := t.(type) {
		case *types.Alias:
			o = t.Obj()
		case *types.Named:
			o = t.Obj()
		case *types.Basic:
			o, _ = types.Universe.Lookup(t.Name()).(*types.TypeName)
		}
		switch {
		case o == nil || !hidden(o):
		case o.Pkg() == nil:
			r.refuse(at, "another meaning of the name "+o.Name())
		case o.Pkg().Path() == r.info.Pkg.Path():
			second = append(second, o)
		}
	})
	if second == nil {
		return r.table.text(t)
	}
	const own = "fire__own"
	text := types.TypeString(t, func(p *types.Package) string {
		if p.Path() == r.table.own {
			return own
		}
		return r.table.qualify(p)
	})
	for _, o := range second {
		r.out.exported[o.Pkg().Path()+"."+o.Name()] = o
		text = replaceWord(text, own+"."+o.Name(), "Fire__"+o.Name())
	}
	return strings.ReplaceAll(text, own+".", "")
}

// lines renders the import declarations.
func (t *importTable) lines() string {
	paths := make([]string, 0, len(t.aliases))
	for p := range t.aliases {
		paths = append(paths, p)
	}
	sort.Strings(paths)
	var b strings.Builder
	for _, p := range paths {
		fmt.Fprintf(&b, "import %s %q\n", t.aliases[p], p)
	}
	return b.String()
}

// nameable reports whether Go source in package own can write the type.
func nameable(t types.Type, own *types.Package) bool {
	seen := map[types.Type]bool{}
	var walk func(t types.Type) bool
	tuple := func(t *types.Tuple) bool {
		for i := range t.Len() {
			if !walk(t.At(i).Type()) {
				return false
			}
		}
		return true
	}
	object := func(o *types.TypeName) bool {
		return o.Pkg() == nil || o.Exported() || o.Pkg() == own || own != nil && o.Pkg().Path() == own.Path()
	}
	walk = func(t types.Type) bool {
		if seen[t] {
			return true
		}
		seen[t] = true
		switch t := t.(type) {
		case *types.Alias:
			if object(t.Obj()) && (t.Obj().Pkg() == nil || t.Obj().Parent() == t.Obj().Pkg().Scope()) {
				return true
			}
			return walk(types.Unalias(t))
		case *types.Named:
			if !object(t.Obj()) {
				return false
			}
			for i := range t.TypeArgs().Len() {
				if !walk(t.TypeArgs().At(i)) {
					return false
				}
			}
			return true
		case *types.Pointer:
			return walk(t.Elem())
		case *types.Slice:
			return walk(t.Elem())
		case *types.Array:
			return walk(t.Elem())
		case *types.Chan:
			return walk(t.Elem())
		case *types.Map:
			return walk(t.Key()) && walk(t.Elem())
		case *types.Signature:
			return tuple(t.Params()) && tuple(t.Results())
		case *types.Struct:
			for i := range t.NumFields() {
				f := t.Field(i)
				if !f.Exported() && f.Pkg() != nil && f.Pkg() != own && (own == nil || f.Pkg().Path() != own.Path()) || !walk(f.Type()) {
					return false
				}
			}
			return true
		case *types.Interface:
			for i := range t.NumMethods() {
				if !t.Method(i).Exported() && t.Method(i).Pkg() != own || !walk(t.Method(i).Type()) {
					return false
				}
			}
			return true
		}
		return true
	}
	return walk(t)
}
