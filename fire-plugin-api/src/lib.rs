//! The one crate that a plugin for fire needs.
//!
//! Three extension points, each a plain trait: [`Transport`] (how home and a worker talk),
//! [`SplitStrategy`] (which functions move, and which share a worker) and [`RestartPolicy`]
//! (what a batch of edits leads to).

//!
//! A plugin is a `cdylib` crate with one type, one `impl` and one macro: [`export_transport!`],
//! [`export_split!`] or [`export_policy!`]. `fire plugin new` makes one.
//!
//! ```
//! use fire_plugin_api::split::{Group, Plan, Program};
//! use fire_plugin_api::{Error, SplitStrategy};
//!
//! /// What is edited together moves together.
//! struct Together;
//!
//! impl SplitStrategy for Together {
//!     fn initial(&self, _: &Program) -> Result<Plan, Error> {
//!         Ok(Plan::default())
//!     }
//!
//!     fn on_edit(&self, _: &Program, edited: &[String]) -> Result<Plan, Error> {
//!         let all = Group { functions: edited.to_vec() };
//!         Ok(Plan { groups: vec![all] })
//!     }
//! }
//!
//! fire_plugin_api::export_split!("together", |_: &str| Ok(Together));
//! # fn main() {}
//! ```
//!
//! Calls are synchronous. A panic becomes an error, and the instance that panicked is not called
//! again. With the feature `conformance` there is a suite for each kind, for the plugin's own tests.
//! Events of [`tracing`] reach fire's own log, with the plugin's name.

#[cfg(feature = "conformance")]
pub mod conformance;
mod error;
mod export;
mod ffi;
#[doc(hidden)]
pub mod host;
pub mod options;
pub mod policy;
pub mod split;
pub mod stream;
pub mod transport;
pub mod version;

pub use error::Error;
pub use policy::RestartPolicy;
#[doc(no_inline)]
pub use serde;
pub use split::SplitStrategy;
#[doc(no_inline)]
pub use tracing;
pub use transport::Transport;

/// What the export macros need. Not for use by hand.
#[doc(hidden)]
pub mod __private {
    pub use crate::ffi::root::{Exported, policy, split, transport};
    pub use crate::ffi::stamp::{Kind, Stamp};
    pub use abi_stable::library::LibHeader;
}
