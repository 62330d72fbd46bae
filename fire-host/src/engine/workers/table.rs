//! Where the calls of every function go, and what is left of each generation. Pure: no processes, no clock.
//!
//! A function goes by its name on the wire: its id, or for one that the running binary does not hold, its id and
//! its signature. What has no entry runs natively.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::control::{Generation, Move};

/// How many generations are kept for the sake of functions that have been removed or have got another signature:
/// frames that are older than that may still call them.
const RETIRED: usize = 4;

/// A function as a worker hosts it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hosted {
    /// What the user calls it.
    pub id: String,
    /// What home calls it.
    pub wire: String,
    /// What its names stood for when it was compiled; empty: what they stand for in the running binary.
    pub meaning: String,
}

impl Hosted {
    /// Whether the running binary does not hold it.
    pub fn is_added(&self) -> bool {
        self.id != self.wire
    }
}

/// A code that a function's calls can go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The worker's.
    pub generation: Generation,
    /// The function in it.
    pub hosted: Hosted,
}

/// A change of places, all at once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Turn {
    /// Functions that go to a generation.
    pub moves: Vec<Place>,
    /// Functions on the wire that run natively again.
    pub reverted: Vec<String>,
    /// Functions on the wire that the source does not hold any more.
    pub retired: Vec<String>,
}

impl Turn {
    /// The moves as home is told of them.
    pub fn told(&self, baseline: impl Fn(Generation) -> bool) -> Vec<Move> {
        let mut by_generation: BTreeMap<Generation, Vec<String>> = BTreeMap::new();
        for place in &self.moves {
            by_generation
                .entry(place.generation)
                .or_default()
                .push(place.hosted.wire.clone());
        }
        by_generation
            .into_iter()
            .map(|(generation, functions)| Move {
                generation,
                functions,
                baseline: baseline(generation),
            })
            .collect()
    }

    fn touched(&self) -> impl Iterator<Item = &String> {
        self.moves
            .iter()
            .map(|place| &place.hosted.wire)
            .chain(&self.reverted)
            .chain(&self.retired)
    }
}

/// All places.
#[derive(Debug, Clone, Default)]
pub struct Table {
    /// Newest last. Never empty, and every worker in it lives.
    places: BTreeMap<String, Vec<Place>>,
    /// What the last turn changed: where the functions were before. None: natively.
    before: BTreeMap<String, Option<Place>>,
    /// Functions whose worker has ended by itself, and not been replaced.
    lost: BTreeMap<String, Place>,
    retired: VecDeque<Generation>,
    /// Retired functions that the running binary holds: home still leads their calls to their last code.
    hooked: BTreeSet<String>,
}

impl Table {
    /// Where the calls of a function go. None: natively.
    pub fn place(&self, wire: &str) -> Option<&Place> {
        self.places.get(wire).and_then(|list| list.last())
    }

    /// Every function that does not run natively.
    pub fn moved(&self) -> impl Iterator<Item = &Place> {
        self.places.values().filter_map(|list| list.last())
    }

    /// Functions whose worker has ended by itself.
    pub fn lost(&self) -> impl Iterator<Item = &Place> {
        self.lost.values()
    }

    /// Functions that were removed or had got another signature, and whose calls do not run natively for all that: if
    /// they come back, they must be told where to go.
    pub fn hooked(&self) -> &BTreeSet<String> {
        &self.hooked
    }

    /// Carries out a turn that home has committed.
    pub fn turn(&mut self, turn: &Turn) {
        let before = turn.touched().map(|wire| {
            let place = self.place(wire).cloned();
            (wire.clone(), place)
        });
        self.before = before.collect();
        self.change(turn);
    }

    /// Carries out the turn that takes the last one back.
    pub fn turn_back(&mut self, turn: &Turn) {
        self.before.clear();
        self.change(turn);
    }

    /// Carries out a turn that is no batch: the last one can be taken back as before.
    pub fn turn_again(&mut self, turn: &Turn) {
        self.change(turn);
    }

    fn change(&mut self, turn: &Turn) {
        for wire in turn.touched() {
            self.lost.remove(wire);
            self.hooked.remove(wire);
        }
        for wire in &turn.retired {
            let held = self
                .place(wire)
                .is_some_and(|place| !place.hosted.is_added());
            if held {
                self.hooked.insert(wire.clone());
            }
            if let Some(place) = self.places.remove(wire).and_then(|mut list| list.pop()) {
                self.retired.retain(|one| *one != place.generation);
                self.retired.push_back(place.generation);
            }
        }
        while self.retired.len() > RETIRED {
            self.retired.pop_front();
        }
        for wire in &turn.reverted {
            self.places.remove(wire);
        }
        for place in &turn.moves {
            let list = self.places.entry(place.hosted.wire.clone()).or_default();
            list.retain(|one| one.generation < place.generation);
            list.push(place.clone());
        }
    }

    /// The turn that takes the last one back. None: there is nothing to take back.
    pub fn undo(&self) -> Option<Turn> {
        let mut turn = Turn::default();
        for (wire, place) in &self.before {
            match (place, self.place(wire)) {
                (Some(before), now) if now != Some(before) => turn.moves.push(before.clone()),
                (None, Some(now)) if now.hosted.is_added() => turn.retired.push(wire.clone()),
                (None, Some(_)) => turn.reverted.push(wire.clone()),
                _ => {}
            }
        }
        (turn != Turn::default()).then_some(turn)
    }

    /// Nothing can be taken back any more.
    pub fn settle(&mut self) {
        self.before.clear();
    }

    /// A worker is gone. Gives the turn by which its functions go to the generation before it.
    pub fn forget(&mut self, generation: Generation, by_itself: bool) -> Turn {
        let mut turn = Turn::default();
        for (wire, list) in &mut self.places {
            let Some(place) = list
                .last()
                .filter(|top| top.generation == generation)
                .cloned()
            else {
                continue;
            };
            list.retain(|one| one.generation != generation);
            match list.last() {
                Some(before) => turn.moves.push(before.clone()),
                None => turn.reverted.push(wire.clone()),
            }
            if by_itself {
                self.lost.insert(wire.clone(), place);
            }
        }
        for list in self.places.values_mut() {
            list.retain(|one| one.generation != generation);
        }
        self.places.retain(|_, list| !list.is_empty());
        for place in self.before.values_mut() {
            place.take_if(|place| place.generation == generation);
        }
        self.retired.retain(|one| *one != generation);
        turn
    }

    /// What a generation that has ended by itself could serve again.
    pub fn lost_with(&self, generation: Generation) -> Vec<Place> {
        let own = self
            .lost
            .values()
            .filter(|place| place.generation == generation);
        own.cloned().collect()
    }

    /// Whether calls go to a generation.
    pub fn serves(&self, generation: Generation) -> bool {
        self.moved().any(|place| place.generation == generation)
    }

    /// Generations that must live though no call goes to them: the last turn can be taken back, and old frames may
    /// call what has been removed.
    pub fn kept(&self) -> BTreeSet<Generation> {
        let before = self.before.values().flatten().map(|place| place.generation);
        before.chain(self.retired.iter().copied()).collect()
    }
}

#[cfg(test)]
#[path = "table_test.rs"]
mod table_test;
