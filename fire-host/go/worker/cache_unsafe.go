package worker

import (
	"sync/atomic"
	"unsafe"

	"fireagent/wire"
)

// cache is what a call remembers of home memory, so that a body that works on the same bytes for a while does not ask for
// each of them.
//
// Theory of operation. The Go memory model lets a goroutine that has not synchronised since it read a variable use what it
// read, and lets its own writes reach others when it synchronises (go.dev/ref/mem: programs without data races cannot tell).
// A body synchronises by operations alone: calls, channels, goroutines. So there are two kinds of operations:
// those that only look at home (peeks) leave the cache as it is, before all others what was written goes home, and
// everything that was read is forgotten.
//
//	line  | memory without pointers, read and written in aligned pieces; only bytes that the body wrote are sent home
//	value | one decoded value with pointers, read only: home keeps alive for the call what such values refer to
//
// A line holds bytes beside those that were asked for. They may be free memory, which an allocation makes a
// variable later: so memory that home has made for this call is forgotten, whatever the operation.
type cache struct {
	off    bool // home is watched by a detector, which would see accesses that the program does not make
	epoch  uint64
	lines  []line // direct-mapped; a power of two
	losses int    // valid lines that others have displaced since lines grew
	dirty  []*line
	missed uint64 // the line that the last store to none would have met
	values []value
	held   uint64 // which units of memory, by their hash, values are held of
	bore   bool   // the operation that is under way makes memory at home that only home knows the address of
	out    wire.Writer
}

const (
	lineSize   = wire.LineSize
	fewLines   = 4
	mostLines  = 128
	valueCount = 32
	unitSize   = 64
	// mostHeld is the size up to which values are remembered.
	mostHeld = 64
)

// line is a piece of home memory as this call sees it.
type line struct {
	address uint64 // of its first byte, a multiple of lineSize
	epoch   uint64 // it is valid in this epoch alone
	dirty   bool
	written [lineSize / 64]uint64 // one bit for each byte that the body wrote
	bytes   [lineSize]byte
}

type value struct {
	address uint64
	epoch   uint64
	t       *typ
	word    unsafe.Pointer // a pointer, or where the value is kept
}

// forget makes everything that was read unknown. Precondition: nothing is dirty.
func (c *cache) forget() { c.epoch++ }

// line finds a piece of memory. Nil: it is not here.
func (c *cache) line(base uint64) *line {
	if len(c.lines) == 0 {
		return nil
	}
	l := &c.lines[base/lineSize&uint64(len(c.lines)-1)]
	if l.address == base && l.epoch == c.epoch {
		return l
	}
	return nil
}

// fetch brings a piece of memory here.
func (c *context) fetch(base uint64) *line {
	k := &c.cache
	if len(k.lines) == 0 {
		k.lines = make([]line, fewLines)
	}
	l := &k.lines[base/lineSize&uint64(len(k.lines)-1)]
	if l.epoch == k.epoch {
		if l.dirty {
			c.flush()
		}
		if k.losses++; k.losses > 4*len(k.lines) && len(k.lines) < mostLines {
			c.flush()
			k.lines, k.losses = make([]line, 4*len(k.lines)), 0
			l = &k.lines[base/lineSize&uint64(len(k.lines)-1)]
		}
	}
	var request [8]byte
	for i := range request {
		request[i] = byte(base >> (8 * i))
	}
	r := c.roundTrip(wire.LoadLine, request[:])
	copy(l.bytes[:], r.Take(lineSize))
	l.address, l.epoch = base, k.epoch
	return l
}

// move copies a scalar; sizes that registers hold need no call.
func move(to, from unsafe.Pointer, size uintptr) {
	switch size {
	case 1:
		*(*uint8)(to) = *(*uint8)(from)
	case 8:
		*(*uint64)(to) = *(*uint64)(from)
	case 4:
		*(*uint32)(to) = *(*uint32)(from)
	case 2:
		*(*uint16)(to) = *(*uint16)(from)
	default:
		copy(unsafe.Slice((*byte)(to), size), unsafe.Slice((*byte)(from), size))
	}
}

// read reads memory without pointers. False: it does not lie in one line, or nothing is cached.
func (c *context) read(address uint64, size uintptr, into unsafe.Pointer) bool {
	base, at := address&^(lineSize-1), uintptr(address&(lineSize-1))
	if c.cache.off || at+size > lineSize {
		return false
	}
	l := c.cache.line(base)
	if l == nil {
		l = c.fetch(base)
	}
	move(into, unsafe.Pointer(&l.bytes[at]), size)
	return true
}

// write notes a write of memory without pointers. False: it must go home at once.
func (c *context) write(address uint64, size uintptr, from unsafe.Pointer) bool {
	base, at := address&^(lineSize-1), uintptr(address&(lineSize-1))
	if c.cache.off || at+size > lineSize {
		return false
	}
	k := &c.cache
	l := k.line(base)
	if l == nil {
		again := k.missed == base
		k.missed = base
		if !again {
			return false // a single store: to bring the line here first would be one operation more
		}
		l = c.fetch(base)
	}
	k.disown(address, size)
	move(unsafe.Pointer(&l.bytes[at]), from, size)
	for i := at; i < at+size; {
		n := min(64-i%64, at+size-i)
		l.written[i/64] |= (1<<n - 1) << (i % 64)
		i += n
	}
	if !l.dirty {
		l.dirty = true
		k.dirty = append(k.dirty, l)
	}
	return true
}

