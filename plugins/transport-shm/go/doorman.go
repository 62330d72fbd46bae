package lane

import (
	"errors"
	"math/bits"
	"os"
	"sync/atomic"
	"syscall"
)

// doorman wakes the goroutines of this side that wait long. A sender that finds its receiver with the doorman sets
// the lane's bit in the receiver's side of the header and rings the receiver's bell: a FIFO, which
// is under Go's poller. A ring costs a system call only when the doorman is asleep.
//
// A futex would wake it a little sooner, but a goroutine in a futex keeps a processor of Go's scheduler until
// the scheduler's monitor takes it away, up to 20 ms later: with GOMAXPROCS=1 the program would stand still.
type doorman struct {
	link               *Link
	bell               *os.File // this side's
	own, peer          int      // offsets of the sides' parts of the header
	asleep, peerAsleep *atomic.Uint32
	peerBell           int // descriptor of the other side's bell
	ringing            syscall.RawConn
	peerFile           *os.File
}

var one = []byte{1}

// hire opens the bells and starts the doorman. It ends when the link is closed.
func (d *doorman) hire(link *Link, own, peer string) error {
	d.link = link
	d.own, d.peer = atHome, atWorker
	if link.side == Worker {
		d.own, d.peer = d.peer, d.own
	}
	d.asleep, d.peerAsleep = link.memory.word(d.own+atAsleep), link.memory.word(d.peer+atAsleep)
	var err error
	if d.bell, err = openBell(own); err != nil {
		return err
	}
	if d.peerFile, err = openBell(peer); err != nil {
		d.bell.Close()
		return err
	}
	if d.ringing, err = d.peerFile.SyscallConn(); err != nil {
		return err
	}
	go d.work()
	return nil
}

func openBell(path string) (*os.File, error) {
	// For reading and writing, so that it has no end while the other side is not there.
	fd, err := syscall.Open(path, syscall.O_RDWR|syscall.O_NONBLOCK|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil, errors.New("fire lane: cannot open " + path + ": " + err.Error())
	}
	return os.NewFile(uintptr(fd), path), nil
}

// dismiss ends the doorman.
func (d *doorman) dismiss() {
	d.bell.Close()
	d.peerFile.Close()
}

// tell says that a lane has news for the peer.
func (d *doorman) tell(index int) {
	word := index / 64
	setBit(d.link.memory.long(d.peer+atNews+word*8), index%64)
	setBit(d.link.memory.long(d.peer+atSummary+word/64*8), word%64)
	d.ring()
}

// ring wakes the peer's doorman if it is asleep. What it is to find must be written before.
func (d *doorman) ring() {
	if d.peerAsleep.Load() != 0 && d.peerAsleep.Swap(0) != 0 {
		d.ringing.Control(func(fd uintptr) {
			// A full FIFO wakes as well as another byte would.
			syscall.Write(int(fd), one)
		})
	}
}

func setBit(word *atomic.Uint64, bit int) {
	for old := word.Load(); old&(1<<bit) == 0 && !word.CompareAndSwap(old, old|1<<bit); {
		old = word.Load()
	}
}

func (d *doorman) work() {
	rings := make([]byte, 64)
	for {
		for d.deliver() {
		}
		d.asleep.Store(1)
		// Whoever wrote its news before this store and saw the doorman awake is found here.
		if d.deliver() {
			continue
		}
		if d.link.memory.word(atLinkEnd).Load() != 0 || d.link.closed.Load() {
			d.link.Close()
			return
		}
		if _, err := d.bell.Read(rings); err != nil {
			return
		}
	}
}

// deliver wakes the goroutines of all lanes that have news; false if there were none.
func (d *doorman) deliver() bool {
	found := false
	memory := d.link.memory
	for s := 0; s < mostLanes/64/64; s++ {
		summary := memory.long(d.own + atSummary + s*8)
		if summary.Load() == 0 {
			continue
		}
		for words := summary.Swap(0); words != 0; words &= words - 1 {
			word := s*64 + bits.TrailingZeros64(words)
			for lanes := memory.long(d.own + atNews + word*8).Swap(0); lanes != 0; lanes &= lanes - 1 {
				found = true
				if lane := d.link.lane(word*64 + bits.TrailingZeros64(lanes)); lane != nil {
					notify(lane.wake)
				}
			}
		}
	}
	if d.link.side == Worker && d.link.news() {
		notify(d.link.accepted)
	}
	return found
}

// news says whether home has opened a lane that has not been accepted.
func (l *Link) news() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return int(l.memory.word(atOpened).Load()) > len(l.lanes)
}
