package worker

import (
	"runtime/debug"
	"strings"
	"unsafe"
)

// trace is where a panic that came from home has come from.
type trace struct {
	value  any
	frames string
}

// identical compares without calling anything of the values'.
func identical(a, b any) bool {
	return *(*[2]unsafe.Pointer)(unsafe.Pointer(&a)) == *(*[2]unsafe.Pointer)(unsafe.Pointer(&b))
}

// stack is the stack of the panicking body, by the user's own names.
func stack() string {
	lines := strings.Split(strings.ReplaceAll(string(debug.Stack()), "fire.shadow/", ""), "\n")
	for i := 1; i < len(lines); i += 2 {
		lines[i] = ownName(lines[i])
	}
	return strings.Join(lines, "\n")
}

const bodyPrefix = "Fire__body_"

// ownName is a frame's function as the user's program calls it.
func ownName(frame string) string {
	path := ""
	if rest, ok := strings.CutPrefix(frame, "main."); ok && programName != "" {
		path = programPath
		frame = path + "." + rest
	}
	if at := strings.Index(frame, "."+bodyPrefix); at >= 0 {
		body := frame[at+1+len(bodyPrefix):]
		end := strings.IndexAny(body, "([.")
		if end < 0 {
			end = len(body)
		}
		frame = hostedID(frame[:at], body[:end]) + body[end:]
	}
	if path != "" && programName == "main" {
		frame = "main" + strings.TrimPrefix(frame, path)
	}
	return frame
}

// hostedID is the id of a hosted function by the name of its body.
func hostedID(path, body string) string {
	for _, h := range hostedList {
		short, ok := strings.CutPrefix(h.id, path+".")
		if !ok {
			continue
		}
		flat := strings.NewReplacer("(*", "", ").", "__", ".", "__").Replace(short)
		if flat == body {
			return h.id
		}
	}
	return path + "." + body
}
