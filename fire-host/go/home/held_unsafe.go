package home

import (
	"cmp"
	"slices"
	"sync/atomic"
	"unsafe"
)

// region is something that home has handed out.
//
//	memory | values of a shape, one after the other, up to end
//	handle | a map, a channel, a function, the type of an interface's value: a word. end is 0
//	open   | memory of which home does not know more than that it begins here. No shape
type region struct {
	p     unsafe.Pointer // keeps it alive
	end   uintptr
	shape *shape
}

func (r *region) base() uintptr { return uintptr(r.p) }

// covers reports whether a range lies in memory of a known shape.
func (r *region) covers(at, size uintptr) bool {
	return r.base() <= at && at+size <= r.end && at+size >= at && r.shape != nil
}

// offset is where in a value of the shape an address of the region lies.
func (r *region) offset(at uintptr) uintptr {
	if at -= r.base(); at >= r.shape.size && r.shape.size > 0 {
		at %= r.shape.size
	}
	return at
}

// openReach is how far behind an open region's beginning addresses still count as its own.
const openReach = 4096

// holding is what one call has handed out, or several. What it holds stays alive, so that no address can come to mean
// something else.
//
// Theory of operation. One goroutine adds, many may look: a worker's goroutines and closures use what others were given. New regions
// come into a short list; full ones become sorted runs, and runs of like size become one, without what is there twice. Nothing that
// can be seen changes but by one atomic store.
type holding struct {
	fresh atomic.Pointer[freshList]
	runs  atomic.Pointer[[]run]
}

const freshRegions = 32

type freshList struct {
	n    atomic.Int32
	list [freshRegions]region
}

// run are regions in the order of where they begin.
type run struct {
	regions []region
	reach   []uintptr // how far regions reach, up to each
}

func newHolding() *holding {
	h := &holding{}
	h.fresh.Store(&freshList{})
	return h
}

func (h *holding) empty() bool { return h.fresh.Load().n.Load() == 0 && h.runs.Load() == nil }

// add enters a region. One goroutine at a time.
func (h *holding) add(r region) {
	f := h.fresh.Load()
	n := f.n.Load()
	if n == freshRegions {
		h.sort(f)
		f, n = h.fresh.Load(), 0
	}
	f.list[n] = r
	f.n.Store(n + 1)
}

// sort makes a run of the new regions. Whoever looks finds them in one place or in both.
func (h *holding) sort(f *freshList) {
	var runs []run
	if old := h.runs.Load(); old != nil {
		runs = append(runs, *old...)
	}
	list := sorted(append([]region(nil), f.list[:]...))
	for len(runs) > 0 && len(runs[len(runs)-1].regions) <= 2*len(list) {
		list = sorted(append(list, runs[len(runs)-1].regions...))
		runs = runs[:len(runs)-1]
	}
	one := run{list, make([]uintptr, len(list))}
	reach := uintptr(0)
	for i := range list {
		reach = max(reach, list[i].end)
		one.reach[i] = reach
	}
	runs = append(runs, one)
	h.runs.Store(&runs)
	h.fresh.Store(&freshList{})
}

// sorted orders regions, without those that say nothing beyond one before them.
func sorted(list []region) []region {
	slices.SortFunc(list, func(a, b region) int {
		if c := cmp.Compare(a.base(), b.base()); c != 0 {
			return c
		}
		if c := cmp.Compare(b.end, a.end); c != 0 {
			return c
		}
		return cmp.Compare(uintptr(unsafe.Pointer(a.shape)), uintptr(unsafe.Pointer(b.shape)))
	})
	kept := list[:0]
	var memory region // the last one that reaches farthest
	for _, r := range list {
		if n := len(kept); n > 0 && kept[n-1] == r {
			continue
		}
		if r.end > 0 && r.shape != nil {
			if memory.p != nil && memory.shape.size > 0 && memory.covers(r.base(), r.end-r.base()) &&
				seriesAgrees(r.shape, r.end-r.base(), memory.shape, memory.offset(r.base())) {
				continue
			}
			if r.end > memory.end {
				memory = r
			}
		}
		kept = append(kept, r)
	}
	clear(list[len(kept):])
	return kept
}

