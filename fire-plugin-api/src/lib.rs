//! The one crate that a plugin for fire needs.
//!
//! Three extension points, each a plain trait: [`Transport`] (how home and a worker talk),
//! [`SplitStrategy`] (which functions move, and which share a worker) and [`RestartPolicy`]
//! (what a batch of edits leads to).

mod error;
pub mod options;
pub mod policy;
pub mod split;
pub mod transport;

pub use error::Error;
pub use policy::RestartPolicy;
#[doc(no_inline)]
pub use serde;
pub use split::SplitStrategy;
pub use transport::Transport;
