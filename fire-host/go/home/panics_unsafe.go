package home

import (
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"unsafe"

	"fireagent/wire"
)

// implementedBy reports whether a type implements an interface type, which this process need not have.
func (t *typ) implementedBy(concrete reflect.Type) bool {
	if t.rtype != nil {
		return t.rtype.Kind() == reflect.Interface && concrete.Implements(t.rtype)
	}
	methods, ok := wire.Methods(names{}, t.name)
	if !ok {
		panic(missing("type " + t.name))
	}
	for _, m := range methods {
		if !exported(m.Name) {
			panic(missing("type " + t.name)) // reflect does not show such methods
		}
		if !hasMethod(concrete, m) {
			return false
		}
	}
	return true
}

func hasMethod(concrete reflect.Type, m wire.Method) bool {
	have, ok := concrete.MethodByName(m.Name)
	if !ok {
		return false
	}
	t := have.Type
	in := make([]reflect.Type, 0, t.NumIn())
	for i := 1; i < t.NumIn(); i++ {
		in = append(in, t.In(i))
	}
	if concrete.Kind() == reflect.Interface {
		return t == m.Type
	}
	out := make([]reflect.Type, 0, t.NumOut())
	for i := range t.NumOut() {
		out = append(out, t.Out(i))
	}
	return reflect.FuncOf(in, out, t.IsVariadic()) == m.Type
}

// assertion has the layout of runtime.TypeAssertionError.
type assertion struct {
	static, concrete, asserted unsafe.Pointer
	missingMethod              string
}

// sameAssertion reports whether this Go's runtime.TypeAssertionError has that layout.
var sameAssertion = func() bool {
	a, b := reflect.TypeFor[runtime.TypeAssertionError](), reflect.TypeFor[assertion]()
	if a.NumField() != b.NumField() || a.Size() != b.Size() {
		return false
	}
	for i := range a.NumField() {
		f, g := a.Field(i), b.Field(i)
		if f.Offset != g.Offset || (f.Type.Kind() == reflect.String) != (g.Type.Kind() == reflect.String) ||
			g.Type.Kind() != reflect.String && f.Type.Kind() != reflect.Pointer {
			return false
		}
	}
	return true
}()

func typeWord(t reflect.Type) unsafe.Pointer {
	if t == nil {
		return nil
	}
	return (*struct{ _, data unsafe.Pointer })(unsafe.Pointer(&t)).data
}

// assertionFailed panics as a failed type assertion does.
func (s *session) assertionFailed(r *wire.Reader) {
	static, asserted, v := s.link.typeOf(r.U32()), s.link.typeOf(r.U32()), s.readValue(r)
	if !sameAssertion || asserted.rtype == nil || static.rtype == nil {
		panic(runtimeError("interface conversion: a value is not " + asserted.name))
	}
	e := assertion{asserted: typeWord(asserted.rtype)}
	if v.IsValid() {
		e.concrete = typeWord(v.Type())
	}
	if asserted.rtype.Kind() != reflect.Interface {
		e.static = typeWord(static.rtype)
	} else if v.IsValid() {
		e.missingMethod = missingMethod(v.Type(), asserted.rtype)
	}
	panic((*runtime.TypeAssertionError)(unsafe.Pointer(&e)))
}

// missingMethod is the first method, in the runtime's order, that a type lacks.
func missingMethod(concrete, t reflect.Type) string {
	for i := range t.NumMethod() {
		m := t.Method(i)
		if m.PkgPath != "" || !hasMethod(concrete, wire.Method{Name: m.Name, Type: m.Type}) {
			return m.Name
		}
	}
	return t.Method(0).Name
}

// genuine is a runtime error by its text: the runtime's own where it can be provoked again, else one with its text.
func genuine(text string) any {
	if e := new(runtime.PanicNilError); e.Error() == text { // each release says it in its own words
		return e
	}
	rest, ok := strings.CutPrefix(text, "runtime error: ")
	if !ok {
		return runtimeError(text)
	}
	var value any
	func() {
		defer func() { value = recover() }()
		provoke(rest)
	}()
	if e, ok := value.(runtime.Error); ok && e.Error() == text {
		return value
	}
	return runtimeError(text)
}

var nothing *int

// provoke does what gives a runtime error of this text.
func provoke(text string) {
	zero, minus := 0, -1
	switch text {
	case "invalid memory address or nil pointer dereference":
		zero = *nothing
	case "integer divide by zero":
		zero = 1 / zero
	case "negative shift amount":
		zero = 1 << minus
	case "makeslice: len out of range":
		_ = make([]int, minus)
	case "makeslice: cap out of range":
		_ = make([]int, 0, minus)
	}
	if rest, ok := strings.CutPrefix(text, "index out of range ["); ok {
		x, length := numbers(rest, "] with length ", "]")
		_ = make([]struct{}, length)[x]
	}
	rest, ok := strings.CutPrefix(text, "slice bounds out of range [")
	if !ok {
		return
	}
	bounds, limit, _ := strings.Cut(rest, "]")
	length, isLength := strings.CutPrefix(limit, " with length ")
	capacity, isCapacity := strings.CutPrefix(limit, " with capacity ")
	n, _ := strconv.Atoi(length)
	if isCapacity {
		n, _ = strconv.Atoi(capacity)
	}
	s := make([]struct{}, max(n, 0))
	parts := strings.Split(bounds, ":")
	at := func(i int) int {
		v, _ := strconv.Atoi(parts[i])
		return v
	}
	switch {
	case len(parts) == 2 && parts[0] == "" && isLength:
		// A string or an array says length.
		_ = unsafe.String((*byte)(unsafe.Pointer(&zero)), n)[:at(1)]
	case len(parts) == 2 && parts[0] == "":
		_ = s[:at(1)]
	case len(parts) == 2 && parts[1] == "":
		_ = s[at(0):]
	case len(parts) == 2:
		_ = make([]struct{}, at(1))[at(0):at(1)]
	case parts[0] == "" && parts[1] == "":
		_ = s[0:0:at(2)]
	case parts[0] == "":
		_ = make([]struct{}, at(2))[0:at(1):at(2)]
	case parts[2] == "":
		_ = make([]struct{}, at(1))[at(0):at(1):at(1)]
	}
}

// numbers takes `5] with length 3` or `-1]` apart.
func numbers(text, middle, end string) (x, limit int) {
	first, second, ok := strings.Cut(text, middle)
	if !ok {
		first, _, _ = strings.Cut(text, end)
	}
	x, _ = strconv.Atoi(first)
	limit, _ = strconv.Atoi(second)
	return x, limit
}
