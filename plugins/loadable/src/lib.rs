//! The built-in plugins as libraries of their own: each example exports one. Two exports do not link
//! into one binary, so the plugins' own crates, which are linked into fire, export nothing.
