package home

import (
	"unsafe"

	"fireagent/wire"
)

// loadLine reads an aligned piece of memory as it is. It may hold more than the worker asked for: variables that others
// write at this moment, of which the worker uses nothing before it has synchronised.
func (s *session) loadLine(r *wire.Reader, w *wire.Writer) {
	line := (*[wire.LineSize]byte)(s.ReadPointer(r.U64() &^ (wire.LineSize - 1)))
	w.B = append(w.B, line[:]...)
}

// storeRuns writes memory without pointers. All of a frame is checked before any of it is written.
func (s *session) storeRuns(r *wire.Reader) {
	begin := r.At
	for r.At < len(r.B) {
		r.U64()
		r.Take(int(r.U32()))
	}
	for r.At = begin; r.At < len(r.B); {
		p := s.ReadPointer(r.U64())
		bytes := r.Take(int(r.U32()))
		copy(unsafe.Slice((*byte)(p), len(bytes)), bytes)
	}
}
