package worker

import (
	"unsafe"

	"fireagent/lane"
	"fireagent/wire"
)

// The log of a call's cache: what the body has written, on its way home (cache_unsafe.go).

// writeTyped notes a write of a value. False: it must go home at once.
func (c *context) writeTyped(t *typ, address uint64, v unsafe.Pointer) bool {
	k := &c.cache
	if k.off {
		return false
	}
	c.bound()
	w := c.begin() // what is written may have to be told first
	w.U8(wire.WriteValue)
	w.U32(c.told(t).code)
	w.U64(address)
	wire.Write(c, w, v, t.program)
	k.overwritten(address, t.size)
	log := k.logged()
	log.B = append(log.B, w.B...)
	k.run = 0
	if k.bore {
		k.bore = false
		c.synchronise()
	}
	return true
}

// logged is the log, for one more write.
func (k *cache) logged() *wire.Writer {
	if len(k.log.B) == 0 {
		k.log.U32(0) // its length
		k.run = 0
	}
	return &k.log
}

// logBytes adds a write of bytes to the log: to the last one, if they lie behind it.
func (k *cache) logBytes(address uint64, bytes []byte) {
	w := k.logged()
	if k.run == 0 || address != k.end {
		k.run = len(w.B)
		w.U8(wire.WriteBytes)
		w.U64(address)
		w.U32(0)
	}
	w.B = append(w.B, bytes...)
	k.end = address + uint64(len(bytes))
	w.SetU32(k.run+bytesHeader-4, uint32(len(w.B)-k.run-bytesHeader))
}

// bytesHeader is what comes before the bytes of a write.
const bytesHeader = 13

// bound sends home what was written if it is much.
func (c *context) bound() {
	if len(c.cache.log.B) > mostLogged {
		c.roundTrip(wire.Writes, nil)
	}
}

// commit moves everything that the body wrote to the log.
func (k *cache) commit() {
	for _, l := range k.dirty {
		k.give(l)
	}
	k.dirty = k.dirty[:0]
}

// clean moves what the body wrote to a line to the log.
func (k *cache) clean(l *line) {
	for i := range k.dirty {
		if k.dirty[i] == l {
			last := len(k.dirty) - 1
			k.dirty[i] = k.dirty[last]
			k.dirty = k.dirty[:last]
			break
		}
	}
	k.give(l)
}

// flush sends home what the body wrote.
func (c *context) flush() {
	c.cache.commit()
	if len(c.cache.log.B) > 0 {
		c.roundTrip(wire.Writes, nil)
	}
}

// frame sends a frame, after what is in the log.
func (c *context) frame(kind uint16, payload []byte) error {
	k := &c.cache
	if len(k.log.B) == 0 {
		return c.lane.Send(lane.Frame{Kind: kind, Payload: payload})
	}
	k.log.SetU32(0, uint32(len(k.log.B)-4))
	k.log.B = append(k.log.B, payload...)
	err := c.lane.Send(lane.Frame{Kind: kind, Flags: wire.WithWrites, Payload: k.log.B})
	if k.log.B = k.log.B[:0]; cap(k.log.B) > 16*mostLogged {
		k.log.B = nil
	}
	return err
}

// give moves what the body wrote to a line to the log.
func (k *cache) give(l *line) {
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
		k.logBytes(l.address+uint64(from), l.bytes[from:i])
	}
	l.dirty, l.written = false, [lineSize / 64]uint64{}
}
