//! From a built worker to one that home has linked.

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Instant;

use fire_plugin_api::transport::{LinkRequest, Side};
use tokio::process::Command;
use tokio::sync::oneshot;

use super::{Made, PATIENCE, Shared, Worker, fallback};
use crate::control::{Awaited, Generation};
use crate::swap::{Fallback, Task};

/// A worker that is linked and serves nothing. Dropping this ends it, unless it is kept.
pub struct Started {
    shared: Arc<Shared>,
    generation: Generation,
    kept: bool,
}

impl Started {
    /// Its generation.
    pub fn generation(&self) -> Generation {
        self.generation
    }

    /// It serves: it ends otherwise from now on.
    pub(super) fn keep(&mut self) {
        self.kept = true;
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        // A batch that is given up leaves nothing behind.
        if let Some(worker) = self.shared.take(self.generation) {
            self.shared.control.close(self.generation, "discarded");
            worker.link.close("discarded");
        }
    }
}

impl Shared {
    /// Boxed: starting a worker watches it, and watching it may start it again.
    pub(super) fn start(self: Arc<Self>, made: Made) -> Task<'static, Result<Started, Fallback>> {
        Box::pin(self.started(made))
    }

    async fn started(self: Arc<Self>, made: Made) -> Result<Started, Fallback> {
        let generation = made.generation;
        let subject = made.ids().join(", ");
        let failed = |what: &str| fallback("worker", &subject, what);
        let number = {
            let mut state = self.lock();
            state.links += 1;
            state.links
        };
        let own = self.directory.join(format!("link-{number}"));
        make_private(&own).map_err(|error| failed(&error.to_string()))?;
        let link = self
            .transport
            .create(&LinkRequest {
                generation,
                directory: own,
            })
            .map_err(|error| {
                let cure = error.hint.map(|hint| format!("; {hint}"));
                let detail = error.message + cure.as_deref().unwrap_or_default();
                fallback("transport", &subject, detail)
            })?;
        let memory = self.policy.worker_limits().memory_mb.unwrap_or(0);
        let mut child = Command::new(&made.binary)
            .env("FIRE_CONTROL", self.control.path())
            .env("FIRE_LINK", link.descriptor(Side::Worker))
            .env("GODEBUG", runtime_settings())
            .env("FIRE_GENERATION", generation.to_string())
            .env("FIRE_MEMORY_MB", memory.to_string())
            .stdin(Stdio::null())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| failed(&error.to_string()))?;
        let pid = child.id().unwrap_or(0);
        let (end, told_to_end) = oneshot::channel();
        let (gone_sender, gone) = tokio::sync::watch::channel(false);
        let home_descriptor = link.descriptor(Side::Home);
        let binary = made.binary.clone();
        self.lock().workers.insert(
            generation,
            Worker {
                pid,
                made,
                link,
                end: Some(end),
                gone: gone.clone(),
                committed: false,
                ended: None,
                since: Instant::now(),
                stalled_since: None,
                told: false,
            },
        );
        // From here on it ends with this.
        let started = Started {
            shared: self.clone(),
            generation,
            kept: false,
        };
        let shared = Arc::downgrade(&self);
        tokio::spawn(async move {
            let ending = tokio::select! {
                status = child.wait() => status.ok().map(super::endings::ending),
                told = told_to_end => {
                    // It may have ended in the meantime.
                    let _ = child.kill().await;
                    told.ok()
                }
            };
            gone_sender.send_replace(true);
            let again = match (ending, shared.upgrade()) {
                (Some(ending), Some(shared)) => shared.ended(generation, &ending).await,
                _ => false,
            };
            if !again {
                // The directory goes as a whole in the end.
                let _ = std::fs::remove_file(binary);
            }
        });
        let linked = async {
            self.await_or_gone(Awaited::Attached(generation), gone.clone())
                .await?;
            self.control.link(generation, &home_descriptor);
            self.await_or_gone(Awaited::Linked(generation), gone.clone())
                .await
        };
        tokio::time::timeout(PATIENCE, linked)
            .await
            .unwrap_or_else(|_| Err(failed("it has not attached in time")))?;
        if let Some(worker) = self.lock().workers.get(&generation)
            && let Err(error) = worker.link.attached()
        {
            // It serves all the same; its names go with the directory.
            tracing::warn!(target: "plugin", "{error}");
        }
        self.begun.notify_one();
        Ok(started)
    }

    async fn await_or_gone(
        &self,
        what: Awaited,
        mut gone: tokio::sync::watch::Receiver<bool>,
    ) -> Result<(), Fallback> {
        tokio::select! {
            outcome = self.control.wait(what) => match outcome {
                Some(Ok(())) => Ok(()),
                Some(Err(refused)) => Err(fallback(&refused.code, &refused.subject, refused.message)),
                None => Err(fallback("worker", "", "the program has ended")),
            },
            _ = gone.wait_for(|gone| *gone) => Err(fallback("worker", "", "the worker ended at its start")),
        }
    }
}

fn make_private(directory: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().mode(0o700).create(directory)
}

/// The address of a nil pointer's field is a small number until it is used, which is when a worker panics. The runtime
/// would not have such a number on a stack that it moves. Source: `adjustpointers` in runtime/stack.go.
fn runtime_settings() -> String {
    let own = std::env::var("GODEBUG").unwrap_or_default();
    let comma = if own.is_empty() { "" } else { "," };
    format!("{own}{comma}invalidptr=0")
}
