package main

import (
	"fmt"
	"go/constant"
	"go/types"
	"strings"
)

// declarations renders declare.go of one shadow package.
type declarations struct {
	e     *emitter
	pkg   *types.Package
	table *importTable
	text  strings.Builder
	init  strings.Builder
	count int
}

// typeText writes a type; in the worker's program no package's own names are in scope.
func (d *declarations) typeText(t types.Type) string {
	if d.pkg == nil {
		return d.exportedText(t)
	}
	return d.table.text(t)
}

func (d *declarations) printf(format string, a ...any) { fmt.Fprintf(&d.text, format, a...) }

func (d *declarations) typeDeclaration(o *types.TypeName) {
	if a, ok := o.Type().(*types.Alias); ok {
		if a.TypeParams().Len() == 0 {
			d.printf("type %s = %s\n", o.Name(), d.table.text(a.Rhs()))
		}
		return
	}
	named, ok := o.Type().(*types.Named)
	if !ok {
		return
	}
	parameters := ""
	if named.TypeParams().Len() > 0 {
		list := make([]string, named.TypeParams().Len())
		for i := range list {
			p := named.TypeParams().At(i)
			list[i] = p.Obj().Name() + " " + d.table.text(p.Constraint())
		}
		parameters = "[" + strings.Join(list, ", ") + "]"
	}
	underlying := ""
	if t := taken(named); t != nil {
		underlying = d.table.text(t)
	} else if s, ok := named.Underlying().(*types.Struct); ok {
		underlying = d.structure(named, s)
	} else {
		underlying = d.table.text(named.Underlying())
	}
	d.printf("type %s%s %s\n", o.Name(), parameters, underlying)
	if registrable(o) {
		fmt.Fprintf(&d.init, "\tfire__.Type(%q, (*%s)(nil))\n", o.Pkg().Path()+"."+o.Name(), o.Name())
		d.hazards(named, o.Name())
	}
}

func (d *declarations) hazards(t types.Type, text string) {
	if types.IsInterface(t) {
		return
	}
	if d.e.hazardous(t) {
		fmt.Fprintf(&d.init, "\tfire__.Hazard[%s]()\n", text)
	}
	if d.e.hazardous(types.NewPointer(t)) {
		fmt.Fprintf(&d.init, "\tfire__.Hazard[*%s]()\n", text)
	}
}

func (d *declarations) structure(named *types.Named, s *types.Struct) string {
	var b strings.Builder
	b.WriteString("struct {")
	for i := range s.NumFields() {
		f := s.Field(i)
		name := f.Name()
		if name == "_" {
			name = fmt.Sprintf("fire__blank%d", i)
		}
		switch {
		case !d.e.real(named, f) || !nameable(f.Type(), d.pkg):
			fmt.Fprintf(&b, " %s %s;", name, d.opaque(f.Type()))
		case f.Embedded():
			fmt.Fprintf(&b, " %s;", d.table.text(f.Type()))
		default:
			fmt.Fprintf(&b, " %s %s;", name, d.table.text(f.Type()))
		}
	}
	b.WriteString(" }")
	return b.String()
}

// opaque is a type of the same size, alignment and pointer words, that says nothing else.
func (d *declarations) opaque(t types.Type) string {
	size, align := d.e.s.sizes.Sizeof(t), d.e.s.sizes.Alignof(t)
	pointers := map[int64]bool{}
	d.e.s.pointerWords(t, 0, pointers)
	if len(pointers) == 0 {
		if size == 0 {
			return "struct{}"
		}
		return fmt.Sprintf("[%d]uint%d", size/align, align*8)
	}
	var b strings.Builder
	b.WriteString("struct {")
	n := 0
	for at := int64(0); at < size; at += 8 {
		kind := "uintptr"
		if pointers[at] {
			kind = d.table.alias("unsafe") + ".Pointer"
		}
		fmt.Fprintf(&b, " f%d %s;", n, kind)
		n++
	}
	b.WriteString(" }")
	return b.String()
}

