package worker

import (
	"runtime"
	"slices"
	"strings"

	"fireagent/wire"
)

// The frames of moved bodies, by the names that the user's program has for them. Home asks for them when something there reads the
// stack.

// body is what the functions of a hosted body are called in the user's program.
type body struct {
	symbol, name string            // without the package's path
	literals     map[string]string // what follows the symbol → what follows the name, or one of the two below
}

const (
	literalInside = "=" // fire's, around a part of the body: both are one function of the user's
	literalAround = "-" // fire's, around a call: the user's program has none there
)

// bodies are by the path of their package, as it is spelled in a stack.
var bodies = map[string][]body{}

// Body enters a hosted body. Called by generated code.
func Body(path, symbol, name string, literals ...string) {
	b := body{symbol, name, map[string]string{}}
	for i := 0; i+1 < len(literals); i += 2 {
		b.literals[literals[i]] = literals[i+1]
	}
	path = wire.EscapedPath(path)
	bodies[path] = append(bodies[path], b)
}

// stack answers home's question.
func (c *context) stack(payload []byte) []byte {
	in := wire.Reader{B: payload}
	from, count := int(in.U32()), min(int(in.U32()), wire.MostFrames)
	at := c.innermost()
	for number := uint64(in.U32()); at > 0 && c.levels[at].number != number; {
		at--
	}
	list := c.frames(from+count, false, at)
	var w wire.Writer
	w.Frames(list[min(from, len(list)):])
	return w.B
}

// innermost is the level of the call that runs.
func (c *context) innermost() int { return len(c.levels) - 1 }

// native is the stack of the running goroutine as it is here, between where the call of a level begins and the one within it.
func (c *context) native(at int) (list []runtime.Frame) {
	pcs := make([]uintptr, 128)
	n := runtime.Callers(1, pcs)
	for n == len(pcs) {
		pcs = make([]uintptr, 4*len(pcs))
		n = runtime.Callers(1, pcs)
	}
	frames := runtime.CallersFrames(pcs[:n])
	level := c.innermost()
	for more := n > 0; more; {
		var f runtime.Frame
		if f, more = frames.Next(); f.Function != "fireagent/worker.(*context).handle" {
			list = append(list, f)
			continue
		}
		if level == at {
			break
		}
		level, list = level-1, list[:0]
	}
	return list
}

// crosses reports whether a panic has come from home at a frame.
func crosses(list []runtime.Frame, i int) bool {
	return i > 0 && list[i].Function == "fireagent/worker.(*context).roundTrip" && list[i-1].Function == panics
}

// crossings counts the panics from home that are in the running goroutine's stack.
func (c *context) crossings() (n int) {
	list := c.native(c.innermost())
	for i := range list {
		if crosses(list, i) {
			n++
		}
	}
	return n
}

// frames are those of the running goroutine's call of a level, the innermost first; those that a panic ends, if it is asked by a
// deferred function of fire's.
func (c *context) frames(need int, ended bool, at int) []wire.Frame {
	list, before := c.native(at), c.ended
	if at < c.innermost() {
		before = c.levels[at+1].ended
	}
	if begin := slices.IndexFunc(list, func(f runtime.Frame) bool { return f.Function == panics }); ended && begin >= 0 {
		list = list[begin:]
	}
	crossed := 0
	for i := range list {
		if crosses(list, i) {
			crossed++
		}
	}
	var chain wire.Chain[wire.Frame]
	var inside *wire.Frame // where a part of the next frame's function is at
	for i, f := range list {
		if len(chain.Frames) >= need {
			break
		}
		if strings.HasPrefix(f.Function, "fireagent/") || f.File == wire.Declarations {
			chain.Own()
			if crosses(list, i) {
				if crossed--; crossed < len(before) {
					for _, f := range before[crossed] {
						chain.Add(f.Function, f)
					}
				}
			}
			continue
		}
		name, literal := userName(f.Function)
		frame := wire.Frame{Function: name, File: f.File, Line: f.Line}
		switch {
		case ended && i == 0:
			continue // the panic itself
		case literal == literalAround:
			chain.Own()
			continue
		case literal == literalInside:
			if inside == nil {
				inside = &frame
			}
			continue
		case inside != nil:
			frame.File, frame.Line, inside = inside.File, inside.Line, nil
		}
		chain.Add(f.Function, frame)
	}
	return chain.Frames[:min(len(chain.Frames), need)]
}

// panics is the frame beneath the deferred functions that a panic runs.
const panics = "runtime.gopanic"

// userName is what a function of this process is called in the user's program.
func userName(function string) (name, literal string) {
	function = strings.TrimPrefix(function, "fire.shadow/")
	slash := strings.LastIndexByte(function, '/') + 1
	dot := strings.IndexByte(function[slash:], '.')
	if dot < 0 {
		return function, ""
	}
	path, symbol := function[:slash+dot], function[slash+dot+1:]
	if path == "main" && programName != "" {
		path = wire.EscapedPath(programPath)
	}
	shown := path
	if programName == "main" && path == wire.EscapedPath(programPath) {
		shown = "main"
	}
	at := slices.IndexFunc(bodies[path], func(b body) bool {
		rest, ok := strings.CutPrefix(symbol, b.symbol)
		return ok && (rest == "" || strings.ContainsRune(".-[", rune(rest[0])))
	})
	if at < 0 {
		return shown + "." + symbol, ""
	}
	b := bodies[path][at]
	rest := strings.TrimPrefix(strings.TrimPrefix(symbol, b.symbol), "[...]")
	if to, ok := b.literals[rest]; ok {
		if to == literalInside || to == literalAround {
			return "", to
		}
		rest = to
	}
	return shown + "." + b.name + rest, ""
}
