package home

import (
	"sync"

	"index"
)

// Calls within calls. What home runs for a worker may call a function that the same worker hosts. The worker waits on the lane for
// the answer, so the call goes there too: both sides are awake, where another lane would have to wake a goroutine that
// sleeps. A lane is a stack of calls then, and a session is one level of it.

// nested is where the session is found that a goroutine is in, the innermost. A list is short: hardly two goroutines meet in one.
var nested [256]struct {
	sync.Mutex
	list []underneath
}

type underneath struct {
	g uintptr
	s *session
}

// underway notes that this goroutine carries out what the worker asks in a session. What it gives is for over, which is called
// on the same goroutine whatever ends the session.
func underway(s *session) (g uintptr, outer *session) {
	g = index.G()
	n := &nested[g>>6%uintptr(len(nested))]
	n.Lock()
	defer n.Unlock()
	for i := range n.list {
		if n.list[i].g == g {
			outer, n.list[i].s = n.list[i].s, s
			s.below = outer
			return g, outer
		}
	}
	s.below = nil
	n.list = append(n.list, underneath{g, s})
	return g, nil
}

func over(g uintptr, outer *session) {
	n := &nested[g>>6%uintptr(len(nested))]
	n.Lock()
	defer n.Unlock()
	for i := range n.list {
		if n.list[i].g != g {
			continue
		}
		if n.list[i].s = outer; outer == nil {
			last := len(n.list) - 1
			n.list[i] = n.list[last]
			n.list[last] = underneath{}
			n.list = n.list[:last]
		}
		return
	}
}

// waits is the innermost session of this goroutine whose worker is that of the link: it waits for what runs here. Nil: there is
// none.
func (l *link) waits() *session {
	g := index.G()
	n := &nested[g>>6%uintptr(len(nested))]
	var s *session
	n.Lock()
	for i := range n.list {
		if n.list[i].g == g {
			s = n.list[i].s
		}
	}
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
