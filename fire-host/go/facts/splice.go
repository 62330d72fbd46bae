package main

import (
	"sort"
	"strings"
)

// splices is a set of replacements in one text, applied together.
type splices struct {
	text  []byte
	parts []splice
}

type splice struct {
	from, to int
	with     string
	order    int
}

// replace puts text in place of the bytes from..to. Insertions at one place keep their order.
func (s *splices) replace(from, to int, with string) {
	s.parts = append(s.parts, splice{from, to, with, len(s.parts)})
}

// insert puts text before the byte at.
func (s *splices) insert(at int, with string) { s.replace(at, at, with) }

// render applies all of them to the bytes from..to.
func (s *splices) render(from, to int) string {
	sort.SliceStable(s.parts, func(i, j int) bool {
		if s.parts[i].from != s.parts[j].from {
			return s.parts[i].from < s.parts[j].from
		}
		return s.parts[i].order < s.parts[j].order
	})
	var b strings.Builder
	at := from
	for _, p := range s.parts {
		if p.from < at || p.to > to {
			continue
		}
		b.Write(s.text[at:p.from])
		b.WriteString(p.with)
		at = p.to
	}
	b.Write(s.text[at:to])
	return b.String()
}
