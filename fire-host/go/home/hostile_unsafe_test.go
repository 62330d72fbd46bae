package home

import (
	"encoding/binary"
	"errors"
	"math/rand"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unsafe"

	"fireagent/lane"
	"fireagent/wire"
)

// What a broken worker sends ends its call, not this process. These tests play the worker: every lane says what a script
// says. See tests/tests/hostile.rs for how they are built.

type record struct {
	name string
	next *record
	n    int
}

// field is memory that scripts may do to as they like: it holds no pointers.
var field = new([512]int64)

func add(a, b int) int                    { return a + b }
func takes(r *record) string              { return r.name }
func variadic(s string, list ...int) int  { return len(s) + len(list) }
func (r *record) Method(n int) string     { return r.name }
func callback(f func(int) int, n int) int { return f(n) }

// kinds are the types that a script can name, in the order of their codes.
var kinds = []any{
	int(0), "", []int(nil), map[string]int(nil), chan int(nil), (*record)(nil), record{}, (func(int) int)(nil), (func())(nil),
	[8]int64{}, uint8(0), []string(nil), map[int]record(nil), struct{}{}, [3]string{}, []byte(nil), []rune(nil), float64(0),
	struct{ P0, P1 int }{}, struct{ R0 int }{}, struct{ P0 *record }{}, struct{ R0 string }{}, chan struct{}(nil),
}

var codes = func() map[reflect.Type]uint32 {
	out := map[reflect.Type]uint32{reflect.TypeFor[any](): uint32(len(kinds))}
	for i, v := range kinds {
		out[reflect.TypeOf(v)] = uint32(i)
	}
	return out
}()

func init() {
	if directory := os.Getenv("FIRE_CRASHES"); directory != "" { // a fuzzer does not show how its processes end
		if file, err := os.Create(filepath.Join(directory, strconv.Itoa(os.Getpid()))); err == nil {
			debug.SetCrashOutput(file, debug.CrashOptions{})
		}
	}
	Types("example.com/hostile.record", (*record)(nil))
	Functions("example.com/hostile.add", add, "example.com/hostile.takes", takes, "example.com/hostile.variadic", variadic,
		"example.com/hostile.reading", reading,
		"example.com/hostile.callback", callback)
	Variables("example.com/hostile.field", field)
	largest = 1 << 28 // a fuzzer asks for much, often, in several processes
}

// script composes frames.
type script struct{ frames []lane.Frame }

// answered is a word of what home has answered before, and a number that is added to it.
type answered struct{ back, at, plus byte }

func (a answered) word(sent []lane.Frame) uint64 {
	if len(sent) == 0 {
		return 0
	}
	payload := sent[len(sent)-1-int(a.back)%len(sent)].Payload
	if len(payload) < 8 {
		return 0
	}
	return binary.LittleEndian.Uint64(payload[int(a.at)%(len(payload)-7):]) + uint64(a.plus)
}

func (s *script) say(kind uint16, parts ...any) {
	flags := uint16(0)
	if kind == wire.Writes {
		flags = wire.WithWrites
	}
	if slices.ContainsFunc(parts, func(part any) bool { _, late := part.(answered); return late }) {
		s.frames = append(s.frames, lane.Frame{Kind: kind, Flags: flags, Late: func(sent []lane.Frame) []byte { return encoded(parts, sent) }})
		return
	}
	s.frames = append(s.frames, lane.Frame{Kind: kind, Flags: flags, Payload: encoded(parts, nil)})
}

func encoded(parts []any, sent []lane.Frame) []byte {
	var w wire.Writer
	for _, part := range parts {
		switch v := part.(type) {
		case uint8:
			w.U8(v)
		case uint32:
			w.U32(v)
		case uint64:
			w.U64(v)
		case int:
			w.U64(uint64(v))
		case string:
			w.Text(v)
		case []byte:
			w.B = append(w.B, v...)
		case answered:
			w.U64(v.word(sent))
		}
	}
	return w.B
}

