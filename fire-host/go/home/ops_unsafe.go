package home

import (
	"os"
	"reflect"
	"unsafe"

	"fireagent/wire"
)

// execute carries out one operation: its operands are in r, its answer goes to w.
func (s *session) execute(kind uint16, r *wire.Reader, w *wire.Writer) {
	switch kind {
	case wire.DefineType:
		s.link.defineType(r)
	case wire.BindType:
		s.link.bindType(r.U32(), r.U32())
	case wire.ResolveFunction:
		w.Bool(functionByID(r.Text()).IsValid())
	case wire.ResolveVariable:
		s.resolveVariable(r, w)
	case wire.BornVariable:
		s.bornVariable(r, w)
	case wire.DefineFunction:
		s.defineFunction(r)
	case wire.FunctionName:
		w.Text(nameOf(uintptr(r.U64())))
	case wire.Load:
		t := s.link.typeOf(r.U32())
		s.load(uintptr(r.U64()), t, w)
	case wire.Store:
		t := s.link.typeOf(r.U32())
		s.store(uintptr(r.U64()), t, r)
	case wire.LoadLine:
		s.loadLine(r, w)
	case wire.Writes:
	case wire.New:
		t := s.link.real(r.U32())
		room(1, t.size)
		p := reflect.New(t.rtype).UnsafePointer()
		s.take(r, p, s.link.as(t, t.rtype))
		s.born(w, p, t.rtype)
	case wire.Zero:
		t := s.link.real(r.U32())
		room(1, t.size)
		s.born(w, reflect.New(t.rtype).UnsafePointer(), t.rtype)
	case wire.CallFunction:
		s.callFunction(r, w)
	case wire.CallMethod:
		s.callMethod(r, w)
	case wire.CallFunc:
		s.callFunc(r, w, false)
	case wire.CallDeferred:
		s.callFunc(r, w, true)
	case wire.Implements:
		v := s.readValue(r)
		w.Bool(s.link.typeOf(r.U32()).implementedBy(v.Type()))
	case wire.TypeName:
		w.Text(s.readValue(r).Type().String())
	case wire.Equal:
		a, b := s.readValue(r), s.readValue(r)
		w.Bool(a.IsValid() && b.IsValid() && a.Interface() == b.Interface() || !a.IsValid() && !b.IsValid())
	case wire.Print:
		printValues(r)
	case wire.SameType:
		v := s.readValue(r)
		w.Bool(v.Type() == s.link.typeOf(r.U32()).rtype)
	case wire.AssertionFailed:
		s.assertionFailed(r)
	case wire.Held:
		lowest, above := s.held.bounds()
		w.U64(uint64(lowest))
		w.U64(uint64(above))
	case wire.StillKnown:
		s.thinOut(r)
	case wire.Spawn:
		s.spawn(r)
	default:
		s.container(kind, r, w)
	}
}

// born hands out memory that was made for the worker.
func (s *session) born(w *wire.Writer, p unsafe.Pointer, t reflect.Type) {
	s.holdSeries(p, t.Size(), shapeOf(t))
	w.U64(uint64(uintptr(p)))
}

func (s *session) load(address uintptr, t *typ, w *wire.Writer) {
	if t.plain {
		missed(address)
		homes(address)
		if t.size > wire.LineSize {
			readable(address, t.size)
		}
		wire.Write(s, w, pointer(address), t.program)
		return
	}
	v, _ := s.viewAt(t, address)
	s.give(w, pointer(address), v)
	if t.text {
		w.Bool(s.viewsBuffer(pointer(address), v.program))
	}
}

// viewsBuffer reports whether the bytes of a string lie in memory that the worker has got: it may change them.
func (s *session) viewsBuffer(p unsafe.Pointer, program []wire.Instruction) bool {
	for i := range program {
		in := &program[i]
		at := unsafe.Add(p, in.Offset)
		switch in.Kind {
		case wire.Text:
			if text := *(*string)(at); len(text) > 0 && s.buffers(uintptr(unsafe.Pointer(unsafe.StringData(text)))) {
				return true
			}
		case wire.Array:
			for n := range in.Count {
				if s.viewsBuffer(unsafe.Add(at, uintptr(n)*uintptr(in.Size)), in.Body) {
					return true
				}
			}
		}
	}
	return false
}

