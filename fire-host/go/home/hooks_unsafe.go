package home

import (
	"reflect"
	"unsafe"

	"fireagent/wire"
)

// WritePointer gives an address out; what it points to stays alive for as long as the worker may use it.
func (s *session) WritePointer(w *wire.Writer, p unsafe.Pointer, code uint32) {
	if p != nil {
		s.holdWord(p, code)
	}
	w.U64(uint64(uintptr(p)))
}

func (s *session) holdWord(p unsafe.Pointer, code uint32) {
	at := s.link.place(code)
	if at.t == nil {
		return // with the leaf that it is a part of
	}
	switch at.t.Kind() {
	case reflect.Map, reflect.Chan, reflect.Func:
		s.hold(p, 0, at.element)
	default:
		s.holdMemory(p, at.element)
	}
}

// ReadPointer takes an address that home gave out before, or one inside of what it gave out.
func (s *session) ReadPointer(word uint64, code uint32) unsafe.Pointer {
	if word == 0 {
		return nil
	}
	at, u := s.link.place(code), uintptr(word)
	if at.t == nil { // its leaf is looked at when it is whole
		if !s.known(u) {
			wrong(u, "anything")
		}
		return pointer(u)
	}
	s.soundWord(&at, u)
	return pointer(u)
}

// unsafePointer is the type of that name, which no package declares.
var unsafePointer = reflect.TypeFor[unsafe.Pointer]()

type sliceHeader struct {
	data     unsafe.Pointer
	len, cap int
}

// WriteSlice gives out a slice's header.
func (s *session) WriteSlice(w *wire.Writer, p unsafe.Pointer, code uint32) {
	s.writeHeader(w, *(*sliceHeader)(p), s.link.place(code).element)
}

// writeHeader gives out a slice of elements of a shape.
func (s *session) writeHeader(w *wire.Writer, h sliceHeader, element *shape) {
	if element == nil {
		s.holdMemory(h.data, nil)
	} else {
		s.holdSeries(h.data, uintptr(h.cap)*element.size, element)
	}
	w.U8(0)
	w.U64(uint64(uintptr(h.data)))
	w.U64(uint64(h.len))
	w.U64(uint64(h.cap))
}

// ReadSlice takes a header, or the elements of a slice that is born here.
func (s *session) ReadSlice(r *wire.Reader, p unsafe.Pointer, code uint32) {
	at := s.link.place(code)
	if r.U8() == 0 {
		*(*sliceHeader)(p) = s.readHeader(r, at.element)
		return
	}
	t := s.link.real(at.code)
	*(*sliceHeader)(p) = s.readElements(r, t, at.orOf(t))
}

// readHeader takes a slice of elements of a shape.
func (s *session) readHeader(r *wire.Reader, element *shape) sliceHeader {
	words := [3]uintptr{uintptr(r.U64()), uintptr(r.U64()), uintptr(r.U64())}
	if words[1] > words[2] {
		panic(wire.Malformed("a slice longer than its capacity"))
	}
	if words[2] > 0 && words[0] == 0 {
		panic(wire.Malformed("a slice without elements"))
	}
	if !s.soundSlice(element, &words) {
		wrong(words[0], "a slice of that capacity")
	}
	return sliceHeader{pointer(words[0]), int(words[1]), int(words[2])}
}

// readElements makes a slice of a type of the encoded elements.
func (s *session) readElements(r *wire.Reader, t *typ, real reflect.Type) sliceHeader {
	t.mustBe(reflect.Slice)
	element := s.link.element(t, 0)
	view := s.link.as(element, real.Elem())
	n := r.Count(min(1, len(element.program)))
	room(uint64(n), element.size)
	s.deeper()
	v := reflect.MakeSlice(real, n, n)
	data := v.UnsafePointer()
	if len(element.program) > 0 {
		for i := range n {
			s.take(r, unsafe.Add(data, uintptr(i)*element.size), view)
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
	at := s.link.place(code)
	if at.t == nil {
		return s.link.real(at.code).rtype
	}
	return at.t
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
		view := s.link.as(known, t)
		if direct {
			s.give(w, unsafe.Pointer(&data), view)
		} else {
			s.give(w, data, view)
		}
		return
	}
	s.holdPayload(t, data)
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
		s.take(r, v.UnsafePointer(), s.link.as(t, t.rtype))
		s.depth--
		return v.Elem()
	case wire.InterfaceProxy:
		k := s.link.key(r.U32())
		return s.payload(k.rtype, r.Bool(), uintptr(r.U64()))
	case wire.InterfaceRuntime:
		return reflect.ValueOf(genuine(r.Text()))
	}
	panic(wire.Malformed("an unknown kind of interface value"))
}

