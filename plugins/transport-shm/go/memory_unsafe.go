package lane

import (
	"runtime"
	"sync/atomic"
	"syscall"
	"unsafe"
)

// segment is the shared memory, mapped. It stays mapped for as long as a link or a lane refers to it: nobody
// counts who is inside, the collector knows. The peer may write anywhere in it at any time.
type segment struct {
	bytes []byte
	fd    int // home extends the file through it
}

// line is the first line of a mailbox. The sender writes its fields plainly, head last; the receiver reads each once,
// by an atomic load, because the peer may write to them at any time.
type line struct {
	head   uint64
	what   uint64
	call   uint64
	inline [inlineSize]byte
}

// mapSegment maps size bytes of an open file. It takes over the descriptor.
func mapSegment(fd, size int) (*segment, error) {
	bytes, err := syscall.Mmap(fd, 0, size, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		syscall.Close(fd)
		return nil, err
	}
	s := &segment{bytes: bytes, fd: fd}
	runtime.SetFinalizer(s, func(s *segment) {
		syscall.Munmap(s.bytes)
		syscall.Close(s.fd)
	})
	return s, nil
}

// word is the 32-bit word at an offset, which must be a multiple of 4 inside the segment.
func (s *segment) word(offset int) *atomic.Uint32 {
	return (*atomic.Uint32)(unsafe.Pointer(&s.bytes[offset : offset+4][0]))
}

// long is the 64-bit word at an offset, which must be a multiple of 8 inside the segment.
func (s *segment) long(offset int) *atomic.Uint64 {
	return (*atomic.Uint64)(unsafe.Pointer(&s.bytes[offset : offset+8][0]))
}

// line is the first line of the mailbox at an offset, which must be a multiple of 64 inside the segment.
func (s *segment) line(offset int) *line {
	return (*line)(unsafe.Pointer(&s.bytes[offset : offset+64][0]))
}

// futexWake wakes whoever waits in the kernel on a word of shared memory: a lane driven from Rust.
func futexWake(word *atomic.Uint32) {
	syscall.RawSyscall6(syscall.SYS_FUTEX, uintptr(unsafe.Pointer(word)), 1 /* FUTEX_WAKE */, 1<<30, 0, 0, 0)
}
