// Package lane is all built-in transports in one, so that one build of a program serves tests over each of them. A
// descriptor says which: `shm:` and what that transport's own descriptor says.
package lane

import (
	"errors"
	"strings"

	pipe "fireagent/lane/pipe"
	shm "fireagent/lane/shm"
	tcp "fireagent/lane/tcp"
)

// Side is one of the two ends of a link.
type Side int

const (
	Home Side = iota
	Worker
)

// ErrClosed is returned once a link is closed.
var ErrClosed = errors.New("fire lane: closed")

// Frame is one message on a lane.
type Frame = shm.Frame

// Lane carries one call at a time and everything nested in it.
type Lane struct {
	send  func(Frame) error
	recv  func() (Frame, error)
	close func()
}

// Send sends a frame.
func (l *Lane) Send(f Frame) error { return l.send(f) }

// Recv waits for the peer's frame.
func (l *Lane) Recv() (Frame, error) { return l.recv() }

// Close closes the lane.
func (l *Lane) Close() { l.close() }

// Link connects home with one worker.
type Link struct {
	open, accept func() (*Lane, error)
	close        func()
}

// Open makes another lane.
func (l *Link) Open() (*Lane, error) { return l.open() }

// Accept waits for home to open another lane.
func (l *Link) Accept() (*Lane, error) { return l.accept() }

// Close closes the link.
func (l *Link) Close() { l.close() }

// Attach attaches this process to a link, as that side.
func Attach(side Side, descriptor string) (*Link, error) {
	name, own, _ := strings.Cut(descriptor, ":")
	switch name {
	case "shm":
		link, err := shm.Attach(shm.Side(side), own)
		if err != nil {
			return nil, err
		}
		return &Link{ofShm(link.Open), ofShm(link.Accept), link.Close}, nil
	case "pipe":
		link, err := pipe.Attach(pipe.Side(side), own)
		if err != nil {
			return nil, err
		}
		return &Link{ofPipe(link.Open), ofPipe(link.Accept), link.Close}, nil
	case "tcp":
		link, err := tcp.Attach(tcp.Side(side), own)
		if err != nil {
			return nil, err
		}
		return &Link{ofTCP(link.Open), ofTCP(link.Accept), link.Close}, nil
	}
	return nil, errors.New("no transport of this name: " + name)
}

func ofShm(f func() (*shm.Lane, error)) func() (*Lane, error) {
	return func() (*Lane, error) {
		l, err := f()
		if err != nil {
			return nil, named(err, shm.ErrClosed)
		}
		return &Lane{l.Send, l.Recv, l.Close}, nil
	}
}

func ofPipe(f func() (*pipe.Lane, error)) func() (*Lane, error) {
	return func() (*Lane, error) {
		l, err := f()
		if err != nil {
			return nil, named(err, pipe.ErrClosed)
		}
		receive := func() (Frame, error) { g, err := l.Recv(); return Frame(g), err }
		return &Lane{func(g Frame) error { return l.Send(pipe.Frame(g)) }, receive, l.Close}, nil
	}
}

func ofTCP(f func() (*tcp.Lane, error)) func() (*Lane, error) {
	return func() (*Lane, error) {
		l, err := f()
		if err != nil {
			return nil, named(err, tcp.ErrClosed)
		}
		receive := func() (Frame, error) { g, err := l.Recv(); return Frame(g), err }
		return &Lane{func(g Frame) error { return l.Send(tcp.Frame(g)) }, receive, l.Close}, nil
	}
}

// named is an error of a transport's, as this package calls it.
func named(err, closed error) error {
	if err == closed {
		return ErrClosed
	}
	return err
}
