package worker

import (
	"reflect"
	"unsafe"

	"fireagent/wire"
)

// WritePointer sends a pointer. The worker has no memory that home could point to.
func (c *context) WritePointer(w *wire.Writer, p unsafe.Pointer, _ uint32) {
	if p != nil && !isHome(p) && !isNil(p) {
		panic(internal("a pointer to the worker's own memory would leave it"))
	}
	w.U64(homeAddress(p))
}

// ReadPointer makes the reference of a home address.
func (c *context) ReadPointer(word uint64, _ uint32) unsafe.Pointer { return reference(word) }

// WriteSlice sends a header, or the elements of a slice that only this call has seen: it is born at home.
func (c *context) WriteSlice(w *wire.Writer, p unsafe.Pointer, code uint32) {
	h := (*sliceHeader)(p)
	if h.data == nil || isHome(h.data) {
		w.U8(0)
		w.U64(homeAddress(h.data))
		w.U64(uint64(h.len))
		w.U64(uint64(h.cap))
		return
	}
	w.U8(1)
	c.cache.bore = true
	c.writeElements(w, h, typeByCode(code))
}

func (c *context) writeElements(w *wire.Writer, h *sliceHeader, t *typ) {
	element := t.parts[0]
	size := element.rtype.Size()
	w.U32(uint32(h.len))
	for i := range h.len {
		wire.Write(c, w, unsafe.Add(h.data, uintptr(i)*size), element.program)
	}
}

// ReadSlice takes a header.
func (c *context) ReadSlice(r *wire.Reader, p unsafe.Pointer, code uint32) {
	if c.cache.texts && typeByCode(code).parts[0].size == 1 {
		c.cache.forgetTexts() // one may be a view of these bytes
	}
	readHeader(r, p)
}

func readHeader(r *wire.Reader, p unsafe.Pointer) {
	if r.U8() != 0 {
		panic(wire.Malformed("elements where a header belongs"))
	}
	*(*sliceHeader)(p) = sliceHeader{reference(r.U64()), int(r.U64()), int(r.U64())}
}

// proxied is implemented by Proxy and by all types that embed it.
type proxied interface{ fireProxy() Proxy }

// Proxy stands for a value of a type that only home knows.
type Proxy struct {
	key    uint32
	direct bool
	word   uint64
	local  any // not nil: a value of a known type whose methods must be called at home
}

func (p Proxy) fireProxy() Proxy { return p }

// WriteInterface encodes an interface value.
func (c *context) WriteInterface(w *wire.Writer, p unsafe.Pointer, code uint32) {
	t := typeByCode(code)
	var value any
	if t.any {
		value = *(*any)(p)
	} else {
		value = reflect.NewAt(t.rtype, p).Elem().Interface()
	}
	c.writeValue(w, value)
}

func (c *context) writeValue(w *wire.Writer, value any) {
	if value == nil {
		w.U8(wire.InterfaceNil)
		return
	}
	if p, ok := value.(proxied); ok {
		proxy := p.fireProxy()
		if proxy.local != nil {
			c.writeValue(w, proxy.local)
			return
		}
		w.U8(wire.InterfaceProxy)
		w.U32(proxy.key)
		w.Bool(proxy.direct)
		w.U64(proxy.word)
		return
	}
	if text, ok := runtimeErrorText(value); ok {
		w.U8(wire.InterfaceRuntime)
		w.Text(text)
		return
	}
	t := c.told(typeOf(reflect.TypeOf(value)))
	w.U8(wire.InterfaceKnown)
	w.U32(t.code)
	data := wire.DataWord(&value)
	if t.direct {
		wire.Write(c, w, unsafe.Pointer(&data), t.program)
	} else {
		wire.Write(c, w, data, t.program)
	}
}

// ReadInterface decodes an interface value into memory of its static type.
func (c *context) ReadInterface(r *wire.Reader, p unsafe.Pointer, code uint32) {
	t := typeByCode(code)
	value := c.readValue(r, t.rtype)
	if t.any {
		*(*any)(p) = value
		return
	}
	into := reflect.NewAt(t.rtype, p).Elem()
	if value == nil {
		into.SetZero()
		return
	}
	into.Set(reflect.ValueOf(value))
}

