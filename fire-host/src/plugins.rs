//! Plugins: name → transport, split strategy or restart policy.
//!
//! Nothing else in the host knows where an implementation comes from.

mod builtin;
mod error;
mod kind;
mod nearest;
mod registry;

pub use error::PluginError;
pub use kind::Kind;
pub use registry::Registry;