// at visits what lies at an address, until one is enough.
func (h *holding) at(address uintptr, enough func(r *region) bool) bool {
	f := h.fresh.Load()
	for i := int(f.n.Load()) - 1; i >= 0; i-- {
		if r := &f.list[i]; r.base() == address || r.base() < address && address < r.end {
			if enough(r) {
				return true
			}
		}
	}
	runs := h.runs.Load()
	if runs == nil {
		return false
	}
	for n := len(*runs) - 1; n >= 0; n-- {
		one := &(*runs)[n]
		i, _ := slices.BinarySearchFunc(one.regions, address, func(r region, a uintptr) int {
			if r.base() <= a {
				return -1
			}
			return 1
		})
		for i--; i >= 0 && (one.reach[i] > address || one.regions[i].base() == address); i-- {
			if r := &one.regions[i]; r.base() == address || address < r.end {
				if enough(r) {
					return true
				}
			}
		}
	}
	return false
}

// each visits everything.
func (h *holding) each(visit func(r region)) {
	f := h.fresh.Load()
	for i := range f.n.Load() {
		visit(f.list[i])
	}
	if runs := h.runs.Load(); runs != nil {
		for _, one := range *runs {
			for _, r := range one.regions {
				visit(r)
			}
		}
	}
}

// reset forgets everything. Nobody looks at it: the link is locked, or nobody else has it.
func (h *holding) reset() {
	f := h.fresh.Load()
	clear(f.list[:f.n.Load()])
	f.n.Store(0)
	h.runs.Store(nil)
}

// seriesAgrees reports whether so many bytes of values of a shape, one after the other, may lie at an offset of others.
func seriesAgrees(s *shape, size uintptr, have *shape, offset uintptr) bool {
	if s == have && offset == 0 || size == 0 || s.size == 0 {
		return true
	}
	if !s.pointers {
		return !have.holdsLeaf(offset, size)
	}
	if have.size == 0 {
		return false
	}
	if seriesAt(have.t, offset, s.t) >= size {
		return true
	}
	for at := uintptr(0); at < size; at += s.size {
		if at >= have.size*s.size || !s.agrees(have, (offset+at)%have.size) {
			return at >= have.size*s.size // from there on they repeat
		}
	}
	return true
}

// hold notes what is handed out: size bytes of values of a shape, or, with no size, a handle.
func (s *session) hold(p unsafe.Pointer, size uintptr, of *shape) {
	if p == nil {
		return
	}
	r := region{p, 0, of}
	if size > 0 {
		r.end = uintptr(p) + size
	}
	recent := s.recentAt(uintptr(p))
	if *recent == r {
		return
	}
	*recent = r
	s.held.add(r)
	s.crowd.add(size)
	handOutAll(uintptr(p), size)
}

// holdMemory is hold for one value.
func (s *session) holdMemory(p unsafe.Pointer, of *shape) {
	switch {
	case of == nil:
		s.hold(p, openReach, nil)
	case of.size == 0:
		s.hold(p, 1, emptyShape)
	case of.number() && !s.refers(uintptr(p), of, of.size):
		s.hold(p, of.size, of.firstOfMany())
	default:
		s.hold(p, of.size, of)
	}
}

// recentAt is where the region that was met last around an address is remembered.
func (s *session) recentAt(address uintptr) *region {
	return &s.recent[(address>>6^address>>12)%uintptr(len(s.recent))]
}

// at visits what lies at an address: of this call first, of all others of the link last.
func (s *session) at(address uintptr, enough func(r *region) bool) bool {
	if s.held.at(address, enough) || s.link.permanent.at(address, enough) {
		return true
	}
	return s.link.elsewhere(s, address, enough)
}

// all visits everything that this call and the link's variables hold.
func (s *session) all(visit func(r region)) {
	s.held.each(visit)
	s.link.permanent.each(visit)
}

// elsewhere visits what closures hold that this call runs or was given, then what the other calls of the link do, once the link is
// no longer locked.
func (l *link) elsewhere(s *session, address uintptr, enough func(r *region) bool) bool {
	var found []region
	note := func(r *region) bool {
		found = append(found, *r)
		return false
	}
	seen := map[*holdings]bool{}
	l.mu.Lock()
	s.own.at(address, seen, note)
	l.mu.Unlock()
	if s.strays(found, enough) {
		return true
	}
	found = found[:0]
	l.mu.Lock()
	for _, one := range l.sessions {
		if one.busy {
			one.own.at(address, seen, note)
		}
	}
	l.mu.Unlock()
	return s.strays(found, enough)
}

// strays visits regions that others hold. One that is enough is held from now on by this call as well: the others may end.
func (s *session) strays(found []region, enough func(r *region) bool) bool {
	for i := range found {
		if enough(&found[i]) {
			s.held.add(found[i])
			return true
		}
	}
	return false
}
