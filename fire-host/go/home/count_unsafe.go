package home

import (
	"sync/atomic"
	"syscall"
	"unsafe"
)

// figures is what the host counts by: the calls that were moved, then the operations of each function, in the order in
// which they were committed. The host reads it during the run and after it.
var figures []atomic.Uint64

// countIn has moved calls counted in a file, which outlives this process: its size says for how many functions.
func countIn(path string) {
	fd, err := syscall.Open(path, syscall.O_RDWR|syscall.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	defer syscall.Close(fd)
	var stat syscall.Stat_t
	if syscall.Fstat(fd, &stat) != nil || stat.Size < 8 {
		return
	}
	memory, err := syscall.Mmap(fd, 0, int(stat.Size), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		return
	}
	figures = unsafe.Slice((*atomic.Uint64)(unsafe.Pointer(&memory[0])), len(memory)/8)
	counted.Store(&figures[0])
}

// figure is where the operations of the nth committed function are counted. Nil: nowhere.
func figure(n int) *atomic.Uint64 {
	if n+1 >= len(figures) {
		return nil
	}
	return &figures[n+1]
}
