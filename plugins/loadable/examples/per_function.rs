//! `per-function` as a library of its own.

fire_plugin_api::export_split!("per-function", fire_split::PerFunction::new);