// prelude defines the types and functions as an honest worker would.
func (s *script) prelude() {
	code := func(t reflect.Type) uint32 {
		n, ok := codes[t]
		if !ok {
			panic(t.String())
		}
		return n
	}
	list := append(append([]any(nil), kinds...), nil)
	for i, v := range list {
		t := reflect.TypeOf(v)
		if v == nil {
			t = reflect.TypeFor[any]()
		}
		var w wire.Writer
		w.U32(uint32(i))
		w.Text(wire.Name(names{}, t))
		w.U32(uint32(t.Size()))
		wire.WriteProgram(&w, wire.Program(t, code))
		var parts []uint32
		switch t.Kind() {
		case reflect.Slice, reflect.Chan:
			parts = append(parts, codes[t.Elem()])
		case reflect.Map:
			parts = append(parts, codes[t.Key()], codes[t.Elem()])
		case reflect.Func:
			for i := range t.NumIn() {
				parts = append(parts, codes[t.In(i)])
			}
			for i := range t.NumOut() {
				parts = append(parts, codes[t.Out(i)])
			}
		}
		w.U32(uint32(len(parts)))
		for _, part := range parts {
			w.U32(part)
		}
		s.frames = append(s.frames, lane.Frame{Kind: wire.DefineType, Payload: w.B})
	}
	s.say(wire.ResolveVariable, "example.com/hostile.field")
	s.say(wire.DefineFunction, uint32(0), "example.com/hostile.add", uint32(2), uint32(0), uint32(0), uint32(1), uint32(0))
	s.say(wire.DefineFunction, uint32(1), "example.com/hostile.takes", uint32(1), uint32(5), uint32(1), uint32(1))
}

// call makes a call whose worker says what the script says, and gives how it ended. Whatever comes: it returns.
func call(frames []lane.Frame) (ended any) {
	l := newLink(1, &lane.Link{Script: func() []lane.Frame { return frames }})
	l.close("of the script's end")
	l.closed = false
	done := make(chan any)
	go func() {
		outcome := any(errors.New("the goroutine ended"))
		defer func() { done <- outcome }()
		defer func() {
			if p := recover(); p != nil {
				outcome = p
			}
		}()
		s, err := l.acquire("example.com/hostile.Called")
		if err != nil {
			panic(err)
		}
		outcome = append([]byte(nil), s.serve()...)
	}()
	return <-done
}

// answers are what home answered to the frames after the prelude.
func answers(t *testing.T, compose func(s *script)) []lane.Frame {
	t.Helper()
	var s script
	s.prelude()
	defined := len(s.frames)
	compose(&s)
	s.say(wire.Return)
	var opened *lane.Lane
	l := newLink(1, &lane.Link{Script: func() []lane.Frame { return s.frames }})
	l.close("of the script's end")
	l.closed = false
	done := make(chan bool)
	go func() {
		returned := false
		defer func() { recover(); done <- returned }()
		session, err := l.acquire("a script")
		if err != nil {
			return
		}
		opened = session.lane
		session.serve()
		returned = true
	}()
	if !<-done {
		t.Fatal("the call did not come to its end")
	}
	for _, f := range opened.Sent[:defined] {
		if f.Kind != wire.Answer {
			t.Fatalf("the prelude failed: %q", f.Payload)
		}
	}
	return opened.Sent[defined:]
}

func rejects(t *testing.T, compose func(s *script)) string {
	t.Helper()
	got := answers(t, compose)
	if last := got[len(got)-1]; last.Kind == wire.AnswerPanic {
		return string(last.Payload)
	}
	t.Fatalf("it was answered: %v", got[len(got)-1])
	return ""
}

func at(p unsafe.Pointer) uint64 { return uint64(uintptr(p)) }

func TestAnHonestWorkerIsAnswered(t *testing.T) {
	field[3] = 77
	got := answers(t, func(s *script) {
		s.say(wire.Load, uint32(0), at(unsafe.Pointer(&field[3])))
		s.say(wire.CallFunction, uint32(0), 4, 5)
	})
	if n := binary.LittleEndian.Uint64(got[0].Payload); n != 77 {
		t.Errorf("a load gave %d", n)
	}
	if n := binary.LittleEndian.Uint64(got[1].Payload); n != 9 {
		t.Errorf("a call gave %d", n)
	}
}

// reading is a function of the program that reads the stack.
func reading() int {
	list, changed := stackOf(callers(), wire.MostFrames)
	if !changed {
		return -1
	}
	return len(list)
}

