package wire

import (
	"reflect"
	"unsafe"
)

// Kinds of an instruction.
const (
	Scalar    uint8 = iota // Size bytes as they are
	Pointer                // one word: pointers, maps, channels, unsafe.Pointer
	Text                   // a string
	Slice                  // a slice; Type is its type's code
	Interface              // an interface; Type is its type's code
	Func                   // a function value; Type is its type's code
	Array                  // Count elements of Size bytes each; Body is the program of one
)

// Instruction says what lies at an offset of a value.
type Instruction struct {
	Kind   uint8
	Offset uint32
	Size   uint32
	Count  uint32
	Type   uint32
	Body   []Instruction
}

// Hooks is what the two ends do differently.
type Hooks interface {
	WritePointer(w *Writer, p unsafe.Pointer, code uint32)
	ReadPointer(word uint64, code uint32) unsafe.Pointer
	WriteSlice(w *Writer, p unsafe.Pointer, code uint32)
	ReadSlice(r *Reader, p unsafe.Pointer, code uint32)
	WriteInterface(w *Writer, p unsafe.Pointer, code uint32)
	ReadInterface(r *Reader, p unsafe.Pointer, code uint32)
	WriteFunc(w *Writer, p unsafe.Pointer, code uint32)
	ReadFunc(r *Reader, p unsafe.Pointer, code uint32)
}

// Write encodes the value at p.
func Write(h Hooks, w *Writer, p unsafe.Pointer, program []Instruction) {
	for i := range program {
		in := &program[i]
		at := unsafe.Add(p, in.Offset)
		switch in.Kind {
		case Scalar:
			w.B = append(w.B, unsafe.Slice((*byte)(at), in.Size)...)
		case Pointer:
			h.WritePointer(w, *(*unsafe.Pointer)(at), in.Type)
		case Text:
			w.Text(*(*string)(at))
		case Slice:
			h.WriteSlice(w, at, in.Type)
		case Interface:
			h.WriteInterface(w, at, in.Type)
		case Func:
			h.WriteFunc(w, at, in.Type)
		case Array:
			for n := range in.Count {
				Write(h, w, unsafe.Add(at, n*in.Size), in.Body)
			}
		}
	}
}

// Read decodes a value into the memory at p, which holds a valid value of the type before.
func Read(h Hooks, r *Reader, p unsafe.Pointer, program []Instruction) {
	for i := range program {
		in := &program[i]
		at := unsafe.Add(p, in.Offset)
		switch in.Kind {
		case Scalar:
			copy(unsafe.Slice((*byte)(at), in.Size), r.Take(int(in.Size)))
		case Pointer:
			*(*unsafe.Pointer)(at) = h.ReadPointer(r.U64(), in.Type)
		case Text:
			*(*string)(at) = r.Text()
		case Slice:
			h.ReadSlice(r, at, in.Type)
		case Interface:
			h.ReadInterface(r, at, in.Type)
		case Func:
			h.ReadFunc(r, at, in.Type)
		case Array:
			for n := range in.Count {
				Read(h, r, unsafe.Add(at, n*in.Size), in.Body)
			}
		}
	}
}

// Program derives the layout of a type. code gives the code of the types that an instruction names.
func Program(t reflect.Type, code func(reflect.Type) uint32) []Instruction {
	return extend(nil, t, 0, code)
}

