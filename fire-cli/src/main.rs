//! `fire`: hot reload for Go that keeps the process's state.

fn main() {}
