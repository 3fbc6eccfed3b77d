//! A thunk as a value, its name, and its bytes: the Remote Execution API's command, and inputs that need not be known yet.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use bazel_remote_apis::build::bazel::remote::execution::v2 as api;
use bazel_remote_apis::google::protobuf;
use prost::Message;

use crate::digest::{Digest, DigestError};
use crate::path::{PathError, RelativePath};

/// What a thunk is called: the digest of its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ThunkId(pub Digest);

impl fmt::Display for ThunkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A function applied to inputs, not yet run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Thunk {
    /// What is run, and with which arguments. The first is a path, of an input where that has no leading slash.
    pub arguments: Vec<String>,
    /// All variables that it sees.
    pub environment: BTreeMap<String, String>,
    /// The files that it sees.
    pub inputs: BTreeMap<RelativePath, Input>,
    /// The files that it makes.
    pub outputs: BTreeMap<RelativePath, OutputKind>,
    /// How long it may take; without, as long as the engine lets it.
    pub timeout: Option<Duration>,
    /// What it asks of the machine that runs it, by the engine's own names.
    pub platform: BTreeMap<String, String>,
    /// Whatever else its outputs depend on: what is on the machine and not among the inputs, such as a toolchain.
    pub salt: Vec<u8>,
}

/// A file that a thunk sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// What is in it.
    pub content: Content,
    /// Whether it may be run.
    pub executable: bool,
}

/// What is in an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// These bytes.
    Value(Digest),
    /// What another thunk makes.
    Output {
        /// Which.
        thunk: ThunkId,
        /// Under which path it makes it.
        path: RelativePath,
    },
}

impl Input {
    /// A file with these bytes.
    pub fn value(digest: Digest) -> Self {
        Self { content: Content::Value(digest), executable: false }
    }

    /// A file that another thunk makes.
    pub fn output(thunk: ThunkId, path: RelativePath) -> Self {
        Self { content: Content::Output { thunk, path }, executable: false }
    }

    /// The same, to be run.
    #[must_use]
    pub fn executable(self) -> Self {
        Self { executable: true, ..self }
    }
}

/// What an output is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OutputKind {
    /// A file.
    #[default]
    Value,
    /// A thunk, whose first output is meant: a function that decides itself what is to be computed.
    Thunk,
}

/// Why something is no thunk.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ThunkError {
    /// The bytes do not begin as a thunk's do.
    NoThunk,
    /// More bytes than [`Thunk::MAX_BYTES`].
    TooLarge(usize),
    /// They are no message.
    Message(prost::DecodeError),
    /// A digest in it is none.
    Digest(DigestError),
    /// A path in it is none.
    Path(PathError),
    /// It runs nothing.
    NoArguments,
    /// It makes nothing.
    NoOutputs,
    /// An input has no content, or two.
    Content(RelativePath),
    /// A path is that of a file and of a folder, or an input is an output.
    Taken(RelativePath),
    /// It needs an output of a thunk that is not there.
    Unknown(ThunkId),
    /// It needs an output that the other thunk does not make.
    NotMade {
        /// The other thunk.
        thunk: ThunkId,
        /// The output.
        path: RelativePath,
    },
}

impl fmt::Display for ThunkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoThunk => write!(f, "this is no thunk: it does not begin with {:?}", String::from_utf8_lossy(MAGIC)),
            Self::TooLarge(bytes) => write!(f, "a thunk has at most {} bytes, not {bytes}", Thunk::MAX_BYTES),
            Self::Message(error) => write!(f, "the thunk cannot be read: {error}"),
            Self::Digest(error) => error.fmt(f),
            Self::Path(error) => error.fmt(f),
            Self::NoArguments => write!(f, "the thunk runs nothing"),
            Self::NoOutputs => write!(f, "the thunk makes nothing"),
            Self::Content(path) => write!(f, "the input {path} is neither one value nor one output of a thunk"),
            Self::Taken(path) => write!(f, "{path} is more than one thing to the thunk"),
            Self::Unknown(thunk) => write!(f, "the thunk needs an output of {thunk}, which is not in the graph"),
            Self::NotMade { thunk, path } => write!(f, "the thunk needs {path} of {thunk}, which does not make it"),
        }
    }
}

impl std::error::Error for ThunkError {}

impl From<DigestError> for ThunkError {
    fn from(error: DigestError) -> Self {
        Self::Digest(error)
    }
}

impl From<PathError> for ThunkError {
    fn from(error: PathError) -> Self {
        Self::Path(error)
    }
}

impl Thunk {
    /// The most bytes that are read as one: a hundred thousand inputs.
    pub const MAX_BYTES: usize = 16 << 20;

    /// A thunk without inputs.
    pub fn new<A: Into<String>>(
        arguments: impl IntoIterator<Item = A>,
        outputs: impl IntoIterator<Item = RelativePath>,
    ) -> Self {
        Self {
            arguments: arguments.into_iter().map(Into::into).collect(),
            outputs: outputs.into_iter().map(|path| (path, OutputKind::Value)).collect(),
            ..Self::default()
        }
    }

