package home

import (
	"reflect"
	"strings"
	"unicode"
	"unicode/utf8"
)

func exported(name string) bool {
	r, _ := utf8.DecodeRuneInString(name)
	return unicode.IsUpper(r)
}

// methodOf is the bound method of a value. reflect shows exported methods alone; the user's others are registered as
// functions, each under the type that declares it. The zero Value: there is none.
func methodOf(v reflect.Value, name string) reflect.Value {
	if exported(name) {
		return v.MethodByName(name)
	}
	f, receiver := declaredMethod(v, name)
	if !f.IsValid() {
		return reflect.Value{}
	}
	t := f.Type()
	var in, out []reflect.Type
	for i := 1; i < t.NumIn(); i++ {
		in = append(in, t.In(i))
	}
	for i := range t.NumOut() {
		out = append(out, t.Out(i))
	}
	return reflect.MakeFunc(reflect.FuncOf(in, out, t.IsVariadic()), func(arguments []reflect.Value) []reflect.Value {
		arguments = append([]reflect.Value{receiver}, arguments...)
		if t.IsVariadic() {
			return f.CallSlice(arguments)
		}
		return f.Call(arguments)
	})
}

// declaredMethod finds a method and its receiver: of the type itself, of what it points to, of what it embeds.
func declaredMethod(v reflect.Value, name string) (f, receiver reflect.Value) {
	t := v.Type()
	if t.Kind() == reflect.Interface {
		if v.IsNil() {
			return reflect.Value{}, v
		}
		return declaredMethod(v.Elem(), name)
	}
	if t.Kind() != reflect.Pointer {
		p := reflect.New(t)
		p.Elem().Set(v)
		return declaredMethod(p, name)
	}
	if path, ok := (names{}).Named(t.Elem()); ok && t.Elem().Name() != "" {
		dot := len(path) - 1
		if arguments := strings.IndexByte(path, '['); arguments >= 0 {
			dot = arguments
		}
		for dot >= 0 && path[dot] != '.' {
			dot--
		}
		if f := functionByID(path[:dot+1] + "(*" + path[dot+1:] + ")." + name); f.IsValid() {
			return f, v
		}
		if f := functionByID(path + "." + name); f.IsValid() {
			if v.IsNil() {
				panic(genuine("runtime error: invalid memory address or nil pointer dereference"))
			}
			return f, v.Elem()
		}
	}
	if t.Elem().Kind() != reflect.Struct || v.IsNil() {
		return reflect.Value{}, v
	}
	for i := range t.Elem().NumField() {
		if field := t.Elem().Field(i); field.Anonymous {
			at := reflect.NewAt(field.Type, v.Elem().Field(i).Addr().UnsafePointer())
			if field.Type.Kind() == reflect.Pointer || field.Type.Kind() == reflect.Interface {
				at = at.Elem()
			}
			if f, receiver := declaredMethod(at, name); f.IsValid() {
				return f, receiver
			}
		}
	}
	return reflect.Value{}, v
}
