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
// those that only look at home, or write where the body says, leave the cache as it is; before all others what was written goes
// home, and everything that was read is forgotten.
//
//	line  | memory without pointers, read and written in aligned pieces; only bytes that the body wrote are sent home
//	value | one decoded value with pointers; home keeps alive for the call what such values refer to
//	log   | writes in the order in which they go home: with the next frame, whatever that says
//
// What is written to a line goes to the log when the line is given up, or when home must have it. So a write that is in
// the log is older than what is in the lines.
//
// A line holds bytes beside those that were asked for. They may be free memory, which an allocation makes a
// variable later: so memory that home has made for this call is forgotten, whatever the operation.
type cache struct {
	off    bool // home is watched by a detector, which would see accesses that the program does not make
	epoch  uint64
	lines  []line // direct-mapped; a power of two
	losses int    // valid lines that others have displaced since lines grew
	dirty  []*line
	values []valueSet
	texts  bool // some of them hold strings
	view   bool // what was loaded last holds a string whose bytes the body may write
	bore   bool // the operation that is under way makes memory at home that only home knows the address of
	log    wire.Writer
	run    int    // where the last write in the log begins, if it is of bytes; 0: it is not
	end    uint64 // the address behind it
}

const (
	lineSize  = wire.LineSize
	fewLines  = 4
	mostLines = 128
	valueSets = 64 // a power of two
	valueWays = 4
	// mostHeld is the size up to which values are remembered, and what lies in one set.
	mostHeld = 64
	// mostLogged is how much is held back.
	mostLogged = 16 << 10
)

// line is a piece of home memory as this call sees it.
type line struct {
	address uint64 // of its first byte, a multiple of lineSize
	epoch   uint64 // it is valid in this epoch alone
	dirty   bool
	holes   uint32                // one bit for each word that has been written past the line
	written [lineSize / 64]uint64 // one bit for each byte that the body wrote
	bytes   [lineSize]byte
}

// valueSet is where the values are remembered that begin in certain pieces of memory.
type valueSet struct {
	ways [valueWays]value
	next uint8 // the one that is given up next
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
			k.clean(l)
		}
		if l.address != base {
			k.losses++
		}
		if k.losses > 4*len(k.lines) && len(k.lines) < mostLines {
			k.commit()
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
	l.address, l.epoch, l.holes = base, k.epoch, 0
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
	if l == nil || l.holes&words(at, size) != 0 {
		l = c.fetch(base)
	}
	move(into, unsafe.Pointer(&l.bytes[at]), size)
	return true
}

// words are those of a line that a part of it touches, one bit each.
func words(at, size uintptr) uint32 {
	first, last := at/8, (at+size-1)/8
	return uint32(1<<(last+1) - 1<<first)
}

