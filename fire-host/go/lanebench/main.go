// Command lanebench is one side of a link, or one side of the machine's own floor, driven by the benchmark over
// standard input: a command a line, an answer a line.
//
//	attach home|worker DESCRIPTOR
//	serve                         worker: answer every frame of every lane with itself, from now on
//	measure N                     home: at most N round trips of an empty frame on one lane
//	cold N                        home: N round trips, each after 10 ms of rest
//	callers N                     home: round trips of N goroutines at once, for a moment; calls per second
//	floor line|pipe|tcp home|worker WHERE N
package main

import (
	"bufio"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"fireagent/lane"
)

func main() {
	commands := make(chan string)
	go func() {
		in := bufio.NewScanner(os.Stdin)
		for in.Scan() {
			commands <- in.Text()
		}
		os.Exit(0) // The benchmark has ended: whatever is being measured, nobody waits for it.
	}()
	var link *lane.Link
	for command := range commands {
		words := strings.Fields(command)
		answer, err := "ok", error(nil)
		switch words[0] {
		case "attach":
			side := lane.Home
			if words[1] == "worker" {
				side = lane.Worker
			}
			link, err = lane.Attach(side, words[2])
		case "serve":
			go serve(link)
		case "measure":
			answer, err = onLane(link, func(trip func() error) (string, error) { return measure(number(words[1]), trip) })
		case "cold":
			answer, err = onLane(link, func(trip func() error) (string, error) { return cold(number(words[1]), trip) })
		case "callers":
			answer, err = callers(link, number(words[1]))
		case "cpu":
			answer = fmt.Sprint(processorTime())
		case "floor":
			answer, err = floor(words[1], words[2], words[3], number(words[4]))
		}
		if err != nil {
			answer = "failed " + err.Error()
		}
		fmt.Println(answer)
	}
}

func number(word string) int {
	n, _ := strconv.Atoi(word)
	return n
}

func serve(link *lane.Link) {
	for {
		l, err := link.Accept()
		if err != nil {
			return
		}
		go func() {
			for {
				frame, err := l.Recv()
				if err != nil || l.Send(frame) != nil {
					return
				}
			}
		}()
	}
}

// onLane gives do a round trip on a lane of its own.
func onLane(link *lane.Link, do func(trip func() error) (string, error)) (string, error) {
	l, err := link.Open()
	if err != nil {
		return "", err
	}
	defer l.Close()
	return do(func() error {
		if err := l.Send(lane.Frame{Kind: 1}); err != nil {
			return err
		}
		_, err := l.Recv()
		return err
	})
}

// batch is how many round trips the median is taken over at a time: reading the clock costs as much as a
// third of a round trip.
const batch = 16

// moment is how long a measurement goes on at most: on a busy machine round trips take long.
const moment = 150 * time.Millisecond

// upTo says whether there is time for another of n.
func upTo(n int) func() bool {
	began, i := time.Now(), 0
	return func() bool {
		i++
		return i <= n && (i < 8 || time.Since(began) < moment)
	}
}

// measure makes at most n round trips: the median of the batches' means, the high quantiles of single ones, and the processor
// time for one.
func measure(n int, trip func() error) (string, error) {
	for more := upTo(n / 10); more(); {
		if err := trip(); err != nil {
			return "", err
		}
	}
	var means, singles []time.Duration
	used := processorTime()
	for more := upTo(n / (2 * batch)); more(); {
		began := time.Now()
		for range batch {
			if err := trip(); err != nil {
				return "", err
			}
		}
		means = append(means, time.Since(began)/batch)
	}
	used = processorTime() - used
	for more := upTo(n / 2); more(); {
		began := time.Now()
		if err := trip(); err != nil {
			return "", err
		}
		singles = append(singles, time.Since(began))
	}
	return fmt.Sprint(quantile(means, 0.5), quantile(singles, 0.99), quantile(singles, 0.999),
		used/int64(len(means)*batch), len(means)*batch+len(singles)), nil
}

func cold(n int, trip func() error) (string, error) {
	var singles []time.Duration
	for range n {
		time.Sleep(10 * time.Millisecond)
		began := time.Now()
		if err := trip(); err != nil {
			return "", err
		}
		singles = append(singles, time.Since(began))
	}
	return fmt.Sprint(quantile(singles, 0.5)), nil
}

func callers(link *lane.Link, n int) (string, error) {
	var group sync.WaitGroup
	var trips atomic.Int64
	failures := make(chan error, n)
	began := time.Now()
	for range n {
		group.Add(1)
		go func() {
			defer group.Done()
			if _, err := onLane(link, func(trip func() error) (string, error) {
				for time.Since(began) < 2*moment {
					if err := trip(); err != nil {
						return "", err
					}
					trips.Add(1)
				}
				return "", nil
			}); err != nil {
				failures <- err
			}
		}()
	}
	group.Wait()
	if len(failures) > 0 {
		return "", <-failures
	}
	return fmt.Sprint(int(float64(trips.Load()) / time.Since(began).Seconds())), nil
}

func quantile(of []time.Duration, q float64) int64 {
	slices.Sort(of)
	return of[int(q*float64(len(of)-1))].Nanoseconds()
}

// processorTime is what this process has used, in nanoseconds.
func processorTime() int64 {
	var used syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &used)
	return used.Utime.Nano() + used.Stime.Nano()
}
