package home

import (
	"math"
	"reflect"
	"runtime"
	"unsafe"

	"fireagent/wire"
)

// Deferred function values of any type. A recover works in what the panic itself calls: between the two the runtime allows nothing but
// what the compiler makes for a deferred call with arguments, so reflection cannot call a function that recovers. Here it is
// called as one of another type, which takes all registers for parameters that Go uses on every processor that home is built for.
//
// Theory of operation: Go passes parameters in registers, one by one, words and floating-point numbers each in their order
// (cmd/compile/abi-internal.md; the same from Go 1.17 on). A function takes the registers of its own parameters and lets the others be. It may store
// what came in registers in room of its caller's, so a call of many parameters has room enough; the other way round it would not.
// What does not fit in these registers is refused by the rewriter, and here.

// anyRegisters is the type of a function whose parameters are in all of the registers.
type anyRegisters = func(_, _, _, _, _, _, _, _, _ uintptr, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _ float64)

const mostWords, mostFloats = 9, 15

// raise panics with the function deferred.
func (b *beneath) raise() {
	var a, results registers
	for _, v := range b.in {
		a.add(v.Type(), v.Addr().UnsafePointer())
	}
	for i := range b.function.Type().NumOut() {
		t := b.function.Type().Out(i)
		results.add(t, reflect.New(t).UnsafePointer())
	}
	if !a.all() || !results.all() {
		panic(wire.Malformed("a deferred function whose parameters or results are not in registers"))
	}
	p := reflect.New(b.function.Type())
	p.Elem().Set(b.function)
	f := *(*anyRegisters)(p.UnsafePointer())
	w, x := [mostWords]uintptr{}, [mostFloats]float64{}
	copy(w[:], a.words)
	copy(x[:], a.floats)
	defer runtime.KeepAlive(b) // the collector sees no pointer in a register's number
	defer f(w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7], w[8],
		x[0], x[1], x[2], x[3], x[4], x[5], x[6], x[7], x[8], x[9], x[10], x[11], x[12], x[13], x[14])
	panic(b.values[0])
}

// registers are the registers of a list of values.
type registers struct {
	words  []uintptr
	floats []float64
	stack  bool // one of them is passed on the stack
}

func (a *registers) all() bool {
	return !a.stack && len(a.words) <= mostWords && len(a.floats) <= mostFloats
}

// add appends the registers of the value at p.
func (a *registers) add(t reflect.Type, p unsafe.Pointer) {
	switch t.Kind() {
	case reflect.Array:
		a.stack = a.stack || t.Len() > 1
		if t.Len() == 1 {
			a.add(t.Elem(), p)
		}
	case reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			a.add(f.Type, unsafe.Add(p, f.Offset))
		}
	case reflect.Float32:
		a.float32(p)
	case reflect.Float64:
		a.float64(p)
	case reflect.Complex64:
		a.float32(p)
		a.float32(unsafe.Add(p, 4))
	case reflect.Complex128:
		a.float64(p)
		a.float64(unsafe.Add(p, 8))
	default:
		for at := uintptr(0); at < t.Size(); at += 8 {
			var word uintptr
			copy((*[8]byte)(unsafe.Pointer(&word))[:], unsafe.Slice((*byte)(unsafe.Add(p, at)), min(8, t.Size()-at)))
			a.words = append(a.words, word)
		}
	}
}

// float32 is the lower half of its register.
func (a *registers) float32(p unsafe.Pointer) {
	a.floats = append(a.floats, math.Float64frombits(uint64(*(*uint32)(p))))
}

func (a *registers) float64(p unsafe.Pointer) { a.floats = append(a.floats, *(*float64)(p)) }
