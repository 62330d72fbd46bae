package lane

import (
	"runtime"
	"time"
)

// patience decides how long a lane asks again and again before it lets its goroutine park: up to
// twice the recent answer time and never more than longestSpin; as little as is worth it after
// two waits in a row that spinning did not shorten, until an answer comes soon again; not at all on one processor.
type patience struct {
	recent  time.Duration // how long recent answers took
	started time.Time
	misses  uint8
	waits   uint8
}

const (
	longestSpin = 20 * time.Microsecond
	// shortestSpin is about what an answer takes whose sender is awake and has nothing to do. Every wait spins so long:
	// parking takes longer.
	shortestSpin = 8 * time.Microsecond
	// soon is the time within which a parked wait must end for spinning to be tried again: longestSpin
	// and what parking and waking cost.
	soon = 60 * time.Microsecond
	// Two sides that both park answer each other only as soon as the kernel wakes them, which on a virtual machine takes
	// longer than a wait spins: they would never see an early answer again. So the wait after the first miss, and
	// then one in probeEvery, spins patientSpin, which is about as long as waking takes.
	probeEvery  = 16
	patientSpin = 250 * time.Microsecond
)

var processors = min(runtime.NumCPU(), runtime.GOMAXPROCS(0))

// begin begins a wait.
func (p *patience) begin() {
	p.started = time.Now()
	p.waits++
}

// spin says whether to ask once more. False: park.
func (p *patience) spin() bool {
	if processors < 2 {
		return false
	}
	limit := max(shortestSpin, min(2*p.recent, longestSpin))
	switch {
	case p.misses == 1 || p.waits%probeEvery == 0:
		limit = patientSpin
	case p.misses > 1:
		limit = shortestSpin
	}
	if time.Since(p.started) >= limit {
		return false
	}
	yield()
	return true
}

// answered ends the wait.
func (p *patience) answered(parked bool) {
	took := time.Since(p.started)
	switch {
	case !parked:
		p.recent = (3*p.recent + took) / 4
		p.misses = 0
	case took < soon:
		p.recent = longestSpin
		p.misses = 0
	case p.misses < 2:
		p.misses++
	}
}