// write notes a write of memory without pointers. False: it does not lie in one line, or nothing is cached.
func (c *context) write(address uint64, size uintptr, from unsafe.Pointer) bool {
	base, at := address&^(lineSize-1), uintptr(address&(lineSize-1))
	if c.cache.off || at+size > lineSize {
		return false
	}
	k := &c.cache
	k.disown(address, size)
	l := k.line(base)
	if l == nil { // to bring the line here would be an operation
		c.bound()
		k.logBytes(address, unsafe.Slice((*byte)(from), size))
		return true
	}
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

// settle makes home memory current, from the next frame on, in a range that an operation reads or writes past the cache.
func (k *cache) settle(address uint64, size uintptr) {
	for i := 0; i < len(k.dirty); i++ {
		if l := k.dirty[i]; l.address < address+uint64(size) && address < l.address+lineSize {
			k.clean(l)
			i--
		}
	}
}

// changed forgets what is known of a range that is written, or has been made, past the cache.
func (k *cache) changed(address uint64, size uintptr) {
	if size > lineSize*uintptr(len(k.lines)) {
		k.commit()
		for i := range k.lines {
			k.lines[i].epoch = 0
		}
	} else {
		for base := address &^ (lineSize - 1); base < address+uint64(size); base += lineSize {
			if l := k.line(base); l != nil {
				if l.dirty {
					k.clean(l)
				}
				l.epoch = 0
			}
		}
	}
	k.disown(address, size)
}

// overwritten is changed for a value that the body writes: the lines around it stay, but for its words.
func (k *cache) overwritten(address uint64, size uintptr) {
	if size > lineSize {
		k.changed(address, size)
		return
	}
	for base := address &^ (lineSize - 1); base < address+uint64(size); base += lineSize {
		if l := k.line(base); l != nil {
			if l.dirty {
				k.clean(l)
			}
			from, to := max(address, base)-base, min(address+uint64(size), base+lineSize)-base
			l.holes |= words(uintptr(from), uintptr(to-from))
		}
	}
	k.disown(address, size)
}

func (k *cache) set(address uint64) *valueSet { return &k.values[address/mostHeld&(valueSets-1)] }

// disown forgets the values that a write may change.
func (k *cache) disown(address uint64, size uintptr) {
	if k.values == nil || size == 0 {
		return
	}
	if size > mostHeld*valueSets {
		clear(k.values)
		return
	}
	// A value may begin in the piece of memory before.
	for at := address&^(mostHeld-1) - mostHeld; at < address+uint64(size); at += mostHeld {
		ways := &k.set(at).ways
		for i := range ways {
			if v := &ways[i]; v.epoch == k.epoch && v.address < address+uint64(size) && address < v.address+uint64(v.t.size) {
				*v = value{}
			}
		}
	}
}

// recall finds a value that was read before: where it is kept. Nil: it was not.
func (k *cache) recall(address uint64, t *typ) unsafe.Pointer {
	if k.values == nil {
		return nil
	}
	ways := &k.set(address).ways
	for i := range ways {
		v := &ways[i]
		if v.address != address || v.t != t || v.epoch != k.epoch {
			continue
		}
		if t.pointer {
			return unsafe.Pointer(&v.word)
		}
		return v.word
	}
	return nil
}

// remember keeps a value: a pointer itself, or where a copy lies that nobody else has.
func (k *cache) remember(address uint64, t *typ, word unsafe.Pointer) {
	if k.values == nil {
		k.values = make([]valueSet, valueSets)
	}
	set := k.set(address)
	at := set.next % valueWays
	for i := range set.ways {
		if set.ways[i].epoch != k.epoch {
			at = uint8(i)
		}
	}
	set.next = at + 1
	set.ways[at] = value{address, k.epoch, t, word}
	k.texts = k.texts || t.text
}

// forgetTexts forgets the values that hold strings.
func (k *cache) forgetTexts() {
	k.texts = false
	for i := range k.values {
		ways := &k.values[i].ways
		for n := range ways {
			if t := ways[n].t; t != nil && t.text {
				ways[n] = value{}
			}
		}
	}
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
	for _, kind := range []uint16{wire.DefineType, wire.BindType, wire.ResolveFunction, wire.FunctionName, wire.ResolveVariable, wire.DefineFunction,
		wire.LoadLine, wire.MapGet, wire.MapLen, wire.MapIterate, wire.MapNext, wire.MapDone, wire.MakeMap, wire.MakeChan,
		wire.New, wire.Zero, wire.MakeSlice, wire.SliceOf, wire.Bytes, wire.Runes, wire.MapSet, wire.MapDelete, wire.Store,
		wire.MapClear, wire.Implements, wire.TypeName, wire.SameType, wire.Writes, wire.Load} {
		table[kind] = peeks // Load and Store settle what they touch first
	}
	for _, kind := range []uint16{wire.String, wire.StringOfRunes, wire.Equal, wire.Append, wire.AppendSlice, wire.AppendString,
		wire.Copy, wire.CopyString, wire.ClearSlice} {
		table[kind] = reads
	}
	return table
}()
