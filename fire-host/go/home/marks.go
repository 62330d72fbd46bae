package home

import (
	"reflect"
	"runtime"
	"strings"
	"sync"
	"weak"

	"fireagent/wire"
)

// A number in the stack. Go has no memory of a goroutine's own, so what a walk of the stack must know is written into the stack
// itself: a call goes through one function for each digit of the number, and the walk reads their names.

// mark is what a number in a stack stands for.
type mark struct {
	session *session     // it carries out an operation
	frames  []wire.Frame // of a panic that goes on here; the session is nil
}

var marks struct {
	sync.Mutex
	list []weak.Pointer[mark]
	free []uint32
}

// numbered gives a mark its number, for as long as somebody keeps it.
func numbered(m *mark) uint32 {
	marks.Lock()
	defer marks.Unlock()
	n := uint32(len(marks.list))
	if last := len(marks.free) - 1; last >= 0 {
		n, marks.free = marks.free[last], marks.free[:last]
		marks.list[n] = weak.Make(m)
	} else {
		marks.list = append(marks.list, weak.Make(m))
	}
	runtime.AddCleanup(m, func(n uint32) {
		marks.Lock()
		defer marks.Unlock()
		marks.free = append(marks.free, n)
	}, n)
	return n
}

// beneath is a call that is made under a number.
type beneath struct {
	function reflect.Value
	in, out  []reflect.Value
	spread   bool // the last argument is the slice of a variadic parameter

	panics, deferred bool
	values           [2]any // what is panicked with, and what replaces it
}

func (b *beneath) run() {
	switch {
	case b.panics:
		// The runtime prints a panic that was replaced, and the one that replaced it. So what comes first is shown if nothing
		// recovers, and a recover gives the value itself.
		defer panic(b.values[1])
		panic(b.values[0])
	case b.deferred:
		b.raise()
	case b.spread:
		b.out = b.function.CallSlice(b.in)
	default:
		b.out = b.function.Call(b.in)
	}
}

// under makes a call under a number, least digit first.
func (b *beneath) under(n uint32) {
	switch n % 16 {
	case 0:
		digit0(n/16, b)
	case 1:
		digit1(n/16, b)
	case 2:
		digit2(n/16, b)
	case 3:
		digit3(n/16, b)
	case 4:
		digit4(n/16, b)
	case 5:
		digit5(n/16, b)
	case 6:
		digit6(n/16, b)
	case 7:
		digit7(n/16, b)
	case 8:
		digit8(n/16, b)
	case 9:
		digit9(n/16, b)
	case 10:
		digit10(n/16, b)
	case 11:
		digit11(n/16, b)
	case 12:
		digit12(n/16, b)
	case 13:
		digit13(n/16, b)
	case 14:
		digit14(n/16, b)
	case 15:
		digit15(n/16, b)
	}
}

// further goes on with what is left of the number.
func (b *beneath) further(n uint32) {
	if n > 0 {
		b.under(n)
	} else {
		b.run()
	}
}

//go:noinline
func digit0(n uint32, b *beneath) { b.further(n) }

//go:noinline
func digit1(n uint32, b *beneath) { b.further(n) }

//go:noinline
func digit2(n uint32, b *beneath) { b.further(n) }

//go:noinline
func digit3(n uint32, b *beneath) { b.further(n) }

//go:noinline
func digit4(n uint32, b *beneath) { b.further(n) }

//go:noinline
func digit5(n uint32, b *beneath) { b.further(n) }

//go:noinline
func digit6(n uint32, b *beneath) { b.further(n) }

//go:noinline
func digit7(n uint32, b *beneath) { b.further(n) }

//go:noinline
func digit8(n uint32, b *beneath) { b.further(n) }

//go:noinline
func digit9(n uint32, b *beneath) { b.further(n) }

//go:noinline
func digit10(n uint32, b *beneath) { b.further(n) }

//go:noinline
func digit11(n uint32, b *beneath) { b.further(n) }

//go:noinline
func digit12(n uint32, b *beneath) { b.further(n) }

//go:noinline
func digit13(n uint32, b *beneath) { b.further(n) }

//go:noinline
func digit14(n uint32, b *beneath) { b.further(n) }

//go:noinline
func digit15(n uint32, b *beneath) { b.further(n) }

// digits are the functions' names and what they stand for.
var digits = map[string]uint32{
	"digit0": 0, "digit1": 1, "digit2": 2, "digit3": 3, "digit4": 4, "digit5": 5, "digit6": 6, "digit7": 7,
	"digit8": 8, "digit9": 9, "digit10": 10, "digit11": 11, "digit12": 12, "digit13": 13, "digit14": 14, "digit15": 15,
}

// markIn reads the number that begins at a frame of a stack, innermost first; after is the frame after it. The same frame:
// there is none.
func markIn(names []string, at int) (m *mark, after int) {
	n, found := uint32(0), false
	for after = at; after < len(names); after++ {
		name, ok := strings.CutPrefix(names[after], homePackage)
		if !ok {
			break
		}
		if digit, ok := digits[name]; ok {
			n, found = n*16+digit, true
		} else if !strings.HasPrefix(name, "(*beneath).") {
			break
		}
	}
	if !found {
		return nil, at
	}
	marks.Lock()
	defer marks.Unlock()
	if int(n) < len(marks.list) {
		m = marks.list[n].Value()
	}
	return m, after
}
