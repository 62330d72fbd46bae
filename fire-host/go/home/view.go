package home

import (
	"reflect"

	"fireagent/wire"
)

// view is a worker's layout over memory of a type of this process's: the instructions know what lies under them, so that
// each address is handed out with the type of what is there, and taken for nothing else.
type view struct {
	program  []wire.Instruction
	opaque   bool // it has instructions of the kind opaqueLeaf
	readonly bool // it may be read so, and not written
}

// opaqueLeaf is the kind of an instruction of home's own: the worker sees a leaf as words that mean nothing to it. Encoder and
// decoder pass over it.
const opaqueLeaf = 255

// place is what lies under an instruction. The zero place: a word of an opaque leaf.
type place struct {
	t       reflect.Type // of the leaf
	element *shape       // what it refers to; nil where that is not known
	code    uint32       // the worker's code of its type
}

// orOf is the type of the place, or the worker's where it is not known.
func (p *place) orOf(t *typ) reflect.Type {
	if p.t == nil {
		return t.rtype
	}
	return p.t
}

// handle is the shape of the functions of the place.
func (p place) handle() *shape {
	if p.t == nil || p.t.Kind() != reflect.Func {
		return anyFunction
	}
	return p.element
}

// place is what an instruction of a view says of itself.
func (l *link) place(n uint32) place {
	if list := l.places.Load(); list != nil && int(n) < len(*list) {
		return (*list)[n]
	}
	return place{}
}

// enterPlace numbers a place. Precondition: the link is locked.
func (l *link) enterPlace(p place) uint32 {
	if n, ok := l.placed[p]; ok {
		return n
	}
	var list []place
	if old := l.places.Load(); old != nil {
		list = *old
	} else {
		list = []place{{}}
		l.placed = map[place]uint32{}
	}
	list = append(list, p)
	l.places.Store(&list)
	l.placed[p] = uint32(len(list) - 1)
	return uint32(len(list) - 1)
}

// over is the view of a type of the worker's over memory that holds values of a shape, at an offset. Nil: it is no view of that.
func (l *link) over(t *typ, have *shape, offset uintptr) *view {
	place := &t.last[offset/8%uintptr(len(t.last))]
	if last := place.Load(); last != nil && last.have == have && last.offset == offset {
		return last.view
	}
	m := meeting{have, offset}
	known, ok := t.views.Load(m)
	if !ok {
		made := l.viewOver(t, have, offset)
		known = made
		if t.seen.Add(1) < mostMeetings {
			t.views.Store(m, made)
		}
	}
	v := known.(*view)
	place.Store(&lastView{m, v})
	return v
}

type lastView struct {
	meeting
	view *view
}

// as is the view of a type over a value of a type of this process's. It panics where that is not the worker's type.
func (l *link) as(t *typ, real reflect.Type) *view {
	if last := t.whole.Load(); last != nil && last.real == real {
		return last.view
	}
	if t.size != real.Size() || t.rtype != real && !agrees(t.program, real) {
		panic(layoutDiffers{t.name, real.Size(), t.size})
	}
	v := l.over(t, shapeOf(real), 0)
	if v == nil || v.readonly {
		panic(layoutDiffers{t.name, real.Size(), t.size})
	}
	t.whole.Store(&wholeView{real, v})
	return v
}

// shape is that of a type which this process has.
func (t *typ) shape() *shape {
	if s := t.own.Load(); s != nil {
		return s
	}
	s := shapeOf(t.rtype)
	t.own.Store(s)
	return s
}

type wholeView struct {
	real reflect.Type
	view *view
}

func (l *link) viewOver(t *typ, have *shape, offset uintptr) *view {
	l.mu.Lock()
	defer l.mu.Unlock()
	if have.size == 0 && t.size > 0 {
		return nil
	}
	a := annotator{link: l, size: t.size, have: have, offset: offset, opaque: map[int]bool{}}
	program, ok := a.annotate(nil, t.program, 0)
	if !ok {
		return nil
	}
	return &view{program: program, opaque: a.any, readonly: a.readonly}
}

// annotator lays a program over memory.
type annotator struct {
	link     *link
	size     uintptr // of what the program describes
	have     *shape
	offset   uintptr      // of the program's beginning in it
	opaque   map[int]bool // where opaque leaves begin
	any      bool
	readonly bool
}

// under is the leaf over a place of the program, and where it begins, both counted from the program's beginning.
func (a *annotator) under(at uintptr) (leaf reflect.Type, start int) {
	lies := a.offset + at
	rest := lies % a.have.size
	leaf, begins := leafAt(a.have.t, rest)
	return leaf, int(at) - int(rest-begins)
}

func (a *annotator) annotate(out, program []wire.Instruction, base uintptr) ([]wire.Instruction, bool) {
	ok := true
	for _, in := range program {
		at := base + uintptr(in.Offset)
		in.Offset = uint32(at)
		if in.Kind == wire.Array {
			if out, ok = a.array(out, in, at); !ok {
				return nil, false
			}
			continue
		}
		if in.Kind == wire.Scalar {
			if out, ok = a.scalars(out, at, uintptr(in.Size)); !ok {
				return nil, false
			}
			out = append(out, in)
			continue
		}
		leaf, start := a.under(at)
		if leaf == nil {
			return nil, false
		}
		in.Type, ok = a.leaf(&in, leaf, start == int(at))
		if !ok {
			if in.Kind != wire.Pointer {
				return nil, false
			}
			if out, ok = a.hide(out, leaf, start); !ok {
				return nil, false
			}
		}
		out = append(out, in)
	}
	return out, true
}

