//! A session under `keep-state`: a program that answers to words, with a count that a restart would begin anew.

use fire_tests::driver::{Fire, Project};
use serde_json::Value;

/// Answers each line of its standard input; `n` counts them for as long as the process lives.
pub const MAIN: &str = r#"package main

import (
	"bufio"
	"fmt"
	"os"

	"example.com/app/store"
)

const greeting = "hello"

const loud = greeting + "!"

type service struct {
	shelf *store.Shelf
	n     int
}

func join(a, b string) string { return a + "-" + b }

func (v *service) answer(word string) (text string) {
	defer func() {
		if p := recover(); p != nil {
			text = fmt.Sprint("panicked: ", p)
		}
	}()
	v.n++
	return reply(v, word)
}

func reply(v *service, word string) string {
	return join(loud, v.shelf.Take(word))
}

func main() {
	v := &service{shelf: store.New()}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		n := v.n
		fmt.Println("answer", n, v.answer(lines.Text()))
	}
}
"#;

pub const STORE: &str = r#"package store

type Shelf struct {
	words []string
}

func New() *Shelf { return &Shelf{} }

func (s *Shelf) Take(word string) string {
	s.words = append(s.words, word)
	return s.show()
}

func (s *Shelf) show() string { return s.words[len(s.words)-1] }
"#;

/// A running program whose process must stay the same.
pub struct Session {
    pub project: Project,
    pub fire: Fire,
    pub n: usize,
}

impl Session {
    pub fn start() -> Self {
        Self::start_with(MAIN)
    }

    pub fn start_with(main: &str) -> Self {
        let project = Project::new(&[("main.go", main), ("store/store.go", STORE)]);
        let mut fire = project.fire(&["--policy", "keep-state"]);
        fire.expect("ready");
        let mut session = Self {
            project,
            fire,
            n: 0,
        };
        session.answers("a", "hello!-a");
        session
    }

    /// Saves, waits for the swap, and gives the functions in it.
    pub fn swaps(&mut self, file: &str, edits: &[(&str, &str)]) -> Vec<String> {
        let event = self.saves(file, edits, "swapped");
        names(&event)
    }

    pub fn saves(&mut self, file: &str, edits: &[(&str, &str)], answer: &str) -> Value {
        let path = self.project.path().join(file);
        let mut text = std::fs::read_to_string(path).expect("the file can be read");
        for (from, to) in edits {
            assert!(text.contains(from), "{file} does not contain {from:?}");
            text = text.replace(from, to);
        }
        self.project.write(file, &text);
        self.fire.expect(answer)
    }

    /// The counter goes on: the process is the one that was started.
    pub fn answers(&mut self, word: &str, text: &str) {
        let line = format!("answer {} {text}", self.n);
        self.fire.types(&format!("{word}\n")).prints(&line);
        self.n += 1;
    }

    pub fn restarts(&mut self, file: &str, edits: &[(&str, &str)], code: &str) {
        let restarted = self.saves(file, edits, "restarted");
        assert_eq!(restarted["reasons"][0]["code"], code, "{restarted}");
        self.n = 0;
    }
}

pub fn names(event: &Value) -> Vec<String> {
    let list = event["functions"].as_array().expect("a list of functions");
    list.iter()
        .map(|id| {
            id.as_str()
                .expect("an id is text")
                .replace("example.com/app", "app")
        })
        .collect()
}
