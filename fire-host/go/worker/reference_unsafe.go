// Package worker is the runtime of moved bodies: rewritten code calls it wherever Go would touch memory that
// belongs to the home process.
//
// A pointer to home memory is its address with the upper sixteen bits set: an address that no process can map, so
// that an access that the rewriter missed faults instead of reading something else.
package worker

import (
	"unsafe"
)

const upper = 0xffff_8000_0000_0000

// Used is named by every generated file, so that its import is never unused.
const Used = 0

func isHome(p unsafe.Pointer) bool { return int64(uintptr(p)) < 0 }

// homeAddress is the address that a reference stands for, or the small number behind a nil pointer.
func homeAddress(p unsafe.Pointer) uint64 { return uint64(uintptr(p)) &^ upper }

// reference stands for a home address.
func reference(address uint64) unsafe.Pointer {
	if address == 0 {
		return nil
	}
	u := uintptr(address | upper)
	return *(*unsafe.Pointer)(unsafe.Pointer(&u))
}

// Address is uintptr(p): the address at home.
func Address(p unsafe.Pointer) uintptr { return uintptr(homeAddress(p)) }

// PointerAt is unsafe.Pointer(address).
func PointerAt(address uintptr) unsafe.Pointer { return reference(uint64(address)) }

// StringData is unsafe.StringData(s) where only the bytes matter: home has them for as long as the call.
func StringData(s string) *byte { return unsafe.SliceData(Bytes(s)) }

// StringAt is unsafe.String(p, n). What it points to must not change, so a copy is as good.
func StringAt[N ~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~uintptr](p *byte, n N) string {
	_ = unsafe.String(p, n) // its panics
	return String(unsafe.Slice(p, n))
}

// noescape hides a pointer from escape analysis: what it points to is used during the call alone.
//
//go:nosplit
func noescape(p unsafe.Pointer) unsafe.Pointer {
	x := uintptr(p)
	return unsafe.Pointer(x ^ 0) //nolint:govet // the same trick as in strings.Builder
}

var nothing *int

// leaked is never assigned to. Values that may hold closures flow there, so that the compiler allocates these
// closures, and what they capture, where they outlive the call that hands them to home.
var leaked any

// leak reports false, which the compiler does not know.
var leak bool

// nilDereference panics as the runtime does. It is never inlined: generated code is compiled without nil checks.
//
//go:noinline
func nilDereference() { _ = *nothing }

// smallest is the end of the first page: what lies below is a nil pointer's field.
const smallest = 4096

func isNil(p unsafe.Pointer) bool { return uintptr(p) < smallest }

type sliceHeader struct {
	data     unsafe.Pointer
	len, cap int
}
