// Command lanecheck is the worker's side of `fire plugin check`: it attaches to the link of a transport
// with that transport's Go half and sends every frame back, until the link is closed.
package main

import (
	"fireagent/lane"
	"os"
	"sync"
)

func main() {
	link, err := lane.Attach(lane.Worker, os.Args[1])
	if err != nil {
		os.Stderr.WriteString("attach: " + err.Error() + "\n")
		os.Exit(1)
	}
	os.Stdout.WriteString("attached\n")
	var echoes sync.WaitGroup
	for {
		next, err := link.Accept()
		if err != nil {
			break
		}
		echoes.Add(1)
		go func() {
			defer echoes.Done()
			echo(next)
		}()
	}
	echoes.Wait()
	link.Close()
}

func echo(l *lane.Lane) {
	defer l.Close()
	for {
		frame, err := l.Recv()
		if err != nil || l.Send(frame) != nil {
			return
		}
	}
}
