//! Builds as graphs of thunks, without changing them: what calls of compilers, archivers and linkers read and make, so that a call
//! can be put off, shared and remembered (after gg: Fouladi et al., USENIX ATC 2019).
//!
//! The models are pure functions from the words of a command line to a [`Call`]; [`thunk`] makes one of that and of the files that
//! somebody found. What asks compilers which headers a source includes, and looks at files, is in [`shell`]: nothing else here does.
//!
//! ```
//! use oyster_infer::models::Model;
//!
//! let words = ["-O2", "-c", "src/a.c", "-o", "a.o"].map(str::to_owned);
//! let calls = Model::Compiler.parse(&words).expect("an ordinary call");
//! assert_eq!((&*calls[0].makes[0], &*calls[0].sources[0].path), ("a.o", "src/a.c"));
//! ```

pub mod models;
mod place;
mod placeholder;
mod rule;
pub mod shell;
mod split;
mod task;
mod word;

pub use place::{Located, Place};
pub use placeholder::{Placeholder, PlaceholderError};
pub use rule::prerequisites;
pub use split::{expand, split};
pub use task::{BUILD, Setting, marker, thunk};
pub use word::{Call, Refusal, Rule, Source, Word};
