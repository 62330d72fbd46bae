package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"

	"notes/store"
)

// service answers requests. It counts them, so that one can see whether it is still the same.
type service struct {
	notes *store.Store
}

func routes(notes *store.Store) http.Handler {
	s := &service{notes: notes}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.home)
	mux.HandleFunc("GET /notes", s.list)
	mux.HandleFunc("POST /notes", s.add)
	mux.HandleFunc("GET /notes/{id}", s.get)
	mux.HandleFunc("GET /state", s.state)
	return mux
}

// headline is what the front page says.
func headline(notes, requests int) string {
	return fmt.Sprintf("%d notes, %d requests", notes, requests)
}

func (s *service) home(w http.ResponseWriter, r *http.Request) {
	requests := s.notes.Count()
	fmt.Fprintln(w, headline(s.notes.Len(), requests))
}

func (s *service) list(w http.ResponseWriter, r *http.Request) {
	s.notes.Count()
	answer(w, http.StatusOK, s.notes.List(r.URL.Query().Get("tag")))
}

func (s *service) add(w http.ResponseWriter, r *http.Request) {
	s.notes.Count()
	var note store.Note
	if err := json.NewDecoder(r.Body).Decode(&note); err != nil {
		refuse(w, http.StatusBadRequest, fmt.Errorf("this is no note: %w", err))
		return
	}
	added, err := s.notes.Add(note)
	if err != nil {
		refuse(w, http.StatusUnprocessableEntity, err)
		return
	}
	answer(w, http.StatusCreated, added)
}

func (s *service) get(w http.ResponseWriter, r *http.Request) {
	s.notes.Count()
	id, err := strconv.Atoi(r.PathValue("id"))
	if err != nil {
		refuse(w, http.StatusBadRequest, err)
		return
	}
	note, err := s.notes.Get(id)
	if errors.Is(err, store.ErrMissing) {
		refuse(w, http.StatusNotFound, err)
		return
	}
	answer(w, http.StatusOK, note)
}

// state tells which process answers and what it remembers.
func (s *service) state(w http.ResponseWriter, r *http.Request) {
	answer(w, http.StatusOK, map[string]int{
		"pid":      os.Getpid(),
		"requests": s.notes.Count(),
		"notes":    s.notes.Len(),
	})
}

func answer(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(value)
}

func refuse(w http.ResponseWriter, status int, err error) {
	answer(w, status, map[string]string{"error": err.Error()})
}