func extend(out []Instruction, t reflect.Type, offset uint32, code func(reflect.Type) uint32) []Instruction {
	add := func(in Instruction) []Instruction {
		in.Offset = offset
		if in.Kind == Scalar && len(out) > 0 {
			if last := &out[len(out)-1]; last.Kind == Scalar && last.Offset+last.Size == offset {
				last.Size += in.Size
				return out
			}
		}
		return append(out, in)
	}
	switch t.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Chan, reflect.UnsafePointer:
		return add(Instruction{Kind: Pointer})
	case reflect.String:
		return add(Instruction{Kind: Text})
	case reflect.Slice:
		return add(Instruction{Kind: Slice, Type: code(t)})
	case reflect.Interface:
		return add(Instruction{Kind: Interface, Type: code(t)})
	case reflect.Func:
		return add(Instruction{Kind: Func, Type: code(t)})
	case reflect.Array:
		size := uint32(t.Elem().Size())
		if t.Len() == 0 || size == 0 {
			return out
		}
		body := extend(nil, t.Elem(), 0, code)
		if len(body) == 1 && body[0].Kind == Scalar && body[0].Size == size {
			return add(Instruction{Kind: Scalar, Size: uint32(t.Size())})
		}
		return add(Instruction{Kind: Array, Size: size, Count: uint32(t.Len()), Body: body})
	case reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			out = extend(out, f.Type, offset+uint32(f.Offset), code)
		}
		return out
	}
	return add(Instruction{Kind: Scalar, Size: uint32(t.Size())})
}

// WriteProgram encodes a program.
func WriteProgram(w *Writer, program []Instruction) {
	w.U32(uint32(len(program)))
	for _, in := range program {
		w.U8(in.Kind)
		w.U32(in.Offset)
		w.U32(in.Size)
		w.U32(in.Count)
		w.U32(in.Type)
		WriteProgram(w, in.Body)
	}
}

// ReadProgram decodes a program for values of the given size; what it says lies inside of them.
func ReadProgram(r *Reader, size uint32, depth int) []Instruction {
	if depth > 64 {
		panic(Malformed("a layout that is too deep"))
	}
	n := r.Count(21)
	out := make([]Instruction, 0, n)
	end := uint64(0) // of what is laid out so far: in order, so that no value takes longer than its size
	for range n {
		in := Instruction{Kind: r.U8(), Offset: r.U32(), Size: r.U32(), Count: r.U32(), Type: r.U32()}
		need, aligned := uint64(in.Size), true
		switch in.Kind {
		case Scalar:
			aligned = false
		case Pointer, Func:
			need = 8
		case Text, Interface:
			need = 16
		case Slice:
			need = 24
		case Array:
			need, aligned = uint64(in.Size)*uint64(in.Count), false
		default:
			panic(Malformed("an unknown instruction"))
		}
		if need == 0 {
			panic(Malformed("a layout of nothing"))
		}
		if uint64(in.Offset)+need > uint64(size) {
			panic(Malformed("a layout beyond its type"))
		}
		if uint64(in.Offset) < end {
			panic(Malformed("a layout that overlaps"))
		}
		end = uint64(in.Offset) + need
		if aligned && in.Offset%8 != 0 {
			panic(Malformed("a pointer that is not aligned"))
		}
		in.Body = ReadProgram(r, in.Size, depth+1)
		if (in.Kind == Array) != (len(in.Body) > 0) {
			panic(Malformed("a layout without elements, or elements without an array"))
		}
		if in.Kind == Array && in.Size%8 != 0 && pointers(in.Body) {
			panic(Malformed("a pointer that is not aligned"))
		}
		out = append(out, in)
	}
	return out
}

// pointers reports whether a program has other instructions than scalars.
func pointers(program []Instruction) bool {
	for i := range program {
		if program[i].Kind != Scalar && (program[i].Kind != Array || pointers(program[i].Body)) {
			return true
		}
	}
	return false
}

// HoldsText reports whether a program has strings in it.
func HoldsText(program []Instruction) bool {
	for i := range program {
		if program[i].Kind == Text || HoldsText(program[i].Body) {
			return true
		}
	}
	return false
}

// PointerShaped reports whether an interface holds values of a type in its data word itself.
func PointerShaped(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Chan, reflect.Func, reflect.UnsafePointer:
		return true
	case reflect.Struct:
		return t.NumField() == 1 && PointerShaped(t.Field(0).Type)
	case reflect.Array:
		return t.Len() == 1 && PointerShaped(t.Elem())
	}
	return false
}

type words struct{ typ, data unsafe.Pointer }

// DataWord is the second word of an interface.
func DataWord(v *any) unsafe.Pointer { return (*words)(unsafe.Pointer(v)).data }
