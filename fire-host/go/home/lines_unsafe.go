package home

import (
	"runtime/debug"
	"unsafe"

	"fireagent/lane"
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

// writes carries out what the body wrote before it sent a frame, and leaves the rest of the frame. All of a write is checked before
// any of it is carried out.
func (s *session) writes(r *wire.Reader) {
	log := wire.Reader{B: r.Take(int(r.U32()))}
	for log.At < len(log.B) {
		switch log.U8() {
		case wire.WriteBytes:
			address := uintptr(log.U64())
			bytes := log.Take(int(log.U32()))
			s.storeRun(address, bytes, false)
			s.storeRun(address, bytes, true)
		case wire.WriteValue:
			t := s.link.typeOf(log.U32())
			s.store(uintptr(log.U64()), t, &log)
		default:
			panic(wire.Malformed("an unknown kind of write"))
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

// returned is the payload of a frame that ends a call, once what the body wrote before has been carried out.
func (s *session) returned(f lane.Frame) []byte {
	if f.Flags&wire.WithWrites == 0 {
		return f.Payload
	}
	in := wire.Reader{B: f.Payload}
	s.decode(func() {
		defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
		s.writes(&in)
	})
	return in.B[in.At:]
}
