//! The built-in transports, all in one Go half: a program that is built once runs over each of them.

use std::sync::Arc;

use fire_plugin_api::Transport;
use fire_plugin_api::transport::GoFile;

/// A built-in transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    Shm,
    Pipe,
    Tcp,
}

impl Over {
    pub const ALL: [Self; 3] = [Self::Shm, Self::Pipe, Self::Tcp];

    /// Its name in a descriptor; the directory of its Go half.
    pub fn name(self) -> &'static str {
        match self {
            Self::Shm => "shm",
            Self::Pipe => "pipe",
            Self::Tcp => "tcp",
        }
    }

    /// The transport with its default options.
    ///
    /// # Panics
    /// When it does not take them.
    pub fn transport(self) -> Arc<dyn Transport> {
        let known = "a transport takes its default options";
        match self {
            Self::Shm => Arc::new(fire_transport_shm::Shm::new("").expect(known)),
            Self::Pipe => Arc::new(fire_transport_pipe::Pipe::new("").expect(known)),
            Self::Tcp => Arc::new(fire_transport_tcp::Tcp::new("").expect(known)),
        }
    }
}

/// The Go half that holds those of all transports, each in a directory of its own.
pub fn go_half() -> Vec<GoFile> {
    let mut files = vec![GoFile {
        name: "lane.go".into(),
        source: include_str!("../../go/lane-choice/lane.go").into(),
    }];
    for over in Over::ALL {
        for file in over.transport().go_half() {
            files.push(GoFile {
                name: format!("{}/{}", over.name(), file.name),
                source: file.source,
            });
        }
    }
    files
}
