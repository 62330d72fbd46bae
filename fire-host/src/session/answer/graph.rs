//! What the app is built from, read beside everything else.

use std::sync::{Arc, PoisonError};

use super::super::Reading;
use super::Answerer;
use crate::graph::{self, Graph};

/// The package graph, as far as it is known.
#[derive(Debug, Default)]
pub(super) struct Slot {
    /// Of the running program.
    pub(super) graph: Option<Arc<Graph>>,
    /// The last one that the watch was told.
    pub(super) watched: Option<Arc<Graph>>,
    /// Of the last reading begun: an older one that ends later is void.
    number: u64,
}

impl Answerer {
    /// The graph of the running program, read here and now if the reading is still under way.
    pub(super) async fn known_graph(&mut self) -> Option<Arc<Graph>> {
        let known = {
            let slot = self.graph.lock().unwrap_or_else(PoisonError::into_inner);
            slot.graph.clone()
        };
        match known {
            Some(graph) => Some(graph),
            None => graph::read(&self.settings.project, &self.guard)
                .await
                .map(Arc::new),
        }
    }

    /// Reads the package graph again, beside everything else. Until it is read there is none: the old
    /// one knows nothing of what the new program has come to use.
    pub(super) fn reread_graph(&self) {
        let (slot, graphs) = (self.graph.clone(), self.graphs.clone());
        let (project, guard) = (self.settings.project.clone(), self.guard.clone());
        let since = self.build_began;
        let number = {
            let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
            slot.graph = None;
            slot.number += 1;
            slot.number
        };
        tokio::spawn(async move {
            let Some(graph) = graph::read(&project, &guard).await.map(Arc::new) else {
                return;
            };
            let mut slot = slot.lock().unwrap_or_else(PoisonError::into_inner);
            if slot.number != number {
                return;
            }
            slot.graph = Some(graph.clone());
            if slot.watched.as_ref() != Some(&graph) {
                slot.watched = Some(graph.clone());
                // A session that has ended does not mind.
                let _ = graphs.send(Reading { graph, since });
            }
        });
    }
}