// buffers reports whether an address lies in memory that was handed out.
func (s *session) buffers(address uintptr) bool {
	found := false
	note := func(r *region) bool {
		found = found || address < r.end
		return found
	}
	if s.held.at(address, note) || s.link.permanent.at(address, note) {
		return true
	}
	s.link.mu.Lock()
	defer s.link.mu.Unlock()
	if s.own.before != nil || s.own.later != nil {
		s.own.at(address, map[*holdings]bool{}, note)
	}
	return found
}

// store decodes before it writes, so that a malformed value changes nothing.
func (s *session) store(address uintptr, t *typ, r *wire.Reader) {
	if t.plain {
		s.storePlain(address, t, r)
		return
	}
	v, have := s.viewAt(t, address)
	if v.readonly {
		wrong(address, "a "+t.name)
	}
	if len(v.program) == 1 && v.program[0].Kind != wire.Array {
		wire.Read(s, r, pointer(address), v.program)
		return
	}
	real := t.rtype
	if real == nil {
		if real = have.shape.t; real.Size() != t.size || have.offset(address) != 0 {
			panic(missing("type " + t.name))
		}
	}
	value := reflect.New(real)
	s.take(r, value.UnsafePointer(), v)
	reflect.NewAt(real, pointer(address)).Elem().Set(value.Elem())
}

// storePlain stores a value without pointers, which lies where there are none, or says what some of them are.
func (s *session) storePlain(address uintptr, t *typ, r *wire.Reader) {
	if ok, leaves := s.scalars(address, t.size); ok {
		wire.Read(s, r, pointer(address), t.program)
	} else if leaves == nil {
		wrong(address, "a "+t.name)
	} else {
		bytes := append([]byte(nil), unsafe.Slice((*byte)(pointer(address)), t.size)...)
		wire.Read(s, r, unsafe.Pointer(unsafe.SliceData(bytes)), t.program)
		s.overlay(address, bytes, leaves)
	}
}

func (s *session) resolveVariable(r *wire.Reader, w *wire.Writer) {
	v := variableByID(r.Text())
	w.Bool(v.IsValid())
	if v.IsValid() {
		w.U64(uint64(s.link.variable(v)))
	}
}

// variable hands out a package variable for as long as the link lives.
func (l *link) variable(v reflect.Value) uintptr {
	of, size := shapeOf(v.Type().Elem()), v.Type().Elem().Size()
	if size == 0 {
		of, size = emptyShape, 1
	}
	r := region{v.UnsafePointer(), uintptr(v.UnsafePointer()) + size, of}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.permanent.at(r.base(), func(have *region) bool { return *have == r }) {
		l.permanent.add(r)
		handOutAll(r.base(), size)
	}
	return r.base()
}

func (s *session) defineFunction(r *wire.Reader) {
	number, id := r.U32(), r.Text()
	f := function{id: id, value: functionByID(id)}
	if !f.value.IsValid() {
		panic(missing("function " + id))
	}
	for range r.Count(4) {
		f.parameters = append(f.parameters, s.link.typeOf(r.U32()))
	}
	for range r.Count(4) {
		f.results = append(f.results, s.link.typeOf(r.U32()))
	}
	if t := f.value.Type(); t.NumIn() != len(f.parameters) || t.NumOut() != len(f.results) {
		panic(missing("function " + id + " of this signature"))
	}
	for i, p := range f.parameters {
		s.link.as(p, f.value.Type().In(i))
	}
	for i, p := range f.results {
		s.link.as(p, f.value.Type().Out(i))
	}
	s.link.mu.Lock()
	defer s.link.mu.Unlock()
	if number > 1<<20 {
		panic(wire.Malformed("a function number out of range"))
	}
	for int(number) >= len(s.link.functions) {
		s.link.functions = append(s.link.functions, function{})
	}
	s.link.functions[number] = f
}

