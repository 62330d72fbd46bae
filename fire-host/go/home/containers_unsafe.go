package home

import (
	"reflect"
	"unsafe"

	"fireagent/wire"
)

// container carries out the operations on slices, strings, maps and channels.
func (s *session) container(kind uint16, r *wire.Reader, w *wire.Writer) {
	switch kind {
	case wire.MakeSlice:
		t := s.link.real(r.U32())
		n, capacity := r.U64(), r.U64()
		room(capacity, t.rtype.Elem().Size())
		v := reflect.MakeSlice(t.rtype, int(n), int(capacity))
		s.writeValue(w, v)
	case wire.SliceOf:
		t := s.link.real(r.U32())
		s.writeValue(w, s.sliceAt(t, s.readElements(r, t, t.rtype)))
	case wire.Append:
		t := s.link.real(r.U32())
		base := s.slice(r, t)
		more := s.readElements(r, t, t.rtype)
		s.writeValue(w, reflect.AppendSlice(base, s.sliceAt(t, more)))
	case wire.AppendSlice:
		t := s.link.real(r.U32())
		s.writeValue(w, reflect.AppendSlice(s.slice(r, t), s.slice(r, t)))
	case wire.AppendString:
		t := s.link.real(r.U32())
		base := s.slice(r, t)
		bytes := append(base.Bytes(), r.Text()...)
		s.writeHeader(w, *(*sliceHeader)(unsafe.Pointer(&bytes)), byteShape)
	case wire.Copy:
		t := s.link.real(r.U32())
		w.U64(uint64(reflect.Copy(s.slice(r, t), s.slice(r, t))))
	case wire.CopyString:
		t := s.link.real(r.U32())
		w.U64(uint64(copy(s.slice(r, t).Bytes(), r.Text())))
	case wire.ClearSlice:
		t := s.link.real(r.U32())
		s.slice(r, t).Clear()
	case wire.String:
		b := s.header(r, byteShape)
		w.Text(unsafe.String((*byte)(b.data), b.len))
	case wire.StringOfRunes:
		b := s.header(r, runeShape)
		room(uint64(b.len), 8)
		w.Text(string(unsafe.Slice((*rune)(b.data), b.len)))
	case wire.Bytes:
		s.writeValue(w, reflect.ValueOf([]byte(r.Text())))
	case wire.Runes:
		s.writeValue(w, reflect.ValueOf([]rune(r.Text())))
	case wire.MakeMap, wire.MapGet, wire.MapSet, wire.MapDelete, wire.MapLen, wire.MapClear, wire.MapIterate:
		s.mapOperation(kind, r, w)
	case wire.MapNext, wire.MapDone:
		s.iterate(kind, r, w)
	default:
		s.channel(kind, r, w)
	}
}

func (s *session) header(r *wire.Reader, element *shape) sliceHeader {
	if r.U8() != 0 {
		panic(wire.Malformed("elements where a header belongs"))
	}
	return s.readHeader(r, element)
}

var runeShape = shapeOf(reflect.TypeFor[rune]())

func (s *session) slice(r *wire.Reader, t *typ) reflect.Value {
	t.mustBe(reflect.Slice)
	if r.U8() != 0 {
		return s.sliceAt(t, s.readElements(r, t, t.rtype))
	}
	return s.sliceAt(t, s.readHeader(r, shapeOf(t.rtype.Elem())))
}

func (s *session) sliceAt(t *typ, h sliceHeader) reflect.Value {
	t.mustBe(reflect.Slice)
	v := reflect.New(t.rtype)
	*(*sliceHeader)(v.UnsafePointer()) = h
	return v.Elem()
}

// writeValue gives out a slice.
func (s *session) writeValue(w *wire.Writer, v reflect.Value) {
	s.writeHeader(w, sliceHeader{v.UnsafePointer(), v.Len(), v.Cap()}, shapeOf(v.Type().Elem()))
}

// word makes a value of a type that is one word, a map or a channel, for one operation.
func (s *session) word(t *typ, word uint64) reflect.Value {
	if t.rtype.Kind() != reflect.Map {
		t.mustBe(reflect.Chan)
	}
	if of := t.shape(); word != 0 && !s.isHandle(uintptr(word), of) {
		wrong(uintptr(word), "a "+t.name)
	}
	v, p := s.holder.of(t.rtype)
	*(*unsafe.Pointer)(p) = pointer(uintptr(word))
	return v
}

