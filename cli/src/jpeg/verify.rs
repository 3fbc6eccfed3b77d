//! `oyster jpeg verify`.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use oyster_lepton::{Container, Damage, Executor, decode_all};
use serde::Serialize;

use super::inputs::gather;
use super::workers::{Workers, on_each};
use super::{SandboxArgument, ThreadsArgument, pack};
use crate::files::open;
use crate::progress::Progress;
use crate::values::JsonOutput;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Packed files, folders (their .oyl, and those below) or patterns
    #[arg(required = true, value_name = "IN")]
    inputs: Vec<PathBuf>,
    #[command(flatten)]
    threads: ThreadsArgument,
    #[command(flatten)]
    sandbox: SandboxArgument,
    #[command(flatten)]
    json: JsonOutput,
}

#[derive(Debug, Serialize)]
struct Figures {
    files: Vec<FileFigures>,
    damaged_files: usize,
}

#[derive(Debug, Serialize)]
struct FileFigures {
    input: PathBuf,
    original_bytes: u64,
    chunks: usize,
    /// Why nothing of it can be read, if so.
    error: Option<String>,
    damaged: Vec<DamageFigures>,
}

#[derive(Debug, Serialize)]
struct DamageFigures {
    from: u64,
    to: u64,
    what: String,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    arguments.json.expected()?;
    let inputs = gather(&arguments.inputs, &[pack::EXTENSION])?;
    let enter = arguments.sandbox.enter()?;
    let threads = arguments.threads.count();
    let mut progress = Progress::of("files verified");
    let files = match &inputs[..] {
        [input] => vec![verify_or_say(&input.path, &Workers { threads, enter })],
        inputs => {
            // Of many files each is work for one thread, which in the sandbox is one beside that which reads.
            let work = |input: &super::inputs::Input| verify_or_say(&input.path, &Workers { threads: 1, enter });
            on_each(inputs, threads, &work, &mut |count| progress.tell(count as u64))
        }
    };
    drop(progress);
    let damaged_files = files.iter().filter(|file| file.error.is_some() || !file.damaged.is_empty()).count();
    let figures = Figures { files, damaged_files };
    arguments.json.write_or_print(&figures, words)?;
    match &figures.files[..] {
        [file] if damaged_files > 0 => bail!("{}: damaged", file.input.display()),
        files if damaged_files > 0 => bail!("{damaged_files} of {} files are damaged", files.len()),
        _ => Ok(()),
    }
}

fn verify_or_say(input: &Path, executor: &dyn Executor) -> FileFigures {
    verify(input, executor).unwrap_or_else(|error| FileFigures {
        input: input.to_owned(),
        original_bytes: 0,
        chunks: 0,
        error: Some(format!("{error:#}")),
        damaged: Vec::new(),
    })
}

fn verify(input: &Path, executor: &dyn Executor) -> Result<FileFigures> {
    let mut container = Container::open(open(input)?).with_context(|| input.display().to_string())?;
    let original_bytes = container.header().file_bytes();
    let chunks = container.header().chunks();
    let mut damaged = Vec::new();
    decode_all(&mut container, 0..original_bytes, executor, &mut |task| {
        if let Err(Damage { bytes, what, .. }) = task.bytes {
            damaged.push(DamageFigures { from: bytes.start, to: bytes.end, what: what.into_owned() });
        }
        Ok(())
    })
    .with_context(|| input.display().to_string())?;
    Ok(FileFigures { input: input.to_owned(), original_bytes, chunks, error: None, damaged })
}

fn words(figures: &Figures) -> String {
    let mut text = String::new();
    for file in &figures.files {
        let input = file.input.display();
        match &file.error {
            Some(error) => text.push_str(&format!("{error}\n")),
            None if file.damaged.is_empty() => {
                text.push_str(&format!("{input}: whole, {} bytes in {} chunks\n", file.original_bytes, file.chunks));
            }
            None => {
                for DamageFigures { from, to, what } in &file.damaged {
                    text.push_str(&format!("{input}: bytes {from}-{to} are damaged: {what}\n"));
                }
            }
        }
    }
    text
}
