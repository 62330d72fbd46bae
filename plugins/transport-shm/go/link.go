// Package lane is the Go half of the shm transport: lanes between home and one worker in shared memory.
//
// # Theory of operation
//
// A lane is two mailboxes in one segment. Exactly one side of a lane is active, so a mailbox holds one frame: its
// sender writes the frame and then moves the mailbox's sequence number from n to n+1; its receiver has waited for that.
// Then the sender looks at the mailbox's waiting word, which says whether the receiver must be woken and how, and
// whether the lane is closed.
//
// Who waits spins for some microseconds (wait.go) and then hands the wait to the doorman (doorman.go): one
// goroutine a link, parked in Go's poller, that a bell wakes. So a goroutine that waits holds neither a
// thread nor a processor of Go's scheduler.
//
// The peer is not trusted with this process's memory: every field is copied once and then checked (lane.go,
// long.go), and all offsets derive from a private copy of the geometry.
package lane

import (
	"errors"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
)

// Side says which end of a link this process is.
type Side int

const (
	Home Side = iota
	Worker
)

// ErrClosed is returned once the lane or its link is closed, by either side or by a death.
var ErrClosed = errors.New("fire lane: closed")

var (
	errTooLong = errors.New("fire lane: frame longer than the transport's limit")
	errGarbage = errors.New("fire lane: the peer broke the protocol of the lane")
	errTooMany = errors.New("fire lane: every lane of the link has been opened")
)

// Link is one side of a connection between home and a worker generation.
type Link struct {
	side    Side
	memory  *segment
	shape   geometry
	doorman doorman

	mu       sync.Mutex
	lanes    []*Lane // by index; nil once closed
	prepared int     // home: lanes that have pages
	accepted chan struct{}
	closed   atomic.Bool
}

// geometry is the private copy of what the segment's header says about its shape.
type geometry struct {
	lanes, blocks, limit int
	first                uint32
	spin                 uint32
}

func (g geometry) arena(block int) int { return headerSize + block*blockSize }
func (g geometry) lane(index int) int  { return headerSize + g.blocks*blockSize + index*laneSize }
func (g geometry) size() int           { return g.lane(g.lanes) }

// Attach attaches this process to a link, as that side. The descriptor is
// `path=<file>;nonce=<number>;size=<bytes>;home=<fifo>;worker=<fifo>`.
func Attach(side Side, descriptor string) (*Link, error) {
	named := map[string]string{}
	for _, field := range strings.Split(descriptor, ";") {
		key, value, _ := strings.Cut(field, "=")
		named[key] = value
	}
	size, err := strconv.Atoi(named["size"])
	nonce, err2 := strconv.ParseUint(named["nonce"], 10, 64)
	if err != nil || err2 != nil || size < headerSize {
		return nil, errors.New("fire lane: not a descriptor of the shm transport: " + descriptor)
	}
	memory, err := openSegment(named["path"], size)
	if err != nil {
		return nil, errors.New("fire lane: cannot map " + named["path"] + ": " + err.Error())
	}
	link := &Link{side: side, memory: memory, accepted: make(chan struct{}, 1)}
	if err := link.readGeometry(size, nonce); err != nil {
		return nil, err
	}
	own, peer := named["home"], named["worker"]
	if side == Worker {
		own, peer = peer, own
	}
	if err := link.doorman.hire(link, own, peer); err != nil {
		return nil, err
	}
	return link, nil
}

