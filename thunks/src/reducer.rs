//! The walk over a graph, as a machine without clock, threads or engine: it hands out what is ready and is told what came of
//! it. Who drives it decides how many run at once, and where; a model of a cluster drives it as well as [`crate::force`].

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::action::{Action, Outputs};
use crate::digest::Digest;
use crate::graph::Graph;
use crate::path::RelativePath;
use crate::thunk::{Thunk, ThunkError, ThunkId};

/// A thunk whose inputs are all known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Which.
    pub thunk: ThunkId,
    /// What is to be run, or remembered.
    pub action: Action,
    /// What is remembered of it is of no use: its outputs were lost.
    pub anew: bool,
}

/// A walk that goes on until all targets are made.
#[derive(Debug)]
pub struct Reducer {
    graph: Graph,
    targets: Vec<ThunkId>,
    /// Of all thunks that the targets need.
    states: BTreeMap<ThunkId, State>,
    /// Those whose inputs are all known: whose targets are furthest away first.
    ready: BTreeSet<(Reverse<u32>, ThunkId)>,
}

#[derive(Debug, Default)]
struct State {
    /// The most thunks on a way from here to a target.
    height: u32,
    /// Thunks it waits for that are not made yet: its inputs, or once it has run, what its outputs stand for.
    lacks: BTreeSet<ThunkId>,
    /// Thunks that wait for it.
    waiting: BTreeSet<ThunkId>,
    has_run: bool,
    /// Those of its outputs that turned out to be thunks.
    inner: BTreeMap<RelativePath, ThunkId>,
    /// What it made itself.
    raw: Outputs,
    /// What it made, once thunks among that are replaced by what they made.
    made: Option<Outputs>,
    /// What is remembered of it is of no use.
    anew: bool,
    /// How often it was handed out.
    tries: u32,
    /// The time that passed before it was made, were everything run at once that could be.
    path: Duration,
}

impl Reducer {
    /// A walk to `targets`.
    pub fn new(graph: Graph, targets: &[ThunkId]) -> Result<Self, ThunkError> {
        let mut reducer = Self { graph, targets: targets.to_vec(), states: BTreeMap::new(), ready: BTreeSet::new() };
        reducer.want(targets, 0)?;
        Ok(reducer)
    }

    /// The thunks that it walks to.
    pub fn targets(&self) -> &[ThunkId] {
        &self.targets
    }

    /// The thunks, those that came to light on the way among them.
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    /// How many thunks the targets need, as far as is known.
    pub fn wanted(&self) -> usize {
        self.states.len()
    }

    /// Whether all targets are made.
    pub fn is_finished(&self) -> bool {
        self.targets.iter().all(|target| self.made(*target).is_some())
    }

    /// What a thunk has made.
    pub fn made(&self, thunk: ThunkId) -> Option<&Outputs> {
        self.states.get(&thunk)?.made.as_ref()
    }

    /// The time that the whole takes however many machines there are.
    pub fn critical_path(&self) -> Duration {
        self.states.values().map(|state| state.path).max().unwrap_or_default()
    }

    /// The next thunk to run, of those that are furthest from their targets.
    pub fn poll_job(&mut self) -> Option<Job> {
        let (_, thunk) = self.ready.pop_first()?;
        let wanted = self.graph.get(thunk).expect("what is wanted is in the graph");
        let action = wanted.action(|other, path| self.made(other)?.get(path).copied());
        let action = action.expect("a thunk is ready once its inputs are made");
        let state = self.state(thunk);
        state.tries += 1;
        Some(Job { thunk, action, anew: state.anew })
    }

    /// A job is done: it made `outputs` and took a time. `thunks` are those outputs that are thunks themselves.
    pub fn handle_made(
        &mut self,
        thunk: ThunkId,
        outputs: Outputs,
        took: Duration,
        thunks: BTreeMap<RelativePath, Thunk>,
    ) -> Result<(), ThunkError> {
        let height = self.state(thunk).height;
        let mut inner = BTreeMap::new();
        for (path, output) in thunks {
            inner.insert(path, self.graph.insert(output)?);
        }
        let meant: Vec<ThunkId> = inner.values().copied().collect();
        self.want(&meant, height + 1)?;
        let path = self.begins(thunk) + took;
        let state = self.state(thunk);
        (state.has_run, state.raw, state.inner, state.path, state.anew) = (true, outputs, inner, path, false);
        self.wait_for(thunk, meant);
        Ok(())
    }

