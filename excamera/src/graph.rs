//! The chunks between two key frames as a graph of thunks.

use oyster_thunks::{Digest, Graph, Input, RelativePath, Thunk, ThunkError, ThunkId};

use crate::call::Call;
use crate::functions::Settings;

/// Under which name a thunk has the executable that it runs.
pub const FUNCTION: &str = "function";

/// What a thunk of a batch does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// [`crate::encode`]
    Encode,
    /// [`crate::reencode`]
    Reencode,
    /// [`crate::rebase`]
    Rebase,
}

impl Step {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Encode, Self::Reencode, Self::Rebase];

    /// What it is called on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Encode => "encode",
            Self::Reencode => "reencode",
            Self::Rebase => "rebase",
        }
    }

    /// What a thunk does, if it is one of a batch.
    pub fn of(thunk: &Thunk) -> Option<Self> {
        let name = thunk.arguments.get(2)?;
        Self::ALL.into_iter().find(|step| step.name() == name)
    }
}

/// A batch: one key frame and all up to the next one.
#[derive(Debug)]
pub struct Batch {
    /// How its frames come about.
    pub graph: Graph,
    /// Which thunks make its chunks, in order.
    pub chunks: Vec<ThunkId>,
}

impl Batch {
    /// The batch of the chunks whose pictures are `pictures`, `chunk_frames` each. `function` is the executable: it is run with the arguments
    /// `function`, a step's name and the settings, in a folder with the step's inputs.
    pub fn new(
        function: Digest,
        pictures: &[Digest],
        chunk_frames: usize,
        settings: Settings,
    ) -> Result<Self, ThunkError> {
        let mut graph = Graph::default();
        let step = |call: Call, pictures: Digest| -> Result<Thunk, ThunkError> {
            let arguments = [FUNCTION, "function"].map(str::to_owned).into_iter().chain(call.words());
            let makes = call.files().1.iter().map(|name| RelativePath::new(*name)).collect::<Result<Vec<_>, _>>()?;
            Ok(Thunk::new(arguments, makes)
                .with_input(RelativePath::new(FUNCTION)?, Input::value(function).executable())
                .with_input(RelativePath::new("pictures")?, Input::value(pictures)))
        };
        let output = |thunk, name: &str| Ok::<_, ThunkError>(Input::output(thunk, RelativePath::new(name)?));
        let mut chunks = Vec::with_capacity(pictures.len());
        let mut before: Option<(ThunkId, ThunkId)> = None;
        for (number, &pictures) in pictures.iter().enumerate() {
            let encode = Call::Encode { settings, before: number * chunk_frames };
            let encoded = graph.insert(step(encode, pictures)?)?;
            let joined = match before {
                None => encoded,
                Some((encoded_before, joined_before)) => {
                    let expected = output(encoded_before, "state")?;
                    let first = step(Call::Reencode(settings), pictures)?;
                    let first = graph.insert(first.with_input(RelativePath::new("before")?, expected.clone()))?;
                    let moved = step(Call::Rebase, pictures)?
                        .with_input(RelativePath::new("chunk")?, output(encoded, "frames")?)
                        .with_input(RelativePath::new("first")?, output(first, "frames")?)
                        .with_input(RelativePath::new("expected")?, expected)
                        .with_input(RelativePath::new("before")?, output(joined_before, "state")?);
                    graph.insert(moved)?
                }
            };
            chunks.push(joined);
            before = Some((encoded, joined));
        }
        Ok(Self { graph, chunks })
    }
}