    /// The same with an input more.
    #[must_use]
    pub fn with_input(mut self, path: RelativePath, input: Input) -> Self {
        self.inputs.insert(path, input);
        self
    }

    /// The outputs of other thunks that it needs.
    pub fn references(&self) -> impl Iterator<Item = (ThunkId, &RelativePath)> {
        self.inputs.values().filter_map(|input| match &input.content {
            Content::Value(_) => None,
            Content::Output { thunk, path } => Some((*thunk, path)),
        })
    }

    /// Its name.
    pub fn id(&self) -> ThunkId {
        ThunkId(Digest::of(&self.to_bytes()))
    }

    /// That it runs and makes something, and that each path means one thing.
    pub fn check(&self) -> Result<(), ThunkError> {
        if self.arguments.is_empty() {
            return Err(ThunkError::NoArguments);
        }
        if self.outputs.is_empty() {
            return Err(ThunkError::NoOutputs);
        }
        let mut files: Vec<&RelativePath> = self.inputs.keys().chain(self.outputs.keys()).collect();
        // By names, so that what is in a folder comes right behind a file that is called like it.
        files.sort_by(|a, b| a.names().cmp(b.names()));
        for pair in files.windows(2) {
            let mut longer = pair[1].names();
            if pair[0].names().all(|name| longer.next() == Some(name)) {
                return Err(ThunkError::Taken(pair[0].clone()));
            }
        }
        Ok(())
    }

    /// Its bytes, the same for the same thunk.
    pub fn to_bytes(&self) -> Vec<u8> {
        let inputs = self.inputs.iter().map(|(path, input)| {
            let (value, thunk, output) = match &input.content {
                Content::Value(digest) => (Some(digest.message()), None, String::new()),
                Content::Output { thunk, path } => (None, Some(thunk.0.message()), path.to_string()),
            };
            InputMessage { path: path.to_string(), executable: input.executable, value, thunk, output }
        });
        let of_kind = |wanted| self.outputs.iter().filter(move |(_, kind)| **kind == wanted);
        let message = ThunkMessage {
            command: Some(self.command()),
            inputs: inputs.collect(),
            timeout: self.timeout.map(to_message),
            salt: self.salt.clone(),
            thunk_outputs: of_kind(OutputKind::Thunk).map(|(path, _)| path.to_string()).collect(),
            platform: self.platform().properties,
        };
        [MAGIC, &message.encode_to_vec()].concat()
    }

    /// Reads what [`Thunk::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ThunkError> {
        if bytes.len() > Self::MAX_BYTES {
            return Err(ThunkError::TooLarge(bytes.len()));
        }
        let message = bytes.strip_prefix(MAGIC).ok_or(ThunkError::NoThunk)?;
        let message = ThunkMessage::decode(message).map_err(ThunkError::Message)?;
        let command = message.command.unwrap_or_default();
        let mut thunk = Self {
            arguments: command.arguments,
            environment: command.environment_variables.into_iter().map(|it| (it.name, it.value)).collect(),
            timeout: message.timeout.map(from_message),
            platform: message.platform.into_iter().map(|it| (it.name, it.value)).collect(),
            salt: message.salt,
            ..Self::default()
        };
        for path in command.output_paths {
            thunk.outputs.insert(RelativePath::new(path)?, OutputKind::Value);
        }
        for path in message.thunk_outputs {
            thunk.outputs.insert(RelativePath::new(path)?, OutputKind::Thunk);
        }
        for input in message.inputs {
            let path = RelativePath::new(input.path)?;
            let content = match (&input.value, &input.thunk) {
                (Some(value), None) => Content::Value(Digest::from_message(value)?),
                (None, Some(thunk)) => Content::Output {
                    thunk: ThunkId(Digest::from_message(thunk)?),
                    path: RelativePath::new(input.output)?,
                },
                _ => return Err(ThunkError::Content(path)),
            };
            thunk.inputs.insert(path, Input { content, executable: input.executable });
        }
        thunk.check()?;
        Ok(thunk)
    }

    /// The command as the Remote Execution API has it, everything in its canonical order.
    pub(crate) fn command(&self) -> api::Command {
        let variable = |(name, value): (&String, &String)| api::command::EnvironmentVariable {
            name: name.clone(),
            value: value.clone(),
        };
        api::Command {
            arguments: self.arguments.clone(),
            environment_variables: self.environment.iter().map(variable).collect(),
            output_paths: self.outputs.keys().map(ToString::to_string).collect(),
            ..api::Command::default()
        }
    }

    /// What is asked of the machine.
    pub(crate) fn platform(&self) -> api::Platform {
        let property =
            |(name, value): (&String, &String)| api::platform::Property { name: name.clone(), value: value.clone() };
        api::Platform { properties: self.platform.iter().map(property).collect() }
    }
}

pub(crate) fn to_message(duration: Duration) -> protobuf::Duration {
    protobuf::Duration {
        seconds: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
        nanos: duration.subsec_nanos() as i32,
    }
}

