package worker

import (
	"reflect"
	"unsafe"

	"fireagent/wire"
)

// Load reads *p.
func Load[T any](p *T) (v T) {
	if !isHome(unsafe.Pointer(p)) {
		if isNil(unsafe.Pointer(p)) {
			nilDereference()
		}
		return *p
	}
	c, t, address := current(), typeFor[T](), homeAddress(unsafe.Pointer(p))
	if t.scalar || t.size > mostHeld || c.cache.off {
		c.load(t, address, noescape(unsafe.Pointer(&v)))
		return v
	}
	if kept := c.cache.recall(address, t); kept != nil {
		return *(*T)(kept)
	}
	c.load(t, address, noescape(unsafe.Pointer(&v)))
	if c.cache.view {
		return v // it changes with bytes that the body may write
	}
	if t.pointer {
		c.cache.remember(address, t, *(*unsafe.Pointer)(noescape(unsafe.Pointer(&v))))
	} else {
		kept := new(T)
		*kept = v
		c.cache.remember(address, t, unsafe.Pointer(kept))
	}
	return v
}

// Reference is a place that values are read from and written to.
type Reference[T any] struct{ p *T }

// Ref is the place that p points to.
func Ref[T any](p *T) Reference[T] { return Reference[T]{p} }

// Get reads.
func (r Reference[T]) Get() T { return Load(r.p) }

// Set writes.
func (r Reference[T]) Set(v T) {
	if !isHome(unsafe.Pointer(r.p)) {
		if isNil(unsafe.Pointer(r.p)) {
			nilDereference()
		}
		*r.p = v
		return
	}
	if leak {
		leaked = any(v)
	}
	c, t, address := current(), typeFor[T](), homeAddress(unsafe.Pointer(r.p))
	c.store(t, address, noescape(unsafe.Pointer(&v)))
	if t.scalar || !t.kept || c.cache.off {
		return
	}
	if t.pointer {
		c.cache.remember(address, t, *(*unsafe.Pointer)(noescape(unsafe.Pointer(&v))))
	} else if t.program[0].Kind != wire.Slice || isHome((*sliceHeader)(noescape(unsafe.Pointer(&v))).data) {
		kept := new(T)
		*kept = v
		c.cache.remember(address, t, unsafe.Pointer(kept))
	}
}

func (c *context) store(t *typ, address uint64, v unsafe.Pointer) {
	if t.scalar && c.write(address, t.size, v) || c.writeTyped(t, address, v) {
		return
	}
	w := c.begin()
	w.U32(c.told(t).code)
	w.U64(address)
	wire.Write(c, w, v, t.program)
	c.op(wire.Store, w)
}

// New makes a variable at home with a value.
func New[T any](v T) *T {
	if leak {
		leaked = any(v)
	}
	return (*T)(current().allocate(typeFor[T](), noescape(unsafe.Pointer(&v))))
}

// Box is New, its type inferred.
func Box[T any](v T) *T { return New[T](v) }

func (c *context) allocate(t *typ, v unsafe.Pointer) unsafe.Pointer {
	w := c.begin()
	w.U32(c.told(t).code)
	wire.Write(c, w, v, t.program)
	r := c.op(wire.New, w)
	return c.made(r.U64(), t.size)
}

// made is memory that home has just made: whatever lay there before is forgotten.
func (c *context) made(address uint64, size uintptr) unsafe.Pointer {
	c.cache.changed(address, size)
	return reference(address)
}

// madeSlice is made for the memory of a slice.
func (c *context) madeSlice(r *wire.Reader, element uintptr) sliceHeader {
	h := c.header(r)
	c.changedElements(h.data, 0, h.cap, element)
	return h
}

// Zero makes a variable at home.
func Zero[T any]() *T {
	c := current()
	t := c.told(typeFor[T]())
	w := c.begin()
	w.U32(t.code)
	r := c.op(wire.Zero, w)
	return (*T)(c.made(r.U64(), t.size))
}

// NonNil is p, which Go would dereference here.
func NonNil[T any](p *T) *T {
	if isNil(unsafe.Pointer(p)) {
		nilDereference()
	}
	return p
}

// Keep is v, its type given.
func Keep[T any](v T) T { return v }

// Size is a length or capacity given to make.
func Size[T ~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~uintptr](n T) int {
	if n < 0 || uint64(n) > 1<<62 {
		return -1
	}
	return int(n)
}

func (c *context) header(r *wire.Reader) sliceHeader {
	var h sliceHeader
	readHeader(r, noescape(unsafe.Pointer(&h)))
	return h
}

