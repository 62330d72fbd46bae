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
	current().load(typeFor[T](), homeAddress(unsafe.Pointer(p)), noescape(unsafe.Pointer(&v)))
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
	current().store(typeFor[T](), homeAddress(unsafe.Pointer(r.p)), noescape(unsafe.Pointer(&v)))
}

func (c *context) store(t *typ, address uint64, v unsafe.Pointer) {
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
	return reference(r.U64())
}

// Zero makes a variable at home.
func Zero[T any]() *T {
	c := current()
	w := c.begin()
	w.U32(c.told(typeFor[T]()).code)
	r := c.op(wire.Zero, w)
	return (*T)(reference(r.U64()))
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
	c.ReadSlice(r, noescape(unsafe.Pointer(&h)), 0)
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
	c, w := sliceOp(typeFor[S]())
	w.U64(uint64(n))
	w.U64(uint64(capacity))
	r := c.op(wire.MakeSlice, w)
	return toSlice[S](c.header(&r))
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
	return toSlice[S](c.header(&r))
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
	c, w := sliceOp(t)
	c.WriteSlice(w, noescape(unsafe.Pointer(&o.s)), t.code)
	c.writeElements(w, (*sliceHeader)(noescape(unsafe.Pointer(&more))), t)
	r := c.op(wire.Append, w)
	return toSlice[S](c.header(&r))
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
	return toSlice[S](c.header(&r))
}

// AppendString is append(s, text...).
func AppendString[S ~[]E, E ~byte](s S, text string) S {
	t := typeFor[S]()
	c, w := sliceOp(t)
	c.WriteSlice(w, noescape(unsafe.Pointer(&s)), t.code)
	w.Text(text)
	r := c.op(wire.AppendString, w)
	return toSlice[S](c.header(&r))
}

// Copy is copy(to, from).
func Copy[E any, T ~[]E, F ~[]E](to T, from F) int {
	t := typeFor[[]E]()
	c, w := sliceOp(t)
	c.WriteSlice(w, noescape(unsafe.Pointer(&to)), t.code)
	c.WriteSlice(w, noescape(unsafe.Pointer(&from)), t.code)
	r := c.op(wire.Copy, w)
	return int(r.U64())
}

// CopyString is copy(to, text).
func CopyString[S ~[]E, E ~byte](to S, text string) int {
	t := typeFor[S]()
	c, w := sliceOp(t)
	c.WriteSlice(w, noescape(unsafe.Pointer(&to)), t.code)
	w.Text(text)
	r := c.op(wire.CopyString, w)
	return int(r.U64())
}

// ClearSlice is clear(s).
func ClearSlice[S ~[]E, E any](s S) {
	t := typeFor[S]()
	c, w := sliceOp(t)
	c.WriteSlice(w, noescape(unsafe.Pointer(&s)), t.code)
	c.op(wire.ClearSlice, w)
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
	return c.header(&r)
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
