package worker

import (
	"reflect"
	"unsafe"

	"fireagent/wire"
)

func unsafe_New(t reflect.Type) unsafe.Pointer { return reflect.New(t).UnsafePointer() }

// callReflected calls a closure of any type.
func (c *context) callReflected(f closure, word unsafe.Pointer, r *wire.Reader) []byte {
	t := f.t.rtype
	in := make([]reflect.Value, t.NumIn())
	for i := range in {
		v := reflect.New(t.In(i))
		wire.Read(c, r, v.UnsafePointer(), f.t.parts[i].program)
		in[i] = v.Elem()
	}
	function := reflect.NewAt(t, unsafe.Pointer(&word)).Elem()
	var out []reflect.Value
	if t.IsVariadic() {
		out = function.CallSlice(in)
	} else {
		out = function.Call(in)
	}
	var w wire.Writer
	for i, v := range out {
		p := reflect.New(v.Type())
		if t.Out(i) != v.Type() {
			p = reflect.New(t.Out(i))
		}
		p.Elem().Set(v)
		wire.Write(c, &w, p.UnsafePointer(), f.t.parts[len(in)+i].program)
	}
	return w.B
}
