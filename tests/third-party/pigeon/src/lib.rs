//! `pigeon`: a transport for fire, over Unix-domain sockets.

use std::io;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::Arc;

use fire_plugin_api::stream::{self, Accept, Connect, Stream};
use fire_plugin_api::transport::{GoFile, Link, LinkRequest, Side};
use fire_plugin_api::{Error, Transport, options};

struct Pigeon;

impl Transport for Pigeon {
    fn go_half(&self) -> Vec<GoFile> {
        stream::go_half(include_str!("../go/attach.go"))
    }

    fn create(&self, request: &LinkRequest) -> Result<Box<dyn Link>, Error> {
        Ok(stream::link(Socket(request.directory.join("lanes.sock"))))
    }
}

struct Socket(PathBuf);

impl Connect for Socket {
    fn descriptor(&self, _: Side) -> String {
        self.0.display().to_string()
    }

    fn listen(&self) -> io::Result<Accept> {
        let listener = UnixListener::bind(&self.0)?;
        Ok(Box::new(move || Ok(Arc::new(listener.accept()?.0))))
    }

    fn dial(&self) -> io::Result<Arc<dyn Stream>> {
        Ok(Arc::new(UnixStream::connect(&self.0)?))
    }
}

fire_plugin_api::export_transport!("pigeon", |text| options::none(text).map(|()| Pigeon));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_conforms() {
        let directory = std::env::temp_dir().join(format!("pigeon-{}", std::process::id()));
        let transport: Arc<dyn Transport> = Arc::new(Pigeon);
        let report = fire_plugin_api::conformance::transport(&transport, &directory);
        let _ = std::fs::remove_dir_all(&directory);
        report.assert();
    }
}
