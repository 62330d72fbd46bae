package home

import (
	"reflect"
	"runtime"
	"strconv"
	"unsafe"

	"fireagent/wire"
)

// What a worker may do to memory: what it names must have been handed out, with the type of what lies there, and words that
// refer to something are taken only for what they were handed out as. Anything else ends the call.

// wrong is the panic at an address that the worker cannot have for this.
func wrong(address uintptr, as string) {
	homes(address)
	panic(wire.Malformed("0x" + strconv.FormatUint(uint64(address), 16) + " is no address of " + as + " that the program has handed out"))
}

// pointer is the pointer of an address that has been checked.
func pointer(address uintptr) unsafe.Pointer { return *(*unsafe.Pointer)(unsafe.Pointer(&address)) }

// missed panics as Go does if an address is that of a nil pointer or of its field.
func missed(address uintptr) {
	if address < firstPage { // in a stack that grows it would be the end of the process
		panic(genuine("runtime error: invalid memory address or nil pointer dereference"))
	}
}

// viewAt is how a value of a worker's type is read or written at an address.
func (s *session) viewAt(t *typ, address uintptr) (v *view, have *region) {
	missed(address)
	recent := s.recentAt(address)
	if recent.covers(address, t.size) {
		if v = s.link.over(t, recent.shape, recent.offset(address)); v != nil {
			return v, recent
		}
	}
	open := false
	s.at(address, func(r *region) bool {
		if r.shape == nil {
			open = open || address < r.end
			return false
		}
		if r.covers(address, t.size) {
			if v = s.link.over(t, r.shape, r.offset(address)); v != nil {
				*recent = *r
			}
		}
		return v != nil
	})
	if v != nil {
		return v, recent
	}
	if s.bytesOfString(t, address) {
		return s.link.as(t, t.rtype), recent
	}
	if !open && !s.opens(address) || t.rtype == nil || t.size == 0 {
		wrong(address, "a "+t.name)
	}
	s.hold(pointer(address), t.size, shapeOf(t.rtype)) // nothing contradicts it
	return s.link.as(t, t.rtype), recent
}

// bytesOfString reports whether a string and a number behind it can be read as a slice of bytes: that the number is no more
// than its length is what struct{ string; int } is for.
func (s *session) bytesOfString(t *typ, address uintptr) bool {
	if t.rtype == nil || t.rtype.Kind() != reflect.Slice || t.rtype.Elem().Kind() != reflect.Uint8 {
		return false
	}
	return s.at(address, func(r *region) bool {
		if !r.covers(address, t.size) || r.shape.t == nil {
			return false
		}
		at := r.offset(address)
		leaf, start := leafAt(r.shape.t, at)
		if leaf == nil || leaf.Kind() != reflect.String || start != at || r.shape.holdsLeaf(at+leaf.Size(), 8) {
			return false
		}
		header := (*sliceHeader)(pointer(address))
		return header.cap >= header.len && header.cap <= len(*(*string)(pointer(address)))
	})
}

// scalars reports whether a range is memory without leaves; with a region that has some there, if one is known.
func (s *session) scalars(address, size uintptr) (ok bool, leaves *region) {
	missed(address)
	if size == 0 {
		return true, nil
	}
	recent := s.recentAt(address)
	plain := func(r *region) bool {
		return r.covers(address, size) && r.shape.size > 0 && !r.shape.holdsLeaf(r.offset(address), size)
	}
	if plain(recent) {
		return true, nil
	}
	open := false
	if s.at(address, func(r *region) bool {
		switch {
		case plain(r):
			*recent = *r
			return true
		case r.shape == nil:
			open = open || address+size <= r.end
		case r.covers(address, size) && r.shape.size > 0:
			found := *r
			leaves = &found
		}
		return false
	}) {
		return true, nil
	}
	if leaves != nil {
		return false, leaves
	}
	return open || s.follows(address, size) || s.opens(address), nil
}

// largestOpen is the size up to which memory of which only the beginning is known may be looked into.
const largestOpen = 1 << 26

// opens reports whether what begins last before an address is open memory: it may be as large as it likes.
func (s *session) opens(address uintptr) bool {
	var nearest region
	s.all(func(r region) {
		if r.base() <= address && (nearest.p == nil || r.base() >= nearest.base()) {
			nearest = r
		}
	})
	return nearest.p != nil && nearest.shape == nil && address-nearest.base() < largestOpen
}

// farthest is how far behind a number that was handed out by a pointer others like it may lie.
const farthest = 1 << 16