// payload is the value that an interface held, by its type and its second word.
func (s *session) payload(t reflect.Type, direct bool, word uintptr) reflect.Value {
	if direct != wire.PointerShaped(t) {
		panic(wire.Malformed("a value that is no word of an interface"))
	}
	if direct {
		at := placeOf(innermost(t), 0)
		s.soundWord(&at, word)
		p := pointer(word)
		return reflect.NewAt(t, unsafe.Pointer(&p)).Elem()
	}
	if missed(word); !s.refers(word, shapeOf(t), t.Size()) {
		wrong(word, "a "+t.String())
	}
	return reflect.NewAt(t, pointer(word)).Elem()
}

// WriteFunc gives a function value out: the worker's own closures by their ids, all others as a word.
func (s *session) WriteFunc(w *wire.Writer, p unsafe.Pointer, code uint32) {
	word := *(*unsafe.Pointer)(p)
	if word == nil {
		w.U8(wire.FuncNil)
		return
	}
	s.hold(word, 0, s.link.place(code).handle())
	if ref := closureAt(word); ref != nil && ref.link == s.link {
		s.borrow(ref)
		w.U8(wire.FuncClosure)
		w.U64(ref.id)
		return
	}
	w.U8(wire.FuncHome)
	w.U64(uint64(uintptr(word)))
}

// ReadFunc takes a function value of home's back, or makes one that calls a closure in the worker.
func (s *session) ReadFunc(r *wire.Reader, p unsafe.Pointer, code uint32) {
	at := s.link.place(code)
	switch r.U8() {
	case wire.FuncNil:
		*(*unsafe.Pointer)(p) = nil
	case wire.FuncHome:
		*(*unsafe.Pointer)(p) = s.readFunction(uintptr(r.U64()), at.handle())
	case wire.FuncNamed:
		id := r.Text()
		f := functionByID(id)
		if !f.IsValid() {
			panic(missing("function " + id))
		}
		t := at.orOf(s.link.real(at.code))
		reflect.NewAt(t, p).Elem().Set(f.Convert(t))
	case wire.FuncClosure:
		t := s.link.real(at.code)
		real := at.orOf(t)
		reflect.NewAt(real, p).Elem().Set(s.closure(r.U64(), t, real))
	default:
		panic(wire.Malformed("an unknown kind of function value"))
	}
}

// closure makes the home function value of a closure in the worker.
func (s *session) closure(id uint64, t *typ, real reflect.Type) reflect.Value {
	in, out := s.link.signature(t, real)
	ref := s.newReference(id)
	f := reflect.MakeFunc(real, func(list []reflect.Value) []reflect.Value { return ref.link.invoke(ref, real, in, out, list) })
	noteClosure(f, ref)
	return f
}

// signature is how the parameters and results of a function type travel.
func (l *link) signature(t *typ, real reflect.Type) (in, out []*view) {
	if real.Kind() != reflect.Func || len(t.parts) != real.NumIn()+real.NumOut() {
		panic(wire.Malformed("a function type with other parts"))
	}
	for i := range t.parts {
		if n := real.NumIn(); i < n {
			in = append(in, l.as(l.element(t, i), real.In(i)))
		} else {
			out = append(out, l.as(l.element(t, i), real.Out(i-n)))
		}
	}
	return in, out
}

// readFunction takes a function value that home gave out.
func (s *session) readFunction(word uintptr, of *shape) unsafe.Pointer {
	if word != 0 && !s.isHandle(word, of) {
		wrong(word, "a function")
	}
	return pointer(word)
}
