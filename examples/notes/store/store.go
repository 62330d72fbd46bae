// Package store keeps notes in memory.
package store

import (
	"errors"
	"slices"
	"sort"
	"strings"
	"sync"
)

// ErrMissing says that there is no such note.
var ErrMissing = errors.New("there is no such note")

// Note is what people write.
type Note struct {
	ID   int      `json:"id"`
	Text string   `json:"text"`
	Tags []string `json:"tags,omitempty"`
}

// Store is safe for concurrent use.
type Store struct {
	mu       sync.Mutex
	notes    map[int]Note
	next     int
	requests int
}

// New gives an empty store.
func New() *Store {
	return &Store{notes: make(map[int]Note), next: 1}
}

// Count counts a request.
func (s *Store) Count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests++
	return s.requests
}

// Len is the number of notes.
func (s *Store) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.notes)
}

// Add keeps the note under a new number.
func (s *Store) Add(note Note) (Note, error) {
	note.Text = strings.TrimSpace(note.Text)
	if note.Text == "" {
		return Note{}, errors.New("a note needs a text")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	note.ID = s.next
	s.next++
	s.notes[note.ID] = note
	return note, nil
}

// Get is the note of that number, or ErrMissing.
func (s *Store) Get(id int) (Note, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	note, ok := s.notes[id]
	if !ok {
		return Note{}, ErrMissing
	}
	return note, nil
}

// List is the notes with that tag, all of them if it is empty, in the order they were written.
func (s *Store) List(tag string) []Note {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := make([]Note, 0, len(s.notes))
	for _, note := range s.notes {
		if tag == "" || slices.Contains(note.Tags, tag) {
			found = append(found, note)
		}
	}
	sort.Slice(found, func(i, j int) bool { return found[i].ID < found[j].ID })
	return found
}
