package home

import (
	"reflect"
	"sync"
	"sync/atomic"
)

// shape is what home knows of the memory of a type: where words lie in which only certain values may stand. Those words are
// called leaves: pointers, maps, channels, functions, and all words of strings, slices and interfaces.
type shape struct {
	t        reflect.Type
	size     uintptr
	pointers bool
	guarded  []uint64 // one bit a word that is part of a leaf; nil where a type is larger than mostMarked
	agreed   sync.Map // meeting → bool
	meetings atomic.Int32
	many     atomic.Pointer[shape]
	first    bool // a number that may be the first of many
}

// number reports whether values are numbers or truth values.
func (s *shape) number() bool { return s.t.Kind() < reflect.Array }

// firstOfMany is the shape of a number of which a pointer is known and not how many others follow.
func (s *shape) firstOfMany() *shape {
	if s.first {
		return s
	}
	if made := s.many.Load(); made != nil {
		return made
	}
	s.many.CompareAndSwap(nil, &shape{t: s.t, size: s.size, first: true})
	return s.many.Load()
}

// mostMarked is the size up to which a shape has a bit for each word.
const mostMarked = 1 << 16

// mostMeetings bounds what is remembered of how types lie over each other; an honest worker needs few.
const mostMeetings = 1 << 12

var shapes sync.Map // reflect.Type → *shape

func shapeOf(t reflect.Type) *shape {
	if s, ok := shapes.Load(t); ok {
		return s.(*shape)
	}
	s := &shape{t: t, size: t.Size(), pointers: hasPointers(t)}
	if s.pointers && s.size <= mostMarked {
		s.guarded = make([]uint64, (s.size/8+63)/64)
		for at := uintptr(0); at < s.size; at += 8 {
			if leaf, _ := leafAt(t, at); leaf != nil {
				s.guarded[at/512] |= 1 << (at / 8 % 64)
			}
		}
	}
	made, _ := shapes.LoadOrStore(t, s)
	return made.(*shape)
}

var (
	emptyShape = shapeOf(reflect.TypeFor[struct{}]())
	byteShape  = shapeOf(reflect.TypeFor[byte]())
	// dynamic is what the first word of an interface points to.
	dynamic = &shape{}
	// anyFunction is that of functions of which home does not know the type.
	anyFunction = &shape{}
)

// holdsLeaf reports whether a leaf lies in a range of memory that holds one value of the shape after the other.
func (s *shape) holdsLeaf(at, size uintptr) bool {
	if !s.pointers || size == 0 {
		return false
	}
	if size >= s.size {
		return true
	}
	if s.guarded == nil {
		for w := at &^ 7; w < at+size; w += 8 {
			if leaf, _ := leafAt(s.t, w%s.size); leaf != nil {
				return true
			}
		}
		return false
	}
	for w := at / 8; w <= (at+size-1)/8; w++ {
		if k := w % (s.size / 8); s.guarded[k/64]>>(k%64)&1 != 0 {
			return true
		}
	}
	return false
}

// leafAt is the leaf that lies over an offset of a type, and where it begins. Nil: none does.
func leafAt(t reflect.Type, offset uintptr) (leaf reflect.Type, start uintptr) {
	for {
		switch t.Kind() {
		case reflect.Struct:
			f, rest := fieldAt(t, offset)
			if f == nil {
				return nil, 0
			}
			start += offset - rest
			t, offset = f, rest
		case reflect.Array:
			size := t.Elem().Size()
			if size == 0 || t.Len() == 0 {
				return nil, 0
			}
			start += offset / size * size
			t, offset = t.Elem(), offset%size
		case reflect.Pointer, reflect.UnsafePointer, reflect.Map, reflect.Chan, reflect.Func, reflect.String, reflect.Slice, reflect.Interface:
			return t, start
		default:
			return nil, 0
		}
	}
}

// seriesAt is how much of memory of a type, from an offset on, holds values of an element's type one after the other.
func seriesAt(t reflect.Type, offset uintptr, element reflect.Type) uintptr {
	for t != nil && t != element {
		switch t.Kind() {
		case reflect.Struct:
			t, offset = fieldAt(t, offset)
		case reflect.Array:
			size := t.Elem().Size()
			if size == 0 {
				return 0
			}
			if t.Elem() == element {
				if offset%size != 0 {
					return 0
				}
				return t.Size() - offset
			}
			t, offset = t.Elem(), offset%size
		default:
			return 0
		}
	}
	if t == nil || offset != 0 {
		return 0
	}
	return t.Size()
}

// meeting is a type whose values lie one after the other, and where in the first of them another type begins.
type meeting struct {
	have   *shape
	offset uintptr
}

// agrees reports whether a value of a shape may lie at an offset of memory that holds values of another: their leaves are
// the same.
func (s *shape) agrees(have *shape, offset uintptr) bool {
	if s == have && offset == 0 || s.size == 0 {
		return true
	}
	if have.size == 0 {
		return false
	}
	if !s.pointers {
		return !have.holdsLeaf(offset, s.size)
	}
	if !have.pointers {
		return false
	}
	m := meeting{have, offset}
	if known, ok := s.agreed.Load(m); ok {
		return known.(bool)
	}
	is := s.meets(have, offset)
	if s.meetings.Add(1) < mostMeetings {
		s.agreed.Store(m, is)
	}
	return is
}

func (s *shape) meets(have *shape, offset uintptr) bool {
	if seriesAt(have.t, offset, s.t) > 0 {
		return true
	}
	if offset%8 != 0 || s.size > mostMarked {
		return false
	}
	for at := uintptr(0); at < s.size; at += 8 {
		under := (offset + at) % have.size
		wanted, begins := leafAt(s.t, at)
		found, lies := leafAt(have.t, under)
		if (wanted == nil) != (found == nil) {
			return false
		}
		if wanted != nil && (at-begins != under-lies || !interchangeable(wanted, found)) {
			return false
		}
	}
	return true
}

// interchangeable reports whether a value of one leaf's type is one of the other's in memory.
func interchangeable(a, b reflect.Type) bool {
	if a == b {
		return true
	}
	pointer := func(t reflect.Type) bool { return t.Kind() == reflect.Pointer || t.Kind() == reflect.UnsafePointer }
	if pointer(a) && pointer(b) && a.Kind() != b.Kind() {
		return true
	}
	return a.Kind() == b.Kind() && a.ConvertibleTo(b) && b.ConvertibleTo(a)
}
