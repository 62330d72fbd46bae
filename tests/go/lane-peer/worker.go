package main

import (
	"os"
	"sync/atomic"
	"syscall"

	"fireagent/lane"
)

// What a frame asks of the side that receives it.
const (
	echo   = 1 // the same frame back
	nest   = 2 // call levels left: 0 is answered, more is asked back with one level less
	done   = 3 // the answer to nest
	hangUp = 4 // the receiver closes the lane
	exit   = 5 // the receiver's process ends
	hold   = 6 // no answer: the receiver waits for another frame
	twice  = 7 // the payload twice
	count  = 8 // no answer: it is counted
	bye    = 9 // the same frame back, then the receiver closes the lane
)

var (
	serving atomic.Int64
	counted atomic.Int64
	dying   atomic.Value // the step at which this process ends
)

// at ends the process if it is to die at that step.
func at(step string) {
	if dying.Load() == step {
		syscall.Kill(syscall.Getpid(), syscall.SIGKILL)
	}
}

// serve accepts lanes and answers on each until it ends.
func serve(link *lane.Link) {
	for {
		l, err := link.Accept()
		if err != nil {
			return
		}
		at("accepted")
		serving.Add(1)
		go func() {
			for answer(l) == nil {
			}
			l.Close()
			serving.Add(-1)
		}()
	}
}

func answer(l *lane.Lane) error {
	frame, err := l.Recv()
	if err != nil {
		return err
	}
	at("received")
	err = respond(l, frame)
	at("sent")
	return err
}

func respond(l *lane.Lane, frame lane.Frame) error {
	switch frame.Kind {
	case nest:
		if err := unwind(l, frame.Call); err != nil {
			return err
		}
		return l.Send(lane.Frame{Kind: done, Call: frame.Call})
	case hangUp:
		l.Close()
		return lane.ErrClosed
	case exit:
		os.Exit(3)
	case hold:
		_, err := l.Recv()
		return err
	case count:
		counted.Add(1)
		return nil
	case bye:
		err := l.Send(frame)
		l.Close()
		if err == nil {
			err = lane.ErrClosed
		}
		return err
	case twice:
		frame.Payload = append(frame.Payload, frame.Payload...)
	}
	return l.Send(frame)
}

// unwind asks the peer for the levels that are left and waits for its answer.
func unwind(l *lane.Lane, levels uint64) error {
	if levels == 0 {
		return nil
	}
	if err := l.Send(lane.Frame{Kind: nest, Call: levels - 1}); err != nil {
		return err
	}
	for {
		frame, err := l.Recv()
		if err != nil || frame.Kind == done {
			return err
		}
		if err := respond(l, frame); err != nil {
			return err
		}
	}
}
