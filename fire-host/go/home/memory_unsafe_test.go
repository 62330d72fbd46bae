package home

import (
	"reflect"
	"runtime"
	"testing"
	"unsafe"

	"fireagent/wire"
)

// The codes of some of kinds.
const (
	anInt, aText, numbers64, textMap, intChan, recordPointer, aRecord, intFunction = uint32(0), uint32(1), uint32(2), uint32(3), uint32(4), uint32(5), uint32(6), uint32(7)
	recordMap, emptyChan                                                           = uint32(12), uint32(22)
)

// last is the word that home has answered last.
var last = answered{}

// makeRecord has home make a record.
func makeRecord(s *script) { s.say(wire.New, aRecord, "name", uint64(0), 5) }

func TestNumbersAreTakenForNothingElse(t *testing.T) {
	field[0], field[1], field[2] = int64(at(unsafe.Pointer(field))), 1<<34, 1<<34
	for _, kind := range []uint32{aText, numbers64, textMap, intChan, recordPointer, aRecord, intFunction} {
		rejects(t, func(s *script) { s.say(wire.Load, kind, at(unsafe.Pointer(field))) })
	}
	rejects(t, func(s *script) { s.say(wire.Store, recordPointer, at(unsafe.Pointer(field)), uint64(0)) })
	rejects(t, func(s *script) { s.say(wire.MapLen, textMap, at(unsafe.Pointer(field))) })
	rejects(t, func(s *script) { s.say(wire.ChanLen, intChan, at(unsafe.Pointer(field))) })
	rejects(t, func(s *script) { s.say(wire.CallFunction, uint32(1), at(unsafe.Pointer(field))) })
}

func TestMapsAndChannelsAreTakenForNothingElse(t *testing.T) {
	answers(t, func(s *script) {
		s.say(wire.MakeMap, textMap, 0, uint32(0))
		s.say(wire.MapLen, textMap, last)
	})
	made := map[string]func(s *script){
		"a map":     func(s *script) { s.say(wire.MakeMap, textMap, 0, uint32(0)) },
		"a channel": func(s *script) { s.say(wire.MakeChan, emptyChan, 1) },
		"a record":  makeRecord,
		"a slice":   func(s *script) { s.say(wire.MakeSlice, numbers64, 8, 8) },
	}
	for name, makes := range made {
		t.Run(name, func(t *testing.T) {
			rejects(t, func(s *script) { makes(s); s.say(wire.MapLen, recordMap, last) })
			rejects(t, func(s *script) { makes(s); s.say(wire.ChanLen, intChan, last) })
			rejects(t, func(s *script) { makes(s); s.say(wire.CallFunc, intFunction, last, 1) })
			rejects(t, func(s *script) { makes(s); s.say(wire.Load, aText, answered{0, 0, 8}) })
			if name != "a record" {
				rejects(t, func(s *script) { makes(s); s.say(wire.CallFunction, uint32(1), last) })
			}
		})
	}
}

var unseen = &record{name: "unseen"}

func TestMemoryThatWasNotHandedOutIsLeftAlone(t *testing.T) {
	makeRecords := func(s *script) {
		for range 3 {
			makeRecord(s)
		}
	}
	address := at(unsafe.Pointer(unseen))
	handOut(uintptr(address)) // as is everything around it
	for _, say := range []func(s *script){
		func(s *script) { s.say(wire.Load, aRecord, address) },
		func(s *script) { s.say(wire.Load, recordPointer, address+16) },
		func(s *script) { s.say(wire.Store, anInt, address+24, 1) },
		func(s *script) {
			s.say(wire.Writes, uint32(14), uint8(wire.WriteBytes), address+24, uint32(1), uint8(1))
		},
		func(s *script) { s.say(wire.CallFunction, uint32(1), address) },
		func(s *script) { s.say(wire.New, aRecord, "name", address, 5) },
	} {
		rejects(t, func(s *script) { makeRecords(s); say(s) })
	}
	if *unseen != (record{name: "unseen"}) {
		t.Errorf("it is %+v", *unseen)
	}
}

