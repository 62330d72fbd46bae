package home

import (
	"sync"

	"fireagent/wire"
)

// declared are the names of the functions that the binary was built with, by the words of their values. Such a value is in the
// binary itself: no other ever has its address.
var declared = sync.OnceValue(func() map[uintptr]string {
	registry.Lock()
	defer registry.Unlock()
	names := make(map[uintptr]string, len(registry.functions))
	for id, f := range registry.functions {
		names[uintptr(wire.DataWord(&f))] = id
	}
	return names
})

// nameOf is the name of a declared function by its value's word. Empty: it is none.
func nameOf(word uintptr) string { return declared()[word] }