// follows reports whether a range lies behind a number that was handed out by a pointer alone: it may be the first of many, as
// unsafe.Slice takes it.
func (s *session) follows(address, size uintptr) bool {
	var first uintptr
	blocked := uintptr(0) // the last beginning of something else
	s.all(func(r region) {
		switch at := r.base(); {
		case at >= address+size || r.shape == nil:
		case r.shape.first && at <= address && address-at < farthest:
			first = max(first, at)
		case r.end == 0 || r.shape.pointers:
			blocked = max(blocked, at, r.end-1)
		}
	})
	if first == 0 || blocked > first {
		return false
	}
	readable(address, size)
	s.hold(pointer(address), size, byteShape)
	return true
}

// readable faults where there is no memory: an answer of that length would be made before.
func readable(address, size uintptr) {
	var sum byte
	for at := uintptr(0); at < size; at += firstPage {
		sum ^= *(*byte)(pointer(address + at))
	}
	if size > 0 {
		sum ^= *(*byte)(pointer(address + size - 1))
	}
	runtime.KeepAlive(sum)
}

// known reports whether an address lies in anything that was handed out.
func (s *session) known(address uintptr) bool {
	if r := s.recentAt(address); r.p != nil && r.base() <= address && (r.base() == address || address < r.end) {
		return true
	}
	return s.at(address, func(r *region) bool {
		*s.recentAt(address) = *r
		return true
	})
}

// refers reports whether at an address lie so many bytes of values of a shape.
func (s *session) refers(address uintptr, of *shape, size uintptr) bool {
	if of == nil || size == 0 || of.size == 0 {
		return s.known(address)
	}
	recent := s.recentAt(address)
	fits := func(r *region) bool {
		return r.covers(address, size) && r.shape.size > 0 && seriesAgrees(of, size, r.shape, r.offset(address))
	}
	if fits(recent) {
		return true
	}
	open := false
	found := s.at(address, func(r *region) bool {
		if fits(r) {
			*recent = *r
			return true
		}
		open = open || r.shape == nil && address < r.end
		return false
	})
	if !found && (open || s.opens(address)) {
		s.hold(pointer(address), size, of)
		return true
	}
	return found
}

// isHandle reports whether a word is a map, a channel or a function of a type.
func (s *session) isHandle(word uintptr, of *shape) bool {
	if word == 0 || of == nil {
		return false
	}
	is := func(r *region) bool {
		return r.base() == word && r.end == 0 && r.shape != nil && (r.shape == of || r.shape.t != nil && of.t != nil && handedAs(r.shape.t, of.t))
	}
	recent := s.recentAt(word)
	if recent.base() == word && recent.end == 0 && recent.shape == of {
		return true
	}
	return s.at(word, func(r *region) bool {
		if is(r) {
			*recent = region{r.p, 0, of}
			return true
		}
		return false
	})
}

// handedAs reports whether a value of one type may be used as one of another: of types of one structure, and of channels
// whichever way they go, as the worker names the directions where it matters.
func handedAs(have, as reflect.Type) bool {
	return have.Kind() == as.Kind() && (have.ConvertibleTo(as) || have.Kind() == reflect.Chan && as.ConvertibleTo(have))
}

// soundWord is sound for a leaf of one word.
func (s *session) soundWord(at *place, word uintptr) {
	ok := word == 0
	if !ok {
		switch at.t.Kind() {
		case reflect.Map, reflect.Chan, reflect.Func:
			ok = s.isHandle(word, at.element)
		default:
			ok = s.refers(word, at.element, sizeOf(at.element))
		}
	}
	if !ok {
		wrong(word, "a "+at.t.String())
	}
}

// sound panics if a leaf's words are not ones that the worker was given.
func (s *session) sound(p *place, words *[3]uintptr) {
	ok := true
	switch p.t.Kind() {
	default:
		s.soundWord(p, words[0])
	case reflect.String:
		ok = words[1] == 0 && (words[0] == 0 || s.known(words[0])) || words[1] <= 1<<47 && s.refers(words[0], byteShape, words[1])
	case reflect.Slice:
		ok = s.soundSlice(p.element, words)
	case reflect.Interface:
		ok = words[0] == 0 && words[1] == 0 || words[0] != 0 && s.isHandle(words[0], dynamic)
		if ok && words[0] != 0 {
			t := dynamicType(p.t, words[0])
			if wire.PointerShaped(t) {
				at := placeOf(innermost(t), 0)
				s.soundWord(&at, words[1])
			} else {
				ok = s.refers(words[1], shapeOf(t), t.Size()) || t.Size() == 0
			}
		}
	}
	if !ok {
		wrong(words[0], "a "+p.t.String())
	}
}

func sizeOf(s *shape) uintptr {
	if s == nil {
		return 0
	}
	return s.size
}

func (s *session) soundSlice(element *shape, words *[3]uintptr) bool {
	data, length, capacity := words[0], words[1], words[2]
	if length > capacity || capacity > 1<<47 {
		return false
	}
	if capacity == 0 {
		return data == 0 || s.known(data)
	}
	if element == nil {
		return data != 0 && s.known(data)
	}
	if element.size > 0 && capacity > 1<<47/element.size {
		return false
	}
	return data != 0 && (s.refers(data, element, capacity*element.size) || !element.pointers && s.follows(data, capacity*element.size))
}

