package worker

import (
	"reflect"
	"runtime"
	"strings"

	"fireagent/wire"
)

// TypeFor is the type T, for Narrow.
func TypeFor[T any]() reflect.Type { return reflect.TypeFor[T]() }

// Equal is a == b where interfaces are compared. Structs are compared at home: here, fields may be words that say nothing.
func Equal(a, b any) bool {
	if !composite(a) && !mentionsProxy(a) && !mentionsProxy(b) {
		return a == b
	}
	c := current()
	w := c.begin()
	c.writeValue(w, a)
	c.writeValue(w, b)
	r := c.op(wire.Equal, w)
	return r.Bool()
}

// composite reports whether a value is a struct or an array.
func composite(v any) bool {
	if v == nil {
		return false
	}
	kind := reflect.TypeOf(v).Kind()
	return kind == reflect.Struct || kind == reflect.Array
}

// mentionsProxy reports whether comparing a value would look at a stand-in.
func mentionsProxy(v any) bool {
	if v == nil {
		return false
	}
	if _, ok := v.(proxied); ok {
		return true
	}
	return mentions(reflect.ValueOf(v))
}

func mentions(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if mentions(v.Field(i)) {
				return true
			}
		}
	case reflect.Array:
		for i := range v.Len() {
			if mentions(v.Index(i)) {
				return true
			}
		}
	case reflect.Interface:
		return !v.IsNil() && (v.Elem().Type().Implements(proxiedType) || mentions(v.Elem()))
	}
	return false
}

var proxiedType = reflect.TypeFor[proxied]()

// as is x as a value of interface type t; not ok: its type does not implement it.
func as(x any, t reflect.Type) (any, bool) {
	p, ok := x.(proxied)
	if !ok {
		return x, x != nil && reflect.TypeOf(x).Implements(t)
	}
	if t.NumMethod() == 0 {
		return x, true
	}
	proxy := p.fireProxy()
	c := current()
	code := c.told(typeOf(t)).code
	w := c.begin()
	c.writeValue(w, proxy)
	w.U32(code)
	r := c.op(wire.Implements, w)
	if !r.Bool() {
		return nil, false
	}
	if proxy.local != nil {
		if _, ok := proxy.local.(proxied); !ok && reflect.TypeOf(proxy.local).Implements(t) {
			return proxy.local, true
		}
	}
	return wrap(proxy, t), true
}

// AssertOk is x.(T) with its second value.
func AssertOk[T any](x any) (v T, ok bool) {
	t := reflect.TypeFor[T]()
	if t.Kind() != reflect.Interface {
		if p, is := x.(proxied); is && p.fireProxy().local != nil {
			x = p.fireProxy().local
		} else if is && isLocalType(t) {
			x = rebound(p.fireProxy(), t, x)
		}
		v, ok = x.(T)
		return v, ok
	}
	value, ok := as(x, t)
	if !ok {
		return v, false
	}
	return value.(T), true
}

// Assert is x.(T).
func Assert[T, X any](x X) T {
	v, ok := AssertOk[T](any(x))
	if !ok {
		assertionFailed(any(x), reflect.TypeFor[T](), reflect.TypeFor[X]())
	}
	return v
}

// assertionError has the text of the runtime's.
type assertionError string

func (e assertionError) Error() string { return string(e) }
func (e assertionError) RuntimeError() {}

// assertionFailed panics as a failed assertion does. Home has the runtime's own error for it.
func assertionFailed(x any, t, static reflect.Type) {
	c := current()
	asserted, from := c.told(typeOf(t)).code, c.told(typeOf(static)).code
	w := c.begin()
	w.U32(from)
	w.U32(asserted)
	c.writeValue(w, x)
	c.op(wire.AssertionFailed, w)
}

// shown is a type's text as the user knows it.
func shown(text string) string {
	text = strings.ReplaceAll(text, "fire.shadow/", "")
	if programName != "" && programName != "main" {
		text = requalify(text, "main.", programName+".")
	}
	return strings.ReplaceAll(text, "main_.", "main.")
}

// requalify replaces a package qualifier where it is a whole word.
func requalify(text, from, to string) string {
	var b strings.Builder
	for {
		at := strings.Index(text, from)
		if at < 0 {
			return b.String() + text
		}
		b.WriteString(text[:at])
		if at > 0 && (text[at-1] == '_' || text[at-1] == '/' || text[at-1] == '.' || text[at-1] >= '0' && text[at-1] <= '9' || text[at-1] >= 'A') {
			b.WriteString(from)
		} else {
			b.WriteString(to)
		}
		text = text[at+len(from):]
	}
}

// isLocalType reports whether a type is declared inside a function. Such a type is known only once the function has
// come to its declaration: values may have arrived before.
func isLocalType(t reflect.Type) bool {
	name, ok := names{}.Named(t)
	return ok && wire.IsLocal(name)
}

// rebound is x, a stand-in, as a value of a type that has been declared since, if it is of that type.
func rebound(p Proxy, t reflect.Type, x any) any {
	if p.local != nil {
		return x
	}
	c := current()
	code := c.told(typeOf(t)).code
	w := c.begin()
	c.writeValue(w, p)
	w.U32(code)
	if r := c.op(wire.SameType, w); !r.Bool() {
		return x
	}
	return c.bind(p.key, t, p.direct, p.word)
}

// Narrow prepares x for a type switch with interface cases: a stand-in becomes one for the first that it
// implements, or a value of the first type that it is of.
func Narrow(x any, interfaces ...reflect.Type) any {
	if _, ok := x.(proxied); !ok {
		return x
	}
	for _, t := range interfaces {
		if t.Kind() != reflect.Interface {
			if v := rebound(x.(proxied).fireProxy(), t, x); reflect.TypeOf(v) == t {
				return v
			}
		} else if v, ok := as(x, t); ok {
			return v
		}
	}
	return x
}

// Dispatch is x, or a stand-in where calling a method of x would read home memory on the way.
func Dispatch[I any](x I) I {
	value := any(x)
	if value == nil {
		return x
	}
	t := reflect.TypeOf(value)
	if isHazard(t) || promotes(t) {
		return wrap(Proxy{local: value}, reflect.TypeFor[I]()).(I)
	}
	return x
}

// promotes reports whether the methods of a type without a name are those of what it embeds.
func promotes(t reflect.Type) bool {
	if t.Kind() == reflect.Pointer && t.Name() == "" {
		t = t.Elem()
	}
	return t.Kind() == reflect.Struct && t.Name() == ""
}

// Bound is Dispatch for a method that is not called yet: Go panics at once if there is none.
func Bound[I any](x I) I {
	if any(x) == nil {
		nilDereference()
	}
	return Dispatch(x)
}

// runtimeErrorText is the text of an error that this process's runtime raised.
func runtimeErrorText(v any) (string, bool) {
	e, ok := v.(runtime.Error)
	if !ok {
		return "", false
	}
	if _, ok := v.(assertionError); ok {
		return e.Error(), true
	}
	t := reflect.TypeOf(v)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.PkgPath() != "runtime" {
		return "", false
	}
	return e.Error(), true
}

// Predeclared types, by names that no body gives another meaning.
type (
	AsAny    = any
	AsString = string
	AsInt64  = int64
)

// errorProxy is the stand-in for error, which no package declares.
type errorProxy struct{ Proxy }

func (e errorProxy) Error() string {
	var a struct{}
	var r struct{ R0 string }
	CallMethod(e.Proxy, "Error", &a, &r)
	return r.R0
}

func init() { RegisterProxy(func(p Proxy) error { return errorProxy{p} }) }
