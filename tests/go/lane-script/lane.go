// Package lane is a transport without a worker: what home receives is written down beforehand. For tests of home.
package lane

import "errors"

// Side is one of the two ends of a link.
type Side int

const (
	Home Side = iota
	Worker
)

// ErrClosed is returned once a lane has nothing more to say.
var ErrClosed = errors.New("fire lane: closed")

// Frame is one message on a lane.
type Frame struct {
	Kind, Flags uint16
	Call        uint64
	Payload     []byte
	Late        func(sent []Frame) []byte // not nil: makes the payload of what the other side has said by then
}

// Link makes lanes that say what Script says.
type Link struct {
	Script func() []Frame
}

// Attach is not used: a test makes its links itself.
func Attach(Side, string) (*Link, error) { return nil, ErrClosed }

// Open makes another lane.
func (l *Link) Open() (*Lane, error) { return &Lane{left: l.Script()}, nil }

// Accept waits for nothing.
func (l *Link) Accept() (*Lane, error) { return nil, ErrClosed }

// Close does nothing.
func (l *Link) Close() {}

// Lane says what is left, one frame after the other.
type Lane struct {
	left   []Frame
	Sent   []Frame
	closed bool
}

// Send notes a frame.
func (l *Lane) Send(f Frame) error {
	if l.closed {
		return ErrClosed
	}
	f.Payload = append([]byte(nil), f.Payload...)
	l.Sent = append(l.Sent, f)
	return nil
}

// Recv is the next frame of the script.
func (l *Lane) Recv() (Frame, error) {
	if l.closed || len(l.left) == 0 {
		return Frame{}, ErrClosed
	}
	f := l.left[0]
	l.left = l.left[1:]
	if f.Late != nil {
		f.Payload = f.Late(l.Sent)
	}
	return f, nil
}

// Close ends the lane.
func (l *Lane) Close() { l.closed = true }
