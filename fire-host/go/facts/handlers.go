package main

import (
	"os"
	"path/filepath"
	"strings"
)

// A server of net/http prints the stack of a handler that panics. In a program where nothing else reads stacks, that is the one
// place where the frames of moved bodies are missed, and compiling one package anew is cheap.

var servers = []struct{ path, file string }{
	{"net/http", "server.go"},
	{"net/http", "h2_bundle.go"},
	{"net/http/internal/http2", "server.go"},
}

// showHandlers has servers print the frames of moved handlers.
func (b *homeBuild) showHandlers() error {
	const place, imports = "buf = buf[:runtime.Stack(buf, false)]", "\nimport ("
	for _, one := range servers {
		if b.s.listed[one.path] == nil {
			continue
		}
		name := filepath.Join(b.s.goRoot, "src", filepath.FromSlash(one.path), one.file)
		text, err := os.ReadFile(name)
		if err != nil || strings.Count(string(text), place) != 1 || strings.Count(string(text), imports) != 1 {
			continue
		}
		patched := strings.Replace(string(text), place, place+"; buf = __fire_home.Stack(buf)", 1)
		if err := b.put(name, strings.Replace(patched, imports, imports+" __fire_home \"fireagent/home\";", 1)); err != nil {
			return err
		}
	}
	return nil
}
