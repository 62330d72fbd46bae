// Package lane is the Go half of a transport: lanes between home and one worker.
//
// This file is what every transport over byte streams shares: one stream a lane in each direction, frames of a 16-byte
// header (payload length u32, kind u16, flags u16, call u64, little endian) and the payload. Streams
// are non-blocking descriptors: one for both directions (a socket), or one for each (FIFOs). A goroutine that waits spins for some microseconds (patience.go), then parks with
// the doorman's help (doorman_linux.go), and holds no thread. Package net must never be imported: it would be linked into the
// worker at every reload.
package lane

import (
	"errors"
	"os"
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

// Frame is one message on a lane. The transport interprets only the payload's length.
type Frame struct {
	Kind, Flags uint16
	Call        uint64
	Payload     []byte
}

// ErrClosed is returned once the lane or its link is closed, by either side or by a death.
var ErrClosed = errors.New("fire lane: closed")

var (
	errTooLong = errors.New("fire lane: frame longer than the transport's limit")
	errGarbage = errors.New("fire lane: the peer broke the frame format")
)

const (
	headerSize = 16
	// joinUpTo is the payload size up to which header and payload go out in one write.
	joinUpTo = 64 << 10
	// keepUpTo is the buffer size that a lane keeps between frames.
	keepUpTo = 1 << 20
)

// Lane carries one call at a time and everything nested in it. Exactly one side is active.
type Lane struct {
	link *Link
	id   int32
	// from is read, to is written: the same descriptor if it is a socket.
	from, to int
	// users counts the goroutines that use the descriptors, and has the bit lastUser once the lane is closed: who leaves last
	// closes them, so that nobody uses their numbers after they belong to something else.
	users atomic.Int32
	wake  chan struct{}

	in       []byte // header and payload of the frame being received
	have     int    // bytes of in that have arrived
	out      []byte
	patience patience
}

const lastUser = 1 << 30

// Link is one side of a connection between home and a worker generation.
type Link struct {
	limit   int
	doorman doorman
	mu      sync.Mutex
	lanes   map[int32]*Lane
	next    int32
	files   []*os.File // what Close closes besides the lanes
	closed  bool
	door    // what the transport itself needs
}

// adopt makes a lane of a connected socket, or of a FIFO to read from and one to write to. It closes them on failure.
func (l *Link) adopt(from, to int) (*Lane, error) {
	lane := &Lane{link: l, from: from, to: to, in: make([]byte, 512), wake: make(chan struct{}, 1)}
	if err := errors.Join(syscall.SetNonblock(from, true), syscall.SetNonblock(to, true)); err != nil {
		lane.closeDescriptors()
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	err := ErrClosed
	if !l.closed {
		l.next++
		lane.id = l.next
		err = l.doorman.introduce(lane)
	}
	if err != nil {
		lane.closeDescriptors()
		return nil, err
	}
	l.lanes[lane.id] = lane
	return lane, nil
}

// Close makes every pending and later call on the link and its lanes fail with ErrClosed. It may be
// called from any goroutine, more than once.
func (l *Link) Close() {
	l.mu.Lock()
	lanes, files := l.lanes, l.files
	l.closed, l.lanes, l.files = true, nil, nil
	l.mu.Unlock()
	for _, lane := range lanes {
		lane.shut()
	}
	for _, file := range files {
		file.Close()
	}
}

// closeWith adds a file to what Close closes.
func (l *Link) closeWith(file *os.File) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		file.Close()
		return
	}
	l.files = append(l.files, file)
}

// closeAtEnd closes the link once the host lets go of its end of file, or the link is closed here.
func (l *Link) closeAtEnd(file *os.File) {
	l.closeWith(file)
	go func() {
		var one [1]byte
		file.Read(one[:])
		l.Close()
	}()
}

// Send sends a frame; it does not keep the payload. Precondition: this side is active. ErrClosed: the peer never sees the
// frame.
func (l *Lane) Send(f Frame) error {
	if len(f.Payload) > l.link.limit {
		return errTooLong
	}
	var header [headerSize]byte
	putHeader(&header, f)
	l.out = append(l.out[:0], header[:]...)
	rest := f.Payload
	if len(rest) <= joinUpTo {
		l.out = append(l.out, rest...)
		rest = nil
	}
	if !l.enter() {
		return ErrClosed
	}
	defer l.leave()
	if err := l.write(l.out); err != nil || len(rest) == 0 {
		return err
	}
	return l.write(rest)
}

func (l *Lane) write(bytes []byte) error {
	for len(bytes) > 0 {
		n, err := l.put(bytes)
		switch {
		case err == syscall.EAGAIN:
			if !l.park(forRoom) {
				return ErrClosed
			}
			if l.ended() {
				l.Close()
				return ErrClosed
			}
		case err == syscall.EINTR:
		case err != nil:
			return ErrClosed
		default:
			bytes = bytes[n:]
		}
	}
	return nil
}

// put writes some bytes. Of a socket's peer that has hung up it gets an error, not a signal, which the program may have asked
// to be told of; FIFOs come without that signal.
func (l *Lane) put(bytes []byte) (int, error) {
	if l.from == l.to {
		return syscall.SendmsgN(l.to, bytes, nil, nil, syscall.MSG_NOSIGNAL)
	}
	return syscall.Write(l.to, bytes)
}

// ended says whether the peer has closed its end of a pair of FIFOs, which the one that is written to does not tell.
// Precondition: this side is active, so that there is nothing to read.
func (l *Lane) ended() bool {
	if l.from == l.to {
		return false
	}
	n, err := syscall.Read(l.from, make([]byte, 1))
	return n >= 0 && err == nil
}

