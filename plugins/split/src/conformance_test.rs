//! What holds for every strategy, and what each does with one little program.

use std::collections::BTreeSet;

use fire_plugin_api::SplitStrategy;
use fire_plugin_api::split::{Function, Plan, Program};

use crate::{OnEdit, PerFunction, PerPackage};

fn function(package: &str, name: &str, unmovable: Option<&str>) -> Function {
    Function {
        id: format!("{package}.{name}"),
        package: package.into(),
        uses: Vec::new(),
        unmovable: unmovable.map(String::from),
    }
}

fn shop() -> Program {
    Program {
        functions: vec![
            function("shop", "Total", None),
            function("shop", "main", Some("main")),
            function("shop/store", "(*Store).Get", None),
            function("shop/store", "Open", None),
        ],
    }
}

fn strategies() -> Vec<Box<dyn SplitStrategy>> {
    vec![
        Box::new(OnEdit::new("").unwrap()),
        Box::new(PerFunction::new("").unwrap()),
        Box::new(PerPackage::new("").unwrap()),
    ]
}

fn groups(plan: &Plan) -> Vec<Vec<&str>> {
    plan.groups
        .iter()
        .map(|group| group.functions.iter().map(String::as_str).collect())
        .collect()
}

fn ids(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_string()).collect()
}

#[test]
fn every_edited_function_is_in_exactly_one_group() {
    let edited = ids(&[
        "shop/store.Open",
        "shop.Total",
        "shop/store.(*Store).Get",
        "shop.Total",
    ]);
    for strategy in strategies() {
        let plan = strategy.on_edit(&shop(), &edited).unwrap();
        let placed: Vec<_> = plan
            .groups
            .iter()
            .flat_map(|group| &group.functions)
            .collect();
        let distinct: BTreeSet<_> = placed.iter().collect();
        assert_eq!(placed.len(), 3);
        assert_eq!(distinct.len(), 3);
        assert!(plan.groups.iter().all(|group| !group.functions.is_empty()));
    }
}

#[test]
fn no_initial_plan_moves_what_cannot_be_moved() {
    for strategy in strategies() {
        let plan = strategy.initial(&shop()).unwrap();
        assert!(!groups(&plan).concat().contains(&"shop.main"));
    }
}

#[test]
fn an_unknown_or_unmovable_function_is_an_error_and_not_a_hole() {
    for strategy in strategies() {
        assert!(strategy.on_edit(&shop(), &ids(&["shop.Gone"])).is_err());
        let error = strategy.on_edit(&shop(), &ids(&["shop.main"])).unwrap_err();
        assert_eq!(error.message, "shop.main cannot be moved: main");
    }
}

#[test]
fn on_edit_moves_nothing_at_first_and_a_batch_together() {
    let strategy = OnEdit::new("").unwrap();
    assert_eq!(strategy.initial(&shop()).unwrap(), Plan::default());
    let plan = strategy
        .on_edit(&shop(), &ids(&["shop/store.Open", "shop.Total"]))
        .unwrap();
    assert_eq!(groups(&plan), [["shop.Total", "shop/store.Open"]]);
    assert!(strategy.on_edit(&shop(), &[]).unwrap().groups.is_empty());
}

#[test]
fn per_function_gives_each_its_own() {
    let plan = PerFunction::new("").unwrap().initial(&shop()).unwrap();
    assert_eq!(
        groups(&plan),
        [
            ["shop.Total"],
            ["shop/store.(*Store).Get"],
            ["shop/store.Open"]
        ]
    );
}

#[test]
fn per_package_groups_by_package() {
    let plan = PerPackage::new("").unwrap().initial(&shop()).unwrap();
    assert_eq!(
        groups(&plan),
        [
            vec!["shop.Total"],
            vec!["shop/store.(*Store).Get", "shop/store.Open"]
        ]
    );
}

#[test]
fn bounds_keep_packages_at_home_until_they_are_edited() {
    let strategy = PerPackage::new("except = [\"shop/store\"]").unwrap();
    assert_eq!(
        groups(&strategy.initial(&shop()).unwrap()),
        [["shop.Total"]]
    );
    let plan = strategy
        .on_edit(&shop(), &ids(&["shop/store.Open"]))
        .unwrap();
    assert_eq!(groups(&plan), [["shop/store.Open"]]);
    let strategy = PerFunction::new("only = [\"shop/store\"]").unwrap();
    assert_eq!(strategy.initial(&shop()).unwrap().groups.len(), 2);
}
