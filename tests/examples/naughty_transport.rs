//! A transport over Unix-domain sockets that fails at the call, and in the way, that its option names: `fails = "create
//! panics"`, say; `only = 4` makes it the fourth link alone. Without an option it works.

use std::io;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use fire_plugin_api::stream::{self, Accept, Connect, Stream};
use fire_plugin_api::transport::{Endpoint, GoFile, Link, LinkRequest, Side};
use fire_plugin_api::{Error, Transport, options};

#[derive(Default, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Naughty {
    #[serde(default)]
    fails: String,
    only: Option<usize>,
    #[serde(skip)]
    links: AtomicUsize,
}

impl Naughty {
    /// Fails, if it is to fail here.
    fn at(&self, call: &str) -> Result<(), Error> {
        match self.fails.strip_prefix(call) {
            Some(" panics") => panic!("naughty {call}"),
            Some(" hangs") => loop {
                std::thread::park();
            },
            Some(" fails") => Err(Error::new("naughty")),
            _ => Ok(()),
        }
    }
}

impl Transport for Naughty {
    fn go_half(&self) -> Vec<GoFile> {
        if self.at("go_half").is_err() {
            return Vec::new();
        }
        let good = include_str!("../third-party/pigeon/go/attach.go");
        let body = match self.fails.as_str() {
            "Go does not compile" => "return nil, nowhere",
            "Attach fails" => "return nil, syscall.ENOENT",
            "Attach panics" => "panic(descriptor)",
            "Attach hangs" => "select {}",
            _ => return stream::go_half(good),
        };
        let head = "(side Side, descriptor string) (*Link, error) {\n";
        stream::go_half(&good.replacen(head, &format!("{head}\tif side >= Home {{ {body} }}\n"), 1))
    }

    fn create(&self, request: &LinkRequest) -> Result<Box<dyn Link>, Error> {
        let number = 1 + self.links.fetch_add(1, Relaxed);
        if self.only.is_none_or(|only| only == number) {
            self.at("create")?;
        }
        let path = request.directory.join("lanes.sock");
        Ok(Box::new(NaughtyLink {
            naughty: Self {
                fails: self.fails.clone(),
                ..Self::default()
            },
            inner: stream::link(Socket(path)),
        }))
    }
}

struct NaughtyLink {
    naughty: Naughty,
    inner: Box<dyn Link>,
}

impl Link for NaughtyLink {
    fn descriptor(&self, side: Side) -> String {
        match self.naughty.at("descriptor") {
            Ok(()) => self.inner.descriptor(side),
            Err(_) => "two\nlines".to_owned(),
        }
    }

    fn attached(&self) -> Result<(), Error> {
        self.naughty.at("attached")?;
        self.inner.attached()
    }

    fn close(&self, cause: &str) {
        let _ = self.naughty.at("close");
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
    let naughty: Naughty = options::read(text)?;
    naughty.at("new")?;
    Ok(naughty)
});
