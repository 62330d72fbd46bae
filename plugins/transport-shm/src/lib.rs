//! Built-in plugin.
