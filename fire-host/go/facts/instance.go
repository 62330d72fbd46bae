package main

import (
	"fmt"
	"go/ast"
	"go/types"
	"strings"
)

// use is an instantiation that some code mentions; inside generic code its arguments may be open.
type use struct {
	object types.Object // a function or a type name
	args   []types.Type
}

// most instantiations that one program is followed through. Go itself refuses endless ones.
const mostInstances = 100000

// usesIn lists the instantiations that a declaration mentions.
func usesIn(info *PackageInfo, n ast.Node) []use {
	var out []use
	ast.Inspect(n, func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		if !ok {
			return true
		}
		if instance, ok := info.Info.Instances[id]; ok {
			if alias, ok := instance.Type.(*types.Alias); ok {
				out = append(out, usesOf(types.Unalias(alias))...)
			} else {
				out = append(out, use{info.Info.Uses[id], list(instance.TypeArgs)})
			}
		}
		if o := info.Info.Defs[id]; o != nil && o.Type() != nil {
			out = append(out, usesOf(o.Type())...) // inferred
		}
		return true
	})
	return out
}

// usesOf lists the instantiated types that a type is written with.
func usesOf(t types.Type) []use {
	var out []use
	walkType(t, map[types.Type]bool{}, func(t types.Type) bool {
		if n, ok := t.(*types.Named); ok && n.TypeArgs().Len() > 0 {
			out = append(out, use{n.Obj(), list(n.TypeArgs())})
		}
		return true
	})
	return out
}

func list(from *types.TypeList) []types.Type {
	out := make([]types.Type, from.Len())
	for i := range out {
		out[i] = from.At(i)
	}
	return out
}

// expand visits every closed instantiated type that some code leads to, by way of generic functions, of the fields of
// generic types and of their methods.
func (s *session) expand(start []use, visit func(*types.Named)) {
	s.expandAll(start, visit, func(*types.Func, []types.Type) {})
}

// expandAll is expand that visits instances of functions too.
func (s *session) expandAll(start []use, visit func(*types.Named), visitFunction func(*types.Func, []types.Type)) {
	seen := map[string]bool{}
	for queue := start; len(queue) > 0 && len(seen) < mostInstances; {
		u := queue[0]
		queue = queue[1:]
		open := u.object == nil || u.object.Pkg() == nil
		key := fmt.Sprintf("%p", u.object)
		for _, a := range u.args {
			open = open || isOpen(a)
			key += " " + instanceKey(a)
		}
		if open || seen[key] {
			continue
		}
		seen[key] = true
		info := s.user[u.object.Pkg().Path()]
		if info == nil {
			info = s.sourced[u.object.Pkg().Path()]
		}
		switch o := u.object.(type) {
		case *types.Func:
			visitFunction(o.Origin(), u.args)
			if info == nil {
				queue = append(queue, usesOf(instantiatedSignature(o, u.args))...)
				continue
			}
			if _, decl := info.declaration(functionID(o)); decl != nil {
				queue = append(queue, substituted(info, decl, u.args)...)
			}
		case *types.TypeName:
			origin, ok := types.Unalias(o.Type()).(*types.Named)
			if !ok || origin.TypeParams().Len() != len(u.args) {
				continue
			}
			made, err := types.Instantiate(nil, origin.Origin(), u.args, false)
			if err != nil {
				continue
			}
			named := made.(*types.Named)
			visit(named)
			for _, part := range parts(named.Underlying()) {
				queue = append(queue, usesOf(part)...)
			}
			for i := range named.NumMethods() {
				queue = append(queue, usesOf(named.Method(i).Type())...)
				if info == nil {
					continue
				}
				if _, decl := info.declaration(functionID(named.Method(i))); decl != nil {
					queue = append(queue, substituted(info, decl, u.args)...)
				}
			}
		}
	}
}

// instanceKey tells types apart, those declared inside functions by their place.
func instanceKey(t types.Type) string {
	var b strings.Builder
	b.WriteString(canonicalType(t))
	walkType(t, map[types.Type]bool{}, func(t types.Type) bool {
		if n, ok := t.(*types.Named); ok {
			fmt.Fprintf(&b, "@%d", n.Obj().Pos())
		}
		return true
	})
	return b.String()
}

