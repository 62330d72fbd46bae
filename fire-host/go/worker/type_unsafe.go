package worker

import (
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"unsafe"

	"fireagent/wire"
)

// typ is a type of the worker: its code on the wire, its layout, and whether home has been told.
type typ struct {
	code    uint32
	rtype   reflect.Type
	program []wire.Instruction
	parts   []*typ
	defined atomic.Bool
	direct  bool
	size    uintptr
	scalar  bool // memory without pointers, in one piece
	pointer bool // one pointer
	any     bool // an interface without methods
	kept    bool // a value that was stored is remembered
	text    bool // it holds a string, whose bytes lie elsewhere
}

var types = struct {
	sync.Mutex
	byType  map[reflect.Type]*typ
	byCode  []*typ
	pending []*typ // not yet told to home
	cache   [2048]atomic.Pointer[cached]
	define  sync.Mutex
}{byType: map[reflect.Type]*typ{}}

type cached struct {
	key unsafe.Pointer
	typ *typ
}

func typeWord(t reflect.Type) unsafe.Pointer {
	return (*struct{ _, data unsafe.Pointer })(unsafe.Pointer(&t)).data
}

// typeOf is the typ of a type. The first use derives its program.
func typeOf(t reflect.Type) *typ {
	word := typeWord(t)
	place := &types.cache[(uintptr(word)>>4^uintptr(word)>>15)%uintptr(len(types.cache))]
	if c := place.Load(); c != nil && c.key == word {
		return c.typ
	}
	types.Lock()
	found := lockedType(t)
	types.Unlock()
	place.Store(&cached{word, found})
	return found
}

func typeFor[T any]() *typ { return typeOf(reflect.TypeFor[T]()) }

func lockedType(t reflect.Type) *typ {
	if found := types.byType[t]; found != nil {
		return found
	}
	made := &typ{code: uint32(len(types.byCode)), rtype: t, direct: wire.PointerShaped(t)}
	made.any = t.Kind() == reflect.Interface && t.NumMethod() == 0
	types.byType[t] = made
	types.byCode = append(types.byCode, made)
	types.pending = append(types.pending, made)
	made.program = wire.Program(t, func(t reflect.Type) uint32 { return lockedType(t).code })
	made.size = t.Size()
	made.text = wire.HoldsText(made.program)
	if len(made.program) == 1 && made.size > 0 {
		made.scalar = made.program[0].Kind == wire.Scalar && uintptr(made.program[0].Size) == made.size
		made.pointer = made.program[0].Kind == wire.Pointer && made.size == unsafe.Sizeof(uintptr(0))
	}
	made.kept = made.size > 0 && made.size <= mostHeld && keeps(made.program)
	part := func(t reflect.Type) { made.parts = append(made.parts, lockedType(t)) }
	switch t.Kind() {
	case reflect.Slice, reflect.Chan:
		part(t.Elem())
	case reflect.Map:
		part(t.Key())
		part(t.Elem())
	case reflect.Func:
		for i := range t.NumIn() {
			part(t.In(i))
		}
		for i := range t.NumOut() {
			part(t.Out(i))
		}
	}
	return made
}

func typeByCode(code uint32) *typ {
	types.Lock()
	defer types.Unlock()
	if int(code) >= len(types.byCode) {
		panic(wire.Malformed("an unknown type"))
	}
	return types.byCode[code]
}

// told is t, after home has been told of it and of all the types that it is made of.
func (c *context) told(t *typ) *typ {
	if t.defined.Load() {
		return t
	}
	types.define.Lock()
	defer types.define.Unlock()
	for {
		types.Lock()
		pending := types.pending
		types.pending = nil
		types.Unlock()
		if len(pending) == 0 {
			return t
		}
		for _, p := range pending {
			var w wire.Writer
			w.U32(p.code)
			w.Text(wire.Name(names{}, p.rtype))
			w.U32(uint32(p.rtype.Size()))
			wire.WriteProgram(&w, p.program)
			w.U32(uint32(len(p.parts)))
			for _, part := range p.parts {
				w.U32(part.code)
			}
			c.roundTrip(wire.DefineType, w.B)
		}
		for _, p := range pending {
			p.defined.Store(true)
		}
	}
}

// keeps reports whether what home would give back for a value that is stored is that value: what is born there is not.
func keeps(program []wire.Instruction) bool {
	for i := range program {
		switch kind := program[i].Kind; {
		case kind == wire.Slice && len(program) == 1, kind == wire.Scalar, kind == wire.Pointer, kind == wire.Text:
		default:
			return false
		}
	}
	return true
}

// names implements wire.Namer over the types that the shadow packages have registered.
type names struct{}

var registered = struct {
	sync.Mutex
	byName map[string]reflect.Type
	byType map[reflect.Type]string
	hazard map[reflect.Type]bool
	proxy  map[reflect.Type]func(Proxy) any
}{byName: map[string]reflect.Type{}, byType: map[reflect.Type]string{}, hazard: map[reflect.Type]bool{}, proxy: map[reflect.Type]func(Proxy) any{}}

func (names) Named(t reflect.Type) (string, bool) {
	registered.Lock()
	defer registered.Unlock()
	name, ok := registered.byType[t]
	if !ok && t.PkgPath() == "unsafe" {
		return "unsafe.Pointer", true
	}
	return name, ok
}

func (names) Lookup(name string) reflect.Type {
	registered.Lock()
	defer registered.Unlock()
	if name == "unsafe.Pointer" {
		return reflect.TypeFor[unsafe.Pointer]()
	}
	return registered.byName[name]
}

const shadow = "fire.shadow/"

// Package implements wire.Namer.
func (names) Package(path string) string {
	if path == "main" && programPath != "" {
		return programPath
	}
	return strings.TrimPrefix(path, shadow)
}

// Path implements wire.Namer.
func (names) Path(name string) string {
	if name == programPath {
		return "main"
	}
	return shadow + name
}

// Makes implements wire.Namer: home's types have names here or are unknown.
func (names) Makes() bool { return false }

// Type registers a declared type under the name that home knows it by. Called by generated code.
func Type(name string, pointer any) {
	t := reflect.TypeOf(pointer).Elem()
	registered.Lock()
	defer registered.Unlock()
	if registered.byName[name] == t {
		return // a local type, declared again
	}
	registered.byName[name] = t
	registered.byType[t] = name
}

// Hazard notes that calling methods of T through an interface would read home memory on the way. Called by generated code.
func Hazard[T any]() {
	registered.Lock()
	defer registered.Unlock()
	registered.hazard[reflect.TypeFor[T]()] = true
}

// RegisterProxy enters the maker of stand-ins for an interface type. Called by generated code.
func RegisterProxy[I any](f func(Proxy) I) {
	registered.Lock()
	defer registered.Unlock()
	registered.proxy[reflect.TypeFor[I]()] = func(p Proxy) any { return f(p) }
}

// proxyFor is the maker of stand-ins for an interface type. One that is declared inside a function shares it with the
// type without a name that has the same methods.
func proxyFor(t reflect.Type) func(Proxy) any {
	registered.Lock()
	defer registered.Unlock()
	found := registered.proxy[t]
	if found != nil {
		return found
	}
	for other, f := range registered.proxy {
		if other.NumMethod() == t.NumMethod() && other.Implements(t) {
			registered.proxy[t] = f
			return f
		}
	}
	return nil
}

func isHazard(t reflect.Type) bool {
	registered.Lock()
	defer registered.Unlock()
	return registered.hazard[t]
}
