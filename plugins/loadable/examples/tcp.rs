//! `tcp` as a library of its own.

fire_plugin_api::export_transport!("tcp", fire_transport_tcp::Tcp::new);
