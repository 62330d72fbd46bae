package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"go/ast"
	"go/types"
	"hash"
	"io"
	"strings"
)

// What the running binary was compiled from is the baseline. A function that it does not hold, or holds with other
// parameters or results, is an added one: it goes by a name of its own on the wire, so that code which was compiled
// for the old signature never meets the new one. Home makes an entry for it when a worker brings it.

// promote makes the program that was instrumented last the baseline: it runs now.
func (s *session) promote(map[string]any) error {
	s.compiled, s.baseline, s.compiledStacks = s.prepared, s.preparing, s.preparedStacks
	return nil
}

// prepare notes the program that is being instrumented.
func (s *session) prepare() {
	s.preparing = s.functionInstances()
	s.prepared = make(map[string]*PackageInfo, len(s.user))
	for path, info := range s.user {
		s.prepared[path] = info
	}
}

// held is the function of the baseline that an id names. Not: it has none.
func (s *session) held(path, id string) *function {
	info := s.compiled[path]
	if info == nil {
		return nil
	}
	declared(info)
	return info.byID[id]
}

// wireID is the name of a function on the wire: its id where the running binary holds it, with this signature.
func (s *session) wireID(f *types.Func) string {
	f = f.Origin()
	id := functionID(f)
	if s.compiled == nil || f.Pkg() == nil || s.user[f.Pkg().Path()] == nil {
		return id
	}
	signature := f.Signature()
	if _, decl := s.user[f.Pkg().Path()].declaration(id); decl == nil {
		return id // promoted by embedding: nobody can have added it
	}
	text := plainSignature(signature)
	if old := s.held(f.Pkg().Path(), id); old != nil && plainSignature(old.Object.Signature()) == text {
		return id
	}
	return id + "#" + digest(text)
}

// isAdded reports whether a name on the wire is that of an added function or variable.
func isAdded(wire string) bool { return strings.Contains(wire, "#") }

// isAlong reports whether a function is generic and added. Home cannot have a slot for it, since it has none of its
// instances: whoever calls it brings it along.
func (s *session) isAlong(f *types.Func) bool {
	return len(typeParameters(f.Origin().Signature())) > 0 && isAdded(s.wireID(f))
}

// plainSignature is a signature without the names of its parameters, of those for types neither.
func plainSignature(signature *types.Signature) string {
	var b strings.Builder
	with := map[*types.TypeParam]types.Type{}
	for i, p := range typeParameters(signature) {
		with[p] = types.NewTypeParam(types.NewTypeName(p.Obj().Pos(), nil, fmt.Sprintf("T%d", i), nil), nil)
	}
	tuple := func(t *types.Tuple) {
		for i := range t.Len() {
			b.WriteString(typeText(substitute(t.At(i).Type(), with)) + ";")
		}
	}
	for i := range signature.TypeParams().Len() {
		b.WriteString("[" + typeText(substitute(signature.TypeParams().At(i).Constraint(), with)) + "]")
	}
	tuple(signature.Params())
	fmt.Fprintf(&b, "%t:", signature.Variadic())
	tuple(signature.Results())
	return b.String()
}

func typeText(t types.Type) string {
	return types.TypeString(t, func(p *types.Package) string { return p.Path() })
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:6])
}

// differences answers the functions that do not mean what the baseline's functions of their names mean: because
// something that they mention is another thing, of another type, or of another value. What their text says does not
// count here.
func (s *session) differences(r *request, reply map[string]any) error {
	missing := []string{}
	for _, id := range r.Functions {
		if s.findFunction(id) == nil {
			missing = append(missing, id)
		}
	}
	reply["missing"] = missing
	rows := []map[string]any{}
	for _, path := range s.userPaths() {
		info, base := s.user[path], s.compiled[path]
		if info == base || s.compiled == nil {
			continue
		}
		for _, f := range declared(info) {
			if f.Decl.Name.Name == "_" || f.Decl.Recv == nil && f.Decl.Name.Name == "init" {
				continue
			}
			wire, meaning := s.wireID(f.Object), meaningOf(f)
			old := s.held(path, f.ID)
			if !isAdded(wire) && old != nil && meaningOf(old) == meaning {
				continue
			}
			rows = append(rows, map[string]any{"id": f.ID, "wire": wire, "meaning": meaning, "along": s.isAlong(f.Object)})
		}
	}
	reply["differences"] = rows
	return nil
}

// meaningOf is a digest of all that a function's names stand for.
func meaningOf(f *function) string {
	if f.meaning != "" {
		return f.meaning
	}
	h := sha256.New()
	io.WriteString(h, plainSignature(f.Object.Signature()))
	ast.Inspect(f.Decl, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			meansIn(h, f.Info.Info.Uses[id])
		}
		return true
	})
	f.meaning = hex.EncodeToString(h.Sum(nil)[:12])
	return f.meaning
}

// meansIn writes what an object is, if it is not the function's own.
func meansIn(h hash.Hash, o types.Object) {
	switch o := o.(type) {
	case *types.PkgName:
		fmt.Fprintf(h, "package %s\n", o.Imported().Path())
	case *types.Const:
		fmt.Fprintf(h, "constant %s %s\n", typeText(o.Type()), o.Val().ExactString())
	case *types.TypeName:
		fmt.Fprintf(h, "type %s\n", typeText(o.Type()))
	case *types.Var:
		if o.IsField() || isPackageVariable(o) {
			fmt.Fprintf(h, "variable %t %s %s\n", o.IsField(), o.Name(), typeText(o.Type()))
		}
	case *types.Func:
		fmt.Fprintf(h, "function %s %s\n", functionID(o), plainSignature(o.Signature()))
	case *types.Builtin, *types.Nil:
		fmt.Fprintf(h, "built in %s\n", o.Name())
	}
}

// beyond lists the added functions that the shadow calls, hosted or not. A worker in which an interface may ask for an
// added method is refused: a type of the running program does not get another method.
func (e *emitter) beyond() []string {
	out := []string{}
	refuseMethod := func(id string, f *types.Func) {
		if f.Signature().Recv() != nil && e.methodNames[f.Name()] {
			panic(refusal{reasonAdded, "an interface may ask for " + id + ", which the running program does not have", 0})
		}
	}
	for _, id := range sortedKeys(e.functions) {
		f := e.functions[id]
		if !isAdded(e.s.wireID(f)) {
			continue
		}
		refuseMethod(id, f)
		if e.s.isAlong(f) {
			panic(refusal{reasonAdded, "it needs " + id + ", which is generic, not in the running program, and cannot come along", 0})
		}
		out = append(out, id)
	}
	for _, id := range sortedKeys(e.contains) {
		if f := e.s.findFunction(id); f != nil && e.s.isAlong(f.Object) {
			refuseMethod(id, f.Object)
		}
	}
	return out
}
