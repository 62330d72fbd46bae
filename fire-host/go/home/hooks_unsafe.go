package home

import (
	"cmp"
	"reflect"
	"runtime"
	"slices"
	"unsafe"

	"fireagent/wire"
)

// WritePointer gives an address out; what it points to stays alive for as long as the worker may use it.
func (s *session) WritePointer(w *wire.Writer, p unsafe.Pointer) {
	s.pin(p)
	w.U64(uint64(uintptr(p)))
}

func (s *session) pin(p unsafe.Pointer) {
	if p == nil || len(s.pins) > 0 && s.pins[len(s.pins)-1] == p {
		return
	}
	if len(s.pins) >= max(s.crowded, fewPins) {
		s.pins = distinct(s.pins)
		s.crowded = 2 * len(s.pins)
	}
	s.pins = append(s.pins, p)
	handOut(uintptr(p))
}

// fewPins are kept as they come. A call that goes on for long hands out the same addresses again and again: more are
// looked through for repetitions whenever their number has doubled.
const fewPins = 1024

func distinct(pins []unsafe.Pointer) []unsafe.Pointer {
	slices.SortFunc(pins, func(a, b unsafe.Pointer) int { return cmp.Compare(uintptr(a), uintptr(b)) })
	kept := slices.Compact(pins)
	clear(pins[len(kept):])
	return kept
}

// ReadPointer takes an address that home gave out before, or one inside of what it gave out.
func (s *session) ReadPointer(word uint64) unsafe.Pointer {
	u := uintptr(word)
	homes(u)
	return *(*unsafe.Pointer)(unsafe.Pointer(&u))
}

// unsafePointer is the type of that name, which no package declares.
var unsafePointer = reflect.TypeFor[unsafe.Pointer]()

type sliceHeader struct {
	data     unsafe.Pointer
	len, cap int
}

// WriteSlice gives out a slice's header.
func (s *session) WriteSlice(w *wire.Writer, p unsafe.Pointer, _ uint32) {
	h := (*sliceHeader)(p)
	s.pin(h.data)
	w.U8(0)
	w.U64(uint64(uintptr(h.data)))
	w.U64(uint64(h.len))
	w.U64(uint64(h.cap))
}

// ReadSlice takes a header, or the elements of a slice that is born here.
func (s *session) ReadSlice(r *wire.Reader, p unsafe.Pointer, code uint32) {
	h := (*sliceHeader)(p)
	if r.U8() == 0 {
		data, length, capacity := s.ReadPointer(r.U64()), r.U64(), r.U64()
		if length > capacity || capacity > 1<<47 {
			panic(wire.Malformed("a slice longer than its capacity"))
		}
		if capacity > 0 && data == nil {
			panic(wire.Malformed("a slice without elements"))
		}
		*h = sliceHeader{data, int(length), int(capacity)}
		return
	}
	*h = s.readElements(r, s.link.real(code))
}

// readElements makes a slice of the encoded elements.
func (s *session) readElements(r *wire.Reader, t *typ) sliceHeader {
	element := s.link.element(t, 0)
	element.fits(t.rtype.Elem())
	n := r.Count(min(1, len(element.program)))
	room(uint64(n), element.size)
	s.deeper()
	v := reflect.MakeSlice(t.rtype, n, n)
	data := v.UnsafePointer()
	if len(element.program) > 0 {
		for i := range n {
			wire.Read(s, r, unsafe.Add(data, uintptr(i)*element.size), element.program)
		}
	}
	s.depth--
	return sliceHeader{data, n, n}
}

// interfaceType is the static type of an interface in memory.
func (s *session) interfaceType(code uint32) reflect.Type {
	if code == anyCode {
		return basicAny
	}
	return s.link.real(code).rtype
}

var basicAny = reflect.TypeFor[any]()

// WriteInterface encodes an interface value by its dynamic type.
func (s *session) WriteInterface(w *wire.Writer, p unsafe.Pointer, code uint32) {
	v := reflect.NewAt(s.interfaceType(code), p).Elem()
	if v.IsNil() {
		w.U8(wire.InterfaceNil)
		return
	}
	value := v.Elem().Interface()
	t := v.Elem().Type()
	k := s.link.keyOf(t)
	data := wire.DataWord(&value)
	direct := wire.PointerShaped(t)
	s.link.mu.Lock()
	known, number, alien := k.known, k.code, k.alien
	s.link.mu.Unlock()
	if known != nil {
		w.U8(wire.InterfaceKnown)
		w.U32(number)
		if direct {
			wire.Write(s, w, unsafe.Pointer(&data), known.program)
		} else {
			wire.Write(s, w, data, known.program)
		}
		return
	}
	s.pin(data)
	if alien {
		w.U8(wire.InterfaceProxy)
		w.U32(k.number)
	} else {
		w.U8(wire.InterfaceNamed)
		w.U32(k.number)
		w.Text(k.name)
	}
	w.Bool(direct)
	w.U64(uint64(uintptr(data)))
}

