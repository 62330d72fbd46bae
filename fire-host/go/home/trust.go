package home

import (
	"reflect"
	"runtime"
	"strconv"
	"sync/atomic"
	"syscall"

	"fireagent/wire"
)

// What keeps a worker's frames from ending this process. A worker runs the user's own code, so this guards against what is
// broken, not against what wants to read memory: addresses lie in pieces of memory that home has handed out, sizes are ones
// that the machine has, types have the pointers where this process has them, and values nest no deeper than the stack holds.

// pieceBits is the size of a piece: that of an arena of Go's heap.
const pieceBits = 26

// pieces are those that hold something that home has handed out.
var pieces [1 << (47 - pieceBits - 6)]atomic.Uint64

func piece(address uintptr) (word *atomic.Uint64, bit uint64) {
	n := address >> pieceBits
	return &pieces[n>>6], 1 << (n & 63)
}

// handOut notes where something lies that the worker may name.
func handOut(address uintptr) {
	if address>>47 != 0 {
		return
	}
	if word, bit := piece(address); word.Load()&bit == 0 {
		word.Or(bit)
	}
}

// handOutAll is handOut for a slice's elements.
func handOutAll(from, size uintptr) {
	handOut(from)
	for at := uintptr(1 << pieceBits); at < size; at += 1 << pieceBits {
		handOut(from + at)
	}
	if size > 0 {
		handOut(from + size - 1)
	}
}

// homes panics at an address near which home has handed out nothing. What lies behind the end of a piece may be the rest of a
// variable that begins in it.
func homes(address uintptr) {
	if address>>47 == 0 {
		if word, bit := piece(address); word.Load()&bit != 0 {
			return
		}
		if address>>pieceBits > 0 {
			if word, bit := piece(address - 1<<pieceBits); word.Load()&bit != 0 {
				handOut(address)
				return
			}
		}
	}
	panic(wire.Malformed("0x" + strconv.FormatUint(uint64(address), 16) + " is no address of the program"))
}

const firstPage = 4096

// largest is more than this machine can hold: Go would end the process.
var largest = func() uint64 {
	var info syscall.Sysinfo_t
	if syscall.Sysinfo(&info) != nil {
		return 1 << 40
	}
	return (uint64(info.Totalram) + uint64(info.Totalswap)) * uint64(info.Unit)
}()

// tooLarge is the panic of an allocation that the machine cannot hold.
type tooLarge struct{}

func (tooLarge) Error() string { return "fire: an allocation larger than this machine's memory" }

// room panics if this machine cannot hold so many elements of a size.
func room(n uint64, size uintptr) {
	if n > 1<<62 || size == 0 {
		return // Go's own panic, or nothing
	}
	if n > largest/uint64(size) {
		panic(tooLarge{})
	}
}

// deepest is how deep values may nest in one frame: a decoder's frames must fit on the stack.
const deepest = 200_000

// deeper counts a level of nesting; what it gives is called at the end of the level.
func (s *session) deeper() {
	if s.depth++; s.depth > deepest {
		s.depth = 0
		panic(wire.Malformed("a value that nests too deep"))
	}
}

// faulted is the panic of an operation that has touched memory that is not there.
func faulted(p any) any {
	if e, ok := p.(interface {
		runtime.Error
		Addr() uintptr
	}); ok && e.Addr() >= firstPage {
		return wire.Malformed("an address at which there is nothing")
	}
	return p
}

// agrees reports whether a layout has pointers exactly where a type of this process has them. Where they differ, the
// collector would miss pointers, or follow what is none.
func agrees(program []wire.Instruction, t reflect.Type) bool {
	if t.Size() > mostCompared {
		return agreesByElement(program, t)
	}
	words := make([]bool, (t.Size()+7)/8)
	if !markType(words, t, 0) {
		return false
	}
	for i, is := range programWords(program, len(words)) {
		if is != words[i] {
			return false
		}
	}
	return true
}

// mostCompared is the size up to which layouts are compared word by word.
const mostCompared = 1 << 20

func agreesByElement(program []wire.Instruction, t reflect.Type) bool {
	if !hasPointers(t) {
		return !anyPointer(program)
	}
	return t.Kind() == reflect.Array && len(program) == 1 && program[0].Kind == wire.Array && program[0].Offset == 0 &&
		uintptr(program[0].Size) == t.Elem().Size() && int(program[0].Count) == t.Len() && agrees(program[0].Body, t.Elem())
}

func anyPointer(program []wire.Instruction) bool {
	for i := range program {
		if program[i].Kind != wire.Scalar && program[i].Kind != wire.Array || anyPointer(program[i].Body) {
			return true
		}
	}
	return false
}

func hasPointers(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Array:
		return t.Len() > 0 && hasPointers(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if hasPointers(t.Field(i).Type) {
				return true
			}
		}
		return false
	case reflect.Pointer, reflect.UnsafePointer, reflect.Map, reflect.Chan, reflect.Func, reflect.String, reflect.Slice, reflect.Interface:
		return true
	}
	return false
}

