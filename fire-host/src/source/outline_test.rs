use super::*;

const STORE: &str = r#"// Package store.
//go:build linux || darwin

package store

import "fmt"
import (
	. "strings"
	r "math/rand"
	_ "embed" // for the page
)

//go:embed page.html "two words"
var page string

const (
	a, b = iota, iota
	c, d
)

type (
	Key = string
	Store[K comparable] struct {
		items map[K]Item
		get   interface{ Get(k K, n int) (Item, error); fmt.Stringer }
	}
)

// Get does.
//
//go:noinline
func (s *Store[K]) Get(k, l K, f func(int, int)) (Item, error) {
	if x := fmt.Sprint("}"); x == c {
		return s.Get(k, l, nil)
	}
	return Item{}, ErrGone
}

func Open[T any, U interface{ Len() int }](path string,
	n int,
) (*Store[T], error)

func main() {}
"#;

fn names(outline: &Outline) -> Vec<String> {
    outline
        .chunks
        .iter()
        .map(|chunk| format!("{:?} {}/{}", chunk.kind, chunk.name, chunk.arity))
        .collect()
}

#[test]
fn a_file_is_cut_into_its_declarations() {
    let outline = Outline::of(STORE.as_bytes());
    assert_eq!(
        names(&outline),
        [
            "Import /0",
            "Import /0",
            "Var /0",
            "Const /0",
            "Type /0",
            "Func Get/3",
            "Func Open/2",
            "Func main/0"
        ]
    );
    let text = |at: usize| &STORE[outline.chunks[at].range.clone()];
    assert_eq!(text(2), "var page string");
    assert!(text(5).starts_with("func (s *Store[K]) Get") && text(5).ends_with("ErrGone\n}"));
    assert!(text(6).ends_with("error)"));
    assert_eq!(text(7), "func main() {}");
}

#[test]
fn its_head_is_read() {
    let outline = Outline::of(STORE.as_bytes());
    assert_eq!(outline.package, "store");
    assert_eq!(outline.constraint.as_deref(), Some("linux || darwin"));
    let imports: Vec<_> = outline
        .imports
        .iter()
        .map(|i| (i.path.as_str(), i.name.as_deref()))
        .collect();
    assert_eq!(
        imports,
        [
            ("embed", Some("_")),
            ("fmt", None),
            ("math/rand", Some("r")),
            ("strings", Some("."))
        ]
    );
    assert_eq!(outline.embeds, ["page.html", "two words"]);
    assert_eq!(outline.aliases, [("Key".to_string(), "string".to_string())]);
}

#[test]
fn directives_go_to_the_declaration_below() {
    let outline = Outline::of(STORE.as_bytes());
    assert_eq!(outline.chunks[5].directives, ["//go:noinline"]);
    assert_eq!(
        outline.chunks[2].directives,
        ["//go:embed page.html \"two words\""]
    );
    assert!(outline.chunks[6].directives.is_empty());
}

#[test]
fn receivers_and_interfaces() {
    let outline = Outline::of(STORE.as_bytes());
    let receiver = outline.chunks[5].receiver.as_ref().unwrap();
    assert_eq!(
        (receiver.type_name.as_str(), receiver.pointer),
        ("Store", true)
    );
    let methods: Vec<_> = outline.interface_methods.iter().cloned().collect();
    assert_eq!(methods, [("Get".to_string(), 2), ("Len".to_string(), 0)]);
}

#[test]
fn declared_names_are_no_mentions() {
    let outline = Outline::of(STORE.as_bytes());
    for name in ["Store2", "Open", "main", "page", "Key", "b", "d", "a"] {
        assert!(!outline.mentions(name, Position::Alone), "{name}");
    }
    // `Store` is the type of a result, `c` is compared with, `Get` is called.
    assert!(outline.mentions("Store", Position::Alone));
    assert!(outline.mentions("c", Position::Alone));
    assert!(outline.mentions("Get", Position::Selected));
    assert!(!outline.mentions("Get", Position::Alone));
}

#[test]
fn mentions_of_one_declaration() {
    let outline = Outline::of(STORE.as_bytes());
    let mentions = Outline::mentions_of(STORE.as_bytes(), &outline.chunks[5]);
    assert!(mentions.contain("ErrGone", Position::Alone));
    assert!(mentions.contain("Sprint", Position::Selected));
    assert!(!mentions.contain("Store", Position::Alone));
}

#[test]
fn cgo_is_seen_with_its_preamble() {
    let outline = Outline::of(b"package a\n\n// #include <x.h>\n// int f();\nimport \"C\"\n");
    assert_eq!(
        outline.cgo.as_deref(),
        Some("// #include <x.h>\n// int f();")
    );
}

#[test]
fn broken_files_have_some_outline() {
    for source in [
        "",
        "package",
        "func",
        "func (",
        "type (",
        "import (",
        "}{)(",
        "func f( { \"",
        "interface {",
        "type a interface{ b(",
    ] {
        Outline::of(source.as_bytes());
    }
}
