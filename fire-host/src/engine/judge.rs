//! From changed files to a verdict, and from a hot verdict to new code in place.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Instant;

use fire_plugin_api::policy::{self, Action};
use fire_plugin_api::split::{Plan, Program};
use serde_json::json;

use super::{Engine, PATIENCE, fallback};
use crate::classify::{self, Edit};
use crate::control::Awaited;
use crate::engine::workers::Made;
use crate::facts::{Functions, Shadow, Updated};
use crate::source::{Snapshot, new_syntax_errors};
use crate::swap::{Diagnostic, Fallback, Hot, Reason, Stage, Swapped, Verdict};

/// What a hot verdict carries to the swap.
struct Ready {
    source: Snapshot,
    /// Moved functions that are built anew because their workers hold an edited function's body.
    rebuilt: Vec<String>,
}

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
        let since = Instant::now();
        let mut source = self.current.clone();
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
        if !effective {
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
            None | Some(Action::Nothing) => {
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
            Some(Action::Hot) => self.hot(&edits, &actions, source),
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
            return Some(restart("engine", "", "the swap engine is closed"));
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
            return Some(restart("engine", "", "the swap engine is closed"));
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

    /// Splits the functions of a hot batch into those that differ from the running binary and those that equal it again.
    fn hot(&mut self, edits: &[Edit], actions: &[Action], source: Snapshot) -> Verdict {
        let touched: BTreeSet<String> = edits
            .iter()
            .zip(actions)
            .filter(|(_, action)| **action == Action::Hot)
            .flat_map(|(edit, _)| edit.functions.iter().cloned())
            .collect();
        let differs: BTreeSet<String> = classify::diff(&self.baseline, &source)
            .into_iter()
            .flat_map(|edit| edit.functions)
            .collect();
        let (functions, reverted): (Vec<String>, Vec<String>) =
            touched.iter().cloned().partition(|id| differs.contains(id));
        let moved = self
            .running
            .as_ref()
            .map(|running| running.workers.moved())
            .unwrap_or_default();
        let rebuilt: Vec<String> = self
            .running
            .as_ref()
            .map(|running| running.workers.containing(&touched))
            .unwrap_or_default()
            .into_iter()
            .filter(|id| !touched.contains(id))
            .collect();
        let reverted: Vec<String> = reverted
            .into_iter()
            .filter(|id| moved.contains_key(id))
            .collect();
        let (functions, rebuilt) = if functions.is_empty() {
            (rebuilt, Vec::new())
        } else {
            (functions, rebuilt)
        };
        if functions.is_empty() {
            self.current = source;
            return if reverted.is_empty() {
                Verdict::Nothing {
                    codes: codes(edits),
                }
            } else {
                Verdict::Reverted {
                    functions: reverted,
                }
            };
        }
        Verdict::Hot(Hot {
            functions,
            reverted,
            edits: edits.iter().map(reason).collect(),
            plan: Box::new(Ready { source, rebuilt }),
        })
    }

    pub(super) async fn swapped(&mut self, hot: Hot) -> Result<Swapped, Fallback> {
        let Ok(ready) = hot.plan.downcast::<Ready>() else {
            return Err(fallback("engine", "", "the plan is another engine's"));
        };
        let mut built = hot.functions.clone();
        built.extend(ready.rebuilt.iter().cloned());
        let plan = self.plan(&built).await?;
        let compiler = self
            .compiler()
            .await
            .map_err(|error| fallback("compile", "", error))?;
        let mut made = Vec::new();
        for group in &plan.groups {
            made.push(self.make(&compiler, &group.functions).await?);
        }
        let since = Instant::now();
        let transport = self.transport.clone();
        let Some(running) = &mut self.running else {
            return Err(fallback("engine", "", "the swap engine is closed"));
        };
        let begun = tokio::time::timeout(PATIENCE, running.control.wait(Awaited::Begun)).await;
        if !matches!(begun, Ok(Some(Ok(())))) {
            return Err(fallback(
                "start",
                "",
                "the program's main has not begun yet",
            ));
        }
        let mut moves = Vec::new();
        for one in made {
            moves.push(
                running
                    .workers
                    .start(one, transport.as_ref(), running.directory.path())
                    .await?,
            );
        }
        self.stages
            .insert("start".into(), super::milliseconds(since));
        let since = Instant::now();
        let Some(running) = &mut self.running else {
            return Err(fallback("engine", "", "the swap engine is closed"));
        };
        running.workers.commit(&moves, &hot.reverted).await?;
        self.note("commit", since);
        self.current = ready.source;
        let last = moves.last().map_or(0, |one| one.generation);
        let running = self.running.as_ref();
        Ok(Swapped {
            functions: hot.functions,
            generation: last,
            worker_pid: running
                .and_then(|running| running.workers.pid(last))
                .unwrap_or(0),
            stages: self.stages.clone(),
        })
    }

    /// Asks the split strategy where the functions go.
    async fn plan(&mut self, functions: &[String]) -> Result<Plan, Fallback> {
        let program = self
            .program(functions)
            .await
            .map_err(|error| fallback("split", "", error))?;
        let plan = self
            .split
            .on_edit(&program, functions)
            .map_err(|error| fallback("split", "", error.to_string()))?;
        let mut seen = BTreeSet::new();
        let planned = plan
            .groups
            .iter()
            .flat_map(|group| &group.functions)
            .all(|id| seen.insert(id.clone()));
        if !planned || functions.iter().any(|id| !seen.contains(id)) {
            return Err(fallback(
                "split",
                "",
                "the split strategy's plan does not hold every edited function once",
            ));
        }
        Ok(plan)
    }

    /// The program as strategies see it. The default strategy looks at nothing but the edited functions.
    async fn program(&self, edited: &[String]) -> Result<Program, String> {
        if self.moves_on_edit() {
            return Ok(Program {
                functions: edited.iter().map(|id| bare(id)).collect(),
            });
        }
        let Some(running) = &self.running else {
            return Err("the swap engine is closed".into());
        };
        let list: Functions = running
            .facts
            .ask(json!({ "do": "functions" }))
            .await
            .map_err(|error| error.to_string())?;
        Ok(Program {
            functions: list.functions.iter().map(api_function).collect(),
        })
    }

    /// Shadows, compiles and links one worker.
    async fn make(
        &mut self,
        compiler: &crate::compile::Compiler,
        functions: &[String],
    ) -> Result<Made, Fallback> {
        let since = Instant::now();
        let Some(running) = &mut self.running else {
            return Err(fallback("engine", "", "the swap engine is closed"));
        };
        let generation = running.workers.next_generation();
        let out = self
            .project
            .own_state()
            .join("shadow")
            .join(generation.to_string());
        let shadow: Shadow = running
            .facts
            .ask(json!({ "do": "shadow", "out": out, "functions": functions, "generation": generation }))
            .await
            .map_err(|error| fallback("engine", "", error.to_string()))?;
        if let Some(refused) = shadow.refused {
            return Err(fallback(
                "unmovable-body",
                &refused.function,
                format!("{} ({})", refused.detail, refused.code),
            ));
        }
        let binary = running
            .directory
            .path()
            .join(format!("worker-{generation}"));
        self.note("shadow", since);
        let since = Instant::now();
        let subject = functions.join(", ");
        compiler
            .compile(&shadow.packages)
            .await
            .map_err(|error| fallback("compile", &subject, error.to_string()))?;
        self.note("compile", since);
        let since = Instant::now();
        compiler
            .link(&shadow.packages, &binary)
            .await
            .map_err(|error| fallback("compile", &subject, error.to_string()))?;
        self.note("link", since);
        if !tracing::enabled!(tracing::Level::DEBUG) {
            // Of use only to whoever looks for a defect of fire.
            let _ = std::fs::remove_dir_all(&out);
        }
        Ok(Made {
            generation,
            functions: functions.to_vec(),
            contains: shadow.contains,
            baseline: false,
            binary,
        })
    }

    pub(super) async fn reverted(&mut self, functions: &[String]) -> Result<(), Fallback> {
        let Some(running) = &mut self.running else {
            return Err(fallback("engine", "", "the swap engine is closed"));
        };
        running.workers.commit(&[], functions).await
    }
}

/// A function as strategies see it.
pub(super) fn api_function(function: &crate::facts::Function) -> fire_plugin_api::split::Function {
    fire_plugin_api::split::Function {
        id: function.id.clone(),
        package: function.package.clone(),
        uses: function.uses.clone(),
        unmovable: function.reason.clone(),
    }
}

/// A function of which only the id matters.
fn bare(id: &str) -> fire_plugin_api::split::Function {
    fire_plugin_api::split::Function {
        id: id.into(),
        package: String::new(),
        uses: Vec::new(),
        unmovable: None,
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
