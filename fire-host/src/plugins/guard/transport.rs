//! A guarded transport. Lanes that are driven from Rust (by checks and benchmarks) are not guarded: waiting
//! is their business.

use std::sync::Arc;

use fire_plugin_api::transport::{Endpoint, GoFile, Link, LinkRequest, Side};
use fire_plugin_api::{Error, Transport};

use super::{Guarded, Watch};

/// Its links fail with the plugin's name and the call.
pub struct GuardedTransport {
    inner: Guarded<dyn Transport>,
    go_half: Vec<GoFile>,
}

impl GuardedTransport {
    /// Around an instance. Its Go half is read once: it may not change while processes use it.
    pub fn new(inner: Guarded<dyn Transport>) -> Result<Self, Error> {
        let go_half = inner.call_checked(
            "go_half",
            |plugin| Ok(plugin.go_half()),
            |files| check_go_half(files),
        )?;
        Ok(Self { inner, go_half })
    }
}

impl Transport for GuardedTransport {
    fn go_half(&self) -> Vec<GoFile> {
        self.go_half.clone()
    }

    fn create(&self, request: &LinkRequest) -> Result<Box<dyn Link>, Error> {
        let asked = request.clone();
        let inner = self
            .inner
            .call("create", move |plugin| plugin.create(&asked))?;
        GuardedLink::create(inner.into(), Arc::clone(&self.inner.watch))
    }
}

fn check_go_half(files: &[GoFile]) -> Result<(), String> {
    if files.is_empty() {
        return Err("there is no file".to_owned());
    }
    match files
        .iter()
        .find(|file| !file.name.ends_with(".go") || file.name.contains(['/', '\0']))
    {
        Some(file) => Err(format!("{:?} is no name of a Go file", file.name)),
        None => Ok(()),
    }
}

struct GuardedLink {
    inner: Guarded<dyn Link>,
    home: String,
    worker: String,
}

impl GuardedLink {
    /// Asks for the descriptors at once: the plain method cannot fail.
    fn create(inner: Arc<dyn Link>, watch: Arc<Watch>) -> Result<Box<dyn Link>, Error> {
        let inner = Guarded::new(inner, watch);
        let descriptor = |side| {
            inner.call_checked(
                "descriptor",
                move |link| Ok(link.descriptor(side)),
                |line| match line.is_empty() || line.contains(['\n', '\0']) {
                    true => Err(format!("{line:?} is not one line")),
                    false => Ok(()),
                },
            )
        };
        let (home, worker) = (descriptor(Side::Home)?, descriptor(Side::Worker)?);
        Ok(Box::new(Self {
            inner,
            home,
            worker,
        }))
    }
}

impl Link for GuardedLink {
    fn descriptor(&self, side: Side) -> String {
        match side {
            Side::Home => self.home.clone(),
            Side::Worker => self.worker.clone(),
        }
    }

    fn attached(&self) -> Result<(), Error> {
        self.inner.call("attached", |link| link.attached())
    }

    fn close(&self, cause: &str) {
        let cause = cause.to_owned();
        let closed = self.inner.call("close", move |link| {
            link.close(&cause);
            Ok(())
        });
        if let Err(error) = closed {
            tracing::warn!(target: "plugin", "{error}; the worker is ended all the same");
        }
    }

    fn attach(&self, side: Side) -> Result<Box<dyn Endpoint>, Error> {
        self.inner.call("attach", move |link| link.attach(side))
    }
}
