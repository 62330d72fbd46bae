// Facts is the resident helper that knows Go: it type-checks the user's packages and answers the host.
//
// It speaks line-delimited JSON: a request {"id":n,"do":"load",…} on standard input is answered by
// {"id":n,"ok":true,…} or {"id":n,"ok":false,"error":"…"} on standard output. It never writes into
// the user's repository and never runs the user's code.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"runtime/debug"
)

// request is one line from the host. Which fields matter depends on Do.
type request struct {
	ID         int64          `json:"id"`
	Do         string         `json:"do"`
	Dir        string         `json:"dir"`
	Patterns   []string       `json:"patterns"`
	Tags       []string       `json:"tags"`
	Flags      []string       `json:"flags"`
	Tests      bool           `json:"tests"`
	Files      []string       `json:"files"`
	Subjects   []string       `json:"subjects"`
	Out        string         `json:"out"`
	Functions  []string       `json:"functions"`
	Generation int            `json:"generation"`
	Agent      []agentPackage `json:"agent"`
	Skip       bool           `json:"skip"` // leave out functions that cannot be moved instead of refusing all
}

func main() {
	debug.SetGCPercent(200)
	var s session
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := bufio.NewWriter(os.Stdout)
	decoder := json.NewDecoder(in)
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	for {
		var r request
		if err := decoder.Decode(&r); err != nil {
			return // the host has closed the pipe, or talks nonsense: either way it starts another helper
		}
		reply := answer(&s, &r)
		reply["id"] = r.ID
		if err := encoder.Encode(reply); err != nil {
			return
		}
		if err := out.Flush(); err != nil {
			return
		}
	}
}

// answer runs one request. A panic is a defect of the helper and must not look like an answer.
func answer(s *session, r *request) (reply map[string]any) {
	defer func() {
		if p := recover(); p != nil {
			reply = map[string]any{"ok": false, "error": fmt.Sprintf("internal: %v\n%s", p, debug.Stack())}
		}
	}()
	var err error
	reply = map[string]any{}
	switch r.Do {
	case "load":
		err = s.load(r, reply)
	case "update":
		err = s.update(r, reply)
	case "functions":
		err = s.functions(reply)
	case "uses":
		err = s.uses(r, reply)
	case "once":
		err = s.once(r, reply)
	case "instrument":
		err = s.instrument(r, reply)
	case "baseline":
		err = s.promote(reply)
	case "differences":
		err = s.differences(r, reply)
	case "shadow":
		err = s.shadow(r, reply)
	default:
		err = fmt.Errorf("unknown request %q", r.Do)
	}
	if err != nil {
		return map[string]any{"ok": false, "error": err.Error()}
	}
	reply["ok"] = true
	return reply
}
