package wire

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"unsafe"
)

// FuzzProgram takes bytes for a layout and what follows for a value of it. Whatever they say: it ends with Malformed, or the
// value has been written inside of its own memory.
func FuzzProgram(f *testing.F) {
	var w Writer
	program := Program(reflect.TypeFor[outer](), code)
	WriteProgram(&w, program)
	Write(&plain{}, &w, unsafe.Pointer(&outer{Name: "fire"}), program)
	f.Add(uint16(unsafe.Sizeof(outer{})), w.B)
	f.Fuzz(func(t *testing.T, size uint16, data []byte) {
		defer func() {
			if p := recover(); p != nil {
				if _, ok := p.(Malformed); !ok {
					panic(p)
				}
			}
		}()
		r := &Reader{B: data}
		program := ReadProgram(r, uint32(size), 0)
		var again Writer
		WriteProgram(&again, program)
		if !bytes.Equal(again.B, data[:r.At]) {
			t.Fatalf("%d bytes are read as a layout of %d", r.At, len(again.B))
		}
		const fence = 64
		memory := make([]byte, fence+int(size)+fence)
		defer func() {
			if len(bytes.Trim(memory[:fence], "\x00")) > 0 || len(bytes.Trim(memory[fence+int(size):], "\x00")) > 0 {
				t.Errorf("a value was written beyond its memory")
			}
		}()
		Read(&plain{}, r, unsafe.Pointer(&memory[fence]), program)
	})
}

// FuzzName takes text for the name of a type: it is none, or names the same type again.
func FuzzName(f *testing.F) {
	for _, one := range []reflect.Type{
		reflect.TypeFor[map[string][]*outer](), reflect.TypeFor[func(<-chan int, ...string) (outer, error)](),
		reflect.TypeFor[struct {
			A [3]int `json:"a;b"`
			b any
		}](), reflect.TypeFor[interface{ M(int) error }](),
	} {
		f.Add(Name(table{}, one))
	}
	f.Fuzz(func(t *testing.T, name string) {
		if len(name) > 4096 {
			return // reflect keeps every type that it is asked for
		}
		Methods(table{}, name)
		one := Parse(table{}, name)
		if one == nil {
			return
		}
		if again := Parse(table{}, Name(table{}, one)); again != one {
			t.Errorf("%q is %v, whose name is %q, which is %v", name, one, Name(table{}, one), again)
		}
	})
}

func TestNamesThatNestWithoutEnd(t *testing.T) {
	for _, nested := range []string{"*", "[]", "map[int]", "func(", "struct{A ", "interface{M "} {
		if got := Parse(table{}, strings.Repeat(nested, 1<<20)); got != nil {
			t.Errorf("%q without end is taken for %v", nested, got)
		}
	}
}
