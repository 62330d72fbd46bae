//go:build linux

package lane

import (
	"math/bits"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

// Two sides that wake each other end up on one processor, because the kernel likes to wake a thread where its waker runs, and
// two threads that always let each other run are no load that it would spread: a round trip then takes two switches of
// context, some microseconds, while another processor idles. A side that is answered by yielding again and again leaves.

const (
	// together is after how many answers that only yielding brought, in a row, a worker leaves its processor.
	together = 16
	// leaveAgain is how long after that it may leave the next time: the other processors may be busy.
	leaveAgain = int64(20 * time.Millisecond)
)

var lastLeft atomic.Int64

// leave moves this thread to another processor, if it may run on one.
func leave() {
	now, last := time.Now().UnixNano(), lastLeft.Load()
	if now-last < leaveAgain || !lastLeft.CompareAndSwap(last, now) {
		return
	}
	// The goroutine must not change threads between the calls: a thread would keep the narrower set.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var allowed, others [16]uint64
	size := uintptr(unsafe.Sizeof(allowed))
	if _, _, err := syscall.RawSyscall(syscall.SYS_SCHED_GETAFFINITY, 0, size, uintptr(unsafe.Pointer(&allowed))); err != 0 {
		return
	}
	var here uint32
	if _, _, err := syscall.RawSyscall(getcpu, uintptr(unsafe.Pointer(&here)), 0, 0); err != 0 || here >= 1024 {
		return
	}
	others = allowed
	others[here/64] &^= 1 << (here % 64)
	left := 0
	for _, word := range others {
		left += bits.OnesCount64(word)
	}
	if left == 0 {
		return
	}
	syscall.RawSyscall(syscall.SYS_SCHED_SETAFFINITY, 0, size, uintptr(unsafe.Pointer(&others)))
	syscall.RawSyscall(syscall.SYS_SCHED_SETAFFINITY, 0, size, uintptr(unsafe.Pointer(&allowed)))
}
