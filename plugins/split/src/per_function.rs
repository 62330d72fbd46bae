//! Every function in a process of its own, from the start.

use fire_plugin_api::split::{Plan, Program};
use fire_plugin_api::{Error, SplitStrategy, options};

use crate::grouping::{edited, group_by, movable};
use crate::options::Options;

/// One worker for each movable function.
#[derive(Debug, Clone)]
pub struct PerFunction {
    options: Options,
}

impl PerFunction {
    /// From the plugin's TOML table.
    pub fn new(options: &str) -> Result<Self, Error> {
        Ok(Self {
            options: options::read(options)?,
        })
    }
}

impl SplitStrategy for PerFunction {
    fn initial(&self, program: &Program) -> Result<Plan, Error> {
        let moved = movable(program).filter(|function| self.options.admit(function));
        Ok(group_by(moved, |function| function.id.as_str()))
    }

    fn on_edit(&self, program: &Program, ids: &[String]) -> Result<Plan, Error> {
        Ok(group_by(edited(program, ids)?, |function| {
            function.id.as_str()
        }))
    }
}
