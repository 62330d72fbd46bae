//! From changed files to a verdict.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Instant;

use fire_plugin_api::policy::{self, Action};
use serde_json::json;

use super::carry::Ready;
use super::made::{Meanings, hosted};
use super::{CLOSED, Engine, fallback};
use crate::classify::{self, Edit};
use crate::facts::{Differences, Updated};
use crate::source::{Snapshot, new_syntax_errors};
use crate::swap::{Diagnostic, Hot, Reason, Stage, Verdict};

fn reason(edit: &Edit) -> Reason {
    Reason {
        code: edit.code.into(),
        subject: edit.subject.clone(),
        detail: edit.detail.clone(),
    }
}

fn restart(code: &str, subject: &str, detail: impl Into<String>) -> Verdict {
    Verdict::Restart {
        reasons: fallback(code, subject, detail).reasons,
    }
}

impl Engine {
    pub(super) async fn judged(&mut self, changed: &[PathBuf]) -> Verdict {
        self.stages.clear();
        self.fresh = false;
        self.unread.extend(changed.iter().cloned());
        let since = Instant::now();
        let mut source = self.seen.clone();
        let mut broken: Vec<Diagnostic> = Vec::new();
        for path in changed {
            if is_go(path) && !self.is_ours(path) {
                continue; // a package that this program does not hold: an import would bring it in
            }
            let name = path.to_string_lossy();
            let old = source.file(&name).cloned();
            source.update(path, std::fs::read(path).ok());
            let built = [old.as_ref(), source.file(&name)]
                .into_iter()
                .flatten()
                .any(|file| file.is_built());
            if built {
                // Until facts has read it: a batch that leads to nothing is not told to it.
                self.unread.insert(path.clone());
            }
            if is_go(path)
                && let Some(new) = source.file(&name)
            {
                broken.extend(new_syntax_errors(old.as_deref(), new));
            }
        }
        self.seen = source.clone();
        for diagnostic in &mut broken {
            diagnostic.file = self.project.shown(Path::new(&diagnostic.file));
        }
        self.note("parse", since);
        if !broken.is_empty() {
            // Go's own parser says best where it fails; what it takes is no error, whatever the grammar thinks.
            if let Some(findings) = self.go_syntax_errors(changed).await {
                broken = self.diagnostics(findings);
            }
        }
        if !broken.is_empty() {
            return Verdict::Failed {
                stage: Stage::Parse,
                diagnostics: broken,
            };
        }
        let since = Instant::now();
        let mut edits = classify::diff(&self.current, &source);
        for edit in &mut edits {
            // A file is named as the user would type it.
            edit.subject = self.project.shown(Path::new(&edit.subject));
        }
        self.note("classify", since);
        let effective = edits
            .iter()
            .any(|edit| !matches!(edit.code, "nothing" | "test"));
        if !effective && !self.has_lost() {
            self.current = source;
            return Verdict::Nothing {
                codes: codes(&edits),
            };
        }
        if let Some(verdict) = self.type_check().await {
            return verdict;
        }
        let actions = match self
            .policy
            .judge(&edits.iter().map(api_edit).collect::<Vec<_>>())
        {
            Ok(actions) => actions,
            Err(error) => return restart("policy", "", error.to_string()),
        };
        match actions.iter().max() {
            None | Some(Action::Nothing) if !self.has_lost() => {
                self.current = source;
                Verdict::Nothing {
                    codes: codes(&edits),
                }
            }
            Some(Action::Restart) => Verdict::Restart {
                reasons: edits
                    .iter()
                    .zip(&actions)
                    .filter(|(_, action)| **action == Action::Restart)
                    .map(|(edit, _)| reason(edit))
                    .collect(),
            },
            _ => self.hot(&edits, &actions, source).await,
        }
    }

    /// Whether a Go file lies in a directory of the program.
    fn is_ours(&self, path: &Path) -> bool {
        self.packages
            .iter()
            .any(|package| path.parent() == Some(package.dir.as_path()))
    }

    /// What Go's parser has against the changed files. None: it cannot be asked.
    async fn go_syntax_errors(&self, changed: &[PathBuf]) -> Option<Vec<crate::facts::Finding>> {
        let files: Vec<&PathBuf> = changed
            .iter()
            .filter(|path| is_go(path) && self.is_ours(path))
            .collect();
        let running = self.running.as_ref()?;
        let updated: Updated = running
            .facts
            .ask(json!({ "do": "update", "files": files }))
            .await
            .ok()?;
        if updated.reload || updated.reloaded {
            return None;
        }
        let mut findings = updated.diagnostics;
        findings.retain(|finding| finding.message.starts_with("syntax error"));
        Some(findings)
    }

    /// Type-checks what changed since it was done last. A verdict: the batch ends here.
    async fn type_check(&mut self) -> Option<Verdict> {
        let since = Instant::now();
        let Some(running) = &self.running else {
            return Some(restart("engine", "", CLOSED));
        };
        let files = &self.unread;
        let updated: Updated = match running
            .facts
            .ask(json!({ "do": "update", "files": files }))
            .await
        {
            Ok(updated) => updated,
            Err(error) => return Some(restart("engine", "", error.to_string())),
        };
        if updated.reload {
            let verdict = self.reload().await;
            self.note("typecheck", since);
            return verdict;
        }
        self.note("typecheck", since);
        self.unread.clear();
        if !updated.diagnostics.is_empty() {
            return Some(Verdict::Failed {
                stage: Stage::Typecheck,
                diagnostics: self.diagnostics(updated.diagnostics),
            });
        }
        self.fresh = !updated.reloaded;
        None
    }

