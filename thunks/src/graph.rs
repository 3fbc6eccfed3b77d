//! Thunks and what they need of each other. A thunk names those it needs by their content, so no circle can be said.

use std::collections::BTreeMap;

use crate::thunk::{Thunk, ThunkError, ThunkId};

/// Thunks by their names; each that one needs is there, too.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    thunks: BTreeMap<ThunkId, Thunk>,
}

impl Graph {
    /// Adds a thunk; those it needs must be there already, and make what it needs.
    pub fn insert(&mut self, thunk: Thunk) -> Result<ThunkId, ThunkError> {
        thunk.check()?;
        for (needed, path) in thunk.references() {
            let other = self.get(needed).ok_or(ThunkError::Unknown(needed))?;
            if !other.outputs.contains_key(path) {
                return Err(ThunkError::NotMade { thunk: needed, path: path.clone() });
            }
        }
        let id = thunk.id();
        self.thunks.insert(id, thunk);
        Ok(id)
    }

    /// Adds all thunks of another graph.
    pub fn join(&mut self, other: &Self) {
        self.thunks.extend(other.iter().map(|(id, thunk)| (id, thunk.clone())));
    }

    /// The thunk of this name.
    pub fn get(&self, id: ThunkId) -> Option<&Thunk> {
        self.thunks.get(&id)
    }

    /// All of them, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (ThunkId, &Thunk)> {
        self.thunks.iter().map(|(id, thunk)| (*id, thunk))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.thunks.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.thunks.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::thunk::Input;
    use crate::thunk::tests::path;

    #[test]
    fn what_a_thunk_needs_must_be_there_and_be_made() {
        let mut graph = Graph::default();
        let first = Thunk::new(["first"], [path("out")]);
        let needs =
            |output| Thunk::new(["second"], [path("b")]).with_input(path("a"), Input::output(first.id(), path(output)));
        assert_eq!(graph.insert(needs("out")), Err(ThunkError::Unknown(first.id())));
        graph.insert(first.clone()).unwrap();
        assert_eq!(graph.insert(needs("in")), Err(ThunkError::NotMade { thunk: first.id(), path: path("in") }));
        assert_eq!(graph.insert(needs("out")), Ok(needs("out").id()));
        assert_eq!(graph.len(), 2);
    }
}