func TestWrongStacksEndTheirCallAlone(t *testing.T) {
	frames := func(list ...wire.Frame) []byte {
		var w wire.Writer
		w.Frames(list)
		return w.B
	}
	read := func(kind uint16, payload []byte) []lane.Frame {
		var s script
		s.prelude()
		s.say(wire.DefineFunction, uint32(0), "example.com/hostile.reading", uint32(0), uint32(1), uint32(0))
		s.say(wire.CallFunction, uint32(0))
		s.frames = append(s.frames, lane.Frame{Kind: kind, Payload: payload})
		s.say(wire.Return)
		return s.frames
	}
	if ended, ok := call(read(wire.StackFrames, frames(wire.Frame{Function: "main.f", File: "/f.go", Line: 3}))).([]byte); !ok {
		t.Errorf("an honest stack ended the call: %s", ended)
	}
	for _, frames := range [][]lane.Frame{
		read(wire.Return, nil),
		read(wire.Load, frames()),
		read(wire.StackFrames, nil),
		read(wire.StackFrames, []byte{255, 255, 255, 255}),
		read(wire.StackFrames, frames(wire.Frame{Function: "main.f"})[:8]),
	} {
		if ended, ok := call(frames).(error); !ok {
			t.Errorf("the call ended with %v", ended)
		}
	}
}

func TestWrongAddressesAreRefused(t *testing.T) {
	unmapped := at(unsafe.Pointer(field)) + 1<<25
	for _, address := range []uint64{8, 4096, 1 << 21, 1 << 30, 1 << 46, 1<<47 - 8, 1 << 47, 1 << 63, ^uint64(0), 0xffff_8000_0000_0000, unmapped | 1<<45} {
		for _, kind := range []uint16{wire.Load, wire.Store} {
			rejects(t, func(s *script) { s.say(kind, uint32(0), address, 1) })
			rejects(t, func(s *script) { s.say(kind, uint32(1), address, "x") })
		}
		rejects(t, func(s *script) { s.say(wire.LoadLine, address&^63|1<<46) })
		rejects(t, func(s *script) {
			s.say(wire.Writes, uint32(14), uint8(wire.WriteBytes), address, uint32(1), uint8(1))
		})
		rejects(t, func(s *script) { s.say(wire.MapLen, uint32(3), address|1<<46) })
		rejects(t, func(s *script) { s.say(wire.ChanLen, uint32(4), address|1<<46) })
		rejects(t, func(s *script) { s.say(wire.CallFunc, uint32(7), address, 1) })
		rejects(t, func(s *script) { s.say(wire.CallFunction, uint32(1), address) })
	}
	rejects(t, func(s *script) { s.say(wire.CallFunc, uint32(7), at(unsafe.Pointer(field)), 1) })
	rejects(t, func(s *script) { s.say(wire.CallFunction, uint32(1), uint64(0xb3)) })
	rejects(t, func(s *script) { s.say(wire.MapClear, uint32(3), at(unsafe.Pointer(field))+1) })
	rejects(t, func(s *script) { s.say(wire.Store, uint32(6), at(unsafe.Pointer(field))+1, "name", uint64(0), 5) })
	rejects(t, func(s *script) {
		s.say(wire.ClearSlice, uint32(11), uint8(0), at(unsafe.Pointer(field))+1, 2, 2)
	})
}

func TestWrongLengthsAreRefused(t *testing.T) {
	data := at(unsafe.Pointer(field))
	for _, n := range []uint64{1 << 20, 1 << 40, 1 << 46, 1 << 62, 1 << 63, ^uint64(0)} {
		rejects(t, func(s *script) { s.say(wire.MakeSlice, uint32(2), n|1<<45, n|1<<45) })
		rejects(t, func(s *script) { s.say(wire.MakeSlice, uint32(2), n, uint64(0)) })
		rejects(t, func(s *script) { s.say(wire.MakeChan, uint32(4), n|1<<45) })
		rejects(t, func(s *script) { s.say(wire.String, uint8(0), data, n|1<<40, n|1<<40) })
		rejects(t, func(s *script) { s.say(wire.StringOfRunes, uint8(0), data, n|1<<40, n|1<<40) })
		rejects(t, func(s *script) { s.say(wire.ClearSlice, uint32(2), uint8(0), data, n|1<<40, n|1<<40) })
		rejects(t, func(s *script) {
			s.say(wire.Copy, uint32(2), uint8(0), data, n|1<<40, n|1<<40, uint8(0), data, n|1<<40, n|1<<40)
		})
		rejects(t, func(s *script) { s.say(wire.Append, uint32(2), uint8(0), data, n|1<<40, n|1<<40, uint32(1), 1) })
		rejects(t, func(s *script) { s.say(wire.SliceOf, uint32(2), uint32(n|1<<31)) })
		rejects(t, func(s *script) { s.say(wire.MakeMap, uint32(3), n, uint32(1<<31)) })
	}
	rejects(t, func(s *script) { s.say(wire.Append, uint32(2), uint8(0), data, 5, 4, uint32(1), 1) })
	rejects(t, func(s *script) { s.say(wire.Append, uint32(2), uint8(0), uint64(0), 5, 5, uint32(1), 1) })
}

