//! The plugins that are linked into fire.

use std::sync::Arc;

use fire_plugin_api::{Error, RestartPolicy, SplitStrategy, Transport};

use super::Kind;

/// What a constructor gives: `None` if there is no built-in of that name.
pub type Built<T> = Option<Result<Arc<T>, Error>>;

/// Names of the built-ins of a kind, the default first.
pub fn names(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Transport => &["shm", "pipe", "tcp"],
        Kind::Split => &["on-edit", "per-function", "per-package"],
        Kind::Policy => &["serious-changes", "keep-state"],
    }
}

pub fn transport(name: &str, options: &str) -> Built<dyn Transport> {
    match name {
        "pipe" => Some(fire_transport_pipe::Pipe::new(options).map(|it| Arc::new(it) as _)),
        "shm" => Some(fire_transport_shm::Shm::new(options).map(|it| Arc::new(it) as _)),
        "tcp" => Some(fire_transport_tcp::Tcp::new(options).map(|it| Arc::new(it) as _)),
        _ => None,
    }
}

pub fn split(name: &str, options: &str) -> Built<dyn SplitStrategy> {
    match name {
        "on-edit" => Some(fire_split::OnEdit::new(options).map(|it| Arc::new(it) as _)),
        "per-function" => Some(fire_split::PerFunction::new(options).map(|it| Arc::new(it) as _)),
        "per-package" => Some(fire_split::PerPackage::new(options).map(|it| Arc::new(it) as _)),
        _ => None,
    }
}

pub fn policy(name: &str, options: &str) -> Built<dyn RestartPolicy> {
    match name {
        "serious-changes" => {
            Some(fire_policy::SeriousChanges::new(options).map(|it| Arc::new(it) as _))
        }
        "keep-state" => Some(fire_policy::KeepState::new(options).map(|it| Arc::new(it) as _)),
        _ => None,
    }
}