// Recv waits for the peer's frame. Its payload is valid until the next Recv on this lane.
// Precondition: the peer is active.
func (l *Lane) Recv() (Frame, error) {
	if cap(l.in) > keepUpTo {
		l.in = make([]byte, 512)
	}
	if !l.enter() {
		return Frame{}, ErrClosed
	}
	defer l.leave()
	l.in = l.in[:cap(l.in)]
	l.have = 0
	if err := l.readTo(headerSize); err != nil {
		return Frame{}, err
	}
	frame, length := header((*[headerSize]byte)(l.in))
	if length < 0 || length > l.link.limit {
		l.Close()
		return Frame{}, errGarbage
	}
	end := headerSize + length
	if err := l.readTo(end); err != nil {
		return Frame{}, err
	}
	if l.have != end { // bytes that belong to no frame: the peer was not active
		l.Close()
		return Frame{}, errGarbage
	}
	frame.Payload = l.in[headerSize:end:end]
	return frame, nil
}

// putHeader writes a frame's header: by hand, because encoding/binary would link reflect.
func putHeader(to *[headerSize]byte, f Frame) {
	for i := range 4 {
		to[i] = byte(len(f.Payload) >> (8 * i))
	}
	to[4], to[5] = byte(f.Kind), byte(f.Kind>>8)
	to[6], to[7] = byte(f.Flags), byte(f.Flags>>8)
	for i := range 8 {
		to[8+i] = byte(f.Call >> (8 * i))
	}
}

// header reads a frame's header.
func header(from *[headerSize]byte) (f Frame, length int) {
	for i := range 4 {
		length |= int(from[i]) << (8 * i)
	}
	f.Kind = uint16(from[4]) | uint16(from[5])<<8
	f.Flags = uint16(from[6]) | uint16(from[7])<<8
	for i := range 8 {
		f.Call |= uint64(from[8+i]) << (8 * i)
	}
	return f, length
}

// readTo reads until end bytes have arrived. The buffer grows as they do, so that a length that a
// broken peer made up costs no memory.
func (l *Lane) readTo(end int) error {
	for l.have < end {
		if l.have == len(l.in) {
			grown := make([]byte, max(min(end, 2*len(l.in)), len(l.in)+headerSize))
			copy(grown, l.in)
			l.in = grown
		}
		if !l.fill() {
			return ErrClosed
		}
	}
	return nil
}

// fill waits until something can be read, and reads once into in[have:]; false at the end of the stream.
func (l *Lane) fill() bool {
	l.patience.begin()
	parked := false
	for {
		n, err := syscall.Read(l.from, l.in[l.have:])
		switch {
		case err == syscall.EINTR:
		case err == syscall.EAGAIN:
			if parked || !l.patience.spin() {
				parked = true
				if !l.park(forNews) {
					return false
				}
			}
		case err != nil || n <= 0:
			return false
		default:
			l.patience.answered(parked)
			l.have += n
			return true
		}
	}
}

// enter says that the descriptors are in use; false once the lane is closed.
func (l *Lane) enter() bool {
	if l.users.Add(1)&lastUser != 0 {
		l.leave()
		return false
	}
	return true
}

func (l *Lane) leave() {
	// One of those who find themselves alone after the close takes the descriptors.
	if l.users.Add(-1) == lastUser && l.users.CompareAndSwap(lastUser, -lastUser) {
		l.closeDescriptors()
	}
}

func (l *Lane) closeDescriptors() {
	syscall.Close(l.from)
	if l.to != l.from {
		syscall.Close(l.to)
	}
}

// Close closes the lane; the peer's next Recv on it fails once it has what was sent before.
func (l *Lane) Close() {
	l.link.mu.Lock()
	delete(l.link.lanes, l.id)
	l.link.mu.Unlock()
	l.shut()
}

// shut ends the stream and wakes whoever waits in it. Any goroutine may call it.
func (l *Lane) shut() {
	if !l.enter() {
		return
	}
	if l.from == l.to {
		syscall.Shutdown(l.from, syscall.SHUT_RDWR)
	}
	for users := l.users.Load(); users&lastUser == 0 && !l.users.CompareAndSwap(users, users|lastUser); {
		users = l.users.Load()
	}
	notify(l.wake)
	l.leave()
}

// notify puts a token into a channel of capacity one, unless there is one.
func notify(channel chan struct{}) {
	select {
	case channel <- struct{}{}:
	default:
	}
}

// pollable hands a connected or listening socket to Go's poller. It closes the descriptor on failure.
func pollable(fd int, name string) (*os.File, error) {
	if err := syscall.SetNonblock(fd, true); err != nil {
		syscall.Close(fd)
		return nil, err
	}
	return os.NewFile(uintptr(fd), name), nil
}

// newSocket opens a socket that child processes do not inherit.
func newSocket(domain, kind int) (int, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	fd, err := syscall.Socket(domain, kind, 0)
	if err == nil {
		syscall.CloseOnExec(fd)
	}
	return fd, err
}

// connect connects a blocking socket, going on after signals. It closes the descriptor on failure.
func connect(fd int, to syscall.Sockaddr) error {
	err := syscall.Connect(fd, to)
	for err == syscall.EINTR {
		if err = syscall.Connect(fd, to); err == syscall.EISCONN {
			err = nil
		}
	}
	if err != nil {
		syscall.Close(fd)
	}
	return err
}
