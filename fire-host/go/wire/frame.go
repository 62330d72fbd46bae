package wire

import "strings"

// Frame is one line of a stack, by the user's own names.
type Frame struct {
	Function, File string
	Line           int
}

// MostFrames is how many travel at once.
const MostFrames = 4096

// Frames appends them after their number.
func (w *Writer) Frames(list []Frame) {
	w.U32(uint32(len(list)))
	for _, f := range list {
		w.Text(f.Function)
		w.Text(f.File)
		w.U32(uint32(f.Line))
	}
}

// smallestFrame is how many bytes one takes at least.
const smallestFrame = 12

// Frames takes frames after their number.
func (r *Reader) Frames() []Frame {
	list := make([]Frame, r.Count(smallestFrame))
	for i := range list {
		list[i] = Frame{r.Text(), r.Text(), int(int32(r.U32()))}
	}
	return list
}

// Chain collects the frames of a stack, the innermost first, without those of fire and of what fire calls functions by.
type Chain[T any] struct {
	Frames []T
	names  []string
	own    bool // the last frame was fire's
}

// Add appends a frame of the program.
func (c *Chain[T]) Add(name string, frame T) {
	if c.own && (name == "reflect.callReflect" || name == "reflect.makeFuncStub") {
		return // a function value that reflect has made for fire
	}
	c.own = false
	c.Frames, c.names = append(c.Frames, frame), append(c.names, name)
}

// Own passes a frame of fire's. What reflect calls a function by for it goes as well.
func (c *Chain[T]) Own() {
	if c.own {
		return
	}
	c.own = true
	if last := c.last(); last == "reflect.Value.Call" || last == "reflect.Value.CallSlice" {
		c.drop()
		if c.last() == "reflect.Value.call" {
			c.drop()
		}
		if number, ok := strings.CutPrefix(c.last(), "runtime.call"); ok && number != "" && strings.Trim(number, "0123456789") == "" {
			c.drop()
		}
	}
}

// Once leaves one of two panics that follow each other: the second is fire's.
func (c *Chain[T]) Once(name string) {
	if n := len(c.names); n > 1 && c.names[n-1] == name && c.names[n-2] == name {
		c.drop()
	}
}

func (c *Chain[T]) last() string {
	if len(c.names) == 0 {
		return ""
	}
	return c.names[len(c.names)-1]
}

func (c *Chain[T]) drop() {
	c.Frames, c.names = c.Frames[:len(c.Frames)-1], c.names[:len(c.names)-1]
}

// EscapedPath is a package's path as the names of its functions spell it in a stack.
func EscapedPath(path string) string {
	const digits = "0123456789abcdef"
	slash := strings.LastIndexByte(path, '/')
	var b strings.Builder
	for i := range len(path) {
		if c := path[i]; c <= ' ' || c == '.' && i > slash || c == '%' || c == '"' || c >= 0x7f {
			b.WriteString("%" + string(digits[c>>4]) + string(digits[c&15]))
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}
