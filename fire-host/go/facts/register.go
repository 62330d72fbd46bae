package main

import (
	"fmt"
	"go/ast"
	"go/types"
	"path/filepath"
	"sort"
	"strings"
)

// registration is the generated file that tells the agent what a package of the user holds.
func (b *homeBuild) registration(info *PackageInfo, list []*function, table *importTable, slow string, libraries []string) string {
	path := info.Pkg.Path()
	var functions, variables, named, slots strings.Builder
	n := 0
	for _, f := range list {
		if f.Slot >= 0 {
			fmt.Fprintf(&slots, "\t%q,\n", f.ID)
			n++
		}
		signature := f.Object.Signature()
		if f.Decl.Name.Name == "init" && f.Decl.Recv == nil || f.Decl.Name.Name == "_" || f.Reason == reasonMain ||
			signature.TypeParams().Len() > 0 || signature.RecvTypeParams().Len() > 0 {
			continue
		}
		expression := f.Decl.Name.Name
		if signature.Recv() != nil {
			expression = "(" + table.text(signature.Recv().Type()) + ")." + expression
		}
		fmt.Fprintf(&functions, "\t\t%q, %s,\n", f.ID, expression)
	}
	scope := info.Pkg.Scope()
	for _, name := range scope.Names() {
		switch o := scope.Lookup(name).(type) {
		case *types.Var:
			fmt.Fprintf(&variables, "\t\t%q, &%s,\n", path+"."+name, name)
		case *types.TypeName:
			if registrable(o) {
				fmt.Fprintf(&named, "\t\t%q, (*%s)(nil),\n", path+"."+name, name)
			}
		}
	}
	for _, t := range literals(info) {
		fmt.Fprintf(&named, "\t\t\"\", (*%s)(nil),\n", table.text(t))
	}
	for _, t := range b.s.instancesOf(info) {
		written := exportedText(table, b.exported, t)
		fmt.Fprintf(&named, "\t\t%q, (*%s)(nil),\n", canonicalType(t), written)
		functions.WriteString(unexportedMethods(t, info.Pkg, written))
	}
	copies := b.s.localCopies(info, table)
	var text strings.Builder
	fmt.Fprintf(&text, generated+"package %s\n\nimport __fire_home \"fireagent/home\"\nimport __fire_unsafe \"unsafe\"\n", info.name())
	if info.name() == "main" {
		for _, l := range libraries {
			fmt.Fprintf(&text, "import _ %q\n", l)
		}
	}
	text.WriteString(table.lines())
	fmt.Fprintf(&text, "\nvar _ __fire_unsafe.Pointer\n\nvar __fire [%d]__fire_home.Slot\n\nvar __fire_ids = []string{\n%s}\n", n, slots.String())
	fmt.Fprintf(&text, "\nfunc init() {\n\t__fire_home.Directory(%q, %q)\n\t__fire_home.Slots(__fire[:], __fire_ids)\n\t__fire_home.Functions(\n%s\t)\n\t__fire_home.Variables(\n%s\t)\n\t__fire_home.Types(\n%s\t)\n}\n",
		info.meta.Dir, b.s.goRoot, functions.String(), variables.String(), named.String())
	if info.name() == "main" {
		fmt.Fprintf(&text, "\nfunc __fire_main() { __fire_home.Main(%q) }\n", path)
	}
	text.WriteString(copies)
	text.WriteString(slow)
	return text.String()
}

// unexportedMethods registers those of an instance: reflect does not show them. Empty: it is not this package's own type.
func unexportedMethods(t *types.Named, pkg *types.Package, text string) string {
	if t.Obj().Pkg() != pkg || types.IsInterface(t) {
		return ""
	}
	var b strings.Builder
	name := canonicalType(t)
	short := strings.TrimPrefix(name, pkg.Path()+".")
	for i := range t.NumMethods() {
		m := t.Method(i)
		if m.Exported() || m.Name() == "_" {
			continue
		}
		if _, ok := types.Unalias(m.Signature().Recv().Type()).(*types.Pointer); ok {
			fmt.Fprintf(&b, "\t\t%q, (*%s).%s,\n", pkg.Path()+".(*"+short+")."+m.Name(), text, m.Name())
		} else {
			fmt.Fprintf(&b, "\t\t%q, (%s).%s,\n", name+"."+m.Name(), text, m.Name())
		}
	}
	return b.String()
}

