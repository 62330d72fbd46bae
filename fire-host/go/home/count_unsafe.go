package home

import (
	"sync/atomic"
	"syscall"
	"unsafe"
)

// countIn has moved calls counted in the first eight bytes of a file, which outlives this process.
func countIn(path string) {
	fd, err := syscall.Open(path, syscall.O_RDWR|syscall.O_CLOEXEC, 0)
	if err != nil {
		return
	}
	defer syscall.Close(fd)
	memory, err := syscall.Mmap(fd, 0, 8, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		return
	}
	counted.Store((*atomic.Uint64)(unsafe.Pointer(&memory[0])))
}