// markType marks the words of a type at an offset that are pointers. False: it is not laid out as Go lays out types.
func markType(words []bool, t reflect.Type, offset uintptr) bool {
	switch t.Kind() {
	case reflect.Array:
		if !hasPointers(t) {
			return true
		}
		for i := range t.Len() {
			if !markType(words, t.Elem(), offset+uintptr(i)*t.Elem().Size()) {
				return false
			}
		}
	case reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			if !markType(words, f.Type, offset+f.Offset) {
				return false
			}
		}
	case reflect.Interface:
		words[offset/8], words[offset/8+1] = true, true
	case reflect.Pointer, reflect.UnsafePointer, reflect.Map, reflect.Chan, reflect.Func, reflect.String, reflect.Slice:
		words[offset/8] = true
	}
	return offset%8 == 0 || !hasPointers(t)
}

// programWords are the words of a layout that it treats as pointers.
func programWords(program []wire.Instruction, n int) []bool {
	words := make([]bool, n)
	var mark func(program []wire.Instruction, offset uintptr)
	mark = func(program []wire.Instruction, offset uintptr) {
		for i := range program {
			in := &program[i]
			at := int((offset + uintptr(in.Offset)) / 8)
			switch in.Kind {
			case wire.Array:
				if !anyPointer(in.Body) {
					continue
				}
				for k := range in.Count {
					mark(in.Body, offset+uintptr(in.Offset)+uintptr(k)*uintptr(in.Size))
				}
			case wire.Interface:
				words[at], words[at+1] = true, true
			case wire.Pointer, wire.Func, wire.Text, wire.Slice:
				words[at] = true
			}
		}
	}
	mark(program, 0)
	return words
}

// takes panics if the layouts of a target are not those of a function's parameters and results.
func (t *target) takes(f reflect.Value) {
	if !f.IsValid() {
		return // the binary does not hold it: no check goes to this target
	}
	var in, out []reflect.Type
	for i := range f.Type().NumIn() {
		in = append(in, f.Type().In(i))
	}
	for i := range f.Type().NumOut() {
		out = append(out, f.Type().Out(i))
	}
	t.carries(in, out)
}

// carries panics if the layouts of a target are not those of structs of these types.
func (t *target) carries(in, out []reflect.Type) {
	t.arguments.fitsAll(in)
	t.results.fitsAll(out)
	t.given = t.link.as(t.arguments, structOf("P", in))
	t.taken = t.link.as(t.results, structOf("R", out))
}

// fitsAll panics if the layout is not that of a struct with fields of these types.
func (t *typ) fitsAll(fields []reflect.Type) {
	size, align := uintptr(0), uintptr(1)
	words := make([]bool, min(t.size, mostCompared)/8+1)
	same := true
	for i, f := range fields {
		a := uintptr(f.Align())
		size, align = (size+a-1)&^(a-1), max(align, a)
		if t.size <= mostCompared && same {
			same = size+f.Size() <= t.size && markType(words, f, size)
		}
		size += f.Size()
		if f.Size() == 0 && i == len(fields)-1 && size > 0 {
			size++ // the address of an empty last field lies inside
		}
	}
	size = (size + align - 1) &^ (align - 1)
	if same && size == t.size && t.size <= mostCompared {
		for i, is := range programWords(t.program, len(words)) {
			same = same && is == words[i]
		}
	}
	if !same || size != t.size {
		panic(layoutDiffers{t.name, size, t.size})
	}
}

// mustBe panics if a type is not of a kind.
func (t *typ) mustBe(kind reflect.Kind) {
	if t.rtype.Kind() != kind {
		panic(wire.Malformed("a type of another kind"))
	}
}

// checkNamed panics if the layout of a type names another type for an interface, a function or a slice than it has there.
func (l *link) checkNamed(t *typ, program []wire.Instruction, real reflect.Type, base uintptr) {
	for i := range program {
		in := &program[i]
		switch in.Kind {
		case wire.Array:
			if anyPointer(in.Body) {
				l.checkNamed(t, in.Body, typeAt(real, base+uintptr(in.Offset), uintptr(in.Size)), 0)
			}
		case wire.Interface, wire.Func, wire.Slice:
			inside := typeAt(real, base+uintptr(in.Offset), 0)
			if named := l.typeOf(in.Type).rtype; inside == nil || named != nil && named != inside && !equivalent(named, inside) {
				panic(layoutDiffers{t.name, real.Size(), t.size})
			}
		}
	}
}

// equivalent reports whether a value of one type is one of the other in memory: declared types of one structure are.
func equivalent(a, b reflect.Type) bool { return a.Kind() == b.Kind() && a.ConvertibleTo(b) }

// typeAt is the innermost type at an offset that is not a struct or an array; with a size, the element of the array there.
func typeAt(t reflect.Type, offset, element uintptr) reflect.Type {
	for t != nil {
		switch {
		case t.Kind() == reflect.Struct:
			t, offset = fieldAt(t, offset)
		case t.Kind() == reflect.Array && t.Len() > 0 && t.Elem().Size() > 0:
			if offset%t.Elem().Size() == 0 && element == t.Elem().Size() {
				return t.Elem()
			}
			t, offset = t.Elem(), offset%t.Elem().Size()
		default:
			return t
		}
	}
	return nil
}

func fieldAt(t reflect.Type, offset uintptr) (reflect.Type, uintptr) {
	for i := range t.NumField() {
		if f := t.Field(i); f.Offset <= offset && offset < f.Offset+f.Type.Size() {
			return f.Type, offset - f.Offset
		}
	}
	return nil, 0
}
