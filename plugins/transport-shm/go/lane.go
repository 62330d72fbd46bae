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
		out.sequence.Store(first)
		in.sequence.Store(first)
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

// Send sends a frame; it does not keep the payload. Precondition: this side is active.
func (l *Lane) Send(f Frame) error {
	if len(f.Payload) > inlineSize {
		return l.sendLong(f)
	}
	copy(l.out.inline[:], f.Payload)
	return l.publish(f, formInline, 0, len(f.Payload))
}

// publish makes what lies in the outgoing mailbox the peer's.
func (l *Lane) publish(f Frame, form, block uint16, length int) error {
	l.out.length = uint32(length)
	l.out.what = uint64(f.Kind) | uint64(f.Flags)<<16 | uint64(form)<<32 | uint64(block)<<48
	l.out.call = f.Call
	next := (l.sent + 1) & sequenceMask
	// Publishes the frame; pairs with the load of sequence in await.
	if !l.out.sequence.CompareAndSwap(l.sent, next) {
		return l.ended(l.out.sequence.Load())
	}
	l.sent = next
	// The swap above and this load are ordered, as are the receiver's store to waiting and its second look at the
	// sequence number: one of the two sees the other.
	if l.out.waiting.Load() != awake {
		l.wakePeer()
	}
	runtime.KeepAlive(l)
	return nil
}

func (l *Lane) wakePeer() {
	switch l.out.waiting.Swap(awake) {
	case inFutex:
		futexWake(&l.out.sequence)
	case withDoorman:
		l.link.doorman.tell(l.index)
	}
}

// Recv waits for the peer's frame. Its payload is valid until the next Recv on this lane.
// Precondition: the peer is active.
func (l *Lane) Recv() (Frame, error) {
	f, form, block, length, err := l.take()
	if err != nil {
		return Frame{}, err
	}
	if l.block != noBlock { // The peer has answered, so it has read what lay there.
		l.release()
	}
	if form != formInline {
		return l.recvLong(f, form, block, length)
	}
	if length > inlineSize {
		return Frame{}, l.garbage()
	}
	f.Payload = l.buffer[:length:length]
	copy(f.Payload, l.in.inline[:])
	runtime.KeepAlive(l)
	return f, nil
}

// take waits for the next publication and copies what it says, each field once.
func (l *Lane) take() (f Frame, form, block uint16, length int, err error) {
	sequence := l.in.sequence.Load()
	if sequence == l.seen {
		sequence = l.await()
	}
	next := (l.seen + 1) & sequenceMask
	if sequence&sequenceMask != next { // A frame that was sent before the close is still received.
		return f, 0, 0, 0, l.ended(sequence)
	}
	l.seen = next
	what := atomic.LoadUint64(&l.in.what)
	f.Kind, f.Flags, f.Call = uint16(what), uint16(what>>16), atomic.LoadUint64(&l.in.call)
	return f, uint16(what >> 32), uint16(what >> 48), int(atomic.LoadUint32(&l.in.length)), nil
}

// ended is the error for a sequence number that is not the next.
func (l *Lane) ended(sequence uint32) error {
	if sequence&closedBit != 0 {
		return ErrClosed
	}
	return l.garbage()
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

// shut sets the closed bit on both mailboxes and wakes both sides. Any goroutine may call it.
func (l *Lane) shut() {
	l.in.close()
	l.out.close()
	l.wakePeer()
	if l.in.waiting.Swap(awake) == inFutex {
		futexWake(&l.in.sequence)
	}
	notify(l.wake)
	runtime.KeepAlive(l)
}
