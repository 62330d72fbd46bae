//! `pigeon`: a transport for fire, over Unix-domain sockets.

use std::os::unix::net::{UnixListener, UnixStream};

use fire_plugin_api::transport::{GoFile, Link, LinkRequest};
use fire_plugin_api::{Error, Transport, options, stream};

struct Pigeon;

impl Transport for Pigeon {
    fn go_half(&self) -> Vec<GoFile> {
        stream::go_half(include_str!("../go/attach.go"))
    }

    fn create(&self, request: &LinkRequest) -> Result<Box<dyn Link>, Error> {
        let socket = request.directory.join("lanes.sock");
        let listening = socket.clone();
        Ok(stream::link_by(
            socket.display().to_string(),
            move || UnixListener::bind(&listening),
            |listener| Ok(listener.accept()?.0),
            move || UnixStream::connect(&socket),
        ))
    }
}

fire_plugin_api::export_transport!("pigeon", |text| options::none(text).map(|()| Pigeon));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_conforms() {
        fire_plugin_api::conformance::transport_alone(Pigeon).assert();
    }
}