// pointerWords collects the offsets of the words that the collector follows.
func (s *session) pointerWords(t types.Type, at int64, out map[int64]bool) {
	switch u := t.Underlying().(type) {
	case *types.Basic:
		if u.Kind() == types.String || u.Kind() == types.UnsafePointer {
			out[at] = true
		}
	case *types.Pointer, *types.Map, *types.Chan, *types.Signature, *types.Slice:
		out[at] = true
	case *types.Interface:
		out[at], out[at+8] = true, true
	case *types.Array:
		size := s.sizes.Sizeof(u.Elem())
		for i := range u.Len() {
			s.pointerWords(u.Elem(), at+i*size, out)
		}
	case *types.Struct:
		fields := make([]*types.Var, u.NumFields())
		for i := range fields {
			fields[i] = u.Field(i)
		}
		for i, offset := range s.sizes.Offsetsof(fields) {
			s.pointerWords(fields[i].Type(), at+offset, out)
		}
	}
}

func (d *declarations) constant(c *types.Const) {
	value, typeText := constantText(c.Val()), ""
	if b, ok := c.Type().(*types.Basic); ok && b.Info()&types.IsUntyped != 0 {
		switch {
		case b.Kind() == types.UntypedFloat && c.Val().Kind() == constant.Int:
			value += ".0"
		case b.Kind() == types.UntypedRune:
			if n, ok := constant.Int64Val(c.Val()); ok && n >= 0 && n <= 0x10ffff && (n < 0xd800 || n > 0xdfff) {
				value = fmt.Sprintf("'\\U%08x'", n)
			}
		}
	} else {
		typeText = " " + d.table.text(c.Type())
	}
	d.printf("const %s%s = %s\n", c.Name(), typeText, value)
}

func constantText(v constant.Value) string {
	switch v.Kind() {
	case constant.Float:
		text := v.ExactString()
		if numerator, denominator, ok := strings.Cut(text, "/"); ok {
			return numerator + ".0 / " + denominator + ".0"
		}
		if !strings.ContainsAny(text, ".eE") {
			text += ".0"
		}
		return text
	case constant.Complex:
		return "complex(" + constantText(constant.Real(v)) + ", " + constantText(constant.Imag(v)) + ")"
	}
	return v.ExactString()
}

// accessor renders the functions that reach an unexported field from other packages: in memory and in a value.
func (d *declarations) accessor(a *accessor) {
	owner, field := a.owner.Name(), d.table.text(a.field.Type())
	d.printf("func %sAt(p *%s) *%s { return &p.%s }\n", a.name, owner, field, a.field.Name())
	d.printf("func %sOf(v %s) %s { return v.%s }\n", a.name, owner, field, a.field.Name())
}

func (d *declarations) variable(v *types.Var) {
	text := ""
	if nameable(v.Type(), d.pkg) {
		text = d.table.text(v.Type())
	} else {
		text = d.opaque(v.Type())
	}
	d.printf("var Fire__%s *%s\n", v.Name(), text)
	id, make := d.e.variableID(v), "Variable"
	if isAdded(id) {
		make = "BornVariable"
	}
	fmt.Fprintf(&d.init, "\tfire__.%s(%q, &Fire__%s)\n", make, id, v.Name())
}

// signatureText renders parameters and results with given names, and the structs that carry them.
type signatureText struct {
	parameters, arguments, argumentStruct, argumentValues, results, resultStruct, returned string
}

func (d *declarations) signature(signature *types.Signature, receiver bool) signatureText {
	var parameters, arguments, fields, values, results, resultFields, returned []string
	n := 0
	add := func(t types.Type, parameter, dots bool) {
		text := d.typeText(t)
		name := fmt.Sprintf("fire__p%d", n)
		fields = append(fields, fmt.Sprintf("P%d %s", n, text))
		values = append(values, name)
		if parameter {
			argument := name
			if dots {
				text = "..." + strings.TrimPrefix(text, "[]")
				argument += "..."
			}
			parameters = append(parameters, name+" "+text)
			arguments = append(arguments, argument)
		}
		n++
	}
	if recv := signature.Recv(); recv != nil && receiver {
		add(recv.Type(), false, false)
	}
	for i := range signature.Params().Len() {
		add(signature.Params().At(i).Type(), true, signature.Variadic() && i == signature.Params().Len()-1)
	}
	for i := range signature.Results().Len() {
		text := d.typeText(signature.Results().At(i).Type())
		results = append(results, text)
		resultFields = append(resultFields, fmt.Sprintf("R%d %s", i, text))
		returned = append(returned, fmt.Sprintf("fire__r.R%d", i))
	}
	join := func(list []string, separator string) string { return strings.Join(list, separator) }
	return signatureText{join(parameters, ", "), join(arguments, ", "), "struct{ " + join(fields, "; ") + " }", join(values, ", "),
		join(results, ", "), "struct{ " + join(resultFields, "; ") + " }", join(returned, ", ")}
}

