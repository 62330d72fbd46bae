// Command callbench measures what a call costs whose body has been moved, what the operations of such a body cost, and
// what the dispatch check costs a call that has not been moved. fire runs it as any program; it prints its figures in
// nanoseconds.
//
//	callbench moved      a call, a load of a word, a read of a map: its functions must have been moved
//	callbench native     a call that stays native, in a program with dispatch checks or one without
package main

import (
	"fmt"
	"os"
	"slices"
	"time"
)

// memory is what the moved bodies reach for: it lives here.
type memory struct {
	word    int
	numbers map[int]int
}

//go:noinline
func null(x int) int { return x + 1 }

//go:noinline
func loads(m *memory, n int) int {
	sum := 0
	for range n {
		sum += m.word
	}
	return sum
}

//go:noinline
func gets(numbers map[int]int, n int) int {
	sum := 0
	for i := range n {
		sum += numbers[i]
	}
	return sum
}

const (
	batch      = 16  // calls that the clock is read around
	operations = 100 // in one moved call
	moment     = 400 * time.Millisecond
)

// main measures in functions of its own: whatever else is here moves.
func main() {
	// quantiles are the median and the 99th percentile of a call, over a moment.
	quantiles := func(call func(), batch int) [2]float64 {
		var means []float64
		for began := time.Now(); time.Since(began) < moment; {
			before := time.Now()
			for range batch {
				call()
			}
			means = append(means, float64(time.Since(before).Nanoseconds())/float64(batch))
		}
		means = means[len(means)/10:] // the first ones found caches cold
		slices.Sort(means)
		return [2]float64{means[len(means)/2], means[len(means)*99/100]}
	}
	x := 0
	// native is the least that a call took, over some runs: what interrupts a run only makes it longer.
	native := func() float64 {
		const calls = 200_000
		best := time.Duration(1 << 40)
		for range 50 {
			began := time.Now()
			for range calls {
				x = null(x)
			}
			best = min(best, time.Since(began))
		}
		return float64(best.Nanoseconds()) / calls
	}
	if os.Args[1] == "native" {
		fmt.Println(native())
		return
	}
	m := &memory{word: 1, numbers: map[int]int{}}
	for i := range operations {
		m.numbers[i] = 1
	}
	call := quantiles(func() { x = null(x) }, batch)
	load := quantiles(func() { x = loads(m, operations) }, 1)
	get := quantiles(func() { x = gets(m.numbers, operations) }, 1)
	if x != operations {
		fmt.Println("failed: the moved bodies are wrong:", x)
		os.Exit(1)
	}
	fmt.Println(call[0], call[1], (load[0]-call[0])/operations, (get[0]-call[0])/operations)
}
