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

// named are the declared functions that hosted code uses as values, by their words: home has its own for them.
var named = map[unsafe.Pointer]string{}

// FunctionValue enters such a function. Called by generated code, before anything is served.
func FunctionValue[F any](id string, f F) { named[*(*unsafe.Pointer)(unsafe.Pointer(&f))] = id }

// homeFuncs are the local function values that stand for home's: one for each, so that a value handed back is the
// original.
var homeFuncs = homeFuncTable{byWord: map[homeFunc]reflect.Value{}, words: map[unsafe.Pointer]uint64{}}

type homeFunc struct {
	code uint32
	word uint64
}

type homeFuncTable struct {
	sync.Mutex
	byWord map[homeFunc]reflect.Value
	words  map[unsafe.Pointer]uint64
}

func (h *homeFuncTable) wordOf(local unsafe.Pointer) (uint64, bool) {
	h.Lock()
	defer h.Unlock()
	word, ok := h.words[local]
	return word, ok
}

func (h *homeFuncTable) function(t *typ, word uint64) reflect.Value {
	h.Lock()
	defer h.Unlock()
	if f, ok := h.byWord[homeFunc{t.code, word}]; ok {
		return f
	}
	f := reflect.MakeFunc(t.rtype, func(in []reflect.Value) []reflect.Value { return callHomeFunc(t, word, in) })
	p := reflect.New(t.rtype)
	p.Elem().Set(f)
	h.byWord[homeFunc{t.code, word}] = f
	h.words[*(*unsafe.Pointer)(p.UnsafePointer())] = word
	return f
}

func callHomeFunc(t *typ, word uint64, in []reflect.Value) []reflect.Value {
	c := current()
	kind, code := wire.CallFunc, c.told(t).code
	w := c.begin()
	if p := c.raised; p != nil {
		c.raised, kind = nil, wire.CallDeferred
		c.writeValue(w, sendable(p))
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

// AtHome reports whether a function value is home's own: what it recovers from must be there. Called by generated code.
func AtHome[F any](f F) bool {
	_, ok := homeFuncs.wordOf(*(*unsafe.Pointer)(unsafe.Pointer(&f)))
	return ok
}

// Deferred runs a deferred function value of home's, where p is what the deferring code has just recovered. A panic is raised again at
// home with the function deferred there, and comes back from there if that does not recover. Called by generated code.
func Deferred(p any, f func()) {
	if p != nil {
		current().raised = p
	}
	f()
}