// leaf is the place under an instruction that takes a leaf for what it is.
func (a *annotator) leaf(in *wire.Instruction, leaf reflect.Type, exact bool) (n uint32, ok bool) {
	kind := leaf.Kind()
	switch in.Kind {
	case wire.Pointer:
		ok = kind == reflect.Pointer || kind == reflect.UnsafePointer || kind == reflect.Map || kind == reflect.Chan || kind == reflect.Func
	case wire.Text:
		ok = kind == reflect.String
		if kind == reflect.Slice && !hasPointers(leaf.Elem()) && exact {
			a.readonly = true // the first two words of a slice are a string
			return 0, true
		}
	case wire.Slice:
		ok = kind == reflect.Slice
	case wire.Interface:
		ok = kind == reflect.Interface
	case wire.Func:
		ok = kind == reflect.Func
	}
	if !ok || !exact {
		return 0, false
	}
	return a.link.enterPlace(placeOf(leaf, in.Type)), true
}

// placeOf is the place of a leaf.
func placeOf(leaf reflect.Type, code uint32) place {
	p := place{t: leaf, code: code}
	switch leaf.Kind() {
	case reflect.Pointer, reflect.Slice:
		p.element = shapeOf(leaf.Elem())
	case reflect.Map, reflect.Chan, reflect.Func:
		p.element = shapeOf(leaf)
	}
	return p
}

// scalars notes the leaves that lie under bytes which mean nothing to the worker.
func (a *annotator) scalars(out []wire.Instruction, at, size uintptr) ([]wire.Instruction, bool) {
	if !a.have.pointers || size == 0 {
		return out, true
	}
	ok := true
	for w := at; w < at+size; w = (w | 7) + 1 {
		if leaf, start := a.under(w); leaf != nil {
			if out, ok = a.hide(out, leaf, start); !ok {
				return nil, false
			}
		}
	}
	return out, true
}

// hide notes an opaque leaf, once. Of one that lies beyond the program the words can be looked at alone.
func (a *annotator) hide(out []wire.Instruction, leaf reflect.Type, start int) ([]wire.Instruction, bool) {
	a.readonly = a.readonly || start < 0 || uintptr(start)+leaf.Size() > a.size
	if a.opaque[start] {
		return out, true
	}
	a.opaque[start], a.any = true, true
	n := a.link.enterPlace(placeOf(leaf, 0))
	return append(out, wire.Instruction{Kind: opaqueLeaf, Offset: uint32(int32(start)), Type: n}), true
}

// mostElements is the number up to which the elements of an array are looked at one by one where they lie over something else
// than such elements.
const mostElements = 4096

func (a *annotator) array(out []wire.Instruction, in wire.Instruction, at uintptr) ([]wire.Instruction, bool) {
	size, count := uintptr(in.Size), uintptr(in.Count)
	if !a.have.pointers {
		if anyPointer(in.Body) {
			return nil, false
		}
		return append(out, in), true
	}
	lies := (a.offset + at) % a.have.size
	if element := elementAt(a.have.t, lies, size, size*count); element != nil {
		inner := annotator{link: a.link, size: size, have: shapeOf(element), opaque: map[int]bool{}}
		body, ok := inner.annotate(nil, in.Body, 0)
		if !ok {
			return nil, false
		}
		in.Body = body
		a.any, a.readonly = a.any || inner.any, a.readonly || inner.readonly
		return append(out, in), true
	}
	if count > mostElements {
		return nil, false
	}
	ok := true
	for n := range count {
		if out, ok = a.annotate(out, in.Body, at+n*size); !ok {
			return nil, false
		}
	}
	return out, true
}

// elementAt is the type of the elements, of a size, that fill a range of memory of values of a type. Nil: they are none.
func elementAt(t reflect.Type, offset, size, whole uintptr) reflect.Type {
	if t.Size() == size && offset == 0 {
		return t // memory holds one value after the other
	}
	for t != nil {
		switch t.Kind() {
		case reflect.Struct:
			t, offset = fieldAt(t, offset)
		case reflect.Array:
			element := t.Elem().Size()
			if element == 0 {
				return nil
			}
			if element == size && offset%size == 0 {
				if offset+whole <= t.Size() {
					return t.Elem()
				}
				return nil
			}
			t, offset = t.Elem(), offset%element
		default:
			return nil
		}
	}
	return nil
}

// viewOf is the view of a type that home does not know another type of.
func (l *link) viewOf(t *typ) *view {
	if t.rtype != nil {
		return l.as(t, t.rtype)
	}
	return l.openView(t)
}

// openView is a view over values of which nothing is known here but what the worker says of them.
func (l *link) openView(t *typ) *view {
	if v := t.open.Load(); v != nil {
		return v
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	var copied func(program []wire.Instruction) []wire.Instruction
	copied = func(program []wire.Instruction) []wire.Instruction {
		out := make([]wire.Instruction, len(program))
		for i, in := range program {
			switch in.Kind {
			case wire.Pointer:
				in.Type = l.enterPlace(place{t: unsafePointer})
			case wire.Slice, wire.Interface, wire.Func:
				at := place{code: in.Type}
				if int(in.Type) < len(l.types) && l.types[in.Type] != nil && l.types[in.Type].rtype != nil {
					at = placeOf(l.types[in.Type].rtype, in.Type)
				}
				in.Type = l.enterPlace(at)
			}
			in.Body = copied(in.Body)
			out[i] = in
		}
		return out
	}
	v := &view{program: copied(t.program)}
	t.open.Store(v)
	return v
}
