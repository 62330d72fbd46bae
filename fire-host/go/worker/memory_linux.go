package worker

import (
	"os"
	"runtime"
	"strconv"
	"syscall"
)

// tooMuchMemory is the code that a worker ends with when it has used more memory than it may. The host knows it.
const tooMuchMemory = 86

// watchMemory ends the worker when it has used more memory than it may. Looking costs nothing while nothing is
// allocated: a collection is what wakes it, and memory does not grow without collections.
func watchMemory() {
	limit, err := strconv.ParseUint(os.Getenv("FIRE_MEMORY_MB"), 10, 40)
	if err != nil || limit == 0 {
		return
	}
	var arm func()
	arm = func() {
		runtime.SetFinalizer(new([64]byte), func(*[64]byte) {
			var usage syscall.Rusage
			if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) == nil && uint64(usage.Maxrss)>>10 > limit {
				exit(tooMuchMemory)
			}
			arm()
		})
	}
	arm()
}
