//! Plugins: name → transport, split strategy or restart policy.
//!
//! Nothing else in the host knows where an implementation comes from. The order in which a library is
//! judged: its place and rights ([`trust`]) → its bytes ([`image`], [`lock`]) → its code ([`load`]).
//! No code of a library runs before everything that can be known without it is in order.

mod builtin;
mod error;
pub mod image;
mod load;
pub mod lock;
mod nearest;
mod places;
mod registry;
mod trust;

pub use error::PluginError;
pub use fire_plugin_api::host::Kind;
pub use load::{Library, open};
pub use nearest::nearest;
pub use places::{Origin, Place, Places};
pub use registry::Registry;
