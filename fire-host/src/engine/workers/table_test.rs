//! Places over a session.

use super::*;

fn place(wire: &str, generation: Generation) -> Place {
    let id = wire.split('#').next().unwrap_or_default().to_owned();
    let hosted = Hosted {
        id,
        wire: wire.to_owned(),
        meaning: String::new(),
    };
    Place { generation, hosted }
}

fn moves(places: &[(&str, Generation)]) -> Turn {
    let moves = places.iter().map(|(wire, n)| place(wire, *n)).collect();
    Turn {
        moves,
        ..Turn::default()
    }
}

fn wires(list: &[&str]) -> Vec<String> {
    list.iter().map(|wire| (*wire).to_owned()).collect()
}

fn table(turns: &[Turn]) -> Table {
    let mut table = Table::default();
    for turn in turns {
        table.turn(turn);
    }
    table
}

fn generation(table: &Table, wire: &str) -> Option<Generation> {
    table.place(wire).map(|place| place.generation)
}

#[test]
fn a_worker_that_ends_gives_its_functions_to_the_generation_before() {
    let mut table = table(&[moves(&[("a.F", 1), ("a.G", 1)]), moves(&[("a.F", 2)])]);
    assert_eq!(table.forget(2, true), moves(&[("a.F", 1)]));
    assert_eq!(generation(&table, "a.F"), Some(1));
    assert_eq!(table.lost_with(2), [place("a.F", 2)]);
    let turn = table.forget(1, true);
    assert_eq!(
        (turn.moves.len(), turn.reverted),
        (0, wires(&["a.F", "a.G"]))
    );
    assert_eq!(generation(&table, "a.F"), None);
}

#[test]
fn a_function_that_was_native_in_between_goes_back_to_native() {
    let revert = Turn {
        reverted: wires(&["a.F"]),
        ..Turn::default()
    };
    let mut table = table(&[moves(&[("a.F", 1)]), revert, moves(&[("a.F", 2)])]);
    assert_eq!(table.forget(2, true).reverted, ["a.F"]);
}

#[test]
fn the_last_turn_can_be_taken_back_once() {
    let mut both = moves(&[("a.F", 2), ("a.H", 2), ("a.N#1", 2)]);
    both.reverted = wires(&["a.G"]);
    let mut table = table(&[moves(&[("a.F", 1), ("a.G", 1)]), both]);
    assert_eq!(table.kept(), BTreeSet::from([1]));
    let undo = table.undo().unwrap();
    assert_eq!(undo.moves, [place("a.F", 1), place("a.G", 1)]);
    assert_eq!(
        (&undo.reverted, &undo.retired),
        (&wires(&["a.H"]), &wires(&["a.N#1"]))
    );
    table.turn_back(&undo);
    assert_eq!(generation(&table, "a.G"), Some(1));
    assert_eq!((table.undo(), table.serves(2)), (None, false));
}

#[test]
fn what_has_been_removed_keeps_its_last_code_for_a_while() {
    let mut table = table(&[moves(&[("a.F", 1)])]);
    let retire = |wire: &str| Turn {
        retired: wires(&[wire]),
        ..Turn::default()
    };
    table.turn(&retire("a.F"));
    assert!(!table.serves(1));
    assert_eq!(*table.hooked(), BTreeSet::from(["a.F".to_owned()]));
    table.settle();
    assert_eq!(table.kept(), BTreeSet::from([1]));
    for n in 2..7 {
        let wire = format!("a.F{n}");
        table.turn(&moves(&[(&wire, n)]));
        table.turn(&retire(&wire));
    }
    table.settle();
    assert_eq!(table.kept(), BTreeSet::from([3, 4, 5, 6]));
}

#[test]
fn a_turn_takes_a_function_off_the_lost_ones() {
    let mut table = table(&[moves(&[("a.F", 1), ("a.G", 1)])]);
    table.forget(1, true);
    table.turn(&moves(&[("a.F", 2)]));
    assert_eq!(table.lost_with(1), [place("a.G", 1)]);
}
