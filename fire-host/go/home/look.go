package home

import (
	"runtime"
	"sort"
	"sync/atomic"
	"time"
)

// tally counts the moved calls of a function. Only the way into a worker pays for it: two counters, and the clock for
// the first calls and then one in sixteen.
type tally struct {
	calls atomic.Uint64
	timed atomic.Uint64
	nanos atomic.Uint64
}

func (t *tally) begin() (at time.Time) {
	if n := t.calls.Add(1); n <= 16 || n%16 == 0 {
		at = time.Now()
	}
	return at
}

func (t *tally) end(begun time.Time) {
	if !begun.IsZero() {
		t.nanos.Add(uint64(time.Since(begun)))
		t.timed.Add(1)
	}
}

// look is the host's question how things are. A pulse asks for calls that have not moved since the last pulse.
type look struct {
	ID    uint64 `json:"id"`
	Pulse bool   `json:"pulse"`
	// Collect asks for a collection where function values that nobody can reach may hold a superseded generation.
	Collect bool `json:"collect"`
}

type seen struct {
	ID          uint64           `json:"id"`
	Functions   []seenFunction   `json:"functions"`
	Generations []seenGeneration `json:"generations"`
}

type seenFunction struct {
	ID     string `json:"id"`
	Calls  uint64 `json:"calls"`
	MeanNs uint64 `json:"mean_ns"`
}

// seenGeneration says what a generation is still busy with.
type seenGeneration struct {
	Generation uint64 `json:"generation"`
	Calls      int    `json:"calls"`      // under way
	Goroutines int    `json:"goroutines"` // of its code
	Closures   int    `json:"closures"`   // that the program can still call
	Stalled    string `json:"stalled"`    // a function that has asked for nothing since the last pulse; empty: none
}

func (c *control) look(q look) *seen {
	answer := &seen{ID: q.ID, Functions: []seenFunction{}, Generations: []seenGeneration{}}
	slots.Lock()
	for id, s := range slots.byID {
		if calls := s.tally.calls.Load(); calls > 0 && !q.Pulse {
			answer.Functions = append(answer.Functions, seenFunction{id, calls, s.tally.nanos.Load() / max(1, s.tally.timed.Load())})
		}
	}
	slots.Unlock()
	sort.Slice(answer.Functions, func(i, j int) bool { return answer.Functions[i].ID < answer.Functions[j].ID })
	for _, l := range c.all() {
		answer.Generations = append(answer.Generations, l.look(q.Pulse))
	}
	if q.Collect && c.closuresHold() {
		go runtime.GC()
	}
	sort.Slice(answer.Generations, func(i, j int) bool { return answer.Generations[i].Generation < answer.Generations[j].Generation })
	return answer
}

// all are the links of this moment.
func (c *control) all() []*link {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make([]*link, 0, len(c.links))
	for _, l := range c.links {
		out = append(out, l)
	}
	return out
}

// closuresHold reports whether a superseded generation has nothing left but function values.
func (c *control) closuresHold() bool {
	for _, l := range c.all() {
		l.mu.Lock()
		holds := l.superior && l.closures > 0 && l.open == 0
		l.mu.Unlock()
		if holds {
			return true
		}
	}
	return false
}

func (l *link) look(pulse bool) seenGeneration {
	l.mu.Lock()
	defer l.mu.Unlock()
	g := seenGeneration{Generation: l.generation, Calls: max(0, l.open-l.spawned), Goroutines: l.spawned, Closures: max(0, l.closures-l.spawned)}
	for _, s := range l.sessions {
		if !pulse || !s.busy {
			continue
		}
		steps := s.steps.Load()
		if steps%2 == 1 && steps == s.seen {
			g.Stalled = s.function
		}
		s.seen = steps
	}
	return g
}