// registrable reports whether a type can be named to the agent: not generic, not an alias, not a constraint.
func registrable(o *types.TypeName) bool {
	n, ok := o.Type().(*types.Named)
	if o.IsAlias() || !ok || n.TypeParams().Len() > 0 || o.Name() == "_" {
		return false
	}
	i, ok := n.Underlying().(*types.Interface)
	return !ok || i.IsMethodSet()
}

// instancesOf lists the instantiated types that a package's code leads to.
func (s *session) instancesOf(info *PackageInfo) []*types.Named {
	found := map[string]*types.Named{}
	for _, file := range info.Files {
		s.expand(usesIn(info, file), func(n *types.Named) {
			if info.c.known(n) && packageLevel(n) && (nameable(n, info.Pkg) || s.exportable(n, info)) && registrableInstance(n) && !mentionsLocal(n) {
				found[canonicalType(n)] = n
			}
		})
	}
	out := make([]*types.Named, 0, len(found))
	for _, name := range sortedKeys(found) {
		out = append(out, found[name])
	}
	return out
}

// exportable reports whether a type that a package cannot name can be given names that it can.
func (s *session) exportable(t types.Type, in *PackageInfo) bool {
	return !anyType(t, foreignFields) && !anyType(t, func(t types.Type) bool {
		n, ok := t.(*types.Named)
		if !ok || n.Obj().Pkg() == nil || n.Obj().Pkg().Path() == in.Pkg.Path() {
			return false
		}
		path := n.Obj().Pkg().Path()
		return !s.imports(in.Pkg)[path] || !n.Obj().Exported() && s.user[path] == nil
	})
}

// literals lists the interface types with methods, and the struct types that embed, that a package's source writes
// without declaring them: reflect cannot make those.
func literals(info *PackageInfo) []types.Type {
	found := map[string]types.Type{}
	for e, tv := range info.Info.Types {
		switch e.(type) {
		case *ast.InterfaceType, *ast.StructType:
		default:
			continue
		}
		if !tv.IsType() || !info.c.known(tv.Type) || isOpen(tv.Type) || mentionsLocal(tv.Type) || !nameable(tv.Type, info.Pkg) {
			continue
		}
		if t, ok := tv.Type.Underlying().(*types.Interface); ok && t.NumMethods() > 0 && t.IsMethodSet() {
			found[canonicalType(t)] = t
		}
		if t, ok := tv.Type.(*types.Struct); ok && embeds(t) {
			found[canonicalType(t)] = t
		}
	}
	out := make([]types.Type, 0, len(found))
	for _, key := range sortedKeys(found) {
		out = append(out, found[key])
	}
	return out
}

func embeds(t *types.Struct) bool {
	for i := range t.NumFields() {
		if t.Field(i).Embedded() {
			return true
		}
	}
	return false
}

// isOpen reports whether a type still mentions type parameters.
func isOpen(t types.Type) bool {
	return anyType(t, func(t types.Type) bool { _, ok := t.(*types.TypeParam); return ok })
}

// mentionsLocal reports whether a type mentions one that is declared inside a function.
func mentionsLocal(t types.Type) bool {
	return anyType(t, func(t types.Type) bool {
		n, ok := t.(*types.Named)
		return ok && n.Obj().Pkg() != nil && n.Obj().Parent() != n.Obj().Pkg().Scope()
	})
}

