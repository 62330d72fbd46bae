package main

import "go/types"

func (e *emitter) markSignature(signature *types.Signature) {
	for _, t := range parameterTypes(signature) {
		e.markType(t)
	}
	for i := range signature.Results().Len() {
		e.markType(signature.Results().At(i).Type())
	}
}

// markType notes every name that a type is written with.
func (e *emitter) markType(t types.Type) {
	if t == nil {
		return
	}
	walkWithAliases(t, map[types.Type]bool{}, func(t types.Type) {
		switch t := t.(type) {
		case *types.Alias:
			e.name(t.Obj())
		case *types.Named:
			e.name(t.Obj())
			if i, ok := t.Underlying().(*types.Interface); t.TypeArgs().Len() > 0 && !isOpen(t) && !mentionsLocal(t) && (!ok || i.IsMethodSet()) {
				if _, have := e.instances[canonicalType(t)]; !have {
					e.instances[canonicalType(t)] = instance{t, e.scanned}
					e.changed = true
				}
			}
		case *types.Interface:
			e.markInterface(t)
			if t.NumMethods() > 0 && t.IsMethodSet() && !isOpen(t) && !mentionsLocal(t) && nameable(t, e.scanned) {
				e.proxy(t)
			}
		}
	})
}

func (e *emitter) name(o *types.TypeName) {
	if o.Pkg() == nil || o.Parent() != o.Pkg().Scope() {
		return
	}
	key := o.Pkg().Path() + "." + o.Name()
	if e.named[key] == nil {
		e.named[key] = o
		e.changed = true
	}
}

func (e *emitter) markInterface(t *types.Interface) {
	for i := range t.NumMethods() {
		if name := t.Method(i).Name(); !e.methodNames[name] {
			e.methodNames[name] = true
			e.changed = true
		}
	}
}

func (e *emitter) markField(f *types.Var) {
	if f.Pkg() == nil {
		return
	}
	key := f.Pkg().Path() + "." + f.Origin().Name()
	if !e.fields[key] {
		e.fields[key] = true
		e.changed = true
	}
}

// markCompared notes a type whose values the worker compares or converts: all of its fields must be real.
func (e *emitter) markCompared(t types.Type) {
	if t == nil {
		return
	}
	walkWithAliases(t, map[types.Type]bool{}, func(t types.Type) {
		if n, ok := t.(*types.Named); ok && n.Obj().Pkg() != nil {
			if key := n.Obj().Pkg().Path() + "." + n.Obj().Name(); !e.whole[key] {
				if s, ok := n.Underlying().(*types.Struct); ok {
					e.whole[key] = true
					e.changed = true
					for i := range s.NumFields() {
						e.markCompared(s.Field(i).Type())
					}
				}
			}
		}
	})
}

// markConverted notes a struct that is taken for another: both must be declared alike.
func (e *emitter) markConverted(t types.Type) {
	n, ok := types.Unalias(t).(*types.Named)
	if !ok || n.Obj().Pkg() == nil {
		return
	}
	if _, ok := n.Underlying().(*types.Struct); !ok {
		return
	}
	if key := n.Obj().Pkg().Path() + "." + n.Obj().Name(); !e.converted[key] {
		e.converted[key] = true
		e.changed = true
	}
}

// taken is a struct type of another package that a named type was declared as: its unexported fields can only be had by
// its name. Nil: it is declared field by field.
func taken(named *types.Named) *types.Named {
	s, ok := named.Underlying().(*types.Struct)
	if !ok || named.TypeParams().Len() > 0 {
		return nil
	}
	for i := range s.NumFields() {
		f := s.Field(i)
		if f.Exported() || f.Pkg() == nil || f.Pkg().Path() == named.Obj().Pkg().Path() {
			continue
		}
		scope := f.Pkg().Scope()
		for _, name := range scope.Names() {
			o, ok := scope.Lookup(name).(*types.TypeName)
			if !ok || o.IsAlias() || !o.Exported() {
				continue
			}
			if n, ok := o.Type().(*types.Named); ok && n.TypeParams().Len() == 0 && types.Identical(n.Underlying(), s) {
				return n
			}
		}
		return nil
	}
	return nil
}

func (e *emitter) markVariable(v *types.Var) {
	key := v.Pkg().Path() + "." + v.Name()
	born := e.s.isBorn(v)
	if !born {
		e.need(key)
	}
	if e.variables[key] == nil {
		e.variables[key] = v
		e.changed = true
		e.markType(v.Type())
		if born {
			e.bear(v)
		}
	}
}

func (e *emitter) markConstant(c *types.Const) {
	if c.Pkg() == nil || c.Parent() != c.Pkg().Scope() {
		return
	}
	key := c.Pkg().Path() + "." + c.Name()
	if e.constants[key] == nil {
		e.constants[key] = c
		e.changed = true
		e.markType(c.Type())
	}
}

// walkWithAliases visits a type and all that it is written with, names of aliases included.
func walkWithAliases(t types.Type, seen map[types.Type]bool, visit func(types.Type)) {
	if a, ok := t.(*types.Alias); ok {
		if seen[a] {
			return
		}
		seen[a] = true
		visit(a)
		for i := range a.TypeArgs().Len() {
			walkWithAliases(a.TypeArgs().At(i), seen, visit)
		}
		walkWithAliases(a.Rhs(), seen, visit)
		return
	}
	if t == nil || seen[t] {
		return
	}
	visit(t)
	seen[t] = true
	for _, part := range parts(t) {
		walkWithAliases(part, seen, visit)
	}
}

// parts are the types that a type is written with.
func parts(t types.Type) []types.Type {
	var out []types.Type
	switch t := t.(type) {
	case *types.Named:
		for i := range t.TypeArgs().Len() {
			out = append(out, t.TypeArgs().At(i))
		}
	case *types.Pointer:
		out = append(out, t.Elem())
	case *types.Slice:
		out = append(out, t.Elem())
	case *types.Array:
		out = append(out, t.Elem())
	case *types.Chan:
		out = append(out, t.Elem())
	case *types.Map:
		out = append(out, t.Key(), t.Elem())
	case *types.Tuple:
		for i := range t.Len() {
			out = append(out, t.At(i).Type())
		}
	case *types.Signature:
		out = append(out, t.Params(), t.Results())
	case *types.Struct:
		for i := range t.NumFields() {
			out = append(out, t.Field(i).Type())
		}
	case *types.Interface:
		for i := range t.NumExplicitMethods() {
			out = append(out, t.ExplicitMethod(i).Type())
		}
		for i := range t.NumEmbeddeds() {
			out = append(out, t.EmbeddedType(i))
		}
	case *types.Union:
		for i := range t.Len() {
			out = append(out, t.Term(i).Type())
		}
	}
	return out
}
