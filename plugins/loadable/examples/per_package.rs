//! `per-package` as a library of its own.

fire_plugin_api::export_split!("per-package", fire_split::PerPackage::new);