// anyType reports whether a predicate holds for a type or one that it is written with.
func anyType(t types.Type, is func(types.Type) bool) bool {
	found := false
	walkType(t, map[types.Type]bool{}, func(t types.Type) bool {
		found = found || is(t)
		return !found
	})
	return found
}

// walkType visits a type and those that it is written with; it does not look behind names.
func walkType(t types.Type, seen map[types.Type]bool, visit func(types.Type) bool) {
	t = types.Unalias(t)
	if t == nil || seen[t] || !visit(t) {
		return
	}
	seen[t] = true
	for _, part := range parts(t) {
		walkType(part, seen, visit)
	}
}

// registerLibraries writes the registries of the libraries that the user's packages import, and returns the
// packages that the main package must import for it.
func (b *homeBuild) registerLibraries() ([]string, error) {
	wanted := map[string]bool{}
	module, moduleDir := "", ""
	for _, path := range b.s.userPaths() {
		info := b.s.user[path]
		if m := info.meta.Module; info.name() == "main" || module == "" {
			module, moduleDir = m.Path, m.Dir
		}
		for _, imported := range info.Pkg.Imports() {
			if b.s.user[imported.Path()] == nil && imported.Path() != "unsafe" {
				wanted[imported.Path()] = true
			}
		}
	}
	var standard, others []string
	for path := range wanted {
		if p := b.s.listed[path]; p == nil {
			continue
		} else if p.Standard {
			standard = append(standard, path)
		} else {
			others = append(others, path)
		}
	}
	sort.Strings(standard)
	sort.Strings(others)
	var imports []string
	for _, path := range standard {
		own := "fireagent/register/" + path
		text := b.registry("register", own, []string{path})
		if text == "" {
			continue
		}
		if err := b.put(filepath.Join(b.s.goRoot, "src", filepath.FromSlash(own), "register.go"), text); err != nil {
			return nil, err
		}
		imports = append(imports, own)
	}
	if text := b.registry("fireagent_libraries", module+"/fireagent_libraries", others); text != "" {
		if err := b.put(filepath.Join(moduleDir, "fireagent_libraries", "register.go"), text); err != nil {
			return nil, err
		}
		imports = append(imports, module+"/fireagent_libraries")
	}
	return imports, nil
}

// registry is the source of a package that registers what some libraries export. Empty if that is nothing.
func (b *homeBuild) registry(name, own string, paths []string) string {
	table := newImportTable(own)
	var functions, variables, named strings.Builder
	for _, path := range paths {
		pkg, err := b.s.Import(path)
		if err != nil || pkg == nil {
			continue
		}
		scope := pkg.Scope()
		for _, object := range scope.Names() {
			if !ast.IsExported(object) {
				continue
			}
			id := path + "." + object
			switch o := scope.Lookup(object).(type) {
			case *types.Func:
				if o.Signature().TypeParams().Len() == 0 {
					fmt.Fprintf(&functions, "\t\t%q, %s.%s,\n", id, table.alias(path), object)
				}
			case *types.Var:
				fmt.Fprintf(&variables, "\t\t%q, &%s.%s,\n", id, table.alias(path), object)
			case *types.TypeName:
				if registrable(o) {
					fmt.Fprintf(&named, "\t\t%q, (*%s.%s)(nil),\n", id, table.alias(path), object)
				} else if n, ok := types.Unalias(o.Type()).(*types.Named); ok && o.IsAlias() && registrable(n.Obj()) && n.Obj().Pkg() != nil {
					fmt.Fprintf(&named, "\t\t%q, (*%s.%s)(nil),\n", canonicalType(n), table.alias(path), object)
				}
			}
		}
	}
	if len(table.aliases) == 0 {
		return ""
	}
	return fmt.Sprintf(generated+"package %s\n\nimport home \"fireagent/home\"\n%s\nfunc init() {\n\thome.Functions(\n%s\t)\n\thome.Variables(\n%s\t)\n\thome.Types(\n%s\t)\n}\n",
		name, table.lines(), functions.String(), variables.String(), named.String())
}