// runtimeError is a runtime error of a worker.
type runtimeError string

func (e runtimeError) Error() string { return string(e) }

// RuntimeError marks it as one of the runtime's.
func (e runtimeError) RuntimeError() {}

// ReadInterface decodes an interface value into memory of its static type.
func (s *session) ReadInterface(r *wire.Reader, p unsafe.Pointer, code uint32) {
	into := reflect.NewAt(s.interfaceType(code), p).Elem()
	v := s.readValue(r)
	if !v.IsValid() {
		into.SetZero()
		return
	}
	into.Set(v)
}

// readValue decodes an interface value. Not valid: nil.
func (s *session) readValue(r *wire.Reader) reflect.Value {
	switch r.U8() {
	case wire.InterfaceNil:
		return reflect.Value{}
	case wire.InterfaceKnown:
		t := s.link.real(r.U32())
		room(1, t.size)
		s.deeper()
		v := reflect.New(t.rtype)
		wire.Read(s, r, v.UnsafePointer(), t.program)
		s.depth--
		return v.Elem()
	case wire.InterfaceProxy:
		k := s.link.key(r.U32())
		direct, word := r.Bool(), s.ReadPointer(r.U64())
		if direct {
			return reflect.NewAt(k.rtype, unsafe.Pointer(&word)).Elem()
		}
		return reflect.NewAt(k.rtype, word).Elem()
	case wire.InterfaceRuntime:
		return reflect.ValueOf(genuine(r.Text()))
	}
	panic(wire.Malformed("an unknown kind of interface value"))
}

// WriteFunc gives a function value out: the worker's own closures by their ids, all others as a word.
func (s *session) WriteFunc(w *wire.Writer, p unsafe.Pointer, _ uint32) {
	word := *(*unsafe.Pointer)(p)
	if word == nil {
		w.U8(wire.FuncNil)
		return
	}
	if ref := closureAt(word); ref != nil && ref.link == s.link {
		w.U8(wire.FuncClosure)
		w.U64(ref.id)
		s.pin(word)
		return
	}
	s.pin(word)
	w.U8(wire.FuncHome)
	w.U64(uint64(uintptr(word)))
}

// ReadFunc takes a function value of home's back, or makes one that calls a closure in the worker.
func (s *session) ReadFunc(r *wire.Reader, p unsafe.Pointer, code uint32) {
	switch r.U8() {
	case wire.FuncNil:
		*(*unsafe.Pointer)(p) = nil
	case wire.FuncHome:
		*(*unsafe.Pointer)(p) = s.readFunction(r.U64())
	case wire.FuncNamed:
		id := r.Text()
		f := functionByID(id)
		if !f.IsValid() {
			panic(missing("function " + id))
		}
		t := s.link.real(code).rtype
		reflect.NewAt(t, p).Elem().Set(f.Convert(t))
	case wire.FuncClosure:
		reflect.NewAt(s.link.real(code).rtype, p).Elem().Set(s.closure(r.U64(), s.link.real(code)))
	default:
		panic(wire.Malformed("an unknown kind of function value"))
	}
}

// closure makes the home function value of a closure in the worker.
func (s *session) closure(id uint64, t *typ) reflect.Value {
	if len(t.parts) != t.rtype.NumIn()+t.rtype.NumOut() {
		panic(wire.Malformed("a function type with other parts"))
	}
	for i := range t.parts {
		if n := t.rtype.NumIn(); i < n {
			s.link.element(t, i).fits(t.rtype.In(i))
		} else {
			s.link.element(t, i).fits(t.rtype.Out(i - n))
		}
	}
	ref := s.link.newReference(id)
	ref.work = s.work
	s.references = append(s.references, ref)
	f := reflect.MakeFunc(t.rtype, func(in []reflect.Value) []reflect.Value { return ref.link.invoke(ref, t, in) })
	noteClosure(f, ref)
	return f
}

// readFunction takes a function value that home gave out: what it points to begins with the address of a function.
func (s *session) readFunction(word uint64) unsafe.Pointer {
	p := s.ReadPointer(word)
	if p == nil {
		return nil
	}
	code := *(*uintptr)(p)
	if f := runtime.FuncForPC(code); f == nil || f.Entry() != code {
		panic(wire.Malformed("a function value that is none"))
	}
	return p
}
