package home

import (
	"runtime"
	"sync/atomic"
)

// Closures of the worker that home can reach, and what is kept for them.

// reference is home's hold on a closure that lives in the worker.
type reference struct {
	link  *link
	id    uint64
	holds *holdings      // what the closure may refer to; under the link's lock
	work  *atomic.Uint64 // where its operations are counted: with those of the function that made it
}

// holdings are what a call has handed out, and what calls had handed out that made the closures it runs or was given: all
// that closures may refer to which the call makes.
type holdings struct {
	held   *holding
	later  *holding // what its closures were given while the call went on: they may have left it in the call's variables
	before map[*holdings]bool
	shared bool // closures refer to it
	ended  bool // nothing comes to it any more, but from later calls
}

func newHoldings() *holdings { return &holdings{held: newHolding()} }

// at visits what lies at an address in any of them. Precondition: the link is locked.
func (all *holdings) at(address uintptr, seen map[*holdings]bool, note func(r *region) bool) {
	for list := []*holdings{all}; len(list) > 0; {
		one := list[len(list)-1]
		list = list[:len(list)-1]
		if seen[one] {
			continue
		}
		seen[one] = true
		one.held.at(address, note)
		if one.later != nil {
			one.later.at(address, note)
		}
		for next := range one.before {
			list = append(list, next)
		}
	}
}

// newReference is home's hold on a closure that this call has made.
func (s *session) newReference(id uint64) *reference {
	ref := &reference{link: s.link, id: id, work: s.work, holds: s.own}
	s.link.mu.Lock()
	s.link.closures++
	s.own.shared = true
	s.link.mu.Unlock()
	runtime.SetFinalizer(ref, (*reference).drop)
	s.references = append(s.references, ref)
	return ref
}

// borrow notes a closure that the worker runs or was given: the call may use what the closure does.
func (s *session) borrow(ref *reference) {
	s.link.mu.Lock()
	defer s.link.mu.Unlock()
	if ref.holds == s.own {
		return
	}
	if s.own.before == nil {
		s.own.before = map[*holdings]bool{}
	}
	s.own.before[ref.holds] = true
}

// each visits what the call and its closures were given.
func (all *holdings) each(visit func(r region)) {
	all.held.each(visit)
	if all.later != nil {
		all.later.each(visit)
	}
}

// handOver leaves what the worker may still refer to to the closures that this call has made, and to the call that has made the
// closure that it ran. Precondition: the call ends.
func (s *session) handOver() {
	if s.runs == nil && len(s.references) == 0 {
		return
	}
	s.link.mu.Lock()
	defer s.link.mu.Unlock()
	if maker := s.maker(); maker != nil {
		if maker.later == nil {
			maker.later = newHolding()
		}
		s.own.each(maker.later.add)
	}
	if len(s.references) > 0 {
		s.own.ended = true
		s.joinChain()
	}
}

// maker is what the call was given that has made the closure which this call runs, if it still goes on.
func (s *session) maker() *holdings {
	if s.runs == nil || s.runs.holds.ended {
		return nil
	}
	return s.runs.holds
}

// joinChain lets closures that make the next one, without end, share one list.
func (s *session) joinChain() {
	if len(s.own.before) != 1 {
		return
	}
	for before := range s.own.before {
		if !before.ended {
			return
		}
		s.own.each(before.held.add)
		for _, ref := range s.references {
			ref.holds = before
		}
	}
}

// forget lets go of what the call has handed out. Precondition: the link is locked, and the call has ended.
func (s *session) forget() {
	empty := s.held.empty()
	if !empty {
		clear(s.recent[:]) // else there are package variables alone
	}
	s.crowd = crowd{}
	switch {
	case s.own.shared:
		s.own.ended = true
		s.own = newHoldings()
		s.held = s.own.held
	case !empty:
		s.held.reset()
	}
	s.own.before, s.runs = nil, nil
}

// drop lets go of the closure. Nobody can call it any more.
func (ref *reference) drop() {
	runtime.SetFinalizer(ref, nil)
	l := ref.link
	l.mu.Lock()
	l.closures--
	l.drops = append(l.drops, ref.id)
	l.mu.Unlock()
	l.settle()
}

// dropped takes the closures that the worker has not been told of.
func (l *link) dropped() []uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	d := l.drops
	l.drops = nil
	return d
}