func TestWordsOfStringsChangeOnlyToWhatWasHandedOut(t *testing.T) {
	rejects(t, func(s *script) {
		makeRecord(s)
		s.say(wire.Writes, uint32(21), uint8(wire.WriteBytes), answered{0, 0, 8}, uint32(8), uint64(1<<30))
	})
	rejects(t, func(s *script) {
		makeRecord(s)
		s.say(wire.Store, anInt, answered{0, 0, 16}, at(unsafe.Pointer(field)))
	})
	answers(t, func(s *script) {
		makeRecord(s)
		s.say(wire.Store, anInt, answered{0, 0, 24}, 7)
	})
}

func newSession(l *link) *session {
	s := &session{link: l, busy: true, own: newHoldings()}
	s.held = s.own.held
	return s
}

// A closure that another one has made may refer to what that one was given: home keeps it for as long as the second is there.
func TestClosuresHoldWhatTheirMakersWereGiven(t *testing.T) {
	l := newLink(1, nil)
	made := func(borrowed *reference, given unsafe.Pointer) *reference {
		s := newSession(l)
		if borrowed != nil {
			s.borrow(borrowed)
		}
		if given != nil {
			s.hold(given, 8, shapeOf(reflect.TypeFor[int64]()))
		}
		ref := s.newReference(1)
		s.handOver()
		s.forget()
		return ref
	}
	given := new([1 << 10]int64)
	freed := make(chan bool)
	runtime.AddCleanup(given, func(freed chan bool) { close(freed) }, freed)
	first := made(nil, unsafe.Pointer(given))
	address := uintptr(unsafe.Pointer(given))
	second := made(first, nil)
	third := made(second, unsafe.Pointer(new(int64)))
	given, first, second = nil, nil, nil
	runtime.GC()
	select {
	case <-freed:
		t.Fatal("what the first closure was given is gone")
	default:
	}
	s := newSession(l)
	l.sessions = append(l.sessions, s)
	s.borrow(third)
	if !s.refers(address, shapeOf(reflect.TypeFor[int64]()), 8) {
		t.Error("the third closure cannot use it")
	}
	runtime.KeepAlive(third)
}

// end is what becomes of a session when its call ends.
func (s *session) end() {
	s.handOver()
	s.forget()
}

func TestClosuresOfAGoroutineHoldWhatItsMakerIsGivenLater(t *testing.T) {
	l := newLink(1, nil)
	maker, goroutine := newSession(l), newSession(l)
	goroutine.borrow(maker.newReference(1))
	closure := goroutine.newReference(2)
	goroutine.end()
	given := new(int64)
	maker.hold(unsafe.Pointer(given), 8, shapeOf(reflect.TypeFor[int64]()))
	maker.end()
	s := newSession(l)
	l.sessions = append(l.sessions, s)
	s.borrow(closure)
	if !s.known(uintptr(unsafe.Pointer(given))) {
		t.Error("the closure cannot use it")
	}
}

func TestWhatAnotherCallHasBeenGivenAsWellStaysAfterItsEnd(t *testing.T) {
	l := newLink(1, nil)
	one, other := newSession(l), newSession(l)
	l.sessions = append(l.sessions, one, other)
	given, of := new(int32), shapeOf(reflect.TypeFor[int32]())
	one.hold(unsafe.Pointer(given), 4, of)
	other.holdMemory(unsafe.Pointer(given), of)
	one.busy = false
	one.end()
	clear(other.recent[:])
	if !other.refers(uintptr(unsafe.Pointer(given)), of, 4) {
		t.Error("it is gone")
	}
}

func TestWhatAClosureIsGivenMayBeUsedByTheCallThatMadeIt(t *testing.T) {
	l := newLink(1, nil)
	maker, loop := newSession(l), newSession(l)
	l.sessions = append(l.sessions, maker)
	loop.runs = maker.newReference(1)
	given := new(int64)
	loop.hold(unsafe.Pointer(given), 8, shapeOf(reflect.TypeFor[int64]()))
	loop.end()
	if !maker.known(uintptr(unsafe.Pointer(given))) {
		t.Error("the call cannot use it")
	}
	maker.end()
	if maker.known(uintptr(unsafe.Pointer(given))) {
		t.Error("the next call can")
	}
}

