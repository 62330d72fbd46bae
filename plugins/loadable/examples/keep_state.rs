//! `keep-state` as a library of its own.

fire_plugin_api::export_policy!("keep-state", fire_policy::KeepState::new);
