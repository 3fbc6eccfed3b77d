//! A graph laid out for a drawing, in layers (Sugiyama, Tagawa and Toda, 1981): thunks in columns from left to right, each right of
//! all it needs; within a column near what they need and what needs them. An arrow that passes columns has a place of its own in
//! each, so that it crosses no thunk; arrows of one thunk go together as far as they can.

use std::collections::{BTreeMap, BTreeSet};

use crate::graph::Graph;
use crate::thunk::{Thunk, ThunkId};

/// Where the thunks of a graph go.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Layout {
    /// The columns; in each the thunks and the arrows that pass, from top to bottom.
    pub columns: Vec<Vec<Cell>>,
}

/// A thunk in a column, or the arrows of one that pass it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cell {
    /// Which thunk.
    pub thunk: ThunkId,
    /// Its arrows pass; it is in a column before.
    pub passes: bool,
    /// How far down, in rows; at least 0. There is a row between two thunks, and less beside what passes.
    pub row: f64,
}

impl Layout {
    /// Lays out a graph; none if it is too large to be looked at.
    pub fn of(graph: &Graph) -> Option<Self> {
        let columns = columns(graph);
        // How far to the right each is needed.
        let mut needed_at = columns.clone();
        for (id, thunk) in graph.iter() {
            for (needed, _) in thunk.references() {
                let furthest = needed_at.entry(needed).or_default();
                *furthest = columns[&id].max(*furthest);
            }
        }
        let passing = |id: &ThunkId| needed_at[id].saturating_sub(columns[id] + 1);
        if columns.len() + columns.keys().map(passing).sum::<usize>() > MOST_CELLS {
            return None;
        }
        let mut layout = Self { columns: vec![Vec::new(); columns.values().max().map_or(0, |last| last + 1)] };
        for id in in_order(graph) {
            for column in columns[&id]..needed_at[&id].max(columns[&id] + 1) {
                let row = layout.columns[column].len() as f64;
                layout.columns[column].push(Cell { thunk: id, passes: column > columns[&id], row });
            }
        }
        layout.settle(graph);
        Some(layout)
    }

    /// Moves each cell to where those are that it is connected with, looking left and right by turns.
    fn settle(&mut self, graph: &Graph) {
        let count = self.columns.len();
        for _ in 0..ROUNDS {
            (1..count).for_each(|column| self.settle_column(graph, column, column - 1));
            (1..count).rev().for_each(|column| self.settle_column(graph, column - 1, column));
        }
        let least = self.columns.iter().flatten().map(|cell| cell.row).fold(f64::INFINITY, f64::min);
        self.columns.iter_mut().flatten().for_each(|cell| cell.row -= least);
    }

    fn settle_column(&mut self, graph: &Graph, column: usize, beside: usize) {
        let [left, right] = [column.min(beside), column.max(beside)].map(|column| &self.columns[column]);
        let places: [BTreeMap<ThunkId, usize>; 2] =
            [left, right].map(|cells| (0..).zip(cells).map(|(place, cell)| (cell.thunk, place)).collect());
        // Rows that each cell is connected with, added up, and how many.
        let mut pull = vec![(0.0, 0_u32); self.columns[column].len()];
        for (place, cell) in right.iter().enumerate() {
            let before: BTreeSet<ThunkId> = if cell.passes {
                [cell.thunk].into()
            } else {
                graph.get(cell.thunk).into_iter().flat_map(Thunk::references).map(|(needed, _)| needed).collect()
            };
            for other in before.iter().filter_map(|needed| places[0].get(needed)) {
                let (own, row) = if column > beside { (place, left[*other].row) } else { (*other, cell.row) };
                pull[own] = (pull[own].0 + row, pull[own].1 + 1);
            }
        }
        let cells = &mut self.columns[column];
        for (cell, (rows, count)) in cells.iter_mut().zip(pull) {
            if count > 0 {
                cell.row = rows / f64::from(count);
            }
        }
        cells.sort_by(|one, other| one.row.total_cmp(&other.row));
        spread(cells);
    }
}

/// Moves cells apart that are in each other's way, in order and as little as that takes: the least squares, by pooling those that
/// touch.
fn spread(cells: &mut [Cell]) {
    // Where each would be if all touched, from the first on.
    let mut touching = Vec::with_capacity(cells.len());
    for (place, cell) in cells.iter().enumerate() {
        let before = place.checked_sub(1).map_or(0.0, |before| touching[before] + gap(&cells[before], cell));
        touching.push(before);
    }
    // Runs of cells that touch: where they begin as if all did, and how many.
    let mut runs: Vec<(f64, usize)> = Vec::new();
    for (cell, touching) in cells.iter().zip(&touching) {
        let mut run = (cell.row - touching, 1);
        while let Some(&(begin, count)) = runs.last().filter(|(begin, _)| *begin > run.0) {
            runs.pop();
            run = ((begin * count as f64 + run.0 * run.1 as f64) / (count + run.1) as f64, count + run.1);
        }
        runs.push(run);
    }
    let begins = runs.into_iter().flat_map(|(begin, count)| std::iter::repeat_n(begin, count));
    for ((cell, touching), begin) in cells.iter_mut().zip(touching).zip(begins) {
        cell.row = begin + touching;
    }
}

fn gap(one: &Cell, other: &Cell) -> f64 {
    match (one.passes, other.passes) {
        (false, false) => 1.0,
        (true, true) => PASSING_GAP,
        _ => BESIDE_GAP,
    }
}

