//! `serious-changes` as a library of its own.

fire_plugin_api::export_policy!("serious-changes", fire_policy::SeriousChanges::new);
