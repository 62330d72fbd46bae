//! The host: watches the source, decides what an edit leads to, builds, and supervises home and workers.

pub mod agent;
pub mod bench;
pub mod build;
pub mod classify;
pub mod clock;
pub mod compile;
pub mod config;
pub mod control;
pub mod discover;
pub mod engine;
pub mod event;
pub mod facts;
pub mod go_program;
pub mod graph;
pub mod inquiry;
pub mod plugins;
pub mod project;
pub mod session;
pub mod setup;
pub mod source;
pub mod state;
pub mod supervise;
pub mod swap;
pub mod toolchain;
pub mod verify;
pub mod watch;
