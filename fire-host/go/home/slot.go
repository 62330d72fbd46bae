// Package home is fire's part of the user's process: the dispatch slots, the lanes to the workers, and the
// operations that moved bodies carry out on the memory that lives here.
package home

import (
	"sync"
	"sync/atomic"
	"unsafe"
)

// Slot decides where the calls of one function go. The zero Slot: they run natively.
type Slot struct {
	hot    atomic.Bool
	target atomic.Pointer[target]
	id     string
}

// target is a hosted function of one worker.
type target struct {
	link      *link
	number    uint32
	arguments *typ
	results   *typ
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

// Call runs a moved function in its worker: a and r point to structs of its parameters and results. Called by generated code.
func Call(s *Slot, a, r unsafe.Pointer) {
	for {
		t := s.target.Load()
		session, err := t.link.acquire()
		if err != nil {
			if s.target.Load() != t {
				continue // a new generation was committed in between
			}
			panic(died(s.id, t.link))
		}
		session.function = s.id
		counted.Load().Add(1)
		session.run(t, a, r)
		return
	}
}

// workerDied is the panic of a call whose worker is gone. The call is never run a second time.
type workerDied struct{ function, cause string }

func (w workerDied) Error() string {
	return "fire: the worker running " + w.function + " died (" + w.cause + ")"
}

func died(function string, l *link) error {
	return workerDied{function, l.whyClosed()}
}
