// Package lane is the Go half of a transport: lanes between home and one worker.
//
// This file is what every transport over byte streams shares: one stream a lane, frames of a 16-byte
// header (payload length u32, kind u16, flags u16, call u64, little endian) and the payload. Streams
// are non-blocking descriptors under Go's poller, so a goroutine that waits holds no thread. It must
// never import package net: it is linked into the worker at every reload.
package lane

import (
	"errors"
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
	file *os.File
	raw  syscall.RawConn

	in       []byte // header and payload of the frame being received
	have     int    // bytes of in that have arrived
	out      []byte
	patience patience
	readErr  error
	fill     func(fd uintptr) bool // reads once into in[have:]; made once, it would escape at each call
}

// Link is one side of a connection between home and a worker generation.
type Link struct {
	limit  int
	mu     sync.Mutex
	lanes  map[*Lane]struct{}
	files  []*os.File // what Close closes besides the lanes
	closed bool
	door   // what the transport itself needs
}

// adopt makes a lane of a connected stream. It closes the stream on failure.
func (l *Link) adopt(file *os.File) (*Lane, error) {
	raw, err := file.SyscallConn()
	if err != nil {
		file.Close()
		return nil, err
	}
	lane := &Lane{link: l, file: file, raw: raw, in: make([]byte, 512)}
	lane.fill = lane.fillOnce
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		file.Close()
		return nil, ErrClosed
	}
	l.lanes[lane] = struct{}{}
	return lane, nil
}

// Close makes every pending and later call on the link and its lanes fail with ErrClosed. It may be
// called from any goroutine, more than once.
func (l *Link) Close() {
	l.mu.Lock()
	lanes, files := l.lanes, l.files
	l.closed, l.lanes, l.files = true, nil, nil
	l.mu.Unlock()
	for lane := range lanes {
		lane.file.Close()
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

// Send sends a frame; it does not keep the payload. Precondition: this side is active.
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
	if _, err := l.file.Write(l.out); err != nil {
		return ErrClosed
	}
	if len(rest) > 0 {
		if _, err := l.file.Write(rest); err != nil {
			return ErrClosed
		}
	}
	return nil
}

// Recv waits for the peer's frame. Its payload is valid until the next Recv on this lane.
// Precondition: the peer is active.
func (l *Lane) Recv() (Frame, error) {
	if cap(l.in) > keepUpTo {
		l.in = make([]byte, 512)
	}
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
		if err := l.raw.Read(l.fill); err != nil || l.readErr != nil {
			return ErrClosed
		}
	}
	return nil
}

// fillOnce reads once, spinning for as long as that is worth it; false parks the goroutine in Go's
// poller until there is something to read.
func (l *Lane) fillOnce(fd uintptr) bool {
	l.patience.begin()
	for {
		n, err := syscall.Read(int(fd), l.in[l.have:])
		switch {
		case err == syscall.EINTR:
		case err == syscall.EAGAIN:
			if !l.patience.spin() {
				return false
			}
		case err != nil || n <= 0:
			l.readErr = ErrClosed
			return true
		default:
			l.patience.answered()
			l.have += n
			return true
		}
	}
}

// Close closes the lane; the peer's next Recv on it fails once it has what was sent before.
func (l *Lane) Close() {
	l.link.mu.Lock()
	delete(l.link.lanes, l)
	l.link.mu.Unlock()
	l.file.Close()
}

// pollable hands a connected or listening socket to Go's poller. It closes the descriptor on failure.
func pollable(fd int, name string) (*os.File, error) {
	if err := syscall.SetNonblock(fd, true); err != nil {
		syscall.Close(fd)
		return nil, err
	}
	return os.NewFile(uintptr(fd), name), nil
}

// newSocket opens a stream socket that child processes do not inherit.
func newSocket(domain int) (int, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	fd, err := syscall.Socket(domain, syscall.SOCK_STREAM, 0)
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

// acceptOn waits in Go's poller for a connection to a listening socket.
func acceptOn(listener syscall.RawConn) (int, error) {
	fd := -1
	var failed error
	err := listener.Read(func(listening uintptr) bool {
		for {
			syscall.ForkLock.RLock()
			fd, _, failed = syscall.Accept(int(listening))
			if failed == nil {
				syscall.CloseOnExec(fd)
			}
			syscall.ForkLock.RUnlock()
			switch failed {
			case syscall.EAGAIN:
				return false
			case syscall.EINTR, syscall.ECONNABORTED:
			default:
				return true
			}
		}
	})
	switch {
	case err != nil:
		return -1, ErrClosed
	case failed == syscall.EINVAL || failed == syscall.EBADF:
		return -1, ErrClosed
	}
	return fd, failed
}
