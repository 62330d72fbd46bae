package home

import "fireagent/wire"

// printValues writes what a body prints, as Go's own print does.
func printValues(r *wire.Reader) {
	line := r.Bool()
	for i := range r.Count(1) {
		if line && i > 0 {
			print(" ")
		}
		switch r.U8() {
		case wire.PrintNothing:
			print("(0x0,0x0)")
		case wire.PrintBool:
			print(r.Bool())
		case wire.PrintInt:
			print(int64(r.U64()))
		case wire.PrintUint:
			print(r.U64())
		case wire.PrintFloat:
			print(r.Float())
		case wire.PrintComplex:
			re := r.Float()
			print(complex(re, r.Float()))
		case wire.PrintText:
			print(r.Text())
		case wire.PrintSlice:
			length, capacity := r.U64(), r.U64()
			print("[", length, "/", capacity, "]", hexadecimal(r.U64()))
		case wire.PrintPointer:
			print(hexadecimal(r.U64()))
		default:
			panic(wire.Malformed("an unknown kind of value"))
		}
	}
	if line {
		print("\n")
	}
}

func hexadecimal(v uint64) string {
	const digits = "0123456789abcdef"
	text := ""
	for v > 0 || text == "" {
		text = digits[v%16:v%16+1] + text
		v /= 16
	}
	return "0x" + text
}
