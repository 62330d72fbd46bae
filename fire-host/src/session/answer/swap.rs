//! Answers that keep the process: swaps, reverts, and taking the last swap back.

use std::time::Instant;

use tokio::sync::mpsc::UnboundedSender;

use super::super::reason;
use super::{Answerer, Finding, explained};
use crate::clock::whole_ms;
use crate::event::{Event, Level};
use crate::swap::{Fallback, Hot, Swapped, Undone};

impl Answerer {
    pub(super) async fn swap(&mut self, hot: Hot, since: Instant) -> Finding {
        let Some(swapper) = &mut self.swapper else {
            return self.build(Vec::new()).await;
        };
        self.explanation = hot.edits.iter().map(explained).collect();
        let reverted = hot.reverted.clone();
        match swapper.swap(hot).await {
            Ok(Swapped {
                functions,
                generation,
                worker_pid,
                stages,
            }) => {
                self.generation = Some(generation);
                let ms = whole_ms(since.elapsed());
                let mut events = vec![Event::Swapped {
                    functions,
                    generation,
                    worker_pid,
                    ms,
                    stages,
                }];
                if !reverted.is_empty() {
                    events.push(Event::Reverted {
                        functions: reverted,
                        ms,
                    });
                }
                Finding::Done(events)
            }
            Err(fallback) => self.build(fallback.reasons).await,
        }
    }

    /// Says which of the swapped functions will not run: whoever has changed the place where routes are registered would
    /// wait for an effect.
    pub(super) async fn tell_called_once(&mut self, swapped: &[String]) {
        let once = match &mut self.swapper {
            Some(swapper) if !swapped.is_empty() => swapper.called_once(swapped).await,
            _ => return,
        };
        let verb = match once.as_slice() {
            [] => return,
            [_] => "is",
            _ => "are",
        };
        let text = format!(
            "{} {verb} called only as the program starts: the change shows after a restart",
            once.join(", ")
        );
        self.outlet.note(Level::Say, text, None);
    }

    pub(super) async fn revert(&mut self, functions: Vec<String>, since: Instant) -> Finding {
        let Some(swapper) = &mut self.swapper else {
            return self.build(Vec::new()).await;
        };
        match swapper.revert(&functions).await {
            Ok(()) => {
                self.explanation = vec!["the source is as compiled in again".into()];
                Finding::Done(vec![Event::Reverted {
                    functions,
                    ms: whole_ms(since.elapsed()),
                }])
            }
            Err(fallback) => self.build(fallback.reasons).await,
        }
    }

    /// Takes the last swap back.
    pub async fn undo(&mut self, asker: Option<UnboundedSender<Result<Undone, String>>>) {
        let since = Instant::now();
        let outcome = match &mut self.swapper {
            Some(swapper) if self.swappable => swapper.undo().await,
            _ => Err(Fallback {
                reasons: vec![reason("undo", "", "nothing can be swapped in this run")],
            }),
        };
        let outcome = outcome.map_err(|fallback| {
            let details = fallback.reasons.iter().map(|reason| reason.detail.clone());
            details.collect::<Vec<_>>().join("; ")
        });
        match &outcome {
            Ok(undone) => {
                self.explanation = vec!["the last swap was taken back".into()];
                self.tell_undone(undone, since);
            }
            Err(text) => self
                .outlet
                .note(Level::Warn, format!("not undone: {text}"), None),
        }
        // Whoever asked may have gone.
        let _ = asker.map(|asker| asker.send(outcome));
    }

    fn tell_undone(&mut self, undone: &Undone, since: Instant) {
        let ms = whole_ms(since.elapsed());
        self.generation = undone.moved.keys().next_back().copied();
        for (generation, (functions, worker_pid)) in &undone.moved {
            self.outlet.event(Event::Swapped {
                functions: functions.clone(),
                generation: *generation,
                worker_pid: *worker_pid,
                ms,
                stages: std::collections::BTreeMap::from([("commit".to_owned(), ms)]),
            });
        }
        if !undone.reverted.is_empty() {
            self.outlet.event(Event::Reverted {
                functions: undone.reverted.clone(),
                ms,
            });
        }
    }
}
