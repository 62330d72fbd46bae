package home

import (
	"unsafe"

	"fireagent/wire"
)

// loadLine reads an aligned piece of memory as it is. It may hold more than the worker asked for: variables that others
// write at this moment, of which the worker uses nothing before it has synchronised.
func (s *session) loadLine(r *wire.Reader, w *wire.Writer) {
	address := uintptr(r.U64()) &^ (wire.LineSize - 1)
	missed(address)
	homes(address)
	line := (*[wire.LineSize]byte)(pointer(address))
	w.B = append(w.B, line[:]...)
}

// storeRuns writes memory without pointers. All of a frame is checked before any of it is written.
func (s *session) storeRuns(r *wire.Reader) {
	begin := r.At
	for _, write := range []bool{false, true} {
		for r.At = begin; r.At < len(r.B); {
			address := uintptr(r.U64())
			s.storeRun(address, r.Take(int(r.U32())), write)
		}
	}
}

// storeRun checks or writes bytes, which may lie in several variables beside each other.
func (s *session) storeRun(address uintptr, bytes []byte, write bool) {
	for len(bytes) > 0 {
		n := uintptr(len(bytes))
		ok, leaves := s.scalars(address, n)
		if !ok && leaves == nil {
			n = s.extent(address, n)
			ok, leaves = s.scalars(address, n)
		}
		switch {
		case !ok && leaves == nil:
			wrong(address, "a number")
		case !write:
		case ok:
			copy(unsafe.Slice((*byte)(pointer(address)), n), bytes)
		default:
			s.overlay(address, bytes[:n], leaves)
		}
		address, bytes = address+n, bytes[n:]
	}
}

// extent is how much of a range lies in what begins before its end and holds its first byte; at least a byte.
func (s *session) extent(address, most uintptr) uintptr {
	n := uintptr(1)
	s.at(address, func(r *region) bool {
		if r.covers(address, 1) {
			n = max(n, min(most, r.end-address))
		}
		return false
	})
	return n
}
