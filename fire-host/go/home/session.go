package home

import (
	"reflect"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"unsafe"

	"fireagent/lane"
	"fireagent/wire"
)

// session is one lane and the call that it carries, or a call within that of another session. One goroutine owns it from acquire
// to release.
//
// Theory of operation: home sends Call and then serves what the worker asks until Return, Panic or Goexit. Whatever
// an operation runs here runs on the goroutine that made the call; when that code calls another moved function of the same
// worker, the call takes the same lane (nesting.go).
type session struct {
	link       *link
	lane       *lane.Lane
	function   string // under the link's lock, like busy
	work       *atomic.Uint64
	own        *holdings    // what the worker holds references to; under the link's lock
	held       *holding     // of it, what this call has handed out
	runs       *reference   // the closure that this call runs, if it is one
	recent     [8]region    // of it, what was met last
	crowd      crowd        // how much that is
	references []*reference // closures of the worker that this call has brought home
	iterations []*iteration
	busy       bool          // it carries a call; under the link's lock
	steps      atomic.Uint64 // odd: home waits for the worker
	seen       uint64        // steps at the host's last look
	out        wire.Writer
	key        scratch // what was looked up in a map last
	holder     scratch // the map or channel that an operation was on last
	depth      int     // of the value that is being decoded
	mark       *mark
	number     uint32   // of the mark
	outer      *session // not nil: it is a call within that one's, on the same lane
	inner      *session // a call within this one's; under the link's lock
	level      uint32   // how many calls it is within
	torn       bool     // its lane was closed in a call within; under the link's lock
	below      *session // that the goroutine was in before, for the goroutine alone
}

func (s *session) send(kind uint16, payload []byte) { s.sendWith(0, kind, payload) }

// answer is send for what an operation has given. A call that has been handed out much is asked what of it is still known.
func (s *session) answer(payload []byte) {
	flags := uint16(0)
	if s.crowd.tooMuch() {
		flags = wire.Crowded
	}
	s.sendWith(flags, wire.Answer, payload)
}

func (s *session) sendWith(flags, kind uint16, payload []byte) {
	if err := s.lane.Send(lane.Frame{Kind: kind, Flags: flags, Call: uint64(s.level), Payload: payload}); err != nil {
		s.lost(err)
	}
}

func (s *session) receive() lane.Frame {
	s.steps.Add(1)
	f, err := s.lane.Recv()
	s.steps.Add(1)
	if err != nil {
		s.lost(err)
	}
	return f
}

// ask sends a question in place of an answer, and reads what the worker says to it. False: it says nothing that can be read, and
// the lane is closed.
func (s *session) ask(kind uint16, payload []byte, wanted uint16, read func(r *wire.Reader)) (ok bool) {
	defer func() {
		if !ok {
			recover()
			s.lane.Close()
		}
	}()
	if err := s.lane.Send(lane.Frame{Kind: kind, Payload: payload}); err != nil {
		return false
	}
	s.steps.Add(1)
	f, err := s.lane.Recv()
	s.steps.Add(1)
	if err != nil || f.Kind != wanted {
		return false
	}
	read(&wire.Reader{B: f.Payload})
	return true
}

// lost ends the call: its worker is gone, or its lane.
func (s *session) lost(err error) {
	s.lane.Close()
	s.link.abandon(s)
	panic(died(s.function, s.link))
}

// run carries out a call of a hosted function. False: the lane was closed before the worker could see the call.
func (s *session) run(t *target, a, r unsafe.Pointer) bool {
	defer over(underway(s))
	s.tellDropped()
	s.out.B = s.out.B[:0]
	s.out.U32(t.number)
	s.give(&s.out, a, t.given)
	if err := s.lane.Send(lane.Frame{Kind: wire.Call, Call: uint64(s.level), Payload: s.out.B}); err == lane.ErrClosed {
		s.lane.Close()
		s.link.abandon(s)
		return false
	} else if err != nil {
		s.lost(err)
	}
	counted.Load().Add(1)
	answer := s.serve()
	in := wire.Reader{B: answer}
	s.decode(func() { s.take(&in, r, t.taken) })
	s.finish()
	return true
}

// finish hands what the worker may still refer to over to the closures that keep it reachable.
func (s *session) finish() {
	s.handOver()
	s.link.release(s)
}

// decode runs the decoding of a result; a malformed one ends the lane, not the process.
func (s *session) decode(f func()) {
	defer func() {
		if p := recover(); p != nil {
			s.lane.Close()
			s.link.abandon(s)
			panic(p)
		}
	}()
	s.depth = 0
	f()
}

