package home

import (
	"reflect"
	"sync"
	"unsafe"
	"weak"
)

// closures finds the worker's closure behind a function value that reflect made for it, so that it goes back as
// what it was. Entries do not keep anything alive.
var closures = struct {
	sync.Mutex
	byWord map[uintptr]weak.Pointer[reference]
	adds   int
}{byWord: map[uintptr]weak.Pointer[reference]{}}

// stub is the code that all function values of reflect.MakeFunc share.
var stub = func() uintptr {
	f := reflect.MakeFunc(reflect.TypeFor[func()](), func([]reflect.Value) []reflect.Value { return nil }).Interface().(func())
	return **(**uintptr)(unsafe.Pointer(&f))
}()

func noteClosure(f reflect.Value, ref *reference) {
	p := reflect.New(f.Type())
	p.Elem().Set(f)
	word := *(*uintptr)(p.UnsafePointer())
	closures.Lock()
	defer closures.Unlock()
	closures.byWord[word] = weak.Make(ref)
	if closures.adds++; closures.adds > 2*len(closures.byWord)+1024 {
		closures.adds = 0
	}
	if closures.adds == 0 || len(closures.byWord)%4096 == 0 {
		for w, r := range closures.byWord {
			if r.Value() == nil {
				delete(closures.byWord, w)
			}
		}
	}
}

func closureAt(word unsafe.Pointer) *reference {
	if *(*uintptr)(word) != stub {
		return nil
	}
	closures.Lock()
	defer closures.Unlock()
	return closures.byWord[uintptr(word)].Value()
}