// direct renders the call of a body that this worker hosts itself, where it is still the newest: the same code that home
// would lead to. Empty: it is not here.
func (d *declarations) direct(id, handle string, f *types.Func) string {
	body := d.e.entryOf(id)
	if body == nil {
		return ""
	}
	var arguments []string
	signature := f.Signature()
	list := parameterTypes(signature)
	for i := range list {
		name := fmt.Sprintf("fire__p%d", i)
		if signature.Variadic() && i == len(list)-1 {
			name = "fire__.Adopt(" + name + ")..." // the callee may keep it
		}
		arguments = append(arguments, name)
	}
	call := body.name + "(" + strings.Join(arguments, ", ") + ")"
	if signature.Results().Len() > 0 {
		return fmt.Sprintf("if %s.Here() { return %s }; ", handle, call)
	}
	return fmt.Sprintf("if %s.Here() { %s; return }; ", handle, call)
}

// stub renders a function or method whose body calls home.
func (d *declarations) stub(id string, f *types.Func) {
	signature := namedReceiver(f.Signature())
	d.count++
	handle := fmt.Sprintf("fire_f%d", d.count)
	t := d.signature(signature, true)
	if recv := signature.Recv(); recv != nil {
		receiver := d.table.text(recv.Type())
		if signature.RecvTypeParams().Len() > 0 {
			d.printf("func (fire__p0 %s) %s(%s) (%s) { fire__a, fire__r := %s{%s}, %s{}; fire__.Call(fire__.MethodOf(fire__p0, %q), &fire__a, &fire__r); return %s }\n",
				receiver, f.Name(), t.parameters, t.results, t.argumentStruct, t.argumentValues, t.resultStruct, f.Name(), t.returned)
			return
		}
		d.handle(handle, id)
		d.printf("func (fire__p0 %s) %s(%s) (%s) { %sfire__a, fire__r := %s{%s}, %s{}; fire__.Call(%s, &fire__a, &fire__r); return %s }\n",
			receiver, f.Name(), t.parameters, t.results, d.direct(id, handle, f), t.argumentStruct, t.argumentValues, t.resultStruct, handle, t.returned)
		return
	}
	here := d.direct(id, handle, f)
	if pure[id] && onlyValues(signature) {
		path := "fire.real/" + f.Pkg().Path()
		call := fmt.Sprintf("%s.%s(%s)", d.table.alias(path), f.Name(), t.arguments)
		if signature.Results().Len() == 1 {
			if _, ok := signature.Results().At(0).Type().Underlying().(*types.Slice); ok {
				call = "fire__.Adopt(" + call + ")"
			}
		}
		local := ""
		for i := range signature.Params().Len() {
			if takesCallback(signature.Params().At(i).Type()) {
				local = fmt.Sprintf("fire__.Local(fire__p%d)", i)
			}
		}
		if local == "" {
			d.printf("func %s(%s) (%s) { return %s }\n", f.Name(), t.parameters, t.results, call)
			return
		}
		here = fmt.Sprintf("if %s { return %s }; ", local, call)
	}
	d.handle(handle, id)
	d.printf("func %s(%s) (%s) { %sfire__a, fire__r := %s{%s}, %s{}; fire__.Call(%s, &fire__a, &fire__r); return %s }\n",
		f.Name(), t.parameters, t.results, here, t.argumentStruct, t.argumentValues, t.resultStruct, handle, t.returned)
}

