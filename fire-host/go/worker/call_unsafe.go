package worker

import (
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"unsafe"

	"fireagent/wire"
)

// Function is a function that is called at home.
type Function struct {
	id       string
	required bool
	number   uint32
	here     atomic.Bool // this worker hosts it, and home's calls come here
	defined  atomic.Bool
	define   sync.Mutex
}

// Here reports whether a call of the function would come back to this worker, so that it need not go home. Called by
// generated code.
func (f *Function) Here() bool { return f.here.Load() }

// serves notes whether home's calls of some functions come to this worker. Several workers may run one binary, so that a
// function is hosted here says nothing.
func serves(here bool, ids map[string]bool) {
	functions.Lock()
	defer functions.Unlock()
	for _, f := range functions.list {
		if ids[f.id] {
			f.here.Store(here)
		}
	}
}

var functions functionTable

type functionTable struct {
	sync.Mutex
	list  []*Function
	byID  map[string]*Function   // of generic types' methods
	named map[string][]*Function // all of them, made when it is asked for
}

// here reports whether this worker serves a function.
func (t *functionTable) here(id string) bool {
	t.Lock()
	defer t.Unlock()
	if t.named == nil {
		t.named = map[string][]*Function{}
		for _, f := range t.list {
			t.named[f.id] = append(t.named[f.id], f)
		}
	}
	return slices.ContainsFunc(t.named[id], (*Function).Here)
}

// Func names a function at home. A required one must exist there, or this worker is refused. Called by generated code.
func Func(id string, required bool) *Function {
	functions.Lock()
	defer functions.Unlock()
	f := &Function{id: id, required: required, number: uint32(len(functions.list))}
	functions.list = append(functions.list, f)
	return f
}

// MethodOf names a method of a generic type by the type of its receiver. Called by generated code.
func MethodOf(receiver any, name string) *Function {
	t := reflect.TypeOf(receiver)
	id := ""
	if t.Kind() == reflect.Pointer {
		typeName, _ := names{}.Named(t.Elem())
		slash := lastDot(typeName)
		id = typeName[:slash+1] + "(*" + typeName[slash+1:] + ")." + name
	} else {
		typeName, _ := names{}.Named(t)
		id = typeName + "." + name
	}
	functions.Lock()
	f := functions.byID[id]
	functions.Unlock()
	if f == nil {
		f = Func(id, false)
		functions.Lock()
		if functions.byID == nil {
			functions.byID = map[string]*Function{}
		}
		functions.byID[id] = f
		functions.Unlock()
	}
	return f
}

// lastDot is the dot between the path and the name of a type, brackets left aside.
func lastDot(name string) int {
	end := len(name)
	for i, r := range name {
		if r == '[' {
			end = i
			break
		}
	}
	for i := end - 1; i >= 0; i-- {
		if name[i] == '.' {
			return i
		}
	}
	return -1
}

// Call calls a function at home; a and r are structs of its parameters and results. Called by generated code.
func Call[A, R any](f *Function, a *A, r *R) {
	if leak {
		leaked = any(*a)
	}
	f.call(typeFor[A](), typeFor[R](), noescape(unsafe.Pointer(a)), noescape(unsafe.Pointer(r)))
}

func (f *Function) call(arguments, results *typ, a, r unsafe.Pointer) {
	c := current()
	if !f.defined.Load() {
		c.define(f, arguments, results)
	}
	w := c.begin()
	w.U32(f.number)
	wire.Write(c, w, a, arguments.program)
	in := c.op(wire.CallFunction, w)
	wire.Read(c, &in, r, results.program)
}

func (c *context) define(f *Function, arguments, results *typ) {
	f.define.Lock()
	defer f.define.Unlock()
	if f.defined.Load() {
		return
	}
	w := c.begin()
	w.U32(f.number)
	w.Text(f.id)
	c.fieldCodes(w, arguments)
	c.fieldCodes(w, results)
	c.op(wire.DefineFunction, w)
	f.defined.Store(true)
}

// fieldCodes writes the codes of a struct's fields.
func (c *context) fieldCodes(w *wire.Writer, t *typ) {
	w.U32(uint32(t.rtype.NumField()))
	for i := range t.rtype.NumField() {
		w.U32(c.told(typeOf(t.rtype.Field(i).Type)).code)
	}
	c.told(t)
}

// CallMethod calls a method of a value that only home knows. Called by generated code.
func CallMethod[A, R any](p Proxy, name string, a *A, r *R) {
	if leak {
		leaked = any(*a)
	}
	callMethod(p, name, typeFor[A](), typeFor[R](), noescape(unsafe.Pointer(a)), noescape(unsafe.Pointer(r)))
}

func callMethod(p Proxy, name string, arguments, results *typ, a, r unsafe.Pointer) {
	c := current()
	w := c.begin()
	c.writeValue(w, p)
	w.Text(name)
	c.fieldCodes(w, arguments)
	c.fieldCodes(w, results)
	wire.Write(c, w, a, arguments.program)
	in := c.op(wire.CallMethod, w)
	wire.Read(c, &in, r, results.program)
}

// Variable binds a package variable's reference at the handshake. Called by generated code.
func Variable[T any](id string, p **T) {
	variables = append(variables, variable{id, (*unsafe.Pointer)(unsafe.Pointer(p)), nil})
}

// BornVariable is Variable for one that home makes when it is asked for the first time. Called by generated code.
func BornVariable[T any](id string, p **T) {
	variables = append(variables, variable{id, (*unsafe.Pointer)(unsafe.Pointer(p)), reflect.TypeFor[T]()})
}

type variable struct {
	id   string
	p    *unsafe.Pointer
	born reflect.Type // nil: the running binary holds it
}

var variables []variable

// hosted is a function that home calls here.
type hosted struct {
	id                 string
	instance           reflect.Type // not nil: it is an instance of a generic function, and this stands for it
	arguments, results reflect.Type
	run                func(a, r unsafe.Pointer)
	kind               uint8    // see wire.HostedMoved
	begins             []string // of an initialiser: the variables
}

var hostedList []hosted

// Added notes that home has no entry for the function that was entered last. Called by generated code.
func Added(variadic bool) {
	last := &hostedList[len(hostedList)-1]
	last.kind = wire.HostedAdded
	if variadic {
		last.kind = wire.HostedAddedDots
	}
}

// Initialise enters what gives variables that are born at home their first values. Called by generated code.
func Initialise(ids []string, f func()) {
	none := reflect.TypeFor[struct{}]()
	hostedList = append(hostedList, hosted{id: "the initialiser of " + ids[0], arguments: none, results: none,
		run: func(_, _ unsafe.Pointer) { f() }, kind: wire.HostedInitialiser, begins: ids})
}

// Host enters a moved function. Called by generated code.
func Host[A, R any](id string, f func(*A, *R)) {
	hostedList = append(hostedList, hosted{id: id, arguments: reflect.TypeFor[A](), results: reflect.TypeFor[R](),
		run: func(a, r unsafe.Pointer) { f((*A)(a), (*R)(r)) }})
}

// HostGeneric enters a moved generic function, which home calls by its instances. Called by generated code.
func HostGeneric(id string) { hostedList = append(hostedList, hosted{id: id}) }

// HostInstance enters an instance of one: K is a function of its type arguments. Called by generated code.
func HostInstance[K, A, R any](id string, f func(*A, *R)) {
	hostedList = append(hostedList, hosted{id: id, instance: reflect.TypeFor[K](), arguments: reflect.TypeFor[A](), results: reflect.TypeFor[R](),
		run: func(a, r unsafe.Pointer) { f((*A)(a), (*R)(r)) }})
}
