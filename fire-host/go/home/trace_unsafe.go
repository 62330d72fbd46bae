package home

import (
	"runtime/debug"
	"sync/atomic"
	"unsafe"

	"fireagent/wire"
)

// trace is where a panic that has crossed between the processes has come from.
type trace struct {
	value  any
	frames string
}

// lastTrace is that of the panic that crossed last: one that crosses again is known by its value.
var lastTrace atomic.Pointer[trace]

// traceOf is where a panic comes from that is about to leave for the worker. Called by a deferred function of the frames that
// the panic ends.
func traceOf(value any) string {
	before := ""
	if last := lastTrace.Load(); last != nil && identical(last.value, value) {
		before = last.frames
	}
	return wire.Trace(before, "in the program", string(debug.Stack()))
}

// identical compares without calling anything of the values'.
func identical(a, b any) bool {
	return *(*[2]unsafe.Pointer)(unsafe.Pointer(&a)) == *(*[2]unsafe.Pointer)(unsafe.Pointer(&b))
}

// crossed is what a crash report shows before the panic's own value. No recover sees it: the value has replaced it by then.
type crossed struct{ frames string }

func (c crossed) Error() string {
	return "fire: in moved code, the innermost call first, before the frames below\n" + c.frames
}

// raise goes on with a panic of the worker.
func (s *session) raise(payload []byte) {
	in := wire.Reader{B: payload}
	var value any
	var frames string
	s.decode(func() {
		wire.Read(s, &in, unsafe.Pointer(&value), anyProgram)
		frames = in.Text()
	})
	lastTrace.Store(&trace{value, frames})
	s.finish()
	// The runtime prints a panic that was replaced, and the one that replaced it. So the worker's frames are shown if nothing
	// recovers, and a recover gives the value itself.
	defer panic(value)
	panic(crossed{frames})
}
