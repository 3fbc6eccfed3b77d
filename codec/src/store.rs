//! A bounded store of states by their id: what a receiver holds, and what a sender can encode for.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::{State, StateId, StateTag};

/// States by id, oldest first; over its limits it forgets the oldest.
#[derive(Clone, Debug)]
pub struct StateStore {
    limit: usize,
    limit_bytes: usize,
    states: VecDeque<State>,
}

impl StateStore {
    /// An empty store of at most `limit` states (at least one).
    pub fn new(limit: usize) -> Self {
        Self { limit: limit.max(1), limit_bytes: usize::MAX, states: VecDeque::new() }
    }

    /// The same, also bounded in bytes: of large pictures it keeps fewer states, the newest in any case.
    #[must_use]
    pub fn within(self, limit_bytes: usize) -> Self {
        Self { limit_bytes, ..self }
    }

    /// Adds `state` as the newest and answers its id. If an equal one was there, it counts as newest from now on.
    pub fn insert(&mut self, state: State) -> StateId {
        let id = state.id();
        self.states.retain(|known| known.id() != id);
        if self.states.len() == self.limit {
            self.states.pop_front();
        }
        self.states.push_back(state);
        while self.states.len() > 1 && self.picture_bytes() > self.limit_bytes {
            self.states.pop_front();
        }
        id
    }

    /// Bytes of all pictures that the states refer to, each counted once and without its border.
    pub fn picture_bytes(&self) -> usize {
        let mut pictures: Vec<_> = self.states.iter().filter_map(State::references).flatten().collect();
        pictures.sort_unstable_by_key(|picture| Arc::as_ptr(picture));
        pictures.dedup_by_key(|picture| Arc::as_ptr(picture));
        pictures.iter().map(|picture| picture.size().i420_bytes()).sum()
    }

    /// The state named `id`, if it is still here.
    pub fn get(&self, id: &StateId) -> Option<&State> {
        // A store holds a few dozen states; the newest are asked for most.
        self.states.iter().rev().find(|state| state.id() == *id)
    }

    /// The newest state whose id begins with `tag`, if it is still here.
    pub fn find(&self, tag: StateTag) -> Option<&State> {
        self.states.iter().rev().find(|state| state.id().tag() == tag)
    }

    /// Forgets every state that was added before the one named `tag`; nothing if that one is not here.
    pub fn remove_before(&mut self, tag: StateTag) {
        if let Some(position) = self.states.iter().position(|state| state.id().tag() == tag) {
            self.states.drain(..position);
        }
    }

    /// Forgets every state that is not to be kept.
    pub fn retain(&mut self, mut keep: impl FnMut(StateTag) -> bool) {
        self.states.retain(|state| keep(state.id().tag()));
    }

    /// The ids, oldest first.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = StateId> + ExactSizeIterator {
        self.states.iter().map(State::id)
    }

    /// How many states there are.
    pub fn len(&self) -> usize {
        self.states.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.states.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::Stream;
    use crate::state::tests::any_stream;
    use proptest::prelude::*;
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;

    /// `count` states that differ.
    fn states(count: u8) -> Vec<State> {
        let stream: Stream = any_stream().new_tree(&mut TestRunner::deterministic()).unwrap().current();
        let nth = |n: u8| {
            let mut stream = stream.clone();
            stream.segment_values.quantizers[0] = n as i8;
            State::new(stream)
        };
        (0..count).map(nth).collect()
    }

    #[test]
    fn at_its_limit_the_store_forgets_the_oldest() {
        let mut store = StateStore::new(3);
        let ids: Vec<StateId> = states(4).into_iter().map(|state| store.insert(state)).collect();
        assert_eq!(store.len(), 3);
        assert_eq!(store.get(&ids[0]), None);
        assert_eq!(store.get(&ids[1]).map(State::id), Some(ids[1]));
    }

    #[test]
    fn pictures_that_are_large_leave_room_for_few_states_and_one_at_least() {
        let states = states(4);
        let mut one = StateStore::new(9);
        one.insert(states[0].clone());
        let bytes = one.picture_bytes();
        assert!(bytes > 0);
        // The states differ, their pictures do not.
        for (limit_bytes, kept) in [(bytes, 4), (bytes - 1, 1)] {
            let mut store = StateStore::new(9).within(limit_bytes);
            states.iter().for_each(|state| _ = store.insert(state.clone()));
            assert_eq!((store.len(), store.picture_bytes()), (kept, bytes));
            assert_eq!(store.ids().next_back(), Some(states[3].id()));
        }
    }

    #[test]
    fn what_is_inserted_again_is_newest() {
        let mut store = StateStore::new(3);
        let states = states(4);
        for index in [0, 1, 2, 0, 3] {
            store.insert(states[index].clone());
        }
        let expected: Vec<StateId> = [2, 0, 3].map(|index| states[index].id()).to_vec();
        assert_eq!(store.ids().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn removing_before_a_state_keeps_it_and_the_later_ones() {
        let mut store = StateStore::new(10);
        let ids: Vec<StateId> = states(5).into_iter().map(|state| store.insert(state)).collect();
        store.remove_before(ids[2].tag());
        assert_eq!(store.ids().collect::<Vec<_>>(), &ids[2..]);
        store.remove_before(ids[0].tag());
        assert_eq!(store.len(), 3, "an unknown id removes nothing");
    }
}
