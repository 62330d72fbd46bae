//! Every package in a process of its own, from the start.

use fire_plugin_api::split::{Plan, Program};
use fire_plugin_api::{Error, SplitStrategy, options};

use crate::grouping::{edited, group_by, movable};
use crate::options::Options;

/// One worker for the movable functions of each package.
#[derive(Debug, Clone)]
pub struct PerPackage {
    options: Options,
}

impl PerPackage {
    /// From the plugin's TOML table.
    pub fn new(options: &str) -> Result<Self, Error> {
        Ok(Self {
            options: options::read(options)?,
        })
    }
}

impl SplitStrategy for PerPackage {
    fn initial(&self, program: &Program) -> Result<Plan, Error> {
        let moved = movable(program).filter(|function| self.options.admit(function));
        Ok(group_by(moved, |function| function.package.as_str()))
    }

    fn on_edit(&self, program: &Program, ids: &[String]) -> Result<Plan, Error> {
        Ok(group_by(edited(program, ids)?, |function| {
            function.package.as_str()
        }))
    }
}
