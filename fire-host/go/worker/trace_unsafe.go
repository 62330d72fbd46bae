package worker

import "unsafe"

// trace is where a panic that came from home has come from.
type trace struct {
	value any
	text  string // for a crash report
}

// identical compares without calling anything of the values'.
func identical(a, b any) bool {
	return *(*[2]unsafe.Pointer)(unsafe.Pointer(&a)) == *(*[2]unsafe.Pointer)(unsafe.Pointer(&b))
}