func (s *session) tellDropped() {
	drops := s.link.dropped()
	if len(drops) == 0 {
		return
	}
	var w wire.Writer
	w.U32(uint32(len(drops)))
	for _, id := range drops {
		w.U64(id)
	}
	s.send(wire.DropClosures, w.B)
	if f := s.receive(); f.Kind != wire.Return {
		s.lost(nil)
	}
}

// invoke calls a closure that lives in the worker. in and out are how its parameters and results travel.
func (l *link) invoke(ref *reference, t reflect.Type, in, out []*view, list []reflect.Value) []reflect.Value {
	s, err := l.acquire("a function value")
	if err != nil {
		panic(died("a function value", l))
	}
	defer over(underway(s))
	s.work, s.runs = ref.work, ref
	s.borrow(ref)
	s.out.B = s.out.B[:0]
	s.out.U64(ref.id)
	for i, v := range list {
		p := reflect.New(t.In(i))
		p.Elem().Set(v)
		s.give(&s.out, p.UnsafePointer(), in[i])
	}
	s.send(wire.CallClosure, s.out.B)
	r := wire.Reader{B: s.serve()}
	results := make([]reflect.Value, t.NumOut())
	s.decode(func() {
		for i := range results {
			p := reflect.New(t.Out(i))
			s.take(&r, p.UnsafePointer(), out[i])
			results[i] = p.Elem()
		}
	})
	s.finish()
	runtime.KeepAlive(ref)
	return results
}

// serve answers the worker until the call ends, and returns its encoded results. A panic of the worker goes on here.
func (s *session) serve() []byte {
	for {
		f := s.receive()
		switch f.Kind {
		case wire.Return:
			return s.returned(f)
		case wire.Panic:
			s.raise(f.Payload)
		case wire.Goexit:
			s.finish()
			runtime.Goexit()
		default:
			s.operate(f)
		}
	}
}

// operate carries out one operation and answers it.
func (s *session) operate(f lane.Frame) {
	if s.work != nil {
		s.work.Add(1)
	}
	finished := false
	defer func() {
		if finished {
			return
		}
		if p := recover(); p != nil {
			panic(p) // the lane is gone
		}
		// The operation ran code that ends this goroutine: the worker's frames go first, by running their deferred
		// functions, whose operations are still served here.
		s.send(wire.AnswerGoexit, nil)
		s.untilGoexit()
	}()
	answer, failure, failed := s.attempt(f)
	finished = true
	if !failed {
		s.answer(answer)
		return
	}
	s.send(wire.AnswerPanic, failure)
}

// untilGoexit serves the deferred functions of a worker goroutine that is ending.
func (s *session) untilGoexit() {
	for {
		f := s.receive()
		switch f.Kind {
		case wire.Goexit, wire.Return:
			s.returned(f)
			s.finish()
			return
		case wire.Panic:
			s.raise(f.Payload)
		default:
			s.operate(f)
		}
	}
}

// attempt carries out an operation; what it panics with becomes the answer.
func (s *session) attempt(f lane.Frame) (answer, failure []byte, failed bool) {
	returned := false
	faults := debug.SetPanicOnFault(true)
	defer func() {
		debug.SetPanicOnFault(faults)
		if returned {
			return
		}
		p := recover()
		if p == nil && !panicsWithNil() {
			return // Goexit, seen by operate
		}
		p = faulted(p)
		var w wire.Writer
		wire.Write(s, &w, unsafe.Pointer(&p), anyProgram)
		text, list := ownTrace(p)
		w.Text(text)
		w.Frames(list)
		failure, failed = w.B, true
	}()
	in := wire.Reader{B: f.Payload}
	s.out.B, s.depth = s.out.B[:0], 0
	if f.Flags&wire.WithWrites != 0 {
		s.writes(&in)
	}
	s.execute(f.Kind, &in, &s.out)
	returned = true
	return s.out.B, nil, false
}

// panicsWithNil reports whether a panic with nil is recovered as nil, as in programs of before Go 1.21. It is told from Goexit by
// nothing but that the function that recovers returns.
func panicsWithNil() (yes bool) {
	defer func() { yes = recover() == nil }()
	panic(nil)
}

var anyProgram = []wire.Instruction{{Kind: wire.Interface, Type: anyCode}}

// anyCode stands for the empty interface in programs that home makes itself.
const anyCode = ^uint32(0)
