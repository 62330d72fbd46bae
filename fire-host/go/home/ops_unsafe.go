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
	case wire.Load:
		t := s.link.typeOf(r.U32())
		wire.Write(s, w, s.ReadPointer(r.U64()), t.program)
	case wire.Store:
		t := s.link.typeOf(r.U32())
		s.store(s.ReadPointer(r.U64()), t, r)
	case wire.LoadLine:
		s.loadLine(r, w)
	case wire.StoreRuns:
		s.storeRuns(r)
	case wire.New:
		t := s.link.real(r.U32())
		room(1, t.size)
		p := reflect.New(t.rtype).UnsafePointer()
		wire.Read(s, r, p, t.program)
		s.WritePointer(w, p)
	case wire.Zero:
		t := s.link.real(r.U32())
		room(1, t.size)
		s.WritePointer(w, reflect.New(t.rtype).UnsafePointer())
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
	case wire.Spawn:
		s.spawn(r)
	default:
		s.container(kind, r, w)
	}
}

// store decodes before it writes, so that a malformed value changes nothing.
func (s *session) store(p unsafe.Pointer, t *typ, r *wire.Reader) {
	if len(t.program) == 1 && t.program[0].Offset == 0 && uintptr(t.program[0].Size) == t.size {
		wire.Read(s, r, p, t.program)
		return
	}
	if t.rtype != nil {
		aligned(uintptr(p), t.rtype)
		v := reflect.New(t.rtype)
		wire.Read(s, r, v.UnsafePointer(), t.program)
		reflect.NewAt(t.rtype, p).Elem().Set(v.Elem())
		return
	}
	wire.Read(s, r, p, t.program)
}

func (s *session) resolveVariable(r *wire.Reader, w *wire.Writer) {
	v := variableByID(r.Text())
	w.Bool(v.IsValid())
	if v.IsValid() {
		handOutAll(uintptr(v.UnsafePointer()), v.Type().Elem().Size())
		w.U64(uint64(uintptr(v.UnsafePointer())))
	}
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
		p.fits(f.value.Type().In(i))
	}
	for i, p := range f.results {
		p.fits(f.value.Type().Out(i))
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
	t := f.Type()
	in := make([]reflect.Value, len(parameters))
	for i, p := range parameters {
		v := reflect.New(t.In(i))
		p.fits(t.In(i))
		wire.Read(s, r, v.UnsafePointer(), p.program)
		in[i] = v.Elem()
	}
	if len(results) != t.NumOut() {
		panic(missing("function of this signature"))
	}
	b := beneath{function: f, in: in, spread: t.IsVariadic()}
	b.under(s.number)
	w.B = w.B[:0]
	for i, v := range b.out {
		results[i].fits(t.Out(i))
		p := reflect.New(t.Out(i))
		p.Elem().Set(v)
		wire.Write(s, w, p.UnsafePointer(), results[i].program)
	}
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
	word := s.readFunction(r.U64())
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
		b := beneath{function: f, deferred: true, values: [2]any{raised}}
		b.under(s.number)
		w.B = w.B[:0]
		return // nobody reads the results of a deferred call
	}
	s.call(f, parameters, results, r, w)
}

func (s *session) spawn(r *wire.Reader) {
	ref := s.link.newReference(r.U64())
	ref.work = s.work
	s.references = append(s.references, ref)
	t := s.link.real(r.U32())
	if t.rtype != reflect.TypeFor[func()]() {
		panic(wire.Malformed("a goroutine of a function with parameters"))
	}
	l := s.link
	l.mu.Lock()
	l.spawned++
	l.mu.Unlock()
	go l.goroutine(ref, t)
}

// goroutine runs a closure of the worker on a goroutine of its own. Nothing there can recover the death of the worker, and it is
// none of the program's panics: the goroutine ends with it.
func (l *link) goroutine(ref *reference, t *typ) {
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
	l.invoke(ref, t, nil)
}