    /// A job cannot be run as these blobs are gone: who made them makes them again. Answers whether that can help.
    pub fn handle_lost(&mut self, thunk: ThunkId, lost: &[Digest]) -> bool {
        let wanted = self.graph.get(thunk).expect("what is wanted is in the graph");
        let is_lost = |(maker, path): &(ThunkId, &RelativePath)| {
            self.made(*maker).and_then(|made| made.get(*path)).is_some_and(|file| lost.contains(&file.digest))
        };
        let gone: Vec<(ThunkId, RelativePath)> =
            wanted.references().filter(is_lost).map(|(maker, path)| (maker, path.clone())).collect();
        if gone.is_empty() || self.state(thunk).tries > MOST_TRIES {
            return false;
        }
        for (maker, path) in &gone {
            self.unmake(*maker, path);
        }
        self.wait_for(thunk, gone.into_iter().map(|(maker, _)| maker));
        true
    }

    /// Lets a thunk make an output again, or the one that the output stands for.
    fn unmake(&mut self, thunk: ThunkId, path: &RelativePath) {
        let (mut thunk, mut path) = (thunk, path.clone());
        while self.state(thunk).made.take().is_some() {
            let Some(&inner) = self.state(thunk).inner.get(&path) else {
                (self.state(thunk).has_run, self.state(thunk).anew) = (false, true);
                self.wait_for(thunk, []);
                return;
            };
            self.state(thunk).lacks.insert(inner);
            self.state(inner).waiting.insert(thunk);
            let meant = self.graph.get(inner).and_then(|inner| inner.outputs.keys().next());
            path = meant.expect("a thunk makes something").clone();
            thunk = inner;
        }
    }

    /// Lets a thunk wait for those of `others` that are not made; goes on with it where all are.
    fn wait_for(&mut self, thunk: ThunkId, others: impl IntoIterator<Item = ThunkId>) {
        let lacks: BTreeSet<ThunkId> = others.into_iter().filter(|other| self.made(*other).is_none()).collect();
        for &lacked in &lacks {
            self.state(lacked).waiting.insert(thunk);
        }
        let is_free = lacks.is_empty();
        self.state(thunk).lacks = lacks;
        if is_free {
            self.go_on(thunk);
        }
    }

    /// Nothing holds a thunk back: it is to be run, or if it has run, is made, and those that wait for it may go on.
    fn go_on(&mut self, thunk: ThunkId) {
        let mut free = vec![thunk];
        while let Some(thunk) = free.pop() {
            if !self.state(thunk).has_run {
                let height = self.state(thunk).height;
                self.ready.insert((Reverse(height), thunk));
                continue;
            }
            let (inner, mut made) = (self.state(thunk).inner.clone(), self.state(thunk).raw.clone());
            for (path, inner) in inner {
                let meant = self.made(inner).and_then(|made| made.values().next().copied());
                made.insert(path, meant.expect("a thunk waits for what its outputs stand for"));
                let inner_path = self.state(inner).path;
                self.state(thunk).path = inner_path.max(self.state(thunk).path);
            }
            self.state(thunk).made = Some(made);
            for waiting in std::mem::take(&mut self.state(thunk).waiting) {
                let lacks = &mut self.state(waiting).lacks;
                if lacks.remove(&thunk) && lacks.is_empty() {
                    free.push(waiting);
                }
            }
        }
    }

    /// When a thunk can begin at the earliest.
    fn begins(&self, thunk: ThunkId) -> Duration {
        let needed = self.graph.get(thunk).into_iter().flat_map(Thunk::references);
        needed.filter_map(|(needed, _)| self.states.get(&needed)).map(|state| state.path).max().unwrap_or_default()
    }