func TestWrongTypesAreRefused(t *testing.T) {
	define := func(name string, size uint32, program ...wire.Instruction) func(s *script) {
		return func(s *script) {
			var w wire.Writer
			w.U32(900)
			w.Text(name)
			w.U32(size)
			wire.WriteProgram(&w, program)
			w.U32(0)
			s.say(wire.DefineType, w.B)
		}
	}
	record := "‹example.com/hostile.record›"
	for name, one := range map[string]func(s *script){
		"scalars over pointers": define(record, 32, wire.Instruction{Kind: wire.Scalar, Size: 32}),
		"pointers over scalars": define("int", 8, wire.Instruction{Kind: wire.Pointer}),
		"another size":          define(record, 24, wire.Instruction{Kind: wire.Text}),
		"beyond its size":       define("?", 8, wire.Instruction{Kind: wire.Text}),
		"not aligned":           define("?", 32, wire.Instruction{Kind: wire.Pointer, Offset: 4}),
		"empty arrays":          define("?", 32, wire.Instruction{Kind: wire.Array, Count: 1 << 31}),
		"an unknown kind":       define("?", 32, wire.Instruction{Kind: 99, Size: 8}),
		"a long name":           define(strings.Repeat("*", 1<<20), 8, wire.Instruction{Kind: wire.Pointer}),
		"an undefined type":     func(s *script) { s.say(wire.Zero, uint32(5000)) },
		"one that is not here": func(s *script) {
			define("‹nothing›", 8, wire.Instruction{Kind: wire.Pointer})(s)
			s.say(wire.Zero, uint32(900))
		},
		"a type far too large":  func(s *script) { define("[1099511627776]uint8", 0)(s); s.say(wire.Zero, uint32(900)) },
		"not a map":             func(s *script) { s.say(wire.MapLen, uint32(2), at(unsafe.Pointer(field))) },
		"not a slice":           func(s *script) { s.say(wire.SliceOf, uint32(0), uint32(1), 1) },
		"not a channel":         func(s *script) { s.say(wire.MakeChan, uint32(3), 1) },
		"not a function":        func(s *script) { s.say(wire.CallFunc, uint32(0), at(unsafe.Pointer(field))) },
		"a goroutine of an int": func(s *script) { s.say(wire.Spawn, uint64(1), uint32(0)) },
		"another signature": func(s *script) {
			s.say(wire.DefineFunction, uint32(2), "example.com/hostile.takes", uint32(1), uint32(0), uint32(1), uint32(1))
		},
		"no such function": func(s *script) {
			s.say(wire.DefineFunction, uint32(2), "example.com/hostile.none", uint32(0), uint32(0))
		},
		"an undefined function": func(s *script) { s.say(wire.CallFunction, uint32(77)) },
		"an unknown key":        func(s *script) { s.say(wire.BindType, uint32(77), uint32(0)) },
		"an unknown iteration":  func(s *script) { s.say(wire.MapNext, uint32(77)) },
		"an unknown operation":  func(s *script) { s.say(7777) },
		"no operands":           func(s *script) { s.say(wire.Load) },
		"a method of nothing":   func(s *script) { s.say(wire.CallMethod, uint8(wire.InterfaceNil), "Method", uint32(0), uint32(0)) },
		"no such method": func(s *script) {
			s.say(wire.CallMethod, uint8(wire.InterfaceKnown), uint32(0), 5, "Nothing", uint32(0), uint32(0))
		},
	} {
		t.Run(name, func(t *testing.T) { rejects(t, one) })
	}
}

