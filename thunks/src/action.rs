//! What a thunk becomes once all its inputs are known: an action of the Remote Execution API, its name and its parts.

use std::collections::BTreeMap;

use bazel_remote_apis::build::bazel::remote::execution::v2 as api;
use prost::Message;

use crate::digest::Digest;
use crate::path::RelativePath;
use crate::thunk::{Content, Thunk, ThunkId, to_message};

/// A file that a thunk has made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutputFile {
    /// What is in it.
    pub digest: Digest,
    /// Whether it may be run.
    pub executable: bool,
}

/// All files that a thunk has made.
pub type Outputs = BTreeMap<RelativePath, OutputFile>;

/// A function applied to values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Action {
    /// Its name: under it engines remember its outputs.
    pub digest: Digest,
    /// The messages that say what it is: itself, its command, its folders.
    pub messages: BTreeMap<Digest, Vec<u8>>,
    /// What is in the files that it sees.
    pub values: Vec<Digest>,
}

impl Thunk {
    /// The thunk as an action, where `made` tells what other thunks have made; the first one that it lacks otherwise.
    pub fn action(&self, made: impl Fn(ThunkId, &RelativePath) -> Option<OutputFile>) -> Result<Action, ThunkId> {
        let mut root = Folder::default();
        let mut values = Vec::new();
        for (path, input) in &self.inputs {
            let file = match &input.content {
                Content::Value(digest) => OutputFile { digest: *digest, executable: input.executable },
                Content::Output { thunk, path } => {
                    let file = made(*thunk, path).ok_or(*thunk)?;
                    OutputFile { executable: file.executable || input.executable, ..file }
                }
            };
            values.push(file.digest);
            root.add(path, file);
        }
        values.sort_unstable();
        values.dedup();
        let mut messages = BTreeMap::new();
        let mut command = self.command();
        // A name without a slash is looked for on the search path; an input is meant.
        if let Some(program) = command.arguments.first_mut().filter(|program| !program.contains('/')) {
            program.insert_str(0, "./");
        }
        let action = api::Action {
            command_digest: Some(keep(&command, &mut messages).message()),
            input_root_digest: Some(root.keep(&mut messages).message()),
            timeout: self.timeout.map(to_message),
            salt: self.salt.clone(),
            platform: Some(self.platform()).filter(|platform| !platform.properties.is_empty()),
            ..api::Action::default()
        };
        let digest = keep(&action, &mut messages);
        Ok(Action { digest, messages, values })
    }
}

/// A folder of the tree that a function sees.
#[derive(Default)]
struct Folder {
    files: BTreeMap<String, OutputFile>,
    folders: BTreeMap<String, Folder>,
}

impl Folder {
    fn add(&mut self, path: &RelativePath, file: OutputFile) {
        let mut names = path.names().peekable();
        let mut folder = self;
        while let Some(name) = names.next() {
            if names.peek().is_none() {
                folder.files.insert(name.to_owned(), file);
                return;
            }
            folder = folder.folders.entry(name.to_owned()).or_default();
        }
    }

    /// Puts the folder and those in it among the messages, and answers its name.
    fn keep(&self, messages: &mut BTreeMap<Digest, Vec<u8>>) -> Digest {
        let files = self.files.iter().map(|(name, file)| api::FileNode {
            name: name.clone(),
            digest: Some(file.digest.message()),
            is_executable: file.executable,
            node_properties: None,
        });
        let mut directories = Vec::new();
        for (name, folder) in &self.folders {
            directories.push(api::DirectoryNode { name: name.clone(), digest: Some(folder.keep(messages).message()) });
        }
        keep(&api::Directory { files: files.collect(), directories, ..api::Directory::default() }, messages)
    }
}

fn keep(message: &impl Message, messages: &mut BTreeMap<Digest, Vec<u8>>) -> Digest {
    let bytes = message.encode_to_vec();
    let digest = Digest::of(&bytes);
    messages.insert(digest, bytes);
    digest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::thunk::Input;
    use crate::thunk::tests::path;

    #[test]
    fn an_action_is_named_by_what_its_inputs_hold_and_not_by_who_made_them() {
        let digest = Digest::of(b"hello");
        let makers = [Thunk::new(["one"], [path("out")]), Thunk::new(["other"], [path("out")])];
        let actions = makers.each_ref().map(|maker| {
            let thunk =
                Thunk::new(["run"], [path("b")]).with_input(path("d/a"), Input::output(maker.id(), path("out")));
            assert_eq!(thunk.action(|_, _| None), Err(maker.id()));
            thunk.action(|_, _| Some(OutputFile { digest, executable: false })).unwrap()
        });
        assert_eq!(actions[0], actions[1]);
        let known = Thunk::new(["run"], [path("b")]).with_input(path("d/a"), Input::value(digest));
        assert_eq!(known.action(|_, _| None).unwrap(), actions[0]);
        // Action, command, root, d.
        assert_eq!(actions[0].messages.len(), 4);
        assert_eq!(actions[0].values, [digest]);
    }

    #[test]
    fn all_that_is_said_of_a_thunk_is_in_its_actions_name() {
        let thunk = Thunk::new(["run"], [path("b")]);
        let others = [
            Thunk { salt: vec![1], ..thunk.clone() },
            Thunk { timeout: Some(std::time::Duration::from_secs(1)), ..thunk.clone() },
            Thunk { arguments: vec!["run".into(), "x".into()], ..thunk.clone() },
            Thunk { environment: [("A".into(), "B".into())].into(), ..thunk.clone() },
            Thunk { platform: [("os".into(), "linux".into())].into(), ..thunk.clone() },
            thunk.clone().with_input(path("a"), Input::value(Digest::of(b""))),
            thunk.clone().with_input(path("a"), Input::value(Digest::of(b"")).executable()),
        ];
        let mut names: Vec<Digest> =
            others.iter().chain([&thunk]).map(|thunk| thunk.action(|_, _| None).unwrap().digest).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), others.len() + 1);
    }
}