// bornHandle hands out a map or a channel that was made for the worker.
func (s *session) bornHandle(w *wire.Writer, p unsafe.Pointer, t reflect.Type) {
	s.hold(p, 0, shapeOf(t))
	w.U64(uint64(uintptr(p)))
}

// scratch is a variable for values of one type after the other, so that operations need not make one each.
type scratch struct {
	t reflect.Type
	v reflect.Value
	p unsafe.Pointer
}

func (x *scratch) of(t reflect.Type) (reflect.Value, unsafe.Pointer) {
	if x.t != t {
		p := reflect.New(t)
		x.t, x.v, x.p = t, p.Elem(), p.UnsafePointer()
	}
	return x.v, x.p
}

// clear lets go of what the variable refers to.
func (x *scratch) clear() {
	if x.t != nil {
		x.v.SetZero()
	}
}

// read decodes a value of a part's type.
func (s *session) read(r *wire.Reader, t reflect.Type, as *typ) reflect.Value {
	v := reflect.New(t)
	s.take(r, v.UnsafePointer(), s.link.as(as, t))
	return v.Elem()
}

// write encodes a value.
func (s *session) write(w *wire.Writer, v reflect.Value, as *typ) {
	s.give(w, dataOf(&v), s.link.as(as, v.Type()))
}

// readKey decodes a key that is only looked at: where it lies is used for the next one.
func (s *session) readKey(r *wire.Reader, t reflect.Type, as *typ) reflect.Value {
	view := s.link.as(as, t)
	v, p := s.key.of(t)
	s.take(r, p, view)
	return v
}

func (s *session) mapOperation(kind uint16, r *wire.Reader, w *wire.Writer) {
	t := s.link.real(r.U32())
	key, element := s.link.element(t, 0), s.link.element(t, 1)
	if kind == wire.MakeMap {
		room(min(r.U64(), most), key.size+element.size)
		r.At -= 8
		v := reflect.MakeMapWithSize(t.rtype, int(min(r.U64(), most)))
		each := min(1, len(key.program)+len(element.program))
		n := r.Count(each)
		if each == 0 && n > 1 {
			panic(wire.Malformed("a map with one key twice"))
		}
		for range n {
			v.SetMapIndex(s.read(r, t.rtype.Key(), key), s.read(r, t.rtype.Elem(), element))
		}
		s.bornHandle(w, v.UnsafePointer(), t.rtype)
		return
	}
	m := s.word(t, r.U64())
	switch kind {
	case wire.MapGet:
		v := m.MapIndex(s.readKey(r, t.rtype.Key(), key))
		w.Bool(v.IsValid())
		if v.IsValid() {
			s.write(w, v, element)
		}
	case wire.MapSet:
		if m.IsNil() {
			var none map[int]int
			none[0] = 0 // the runtime's own panic
		}
		m.SetMapIndex(s.read(r, t.rtype.Key(), key), s.read(r, t.rtype.Elem(), element))
	case wire.MapDelete:
		k := s.read(r, t.rtype.Key(), key)
		if !m.IsNil() {
			m.SetMapIndex(k, reflect.Value{})
		}
	case wire.MapLen:
		w.U64(uint64(m.Len()))
	case wire.MapClear:
		m.Clear()
	case wire.MapIterate:
		if len(s.iterations) > mostIterations {
			panic(wire.Malformed("too many ranges over maps at once"))
		}
		it := &iteration{it: m.MapRange(), key: key, element: element}
		s.iterations = append(s.iterations, it)
		w.U32(uint32(len(s.iterations) - 1))
	}
}

// mostIterations is how many ranges over maps one call can be in the middle of; most is the largest hint for a map's size.
const (
	mostIterations = 1 << 20
	most           = 1 << 40
)

// iteration is a range over a map that the worker is in the middle of.
type iteration struct {
	it           *reflect.MapIter
	key, element *typ
}

