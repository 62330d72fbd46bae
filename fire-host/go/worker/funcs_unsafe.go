package worker

import (
	"reflect"
	"sync"
	"unsafe"

	"fireagent/wire"
)

// closures are the function values of this process that home can call.
var closures = closureTable{byID: map[uint64]closure{}}

type closureTable struct {
	sync.Mutex
	byID map[uint64]closure
	next uint64
}

type closure struct {
	t    *typ
	word unsafe.Pointer
}

func (t *closureTable) add(as *typ, word unsafe.Pointer) uint64 {
	t.Lock()
	defer t.Unlock()
	t.next++
	t.byID[t.next] = closure{as, word}
	return t.next
}

func (t *closureTable) get(id uint64) closure {
	t.Lock()
	defer t.Unlock()
	c, ok := t.byID[id]
	if !ok {
		panic(internal("a call of a function value that is gone"))
	}
	return c
}

func (t *closureTable) word(id uint64) unsafe.Pointer { return t.get(id).word }

func (t *closureTable) drop(id uint64) {
	t.Lock()
	defer t.Unlock()
	delete(t.byID, id)
}

// named are the declared functions of this process's program that home has its own of, by their words; valued are the same by
// their names.
var (
	named  = map[unsafe.Pointer]string{}
	valued = map[string]reflect.Value{}
)

// FunctionValue enters such a function. Called by generated code, before anything is served.
func FunctionValue[F any](id string, f F) {
	named[*(*unsafe.Pointer)(unsafe.Pointer(&f))] = id
	valued[id] = reflect.ValueOf(f)
}

// Local reports whether calls of a function value run in this process: only then is a function that calls it again and again
// better run here. Called by generated code.
func Local[F any](f F) bool {
	word := *(*unsafe.Pointer)(unsafe.Pointer(&f))
	if _, home := homeFuncs.originOf(word); home {
		return false
	}
	id, ok := named[word]
	return !ok || functions.here(id)
}

// homeFuncs are the local function values that stand for home's: one for each, so that a value handed back is the
// original.
var homeFuncs = homeFuncTable{byWord: map[homeFunc]reflect.Value{}, origin: map[unsafe.Pointer]homeOrigin{}}

type homeFunc struct {
	code uint32
	word uint64
}

type homeFuncTable struct {
	sync.Mutex
	byWord map[homeFunc]reflect.Value
	origin map[unsafe.Pointer]homeOrigin
}

// homeOrigin is what a local function value stands for.
type homeOrigin struct {
	t    *typ
	word uint64
}

func (h *homeFuncTable) originOf(local unsafe.Pointer) (homeOrigin, bool) {
	h.Lock()
	defer h.Unlock()
	origin, ok := h.origin[local]
	return origin, ok
}

// known finds what was made for a word before.
func (h *homeFuncTable) known(t *typ, word uint64) (f reflect.Value, ok bool) {
	h.Lock()
	defer h.Unlock()
	f, ok = h.byWord[homeFunc{t.code, word}]
	return f, ok
}

// function is the local function value for a word. A declared function that this worker serves stands for itself, so that its
// calls need not go home.
func (h *homeFuncTable) function(c *context, t *typ, word uint64) reflect.Value {
	var w wire.Writer
	w.U64(word)
	r := c.roundTrip(wire.FunctionName, w.B)
	id := r.Text()
	own, ok := valued[id]
	ok = ok && functions.here(id)
	h.Lock()
	defer h.Unlock()
	if f, ok := h.byWord[homeFunc{t.code, word}]; ok {
		return f
	}
	if ok && own.Type().ConvertibleTo(t.rtype) {
		f := own.Convert(t.rtype)
		h.byWord[homeFunc{t.code, word}] = f
		return f
	}
	f := reflect.MakeFunc(t.rtype, func(in []reflect.Value) []reflect.Value { return callHomeFunc(t, word, in, nil) })
	p := reflect.New(t.rtype)
	p.Elem().Set(f)
	h.byWord[homeFunc{t.code, word}] = f
	h.origin[*(*unsafe.Pointer)(p.UnsafePointer())] = homeOrigin{t, word}
	return f
}

// callHomeFunc calls a function value of home's; raised: with a panic of this value, which comes back unless the function recovers.
func callHomeFunc(t *typ, word uint64, in []reflect.Value, raised any) []reflect.Value {
	c := current()
	kind, code := wire.CallFunc, c.told(t).code
	w := c.begin()
	if raised != nil {
		kind = wire.CallDeferred
		c.writeValue(w, sendable(raised))
	}
	w.U32(code)
	w.U64(word)
	for i, v := range in {
		p := reflect.New(v.Type())
		p.Elem().Set(v)
		wire.Write(c, w, p.UnsafePointer(), t.parts[i].program)
	}
	r := c.op(kind, w)
	out := make([]reflect.Value, t.rtype.NumOut())
	for i := range out {
		p := reflect.New(t.rtype.Out(i))
		if kind == wire.CallDeferred {
			out[i] = p.Elem() // nobody reads it
			continue
		}
		wire.Read(c, &r, p.UnsafePointer(), t.parts[len(in)+i].program)
		out[i] = p.Elem()
	}
	return out
}

// Deferrable is a function value as it is to be deferred. One of home's can recover only if the panic is at home when it is called: it
// is recovered for here, and home raises the panic again with the function deferred there. Called by generated code.
func Deferrable[F any](f F) F {
	origin, ok := homeFuncs.originOf(*(*unsafe.Pointer)(unsafe.Pointer(&f)))
	if !ok {
		return f
	}
	deferred := reflect.New(reflect.TypeFor[F]())
	deferred.Elem().Set(reflect.MakeFunc(deferred.Type().Elem(), func(in []reflect.Value) []reflect.Value {
		return callHomeFunc(origin.t, origin.word, in, recover()) // works here: to recover, what reflection calls is called by the panic
	}))
	return *(*F)(deferred.UnsafePointer())
}
