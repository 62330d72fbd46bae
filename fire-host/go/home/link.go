package home

import (
	"errors"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"fireagent/lane"
	"fireagent/wire"
)

// link is the connection to one worker generation.
type link struct {
	generation uint64
	lanes      *lane.Link

	mu       sync.Mutex
	idle     []*session // last in, first out: the warmest lane is used next
	sessions []*session // all that live
	open     int        // sessions in use
	spawned  int        // goroutines of its code
	closures int        // closures of the worker that home can still reach
	drops    []uint64   // closures that home has let go of, not yet told
	closed   bool
	cause    string
	told     chan struct{} // closed once the host has said why this link is
	drained  func()        // called once when nothing refers to this generation any more
	superior bool          // a newer generation has taken all of its functions
	empty    bool          // and the host has been told that nothing refers to this one any more

	types     []*typ // by code
	functions []function
	keys      map[reflect.Type]*key
	byKey     []*key
	hosted    map[string]*target
	places    atomic.Pointer[[]place] // what views name by numbers; grows under the lock
	placed    map[place]uint32
	permanent *holding // package variables

	initialisers []initialiser // of variables that are born at home, in order
}

// typ is a type as a worker sees it.
type typ struct {
	name    string
	size    uintptr
	program []wire.Instruction
	rtype   reflect.Type                // nil if this process has no such type
	named   atomic.Bool                 // the types that its layout names are those that it has
	plain   bool                        // memory without pointers
	text    bool                        // it holds a string
	own     atomic.Pointer[shape]       // of rtype
	whole   atomic.Pointer[wholeView]   // the last type that it was a view of
	last    [8]atomic.Pointer[lastView] // the last memory that it was over
	views   sync.Map                    // meeting → *view
	seen    atomic.Int32                // how many of them
	open    atomic.Pointer[view]        // its view over what is not known
	parts   []uint32                    // codes of an element, of a key and an element, of parameters and results
}

// key is a type of home's that has travelled in an interface.
type key struct {
	number uint32
	rtype  reflect.Type
	known  *typ // not nil: the worker knows the type, by this code
	code   uint32
	name   string
	alien  bool // the worker does not know the type, and says so
}

// function is one that the worker may call here.
type function struct {
	id         string
	value      reflect.Value
	parameters []*typ
	results    []*typ
}

func openLink(generation uint64, descriptor string) (*link, error) {
	lanes, err := lane.Attach(lane.Home, descriptor)
	if err != nil {
		return nil, err
	}
	return newLink(generation, lanes), nil
}

func newLink(generation uint64, lanes *lane.Link) *link {
	return &link{generation: generation, lanes: lanes, told: make(chan struct{}), keys: map[reflect.Type]*key{},
		hosted: map[string]*target{}, permanent: newHolding()}
}

// errDrained says that a link is about to be closed: the call has found its way there too late.
var errDrained = errors.New("the generation has drained")

// acquire takes a lane for one call of a function.
func (l *link) acquire(function string) (*session, error) {
	if outer := l.waits(); outer != nil {
		if s := l.within(outer, function); s != nil {
			return s, nil
		}
	}
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return nil, lane.ErrClosed
	}
	if l.empty {
		l.mu.Unlock()
		return nil, errDrained
	}
	l.open++
	if n := len(l.idle); n > 0 {
		s := l.idle[n-1]
		l.idle = l.idle[:n-1]
		s.busy, s.function = true, function
		l.mu.Unlock()
		return s, nil
	}
	l.mu.Unlock()
	opened, err := l.lanes.Open()
	if err != nil {
		l.mu.Lock()
		l.open--
		l.closed = l.closed || err == lane.ErrClosed
		l.mu.Unlock()
		return nil, err
	}
	s := &session{link: l, lane: opened, function: function, busy: true, own: newHoldings()}
	s.held = s.own.held
	s.mark = &mark{session: s}
	s.number = numbered(s.mark)
	anyMoved.Store(true)
	l.mu.Lock()
	l.sessions = append(l.sessions, s)
	l.mu.Unlock()
	return s, nil
}

// release gives a lane back. Precondition: the worker has answered; nothing is under way on the lane.
func (l *link) release(s *session) {
	s.references, s.iterations = nil, nil
	s.key.clear()
	s.holder.clear()
	l.mu.Lock()
	s.forget()
	l.open--
	s.busy = false
	if !l.closed && s.outer == nil {
		l.idle = append(l.idle, s)
	}
	l.mu.Unlock()
	l.settle()
}

// abandon counts a lane out that can carry no further call.
func (l *link) abandon(s *session) {
	l.mu.Lock()
	l.open--
	s.busy, s.own.ended = false, true
	if s.outer != nil {
		s.outer.inner, s.outer.torn = nil, true
	}
	if at := slices.Index(l.sessions, s); at >= 0 {
		l.sessions = slices.Delete(l.sessions, at, at+1)
	}
	l.mu.Unlock()
	l.settle()
}

