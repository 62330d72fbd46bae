//! Everything runs at home at native speed; what is edited moves.

use fire_plugin_api::split::{Plan, Program};
use fire_plugin_api::{Error, SplitStrategy, options};

use crate::grouping::{edited, group_by};
use crate::options::NoOptions;

/// The functions of a hot batch share one worker: they were edited together, and one link is
/// cheaper than many.
#[derive(Debug, Clone)]
pub struct OnEdit;

impl OnEdit {
    /// From the plugin's TOML table, which has no keys.
    pub fn new(options: &str) -> Result<Self, Error> {
        options::read::<NoOptions>(options)?;
        Ok(Self)
    }
}

impl SplitStrategy for OnEdit {
    fn initial(&self, _program: &Program) -> Result<Plan, Error> {
        Ok(Plan::default())
    }

    fn on_edit(&self, program: &Program, ids: &[String]) -> Result<Plan, Error> {
        Ok(group_by(edited(program, ids)?, |_| ()))
    }
}
