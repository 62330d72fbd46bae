package home

import (
	"sync"

	"index"
)

// Calls within calls. What home runs for a worker may call a function that the same worker hosts. The worker waits on the lane for
// the answer, so the call goes there too: both sides are awake, where another lane would have to wake a goroutine that
// sleeps. A lane is a stack of calls then, and a session is one level of it.

// nested is where the session is found that a goroutine is in, the innermost.
var nested [256]struct {
	sync.Mutex
	by map[uintptr]*session
}

// underway notes that this goroutine carries out what the worker asks in a session. What it gives is for over, which is called
// on the same goroutine whatever ends the session.
func underway(s *session) (g uintptr, outer *session) {
	g = index.G()
	n := &nested[g>>6%uintptr(len(nested))]
	n.Lock()
	defer n.Unlock()
	if n.by == nil {
		n.by = map[uintptr]*session{}
	}
	outer = n.by[g]
	s.below = outer
	n.by[g] = s
	return g, outer
}

func over(g uintptr, outer *session) {
	n := &nested[g>>6%uintptr(len(nested))]
	n.Lock()
	defer n.Unlock()
	if outer == nil {
		delete(n.by, g)
	} else {
		n.by[g] = outer
	}
}

// waits is the innermost session of this goroutine whose worker is that of the link: it waits for what runs here. Nil: there is
// none.
func (l *link) waits() *session {
	g := index.G()
	n := &nested[g>>6%uintptr(len(nested))]
	n.Lock()
	s := n.by[g]
	n.Unlock()
	for ; s != nil; s = s.below {
		if s.link == l {
			return s
		}
	}
	return nil
}

// within is the session of a call within one of another.
func (l *link) within(outer *session, function string) *session {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || outer.torn {
		return nil
	}
	s := outer.inner
	if s == nil {
		s = &session{link: l, lane: outer.lane, outer: outer, level: outer.level + 1, own: newHoldings()}
		s.held = s.own.held
		s.mark = &mark{session: s}
		s.number = numbered(s.mark)
		outer.inner = s
		l.sessions = append(l.sessions, s)
	}
	l.open++
	s.busy, s.function = true, function
	return s
}
