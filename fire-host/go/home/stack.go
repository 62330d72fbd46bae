package home

import (
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"fireagent/wire"
)

// Reading the stack. The frames of a moved body are in the worker, and its function's own frame here only dispatches. Who reads a
// stack gets one in which the worker's frames stand where fire's and the dispatching one are.
//
// Theory of operation: the home build has a runtime whose Callers, Caller, Stack, CallersFrames and FuncForPC ask here once a
// call has moved (see facts/runtime.go). What home runs for a worker it runs under a number in the stack (marks.go), so a
// walk meets the session, and the session asks its worker, which waits on the same lane for an answer. Frames of workers
// have addresses in which no code lies.

// anyMoved is set once a call has gone to a worker: before that, stacks are as they are.
var anyMoved atomic.Bool

// readHome is how the functions here that read their own stack begin: they want it as it is.
const readHome = "fireagent/home.own"

// stackOf is the stack of the running goroutine as the plain program has it, from its addresses here. It may end early once it
// has as many frames as are needed. Not changed: it is the same.
func stackOf(pcs []uintptr, need int) (list []uintptr, changed bool) {
	names := make([]string, len(pcs))
	for i, pc := range pcs {
		names[i] = functionAt(pc)
		if strings.HasPrefix(names[i], readHome) {
			return pcs, false
		}
		changed = changed || strings.HasPrefix(names[i], homePackage) || dispatches(names[i])
	}
	if !changed {
		return pcs, false
	}
	return splice(pcs, names, need, addressOf, false), true
}

// ownFrames are the frames that a panic ends here, down to those of the worker that waits for this process; native are those of
// them that are this process's.
func ownFrames() (all, native []wire.Frame) {
	pcs := callers()
	names := make([]string, len(pcs))
	for i, pc := range pcs {
		names[i] = functionAt(pc)
	}
	if begin := slices.Index(names, panics); begin >= 0 {
		pcs, names = pcs[begin:], names[begin:]
	}
	list := splice(pcs, names, wire.MostFrames, addressOf, true)
	if len(list) > 0 {
		list = list[1:]
	}
	for _, pc := range list {
		f, ours := frameOf(pc)
		all = append(all, f)
		if ours {
			native = append(native, f)
		}
	}
	return all, native
}

// callers is the stack of the running goroutine, from the caller's caller on.
func callers() []uintptr {
	pcs := make([]uintptr, 256)
	for {
		n := runtime.Callers(3, pcs)
		if n < len(pcs) {
			return pcs[:n]
		}
		pcs = make([]uintptr, 4*len(pcs))
	}
}

// frameOf is the frame of an address; ours: it is not a worker's.
func frameOf(pc uintptr) (f wire.Frame, ours bool) {
	if function, file, line, ok := frameAt(pc); ok {
		return wire.Frame{Function: function, File: file, Line: line}, false
	}
	frame, _ := runtime.CallersFrames([]uintptr{pc}).Next()
	return wire.Frame{Function: frame.Function, File: frame.File, Line: frame.Line}, true
}

// Stack is what runtime.Stack has just given its caller, with the frames of moved code. Called by generated code in programs whose
// runtime does not ask here itself.
func Stack(native []byte) []byte {
	if !anyMoved.Load() {
		return native
	}
	list, changed := stackOf(callers(), wire.MostFrames)
	if !changed {
		return native
	}
	return stackText(native, list)
}

func functionAt(pc uintptr) string {
	if name, _, _, ok := frameAt(pc); ok {
		return name
	}
	if f := runtime.FuncForPC(pc - 1); f != nil {
		return f.Name()
	}
	return ""
}

const homePackage = "fireagent/home."

// panics is the frame beneath the deferred functions that a panic runs.
const panics = "runtime.gopanic"

// surplus is how many frames more than needed make sure that those which are needed stay.
const surplus = 4

