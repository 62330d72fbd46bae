//! A guarded split strategy.

use fire_plugin_api::split::{Plan, Program};
use fire_plugin_api::{Error, SplitStrategy};
use fire_split::OnEdit;

use super::Guarded;

/// Answers with `on-edit`'s plan when the plugin has none that can be followed.
pub struct GuardedSplit(pub Guarded<dyn SplitStrategy>);

const INSTEAD: OnEdit = OnEdit;

impl SplitStrategy for GuardedSplit {
    fn initial(&self, program: &Program) -> Result<Plan, Error> {
        let asked = program.clone();
        self.0
            .call_checked(
                "initial",
                move |plugin| plugin.initial(&asked),
                |plan| plan.check_initial(program),
            )
            .or_else(|error| {
                self.0.watch.instead(&error, "on-edit");
                INSTEAD.initial(program)
            })
    }

    fn on_edit(&self, program: &Program, edited: &[String]) -> Result<Plan, Error> {
        let (asked, ids) = (program.clone(), edited.to_vec());
        self.0
            .call_checked(
                "on_edit",
                move |plugin| plugin.on_edit(&asked, &ids),
                |plan| plan.check_edit(program, edited),
            )
            .or_else(|error| {
                self.0.watch.instead(&error, "on-edit");
                INSTEAD.on_edit(program, edited)
            })
    }
}
