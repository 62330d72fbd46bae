//! A transport over Unix-domain sockets that fails at the call, and in the way, that its option names: `fails = "create
//! panics"`, say; `only = 4` makes it the fourth link alone. Without an option it works.

#[path = "naughty_ways/ways.rs"]
mod ways;

use std::io;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use fire_plugin_api::stream::{self, Accept, Connect, Stream};
use fire_plugin_api::transport::{Endpoint, GoFile, Link, LinkRequest, Side};
use fire_plugin_api::{Error, Transport, options};
use ways::Ways;

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Options {
    #[serde(default)]
    fails: String,
    only: Option<usize>,
}

struct Naughty {
    ways: Ways,
    /// The number of the link that fails; none: all of them.
    only: Option<usize>,
    links: AtomicUsize,
}

impl Transport for Naughty {
    fn go_half(&self) -> Vec<GoFile> {
        if self.ways.at("go_half").is_err() {
            return Vec::new();
        }
        let good = include_str!("../third-party/pigeon/go/attach.go");
        let body = match (self.ways.way("Go"), self.ways.way("Attach")) {
            (Some("does not compile"), _) => "return nil, nowhere",
            (_, Some("fails")) => "return nil, syscall.ENOENT",
            (_, Some("panics")) => "panic(descriptor)",
            (_, Some("hangs")) => "select {}",
            _ => return stream::go_half(good),
        };
        let head = "(side Side, descriptor string) (*Link, error) {\n";
        stream::go_half(&good.replacen(head, &format!("{head}\tif side >= Home {{ {body} }}\n"), 1))
    }

    fn create(&self, request: &LinkRequest) -> Result<Box<dyn Link>, Error> {
        let number = 1 + self.links.fetch_add(1, Relaxed);
        if self.only.is_none_or(|only| only == number) {
            self.ways.at("create")?;
        }
        let path = request.directory.join("lanes.sock");
        Ok(Box::new(NaughtyLink {
            ways: self.ways.clone(),
            inner: stream::link(Socket(path)),
        }))
    }
}

struct NaughtyLink {
    ways: Ways,
    inner: Box<dyn Link>,
}

impl Link for NaughtyLink {
    fn descriptor(&self, side: Side) -> String {
        match self.ways.at("descriptor") {
            Ok(()) => self.inner.descriptor(side),
            Err(_) => "two\nlines".to_owned(),
        }
    }

    fn attached(&self) -> Result<(), Error> {
        self.ways.at("attached")?;
        self.inner.attached()
    }

    fn close(&self, cause: &str) {
        let _ = self.ways.at("close");
        self.inner.close(cause);
    }

    fn attach(&self, side: Side) -> Result<Box<dyn Endpoint>, Error> {
        self.inner.attach(side)
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

fire_plugin_api::export_transport!("naughty-transport", |text| {
    let Options { fails, only } = options::read(text)?;
    let ways = Ways { fails };
    ways.at("new")?;
    Ok(Naughty {
        ways,
        only,
        links: AtomicUsize::new(0),
    })
});
