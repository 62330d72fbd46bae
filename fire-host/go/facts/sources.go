package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
)

// source tells one home build of a package from another.
type source struct {
	// Digest is of all its text.
	Digest string `json:"digest"`
	// Shape is of what the go command reads of it: files, imports, directives. As long as this and go.mod stay, a build
	// differs from the one before in what the compiler is given, and in nothing else.
	Shape string `json:"shape"`
}

// sources describes what the overlay holds: the user's packages one by one, and everything else.
func (b *homeBuild) sources() map[string]any {
	packages := map[string]source{}
	own := map[string]*strings.Builder{}
	shapes := map[string]*strings.Builder{}
	for _, path := range b.s.userPaths() {
		dir := b.s.user[path].meta.Dir
		own[dir], shapes[dir] = &strings.Builder{}, &strings.Builder{}
	}
	enter := func(target string, digest [sha256.Size]byte, text string) {
		dir := filepath.Dir(target)
		fmt.Fprintf(own[dir], "%s %x\n", target, digest)
		fmt.Fprintf(shapes[dir], "%s %s\n", target, b.s.shape(digest, text))
	}
	var rest strings.Builder
	for _, target := range sortedKeys(b.overlay) {
		if own[filepath.Dir(target)] == nil {
			fmt.Fprintf(&rest, "%s %s %x\n", target, b.overlay[target], b.digests[target])
			continue
		}
		enter(target, b.digests[target], b.texts[target])
	}
	for _, path := range b.s.userPaths() {
		info := b.s.user[path]
		dir := info.meta.Dir
		for _, file := range info.Files {
			if target := info.Names[file]; b.overlay[target] == "" {
				enter(target, sha256.Sum256(info.Source[file]), string(info.Source[file]))
			}
		}
		packages[path] = source{Digest: sum(own[dir].String()), Shape: sum(shapes[dir].String())}
	}
	return map[string]any{"packages": packages, "rest": sum(rest.String())}
}

// shape is what the go command reads of a file: its package, its imports, its directives.
func (s *session) shape(digest [sha256.Size]byte, text string) string {
	if known, ok := s.shapes[digest]; ok {
		return known
	}
	var b strings.Builder
	file, err := parser.ParseFile(token.NewFileSet(), "", text, parser.ImportsOnly)
	if err != nil {
		b.WriteString(text) // anything may matter
	} else {
		b.WriteString(file.Name.Name)
		for _, i := range file.Imports {
			name := ""
			if i.Name != nil {
				name = i.Name.Name
			}
			fmt.Fprintf(&b, "\nimport %s %s", name, i.Path.Value)
		}
	}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "//go:") && line != "//go:noinline" || strings.HasPrefix(line, "// +build") {
			b.WriteString("\n" + line)
		}
	}
	if s.shapes == nil || len(s.shapes) > 1<<16 {
		s.shapes = map[[sha256.Size]byte]string{}
	}
	shape := sum(b.String())
	s.shapes[digest] = shape
	return shape
}

func sum(text string) string {
	digest := sha256.Sum256([]byte(text))
	return hex.EncodeToString(digest[:])
}
