package home

import (
	"runtime"
	"slices"
	"sync/atomic"
)

// Closures of the worker that home can reach, and what is kept for them.

// reference is home's hold on a closure that lives in the worker.
type reference struct {
	link  *link
	id    uint64
	holds *holdings      // what the closure may refer to, once the call has ended that made it; under the link's lock
	work  *atomic.Uint64 // where its operations are counted: with those of the function that made it
}

// newReference is home's hold on a closure that this call has made.
func (s *session) newReference(id uint64) *reference {
	ref := &reference{link: s.link, id: id, work: s.work}
	s.link.mu.Lock()
	s.link.closures++
	s.link.mu.Unlock()
	runtime.SetFinalizer(ref, (*reference).drop)
	s.references = append(s.references, ref)
	return ref
}

// borrow notes a closure that the worker runs or was given: it may refer to what the closure does.
func (s *session) borrow(ref *reference) {
	s.link.mu.Lock()
	defer s.link.mu.Unlock()
	if s.borrowed == nil {
		s.borrowed = map[*reference]bool{}
	}
	s.borrowed[ref] = true
}

// handOver gives what the worker may still refer to to the closures that this call has made.
func (s *session) handOver() {
	if len(s.references) == 0 {
		return
	}
	s.link.mu.Lock()
	defer s.link.mu.Unlock()
	all := &holdings{held: s.held}
	for ref := range s.borrowed {
		if ref.holds != nil && !slices.Contains(all.before, ref.holds) {
			all.before = append(all.before, ref.holds)
		}
	}
	if s.held.empty() && len(all.before) == 1 {
		all = all.before[0]
	} else {
		s.held.shared = true
	}
	for _, ref := range s.references {
		ref.holds = all
	}
}

// forget lets go of what the call has handed out. Precondition: the link is locked, and the call has ended.
func (s *session) forget() {
	empty := s.held.empty()
	if !empty || s.strayed {
		clear(s.recent[:]) // else there are package variables alone
	}
	s.borrowed, s.strayed = nil, false
	switch {
	case s.held.shared:
		s.held = newHolding()
	case !empty:
		s.held.reset()
	}
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
