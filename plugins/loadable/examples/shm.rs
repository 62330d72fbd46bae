//! `shm` as a library of its own.

fire_plugin_api::export_transport!("shm", fire_transport_shm::Shm::new);
