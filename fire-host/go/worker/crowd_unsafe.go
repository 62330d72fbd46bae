package worker

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"slices"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"fireagent/wire"
)

// crowd says when to look through all of this process's memory again, which is done by one goroutine at a time.
var crowd struct {
	sync.Mutex
	next time.Time
}

// seldom is how many times longer than the last look the process goes on without another.
const seldom = 20

// mostMemory is the size of a dump beyond which nobody looks: what is known here then stays known.
const mostMemory = 256 << 20

// tellKnown lets home forget what the call was handed out and is not known here any more. False: not now.
//
// Theory of operation. An address that some goroutine may still use is in some stack, in the heap, in a variable, or in a buffer that
// holds an operation under way, perhaps without the upper bits and at an odd place. The runtime's heap dump has all of them,
// from one moment in which everything stands still. Whatever looks like an address of home's is taken for one. This call's lane carries nothing
// at that moment, so nothing that this call was handed out is on its way here.
func (c *context) tellKnown() bool {
	if !crowd.TryLock() {
		return false
	}
	defer crowd.Unlock()
	began := time.Now()
	if began.Before(crowd.next) {
		return false
	}
	if !alone() {
		crowd.next = began.Add(time.Millisecond)
		return false
	}
	in := c.roundTrip(wire.Held, nil)
	lowest, above := in.U64(), in.U64()
	runtime.GC() // what nobody reaches would be found too
	told := false
	if alone() {
		if known, ok := addresses(lowest, above); ok {
			var w wire.Writer
			w.U32(uint32(len(known)))
			for _, address := range known {
				w.U64(address)
			}
			c.roundTrip(wire.StillKnown, w.B)
		}
		told = true // or it cannot be done
	}
	now := time.Now()
	crowd.next = now.Add(seldom * now.Sub(began))
	return told
}

// alone waits a moment until no other goroutine of this process runs or is in a system call. From Go 1.26 on the dump ends a
// process one of whose goroutines is just entering or leaving one: the case falls through to the next in runtime.dumpgs.
// Releases before that do not know these counts, and do not have to.
func alone() bool {
	counts := []metrics.Sample{{Name: "/sched/goroutines/not-in-go:goroutines"}, {Name: "/sched/goroutines/running:goroutines"}}
	for range 100 {
		metrics.Read(counts)
		if counts[0].Value.Kind() == metrics.KindBad || counts[0].Value.Uint64() == 0 && counts[1].Value.Uint64() <= 1 {
			return true
		}
		runtime.Gosched()
	}
	return false
}

// addresses finds what may be home addresses in a range, in ascending order.
func addresses(lowest, above uint64) ([]uint64, bool) {
	name := []byte("fire-known\x00")
	fd, _, failed := syscall.RawSyscall(sysMemfdCreate, uintptr(unsafe.Pointer(&name[0])), 1 /* MFD_CLOEXEC */, 0)
	if failed != 0 {
		return nil, false
	}
	defer syscall.Close(int(fd))
	debug.WriteHeapDump(fd)
	var status syscall.Stat_t
	if syscall.Fstat(int(fd), &status) != nil || status.Size < 8 || status.Size > mostMemory {
		return nil, false
	}
	dump, err := syscall.Mmap(int(fd), 0, int(status.Size), syscall.PROT_READ, syscall.MAP_PRIVATE)
	if err != nil {
		return nil, false
	}
	defer syscall.Munmap(dump)
	var known []uint64
	for i := range len(dump) - 7 {
		word := *(*uint64)(unsafe.Pointer(&dump[i]))
		if high := word & upper; high != 0 && high != upper {
			continue
		}
		if word &^= upper; word >= lowest && word < above {
			known = append(known, word)
		}
	}
	slices.Sort(known)
	return slices.Compact(known), true
}
