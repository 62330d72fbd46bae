package wire

import (
	"reflect"
	"strings"
	"testing"
	"unsafe"
)

// plain is Hooks for values that hold no references but those that it counts.
type plain struct{ pointers int }

func (p *plain) WritePointer(w *Writer, q unsafe.Pointer, _ uint32) {
	p.pointers++
	w.U64(uint64(uintptr(q)))
}
func (p *plain) ReadPointer(uint64, uint32) unsafe.Pointer      { p.pointers++; return nil }
func (p *plain) WriteSlice(*Writer, unsafe.Pointer, uint32)     {}
func (p *plain) ReadSlice(*Reader, unsafe.Pointer, uint32)      {}
func (p *plain) WriteInterface(*Writer, unsafe.Pointer, uint32) {}
func (p *plain) ReadInterface(*Reader, unsafe.Pointer, uint32)  {}
func (p *plain) WriteFunc(*Writer, unsafe.Pointer, uint32)      {}
func (p *plain) ReadFunc(*Reader, unsafe.Pointer, uint32)       {}

type inner struct {
	A int8
	B int64
}

type outer struct {
	Name string
	List [3]inner
	Big  [100]byte
	Next *outer
	Z    struct{}
	C    complex128
}

func code(reflect.Type) uint32 { return 0 }

func TestValuesComeBack(t *testing.T) {
	program := Program(reflect.TypeFor[outer](), code)
	in := outer{Name: "fire", List: [3]inner{{1, 2}, {3, 4}, {-5, -6}}, C: complex(1, 2)}
	in.Big[99] = 7
	var w Writer
	h := &plain{}
	Write(h, &w, unsafe.Pointer(&in), program)
	var out outer
	r := Reader{B: w.B}
	Read(h, &r, unsafe.Pointer(&out), program)
	if out != in || r.At != len(w.B) || h.pointers != 2 {
		t.Errorf("%+v came back as %+v, %d of %d bytes read, %d pointers", in, out, r.At, len(w.B), h.pointers)
	}
}

func TestProgramsComeBack(t *testing.T) {
	program := Program(reflect.TypeFor[outer](), code)
	var w Writer
	WriteProgram(&w, program)
	size := uint32(unsafe.Sizeof(outer{}))
	got := ReadProgram(&Reader{B: w.B}, size, 0)
	var again Writer
	WriteProgram(&again, got)
	if string(again.B) != string(w.B) {
		t.Errorf("%v came back as %v", program, got)
	}
	defer func() {
		if _, ok := recover().(Malformed); !ok {
			t.Error("a program beyond its type was taken")
		}
	}()
	ReadProgram(&Reader{B: w.B}, size-1, 0)
}

func TestEveryTruncationIsMalformed(t *testing.T) {
	program := Program(reflect.TypeFor[outer](), code)
	var w Writer
	Write(&plain{}, &w, unsafe.Pointer(&outer{Name: "x"}), program)
	for n := range len(w.B) {
		func() {
			defer func() {
				if _, ok := recover().(Malformed); !ok {
					t.Errorf("%d of %d bytes were taken for a value", n, len(w.B))
				}
			}()
			var out outer
			Read(&plain{}, &Reader{B: w.B[:n]}, unsafe.Pointer(&out), program)
		}()
	}
}

// table is a Namer with one declared type.
type table struct{}

func (table) Named(t reflect.Type) (string, bool) {
	return "example.com/p." + t.Name(), t == reflect.TypeFor[outer]()
}

func (table) Package(path string) string { return path }
func (table) Path(name string) string    { return name }
func (table) Makes() bool                { return true }

func (table) Lookup(name string) reflect.Type {
	if name == "example.com/p.outer" {
		return reflect.TypeFor[outer]()
	}
	return nil
}

func TestNames(t *testing.T) {
	for _, one := range []reflect.Type{
		reflect.TypeFor[int](), reflect.TypeFor[outer](), reflect.TypeFor[*outer](), reflect.TypeFor[map[string][]*outer](),
		reflect.TypeFor[chan<- outer](), reflect.TypeFor[<-chan int](), reflect.TypeFor[func(int, ...string) (outer, error)](),
		reflect.TypeFor[struct {
			A int `json:"a;b"`
			B []any
		}](), reflect.TypeFor[[4][]byte](), reflect.TypeFor[error](), reflect.TypeFor[any](), reflect.TypeFor[func()](),
	} {
		name := Name(table{}, one)
		if got := Parse(table{}, name); got != one {
			t.Errorf("%v is named %s, which is %v", one, name, got)
		}
	}
	for _, broken := range []string{"", "‹", "‹nothing›", "*", "[x]int", "map[int", "func(int", "struct{A int", "int int", strings.Repeat("*", 10) + "?"} {
		if got := Parse(table{}, broken); got != nil {
			t.Errorf("%q was taken for %v", broken, got)
		}
	}
}
