//! `in-company`: a split strategy for fire. What is edited together moves together, with what it uses.

use fire_plugin_api::split::{Group, Plan, Program};
use fire_plugin_api::{Error, SplitStrategy, options};

struct InCompany;

impl SplitStrategy for InCompany {
    fn initial(&self, _: &Program) -> Result<Plan, Error> {
        Ok(Plan::default())
    }

    fn on_edit(&self, program: &Program, edited: &[String]) -> Result<Plan, Error> {
        let moves_with = |id: &String| {
            let mut users = program.functions.iter().filter(|f| edited.contains(&f.id));
            edited.contains(id) || users.any(|user| user.uses.contains(id))
        };
        let functions = program
            .functions
            .iter()
            .filter(|function| function.unmovable.is_none() && moves_with(&function.id))
            .map(|function| function.id.clone())
            .collect();
        let groups = vec![Group { functions }];
        Ok(Plan { groups })
    }
}

fire_plugin_api::export_split!("in-company", |text| options::none(text).map(|()| InCompany));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_conforms() {
        fire_plugin_api::conformance::split(&InCompany).assert();
    }
}