// flush sends home what the body wrote.
func (c *context) flush() {
	k := &c.cache
	if len(k.dirty) == 0 {
		return
	}
	k.out.B = k.out.B[:0]
	for _, l := range k.dirty {
		l.runs(&k.out)
		l.dirty, l.written = false, [lineSize / 64]uint64{}
	}
	k.dirty = k.dirty[:0]
	c.roundTrip(wire.StoreRuns, k.out.B)
}

// runs encodes the bytes of a line that were written: address, length and bytes of each run.
func (l *line) runs(w *wire.Writer) {
	is := func(i int) bool { return l.written[i/64]>>(i%64)&1 != 0 }
	for i := 0; i < lineSize; {
		if l.written[i/64] == 0 {
			i = (i/64 + 1) * 64
			continue
		}
		if !is(i) {
			i++
			continue
		}
		from := i
		for i < lineSize && is(i) {
			i++
		}
		w.U64(l.address + uint64(from))
		w.U32(uint32(i - from))
		w.B = append(w.B, l.bytes[from:i]...)
	}
}

// settle makes home memory current in a range that an operation reads or writes past the cache.
func (c *context) settle(address uint64, size uintptr) {
	k := &c.cache
	if len(k.dirty) == 0 {
		return
	}
	for _, l := range k.dirty {
		if l.address < address+uint64(size) && address < l.address+lineSize {
			c.flush()
			return
		}
	}
}

// changed forgets what is known of a range that has been written, or made, past the cache.
func (c *context) changed(address uint64, size uintptr) {
	k := &c.cache
	if size > lineSize*uintptr(len(k.lines)) {
		c.synchronise()
		return
	}
	for base := address &^ (lineSize - 1); base < address+uint64(size); base += lineSize {
		if l := k.line(base); l != nil {
			if l.dirty {
				c.flush()
			}
			l.epoch = 0
		}
	}
	k.disown(address, size)
}

// units is the set of hashes of the units that a range touches.
func units(address uint64, size uintptr) (set uint64) {
	if size == 0 {
		return 0
	}
	for u := address / unitSize; u <= (address+uint64(size)-1)/unitSize; u++ {
		set |= 1 << (u & 63)
		if set == ^uint64(0) {
			return set
		}
	}
	return set
}

// disown forgets the values that a write may change.
func (k *cache) disown(address uint64, size uintptr) {
	if k.held != 0 && k.held&units(address, size) != 0 {
		clear(k.values)
		k.held = 0
	}
}

func valueIndex(address uint64, t *typ) uint64 {
	return (address>>3 ^ address>>8 ^ uint64(t.code)) % valueCount
}

// recall finds a value that was read before: where it is kept. Nil: it was not.
func (k *cache) recall(address uint64, t *typ) unsafe.Pointer {
	if k.held == 0 {
		return nil
	}
	v := &k.values[valueIndex(address, t)]
	if v.address != address || v.t != t || v.epoch != k.epoch {
		return nil
	}
	if t.pointer {
		return unsafe.Pointer(&v.word)
	}
	return v.word
}

// remember keeps a value: a pointer itself, or where a copy lies that nobody else has.
func (k *cache) remember(address uint64, t *typ, word unsafe.Pointer) {
	if k.values == nil {
		k.values = make([]value, valueCount)
	}
	k.values[valueIndex(address, t)] = value{address, k.epoch, t, word}
	k.held |= units(address, t.size)
}

// watched is set where a detector watches home's accesses to memory.
var watched atomic.Bool

// startCache begins a call.
func (c *context) startCache() {
	c.cache.off = watched.Load()
	c.cache.forget()
}

// synchronise is what two goroutines of this process do that hand over to each other without an operation.
func (c *context) synchronise() {
	c.flush()
	c.cache.forget()
}

// effect says what an operation means for the cache.
type effect uint8

const (
	synchronises effect = iota // others' writes may become visible, and what was written must be
	peeks                      // it looks at what no memory of variables holds
	reads                      // it reads memory of variables
)

var effects = func() (table [256]effect) {
	for _, kind := range []uint16{wire.DefineType, wire.BindType, wire.ResolveFunction, wire.ResolveVariable, wire.DefineFunction,
		wire.LoadLine, wire.MapGet, wire.MapLen, wire.MapIterate, wire.MapNext, wire.MapDone, wire.MakeMap, wire.MakeChan,
		wire.New, wire.Zero, wire.MakeSlice, wire.SliceOf, wire.Bytes, wire.Runes, wire.MapSet, wire.MapDelete, wire.Store,
		wire.Implements, wire.TypeName, wire.SameType, wire.StoreRuns, wire.Load} {
		table[kind] = peeks // Load and Store settle what they read first
	}
	for _, kind := range []uint16{wire.String, wire.StringOfRunes, wire.Equal} {
		table[kind] = reads
	}
	return table
}()
