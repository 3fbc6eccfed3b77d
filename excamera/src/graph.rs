//! The chunks between two key frames as a graph of thunks.

use oyster_thunks::{Digest, Graph, Input, RelativePath, Thunk, ThunkError, ThunkId};

use crate::call::Call;
use crate::functions::Settings;

/// Under which name a thunk has the executable that it runs.
pub const FUNCTION: &str = "function";

/// Puts a call off: the executable `function` with the word `function` and those of the call, on `inputs` under the names that it reads,
/// in their order.
pub fn put_off(
    function: Digest,
    words: impl IntoIterator<Item = String>,
    (reads, makes): (&[&str], &[&str]),
    inputs: &[Input],
) -> Result<Thunk, ThunkError> {
    let arguments = [FUNCTION, "function"].map(str::to_owned).into_iter().chain(words);
    let makes = makes.iter().map(|&name| RelativePath::new(name)).collect::<Result<Vec<_>, _>>()?;
    let thunk =
        Thunk::new(arguments, makes).with_input(RelativePath::new(FUNCTION)?, Input::value(function).executable());
    reads
        .iter()
        .zip(inputs)
        .try_fold(thunk, |thunk, (&name, input)| Ok(thunk.with_input(RelativePath::new(name)?, input.clone())))
}

/// What a thunk of a batch does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// [`crate::open`]
    Open,
    /// [`crate::decide`]
    Decide,
    /// [`crate::rebase`]
    Rebase,
    /// [`crate::encode`]
    Encode,
}

impl Step {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Open, Self::Decide, Self::Rebase, Self::Encode];

    /// What it is called on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Decide => "decide",
            Self::Rebase => "rebase",
            Self::Encode => "encode",
        }
    }

    /// What a thunk does, if it is one of a batch.
    pub fn of(thunk: &Thunk) -> Option<Self> {
        let name = thunk.arguments.get(2)?;
        Self::ALL.into_iter().find(|step| step.name() == name)
    }
}

/// The pictures of a chunk, as y4m.
#[derive(Clone, Copy, Debug)]
pub struct ChunkPictures {
    /// All but the last.
    pub between: Digest,
    /// The last.
    pub anchor: Digest,
    /// How many pictures of the batch come before the anchor.
    pub before: usize,
}

/// A batch: one key frame and all up to the next one.
#[derive(Debug)]
pub struct Batch {
    /// How its frames come about.
    pub graph: Graph,
    /// Which thunks make its frames: the key frame, then those of each chunk.
    pub frames: Vec<ThunkId>,
}

impl Batch {
    /// The batch of the picture `opening` and the chunks that follow it. `function` is the executable: it is run with the arguments
    /// `function`, a step's name and the settings, in a folder with the step's inputs.
    pub fn new(
        function: Digest,
        opening: Digest,
        chunks: &[ChunkPictures],
        settings: Settings,
    ) -> Result<Self, ThunkError> {
        let mut graph = Graph::default();
        let mut insert = |call: Call, inputs: &[Input]| -> Result<ThunkId, ThunkError> {
            graph.insert(put_off(function, call.words(), call.files(), inputs)?)
        };
        let output = |thunk, name: &str| Ok::<_, ThunkError>(Input::output(thunk, RelativePath::new(name)?));
        let picture = Input::value;
        let mut before = (insert(Call::Open(settings), &[picture(opening)])?, opening);
        let mut frames = vec![before.0];
        for chunk in chunks {
            let (joined, picture_before) = before;
            let (state, anchor) = (output(joined, "state")?, picture(chunk.anchor));
            let decide = Call::Decide { settings, before: chunk.before };
            let decided = insert(decide, &[picture(picture_before), anchor.clone()])?;
            let moved = insert(Call::Rebase, &[anchor, output(decided, "frames")?, state.clone()])?;
            let between = [picture(chunk.between), output(moved, "frames")?, state];
            frames.push(insert(Call::Encode(settings), &between)?);
            before = (moved, chunk.anchor);
        }
        Ok(Self { graph, frames })
    }
}
