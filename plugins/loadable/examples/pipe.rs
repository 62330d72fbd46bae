//! `pipe` as a library of its own.

fire_plugin_api::export_transport!("pipe", fire_transport_pipe::Pipe::new);
