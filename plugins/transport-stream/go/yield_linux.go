package lane

import "syscall"

// yield lets another thread run that waits for this processor. It may be the very peer that this thread waits for: the
// kernel likes to wake a thread on the processor of its waker.
func yield() {
	syscall.RawSyscall(syscall.SYS_SCHED_YIELD, 0, 0, 0)
}
