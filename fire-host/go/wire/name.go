package wire

import (
	"reflect"
	"strconv"
	"strings"
)

// Namer turns types into names that mean the same in both processes, and back.
type Namer interface {
	// Named gives the name of a type that is declared in a package. Not ok: it has none that both ends know.
	Named(t reflect.Type) (string, bool)
	// Lookup is the reverse of Named.
	Lookup(name string) reflect.Type
	// Package gives the path that both ends know a package by, from the one that reflect tells.
	Package(path string) string
	// Path is the reverse of Package.
	Path(name string) string
	// Makes reports whether a type declared inside a function that this process lacks may be made from its structure.
	Makes() bool
}

// Name composes the name of a type. A declared type without a name of its own goes by its structure. A type declared
// inside a function goes by both: a new body may have declared it anew.
func Name(n Namer, t reflect.Type) string { return namer{n, nil}.name(t) }

type namer struct {
	Namer
	within []reflect.Type // the declared types whose structure is being written
}

const (
	localMark  = "·"
	recursive  = "^"
	unnameable = "‹›"
	embedded   = "+"
)

// IsLocal reports whether a name is that of a type declared inside a function.
func IsLocal(name string) bool {
	return strings.Contains(name, localMark) && !strings.Contains(name, "[")
}

func (n namer) name(t reflect.Type) string {
	if t.Name() == "" {
		return n.structure(t)
	}
	if t.PkgPath() == "" {
		return t.Name()
	}
	name, ok := n.Named(t)
	local := ok && IsLocal(name)
	if ok && !local {
		return "‹" + name + "›"
	}
	for _, outer := range n.within {
		if outer == t {
			if !ok {
				return unnameable
			}
			return "«" + name + "≡" + recursive + "»"
		}
	}
	n.within = append(n.within[:len(n.within):len(n.within)], t)
	if ok {
		return "«" + name + "≡" + n.structure(t) + "»"
	}
	return n.structure(t)
}

func (n namer) structure(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Pointer:
		return "*" + n.name(t.Elem())
	case reflect.Slice:
		return "[]" + n.name(t.Elem())
	case reflect.Array:
		return "[" + strconv.Itoa(t.Len()) + "]" + n.name(t.Elem())
	case reflect.Map:
		return "map[" + n.name(t.Key()) + "]" + n.name(t.Elem())
	case reflect.Chan:
		return strconv.Itoa(int(t.ChanDir())) + "chan " + n.name(t.Elem())
	case reflect.Func:
		var b strings.Builder
		b.WriteString("func(")
		for i := range t.NumIn() {
			b.WriteString(n.name(t.In(i)) + ",")
		}
		b.WriteString(")(")
		for i := range t.NumOut() {
			b.WriteString(n.name(t.Out(i)) + ",")
		}
		b.WriteString(")")
		if t.IsVariadic() {
			b.WriteString("v")
		}
		return b.String()
	case reflect.Struct:
		var b strings.Builder
		b.WriteString("struct{")
		for i := range t.NumField() {
			f := t.Field(i)
			if f.Anonymous {
				b.WriteString(embedded)
			}
			b.WriteString(n.member(f.Name, f.PkgPath) + " " + n.name(f.Type) + " " + strconv.Quote(string(f.Tag)) + ";")
		}
		b.WriteString("}")
		return b.String()
	case reflect.Interface:
		if t.NumMethod() == 0 {
			return "any"
		}
		var b strings.Builder
		b.WriteString("interface{")
		for i := range t.NumMethod() {
			m := t.Method(i)
			b.WriteString(n.member(m.Name, m.PkgPath) + " " + n.name(m.Type) + ";")
		}
		b.WriteString("}")
		return b.String()
	}
	return t.Kind().String()
}

var basic = func() map[string]reflect.Type {
	out := map[string]reflect.Type{"any": reflect.TypeFor[any](), "error": reflect.TypeFor[error]()}
	for _, t := range []reflect.Type{reflect.TypeFor[bool](), reflect.TypeFor[int](), reflect.TypeFor[int8](), reflect.TypeFor[int16](),
		reflect.TypeFor[int32](), reflect.TypeFor[int64](), reflect.TypeFor[uint](), reflect.TypeFor[uint8](), reflect.TypeFor[uint16](),
		reflect.TypeFor[uint32](), reflect.TypeFor[uint64](), reflect.TypeFor[uintptr](), reflect.TypeFor[float32](), reflect.TypeFor[float64](),
		reflect.TypeFor[complex64](), reflect.TypeFor[complex128](), reflect.TypeFor[string]()} {
		out[t.Name()] = t
	}
	return out
}()

// member is the name of a field or method: unexported ones of different packages are different.
func (n namer) member(name, path string) string {
	if path == "" {
		return name
	}
	return name + "@" + n.Package(path)
}

