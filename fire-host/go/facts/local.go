package main

import (
	"fmt"
	"go/ast"
	"go/types"
	"strings"
)

// Types declared inside functions have no name that another package could write, but both ends must agree on one:
// the function's id, the type's name, and its number among those of this name. The home build declares each a second
// time, in a function of its own, so that home has a type that calls itself as the user's does.

const localMark = "·"

// localTypes names the types declared in a function's body, in source order. Those of generic functions have no name:
// there is one for each instance.
func localTypes(info *types.Info, f *types.Func, body *ast.BlockStmt) (names map[types.Object]string, order []*ast.TypeSpec) {
	names = map[types.Object]string{}
	if body == nil || f.Signature().TypeParams().Len() > 0 || f.Signature().RecvTypeParams().Len() > 0 {
		return names, nil
	}
	count := map[string]int{}
	ast.Inspect(body, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok {
			return true
		}
		order = append(order, spec)
		o := info.Defs[spec.Name]
		if spec.Assign.IsValid() || o == nil || spec.Name.Name == "_" || spec.TypeParams != nil {
			return true
		}
		names[o] = fmt.Sprintf("%s%s%s%s%d", functionID(f), localMark, spec.Name.Name, localMark, count[spec.Name.Name])
		count[spec.Name.Name]++
		return true
	})
	return names, order
}

// localName is the name of a type on the wire that may mention types of one function.
func localName(t types.Type, names map[types.Object]string) (string, bool) {
	n, ok := types.Unalias(t).(*types.Named)
	if !ok || n.TypeArgs().Len() == 0 {
		if ok {
			if name := names[n.Obj()]; name != "" {
				return name, true
			}
		}
		return canonicalType(t), !mentionsLocal(t)
	}
	if !packageLevel(n) || !registrableInstance(n) {
		return "", false
	}
	list := make([]string, n.TypeArgs().Len())
	for i := range list {
		if list[i], ok = localName(n.TypeArgs().At(i), names); !ok {
			return "", false
		}
	}
	return n.Obj().Pkg().Path() + "." + n.Obj().Name() + "[" + strings.Join(list, ",") + "]", true
}

func packageLevel(n *types.Named) bool {
	return n.Obj().Pkg() == nil || n.Obj().Parent() == n.Obj().Pkg().Scope()
}

// registrableInstance reports whether an instantiated type is one that values have: no constraint.
func registrableInstance(n *types.Named) bool {
	i, ok := n.Underlying().(*types.Interface)
	return !ok || i.IsMethodSet()
}

// localInstances lists the instantiated types of a function that mention its own types, by the last of those.
func (s *session) localInstances(info *PackageInfo, decl *ast.FuncDecl, names map[types.Object]string) map[types.Object][]*types.Named {
	out := map[types.Object][]*types.Named{}
	seen := map[string]bool{}
	s.expand(usesIn(info, decl), func(named *types.Named) {
		name, ok := localName(named, names)
		if !ok || !mentionsLocal(named) || seen[name] {
			return
		}
		seen[name] = true
		var last types.Object
		walkType(named, map[types.Type]bool{}, func(t types.Type) bool {
			if n, ok := t.(*types.Named); ok && names[n.Obj()] != "" && (last == nil || n.Obj().Pos() > last.Pos()) {
				last = n.Obj()
			}
			return true
		})
		if last != nil && nameable(named, info.Pkg) {
			out[last] = append(out[last], named)
		}
	})
	return out
}

// registerLocals renders what tells the runtime the names of the types that a declaration has just declared.
func (r *rewriter) registerLocals(decl *ast.GenDecl) string {
	var out strings.Builder
	for _, spec := range decl.Specs {
		o := r.types.Defs[spec.(*ast.TypeSpec).Name]
		name := r.locals[o]
		if name == "" {
			continue
		}
		fmt.Fprintf(&out, "; fire__.Type(%q, (*%s)(nil))", name, o.Name())
		r.localHazards(&out, o.Type(), o.Name())
		for _, t := range r.instances[o] {
			if name, ok := localName(t, r.locals); ok {
				text := types.TypeString(t, r.table.qualify)
				fmt.Fprintf(&out, "; fire__.Type(%q, (*%s)(nil))", name, text)
				r.localHazards(&out, t, text)
			}
		}
	}
	return out.String()
}

func (r *rewriter) localHazards(out *strings.Builder, t types.Type, text string) {
	if types.IsInterface(t) {
		return
	}
	if r.out.hazardousAtAll(t) {
		fmt.Fprintf(out, "; fire__.Hazard[%s]()", text)
	}
	if r.out.hazardousAtAll(types.NewPointer(t)) {
		fmt.Fprintf(out, "; fire__.Hazard[*%s]()", text)
	}
}