// settle tells the host, once, when a superseded generation has nothing left to do.
func (l *link) settle() {
	l.mu.Lock()
	var call func()
	if l.superior && l.open == 0 && l.closures == 0 {
		call, l.drained = l.drained, nil
		l.empty = l.empty || call != nil
	}
	l.mu.Unlock()
	if call != nil {
		call()
	}
}

func (l *link) supersede(drained func()) {
	l.mu.Lock()
	l.superior, l.drained = true, drained
	l.mu.Unlock()
	l.settle()
}

// resume takes back that the link has been superseded: calls go there again.
func (l *link) resume() {
	l.mu.Lock()
	l.superior, l.empty, l.drained = false, false, nil
	l.mu.Unlock()
}

// close ends every call on the link with the cause, which the host tells once.
func (l *link) close(cause string) {
	l.mu.Lock()
	if l.cause != "" {
		l.mu.Unlock()
		return
	}
	l.closed, l.cause = true, cause
	close(l.told)
	l.mu.Unlock()
	l.lanes.Close()
}

// isClosed reports whether the link carries no further call.
func (l *link) isClosed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.closed
}

// slowestNotice is how long the host's word on why a link is closed may come after the close itself.
const slowestNotice = 2 * time.Second

func (l *link) whyClosed() string {
	select {
	case <-l.told:
	case <-time.After(slowestNotice):
		return "its lane closed"
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.cause
}

// typeOf is the type with a code that the worker sent.
func (l *link) typeOf(code uint32) *typ {
	l.mu.Lock()
	defer l.mu.Unlock()
	if int(code) >= len(l.types) || l.types[code] == nil {
		panic(wire.Malformed("an undefined type"))
	}
	return l.types[code]
}

// element is the type of a part of another: an element, a key, a parameter.
func (l *link) element(t *typ, i int) *typ {
	if i >= len(t.parts) {
		panic(wire.Malformed("a type without such a part"))
	}
	return l.typeOf(t.parts[i])
}

// real is typeOf for uses that need the type itself.
func (l *link) real(code uint32) *typ {
	t := l.typeOf(code)
	if t.rtype == nil {
		panic(missing("type " + t.name))
	}
	if !t.named.Load() {
		l.checkNamed(t, t.program, t.rtype, 0)
		t.named.Store(true)
	}
	return t
}

// missing is the panic of an operation that needs what the running binary does not hold.
type missing string

func (m missing) Error() string { return "fire: the running program holds no " + string(m) }

func (l *link) defineType(r *wire.Reader) {
	code, name, size := r.U32(), r.Text(), r.U32()
	if len(name) > longestName {
		panic(wire.Malformed("a type with too long a name"))
	}
	t := &typ{name: name, size: uintptr(size), program: wire.ReadProgram(r, size, 0), rtype: wire.Parse(names{}, name)}
	t.plain, t.text = !anyPointer(t.program), wire.HoldsText(t.program)
	for range r.Count(4) {
		t.parts = append(t.parts, r.U32())
	}
	if t.rtype != nil && t.rtype.Size() != t.size {
		panic(layoutDiffers{name, t.rtype.Size(), t.size})
	}
	if t.rtype != nil && !agrees(t.program, t.rtype) {
		panic(layoutDiffers{name, t.rtype.Size(), t.size})
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if code > 1<<20 {
		panic(wire.Malformed("a type code out of range"))
	}
	for int(code) >= len(l.types) {
		l.types = append(l.types, nil)
	}
	l.types[code] = t
}

// longestName is the longest name of a type: it is taken apart by recursion.
const longestName = 1 << 18

type layoutDiffers struct {
	name         string
	home, worker uintptr
}

func (d layoutDiffers) Error() string {
	return "fire: the layout of " + d.name + " is not the running program's"
}

func (l *link) keyOf(t reflect.Type) *key {
	l.mu.Lock()
	defer l.mu.Unlock()
	k := l.keys[t]
	if k == nil {
		k = &key{number: uint32(len(l.byKey)), rtype: t, name: wire.Name(names{}, t)}
		l.keys[t] = k
		l.byKey = append(l.byKey, k)
	}
	return k
}

func (l *link) key(number uint32) *key {
	l.mu.Lock()
	defer l.mu.Unlock()
	if int(number) >= len(l.byKey) {
		panic(wire.Malformed("an unknown key of a type"))
	}
	return l.byKey[number]
}

func (l *link) bindType(number, code uint32) {
	k := l.key(number)
	if code == wire.NoType {
		l.mu.Lock()
		k.alien = true
		l.mu.Unlock()
		return
	}
	t := l.typeOf(code)
	l.as(t, k.rtype)
	l.mu.Lock()
	k.known, k.code = t, code
	l.mu.Unlock()
}
