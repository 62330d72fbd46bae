//! Answers that need a new binary: how it is built, and where it lies.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use super::super::around::shell;
use super::{Answerer, Finding, Start, explained, tell_degraded};
use crate::build::{BuildError, build, shown, unplaced};
use crate::clock::whole_ms;
use crate::event::Level;
use crate::rebuild::Changed;
use crate::swap::{Degraded, Diagnostic, HomeBuild, PrepareError, Reason, Stage};

impl Answerer {
    /// Builds the app as it is now.
    pub(super) async fn build(&mut self, reasons: Vec<Reason>) -> Finding {
        self.explanation = reasons.iter().map(explained).collect();
        if self.build == 0 {
            // A first build may take minutes: libraries are compiled too.
            let project = &self.settings.project;
            let text = format!(
                "building {} with {}",
                program_name(project),
                project.toolchain.version
            );
            self.outlet.note(Level::Say, text, None);
        }
        for command in &self.settings.around.before {
            if let Err(diagnostic) = shell(command, &self.settings.project, &self.guard).await {
                return Finding::Failed(Stage::Build, vec![diagnostic]);
            }
        }
        let changed = if !reasons.is_empty() && reasons.iter().all(is_of_source) {
            Changed::Source
        } else {
            Changed::Anything
        };
        self.builder.settle(changed).await;
        let (mut degraded, mut stage) = (None, Stage::Build);
        let mut stages = BTreeMap::new();
        let begun = Instant::now();
        let prepared = match &mut self.swapper {
            None => None,
            Some(swapper) => match swapper.prepare_home().await {
                Ok(home) => {
                    for directory in swapper.leftovers() {
                        self.guard.sweep(&directory);
                    }
                    Some(home)
                }
                Err(PrepareError::Source {
                    diagnostics,
                    stage: at,
                }) => {
                    stage = at;
                    // The compiler has the last word, and its own wording.
                    let first = diagnostics.first().map(shown).unwrap_or_default();
                    degraded = Some(Degraded {
                        message: format!("fire sees an error where Go sees none: {first}"),
                        hint: None,
                    });
                    None
                }
                Err(PrepareError::Engine(error)) => {
                    degraded = Some(error);
                    None
                }
            },
        };
        stages.insert("instrument".to_owned(), whole_ms(begun.elapsed()));
        // A margin for file systems whose clock is behind.
        self.build_began = SystemTime::now() - Duration::from_millis(20);
        let binary = match self.next_binary() {
            Ok(binary) => binary,
            Err(error) => {
                let text = format!("{} cannot be written: {error}", self.binaries().display());
                return Finding::Failed(Stage::Build, vec![unplaced(text)]);
            }
        };
        let begun = Instant::now();
        match self.build_as(prepared, &binary).await {
            Ok(instrumented) => {
                stages.insert("build".to_owned(), whole_ms(begun.elapsed()));
                // Of interest only in a program that builds.
                if let Some(degraded) = degraded {
                    tell_degraded(&self.outlet, degraded);
                }
                for command in &self.settings.around.after {
                    let ran = shell(command, &self.settings.project, &self.guard).await;
                    if let Err(diagnostic) = ran {
                        return Finding::Failed(Stage::Build, vec![diagnostic]);
                    }
                }
                Finding::Start(Start {
                    binary,
                    reasons,
                    instrumented,
                    stages,
                })
            }
            Err(error) => {
                let diagnostics = error.diagnostics();
                let is_syntax = |found: &Diagnostic| found.message.starts_with("syntax error");
                if diagnostics.iter().any(is_syntax) {
                    stage = Stage::Parse;
                }
                Finding::Failed(stage, diagnostics)
            }
        }
    }

    /// Builds with instrumentation if there is any. When that is what fails, without: a program that
    /// Go builds must run. Tells whether the binary is instrumented.
    async fn build_as(
        &mut self,
        prepared: Option<HomeBuild>,
        binary: &Path,
    ) -> Result<bool, BuildError> {
        let project = &self.settings.project;
        let Some(home) = prepared else {
            self.builder.forget();
            build(project, &HomeBuild::default(), binary, &self.guard).await?;
            return Ok(false);
        };
        let built = self
            .builder
            .build(project, &home, binary, &self.guard)
            .await;
        let Err(error) = built else { return Ok(true) };
        build(project, &HomeBuild::default(), binary, &self.guard).await?;
        let diagnostics = error.diagnostics();
        let swapper = self.swapper.as_ref();
        let blamed = swapper.and_then(|swapper| swapper.blamed(&diagnostics));
        let degraded = blamed.unwrap_or_else(|| Degraded {
            message: format!(
                "the program builds, but not with fire's part in it: {}",
                diagnostics.first().map(shown).unwrap_or_default()
            ),
            hint: None,
        });
        tell_degraded(&self.outlet, degraded);
        Ok(false)
    }

    pub(super) fn binaries(&self) -> PathBuf {
        let app = self.settings.project.app.as_deref().unwrap_or("main");
        self.settings.project.state.join("bin").join(app)
    }

    fn next_binary(&mut self) -> std::io::Result<PathBuf> {
        self.build += 1;
        let directory = self.binaries().join(self.build.to_string());
        std::fs::create_dir_all(&directory)?;
        Ok(directory.join(program_name(&self.settings.project)))
    }

    pub(super) fn remove_other_binaries(&self, kept: &Path) {
        let Ok(entries) = std::fs::read_dir(self.binaries()) else {
            return;
        };
        for entry in entries.flatten() {
            if !kept.starts_with(entry.path()) {
                // What cannot be removed now is removed at the next start.
                let _ = std::fs::remove_dir_all(entry.path());
            }
        }
    }
}

/// Whether a reason is about Go source of the main modules, and about nothing that the go command would have to find out.
fn is_of_source(reason: &Reason) -> bool {
    const CODES: [&str; 16] = [
        "added-unused",
        "added-used",
        "body",
        "const",
        "init",
        "method-body",
        "method-signature",
        "nothing",
        "removed-unused",
        "removed-used",
        "renamed",
        "signature",
        "struct",
        "type",
        "unmovable-body",
        "var",
    ];
    CODES.contains(&reason.code.as_str())
}

/// What the binary is called: the app sees it as its own name.
fn program_name(project: &crate::project::Project) -> String {
    let package = project.packages.first().map_or(".", String::as_str);
    let named = Path::new(package.trim_end_matches(".go"))
        .file_name()
        .and_then(|name| name.to_str())
        .filter(|name| !name.is_empty());
    let root = project.root.file_name().and_then(|name| name.to_str());
    named.or(root).unwrap_or("app").to_owned()
}
