//! Computation as values: a *thunk* is a function applied to content-hashed inputs, some of which may be outputs of other
//! thunks that nobody has computed yet. It is exactly an action of the Remote Execution API plus these references.
//!
//! Nothing here says where or when a thunk runs. A [`Reducer`] walks a [`Graph`] and hands out what is ready; an [`Engine`]
//! executes it; [`force`] brings the two together. What was computed once, anywhere, is remembered under the name of what it
//! was computed from.
//!
//! ```
//! use oyster_thunks::{Graph, Input, RelativePath, Thunk};
//!
//! let path = |path: &str| RelativePath::new(path).expect("a relative path");
//! let mut graph = Graph::default();
//! let hello = graph.insert(Thunk::new(["/bin/sh", "-c", "echo hello >greeting"], [path("greeting")]))?;
//! let shout = Thunk::new(["/bin/sh", "-c", "tr a-z A-Z <greeting >loud"], [path("loud")])
//!     .with_input(path("greeting"), Input::output(hello, path("greeting")));
//! let shout = graph.insert(shout)?;
//! assert_eq!(graph.get(shout).map(|thunk| thunk.references().count()), Some(1));
//! # Ok::<(), oyster_thunks::ThunkError>(())
//! ```

mod action;
mod digest;
pub mod engine;
mod explain;
mod force;
mod graph;
mod layout;
mod path;
mod reducer;
mod simulate;
mod thunk;

pub use action::{Action, OutputFile, Outputs};
pub use digest::{Digest, DigestError};
pub use engine::{Engine, EngineError, Execution, Failure};
pub use explain::{dot, tree};
pub use force::{Event, ForceError, Forced, Sources, Tell, force};
pub use graph::Graph;
pub use layout::{Cell, Layout};
pub use path::{PathError, RelativePath};
pub use reducer::{Job, Reducer};
pub use simulate::{Cluster, Simulated, TaskCost, simulate};
pub use thunk::{Content, Input, OutputKind, Thunk, ThunkError, ThunkId};