    /// Reads the program anew: which files it is built from may have changed.
    async fn reload(&mut self) -> Option<Verdict> {
        let Some(running) = &self.running else {
            return Some(restart("engine", "", CLOSED));
        };
        let loaded = match running.facts.load(&self.project, self.faulty).await {
            Ok(loaded) => loaded,
            Err(error) => return Some(restart("engine", "", error.to_string())),
        };
        self.unread.clear();
        if !loaded.diagnostics.is_empty() {
            return Some(Verdict::Failed {
                stage: Stage::Typecheck,
                diagnostics: self.diagnostics(loaded.diagnostics),
            });
        }
        self.packages = loaded.packages;
        self.module_files = loaded.watch;
        self.fresh = true;
        None
    }

    /// Whether functions have lost their worker: the next save tries again.
    fn has_lost(&self) -> bool {
        self.running.as_ref().is_some_and(|running| {
            running
                .workers
                .with_table(|table| table.lost().next().is_some())
        })
    }

    /// Splits the functions of a hot batch into those that differ from the running binary and those that equal it again.
    async fn hot(&mut self, edits: &[Edit], actions: &[Action], source: Snapshot) -> Verdict {
        let Some(running) = &self.running else {
            return restart("engine", "", CLOSED);
        };
        let hot = edits
            .iter()
            .zip(actions)
            .filter(|(_, action)| **action == Action::Hot);
        let mut touched: BTreeSet<String> = hot
            .flat_map(|(edit, _)| edit.functions.iter().cloned())
            .collect();
        let moved: BTreeSet<String> = running
            .workers
            .with_table(|table| table.moved().map(|place| place.hosted.id.clone()).collect());
        // What comes back after it was removed is judged like what was edited.
        let hooked = running.workers.with_table(|table| table.hooked().clone());
        let mut asked: BTreeSet<&String> = touched.union(&moved).collect();
        asked.extend(&hooked);
        let answer: Result<Differences, _> = running
            .facts
            .ask(json!({ "do": "differences", "functions": asked }))
            .await;
        let Differences {
            differences,
            missing,
        } = match answer {
            Ok(answer) => answer,
            Err(error) => return restart("engine", "", error.to_string()),
        };
        let meanings: Meanings = differences
            .into_iter()
            .map(|one| (one.id.clone(), one))
            .collect();
        let texts: BTreeSet<String> = classify::diff(&self.baseline, &source)
            .into_iter()
            .flat_map(|edit| edit.functions)
            .collect();
        let mut retired = Vec::new();
        running.workers.with_table(|table| {
            // What has another meaning than it was compiled with is as stale as what was edited.
            for place in table.moved() {
                let id = &place.hosted.id;
                if missing.contains(id) || hosted(id, &meanings).wire != place.hosted.wire {
                    retired.push(place.hosted.wire.clone());
                } else if hosted(id, &meanings).meaning != place.hosted.meaning {
                    touched.insert(id.clone());
                }
            }
            for difference in meanings.values() {
                if difference.wire == difference.id && table.place(&difference.wire).is_none() {
                    touched.insert(difference.id.clone());
                }
            }
            touched.extend(table.lost().map(|place| place.hosted.id.clone()));
            let back = |id: &&String| !missing.contains(*id) && hosted(id, &meanings).wire == **id;
            touched.extend(hooked.iter().filter(back).cloned());
        });
        touched.retain(|id| !missing.contains(id));
        // A worker that runs an edited body besides its own functions is as stale as one that serves it.
        let rebuilt: BTreeSet<String> = running.workers.containing(&touched);
        let rebuilt = rebuilt.difference(&touched).cloned().collect::<Vec<_>>();
        let (functions, same): (Vec<String>, Vec<String>) = touched
            .into_iter()
            .partition(|id| texts.contains(id) || meanings.contains_key(id));
        let reverted: Vec<String> = running.workers.with_table(|table| {
            same.into_iter()
                .filter(|id| table.place(id).is_some() || hooked.contains(id))
                .collect()
        });
        let (along, functions): (Vec<String>, Vec<String>) = functions
            .into_iter()
            .partition(|id| meanings.get(id).is_some_and(|one| one.along));
        let (functions, rebuilt) = if functions.is_empty() && along.is_empty() {
            (rebuilt, Vec::new())
        } else {
            (functions, rebuilt)
        };
        let none = functions.is_empty() && rebuilt.is_empty();
        if none && reverted.is_empty() {
            self.current = source;
            return Verdict::Nothing {
                codes: codes(edits),
            };
        }
        if none {
            self.pending = Some((source, retired));
            return Verdict::Reverted {
                functions: reverted,
            };
        }
        Verdict::Hot(Hot {
            functions,
            reverted: reverted.clone(),
            edits: edits.iter().map(reason).collect(),
            plan: Box::new(Ready {
                source,
                meanings,
                reverted,
                retired,
                rebuilt,
                along,
            }),
        })
    }
}

fn is_go(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "go")
}

fn codes(edits: &[Edit]) -> Vec<String> {
    let codes: BTreeSet<String> = edits.iter().map(|edit| edit.code.to_owned()).collect();
    if codes.is_empty() {
        return vec!["nothing".into()];
    }
    codes.into_iter().collect()
}

fn api_edit(edit: &Edit) -> policy::Edit {
    policy::Edit {
        code: edit.code.into(),
        subject: edit.subject.clone(),
        detail: edit.detail.clone(),
        swappable: edit.swappable,
    }
}
