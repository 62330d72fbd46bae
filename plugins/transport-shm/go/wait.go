package lane

import (
	"runtime"
	"time"

	"index"
)

// patience decides how long a lane spins before its goroutine is handed to the doorman: up to twice the recent
// answer time and at most as long as the link allows; not at all on one processor, or after two waits in a row that
// spinning did not shorten, until an answer comes soon again. Times are in looks at the sequence number, which take
// lookTime each: no clock is read while an answer comes at once.
type patience struct {
	recent uint32 // looks that recent answers took
	misses uint8
}

const (
	// glance is how long any wait may spin without asking whether others spin already, in nanoseconds.
	glance = 1000
	// soon is the time within which a parked wait must end for spinning to be tried again.
	soon = 60 * time.Microsecond
)

var processors = min(runtime.NumCPU(), runtime.GOMAXPROCS(0))

// spinning counts the goroutines of this process that spin longer than a glance.
var spinning = make(chan struct{}, max(1, processors-1))

// lookTime is what one look costs, in nanoseconds, with the processor's wait hint.
var lookTime = measureLook()

func measureLook() uint32 {
	const looks = 256
	best := time.Duration(1 << 40)
	for range 5 { // The best of some, in case the thread is interrupted.
		began := time.Now()
		index.Pause(looks)
		best = min(best, time.Since(began))
	}
	return max(1, uint32(best.Nanoseconds()/looks))
}

// await waits until the incoming sequence number is not the one seen, and returns it.
func (l *Lane) await() uint32 {
	p := &l.patience
	if processors > 1 && p.misses < 2 && l.link.shape.spin > 0 {
		if sequence, looks := l.spin(min(glance, l.link.shape.spin) / lookTime); sequence != l.seen {
			p.recent = (p.recent*3 + looks) / 4
			p.misses = 0
			return sequence
		}
		if sequence, looks := l.spinOn(min(max(2*p.recent*lookTime, 4*glance), l.link.shape.spin) / lookTime); sequence != l.seen {
			p.recent = (p.recent*3 + looks) / 4
			p.misses = 0
			return sequence
		}
	}
	began := time.Now()
	sequence := l.park()
	switch {
	case time.Since(began) < soon:
		p.recent, p.misses = l.link.shape.spin/lookTime, 0
	case p.misses < 2:
		p.misses++
	}
	return sequence
}

// spin looks up to the given number of times.
func (l *Lane) spin(most uint32) (sequence, looks uint32) {
	for looks = 1; looks <= most; looks++ {
		if sequence = l.in.sequence.Load(); sequence != l.seen {
			return sequence, looks
		}
		index.Pause(1)
	}
	return l.seen, looks
}

// spinOn spins longer, unless as many goroutines as there are processors to spare do so already.
func (l *Lane) spinOn(most uint32) (sequence, looks uint32) {
	select {
	case spinning <- struct{}{}:
	default:
		return l.seen, 0
	}
	sequence, looks = l.spin(most)
	<-spinning
	return sequence, looks + glance/lookTime
}

// park waits with the doorman's help.
func (l *Lane) park() uint32 {
	for {
		l.in.waiting.Store(withDoorman)
		// The store and this load are ordered, as are the sender's publication and its look at waiting.
		sequence := l.in.sequence.Load()
		if sequence != l.seen {
			l.in.waiting.Store(awake)
			return sequence
		}
		if l.link.closed.Load() {
			return sequence | closedBit
		}
		<-l.wake
	}
}
