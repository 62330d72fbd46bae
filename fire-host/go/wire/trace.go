package wire

import (
	"strconv"
	"strings"
)

// longestTrace is where a trace stops to grow: panics may cross many times.
const longestTrace = 32 << 10

// Trace is the frames that a panic has ended in one process, as a crash report shows them, after those of the processes that it
// has come through before.
func Trace(before, where string, frames []Frame) string {
	if len(before) > longestTrace {
		return before
	}
	for len(frames) > 0 && strings.HasPrefix(frames[0].Function, "runtime.") {
		frames = frames[1:]
	}
	if len(frames) == 0 {
		return before
	}
	var b strings.Builder
	b.WriteString(before + where + ":\n")
	for _, f := range frames {
		if b.Len() > longestTrace {
			break
		}
		if f.Function != "runtime.goexit" && f.Function != "runtime.main" {
			b.WriteString(f.Function + "(...)\n\t" + f.File + ":" + strconv.Itoa(f.Line) + "\n")
		}
	}
	return b.String()
}

// Declarations is the file of a worker's functions that only lead on, as their frames show it.
const Declarations = "/fire.declarations"