func toSlice[S ~[]E, E any](h sliceHeader) S { return *(*S)(unsafe.Pointer(&h)) }

// sliceOp begins an operation on a slice type.
func sliceOp(t *typ) (*context, *wire.Writer) {
	c := current()
	code := c.told(t).code
	w := c.begin()
	w.U32(code)
	return c, w
}

// MakeSlice is make([]E, n).
func MakeSlice[S ~[]E, E any](n int) S { return MakeSliceCap[S](n, n) }

// MakeSliceCap is make([]E, n, c).
func MakeSliceCap[S ~[]E, E any](n, capacity int) S {
	if n < 0 || capacity < n {
		_ = make([]struct{}, n, max(capacity, n)) // the runtime's own panic for a bad length
		_ = make([]struct{}, n, capacity)
	}
	t := typeFor[S]()
	c, w := sliceOp(t)
	w.U64(uint64(n))
	w.U64(uint64(capacity))
	r := c.op(wire.MakeSlice, w)
	return toSlice[S](c.madeSlice(&r, t.parts[0].size))
}

// Adopt moves a slice that only this expression has seen to home.
func Adopt[S ~[]E, E any](s S) S {
	h := (*sliceHeader)(unsafe.Pointer(&s))
	if s == nil || isHome(h.data) {
		return s
	}
	if leak {
		leaked = any(s[0])
	}
	t := typeFor[S]()
	c, w := sliceOp(t)
	c.writeElements(w, (*sliceHeader)(noescape(unsafe.Pointer(&s))), t)
	r := c.op(wire.SliceOf, w)
	return toSlice[S](c.madeSlice(&r, t.parts[0].size))
}

// SliceOps is append, its slice evaluated.
type SliceOps[S ~[]E, E any] struct{ s S }

// Slice begins an append.
func Slice[S ~[]E, E any](s S) SliceOps[S, E] { return SliceOps[S, E]{s} }

// Append is append(s, more...).
func (o SliceOps[S, E]) Append(more ...E) S {
	if len(more) == 0 {
		return o.s
	}
	if leak {
		leaked = any(more[0])
	}
	t := typeFor[S]()
	if grown, ok := current().extend(t, (*sliceHeader)(noescape(unsafe.Pointer(&o.s))), (*sliceHeader)(noescape(unsafe.Pointer(&more)))); ok {
		return toSlice[S](grown)
	}
	c, w := sliceOp(t)
	c.WriteSlice(w, noescape(unsafe.Pointer(&o.s)), t.code)
	c.writeElements(w, (*sliceHeader)(noescape(unsafe.Pointer(&more))), t)
	r := c.op(wire.Append, w)
	return toSlice[S](c.appended(&r, (*sliceHeader)(noescape(unsafe.Pointer(&o.s))), t.parts[0].size))
}

// AppendSlice is append(s, more...) with a slice.
func AppendSlice[S ~[]E, E any](s S, more []E) S {
	if leak {
		leaked = any(more[0])
	}
	t := typeFor[S]()
	c, w := sliceOp(t)
	c.WriteSlice(w, noescape(unsafe.Pointer(&s)), t.code)
	c.WriteSlice(w, noescape(unsafe.Pointer(&more)), t.code)
	r := c.op(wire.AppendSlice, w)
	return toSlice[S](c.appended(&r, (*sliceHeader)(noescape(unsafe.Pointer(&s))), t.parts[0].size))
}

// appended is the slice that home has appended to another: its elements are new, or all of its memory is.
func (c *context) appended(r *wire.Reader, before *sliceHeader, element uintptr) sliceHeader {
	h := c.header(r)
	from, to := 0, h.cap
	if h.data == before.data {
		from, to = before.len, h.len
	}
	c.changedElements(h.data, from, to, element)
	return h
}

// changedElements forgets what is known of some elements of a slice, which home has made or changed.
func (c *context) changedElements(data unsafe.Pointer, from, to int, element uintptr) {
	c.cache.changed(homeAddress(data)+uint64(from)*uint64(element), uintptr(to-from)*element)
}

// extend appends elements of the worker's own in the capacity that a slice at home has. Not ok: home must append.
func (c *context) extend(t *typ, s, more *sliceHeader) (grown sliceHeader, ok bool) {
	element := t.parts[0]
	if c.cache.off || isHome(more.data) || s.len+more.len > s.cap || more.len > mostExtended {
		return grown, false
	}
	address := homeAddress(s.data) + uint64(s.len)*uint64(element.size)
	for i := range more.len {
		offset := uintptr(i) * element.size
		c.store(element, address+uint64(offset), unsafe.Add(more.data, offset))
	}
	return sliceHeader{s.data, s.len + more.len, s.cap}, true
}

