//! The host's end of the boundary: opens a library's constructors and gives plain traits. It does not
//! load libraries; fire-host does.
#![expect(
    unsafe_code,
    reason = "passes on the one promise that only the loader can make"
)]

use abi_stable::std_types::RStr;
use tracing::Level;

use crate::ffi::data::plain;
use crate::ffi::events::{Host, level_number};
use crate::ffi::root::{self, Make, RootRef};
use crate::ffi::{policy, split, transport};
use crate::{Error, RestartPolicy, SplitStrategy, Transport};

pub use crate::ffi::root::Mismatch;
pub use crate::ffi::stamp::{ABI_SYMBOL, About, Kind, SIZE, SYMBOL};

/// A library whose types have been checked.
#[derive(Clone, Copy)]
pub struct Constructors(RootRef);

impl Constructors {
    /// Checks a loaded library's types against this crate's.
    ///
    /// # Safety
    ///
    /// `symbol` is the address of [`ABI_SYMBOL`] in a library whose stamp's API version
    /// [fits](crate::version::fits), and the library is never unloaded.
    pub unsafe fn open(symbol: *const ()) -> Result<Self, Mismatch> {
        // SAFETY: the caller makes the same promise.
        unsafe { root::open(symbol) }.map(Self)
    }

    /// An instance of the transport. `name` is what its events are marked with.
    pub fn transport(&self, name: &str, options: &str) -> Result<Box<dyn Transport>, Error> {
        let made = make(self.0.transport(), name, options)?;
        Ok(Box::new(transport::Proxy::new(made)))
    }

    /// An instance of the split strategy.
    pub fn split(&self, name: &str, options: &str) -> Result<Box<dyn SplitStrategy>, Error> {
        let made = make(self.0.split(), name, options)?;
        Ok(Box::new(split::Proxy::new(made)))
    }

    /// An instance of the restart policy.
    pub fn policy(&self, name: &str, options: &str) -> Result<Box<dyn RestartPolicy>, Error> {
        let made = make(self.0.policy(), name, options)?;
        Ok(Box::new(policy::Proxy::new(made)))
    }
}

fn make<T>(constructor: Make<T>, name: &str, options: &str) -> Result<T, Error> {
    let host = Host {
        name: name.into(),
        verbosity,
        event,
    };
    plain(constructor(options.into(), host))
}

extern "C" fn verbosity() -> u8 {
    tracing::level_filters::LevelFilter::current()
        .into_level()
        .map_or(0, |level| level_number(&level))
}

/// tracing wants the level of an event at compile time: one arm each.
extern "C" fn event(plugin: RStr<'_>, level: u8, target: RStr<'_>, text: RStr<'_>) {
    let (plugin, module, text) = (plugin.as_str(), target.as_str(), text.as_str());
    match level {
        1 => tracing::event!(target: "plugin", Level::ERROR, plugin, module, "{text}"),
        2 => tracing::event!(target: "plugin", Level::WARN, plugin, module, "{text}"),
        3 => tracing::event!(target: "plugin", Level::INFO, plugin, module, "{text}"),
        4 => tracing::event!(target: "plugin", Level::DEBUG, plugin, module, "{text}"),
        _ => tracing::event!(target: "plugin", Level::TRACE, plugin, module, "{text}"),
    }
}