func TestValuesThatNestTooDeepAreRefused(t *testing.T) {
	var w wire.Writer
	for range 3_000_000 {
		w.U8(1) // elements of a slice of any, whose first is one again
	}
	kinds, anys := uint32(len(kinds)), uint32(len(kinds)+1)
	rejects(t, func(s *script) {
		var d wire.Writer
		d.U32(anys)
		d.Text("[]any")
		d.U32(24)
		wire.WriteProgram(&d, []wire.Instruction{{Kind: wire.Slice, Type: anys}})
		d.U32(1)
		d.U32(kinds)
		s.say(wire.DefineType, d.B)
		var deep wire.Writer
		deep.U32(anys)
		for range 2_000_000 {
			deep.U32(1)
			deep.U8(wire.InterfaceKnown)
			deep.U32(anys)
			deep.U8(1)
		}
		s.say(wire.SliceOf, deep.B)
	})
}

func TestFramesInAnyOrderEndTheCall(t *testing.T) {
	for _, frames := range [][]lane.Frame{
		nil,
		{{Kind: wire.Answer}},
		{{Kind: wire.Panic}},
		{{Kind: wire.Panic, Payload: []byte{wire.InterfaceKnown, 1, 2}}},
		{{Kind: wire.Goexit}},
		{{Kind: wire.Call}, {Kind: wire.Call}},
		{{Kind: wire.MapNext}, {Kind: wire.MapDone}, {Kind: wire.Goexit}},
	} {
		if ended := call(frames); ended == nil {
			t.Errorf("%v: the call did not end", frames)
		}
	}
}

// compose makes frames of a fuzzer's bytes: operations with operands of the right sizes more often than not.
func compose(data []byte) []lane.Frame {
	var s script
	s.prelude()
	next := func() (b byte) {
		if len(data) > 0 {
			b, data = data[0], data[1:]
		}
		return b
	}
	texts := []string{"", "int", "example.com/hostile.add", "example.com/hostile.takes", "Method", "‹example.com/hostile.record›",
		"[]any", "struct{a int;}", "runtime error: index out of range [5] with length 2", "func(int,)(int,)", "Error"}
	for len(data) > 0 && len(s.frames) < 200 {
		kind := wire.DefineType + uint16(next())%(wire.AssertionFailed-wire.DefineType+4)
		if b := next(); b < 8 {
			kind = uint16(b) * 9
		}
		if kind == wire.Print || kind == wire.Spawn {
			continue // these write to the terminal
		}
		var parts []any
		for range int(next() % 8) {
			switch next() % 11 {
			case 0:
				parts = append(parts, uint32(next())%uint32(len(kinds)+2))
			case 1:
				parts = append(parts, at(unsafe.Pointer(field))+uint64(next())*8)
			case 2:
				parts = append(parts, uint64(next()))
			case 3:
				parts = append(parts, texts[int(next())%len(texts)])
			case 4:
				parts = append(parts, next())
			case 5:
				parts = append(parts, uint64(next())<<56|uint64(next())<<40|uint64(next())<<20)
			case 6:
				parts = append(parts, uint32(next())<<24|uint32(next()))
			case 7:
				n := min(int(next()), len(data))
				parts = append(parts, data[:n:n])
				data = data[n:]
			case 8:
				parts = append(parts, uint32(1), uint64(next()))
			case 9:
				parts = append(parts, answered{next(), 0, 0})
			case 10:
				parts = append(parts, answered{next(), next(), next()})
			}
		}
		s.say(kind, parts...)
	}
	return s.frames
}

// Scripts of fixed seeds, as a fuzzer without a memory would write them.
func TestRandomFramesEndTheirCallAlone(t *testing.T) {
	for seed := range int64(4) {
		r := rand.New(rand.NewSource(seed))
		for n := range 10_000 {
			data := make([]byte, r.Intn(60))
			for i := range data {
				data[i] = byte(r.Intn(64 << (2 * r.Intn(2)))) // the half of them small: these say what an operand is
			}
			if call(compose(data)) == nil {
				t.Fatalf("seed %d, script %d: the call did not end", seed, n)
			}
			if n%64 == 0 {
				runtime.GC() // finds pointers that are none
			}
		}
	}
}

var fuzzed int

func FuzzFrames(f *testing.F) {
	f.Add([]byte{0})
	f.Add([]byte{5, 9, 2, 0, 0, 1, 3, 6, 9, 3, 0, 1, 1, 0, 3, 1})
	f.Add([]byte{12, 20, 4, 0, 2, 8, 7, 8, 9, 2, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		if call(compose(data)) == nil {
			t.Error("the call did not end")
		}
		if fuzzed++; fuzzed%64 == 0 {
			runtime.GC() // finds pointers that are none
		}
	})
}