    fn state(&mut self, thunk: ThunkId) -> &mut State {
        self.states.entry(thunk).or_default()
    }

    /// Sees to it that these thunks and all they need are made.
    fn want(&mut self, thunks: &[ThunkId], height: u32) -> Result<(), ThunkError> {
        // How many use each of those that are new; then those whose users are all done, so that heights are final.
        let mut users: BTreeMap<ThunkId, usize> = BTreeMap::new();
        let mut open: Vec<ThunkId> = thunks.to_vec();
        while let Some(thunk) = open.pop() {
            if self.states.contains_key(&thunk) || users.contains_key(&thunk) {
                continue;
            }
            users.insert(thunk, 0);
            open.extend(self.needed(thunk)?);
        }
        for thunk in users.keys().copied().collect::<Vec<_>>() {
            for needed in self.needed(thunk)? {
                users.entry(needed).and_modify(|count| *count += 1);
            }
        }
        let mut heights: BTreeMap<ThunkId, u32> = users.keys().map(|thunk| (*thunk, height)).collect();
        let mut unused: Vec<ThunkId> =
            users.iter().filter(|(_, count)| **count == 0).map(|(thunk, _)| *thunk).collect();
        let mut order = Vec::with_capacity(users.len());
        while let Some(thunk) = unused.pop() {
            order.push(thunk);
            for needed in self.needed(thunk)? {
                let Some(count) = users.get_mut(&needed) else { continue };
                let higher = heights[&thunk] + 1;
                heights.entry(needed).and_modify(|height| *height = higher.max(*height));
                *count -= 1;
                if *count == 0 {
                    unused.push(needed);
                }
            }
        }
        for (thunk, height) in heights {
            self.state(thunk).height = height;
        }
        for thunk in order {
            let needed = self.needed(thunk)?;
            self.wait_for(thunk, needed);
        }
        Ok(())
    }

    fn needed(&self, thunk: ThunkId) -> Result<BTreeSet<ThunkId>, ThunkError> {
        let wanted = self.graph.get(thunk).ok_or(ThunkError::Unknown(thunk))?;
        Ok(wanted.references().map(|(needed, _)| needed).collect())
    }
}