// splice is the walk, the innermost frame first. Where the first of them is the worker's turn, one for a worker ends it.
func splice(pcs []uintptr, names []string, need int, address func(wire.Frame) uintptr, ends bool) []uintptr {
	var out wire.Chain[uintptr]
	for i := 0; i < len(pcs) && len(out.Frames) < need+surplus; i++ {
		if dispatches(names[i]) {
			out.Own()
			i++ // the function whose body is elsewhere
			continue
		}
		if !strings.HasPrefix(names[i], "fireagent/") {
			out.Add(names[i], pcs[i])
			continue
		}
		out.Own()
		m, after := markIn(names, i)
		if after == i {
			continue
		}
		var frames []wire.Frame
		switch {
		case m == nil:
		case m.session == nil:
			out.Once(panics)
			frames = m.frames
		case ends:
			return out.Frames
		default:
			frames = m.session.waiting(need + surplus - len(out.Frames))
		}
		for i, f := range frames {
			out.Add(f.Function, address(f))
			if i == 0 {
				out.Once(panics) // raised in the worker, and here for what it defers
			}
		}
		for i = after; i < len(names) && !begins(names[i]); i++ {
			out.Own()
		}
		out.Own()
	}
	return out.Frames
}

// begins reports whether a frame is the one with which a call of a worker begins.
func begins(name string) bool {
	return name == homePackage+"(*session).run" || name == homePackage+"(*link).invoke"
}

// dispatches reports whether a frame is that of the slow path of a dispatch check.
func dispatches(name string) bool {
	at := strings.LastIndexByte(name, '/') + 1
	_, rest, ok := strings.Cut(name[at:], ".__fire_")
	return ok && rest != "" && rest[0] >= '0' && rest[0] <= '9'
}

// waiting asks the worker, which waits for the answer to an operation that is under way, for the frames of the body. What is
// wrong with the answer ends the lane: then the operation's answer finds it closed.
func (s *session) waiting(need int) (frames []wire.Frame) {
	for {
		var w wire.Writer
		w.U32(uint32(len(frames)))
		w.U32(uint32(min(need-len(frames), wire.MostFrames)))
		w.U32(s.level)
		var some []wire.Frame
		if !s.ask(wire.Stack, w.B, wire.StackFrames, func(r *wire.Reader) { some = r.Frames() }) {
			return nil
		}
		frames = append(frames, some...)
		if len(some) < wire.MostFrames || len(frames) >= need {
			break
		}
	}
	for i := range frames {
		frames[i] = shownFrame(frames[i])
	}
	return frames
}

// stackText is what runtime.Stack writes, from what it would write natively: of the running goroutine, whose stack is as it is if
// there are no addresses, and of the others if it was asked for them.
func stackText(native []byte, pcs []uintptr) []byte {
	text := string(native)
	others := ""
	if at := strings.Index(text, "\n\n"); at >= 0 {
		text, others = text[:at+1], withoutOwn(text[at+1:])
	}
	header, rest, _ := strings.Cut(text, "\n")
	if pcs == nil {
		if strings.HasPrefix(rest, "runtime.Stack(") { // it asks the runtime's own
			_, rest, _ = strings.Cut(rest, "\n")
			_, rest, _ = strings.Cut(rest, "\n")
		}
		return []byte(header + "\n" + rest + others)
	}
	by := ""
	if at := strings.Index(text, "\ncreated by "); at >= 0 {
		by = text[at+1:]
	}
	var lines []string
	for _, pc := range pcs {
		frame, _ := frameOf(pc)
		name := frame.Function
		switch rest, ok := strings.CutPrefix(name, "runtime."); {
		case name == panics:
			name = "panic"
		case ok && (rest == "" || rest[0] < 'A' || rest[0] > 'Z'), !strings.Contains(name, "."):
			continue
		}
		lines = append(lines, name+"(...)\n\t"+frame.File+":"+strconv.Itoa(frame.Line)+"\n")
	}
	if more := len(lines) - 2*printedFrames; more > 0 {
		elided := "...additional frames elided...\n"
		lines = slices.Concat(lines[:printedFrames], []string{elided}, lines[len(lines)-printedFrames:])
	}
	return []byte(header + "\n" + strings.Join(lines, "") + by + others)
}

// printedFrames is how many frames at either end of a stack Go prints.
const printedFrames = 50

// withoutOwn leaves out the goroutines that fire has started for itself: who looks for goroutines that were left behind looks for the
// program's. Those that run closures of a worker are the program's.
func withoutOwn(goroutines string) string {
	const by = "\ncreated by "
	var out strings.Builder
	for _, one := range strings.SplitAfter(goroutines, "\n\n") {
		at := strings.LastIndex(one, by)
		if at < 0 || !strings.HasPrefix(one[at+len(by):], "fireagent/") || strings.HasPrefix(one[at+len(by):], spawns) {
			out.WriteString(one)
		}
	}
	return out.String()
}

// spawns is what starts the goroutines of a worker's closures.
const spawns = homePackage + "(*session).spawn"
