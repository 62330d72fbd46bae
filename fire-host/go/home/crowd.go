package home

import (
	"reflect"
	"slices"

	"fireagent/wire"
)

// crowd is how much a call has been handed out. A call that goes on for long, the loop of a goroutine say, would keep alive whatever
// it has ever met. So when it is much, the answer to an operation says so, and the worker says what it still knows: it has
// looked through all of its memory (the worker's crowd_unsafe.go).
type crowd struct {
	regions, bytes         uintptr
	mostRegions, mostBytes uintptr // beyond which the worker is asked; 0: the first limits
}

// The first limits: below them nobody is asked.
const (
	manyRegions = 1 << 18
	manyBytes   = 64 << 20
)

func (c *crowd) add(bytes uintptr) {
	c.regions++
	c.bytes += bytes
}

// tooMuch says whether to ask now. Who does not answer is asked again when it has become more.
func (c *crowd) tooMuch() bool {
	if c.regions < manyRegions && c.bytes < manyBytes || c.regions < c.mostRegions && c.bytes < c.mostBytes {
		return false
	}
	c.mostRegions, c.mostBytes = c.regions+c.regions/4, c.bytes+c.bytes/4
	return true
}

// thinOut lets go of what the worker does not know any more.
func (s *session) thinOut(r *wire.Reader) {
	known := make([]uintptr, r.Count(8))
	for i := range known {
		known[i] = uintptr(r.U64())
	}
	if !slices.IsSorted(known) {
		panic(wire.Malformed("addresses in no order"))
	}
	s.crowd = crowd{}
	s.held.keep(func(r region) bool {
		if !r.mayBeKnown(known) {
			return false
		}
		s.crowd.add(r.size())
		return true
	})
	clear(s.recent[:])
	s.crowd.mostRegions, s.crowd.mostBytes = max(manyRegions, 2*s.crowd.regions), max(manyBytes, 2*s.crowd.bytes)
}

// mayBeKnown reports whether one of the addresses, in ascending order, is the region's, or right behind it. Types and functions
// are always taken for known: they are few, and they stay.
func (r *region) mayBeKnown(known []uintptr) bool {
	end := max(r.base(), r.end)
	switch {
	case r.shape == nil || r.shape.first: // others may follow, of which home does not know
		end = max(end, r.base()+openReach)
	case r.end > 0:
	case r.shape.t == nil || r.shape.t.Kind() != reflect.Map && r.shape.t.Kind() != reflect.Chan:
		return true
	}
	i, _ := slices.BinarySearch(known, r.base())
	return i < len(known) && known[i] <= end
}

func (r *region) size() uintptr {
	if r.end == 0 {
		return 0
	}
	return r.end - r.base()
}

// bounds are the lowest address of what was handed out, and the first one above all of it.
func (h *holding) bounds() (lowest, above uintptr) {
	h.each(func(r region) {
		if lowest == 0 || r.base() < lowest {
			lowest = r.base()
		}
		above = max(above, r.base()+1, r.end+1)
	})
	return lowest, above
}

// keep forgets all but some. The goroutine that adds calls it.
func (h *holding) keep(wanted func(r region) bool) {
	var list []region
	h.each(func(r region) {
		if wanted(r) {
			list = append(list, r)
		}
	})
	h.runs.Store(nil)
	h.fresh.Store(&freshList{})
	for _, r := range list {
		h.add(r)
	}
}
