//! The binary boundary between fire and a plugin in a library of its own. Private: authors see plain
//! Rust, so what is in here can be replaced at a major version of this crate.
//!
//! # Theory of operation
//!
//! A library exports two statics. [`stamp::Stamp`] is plain bytes that the host reads from the file, so
//! that a library which does not fit is refused before any of its code runs. The other one is
//! abi_stable's header, which leads to a [`root::Root`]: a constructor for the kind of plugin that it is.
//!
//! For each trait there is a file with three parts: the trait as it crosses the boundary, the
//! *adapter* around the author's type (inside the plugin: catches panics) and the *proxy* (inside the
//! host: implements the plain trait by calling the plugin).
//!
//! # Growing it
//!
//! A new method of a trait comes after `last_prefix_field`, with a default body. A field of a
//! `repr(C)` struct that crosses, or a variant of an enum, is a new major version.

pub mod caught;
pub mod data;
pub mod events;
pub mod lane;
pub mod policy;
pub mod root;
pub mod split;
pub mod stamp;
pub mod transport;
