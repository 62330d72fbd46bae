package wire

import "strings"

// longestTrace is where a trace stops to grow: panics may cross many times.
const longestTrace = 32 << 10

// Trace is the frames of the user's in a stack as runtime/debug prints it, the innermost first, after those of the processes
// that the panic has come through before. Called by a deferred function of the frames that the panic ends.
func Trace(before, where, stack string) string {
	if len(before) > longestTrace {
		return before
	}
	lines := strings.Split(stack, "\n")
	var frames []string
	stub := false
	for i := 1; i+1 < len(lines); i += 2 {
		name, file := lines[i], lines[i+1]
		if strings.HasPrefix(name, beneath) {
			break
		}
		switch {
		case strings.HasPrefix(name, "panic("):
			frames = nil // what lies above has been run by the panic
		case strings.Contains(name, "__fire_"):
			stub = true
		case stub:
			stub = false // the dispatch check of a function whose body is elsewhere
		case len(frames) == 0 && strings.HasPrefix(name, "runtime."), internal(name, file):
		default:
			file, _, _ = strings.Cut(file, " +0x")
			frames = append(frames, name+"\n"+file+"\n")
		}
	}
	if len(frames) == 0 {
		return before
	}
	return before + where + ":\n" + strings.Join(frames, "")
}

// beneath begins the name of the frame of home under which an operation runs: what lies below belongs to another call.
const beneath = "fireagent/home.(*session).attempt("

// internal reports whether a frame is one of fire's, or of what it calls functions by.
func internal(name, file string) bool {
	for _, prefix := range []string{"fireagent/", "reflect.", "runtime/debug.", "created by", "runtime.goexit", "runtime.main"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return strings.Contains(file, "/declare.go:")
}
