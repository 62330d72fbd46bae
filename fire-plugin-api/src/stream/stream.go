// Package lane is the Go half of a transport over byte streams: frames, lanes and closing. Another file
// of the package has Attach, which says how streams are made.
package lane

import (
	"errors"
	"io"
	"os"
	"sync"
	"syscall"
)

// Side says which end of a link this process is.
type Side int

const (
	Home Side = iota
	Worker
)

// Frame is one message on a lane.
type Frame struct {
	Kind, Flags uint16
	Call        uint64
	Payload     []byte
}

// ErrClosed is returned once the lane or its link is closed.
var ErrClosed = errors.New("lane: closed")

var errTooLong = errors.New("lane: a frame is longer than 64 MiB")

const (
	headerSize = 16
	limit      = 64 << 20
)

// Link is one side of a connection between home and a worker. Attach fills the exported fields.
type Link struct {
	Connect func() (fd int, err error) // home: a stream for a new lane
	Listen  func() (fd int, err error) // worker: waits for the next stream
	End     func()                     // worker: wakes who waits in Listen

	mu     sync.Mutex
	lanes  map[*Lane]bool
	closed bool
}

// Lane carries one call at a time. Exactly one side is active.
type Lane struct {
	link *Link
	file *os.File
	out  []byte
	in   []byte
	head [headerSize]byte
}

// Open makes a new lane. Home only.
func (l *Link) Open() (*Lane, error) { return l.adopt(l.Connect) }

// Accept waits until home has opened another lane. Worker only.
func (l *Link) Accept() (*Lane, error) { return l.adopt(l.Listen) }

func (l *Link) adopt(stream func() (int, error)) (*Lane, error) {
	fd, err := stream()
	if err != nil {
		return nil, ErrClosed
	}
	syscall.CloseOnExec(fd)
	if err := syscall.SetNonblock(fd, true); err != nil { // under Go's poller: who waits holds no thread
		syscall.Close(fd)
		return nil, err
	}
	lane := &Lane{link: l, file: os.NewFile(uintptr(fd), "lane")}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		lane.file.Close()
		return nil, ErrClosed
	}
	if l.lanes == nil {
		l.lanes = make(map[*Lane]bool)
	}
	l.lanes[lane] = true
	return lane, nil
}

// Close makes every pending and later call on the link and its lanes fail.
func (l *Link) Close() {
	l.mu.Lock()
	lanes, first := l.lanes, !l.closed
	l.lanes, l.closed = nil, true
	l.mu.Unlock()
	for lane := range lanes {
		lane.file.Close()
	}
	if first && l.End != nil {
		l.End()
	}
}

// Send sends a frame; it does not keep the payload. Precondition: this side is active. ErrClosed: the peer never sees the
// frame.
func (l *Lane) Send(f Frame) error {
	if len(f.Payload) > limit {
		return errTooLong
	}
	length := uint32(len(f.Payload))
	l.out = append(l.out[:0], byte(length), byte(length>>8), byte(length>>16), byte(length>>24),
		byte(f.Kind), byte(f.Kind>>8), byte(f.Flags), byte(f.Flags>>8))
	for shift := 0; shift < 64; shift += 8 {
		l.out = append(l.out, byte(f.Call>>shift))
	}
	l.out = append(l.out, f.Payload...)
	if _, err := l.file.Write(l.out); err != nil {
		return ErrClosed
	}
	return nil
}

// Recv waits for the peer's frame. Its payload is valid until the next Recv on this lane. Precondition:
// the peer is active.
func (l *Lane) Recv() (f Frame, err error) {
	if _, err := io.ReadFull(l.file, l.head[:]); err != nil {
		return f, ErrClosed
	}
	h := &l.head
	length := int(h[0]) | int(h[1])<<8 | int(h[2])<<16 | int(h[3])<<24
	if length > limit {
		l.Close()
		return f, ErrClosed
	}
	f.Kind, f.Flags = uint16(h[4])|uint16(h[5])<<8, uint16(h[6])|uint16(h[7])<<8
	for i, b := range h[8:] {
		f.Call |= uint64(b) << (8 * i)
	}
	if cap(l.in) < length {
		l.in = make([]byte, length)
	}
	f.Payload = l.in[:length]
	if _, err := io.ReadFull(l.file, f.Payload); err != nil {
		return f, ErrClosed
	}
	return f, nil
}

// Close closes the lane; the peer's next or current call on it fails.
func (l *Lane) Close() {
	l.link.mu.Lock()
	delete(l.link.lanes, l)
	l.link.mu.Unlock()
	l.file.Close()
}