// substituted lists what a generic declaration mentions when it is instantiated.
func substituted(info *PackageInfo, decl *ast.FuncDecl, args []types.Type) []use {
	signature := info.Info.Defs[decl.Name].(*types.Func).Signature()
	parameters := signature.TypeParams()
	if signature.Recv() != nil {
		parameters = signature.RecvTypeParams()
	}
	if parameters.Len() != len(args) {
		return nil
	}
	with := map[*types.TypeParam]types.Type{}
	for i, a := range args {
		with[parameters.At(i)] = a
	}
	out := usesIn(info, decl)
	for i := range out {
		closed := make([]types.Type, len(out[i].args))
		for j, a := range out[i].args {
			closed[j] = substitute(a, with)
		}
		out[i].args = closed
	}
	return out
}

// instantiatedSignature is the type of an instance of a function.
func instantiatedSignature(f *types.Func, args []types.Type) types.Type {
	signature := f.Origin().Signature()
	parameters := typeParameters(signature)
	if len(parameters) != len(args) {
		return signature
	}
	with := map[*types.TypeParam]types.Type{}
	for i, a := range args {
		with[parameters[i]] = a
	}
	return substitute(types.NewSignatureType(nil, nil, nil, signature.Params(), signature.Results(), signature.Variadic()), with)
}

// substitute replaces type parameters in a type.
func substitute(t types.Type, with map[*types.TypeParam]types.Type) types.Type {
	if !isOpen(t) {
		return t
	}
	return rebuild(t, func(t types.Type) types.Type {
		if p, ok := t.(*types.TypeParam); ok {
			return with[p]
		}
		return nil
	})
}

// rebuild makes a type anew with some of its parts replaced: those for which instead gives another.
func rebuild(t types.Type, instead func(types.Type) types.Type) types.Type {
	of := func(t types.Type) types.Type { return rebuild(t, instead) }
	tuple := func(t *types.Tuple) *types.Tuple {
		vars := make([]*types.Var, t.Len())
		for i := range vars {
			v := t.At(i)
			vars[i] = types.NewVar(v.Pos(), v.Pkg(), v.Name(), of(v.Type()))
		}
		return types.NewTuple(vars...)
	}
	if other := instead(types.Unalias(t)); other != nil {
		return other
	}
	switch t := types.Unalias(t).(type) {
	case *types.Named:
		if t.TypeArgs().Len() == 0 {
			return t
		}
		args := list(t.TypeArgs())
		for i := range args {
			args[i] = of(args[i])
		}
		if made, err := types.Instantiate(nil, t.Origin(), args, false); err == nil {
			return made
		}
	case *types.Pointer:
		return types.NewPointer(of(t.Elem()))
	case *types.Slice:
		return types.NewSlice(of(t.Elem()))
	case *types.Array:
		return types.NewArray(of(t.Elem()), t.Len())
	case *types.Chan:
		return types.NewChan(t.Dir(), of(t.Elem()))
	case *types.Map:
		return types.NewMap(of(t.Key()), of(t.Elem()))
	case *types.Signature:
		return types.NewSignatureType(nil, nil, nil, tuple(t.Params()), tuple(t.Results()), t.Variadic())
	case *types.Struct:
		fields := make([]*types.Var, t.NumFields())
		tags := make([]string, t.NumFields())
		for i := range fields {
			f := t.Field(i)
			fields[i] = types.NewField(f.Pos(), f.Pkg(), f.Name(), of(f.Type()), f.Embedded())
			tags[i] = t.Tag(i)
		}
		return types.NewStruct(fields, tags)
	case *types.Interface:
		methods := make([]*types.Func, t.NumExplicitMethods())
		for i := range methods {
			m := t.ExplicitMethod(i)
			methods[i] = types.NewFunc(m.Pos(), m.Pkg(), m.Name(), of(types.NewSignatureType(nil, nil, nil, m.Signature().Params(), m.Signature().Results(), m.Signature().Variadic())).(*types.Signature))
		}
		embedded := make([]types.Type, t.NumEmbeddeds())
		for i := range embedded {
			embedded[i] = of(t.EmbeddedType(i))
		}
		return types.NewInterfaceType(methods, embedded).Complete()
	case *types.Union:
		terms := make([]*types.Term, t.Len())
		for i := range terms {
			terms[i] = types.NewTerm(t.Term(i).Tilde(), of(t.Term(i).Type()))
		}
		return types.NewUnion(terms)
	}
	return types.Unalias(t)
}
