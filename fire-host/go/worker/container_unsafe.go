package worker

import (
	"reflect"
	"unsafe"

	"fireagent/wire"
)

// MapOps is a map at home.
type MapOps[K comparable, V any] struct {
	word unsafe.Pointer
	t    *typ
}

// Map takes hold of a map.
func Map[M ~map[K]V, K comparable, V any](m M) MapOps[K, V] {
	return MapOps[K, V]{*(*unsafe.Pointer)(unsafe.Pointer(&m)), typeFor[M]()}
}

func (m MapOps[K, V]) begin(k *K) (*context, *wire.Writer) {
	c, w := m.begun()
	wire.Write(c, w, noescape(unsafe.Pointer(k)), m.t.parts[0].program)
	return c, w
}

func (m MapOps[K, V]) begun() (*context, *wire.Writer) {
	c := current()
	code := c.told(m.t).code
	w := c.begin()
	w.U32(code)
	w.U64(homeAddress(m.word))
	return c, w
}

// Get is m[k].
func (m MapOps[K, V]) Get(k K) V {
	v, _ := m.Get2(k)
	return v
}

// Get2 is m[k] with its second value.
func (m MapOps[K, V]) Get2(k K) (v V, ok bool) {
	c, w := m.begin(&k)
	r := c.op(wire.MapGet, w)
	if ok = r.Bool(); ok {
		wire.Read(c, &r, noescape(unsafe.Pointer(&v)), m.t.parts[1].program)
	}
	return v, ok
}

// Set is m[k] = v.
func (m MapOps[K, V]) Set(k K, v V) {
	if leak {
		leaked = any(v)
	}
	c, w := m.begin(&k)
	wire.Write(c, w, noescape(unsafe.Pointer(&v)), m.t.parts[1].program)
	c.op(wire.MapSet, w)
}

// Delete is delete(m, k).
func (m MapOps[K, V]) Delete(k K) {
	c, w := m.begin(&k)
	c.op(wire.MapDelete, w)
}

// MapLen is len(m).
func MapLen[M ~map[K]V, K comparable, V any](m M) int {
	if m == nil {
		return 0
	}
	c, w := Map(m).begun()
	r := c.op(wire.MapLen, w)
	return int(r.U64())
}

// MapClear is clear(m).
func MapClear[M ~map[K]V, K comparable, V any](m M) {
	c, w := Map(m).begun()
	c.op(wire.MapClear, w)
}

// MakeMap is make(map[K]V, n).
func MakeMap[M ~map[K]V, K comparable, V any](n int) M { return newMap[M](n, nil) }

// AdoptMap moves a map that only this expression has seen to home.
func AdoptMap[M ~map[K]V, K comparable, V any](m M) M { return newMap(len(m), m) }

func newMap[M ~map[K]V, K comparable, V any](n int, from M) M {
	c := current()
	t := c.told(typeFor[M]())
	w := c.begin()
	w.U32(t.code)
	w.U64(uint64(max(n, 0)))
	w.U32(uint32(len(from)))
	for k, v := range from {
		if leak {
			leaked = any(v)
		}
		wire.Write(c, w, noescape(unsafe.Pointer(&k)), t.parts[0].program)
		wire.Write(c, w, noescape(unsafe.Pointer(&v)), t.parts[1].program)
	}
	r := c.op(wire.MakeMap, w)
	p := reference(r.U64())
	return *(*M)(unsafe.Pointer(&p))
}

// MapIter is a range over a map.
type MapIter[K comparable, V any] struct {
	m      MapOps[K, V]
	number uint32
	begun  bool
	key    K
	value  V
}

// MapRange begins a range.
func MapRange[M ~map[K]V, K comparable, V any](m M) *MapIter[K, V] { return &MapIter[K, V]{m: Map(m)} }

// Next goes on to the next entry.
func (i *MapIter[K, V]) Next() bool {
	if i.m.word == nil {
		return false
	}
	if !i.begun {
		c, w := i.m.begun()
		r := c.op(wire.MapIterate, w)
		i.number, i.begun = r.U32(), true
	}
	c := current()
	w := c.begin()
	w.U32(i.number)
	r := c.op(wire.MapNext, w)
	if !r.Bool() {
		return false
	}
	var k K
	var v V
	wire.Read(c, &r, unsafe.Pointer(&k), i.m.t.parts[0].program)
	wire.Read(c, &r, unsafe.Pointer(&v), i.m.t.parts[1].program)
	i.key, i.value = k, v
	return true
}

// Key is the entry's key.
func (i *MapIter[K, V]) Key() K { return i.key }

// Value is the entry's value.
func (i *MapIter[K, V]) Value() V { return i.value }

// MakeChan is make(chan T, n).
func MakeChan[C any](n int) C {
	if n < 0 {
		_ = make(chan struct{}, n) // the runtime's own panic
	}
	c := current()
	code := c.told(typeFor[C]()).code
	w := c.begin()
	w.U32(code)
	w.U64(uint64(n))
	r := c.op(wire.MakeChan, w)
	p := reference(r.U64())
	return *(*C)(unsafe.Pointer(&p))
}

