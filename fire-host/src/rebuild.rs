//! Builds the app again when nothing has changed but what the compiler reads of the user's packages.
//!
//! Theory of operation. `go build` decides what must be done and then does it; where it has decided a minute ago, and
//! nothing that it decides by has changed, the deciding is two thirds of a restart. So after a build by the go command
//! fire asks for its commands (`go build -n`), beside the running app, and keeps them: a [`Recipe`]. A later build runs
//! the compiler for the packages whose text differs and for those that import what now exports something else, and the
//! linker, with the go command's own arguments.
//!
//! | state | means | leaves it by |
//! | --- | --- | --- |
//! | `Nothing` | the go command must build | a build by it that succeeds |
//! | `Fresh` | it has built | `learn`: its commands are asked for |
//! | `Learning` | they are being asked for | `settle`: the next build waits for the answer |
//! | `Known` | the next build can do without it | anything that is not as it was |
//!
//! Invariant: whatever is not understood, missing, of another shape or fails is built by the go command, whose word on errors
//! is the one that the user reads. Never writes outside of its directory and the binary.

mod archive;
mod recipe;
mod script;

use std::path::{Path, PathBuf};

use tokio::task::JoinHandle;

use crate::build::{self, BuildError};
use crate::project::Project;
use crate::supervise::Guard;
use crate::swap::HomeBuild;
use recipe::Recipe;

/// Builds of one app.
#[derive(Debug)]
pub struct Builder {
    directory: PathBuf,
    state: State,
}

#[derive(Debug)]
enum State {
    Nothing,
    Fresh(HomeBuild),
    Learning(JoinHandle<Option<Recipe>>),
    Known(Recipe),
}

/// Whether something besides the user's Go source may have changed since the last build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Changed {
    /// Go source of the main modules.
    Source,
    /// Who knows.
    Anything,
}

impl Builder {
    /// Keeps what it makes in this directory.
    pub fn new(directory: PathBuf) -> Self {
        Self {
            directory,
            state: State::Nothing,
        }
    }

    /// Before the overlay is written anew: lets an asking under way come to its end, as it is about what the overlay holds.
    pub async fn settle(&mut self, changed: Changed) {
        if changed == Changed::Anything {
            self.forget();
        } else if let State::Learning(task) = &mut self.state {
            let learnt = task.await.ok().flatten();
            self.state = learnt.map_or(State::Nothing, State::Known);
        }
    }

    /// Builds the app into `binary`, after [`Self::settle`]. May be dropped at any await.
    pub async fn build(
        &mut self,
        project: &Project,
        home: &HomeBuild,
        binary: &Path,
        guard: &Guard,
    ) -> Result<(), BuildError> {
        let recipe = match std::mem::replace(&mut self.state, State::Nothing) {
            State::Known(recipe) => Some(recipe),
            _ => None,
        };
        if let Some(mut recipe) = recipe {
            let built = recipe.build(&self.directory, project, home, binary, guard);
            match built.await {
                Ok(()) => {
                    self.state = State::Known(recipe);
                    return Ok(());
                }
                Err(why) => tracing::debug!(why, "the go command builds"),
            }
        }
        build::build(project, home, binary, guard).await?;
        self.state = State::Fresh(home.clone());
        Ok(())
    }

    /// After a build and beside what runs: finds out how the next one can be made.
    pub fn learn(&mut self, project: &Project, guard: &Guard) {
        let home = match std::mem::replace(&mut self.state, State::Nothing) {
            State::Fresh(home) => home,
            other => {
                self.state = other;
                return;
            }
        };
        // What older recipes have left.
        let _ = std::fs::remove_dir_all(&self.directory);
        let (project, guard) = (project.clone(), guard.clone());
        let binary = self.directory.join("program");
        self.state = State::Learning(tokio::spawn(async move {
            Recipe::learn(&project, home, &binary, &guard).await
        }));
    }

    /// The app is being built in another way: nothing is known any more.
    pub fn forget(&mut self) {
        if let State::Learning(task) = std::mem::replace(&mut self.state, State::Nothing) {
            task.abort();
        }
    }

    /// What it has made is of no use any more.
    pub fn close(&mut self) {
        self.forget();
        // What cannot be removed is overwritten by the next fire.
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

impl Drop for Builder {
    fn drop(&mut self) {
        self.close();
    }
}
