package main

import (
	"go/types"
	"sort"
	"strconv"
	"strings"
)

// canonicalType is the name of a type on the wire. Type arguments are spelled as reflect spells them, so that home finds
// an instance that it has reached by reflection alone.
func canonicalType(t types.Type) string {
	n, ok := types.Unalias(t).(*types.Named)
	if !ok {
		return spelling(t)
	}
	name := n.Obj().Name()
	if n.Obj().Pkg() != nil {
		name = n.Obj().Pkg().Path() + "." + name
	}
	if n.TypeArgs().Len() == 0 {
		return name
	}
	parts := make([]string, n.TypeArgs().Len())
	for i := range parts {
		parts[i] = canonicalType(n.TypeArgs().At(i))
	}
	return name + "[" + strings.Join(parts, ",") + "]"
}

func spelling(t types.Type) string {
	switch t := types.Unalias(t).(type) {
	case *types.Named:
		return canonicalType(t)
	case *types.Basic:
		if t.Kind() == types.UnsafePointer {
			return "unsafe.Pointer"
		}
		return types.Typ[t.Kind()].Name() // byte is uint8
	case *types.Pointer:
		return "*" + spelling(t.Elem())
	case *types.Slice:
		return "[]" + spelling(t.Elem())
	case *types.Array:
		return "[" + strconv.FormatInt(t.Len(), 10) + "]" + spelling(t.Elem())
	case *types.Map:
		return "map[" + spelling(t.Key()) + "]" + spelling(t.Elem())
	case *types.Chan:
		return chanSpelling(t)
	case *types.Signature:
		return "func" + signatureSpelling(t)
	case *types.Struct:
		return structSpelling(t)
	case *types.Interface:
		return interfaceSpelling(t)
	}
	return types.TypeString(t, func(p *types.Package) string { return p.Path() })
}

func chanSpelling(t *types.Chan) string {
	element := spelling(t.Elem())
	switch t.Dir() {
	case types.SendOnly:
		return "chan<- " + element
	case types.RecvOnly:
		return "<-chan " + element
	}
	if inner, ok := types.Unalias(t.Elem()).(*types.Chan); ok && inner.Dir() == types.RecvOnly {
		return "chan (" + element + ")"
	}
	return "chan " + element
}

func signatureSpelling(t *types.Signature) string {
	parameters := make([]string, t.Params().Len())
	for i := range parameters {
		parameters[i] = spelling(t.Params().At(i).Type())
		if t.Variadic() && i == len(parameters)-1 {
			parameters[i] = "..." + strings.TrimPrefix(parameters[i], "[]")
		}
	}
	results := make([]string, t.Results().Len())
	for i := range results {
		results[i] = spelling(t.Results().At(i).Type())
	}
	text := "(" + strings.Join(parameters, ", ") + ")"
	switch len(results) {
	case 0:
		return text
	case 1:
		return text + " " + results[0]
	}
	return text + " (" + strings.Join(results, ", ") + ")"
}

func structSpelling(t *types.Struct) string {
	if t.NumFields() == 0 {
		return "struct {}"
	}
	fields := make([]string, t.NumFields())
	for i := range fields {
		f := t.Field(i)
		fields[i] = spelling(f.Type())
		if !f.Embedded() {
			fields[i] = memberSpelling(f) + " " + fields[i]
		}
		if tag := t.Tag(i); tag != "" {
			fields[i] += " " + strconv.Quote(tag)
		}
	}
	return "struct { " + strings.Join(fields, "; ") + " }"
}

func interfaceSpelling(t *types.Interface) string {
	if t.NumMethods() == 0 {
		return "interface {}"
	}
	methods := make([]*types.Func, t.NumMethods())
	for i := range methods {
		methods[i] = t.Method(i)
	}
	sort.SliceStable(methods, func(i, j int) bool {
		if a, b := methods[i].Exported(), methods[j].Exported(); a != b {
			return a
		}
		return methods[i].Name() < methods[j].Name()
	})
	list := make([]string, len(methods))
	for i, m := range methods {
		list[i] = memberSpelling(m) + signatureSpelling(m.Signature())
	}
	return "interface { " + strings.Join(list, "; ") + " }"
}

func memberSpelling(o types.Object) string {
	if o.Exported() || o.Pkg() == nil {
		return o.Name()
	}
	return o.Pkg().Path() + "." + o.Name()
}
