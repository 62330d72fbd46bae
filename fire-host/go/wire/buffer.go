package wire

import "math"

// Malformed is thrown by a Reader at a payload that is not what the operation says.
type Malformed string

func (m Malformed) Error() string { return "fire: malformed frame: " + string(m) }

// Writer appends to a payload.
type Writer struct{ B []byte }

// U8 appends a byte.
func (w *Writer) U8(v uint8) { w.B = append(w.B, v) }

// Bool appends a byte that is 0 or 1.
func (w *Writer) Bool(v bool) {
	if v {
		w.U8(1)
	} else {
		w.U8(0)
	}
}

// U32 appends four bytes.
func (w *Writer) U32(v uint32) {
	w.B = append(w.B, byte(v), byte(v>>8), byte(v>>16), byte(v>>24))
}

// SetU32 puts another number where one was appended.
func (w *Writer) SetU32(at int, v uint32) {
	w.B[at], w.B[at+1], w.B[at+2], w.B[at+3] = byte(v), byte(v>>8), byte(v>>16), byte(v>>24)
}

// U64 appends eight bytes.
func (w *Writer) U64(v uint64) {
	w.B = append(w.B, byte(v), byte(v>>8), byte(v>>16), byte(v>>24), byte(v>>32), byte(v>>40), byte(v>>48), byte(v>>56))
}

// Float appends eight bytes.
func (w *Writer) Float(v float64) { w.U64(math.Float64bits(v)) }

// Text appends a string after its length.
func (w *Writer) Text(s string) {
	w.U32(uint32(len(s)))
	w.B = append(w.B, s...)
}

// Reader takes a payload apart.
type Reader struct {
	B  []byte
	At int
}

// Take returns the next n bytes.
func (r *Reader) Take(n int) []byte {
	if n < 0 || n > len(r.B)-r.At {
		panic(Malformed("it ends early"))
	}
	b := r.B[r.At : r.At+n]
	r.At += n
	return b
}

// U8 takes a byte.
func (r *Reader) U8() uint8 { return r.Take(1)[0] }

// Bool takes a byte that is 0 or 1.
func (r *Reader) Bool() bool { return r.U8() != 0 }

// U32 takes four bytes.
func (r *Reader) U32() uint32 {
	b := r.Take(4)
	return uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24
}

// U64 takes eight bytes.
func (r *Reader) U64() uint64 {
	b := r.Take(8)
	return uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 | uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
}

// Float takes eight bytes.
func (r *Reader) Float() float64 { return math.Float64frombits(r.U64()) }

// Text takes a string after its length.
func (r *Reader) Text() string { return string(r.Take(int(r.U32()))) }

// Count takes a number of items of which each takes at least the given number of bytes.
func (r *Reader) Count(each int) int {
	n := int(r.U32())
	if n < 0 || each > 0 && n > (len(r.B)-r.At)/each {
		panic(Malformed("a count beyond its end"))
	}
	return n
}
