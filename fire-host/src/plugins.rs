//! Plugins: name → transport, split strategy or restart policy.
//!
//! Nothing else in the host knows where an implementation comes from. The order in which a library is
//! judged: its place and rights ([`trust`]) → its bytes ([`image`], [`lock`]) → its code ([`load`]).
//! No code of a library runs before everything that can be known without it is in order.

pub(crate) mod builtin;
mod error;
pub mod go_check;
mod guard;
pub mod image;
mod load;
pub mod lock;
mod nearest;
pub mod places;
mod registry;
mod trust;

#[cfg(test)]
mod guard_test;

pub use builtin::names as built_in_names;
pub use error::{Fault, PluginError};
pub use fire_plugin_api::host::Kind;
pub use load::{Library, open};
pub use nearest::nearest;
pub use places::{Origin, Place, Places};
pub use registry::Registry;

/// The version of fire-plugin-api that this fire is built with. Plugins need the same major version.
pub const API: [u32; 3] = fire_plugin_api::version::OWN;