// localCopies renders a second declaration of every local type of a package's functions, in functions that register them.
func (s *session) localCopies(info *PackageInfo, table *importTable) string {
	var out strings.Builder
	for _, file := range info.Files {
		for _, d := range file.Decls {
			decl, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			f, _ := info.Info.Defs[decl.Name].(*types.Func)
			if f == nil {
				continue
			}
			names, order := localTypes(info.Info, f, decl.Body)
			if len(order) == 0 || info.c != nil && info.c.touches(info.Info, decl) {
				continue
			}
			c := copier{info: info, file: file, table: table, scope: map[string]types.Object{}}
			instances := s.localInstances(info, decl, names)
			out.WriteString("\nfunc init() {\n")
			literals := localLiterals(info.Info, decl, names)
			for _, spec := range order {
				c.declare(spec, names, instances)
				for _, e := range literals[info.Info.Defs[spec.Name]] {
					if text, ok := c.render(e); ok {
						fmt.Fprintf(&c.text, "\t__fire_home.Types(\"\", (*%s)(nil))\n", text)
					}
				}
			}
			out.WriteString(c.text.String() + strings.Repeat("}", c.depth) + "\n}\n")
		}
	}
	return out.String()
}

// localLiterals lists the types that a function writes without declaring them, that mention its own types and that
// reflect cannot make, by the last of those.
func localLiterals(info *types.Info, decl *ast.FuncDecl, names map[types.Object]string) map[types.Object][]ast.Expr {
	out := map[types.Object][]ast.Expr{}
	ast.Inspect(decl, func(n ast.Node) bool {
		e, ok := n.(ast.Expr)
		if !ok {
			return true
		}
		t := info.TypeOf(e)
		switch e.(type) {
		case *ast.StructType:
			s, ok := t.(*types.Struct)
			if !ok || !embeds(s) {
				return true
			}
		case *ast.InterfaceType:
		default:
			return true
		}
		var last types.Object
		walkType(t, map[types.Type]bool{}, func(t types.Type) bool {
			if n, ok := t.(*types.Named); ok && names[n.Obj()] != "" && (last == nil || n.Obj().Pos() > last.Pos()) {
				last = n.Obj()
			}
			return true
		})
		if last != nil && last.Pos() < e.Pos() {
			out[last] = append(out[last], e)
		}
		return true
	})
	return out
}

// copier writes type declarations into nested scopes, so that each sees those before it.
type copier struct {
	info  *PackageInfo
	file  *ast.File
	table *importTable
	scope map[string]types.Object // what a bare name means by now
	text  strings.Builder
	depth int
}

func (c *copier) declare(spec *ast.TypeSpec, names map[types.Object]string, instances map[types.Object][]*types.Named) {
	o := c.info.Info.Defs[spec.Name]
	if o == nil || spec.Name.Name == "_" || spec.TypeParams != nil {
		return
	}
	outer, had := c.scope[o.Name()]
	c.scope[o.Name()] = o
	text, ok := c.render(spec.Type)
	if !ok {
		delete(c.scope, o.Name())
		if had {
			c.scope[o.Name()] = outer
		}
		return
	}
	assign := " "
	if spec.Assign.IsValid() {
		assign = " = "
	}
	fmt.Fprintf(&c.text, "\t{ type %s%s%s\n", o.Name(), assign, text)
	c.depth++
	if names[o] == "" {
		fmt.Fprintf(&c.text, "\tvar _ %s\n", o.Name())
		return
	}
	fmt.Fprintf(&c.text, "\t__fire_home.Types(%q, (*%s)(nil))\n", names[o], o.Name())
	for _, t := range instances[o] {
		name, ok := localName(t, names)
		if visible := !anyType(t, func(t types.Type) bool {
			n, ok := t.(*types.Named)
			return ok && names[n.Obj()] != "" && c.scope[n.Obj().Name()] != n.Obj()
		}); ok && visible {
			fmt.Fprintf(&c.text, "\t__fire_home.Types(%q, (*%s)(nil))\n", name, c.table.text(t))
		}
	}
}

// render writes a type expression where the register file can read it. Not ok: a name in it means something else there.
func (c *copier) render(e ast.Expr) (string, bool) {
	s := splices{text: c.info.Source[c.file]}
	good := true
	ast.Inspect(e, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			id, ok := n.X.(*ast.Ident)
			if !ok {
				return true
			}
			if name, ok := c.info.Info.Uses[id].(*types.PkgName); ok {
				s.replace(c.info.offset(id.Pos()), c.info.offset(id.End()), c.table.alias(name.Imported().Path()))
				return false
			}
		case *ast.Ident:
			o := c.info.Info.Uses[n]
			if o == nil || o == types.Universe.Lookup(n.Name) || isField(o) {
				good = good && (o == nil || isField(o) || c.scope[n.Name] == nil)
				return true
			}
			local := o.Pkg() != nil && o.Parent() != o.Pkg().Scope()
			if constant, ok := o.(*types.Const); ok && local {
				s.replace(c.info.offset(n.Pos()), c.info.offset(n.End()), constantText(constant.Val()))
				return true
			}
			known := c.scope[n.Name]
			good = good && (local && known == o || !local && known == nil && (o.Pkg() == nil || o.Pkg() == c.info.Pkg))
		case *ast.FuncLit:
			good = false
		}
		return true
	})
	return s.render(c.info.offset(e.Pos()), c.info.offset(e.End())), good
}

func isField(o types.Object) bool {
	v, ok := o.(*types.Var)
	return ok && v.IsField()
}
