package lane

import (
	"runtime"
	"sync/atomic"
	"time"

	"index"
)

// patience decides how long a lane spins before its goroutine is handed to the doorman: up to twice the recent
// answer time and at most as long as the link allows; not at all on one processor, or after two waits in a row that
// spinning did not shorten, until an answer comes soon again. Times are in looks at the mailbox's head, which take
// lookTime each: no clock is read while an answer comes at once.
type patience struct {
	recent uint32 // looks that recent answers took
	misses uint8
	waits  uint8 // that were longer than a few looks
	yields uint8 // answers in a row that the first yield brought: the peer seems to wait for this processor
}

const (
	// glance is how long any wait may spin without asking whether others spin already, in nanoseconds.
	glance = 1000
	// eager is how many looks are made without the processor's wait hint, which costs more than a cache line's way from
	// one processor to another.
	eager = 256
	// soon is the time within which a parked wait must end for spinning to be tried again.
	soon = 60 * time.Microsecond
	// Two sides that both park answer each other only as soon as the kernel wakes them, which on a virtual machine takes
	// longer than a wait spins: they would never see an early answer again. So the wait after the first miss, and
	// then one in probeEvery, spins patientTimes as long, which is about as long as waking takes.
	probeEvery   = 16
	patientTimes = 12
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

// await waits until the incoming mailbox's head has another sequence number than the one seen, and returns it; with
// the number seen when the lane is closed.
func (l *Lane) await() uint64 {
	if processors > 1 && l.link.shape.spin > 0 {
		for range eager {
			if head := atomic.LoadUint64(&l.in.head); uint32(head) != l.seen {
				l.patience.answered(0)
				return head
			}
		}
	}
	return l.awaitLonger()
}

func (l *Lane) awaitLonger() uint64 {
	p := &l.patience
	longest := l.link.shape.spin
	p.waits++
	probe := p.waits%probeEvery == 0
	if processors > 1 && longest > 0 && (p.misses < 2 || probe) {
		if head, looks := l.spin(min(glance, longest) / lookTime); uint32(head) != l.seen {
			p.answered(looks)
			return head
		}
		most := min(max(2*p.recent*lookTime, 4*glance), longest)
		if probe || p.misses == 1 {
			most = patientTimes * longest
		}
		if head, looks := l.spinOn(most / lookTime); uint32(head) != l.seen {
			p.answered(looks)
			return head
		}
	}
	began := time.Now()
	head := l.park()
	switch {
	case time.Since(began) < soon:
		p.recent, p.misses = longest/lookTime, 0
	case p.misses < 2:
		p.misses++
	}
	return head
}

// yielded notes an answer that came with the first yield. One of the two sides leaves, or both would meet again.
func (p *patience) yielded(side Side) {
	if p.yields++; p.yields >= together {
		p.yields = 0
		if side == Worker {
			leave()
		}
	}
}

func (p *patience) answered(looks uint32) {
	p.recent = (p.recent*3 + looks) / 4
	p.misses = 0
}

// spin looks up to the given number of times.
func (l *Lane) spin(most uint32) (head uint64, looks uint32) {
	head = uint64(l.seen)
	for looks = range most {
		if head = atomic.LoadUint64(&l.in.head); uint32(head) != l.seen {
			return head, looks
		}
		index.Pause(1)
	}
	return head, most
}

// spinOn spins longer, and lets other threads run between, the peer among them; not if as many goroutines as there are
// processors to spare do so already.
func (l *Lane) spinOn(most uint32) (head uint64, looks uint32) {
	select {
	case spinning <- struct{}{}:
	default:
		return uint64(l.seen), 0
	}
	head = uint64(l.seen)
	for looks < most && uint32(head) == l.seen {
		yield()
		if head = atomic.LoadUint64(&l.in.head); uint32(head) != l.seen && looks == 0 {
			l.patience.yielded(l.link.side)
			break
		}
		l.patience.yields = 0
		var more uint32
		head, more = l.spin(glance / lookTime)
		looks += more + 1
	}
	<-spinning
	return head, looks + glance/lookTime
}

// park waits with the doorman's help.
func (l *Lane) park() uint64 {
	for {
		swapped := l.in.waiting.CompareAndSwap(awake, withDoorman)
		// The swap and this load are ordered, as are the sender's publication and its look at waiting.
		head := atomic.LoadUint64(&l.in.head)
		if uint32(head) != l.seen {
			l.in.waiting.CompareAndSwap(withDoorman, awake)
			return head
		}
		if !swapped && l.in.waiting.Load() == shutDown {
			return uint64(l.seen)
		}
		<-l.wake
	}
}