/// The most thunks on a way to each.
fn columns(graph: &Graph) -> BTreeMap<ThunkId, usize> {
    let mut columns = BTreeMap::new();
    let mut open: Vec<ThunkId> = graph.iter().map(|(id, _)| id).collect();
    while let Some(id) = open.pop() {
        let Some(thunk) = graph.get(id).filter(|_| !columns.contains_key(&id)) else { continue };
        let known = |needed: ThunkId| columns.get(&needed).copied();
        let lacking: Vec<ThunkId> =
            thunk.references().map(|(needed, _)| needed).filter(|&needed| known(needed).is_none()).collect();
        if lacking.is_empty() {
            let column = thunk.references().filter_map(|(needed, _)| known(needed)).max().map_or(0, |last| last + 1);
            columns.insert(id, column);
        } else {
            open.push(id);
            open.extend(lacking);
        }
    }
    columns
}

/// All thunks, each after those it needs, which come in the order in which it names them.
fn in_order(graph: &Graph) -> Vec<ThunkId> {
    let needed: BTreeSet<ThunkId> = graph.iter().flat_map(|(_, thunk)| thunk.references()).map(|(id, _)| id).collect();
    let mut open: Vec<(ThunkId, bool)> =
        graph.iter().map(|(id, _)| id).filter(|id| !needed.contains(id)).map(|id| (id, false)).collect();
    let (mut order, mut seen) = (Vec::new(), BTreeSet::new());
    while let Some((id, is_done)) = open.pop() {
        if is_done {
            order.push(id);
        } else if seen.insert(id) {
            open.push((id, true));
            let references: Vec<_> = graph.get(id).into_iter().flat_map(Thunk::references).collect();
            open.extend(references.into_iter().rev().map(|(needed, _)| (needed, false)));
        }
    }
    order
}

/// Beyond these nothing moves that one would see.
const ROUNDS: usize = 12;
/// A drawing of more is no help.
const MOST_CELLS: usize = 20_000;
/// Rows between two arrows that pass.
const PASSING_GAP: f64 = 0.2;
/// Rows between a thunk and an arrow that passes.
const BESIDE_GAP: f64 = 0.6;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::thunk::Input;
    use crate::thunk::tests::path;
    use proptest::prelude::*;

    fn insert(graph: &mut Graph, name: &str, needs: &[ThunkId]) -> ThunkId {
        let thunk = needs.iter().enumerate().fold(Thunk::new([name], [path("out")]), |thunk, (number, &needed)| {
            thunk.with_input(path(&format!("in{number}")), Input::output(needed, path("out")))
        });
        graph.insert(thunk).unwrap()
    }

    proptest! {
        #[test]
        fn each_is_right_of_what_it_needs_and_in_nobodys_way(
            needs in prop::collection::vec(prop::collection::vec(any::<prop::sample::Index>(), 0..4), 1..40),
        ) {
            let (mut graph, mut ids) = (Graph::default(), Vec::<ThunkId>::new());
            for (number, needs) in needs.iter().enumerate() {
                let needs: Vec<ThunkId> = needs.iter().filter(|_| number > 0).map(|index| ids[index.index(number)]).collect();
                ids.push(insert(&mut graph, &number.to_string(), &needs));
            }
            let layout = Layout::of(&graph).unwrap();
            let mut at = BTreeMap::new();
            for (column, cells) in layout.columns.iter().enumerate() {
                for pair in cells.windows(2) {
                    prop_assert!(pair[1].row - pair[0].row > gap(&pair[0], &pair[1]) - 1e-6, "{:?}", pair);
                }
                for cell in cells {
                    prop_assert!(cell.row >= 0.0);
                    if !cell.passes {
                        prop_assert_eq!(at.insert(cell.thunk, column), None);
                    }
                }
            }
            for (id, thunk) in graph.iter() {
                for (needed, _) in thunk.references() {
                    prop_assert!(at[&needed] < at[&id]);
                    // There is a way to it, column by column.
                    for column in at[&needed] + 1..at[&id] {
                        prop_assert!(layout.columns[column].iter().any(|cell| cell.thunk == needed && cell.passes));
                    }
                }
            }
            prop_assert_eq!(at.len(), graph.len());
        }
    }

    #[test]
    fn a_thunk_is_beside_what_it_needs() {
        let mut graph = Graph::default();
        let firsts: Vec<ThunkId> = (0..3).map(|n| insert(&mut graph, &format!("first {n}"), &[])).collect();
        let seconds: Vec<ThunkId> = (0..3).map(|n| insert(&mut graph, &format!("second {n}"), &[firsts[n]])).collect();
        insert(&mut graph, "all", &seconds);
        let layout = Layout::of(&graph).unwrap();
        let row = |id| layout.columns.iter().flatten().find(|cell| cell.thunk == id).unwrap().row;
        for (first, second) in firsts.into_iter().zip(seconds) {
            assert!((row(first) - row(second)).abs() < 0.01);
        }
    }

    #[test]
    fn what_nobody_could_look_at_is_refused() {
        let mut graph = Graph::default();
        let chains: Vec<ThunkId> = (0..300).map(|n| insert(&mut graph, &format!("long {n}"), &[])).collect();
        let mut last = insert(&mut graph, "begin", &[]);
        for step in 0..300 {
            last = insert(&mut graph, &format!("step {step}"), &[last]);
        }
        insert(&mut graph, "end", &[&chains[..], &[last]].concat());
        assert_eq!(Layout::of(&graph), None);
    }
}
