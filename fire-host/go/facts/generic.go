package main

import (
	"fmt"
	"go/ast"
	"go/types"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Generic functions and methods of generic types move like others. Home and worker call an instance by a function type
// that its type arguments make. Go makes no instances at run time: all of them follow from the program's source, so the
// worker is built with an entry for each, and nothing else can be called.

// typeParameters are those of a function, or of a method's receiver.
func typeParameters(signature *types.Signature) []*types.TypeParam {
	from := signature.TypeParams()
	if signature.Recv() != nil {
		from = signature.RecvTypeParams()
	}
	out := make([]*types.TypeParam, from.Len())
	for i := range out {
		out[i] = from.At(i)
	}
	return out
}

// parameterList renders the declaration of type parameters; empty for none.
func parameterList(table *importTable, list []*types.TypeParam) string {
	if len(list) == 0 {
		return ""
	}
	parts := make([]string, len(list))
	for i, p := range list {
		parts[i] = parameterName(p, i) + " " + table.text(p.Constraint())
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

// argumentList renders type parameters as arguments; empty for none.
func argumentList(list []*types.TypeParam) string {
	if len(list) == 0 {
		return ""
	}
	return "[" + strings.Join(parameterNames(list), ", ") + "]"
}

// instanceType is the type that stands for an instance.
func instanceType(list []*types.TypeParam) string {
	return "func(" + strings.Join(parameterNames(list), ", ") + ")"
}

func parameterNames(list []*types.TypeParam) []string {
	out := make([]string, len(list))
	for i, p := range list {
		out[i] = parameterName(p, i)
	}
	return out
}

func parameterName(p *types.TypeParam, i int) string {
	if p.Obj().Name() == "_" {
		return blankParameter(i)
	}
	return p.Obj().Name()
}

// blankParameter is the name that a blank type parameter is given.
func blankParameter(i int) string { return fmt.Sprintf("fire__T%d", i) }

// receiverParameters are the names of type parameters in a receiver.
func receiverParameters(decl *ast.FuncDecl) []*ast.Ident {
	if decl.Recv == nil || len(decl.Recv.List) == 0 {
		return nil
	}
	t := ast.Unparen(decl.Recv.List[0].Type)
	if star, ok := t.(*ast.StarExpr); ok {
		t = ast.Unparen(star.X)
	}
	var list []ast.Expr
	switch t := t.(type) {
	case *ast.IndexExpr:
		list = []ast.Expr{t.Index}
	case *ast.IndexListExpr:
		list = t.Indices
	}
	var out []*ast.Ident
	for _, e := range list {
		if id, ok := e.(*ast.Ident); ok {
			out = append(out, id)
		}
	}
	return out
}

// functionInstance is an instance of a generic function that the running program may call.
type functionInstance struct {
	args []types.Type
	in   string // path of the package whose code leads to it
}

// functionInstances lists, by function id, the instances that a program's source leads to.
func (s *session) functionInstances() map[string][]functionInstance {
	out := map[string][]functionInstance{}
	seen := map[string]bool{}
	note := func(path string, f *types.Func, args []types.Type) {
		if f.Pkg() == nil || s.user[f.Pkg().Path()] == nil {
			return
		}
		id := functionID(f)
		key := id
		for _, a := range args {
			key += " " + instanceKey(a)
		}
		if !seen[key] {
			seen[key] = true
			out[id] = append(out[id], functionInstance{args, path})
		}
	}
	for _, path := range s.userPaths() {
		info := s.user[path]
		var start []use
		for _, file := range info.Files {
			start = append(start, usesIn(info, file)...)
		}
		start = append(start, s.testUses(info)...)
		s.expandAll(start, func(n *types.Named) {
			for i := range n.NumMethods() {
				note(path, n.Method(i).Origin(), list(n.TypeArgs()))
			}
		}, func(f *types.Func, args []types.Type) { note(path, f, args) })
	}
	return out
}

// instancesOf lists the instances of a function that the running program may call, in today's types.
func (s *session) instancesOfFunction(id string) []functionInstance {
	held := s.baseline
	if held == nil {
		if s.preparing == nil {
			s.preparing = s.functionInstances()
		}
		held = s.preparing
	}
	out := make([]functionInstance, len(held[id]))
	for i, one := range held[id] {
		out[i].in = one.in
		for _, a := range one.args {
			out[i].args = append(out[i].args, s.today(a))
		}
	}
	return out
}

// today is a type by what its names mean now: packages may have been read anew.
func (s *session) today(t types.Type) types.Type {
	return rebuild(t, func(t types.Type) types.Type {
		n, ok := t.(*types.Named)
		if !ok || n.Obj().Pkg() == nil || !packageLevel(n) {
			return nil
		}
		info := s.user[n.Obj().Pkg().Path()]
		if info == nil {
			return nil
		}
		o, ok := info.Pkg.Scope().Lookup(n.Obj().Name()).(*types.TypeName)
		if !ok {
			return nil
		}
		now, ok := types.Unalias(o.Type()).(*types.Named)
		if !ok || now.TypeParams().Len() != n.TypeArgs().Len() {
			return nil
		}
		if n.TypeArgs().Len() == 0 {
			return now
		}
		args := list(n.TypeArgs())
		for i := range args {
			args[i] = s.today(args[i])
		}
		made, err := types.Instantiate(nil, now, args, false)
		if err != nil {
			return nil
		}
		return made
	})
}

// unhostable tells why a worker cannot have an entry for an instance. Empty: it can.
func unhostable(one functionInstance) string {
	for _, a := range one.args {
		if mentionsLocal(a) {
			return "an instance of it is for " + types.TypeString(a, nil) + ", which is declared inside a function"
		}
		if anyType(a, foreignFields) {
			return "an instance of it is for " + types.TypeString(a, nil) + ", which another package cannot write"
		}
	}
	return ""
}

// foreignFields reports whether a type without a name has members that only their own package can write.
func foreignFields(t types.Type) bool {
	switch t := t.(type) {
	case *types.Struct:
		for i := range t.NumFields() {
			if !t.Field(i).Exported() {
				return true
			}
		}
	case *types.Interface:
		for i := range t.NumMethods() {
			if !t.Method(i).Exported() {
				return true
			}
		}
	}
	return false
}

// entryInstance is an instance of a hosted function.
type entryInstance struct {
	function *types.Func
	functionInstance
}

// hostInstances notes the entries of a generic function.
func (e *emitter) hostInstances(f *function, some bool) *refusal {
	if len(typeParameters(f.Object.Signature())) == 0 {
		return nil
	}
	for _, one := range e.s.instancesOfFunction(f.ID) {
		if why := unhostable(one); why != "" {
			if some {
				continue
			}
			return &refusal{reasonGeneric, why, f.Decl.Pos()}
		}
		in := f.Info.Pkg
		if info := e.s.user[one.in]; info != nil {
			in = info.Pkg
		}
		outer := e.scanned
		e.scanned = in
		for _, a := range one.args {
			e.markType(a)
		}
		e.markSignature(instantiatedSignature(f.Object, one.args).(*types.Signature))
		e.scanned = outer
		e.uses = append(e.uses, scannedUses{in, substituted(f.Info, f.Decl, one.args)})
		e.entries = append(e.entries, entryInstance{f.Object, one})
	}
	return nil
}

// genericEntry renders the function that makes the entries of one instance.
func (d *declarations) genericEntry(b *hostedBody) {
	signature := namedReceiver(b.entry.Signature())
	list := typeParameters(signature)
	t, call := d.entryCall(b, signature, b.name+argumentList(list))
	d.printf("func %s%s() { fire__.HostInstance[%s](%q, func(fire__a *%s, fire__r *%s) { %s }) }\n",
		registering(b.entry), parameterList(d.table, list), instanceType(list), b.id, t.argumentStruct, t.resultStruct, call)
	fmt.Fprintf(&d.init, "\tfire__.HostGeneric(%q)\n", b.id)
}

// registering is the name of the function that makes the entry of an instance.
func registering(f *types.Func) string {
	return strings.Replace(hostedName(f), "Fire__body_", "Fire__host_", 1)
}

// lastWords are what the worker's program itself registers, since it alone sees all packages: entries of instances, and
// instantiated types that the package which leads to them cannot name.
func (e *emitter) lastWords() *declarations {
	d := &declarations{e: e, table: newImportTable("")}
	for _, one := range e.entries {
		args := make([]string, len(one.args))
		for i, a := range one.args {
			args[i] = d.exportedText(a)
		}
		fmt.Fprintf(&d.init, "\t%s.%s[%s]()\n", d.table.alias(one.function.Pkg().Path()), registering(one.function), strings.Join(args, ", "))
	}
	for _, key := range sortedKeys(e.instances) {
		if i := e.instances[key]; !e.s.written(i.t, i.in) && !anyType(i.t, foreignFields) {
			text := d.exportedText(i.t)
			fmt.Fprintf(&d.init, "\tfire__.Type(%q, (*%s)(nil))\n", key, text)
			d.hazards(i.t, text)
		}
	}
	for _, key := range sortedKeys(e.interfaces) {
		if p := e.interfaces[key]; p.owner == lastOwner {
			d.proxy(p.t)
		}
	}
	return d
}

// lastOwner owns the stand-ins that the worker's program declares itself.
const lastOwner = "."

// written reports whether a package can write a type: it can name all of it, and comes after all that it names.
func (s *session) written(t types.Type, in *types.Package) bool {
	if !nameable(t, in) {
		return false
	}
	return !anyType(t, func(t types.Type) bool {
		n, ok := t.(*types.Named)
		return ok && n.Obj().Pkg() != nil && n.Obj().Pkg().Path() != in.Path() && !s.imports(in)[n.Obj().Pkg().Path()]
	})
}

// imports are the paths of all packages that a package is built from.
func (s *session) imports(p *types.Package) map[string]bool {
	if found := s.below[p]; found != nil {
		return found
	}
	found := map[string]bool{}
	for _, direct := range p.Imports() {
		found[direct.Path()] = true
		for path := range s.imports(direct) {
			found[path] = true
		}
	}
	if s.below == nil {
		s.below = map[*types.Package]map[string]bool{}
	}
	s.below[p] = found
	return found
}

// exportedText writes a type where no package's unexported names are in scope.
func (d *declarations) exportedText(t types.Type) string {
	return exportedText(d.table, d.e.exported, t)
}

// exportedText writes a type with second, exported names for unexported types of other packages, and notes these.
func exportedText(table *importTable, exported map[string]*types.TypeName, t types.Type) string {
	text := table.text(t)
	walkType(t, map[types.Type]bool{}, func(t types.Type) bool {
		n, ok := t.(*types.Named)
		if !ok || n.Obj().Pkg() == nil || n.Obj().Exported() || n.Obj().Pkg().Path() == table.own {
			return true
		}
		path, name := n.Obj().Pkg().Path(), n.Obj().Name()
		exported[path+"."+name] = n.Obj()
		text = replaceWord(text, table.alias(path)+"."+name, table.alias(path)+".Fire__"+name)
		return true
	})
	return text
}

// replaceWord replaces a name where it does not go on.
func replaceWord(text, old, with string) string {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(text, old)
		b.WriteString(before)
		if !found {
			return b.String()
		}
		if r, _ := utf8.DecodeRuneInString(after); after != "" && (r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r)) {
			b.WriteString(old)
		} else {
			b.WriteString(with)
		}
		text = after
	}
}

// exports renders second names, exported ones, for types of a package, in a file of its own: it may be of a newer
// language version than the package is. Empty: there are none.
func exports(path, name string, exported map[string]*types.TypeName, imports map[string]bool) string {
	var b strings.Builder
	table := newImportTable(path)
	for _, key := range sortedKeys(exported) {
		o := exported[key]
		if o.Pkg().Path() != path {
			continue
		}
		list := []*types.TypeParam{}
		if n, ok := o.Type().(*types.Named); ok {
			for i := range n.TypeParams().Len() {
				list = append(list, n.TypeParams().At(i))
			}
		}
		fmt.Fprintf(&b, "\ntype Fire__%s%s = %s%s\n", o.Name(), parameterList(table, list), o.Name(), argumentList(list))
	}
	if b.Len() == 0 {
		return ""
	}
	for imported := range table.aliases {
		imports[imported] = true
	}
	return "// Code generated by fire. DO NOT EDIT.\n\n//go:build go1.24\n\npackage " + name + "\n\n" + table.lines() + b.String()
}
