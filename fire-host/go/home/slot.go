// Package home is fire's part of the user's process: the dispatch slots, the lanes to the workers, and the
// operations that moved bodies carry out on the memory that lives here.
package home

import (
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"unsafe"
)

// Slot decides where the calls of one function go. The zero Slot: they run natively.
type Slot struct {
	hot    atomic.Bool
	target atomic.Pointer[target]
	id     string
	tally  tally
}

// target is a hosted function of one worker.
type target struct {
	link      *link
	number    uint32
	arguments *typ
	results   *typ
	given     *view          // how arguments travel
	taken     *view          // how results do
	instances *instances     // not nil: the function is generic, and these are called instead
	before    *target        // where the calls went before; nil: they ran natively
	work      *atomic.Uint64 // counts the operations that its calls carry out; may be nil

	added               bool // the binary has no entry for it: parameters and returns say how to make one
	variadic            bool
	parameters, returns []*typ
}

// Hot reports whether calls go to a worker. It is what every call of an unmoved function pays.
func (s *Slot) Hot() bool { return s.hot.Load() }

var slots struct {
	sync.Mutex
	byID map[string]*Slot
}

// Slots enters the dispatch table of a package. Called by generated code.
func Slots(table []Slot, ids []string) {
	slots.Lock()
	defer slots.Unlock()
	if slots.byID == nil {
		slots.byID = map[string]*Slot{}
	}
	for i, id := range ids {
		table[i].id = id
		slots.byID[id] = &table[i]
	}
}

func slotOf(id string) *Slot {
	slots.Lock()
	defer slots.Unlock()
	return slots.byID[id]
}

// counted is where moved calls are counted: in this process, or in a file that the host reads when it has ended.
var counted = func() *atomic.Pointer[atomic.Uint64] {
	p := new(atomic.Pointer[atomic.Uint64])
	p.Store(new(atomic.Uint64))
	return p
}()

// flips is held while slots change.
var flips sync.Mutex

// turning is set while the slots of a batch flip: calls that begin then wait for the end, so that none finds one
// function new and another one old.
var turning atomic.Bool

// route makes new calls go to a worker. Precondition: flips is held.
func (s *Slot) route(to *target) {
	if s.hot.Load() {
		now := s.target.Load().living()
		if !now.reaches(to) { // else it goes back
			to.before = now
		}
	}
	s.target.Store(to)
	s.hot.Store(true)
}

// reaches reports whether a target is t or one before it.
func (t *target) reaches(other *target) bool {
	for ; t != nil; t = t.before {
		if t == other {
			return true
		}
	}
	return false
}

// living is the newest target, from t on back, whose worker serves; nil if there is none. Those that do not are forgotten.
func (t *target) living() *target {
	for t != nil && t.link.isClosed() {
		t = t.before
	}
	if t != nil {
		t.before = t.before.living()
	}
	return t
}

// fallBack makes new calls go where they went before a target whose worker is gone. The host says the same, later: until then
// no call is lost that has not begun.
func (s *Slot) fallBack(from *target) {
	flips.Lock()
	defer flips.Unlock()
	if s.target.Load() != from || !s.hot.Load() {
		return // a commit was quicker
	}
	if to := from.before.living(); to != nil {
		s.target.Store(to)
		return
	}
	s.hot.Store(false)
}

// Call runs a moved function in its worker: a and r point to structs of its parameters and results. False: it is not
// moved any more, and nothing has run. Called by generated code.
func Call(s *Slot, a, r unsafe.Pointer) bool { return s.call(nil, a, r) }

// call is Call, for an instance of a generic function if one is given.
func (s *Slot) call(instance reflect.Type, a, r unsafe.Pointer) bool {
	for s.hot.Load() {
		if turning.Load() {
			flips.Lock() // held until the last one has flipped
			flips.Unlock()
			continue
		}
		t := s.target.Load()
		called := t
		if instance != nil {
			if called = t.instances.find(instance); called == nil && t.instances.baseline {
				return false
			} else if called == nil {
				panic(unhosted{s.id, instance})
			}
		}
		session, err := t.link.acquire(s.id)
		switch {
		case err == nil:
			session.work = t.work
			begun := s.tally.begin()
			if session.run(called, a, r) {
				s.tally.end(begun)
				return true
			}
		case err == errDrained:
			if s.target.Load() == t {
				t.link.resume() // it serves again: what came after it is gone
			}
		case t.link.isClosed():
			s.fallBack(t)
		default:
			panic(noLane{shown(s.id), err})
		}
	}
	return false
}

// Natively makes new calls of all functions run natively until what it returns is called. Called by generated code.
func Natively() (again func()) {
	flips.Lock()
	defer flips.Unlock()
	slots.Lock()
	defer slots.Unlock()
	var resting []*Slot
	for _, s := range slots.byID {
		if s.hot.Load() {
			s.hot.Store(false)
			resting = append(resting, s)
		}
	}
	return func() {
		flips.Lock()
		defer flips.Unlock()
		for _, s := range resting {
			s.hot.Store(true)
		}
	}
}

// workerDied is the panic of a call whose worker is gone. The call is never run a second time.
type workerDied struct{ function, cause string }

func (w workerDied) Error() string {
	return "fire: the worker running " + w.function + " died (" + w.cause + ")"
}

// shown is a function as the user calls it: one that came with an edit carries its signature on the wire.
func shown(id string) string {
	name, _, _ := strings.Cut(id, "#")
	return name
}

func died(function string, l *link) error {
	return workerDied{shown(function), l.whyClosed()}
}

// noLane is the panic of a call that cannot be carried to its worker, which lives.
type noLane struct {
	function string
	err      error
}

func (n noLane) Error() string {
	return "fire: no lane for a call of " + n.function + ": " + n.err.Error()
}