func openSegment(path string, size int) (*segment, error) {
	fd, err := syscall.Open(path, syscall.O_RDWR|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	var about syscall.Stat_t
	if err := syscall.Fstat(fd, &about); err != nil || about.Size < int64(size) {
		syscall.Close(fd)
		return nil, errors.New("it is shorter than the descriptor says")
	}
	return mapSegment(fd, size)
}

// readGeometry copies the geometry and checks the copy.
func (l *Link) readGeometry(size int, nonce uint64) error {
	m := l.memory
	if m.long(atMagic).Load() != magic || m.word(atVersion).Load() != layoutVersion || m.long(atNonce).Load() != nonce {
		return errors.New("fire lane: the segment is of another link or of another version of fire")
	}
	shape := geometry{
		lanes:  int(m.word(atLanes).Load()),
		blocks: int(m.word(atBlocks).Load()),
		limit:  int(m.word(atLimit).Load()),
		first:  m.word(atFirst).Load(),
		spin:   m.word(atSpin).Load(),
	}
	l.prepared = int(m.word(atPrepared).Load())
	if shape.lanes < 1 || shape.lanes > mostLanes || shape.blocks > mostBlocks || shape.size() != size ||
		l.prepared > shape.lanes || shape.spin > 1e6 {
		return errors.New("fire lane: the segment's geometry is damaged")
	}
	l.shape = shape
	return nil
}

// Open takes a lane that was never used before. Home only.
func (l *Link) Open() (*Lane, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed.Load() {
		return nil, ErrClosed
	}
	index := len(l.lanes)
	if index == l.shape.lanes {
		return nil, errTooMany
	}
	if index == l.prepared {
		if err := l.prepare(min(2*max(index, 32), l.shape.lanes)); err != nil {
			return nil, errors.New("fire lane: no shared memory for more lanes: " + err.Error())
		}
	}
	lane := newLane(l, index)
	l.lanes = append(l.lanes, lane)
	l.memory.word(atOpened).Store(uint32(index + 1)) // Pairs with the load in Accept.
	if l.memory.word(atLinkEnd).Load() != 0 {
		lane.shut()
		return nil, ErrClosed
	}
	l.callAcceptor()
	return lane, nil
}

// callAcceptor wakes whoever waits for another lane, and leaves it to them to say that they do not any more: they may have found this
// lane already, and wait for the next one.
func (l *Link) callAcceptor() {
	switch l.memory.word(atAccepting).Load() {
	case inFutex:
		futexWake(l.memory.word(atOpened))
	case withDoorman:
		l.doorman.ring()
	}
}

// prepare gives pages to lanes up to the given count, now: later there may be none, and touching
// memory without pages would end the process.
func (l *Link) prepare(count int) error {
	from, to := l.shape.lane(l.prepared), l.shape.lane(count)
	for {
		err := syscall.Fallocate(l.memory.fd, 0, int64(from), int64(to-from))
		if err == nil {
			l.prepared = count
		}
		if err != syscall.EINTR {
			return err
		}
	}
}

// Accept waits for home to open another lane. Worker only, one goroutine at a time.
func (l *Link) Accept() (*Lane, error) {
	opened, waiting := l.memory.word(atOpened), l.memory.word(atAccepting)
	for {
		l.mu.Lock()
		index := len(l.lanes)
		switch {
		case l.closed.Load():
			l.mu.Unlock()
			return nil, ErrClosed
		case index < l.shape.lanes && int(opened.Load()) > index:
			lane := newLane(l, index)
			l.lanes = append(l.lanes, lane)
			l.mu.Unlock()
			waiting.Store(awake)
			return lane, nil
		}
		l.mu.Unlock()
		waiting.Store(withDoorman)
		if int(opened.Load()) > index || l.closed.Load() {
			continue
		}
		<-l.accepted
	}
}

// Close makes every pending and later call on the link and its lanes fail with ErrClosed, on both sides. It
// may be called from any goroutine, more than once.
func (l *Link) Close() {
	if l.closed.Swap(true) {
		return
	}
	l.memory.word(atLinkEnd).Store(1)
	l.mu.Lock()
	lanes := l.lanes
	l.mu.Unlock()
	for _, lane := range lanes {
		if lane != nil {
			lane.shut()
		}
	}
	if waiting := l.memory.word(atAccepting); waiting.Swap(awake) == inFutex {
		futexWake(l.memory.word(atOpened))
	}
	l.doorman.ring()
	l.doorman.dismiss()
	notify(l.accepted)
}

// lane is the lane with that index, nil if there is none or no more.
func (l *Link) lane(index int) *Lane {
	l.mu.Lock()
	defer l.mu.Unlock()
	if index < len(l.lanes) {
		return l.lanes[index]
	}
	return nil
}

// notify puts a token into a channel of capacity one, unless there is one.
func notify(channel chan struct{}) {
	select {
	case channel <- struct{}{}:
	default:
	}
}
