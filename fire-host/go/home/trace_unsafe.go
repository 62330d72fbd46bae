package home

import (
	"runtime"
	"sync/atomic"
	"unsafe"

	"fireagent/wire"
)

// trace is where a panic that has crossed between the processes has come from.
type trace struct {
	value any
	text  string // for a crash report
	list  []wire.Frame
}

// lastTrace is that of the panic that crossed last: one that crosses again is known by its value.
var lastTrace atomic.Pointer[trace]

// ownTrace is where a panic comes from that is about to leave for the worker. Called by a deferred function of the frames that
// the panic ends.
func ownTrace(value any) (text string, list []wire.Frame) {
	before := ""
	if last := lastTrace.Load(); last != nil && identical(last.value, value) {
		before = last.text
	}
	list, native := ownFrames()
	return wire.Trace(before, "in the program", native), list
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
	var t trace
	s.decode(func() {
		wire.Read(s, &in, unsafe.Pointer(&t.value), anyProgram)
		t.text = in.Text()
		t.list = in.Frames()
	})
	for i := range t.list {
		t.list[i] = shownFrame(t.list[i])
	}
	lastTrace.Store(&t)
	s.finish()
	m := &mark{frames: t.list}
	b := beneath{panics: true, values: [2]any{crossed{t.text}, t.value}}
	b.under(numbered(m))
	runtime.KeepAlive(m) // the deferred functions that the panic runs may read the stack
}