/// How often a thunk is tried whose inputs get lost: more than that is no accident.
const MOST_TRIES: u32 = 4;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::OutputFile;
    use crate::thunk::tests::path;
    use crate::thunk::{Input, OutputKind};
    use proptest::prelude::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn thunk(name: &str, needs: &[ThunkId]) -> Thunk {
        (0..).zip(needs).fold(Thunk::new([name], [path("out")]), |thunk, (number, &needed): (u32, _)| {
            thunk.with_input(path(&format!("in{number}")), Input::output(needed, path("out")))
        })
    }

    fn file(content: &str) -> OutputFile {
        OutputFile { digest: Digest::of(content.as_bytes()), executable: false }
    }

    fn make(reducer: &mut Reducer, job: &Job) {
        let outputs = [(path("out"), file(&job.thunk.to_string()))].into();
        reducer.handle_made(job.thunk, outputs, SECOND, BTreeMap::new()).unwrap();
    }

    proptest! {
        /// Each thunk needs some of those before it; any number run at once and end in any order.
        #[test]
        fn every_thunk_is_run_once_after_those_it_needs(
            needs in prop::collection::vec(prop::collection::vec(any::<prop::sample::Index>(), 0..4), 1..30),
            ends in prop::collection::vec(any::<prop::sample::Index>(), 30),
            targets in prop::collection::vec(any::<prop::sample::Index>(), 1..4),
        ) {
            let (mut graph, mut ids) = (Graph::default(), Vec::new());
            for (number, needs) in needs.iter().enumerate() {
                let needs: Vec<ThunkId> = needs.iter().filter(|_| number > 0).map(|index| ids[index.index(number.max(1))]).collect();
                ids.push(graph.insert(thunk(&number.to_string(), &needs)).unwrap());
            }
            let targets: Vec<ThunkId> = targets.iter().map(|index| ids[index.index(ids.len())]).collect();
            let mut reducer = Reducer::new(graph, &targets).unwrap();
            let (mut running, mut run) = (Vec::new(), BTreeSet::new());
            for end in ends.iter().cycle() {
                while let Some(job) = reducer.poll_job() {
                    prop_assert!(run.insert(job.thunk), "it is run once");
                    running.push(job);
                }
                if running.is_empty() {
                    break;
                }
                let job = running.remove(end.index(running.len()));
                make(&mut reducer, &job);
            }
            prop_assert!(reducer.is_finished());
            prop_assert_eq!(run.len(), reducer.wanted());
            prop_assert!(reducer.critical_path() <= SECOND * run.len() as u32);
        }
    }

    #[test]
    fn the_longest_chain_goes_first() {
        let mut graph = Graph::default();
        let lone = graph.insert(thunk("lone", &[])).unwrap();
        let other = graph.insert(thunk("other", &[])).unwrap();
        let first = graph.insert(thunk("first", &[])).unwrap();
        let second = graph.insert(thunk("second", &[first])).unwrap();
        let third = graph.insert(thunk("third", &[second])).unwrap();
        let target = graph.insert(thunk("target", &[lone, other, third])).unwrap();
        let mut reducer = Reducer::new(graph, &[target]).unwrap();
        let mut order = Vec::new();
        while let Some(job) = reducer.poll_job() {
            order.push(job.thunk);
            make(&mut reducer, &job);
        }
        assert_eq!((order[0], order[1], order[5]), (first, second, target));
        assert_eq!(reducer.critical_path(), 4 * SECOND);
    }

    #[test]
    fn an_output_that_is_a_thunk_stands_for_what_that_makes() {
        let mut graph = Graph::default();
        let decides = Thunk { outputs: [(path("out"), OutputKind::Thunk)].into(), ..thunk("decides", &[]) };
        let decides = graph.insert(decides).unwrap();
        let uses = graph.insert(thunk("uses", &[decides])).unwrap();
        let mut reducer = Reducer::new(graph, &[uses]).unwrap();
        let job = reducer.poll_job().unwrap();
        let inner = thunk("inner", &[]);
        let outputs = [(path("out"), file("the thunk's bytes"))].into();
        reducer.handle_made(job.thunk, outputs, SECOND, [(path("out"), inner.clone())].into()).unwrap();
        let job = reducer.poll_job().unwrap();
        assert_eq!((job.thunk, reducer.poll_job()), (inner.id(), None));
        make(&mut reducer, &job);
        assert_eq!(reducer.made(decides), reducer.made(inner.id()));
        let job = reducer.poll_job().unwrap();
        assert_eq!(job.action.values, [file(&inner.id().to_string()).digest]);
        // What it stands for gets lost: that alone is made again.
        assert!(reducer.handle_lost(uses, &job.action.values));
        let again = reducer.poll_job().unwrap();
        assert_eq!((again.thunk, again.anew), (inner.id(), true));
        make(&mut reducer, &again);
        let job = reducer.poll_job().unwrap();
        assert_eq!(job.thunk, uses);
        make(&mut reducer, &job);
        assert!(reducer.is_finished());
    }

    #[test]
    fn what_gets_lost_again_and_again_is_given_up() {
        let mut graph = Graph::default();
        let maker = graph.insert(thunk("maker", &[])).unwrap();
        let user = graph.insert(thunk("user", &[maker])).unwrap();
        let mut reducer = Reducer::new(graph, &[user]).unwrap();
        for _ in 0..MOST_TRIES {
            let job = reducer.poll_job().unwrap();
            make(&mut reducer, &job);
            let job = reducer.poll_job().unwrap();
            assert_eq!(job.thunk, user);
            assert!(reducer.handle_lost(user, &job.action.values));
        }
        let job = reducer.poll_job().unwrap();
        make(&mut reducer, &job);
        let job = reducer.poll_job().unwrap();
        assert!(!reducer.handle_lost(user, &job.action.values));
        assert!(!reducer.handle_lost(user, &[Digest::of(b"another")]));
    }
}