// namedReceiver gives blank type parameters of a receiver names, since the stub writes them.
func namedReceiver(signature *types.Signature) *types.Signature {
	blank := false
	for i := range signature.RecvTypeParams().Len() {
		blank = blank || signature.RecvTypeParams().At(i).Obj().Name() == "_"
	}
	if !blank {
		return signature
	}
	with := map[*types.TypeParam]types.Type{}
	made := make([]*types.TypeParam, signature.RecvTypeParams().Len())
	for i := range made {
		old := signature.RecvTypeParams().At(i)
		if name := old.Obj().Name(); name != "_" {
			made[i] = types.NewTypeParam(types.NewTypeName(old.Obj().Pos(), old.Obj().Pkg(), name, nil), nil)
			with[old] = made[i]
			continue
		}
		made[i] = types.NewTypeParam(types.NewTypeName(old.Obj().Pos(), old.Obj().Pkg(), blankParameter(i), nil), nil)
		with[old] = made[i]
	}
	for i := range made {
		made[i].SetConstraint(substitute(signature.RecvTypeParams().At(i).Constraint(), with))
	}
	open := substitute(types.NewSignatureType(nil, nil, nil, signature.Params(), signature.Results(), signature.Variadic()), with).(*types.Signature)
	recv := signature.Recv()
	return types.NewSignatureType(types.NewVar(recv.Pos(), recv.Pkg(), "", substitute(recv.Type(), with)), made, nil, open.Params(), open.Results(), open.Variadic())
}

func (d *declarations) handle(name, id string) {
	if f := d.e.functions[id]; f != nil {
		if wire := d.e.s.wireID(f); isAdded(wire) {
			// It comes with a worker: home has it when this one is committed.
			d.printf("var %s = fire__.Func(%q, false)\n", name, wire)
			return
		}
	}
	d.printf("var %s = fire__.Func(%q, %t)\n", name, id, d.e.required[id])
}

// proxy renders the type that stands for a value of an interface type whose own type is known at home alone.
func (d *declarations) proxy(t types.Type) {
	d.count++
	name := fmt.Sprintf("fire_proxy%d", d.count)
	u := t.Underlying().(*types.Interface)
	d.printf("type %s struct{ fire__.Proxy }\n", name)
	for i := range u.NumMethods() {
		m := u.Method(i)
		s := d.signature(m.Type().(*types.Signature), false)
		d.printf("func (x %s) %s(%s) (%s) { fire__a, fire__r := %s{%s}, %s{}; fire__.CallMethod(x.Proxy, %q, &fire__a, &fire__r); return %s }\n",
			name, m.Name(), s.parameters, s.results, s.argumentStruct, s.argumentValues, s.resultStruct, m.Name(), s.returned)
	}
	fmt.Fprintf(&d.init, "\tfire__.RegisterProxy(func(p fire__.Proxy) %s { return %s{p} })\n", d.typeText(t), name)
}

// entry renders what home's calls of a moved function arrive at.
func (d *declarations) entry(b *hostedBody) {
	t, call := d.entryCall(b, b.entry.Signature(), b.name)
	wire := d.e.s.wireID(b.entry)
	fmt.Fprintf(&d.init, "\tfire__.Host(%q, func(fire__a *%s, fire__r *%s) { %s })\n", wire, t.argumentStruct, t.resultStruct, call)
	if isAdded(wire) {
		fmt.Fprintf(&d.init, "\tfire__.Added(%t)\n", b.entry.Signature().Variadic())
	}
}

// entryCall renders the call of a hosted body with the arguments of an entry.
func (d *declarations) entryCall(b *hostedBody, signature *types.Signature, name string) (t signatureText, call string) {
	t = d.signature(signature, true)
	var arguments []string
	for i := range parameterTypes(signature) {
		arguments = append(arguments, fmt.Sprintf("fire__a.P%d", i))
	}
	call = fmt.Sprintf("%s(%s)", name, strings.Join(arguments, ", "))
	if signature.Variadic() {
		call = strings.TrimSuffix(call, ")") + "...)"
	}
	if t.returned != "" {
		call = t.returned + " = " + call
	}
	return t, call
}
