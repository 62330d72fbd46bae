//! `on-edit` as a library of its own.

fire_plugin_api::export_split!("on-edit", fire_split::OnEdit::new);
