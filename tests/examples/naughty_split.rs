//! A split strategy that moves everything, each function to a worker of its own, and fails as its option says.

#[path = "naughty_ways/ways.rs"]
mod ways;

use fire_plugin_api::split::{Group, Plan, Program};
use fire_plugin_api::{Error, SplitStrategy, options};
use ways::Ways;

struct Naughty(Ways);

impl Naughty {
    fn plan(&self, call: &str, program: &Program, ids: &[String]) -> Plan {
        let mut groups: Vec<Vec<String>> = ids.iter().map(|id| vec![id.clone()]).collect();
        match self.0.way(call) {
            Some("invents") => groups.push(vec!["no.Such".to_owned()]),
            Some("misses") => drop(groups.pop()),
            Some("repeats") => groups.extend_from_within(..1),
            Some("moves the unmovable") => {
                let functions = program.functions.iter();
                let stuck = functions.filter(|one| one.unmovable.is_some());
                groups.extend(stuck.map(|one| vec![one.id.clone()]));
            }
            _ => {}
        }
        let groups = groups.into_iter().map(|functions| Group { functions });
        Plan {
            groups: groups.collect(),
        }
    }
}

impl SplitStrategy for Naughty {
    fn initial(&self, program: &Program) -> Result<Plan, Error> {
        self.0.at("initial")?;
        let movable = program
            .functions
            .iter()
            .filter(|one| one.unmovable.is_none());
        let ids: Vec<String> = movable.map(|one| one.id.clone()).collect();
        Ok(self.plan("initial", program, &ids))
    }

    fn on_edit(&self, program: &Program, edited: &[String]) -> Result<Plan, Error> {
        self.0.at("on_edit")?;
        Ok(self.plan("on_edit", program, edited))
    }
}

fire_plugin_api::export_split!("naughty-split", |text| {
    let ways: Ways = options::read(text)?;
    ways.at("new")?;
    Ok(Naughty(ways))
});