// mostExtended is how many elements are appended one by one. Home does better with more.
const mostExtended = 64

// AppendString is append(s, text...).
func AppendString[S ~[]E, E ~byte](s S, text string) S {
	if text == "" {
		return s
	}
	t := typeFor[S]()
	own := sliceHeader{unsafe.Pointer(unsafe.StringData(text)), len(text), len(text)}
	if grown, ok := current().extend(t, (*sliceHeader)(noescape(unsafe.Pointer(&s))), &own); ok {
		return toSlice[S](grown)
	}
	c, w := sliceOp(t)
	c.WriteSlice(w, noescape(unsafe.Pointer(&s)), t.code)
	w.Text(text)
	r := c.op(wire.AppendString, w)
	return toSlice[S](c.appended(&r, (*sliceHeader)(noescape(unsafe.Pointer(&s))), 1))
}

// Copy is copy(to, from).
func Copy[E any, T ~[]E, F ~[]E](to T, from F) int {
	t := typeFor[[]E]()
	c, w := sliceOp(t)
	c.WriteSlice(w, noescape(unsafe.Pointer(&to)), t.code)
	c.WriteSlice(w, noescape(unsafe.Pointer(&from)), t.code)
	r := c.op(wire.Copy, w)
	n := int(r.U64())
	c.changedElements(unsafe.Pointer(unsafe.SliceData(to)), 0, n, t.parts[0].size)
	return n
}

// CopyString is copy(to, text).
func CopyString[S ~[]E, E ~byte](to S, text string) int {
	t := typeFor[S]()
	c, w := sliceOp(t)
	c.WriteSlice(w, noescape(unsafe.Pointer(&to)), t.code)
	w.Text(text)
	r := c.op(wire.CopyString, w)
	n := int(r.U64())
	c.changedElements(unsafe.Pointer(unsafe.SliceData(to)), 0, n, 1)
	return n
}

// ClearSlice is clear(s).
func ClearSlice[S ~[]E, E any](s S) {
	t := typeFor[S]()
	c, w := sliceOp(t)
	c.WriteSlice(w, noescape(unsafe.Pointer(&s)), t.code)
	c.op(wire.ClearSlice, w)
	c.changedElements(unsafe.Pointer(unsafe.SliceData(s)), 0, len(s), t.parts[0].size)
}

// Elements is what a range over a slice needs: the slice as it is now, the first index, the number of elements.
func Elements[S ~[]E, E any](s S) (S, int, int) { return s, 0, len(s) }

// String is string(b).
func String[S ~[]E, E ~byte](b S) string {
	if len(b) == 0 {
		return ""
	}
	if h := (*sliceHeader)(unsafe.Pointer(&b)); !isHome(h.data) {
		return string(*(*[]byte)(unsafe.Pointer(&b)))
	}
	c := current()
	w := c.begin()
	c.WriteSlice(w, noescape(unsafe.Pointer(&b)), 0)
	r := c.op(wire.String, w)
	return r.Text()
}

// StringOfRunes is string(b) for runes.
func StringOfRunes[S ~[]E, E ~rune](b S) string {
	if len(b) == 0 {
		return ""
	}
	c := current()
	w := c.begin()
	c.WriteSlice(w, noescape(unsafe.Pointer(&b)), 0)
	r := c.op(wire.StringOfRunes, w)
	return r.Text()
}

// Bytes is []byte(s).
func Bytes(s string) []byte { return toSlice[[]byte](textOp(wire.Bytes, s)) }

// Runes is []rune(s).
func Runes(s string) []rune { return toSlice[[]rune](textOp(wire.Runes, s)) }

func textOp(kind uint16, s string) sliceHeader {
	c := current()
	w := c.begin()
	w.Text(s)
	r := c.op(kind, w)
	size := uintptr(1)
	if kind == wire.Runes {
		size = 4
	}
	return c.madeSlice(&r, size)
}

// typeText is how home prints the type of a value.
func typeText(v any) string {
	if _, ok := v.(proxied); !ok {
		return shown(reflect.TypeOf(v).String())
	}
	c := current()
	w := c.begin()
	c.writeValue(w, v)
	r := c.op(wire.TypeName, w)
	return r.Text()
}