func channelOp(t *typ, word unsafe.Pointer) (*context, *wire.Writer) {
	c := current()
	code := c.told(t).code
	w := c.begin()
	w.U32(code)
	w.U64(homeAddress(word))
	return c, w
}

// Case is one of a select.
type Case interface {
	write(c *context, w *wire.Writer)
}

// Sending is a channel that is sent to.
type Sending[T any] struct {
	c chan<- T
	v T
}

// Sender takes hold of a channel to send to.
func Sender[T any](c chan<- T) *Sending[T] { return &Sending[T]{c: c} }

func word[C any](c *C) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(c)) }

// Send is c <- v.
func (s *Sending[T]) Send(v T) {
	if leak {
		leaked = any(v)
	}
	t := typeFor[chan T]()
	c, w := channelOp(t, word(&s.c))
	wire.Write(c, w, noescape(unsafe.Pointer(&v)), t.parts[0].program)
	c.op(wire.ChanSend, w)
}

// Case is case c <- v.
func (s *Sending[T]) Case(v T) *Sending[T] {
	if leak {
		leaked = any(v)
	}
	s.v = v
	return s
}

func (s *Sending[T]) write(c *context, w *wire.Writer) {
	t := typeFor[chan T]()
	w.U8(wire.CaseSend)
	w.U32(t.code)
	w.U64(homeAddress(word(&s.c)))
	wire.Write(c, w, unsafe.Pointer(&s.v), t.parts[0].program)
}

// Receiving is a channel that is received from.
type Receiving[T any] struct {
	c  <-chan T
	v  T
	ok bool
}

// Receiver is case <-c.
func Receiver[T any](c <-chan T) *Receiving[T] { return &Receiving[T]{c: c} }

// Value is what was received.
func (s *Receiving[T]) Value() T { return s.v }

// Value2 is what was received and whether the channel was open.
func (s *Receiving[T]) Value2() (T, bool) { return s.v, s.ok }

func (s *Receiving[T]) write(_ *context, w *wire.Writer) {
	w.U8(wire.CaseReceive)
	w.U32(typeFor[chan T]().code)
	w.U64(homeAddress(word(&s.c)))
}

func (s *Receiving[T]) received(c *context, r *wire.Reader, ok bool) {
	var v T
	if ok {
		wire.Read(c, r, unsafe.Pointer(&v), typeFor[T]().program)
	}
	s.v, s.ok = v, ok
}

func (s *Receiving[T]) tell(c *context) { c.told(typeFor[chan T]()) }
func (s *Sending[T]) tell(c *context)   { c.told(typeFor[chan T]()) }

// Recv is <-c.
func Recv[T any](c <-chan T) T {
	v, _ := Recv2(c)
	return v
}

// Recv2 is <-c with its second value.
func Recv2[T any](from <-chan T) (v T, ok bool) {
	t := typeFor[chan T]()
	c, w := channelOp(t, word(&from))
	r := c.op(wire.ChanRecv, w)
	if ok = r.Bool(); ok {
		wire.Read(c, &r, noescape(unsafe.Pointer(&v)), t.parts[0].program)
	}
	return v, ok
}

// Close is close(c).
func Close[T any](ch chan<- T) {
	c, w := channelOp(typeFor[chan T](), word(&ch))
	c.op(wire.ChanClose, w)
}

func channelNumber(kind uint16, t *typ, p unsafe.Pointer) int {
	if p == nil {
		return 0
	}
	c, w := channelOp(t, p)
	r := c.op(kind, w)
	return int(r.U64())
}

// ChanLen is len(c).
func ChanLen[T any](c <-chan T) int { return channelNumber(wire.ChanLen, typeFor[chan T](), word(&c)) }

// ChanCap is cap(c).
func ChanCap[T any](c <-chan T) int { return channelNumber(wire.ChanCap, typeFor[chan T](), word(&c)) }

// ChanLenOfSender is len(c) of a channel that can only be sent to.
func ChanLenOfSender[T any](c chan<- T) int {
	return channelNumber(wire.ChanLen, typeFor[chan T](), word(&c))
}

// ChanCapOfSender is cap(c) of a channel that can only be sent to.
func ChanCapOfSender[T any](c chan<- T) int {
	return channelNumber(wire.ChanCap, typeFor[chan T](), word(&c))
}

// Select is a select statement; it gives the number of the chosen case, -1 for default.
func Select(hasDefault bool, cases ...Case) int {
	c := current()
	for _, one := range cases {
		one.(interface{ tell(*context) }).tell(c)
	}
	w := c.begin()
	w.Bool(hasDefault)
	w.U32(uint32(len(cases)))
	for _, one := range cases {
		one.write(c, w)
	}
	r := c.op(wire.Select, w)
	chosen, ok := int(int32(r.U32())), r.Bool()
	if chosen >= 0 && chosen < len(cases) {
		if receiving, is := cases[chosen].(interface {
			received(*context, *wire.Reader, bool)
		}); is {
			receiving.received(c, &r, ok)
		}
	}
	return chosen
}

// Block is select {}.
func Block() { Select(false) }

var _ = reflect.TypeFor[int]