func (s *session) callFunction(r *wire.Reader, w *wire.Writer) {
	number := r.U32()
	s.link.mu.Lock()
	if int(number) >= len(s.link.functions) {
		s.link.mu.Unlock()
		panic(wire.Malformed("an undefined function"))
	}
	f := s.link.functions[number]
	s.link.mu.Unlock()
	s.call(f.value, f.parameters, f.results, r, w)
}

// call decodes arguments, calls, and encodes the results.
func (s *session) call(f reflect.Value, parameters, results []*typ, r *wire.Reader, w *wire.Writer) {
	t, in := f.Type(), s.arguments(f, parameters, r)
	if len(results) != t.NumOut() {
		panic(missing("function of this signature"))
	}
	b := beneath{function: f, in: in, spread: t.IsVariadic()}
	b.under(s.number)
	w.B = w.B[:0]
	for i, v := range b.out {
		p := reflect.New(t.Out(i))
		p.Elem().Set(v)
		s.give(w, p.UnsafePointer(), s.link.as(results[i], t.Out(i)))
	}
}

// arguments decodes what a function is called with. Each can be addressed.
func (s *session) arguments(f reflect.Value, parameters []*typ, r *wire.Reader) []reflect.Value {
	in := make([]reflect.Value, len(parameters))
	for i, p := range parameters {
		t := f.Type().In(i)
		v := reflect.New(t)
		s.take(r, v.UnsafePointer(), s.link.as(p, t))
		in[i] = v.Elem()
	}
	return in
}

func (s *session) codes(r *wire.Reader) []*typ {
	n := r.Count(4)
	out := make([]*typ, n)
	for i := range out {
		out[i] = s.link.typeOf(r.U32())
	}
	return out
}

func (s *session) callMethod(r *wire.Reader, w *wire.Writer) {
	v := s.readValue(r)
	name := r.Text()
	parameters, results := s.codes(r), s.codes(r)
	m := methodOf(v, name)
	if !m.IsValid() {
		panic(missing("method " + v.Type().String() + "." + name))
	}
	s.call(m, parameters, results, r, w)
}

// callFunc calls a function value. A deferred one is called by a panic, whose value comes first.
func (s *session) callFunc(r *wire.Reader, w *wire.Writer, deferred bool) {
	var raised any
	if deferred {
		wire.Read(s, r, unsafe.Pointer(&raised), anyProgram)
	}
	t := s.link.real(r.U32())
	t.mustBe(reflect.Func)
	word := s.readFunction(uintptr(r.U64()), shapeOf(t.rtype))
	f := reflect.NewAt(t.rtype, unsafe.Pointer(&word)).Elem()
	var parameters, results []*typ
	for i := range t.parts {
		if i < t.rtype.NumIn() {
			parameters = append(parameters, s.link.element(t, i))
		} else {
			results = append(results, s.link.element(t, i))
		}
	}
	if deferred {
		b := beneath{function: f, in: s.arguments(f, parameters, r), deferred: true, values: [2]any{raised}}
		b.under(s.number)
		w.B = w.B[:0]
		return // nobody reads the results of a deferred call
	}
	s.call(f, parameters, results, r, w)
}

func (s *session) spawn(r *wire.Reader) {
	ref := s.newReference(r.U64())
	t := s.link.real(r.U32())
	if t.rtype != reflect.TypeFor[func()]() {
		panic(wire.Malformed("a goroutine of a function with parameters"))
	}
	l := s.link
	l.mu.Lock()
	l.spawned++
	l.mu.Unlock()
	go l.goroutine(ref)
}

// goroutine runs a closure of the worker on a goroutine of its own. Nothing there can recover the death of the worker, and it is
// none of the program's panics: the goroutine ends with it.
func (l *link) goroutine(ref *reference) {
	defer func() {
		l.mu.Lock()
		l.spawned--
		l.mu.Unlock()
		ref.drop() // it was made for this goroutine alone
		switch p := recover().(type) {
		case nil:
		case workerDied:
			os.Stderr.WriteString(p.Error() + ": a goroutine of it ends\n")
		default:
			panic(p)
		}
	}()
	l.invoke(ref, reflect.TypeFor[func()](), nil, nil, nil)
}
