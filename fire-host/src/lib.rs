//! The host: watches the source, decides what an edit leads to, builds, and supervises home and workers.

pub mod plugins;
pub mod project;
pub mod swap;
pub mod toolchain;
