package main

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"fireagent/lane"
)

// run runs a scenario of size n as home.
func run(link *lane.Link, scenario string, n int) (string, error) {
	switch scenario {
	case "echo":
		return onLane(link, func(l *lane.Lane) error { return echoes(l, n) })
	case "size":
		return onLane(link, func(l *lane.Lane) error { return size(l, n) })
	case "nest":
		return onLane(link, func(l *lane.Lane) error { return nested(l, n) })
	case "beyond":
		return onLane(link, func(l *lane.Lane) error {
			if err := l.Send(lane.Frame{Kind: echo, Payload: make([]byte, n)}); err == nil {
				return errors.New("a frame beyond the limit was sent")
			}
			return echoes(l, 10)
		})
	case "callers":
		return callers(link, n, 2000)
	case "blocked":
		return blocked(link, n)
	case "hangup":
		return onLane(link, func(l *lane.Lane) error { return ends(l, hangUp) })
	case "exit":
		return onLane(link, func(l *lane.Lane) error { return ends(l, exit) })
	case "hold":
		return onLane(link, func(l *lane.Lane) error { return ends(l, hold) })
	case "close":
		return onLane(link, closed)
	case "last":
		return onLane(link, last)
	case "part":
		return onLane(link, part)
	}
	return "", errors.New("no such scenario: " + scenario)
}

var (
	current atomic.Pointer[lane.Lane] // the lane of the scenario that was begun last
	sends   atomic.Int64
)

func onLane(link *lane.Link, do func(*lane.Lane) error) (string, error) {
	l, err := link.Open()
	if err != nil {
		return "", err
	}
	current.Store(l)
	defer l.Close()
	return "", do(l)
}

func echoes(l *lane.Lane, n int) error {
	for i := range n {
		sent := lane.Frame{Kind: echo, Flags: uint16(i), Call: uint64(i) << 20, Payload: pattern(i%97, i)}
		if err := exchange(l, sent); err != nil {
			return fmt.Errorf("echo %d: %w", i, err)
		}
	}
	return nil
}

func size(l *lane.Lane, n int) error {
	return exchange(l, lane.Frame{Kind: echo, Call: uint64(n), Payload: pattern(n, n)})
}

// exchange sends a frame and holds the answer against it.
func exchange(l *lane.Lane, sent lane.Frame) error {
	sends.Add(1)
	if err := l.Send(sent); err != nil {
		return err
	}
	got, err := l.Recv()
	if err != nil {
		return err
	}
	if got.Kind != sent.Kind || got.Flags != sent.Flags || got.Call != sent.Call || string(got.Payload) != string(sent.Payload) {
		return fmt.Errorf("another frame came back: kind %d, call %d, %d bytes", got.Kind, got.Call, len(got.Payload))
	}
	return nil
}

func nested(l *lane.Lane, levels int) error {
	if err := unwind(l, uint64(levels)+1); err != nil {
		return err
	}
	return echoes(l, 3)
}

// callers lets n goroutines call at once, each on a lane of its own.
func callers(link *lane.Link, n, each int) (string, error) {
	var group sync.WaitGroup
	failures := make(chan error, n)
	began := time.Now()
	for range n {
		group.Add(1)
		go func() {
			defer group.Done()
			if _, err := onLane(link, func(l *lane.Lane) error { return echoes(l, each) }); err != nil {
				failures <- err
			}
		}()
	}
	group.Wait()
	if len(failures) > 0 {
		return fmt.Sprint(len(failures)), <-failures
	}
	return fmt.Sprint(n * each * 1e6 / int(time.Since(began).Microseconds()+1)), nil
}

// blocked holds n calls at once, each waiting for an answer that only the end of the link brings.
func blocked(link *lane.Link, n int) (string, error) {
	for range n {
		l, err := link.Open()
		if err != nil {
			return "", err
		}
		if err := exchange(l, lane.Frame{Kind: echo}); err != nil {
			return "", err
		}
		if err := l.Send(lane.Frame{Kind: hold}); err != nil {
			return "", err
		}
		go func() {
			for {
				if _, err := l.Recv(); err != nil {
					return
				}
			}
		}()
	}
	return "", nil
}

// ends sends a frame that the peer answers with the end of the lane.
func ends(l *lane.Lane, kind uint16) error {
	sends.Add(1)
	if err := l.Send(lane.Frame{Kind: kind}); err != nil {
		return err
	}
	for range 2 {
		if _, err := l.Recv(); err == nil || err.Error() != lane.ErrClosed.Error() {
			return fmt.Errorf("expected the lane's end, got %v", err)
		}
	}
	return nil
}

// closed closes a lane: every call on it fails from then on, and closing it again is nothing.
func closed(l *lane.Lane) error {
	if err := echoes(l, 3); err != nil {
		return err
	}
	l.Close()
	l.Close()
	for range 2 {
		if err := l.Send(lane.Frame{Kind: echo}); err == nil || err.Error() != lane.ErrClosed.Error() {
			return fmt.Errorf("a send on a closed lane: %v", err)
		}
		if _, err := l.Recv(); err == nil || err.Error() != lane.ErrClosed.Error() {
			return fmt.Errorf("a receive on a closed lane: %v", err)
		}
	}
	return nil
}

// last sends a frame and closes the lane at once: the frame still comes.
func last(l *lane.Lane) error {
	if err := echoes(l, 3); err != nil {
		return err
	}
	return l.Send(lane.Frame{Kind: count, Payload: pattern(3000, 1)})
}

// part receives what the peer has sent before it closed the lane, then its end.
func part(l *lane.Lane) error {
	if err := exchange(l, lane.Frame{Kind: bye, Payload: pattern(5000, 1)}); err != nil {
		return err
	}
	if _, err := l.Recv(); err == nil || err.Error() != lane.ErrClosed.Error() {
		return fmt.Errorf("expected the lane's end, got %v", err)
	}
	return nil
}

func pattern(n, seed int) []byte {
	bytes := make([]byte, n)
	for i := range bytes {
		bytes[i] = byte(i*31 + seed)
	}
	return bytes
}
