package home

import (
	"reflect"
	"unsafe"
)

// valueWords has the layout of reflect.Value.
type valueWords struct {
	typ, ptr unsafe.Pointer
	flag     uintptr
}

// indirect is reflect's flag of a Value that holds a pointer to its data.
const indirect = 1 << 7

// sameValue reports whether this Go's reflect.Value is laid out so.
var sameValue = func() bool {
	if unsafe.Sizeof(reflect.Value{}) != unsafe.Sizeof(valueWords{}) {
		return false
	}
	number := reflect.ValueOf(map[int]uint64{1: 0x1234567890abcdef}).MapIndex(reflect.ValueOf(1))
	pointer := reflect.ValueOf(&number)
	n, p := (*valueWords)(unsafe.Pointer(&number)), (*valueWords)(unsafe.Pointer(&pointer))
	return n.flag&indirect != 0 && p.flag&indirect == 0 && n.ptr != nil &&
		*(*uint64)(n.ptr) == 0x1234567890abcdef && p.ptr == unsafe.Pointer(&number)
}()

// dataOf is where the data of a value lies: readable for as long as v is, and not to be written.
func dataOf(v *reflect.Value) unsafe.Pointer {
	if sameValue {
		words := (*valueWords)(unsafe.Pointer(v))
		if words.flag&indirect != 0 {
			return words.ptr
		}
		return unsafe.Pointer(&words.ptr)
	}
	p := reflect.New(v.Type())
	p.Elem().Set(*v)
	return p.UnsafePointer()
}