func TestClosuresThatMakeTheNextOneShareAList(t *testing.T) {
	l := newLink(1, nil)
	given := new([100]int64)
	first := newSession(l)
	ref := first.newReference(1)
	first.end()
	holds := ref.holds
	for n := range 1000 {
		s := newSession(l)
		s.borrow(ref)
		s.hold(unsafe.Pointer(&given[n%100]), 8, shapeOf(reflect.TypeFor[int64]()))
		ref = s.newReference(uint64(n))
		s.end()
	}
	regions := 0
	ref.holds.held.each(func(region) { regions++ })
	if ref.holds != holds || regions > 500 {
		t.Errorf("there is another list, or it has %d regions", regions)
	}
}

func TestWhatIsHandedOutIsFoundAgain(t *testing.T) {
	h := newHolding()
	number, text := shapeOf(reflect.TypeFor[int64]()), shapeOf(reflect.TypeFor[string]())
	numbers, texts := new([5000]int64), new([5000]string)
	for round := range 20 {
		for i := range 500 {
			n := (i*7919 + round) % 5000
			h.add(region{unsafe.Pointer(&numbers[n]), uintptr(unsafe.Pointer(&numbers[n])) + 8, number})
			h.add(region{unsafe.Pointer(&texts[n]), uintptr(unsafe.Pointer(&texts[n])) + 16, text})
			if at := uintptr(unsafe.Pointer(&texts[n])) + 8; !h.at(at, func(r *region) bool { return r.shape == text && r.offset(at) == 8 }) {
				t.Fatalf("round %d: text %d is not there", round, n)
			}
		}
	}
	for i := range 500 {
		n := i * 7919 % 5000
		if at := uintptr(unsafe.Pointer(&numbers[n])); !h.at(at, func(r *region) bool { return r.shape == number }) {
			t.Errorf("number %d is not there", n)
		}
		if at := uintptr(unsafe.Pointer(&numbers[n])); h.at(at, func(r *region) bool { return r.shape == text }) {
			t.Errorf("number %d is a text", n)
		}
	}
	total := 0
	for range 100 { // the same, again and again, is kept once
		for n := range 100 {
			h.add(region{unsafe.Pointer(&numbers[n]), uintptr(unsafe.Pointer(&numbers[n])) + 8, number})
		}
	}
	for _, one := range *h.runs.Load() {
		total += len(one.regions)
	}
	if total > 25_000 {
		t.Errorf("%d regions are kept", total)
	}
}

func TestShapesKnowWhatLiesOverWhat(t *testing.T) {
	type inner struct {
		n    int32
		text string
	}
	type outer struct {
		list [4]inner
		any  any
		f    func()
	}
	have := shapeOf(reflect.TypeFor[outer]())
	for _, one := range []struct {
		t      reflect.Type
		offset uintptr
		agrees bool
	}{
		{reflect.TypeFor[inner](), 24, true},
		{reflect.TypeFor[string](), 32, true},
		{reflect.TypeFor[string](), 24, false},
		{reflect.TypeFor[[]byte](), 32, false},
		{reflect.TypeFor[int32](), 24, true},
		{reflect.TypeFor[int64](), 32, false},
		{reflect.TypeFor[[2]inner](), 48, true},
		{reflect.TypeFor[any](), 96, true},
		{reflect.TypeFor[error](), 96, false},
		{reflect.TypeFor[func()](), 112, true},
		{reflect.TypeFor[func(int)](), 112, false},
		{reflect.TypeFor[uintptr](), 112, false},
	} {
		if got := shapeOf(one.t).agrees(have, one.offset); got != one.agrees {
			t.Errorf("%v at %d: %v", one.t, one.offset, got)
		}
	}
}
