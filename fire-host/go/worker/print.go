package worker

import (
	"reflect"

	"fireagent/wire"
)

// Print is print.
func Print(values ...any) { write(false, values) }

// Println is println.
func Println(values ...any) { write(true, values) }

// write has home write, so that the order with what else it writes is kept.
func write(line bool, values []any) {
	c := current()
	w := c.begin()
	w.Bool(line)
	w.U32(uint32(len(values)))
	for _, value := range values {
		v := reflect.ValueOf(value)
		switch kind := v.Kind(); kind {
		case reflect.Bool:
			w.U8(wire.PrintBool)
			w.Bool(v.Bool())
		case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
			w.U8(wire.PrintInt)
			w.U64(uint64(v.Int()))
		case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
			w.U8(wire.PrintUint)
			w.U64(v.Uint())
		case reflect.Float32, reflect.Float64:
			w.U8(wire.PrintFloat)
			w.Float(v.Float())
		case reflect.Complex64, reflect.Complex128:
			w.U8(wire.PrintComplex)
			w.Float(real(v.Complex()))
			w.Float(imag(v.Complex()))
		case reflect.String:
			w.U8(wire.PrintText)
			w.Text(v.String())
		case reflect.Slice:
			w.U8(wire.PrintSlice)
			w.U64(uint64(v.Len()))
			w.U64(uint64(v.Cap()))
			w.U64(homeAddress(v.UnsafePointer()))
		case reflect.Invalid:
			w.U8(wire.PrintNothing)
		default:
			w.U8(wire.PrintPointer)
			w.U64(homeAddress(v.UnsafePointer()))
		}
	}
	c.op(wire.Print, w)
}
