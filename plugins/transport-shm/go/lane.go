package lane

import (
	"runtime"
	"sync/atomic"
)

// Frame is one message on a lane. The transport interprets only the payload's length.
type Frame struct {
	Kind, Flags uint16
	Call        uint64
	Payload     []byte
}

// Lane carries one call at a time and everything nested in it. Exactly one side is active.
type Lane struct {
	out, in  mailbox
	sent     uint32 // the last sequence number published in out
	seen     uint32 // the last one taken from in
	block    int    // the arena's block that the last frame sent is in, or noBlock
	buffer   []byte // the payload of the last frame received
	patience patience

	link  *Link
	index int
	wake  chan struct{}
}

// mailbox is one direction of a lane.
type mailbox struct {
	*line
	waiting *atomic.Uint32
	bulk    []byte
}

const noBlock = -1

func newLane(link *Link, index int) *Lane {
	at := link.shape.lane(index)
	out, in := link.mailbox(at), link.mailbox(at+mailboxSize)
	if link.side == Worker {
		out, in = in, out
	}
	first := link.shape.first
	if link.side == Home {
		// The worker comes here only after the lane is counted as opened, which publishes this.
		out.publish(uint64(first))
		in.publish(uint64(first))
	}
	return &Lane{
		out: out, in: in, sent: first, seen: first, block: noBlock,
		buffer: make([]byte, 128), link: link, index: index, wake: make(chan struct{}, 1),
	}
}

func (l *Link) mailbox(at int) mailbox {
	bulk := l.memory.bytes[at+atBulk:]
	return mailbox{
		line:    l.memory.line(at),
		waiting: l.memory.word(at + atWaiting),
		bulk:    bulk[:bulkSize:bulkSize],
	}
}

// Send sends a frame; it does not keep the payload. Precondition: this side is active. ErrClosed: the peer never sees the
// frame. A lane that closes while the frame is sent is told by Recv.
func (l *Lane) Send(f Frame) error {
	if l.out.waiting.Load() == shutDown {
		return ErrClosed
	}
	// Flags below kind: the other way round the compiler loads both at once, right after they were stored one by one, which
	// stalls the processor.
	what := uint64(f.Flags) | uint64(f.Kind)<<16
	switch {
	case len(f.Payload) > inlineSize:
		return l.sendLong(what, f.Call, f.Payload)
	case len(f.Payload) > 0:
		copy(l.out.inline[:], f.Payload)
	}
	l.publish(what|formInline<<32, f.Call, len(f.Payload))
	return nil
}

// publish makes what lies in the outgoing mailbox the peer's. `what` is laid out as at atWhat.
func (l *Lane) publish(what, call uint64, length int) {
	l.out.what = what
	l.out.call = call
	l.sent++
	l.out.publish(uint64(l.sent) | uint64(length)<<32) // Pairs with the loads of head in take and await.
	// An addition, not a load: it orders the publication before the look at waiting, as the receiver's swap of
	// waiting comes before its last look at head. One of the two sees the other.
	if l.out.waiting.Add(0) != awake {
		l.wakePeer()
	}
	runtime.KeepAlive(l)
}

// wakePeer wakes the receiver of what has just been published.
func (l *Lane) wakePeer() {
	switch {
	case l.out.waiting.CompareAndSwap(inFutex, awake):
		futexWake(l.out.waiting)
	case l.out.waiting.CompareAndSwap(withDoorman, awake):
		l.link.doorman.tell(l.index)
	}
	runtime.KeepAlive(l)
}

// Recv waits for the peer's frame. Its payload is valid until the next Recv on this lane.
// Precondition: the peer is active.
func (l *Lane) Recv() (Frame, error) {
	what, call, length, err := l.take()
	if err != nil {
		return Frame{}, err
	}
	if l.block != noBlock { // The peer has answered, so it has read what lay there.
		l.release()
	}
	if what>>32 != formInline {
		return l.recvLong(what, call, length)
	}
	if length > inlineSize {
		return Frame{}, l.garbage()
	}
	*(*[inlineSize]byte)(l.buffer) = l.in.inline // All of it: cheaper than a copy of varying length.
	runtime.KeepAlive(l)
	return Frame{
		Kind: uint16(what >> 16), Flags: uint16(what), Call: call,
		Payload: l.buffer[:length:length],
	}, nil
}

// take waits for the next publication and copies what it says, each field once.
func (l *Lane) take() (what, call uint64, length int, err error) {
	head := atomic.LoadUint64(&l.in.head)
	if uint32(head) == l.seen {
		head = l.await()
	}
	if uint32(head) != l.seen+1 {
		if uint32(head) == l.seen { // A frame that was sent before the close is still received.
			return 0, 0, 0, ErrClosed
		}
		return 0, 0, 0, l.garbage()
	}
	l.seen++
	return atomic.LoadUint64(&l.in.what), atomic.LoadUint64(&l.in.call), int(head >> 32), nil
}

// garbage ends a lane whose peer broke the protocol.
func (l *Lane) garbage() error {
	l.Close()
	return errGarbage
}

// Close closes the lane; the peer's next Recv on it fails once it has what was sent before.
func (l *Lane) Close() {
	l.shut()
	l.link.mu.Lock()
	if l.index < len(l.link.lanes) {
		l.link.lanes[l.index] = nil
	}
	l.link.mu.Unlock()
}

// shut marks both mailboxes closed and wakes both sides. Any goroutine may call it.
func (l *Lane) shut() {
	switch l.out.waiting.Swap(shutDown) {
	case inFutex:
		futexWake(l.out.waiting)
	case withDoorman:
		l.link.doorman.tell(l.index)
	}
	l.in.waiting.Store(shutDown)
	notify(l.wake)
	runtime.KeepAlive(l)
}