func (s *session) iterate(kind uint16, r *wire.Reader, w *wire.Writer) {
	n := int(r.U32())
	if n >= len(s.iterations) || s.iterations[n] == nil {
		panic(wire.Malformed("an unknown iteration"))
	}
	it := s.iterations[n]
	more := kind == wire.MapNext && it.it.Next()
	w.Bool(more)
	if more {
		s.write(w, it.it.Key(), it.key)
		s.write(w, it.it.Value(), it.element)
		return
	}
	s.iterations[n] = nil
	for len(s.iterations) > 0 && s.iterations[len(s.iterations)-1] == nil {
		s.iterations = s.iterations[:len(s.iterations)-1]
	}
}

func (s *session) channel(kind uint16, r *wire.Reader, w *wire.Writer) {
	if kind == wire.Select {
		s.selectCases(r, w)
		return
	}
	if kind < wire.MakeChan || kind > wire.ChanCap {
		panic(wire.Malformed("an unknown operation"))
	}
	t := s.link.real(r.U32())
	t.mustBe(reflect.Chan)
	if kind == wire.MakeChan {
		n := r.U64()
		room(n, t.rtype.Elem().Size())
		made := reflect.ChanOf(reflect.BothDir, t.rtype.Elem())
		s.bornHandle(w, reflect.MakeChan(made, int(n)).UnsafePointer(), made)
		return
	}
	c := s.word(t, r.U64())
	element := s.link.element(t, 0)
	switch kind {
	case wire.ChanSend:
		if v := s.read(r, t.rtype.Elem(), element); !c.TrySend(v) {
			s.await([]reflect.SelectCase{{Dir: reflect.SelectSend, Chan: c, Send: v}})
		}
	case wire.ChanRecv:
		v, ok := c.TryRecv()
		if !v.IsValid() {
			_, v, ok = s.await([]reflect.SelectCase{{Dir: reflect.SelectRecv, Chan: c}})
		}
		w.B = w.B[:0]
		w.Bool(ok)
		if ok {
			s.write(w, v, element)
		}
	case wire.ChanClose:
		c.Close()
	case wire.ChanLen:
		w.U64(uint64(c.Len()))
	case wire.ChanCap:
		w.U64(uint64(c.Cap()))
	}
}

func (s *session) selectCases(r *wire.Reader, w *wire.Writer) {
	hasDefault := r.Bool()
	n := r.Count(13)
	cases := make([]reflect.SelectCase, 0, n+1)
	elements := make([]*typ, 0, n)
	for range n {
		kind := r.U8()
		t := s.link.real(r.U32())
		t.mustBe(reflect.Chan)
		channel, word := reflect.New(t.rtype), uintptr(r.U64())
		if word != 0 && !s.isHandle(word, t.shape()) {
			wrong(word, "a "+t.name)
		}
		*(*unsafe.Pointer)(channel.UnsafePointer()) = pointer(word)
		c := reflect.SelectCase{Dir: reflect.SelectRecv, Chan: channel.Elem()}
		elements = append(elements, s.link.element(t, 0))
		if kind == wire.CaseSend {
			c.Dir = reflect.SelectSend
			c.Send = s.read(r, t.rtype.Elem(), elements[len(elements)-1])
		}
		cases = append(cases, c)
	}
	wait := s.await
	if hasDefault {
		cases = append(cases, reflect.SelectCase{Dir: reflect.SelectDefault})
		wait = reflect.Select
	}
	chosen, v, ok := wait(cases)
	w.B = w.B[:0]
	if chosen == n {
		chosen = -1
	}
	w.U32(uint32(int32(chosen)))
	w.Bool(ok)
	if ok {
		s.write(w, v, elements[chosen])
	}
}

// await waits for the first of some channel operations. It gives up when the link is closed: the body that would have the
// outcome is gone, and what it waits for may never come.
func (s *session) await(cases []reflect.SelectCase) (chosen int, v reflect.Value, ok bool) {
	over := len(cases)
	cases = append(cases, reflect.SelectCase{Dir: reflect.SelectRecv, Chan: reflect.ValueOf(s.link.told)})
	if chosen, v, ok = reflect.Select(cases); chosen == over {
		s.lane.Close() // nobody hears of the panic
		panic(died(s.function, s.link))
	}
	return chosen, v, ok
}
