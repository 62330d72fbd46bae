package home

import (
	"reflect"
	"runtime"
	"testing"

	"fireagent/wire"
)

// found is the mark that a walk of the stack meets first.
func found() *mark {
	pcs := callers()
	names := make([]string, len(pcs))
	for i, pc := range pcs {
		names[i] = functionAt(pc)
	}
	for i := range names {
		if m, after := markIn(names, i); after > i {
			return m
		}
	}
	return nil
}

func TestAWalkReadsTheNumberThatACallIsMadeUnder(t *testing.T) {
	kept := make([]*mark, 700) // numbers of one digit, of two, of three
	for i := range kept {
		kept[i] = &mark{session: &session{}}
		number := numbered(kept[i])
		b := beneath{function: reflect.ValueOf(found)}
		b.under(number)
		if got := b.out[0].Interface(); got != kept[i] {
			t.Fatalf("number %d led to another mark", number)
		}
	}
	inner := beneath{function: reflect.ValueOf(found)}
	outer := beneath{function: reflect.ValueOf(func() { inner.under(numbered(kept[1])) })}
	outer.under(numbered(kept[0]))
	if inner.out[0].Interface() != kept[1] {
		t.Error("the innermost number is not read first")
	}
	runtime.KeepAlive(kept)
	if found() != nil {
		t.Error("there is a number where none is")
	}
}

func TestAnAddressLeadsToItsFrame(t *testing.T) {
	for line := range 100 {
		f := shownFrame(wire.Frame{Function: "main.f", File: "/f.go", Line: line})
		at := addressOf(f)
		if addressOf(f) != at {
			t.Fatal("a frame has two addresses")
		}
		for _, near := range []uintptr{at - 1, at, at + 1} {
			if got, ours := frameOf(near); ours || got != f {
				t.Errorf("%#x leads to %v", near, got)
			}
		}
	}
	if _, ours := frameOf(reflect.ValueOf(found).Pointer() + 1); !ours {
		t.Error("a function of this process is taken for a worker's")
	}
}
