package home

import (
	"runtime"
	"strings"
	"sync"
	"sync/atomic"

	"fireagent/wire"
)

// frames are the frames of workers that this process has seen, each with an address of its own. Addresses are far from all
// code, where no memory can be, and far enough from each other that those beside one, which programs look up, are not another's.
var frames struct {
	sync.Mutex
	byFrame map[wire.Frame]uintptr
	list    atomic.Pointer[[]wire.Frame]
}

const (
	firstFrame    = 0x0f17_e000_0000_0000
	frameDistance = 64
	mostAddresses = 1 << 20
)

// addressOf is the address of a frame.
func addressOf(f wire.Frame) uintptr {
	frames.Lock()
	defer frames.Unlock()
	if at, ok := frames.byFrame[f]; ok {
		return at
	}
	var list []wire.Frame
	if p := frames.list.Load(); p != nil {
		list = *p
	}
	if len(list) >= mostAddresses { // no program has so many lines: a worker makes them up
		return firstFrame + frameDistance/2
	}
	at := uintptr(firstFrame + len(list)*frameDistance + frameDistance/2)
	list = append(list, f)
	frames.list.Store(&list)
	if frames.byFrame == nil {
		frames.byFrame = map[wire.Frame]uintptr{}
	}
	frames.byFrame[f] = at
	return at
}

// frameAt is the frame of an address. Not ok: it is none of a worker's.
func frameAt(pc uintptr) (function, file string, line int, ok bool) {
	list := frames.list.Load()
	if pc < firstFrame || list == nil {
		return "", "", 0, false
	}
	n := (pc - firstFrame) / frameDistance
	if n >= uintptr(len(*list)) {
		return "", "", 0, false
	}
	f := (*list)[n]
	return f.Function, f.File, f.Line, true
}

// directories are those of the source: as they are on disk, and as this binary shows them, which differs if it was built
// with -trimpath.
var directories = struct {
	sync.Mutex
	shown  map[string]string
	goRoot string // with a slash; empty: files beneath it are shown as they are
}{shown: map[string]string{}}

// Directory notes that the caller's file lies in a directory of the source, and where Go's own source is. Called by
// generated code.
func Directory(path, goRoot string) {
	_, file, _, ok := runtime.Caller(1)
	at := strings.LastIndexByte(file, '/')
	if !ok || at < 0 || file[:at] == path {
		return
	}
	directories.Lock()
	defer directories.Unlock()
	directories.shown[path] = file[:at]
	directories.goRoot = goRoot + "/src/"
}

// shownFrame is a worker's frame as this binary would show it.
func shownFrame(f wire.Frame) wire.Frame {
	registry.Lock()
	main := wire.EscapedPath(registry.mainPath)
	registry.Unlock()
	if rest, ok := strings.CutPrefix(f.Function, main); ok && main != "" && strings.HasPrefix(rest, ".") {
		f.Function = "main" + rest
	}
	directories.Lock()
	defer directories.Unlock()
	if at := strings.LastIndexByte(f.File, '/'); at >= 0 && len(directories.shown) > 0 {
		if shown, ok := directories.shown[f.File[:at]]; ok {
			f.File = shown + f.File[at:]
		} else {
			f.File = strings.TrimPrefix(f.File, directories.goRoot)
		}
	}
	return f
}