pub(crate) fn from_message(message: protobuf::Duration) -> Duration {
    let seconds = u64::try_from(message.seconds).unwrap_or(0);
    Duration::new(seconds, u32::try_from(message.nanos).unwrap_or(0).min(999_999_999))
}

/// What a thunk's bytes begin with.
const MAGIC: &[u8] = b"oyster thunk 1\n";

/// A thunk on disk and between functions: what the Remote Execution API says of an action but its inputs, and these.
#[derive(Clone, PartialEq, Message)]
struct ThunkMessage {
    #[prost(message, optional, tag = "1")]
    command: Option<api::Command>,
    #[prost(message, repeated, tag = "2")]
    inputs: Vec<InputMessage>,
    #[prost(message, optional, tag = "3")]
    timeout: Option<protobuf::Duration>,
    #[prost(bytes = "vec", tag = "4")]
    salt: Vec<u8>,
    /// Those of the command's outputs that are thunks.
    #[prost(string, repeated, tag = "5")]
    thunk_outputs: Vec<String>,
    #[prost(message, repeated, tag = "6")]
    platform: Vec<api::platform::Property>,
}

/// Either `value` or `thunk` and `output`.
#[derive(Clone, PartialEq, Message)]
struct InputMessage {
    #[prost(string, tag = "1")]
    path: String,
    #[prost(bool, tag = "2")]
    executable: bool,
    #[prost(message, optional, tag = "3")]
    value: Option<api::Digest>,
    #[prost(message, optional, tag = "4")]
    thunk: Option<api::Digest>,
    #[prost(string, tag = "5")]
    output: String,
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    pub(crate) fn path(path: &str) -> RelativePath {
        RelativePath::new(path).unwrap()
    }

    fn any_path() -> impl Strategy<Value = RelativePath> {
        "[a-c]{1,2}(/[a-c]{1,2}){0,2}".prop_map(|text| path(&text))
    }

    fn any_digest() -> impl Strategy<Value = Digest> {
        prop::collection::vec(any::<u8>(), 0..9).prop_map(|data| Digest::of(&data))
    }

    fn any_input() -> impl Strategy<Value = Input> {
        let value = any_digest().prop_map(Input::value);
        let output = (any_digest(), any_path()).prop_map(|(thunk, path)| Input::output(ThunkId(thunk), path));
        (prop_oneof![value, output], any::<bool>()).prop_map(|(input, executable)| Input { executable, ..input })
    }

    fn any_thunk() -> impl Strategy<Value = Thunk> {
        let words = || prop::collection::btree_map("\\PC{1,9}", "\\PC{0,9}", 0..4);
        let kind = prop_oneof![Just(OutputKind::Value), Just(OutputKind::Thunk)];
        (
            prop::collection::vec("\\PC{0,9}", 1..4),
            (words(), words(), prop::collection::vec(any::<u8>(), 0..9)),
            prop::collection::btree_map(any_path(), any_input(), 0..5),
            prop::collection::btree_map(any_path(), kind, 1..4),
            prop::option::of((0..9_999_999u64, 0..1_000_000_000u32)),
        )
            .prop_map(|(arguments, (environment, platform, salt), inputs, outputs, timeout)| Thunk {
                arguments,
                environment,
                inputs,
                outputs,
                timeout: timeout.map(|(seconds, nanos)| Duration::new(seconds, nanos)),
                platform,
                salt,
            })
    }

    proptest! {
        #[test]
        fn a_thunk_reads_back_or_says_what_is_wrong_with_it(thunk in any_thunk()) {
            prop_assert_eq!(Thunk::from_bytes(&thunk.to_bytes()), thunk.check().map(|()| thunk));
        }

        #[test]
        fn any_bytes_are_a_thunk_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Thunk::from_bytes(&[MAGIC, &bytes].concat());
            prop_assert!(Thunk::from_bytes(&bytes).is_err());
        }

        #[test]
        fn a_damaged_thunk_is_another_or_an_error(thunk in any_thunk(), at in any::<prop::sample::Index>(), by in 1..=255u8) {
            let mut bytes = thunk.to_bytes();
            let at = at.index(bytes.len());
            bytes[at] ^= by;
            if let Ok(other) = Thunk::from_bytes(&bytes) {
                prop_assert!(other.check().is_ok());
            }
        }
    }

    #[test]
    fn a_path_means_one_thing() {
        let thunk = Thunk::new(["run"], [path("out")]);
        let value = || Input::value(Digest::of(b"x"));
        assert_eq!(thunk.check(), Ok(()));
        for (inputs, taken) in
            [(&["out"][..], "out"), (&["a", "a/b"], "a"), (&["a", "a-b", "a/b/c"], "a"), (&["out/x"], "out")]
        {
            let thunk = inputs.iter().fold(thunk.clone(), |thunk, input| thunk.with_input(path(input), value()));
            assert_eq!(thunk.check(), Err(ThunkError::Taken(path(taken))));
        }
        assert_eq!(Thunk::new(Vec::<String>::new(), [path("out")]).check(), Err(ThunkError::NoArguments));
        assert_eq!(Thunk::new(["run"], []).check(), Err(ThunkError::NoOutputs));
    }
}