// readValue decodes an interface value of a static type.
func (c *context) readValue(r *wire.Reader, static reflect.Type) any {
	switch kind := r.U8(); kind {
	case wire.InterfaceNil:
		return nil
	case wire.InterfaceKnown:
		t := typeByCode(r.U32())
		v := reflect.New(t.rtype)
		wire.Read(c, r, v.UnsafePointer(), t.program)
		return v.Elem().Interface()
	case wire.InterfaceProxy, wire.InterfaceNamed:
		key := r.U32()
		name := ""
		if kind == wire.InterfaceNamed {
			name = r.Text()
		}
		direct, word := r.Bool(), r.U64()
		if kind == wire.InterfaceNamed {
			r.B = append([]byte(nil), r.B...) // what follows uses the lane
			if t := wire.Parse(names{}, name); t != nil {
				return c.bind(key, t, direct, word)
			}
			c.bindType(key, wire.NoType)
		}
		return wrap(Proxy{key: key, direct: direct, word: word}, static)
	}
	panic(wire.Malformed("an unknown kind of interface value"))
}

// bind tells home that a type that it named is known here, and fetches the value.
func (c *context) bind(key uint32, rtype reflect.Type, direct bool, word uint64) any {
	t := c.told(typeOf(rtype))
	c.bindType(key, t.code)
	v := reflect.New(rtype)
	if direct {
		var w wire.Writer
		w.U64(word)
		if t.program[0].Kind == wire.Func {
			w.B = append([]byte{wire.FuncHome}, w.B...)
		}
		wire.Read(c, &wire.Reader{B: w.B}, v.UnsafePointer(), t.program)
	} else {
		// Home makes this memory when an interface is stored, within lines that the call may know from before.
		c.loadAnew(t, word, v.UnsafePointer())
	}
	return v.Elem().Interface()
}

func (c *context) bindType(key, code uint32) {
	var w wire.Writer
	w.U32(key)
	w.U32(code)
	c.roundTrip(wire.BindType, w.B)
}

// wrap makes the stand-in that has the methods of an interface type.
func wrap(p Proxy, static reflect.Type) any {
	if static.NumMethod() == 0 {
		return p
	}
	f := proxyFor(static)
	if f == nil {
		panic(internal("no stand-in for interface type " + static.String()))
	}
	return f(p)
}

// load reads a value at a home address.
func (c *context) load(t *typ, address uint64, into unsafe.Pointer) {
	if t.scalar && c.read(address, t.size, into) {
		return
	}
	c.loadAnew(t, address, into)
}

// loadAnew is load past what the call remembers.
func (c *context) loadAnew(t *typ, address uint64, into unsafe.Pointer) {
	if t.text {
		c.cache.commit() // a string may be a view of bytes that the body wrote
	} else {
		c.cache.settle(address, t.size)
	}
	w := c.begin()
	w.U32(c.told(t).code)
	w.U64(address)
	r := c.op(wire.Load, w)
	wire.Read(c, &r, into, t.program)
	c.cache.view = t.text && r.Bool()
}

// WriteFunc sends a function value: home's own by its word, the worker's by an id.
func (c *context) WriteFunc(w *wire.Writer, p unsafe.Pointer, code uint32) {
	word := *(*unsafe.Pointer)(p)
	if word == nil {
		w.U8(wire.FuncNil)
		return
	}
	if home, ok := homeFuncs.originOf(word); ok {
		w.U8(wire.FuncHome)
		w.U64(home.word)
		return
	}
	if id, ok := named[word]; ok {
		w.U8(wire.FuncNamed)
		w.Text(id)
		return
	}
	w.U8(wire.FuncClosure)
	w.U64(closures.add(typeByCode(code), word))
}

// ReadFunc takes a function value.
func (c *context) ReadFunc(r *wire.Reader, p unsafe.Pointer, code uint32) {
	switch r.U8() {
	case wire.FuncNil:
		*(*unsafe.Pointer)(p) = nil
	case wire.FuncHome:
		t, word := typeByCode(code), r.U64()
		f, ok := homeFuncs.known(t, word)
		if !ok {
			r.B = append([]byte(nil), r.B...) // what follows uses the lane
			f = homeFuncs.function(c, t, word)
		}
		reflect.NewAt(t.rtype, p).Elem().Set(f)
	case wire.FuncClosure:
		*(*unsafe.Pointer)(p) = closures.word(r.U64())
	default:
		panic(wire.Malformed("an unknown kind of function value"))
	}
}