// dynamicType is the type of what an interface holds, by its first word.
func dynamicType(static reflect.Type, word uintptr) reflect.Type {
	v := reflect.New(static)
	*(*[2]unsafe.Pointer)(v.UnsafePointer()) = [2]unsafe.Pointer{pointer(word), unsafe.Pointer(v.UnsafePointer())}
	return v.Elem().Elem().Type()
}

// innermost is the one word of a type that interfaces hold directly.
func innermost(t reflect.Type) reflect.Type {
	leaf, _ := leafAt(t, 0)
	return leaf
}

// give encodes a value.
func (s *session) give(w *wire.Writer, p unsafe.Pointer, v *view) {
	wire.Write(s, w, p, v.program)
	if v.opaque {
		s.eachOpaque(p, v.program, s.holdLeaf)
	}
}

// take decodes a value into memory that is not yet the program's.
func (s *session) take(r *wire.Reader, p unsafe.Pointer, v *view) {
	wire.Read(s, r, p, v.program)
	if v.opaque {
		s.eachOpaque(p, v.program, func(at *place, p unsafe.Pointer) {
			words := leafWords(at.t, p)
			s.sound(at, &words)
		})
	}
}

func (s *session) eachOpaque(p unsafe.Pointer, program []wire.Instruction, each func(at *place, p unsafe.Pointer)) {
	for i := range program {
		switch in := &program[i]; in.Kind {
		case opaqueLeaf:
			at := s.link.place(in.Type)
			each(&at, unsafe.Add(p, int32(in.Offset)))
		case wire.Array:
			for n := range in.Count {
				s.eachOpaque(unsafe.Add(p, uintptr(in.Offset)+uintptr(n)*uintptr(in.Size)), in.Body, each)
			}
		}
	}
}

func leafWords(t reflect.Type, p unsafe.Pointer) (words [3]uintptr) {
	for i := range t.Size() / 8 {
		words[i] = *(*uintptr)(unsafe.Add(p, i*8))
	}
	return words
}

// holdLeaf hands a leaf out as the words that it is.
func (s *session) holdLeaf(at *place, p unsafe.Pointer) {
	data := *(*unsafe.Pointer)(p)
	switch at.t.Kind() {
	case reflect.Pointer, reflect.UnsafePointer:
		s.holdMemory(data, at.element)
	case reflect.Map, reflect.Chan, reflect.Func:
		s.hold(data, 0, at.element)
	case reflect.String:
		s.holdSeries(data, uintptr(len(*(*string)(p))), byteShape)
	case reflect.Slice:
		s.holdSeries(data, uintptr((*sliceHeader)(p).cap)*at.element.size, at.element)
	case reflect.Interface:
		s.hold(data, 0, dynamic)
		if v := reflect.NewAt(at.t, p).Elem(); !v.IsNil() {
			s.holdPayload(v.Elem().Type(), *(*unsafe.Pointer)(unsafe.Add(p, 8)))
		}
	}
}

// holdSeries hands out memory of several values.
func (s *session) holdSeries(p unsafe.Pointer, size uintptr, of *shape) {
	if size == 0 {
		size, of = 1, emptyShape
	}
	s.hold(p, size, of)
}

// holdPayload hands out the second word of an interface.
func (s *session) holdPayload(t reflect.Type, word unsafe.Pointer) {
	if wire.PointerShaped(t) {
		at := placeOf(innermost(t), 0)
		s.holdLeaf(&at, unsafe.Pointer(&word))
		return
	}
	s.holdMemory(word, shapeOf(t))
}

// overlay writes bytes over memory that has leaves: a leaf that changes must be sound then.
func (s *session) overlay(address uintptr, bytes []byte, have *region) {
	for len(bytes) > 0 {
		at := have.offset(address)
		leaf, start := leafAt(have.shape.t, at)
		n := min(uintptr(len(bytes)), 8-address%8)
		if leaf == nil {
			copy(unsafe.Slice((*byte)(pointer(address)), n), bytes)
		} else {
			begins := pointer(address - (at - start))
			n = min(uintptr(len(bytes)), leaf.Size()-(at-start))
			old := leafWords(leaf, begins)
			words := old
			copy(unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(&words), at-start)), n), bytes)
			if words != old {
				p := placeOf(leaf, 0)
				if leaf.Kind() == reflect.Interface {
					wrong(words[0], "an interface's value")
				}
				s.sound(&p, &words)
				*(*unsafe.Pointer)(begins) = pointer(words[0])
				for i := uintptr(1); i < leaf.Size()/8; i++ {
					*(*uintptr)(unsafe.Add(begins, i*8)) = words[i]
				}
			}
		}
		bytes = bytes[n:]
		address += n
	}
}
