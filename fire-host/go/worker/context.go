package worker

import (
	"runtime"
	"sync"
	"sync/atomic"
	"unsafe"

	"fireagent/lane"
	"fireagent/wire"
	"index"
)

// context is one lane and the goroutine that serves it. All code of the user's in this process runs on such
// goroutines, so the goroutine tells the lane.
type context struct {
	crossed trace          // of the panic that came from home last
	ended   [][]wire.Frame // at home, by panics that came from there and are still in this goroutine's stack, the outermost first
	levels  []level        // the calls of this goroutine, each within the one before
	lane    *lane.Lane
	out     wire.Writer
	cache   cache
	crowded bool // home wants to know what of it is still known here
}

// level is a call, and what the goroutine knew of panics when it began.
type level struct {
	number  uint64
	crossed trace
	ended   [][]wire.Frame
}

type node struct {
	g    uintptr
	c    *context
	next *node
}

var contexts struct {
	sync.Mutex
	buckets [1024]atomic.Pointer[node]
}

func bucket(g uintptr) *atomic.Pointer[node] {
	return &contexts.buckets[(g>>6^g>>16)%uintptr(len(contexts.buckets))]
}

// current is the context of this goroutine.
func current() *context {
	g := index.G()
	for n := bucket(g).Load(); n != nil; n = n.next {
		if n.g == g {
			return n.c
		}
	}
	panic(internal("an access to home memory from a goroutine without a lane"))
}

func (c *context) enter() {
	contexts.Lock()
	defer contexts.Unlock()
	b := bucket(index.G())
	b.Store(&node{index.G(), c, b.Load()})
}

func (c *context) leave() {
	contexts.Lock()
	defer contexts.Unlock()
	b := bucket(index.G())
	var kept *node
	for n := b.Load(); n != nil; n = n.next {
		if n.c != c {
			kept = &node{n.g, n.c, kept}
		}
	}
	b.Store(kept)
}

// internal is a defect of fire or of the rewriting: the host restarts the app when a call ends with it.
type internal string

func (e internal) Error() string { return "fire: " + string(e) }

// lost ends this process's part of a call whose home has gone.
func lost() {
	exit(1)
}

// roundTrip carries out an operation whose answer is copied out of the lane.
func (c *context) roundTrip(kind uint16, payload []byte) wire.Reader {
	if err := c.frame(kind, payload); err != nil {
		lost()
	}
	f := c.answer()
	switch f.Kind {
	case wire.Answer:
		c.crowded = c.crowded || f.Flags&wire.Crowded != 0
		return wire.Reader{B: f.Payload}
	case wire.AnswerPanic:
		in := wire.Reader{B: append([]byte(nil), f.Payload...)}
		var value any
		wire.Read(c, &in, unsafe.Pointer(&value), typeFor[any]().program)
		c.crossed = trace{value, in.Text()}
		c.ended = append(c.ended[:c.crossings()], in.Frames())
		panic(value)
	case wire.AnswerGoexit:
		runtime.Goexit()
	}
	panic(internal("an answer of an unknown kind"))
}

// answer waits for the answer to an operation. What home runs for it may call this worker.
func (c *context) answer() lane.Frame {
	for {
		f, err := c.lane.Recv()
		if err != nil {
			lost()
		}
		switch f.Kind {
		case wire.Stack:
			if c.lane.Send(lane.Frame{Kind: wire.StackFrames, Payload: c.stack(f.Payload)}) != nil {
				lost()
			}
		case wire.Call, wire.CallClosure, wire.DropClosures:
			c.cache.commit()
			c.handle(f)
			c.cache.forget() // what home does from here on may change it
		default:
			return f
		}
	}
}

// begin starts the operands of an operation. Precondition: no other operation of this goroutine is begun before
// this one is sent.
func (c *context) begin() *wire.Writer {
	c.out.B = c.out.B[:0]
	return &c.out
}

// op carries out an operation. Its answer is valid until the next one.
func (c *context) op(kind uint16, w *wire.Writer) wire.Reader {
	if c.crowded {
		c.crowded = !c.tellKnown()
	}
	k := &c.cache
	switch effects[kind&255] {
	case reads:
		k.commit()
	case synchronises:
		k.commit()
		k.forget()
	}
	if k.bore {
		k.bore = false
		k.commit()
		k.forget()
	}
	return c.roundTrip(kind, w.B)
}