// Parse finds the type of a name. Nil: this process has no such type.
func Parse(n Namer, name string) (t reflect.Type) {
	defer func() {
		if recover() != nil {
			t = nil // reflect refuses what Go would: such a type does not exist
		}
	}()
	p := parser{n: n, rest: name}
	t = p.parse()
	if p.rest != "" {
		return nil
	}
	return t
}

type parser struct {
	n     Namer
	rest  string
	depth int
}

// deepest is how deep types nest at most in a name. Go ends a process whose stack grows without end.
const deepest = 500

type unknownType struct{}

func (p *parser) accept(prefix string) bool {
	if strings.HasPrefix(p.rest, prefix) {
		p.rest = p.rest[len(prefix):]
		return true
	}
	return false
}

func (p *parser) until(mark string) string {
	text, rest, ok := strings.Cut(p.rest, mark)
	if !ok {
		panic(unknownType{})
	}
	p.rest = rest
	return text
}

func (p *parser) parse() reflect.Type {
	if p.depth++; p.depth > deepest {
		panic(unknownType{})
	}
	defer func() { p.depth-- }()
	switch {
	case p.accept("‹"):
		if t := p.n.Lookup(p.until("›")); t != nil {
			return t
		}
		panic(unknownType{})
	case p.accept("«"):
		return p.local()
	case p.accept("*"):
		return reflect.PointerTo(p.parse())
	case p.accept("[]"):
		return reflect.SliceOf(p.parse())
	case p.accept("["):
		n, err := strconv.Atoi(p.until("]"))
		if err != nil {
			panic(unknownType{})
		}
		return reflect.ArrayOf(n, p.parse())
	case p.accept("map["):
		key := p.parse()
		p.until("]")
		return reflect.MapOf(key, p.parse())
	case p.accept("1chan "):
		return reflect.ChanOf(reflect.RecvDir, p.parse())
	case p.accept("2chan "):
		return reflect.ChanOf(reflect.SendDir, p.parse())
	case p.accept("3chan "):
		return reflect.ChanOf(reflect.BothDir, p.parse())
	case p.accept("func("):
		in := p.list()
		p.until("(")
		out := p.list()
		return reflect.FuncOf(in, out, p.accept("v"))
	case p.accept("struct{"):
		return p.structure()
	case strings.HasPrefix(p.rest, "interface{"):
		whole := p.rest
		p.methods()
		if t := p.n.Lookup(whole[:len(whole)-len(p.rest)]); t != nil {
			return t
		}
		panic(unknownType{})
	}
	end := strings.IndexFunc(p.rest, func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') })
	if end < 0 {
		end = len(p.rest)
	}
	t := basic[p.rest[:end]]
	if t == nil {
		panic(unknownType{})
	}
	p.rest = p.rest[end:]
	return t
}

// local takes a type that is declared inside a function: the one that this process has, if its structure is the same.
func (p *parser) local() reflect.Type {
	t := p.n.Lookup(p.until("≡"))
	if t != nil {
		if p.accept(recursive + "»") {
			return t
		}
		if p.accept(namer{p.n, []reflect.Type{t}}.structure(t) + "»") {
			return t
		}
	}
	if !p.n.Makes() {
		panic(unknownType{})
	}
	t = p.parse()
	p.until("»")
	return t
}

// Method is one of an interface type.
type Method struct {
	Name string
	Type reflect.Type
}

// Methods takes the name of an interface type apart that this process may not have. Not ok: it is none, or mentions
// types that this process does not have.
func Methods(n Namer, name string) (methods []Method, ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	if !strings.HasPrefix(name, "interface{") {
		return nil, false
	}
	p := parser{n: n, rest: name}
	methods = p.methods()
	return methods, p.rest == ""
}

func (p *parser) methods() []Method {
	var out []Method
	p.accept("interface{")
	for !p.accept("}") {
		name, _, _ := strings.Cut(p.until(" "), "@")
		out = append(out, Method{name, p.parse()})
		p.until(";")
	}
	return out
}

func (p *parser) list() []reflect.Type {
	var out []reflect.Type
	for !p.accept(")") {
		out = append(out, p.parse())
		p.until(",")
	}
	return out
}

func (p *parser) structure() reflect.Type {
	var fields []reflect.StructField
	whole := p.rest
	for !p.accept("}") {
		anonymous := p.accept(embedded)
		name, path, unexported := strings.Cut(p.until(" "), "@")
		t := p.parse()
		p.accept(" ")
		quoted, err := strconv.QuotedPrefix(p.rest)
		if err != nil {
			panic(unknownType{})
		}
		p.rest = p.rest[len(quoted):]
		tag, _ := strconv.Unquote(quoted)
		p.until(";")
		f := reflect.StructField{Name: name, Type: t, Tag: reflect.StructTag(tag), Anonymous: anonymous}
		if unexported {
			f.PkgPath = p.n.Path(path)
		}
		fields = append(fields, f)
	}
	if t := p.n.Lookup("struct{" + whole[:len(whole)-len(p.rest)]); t != nil {
		return t
	}
	return reflect.StructOf(fields)
}
