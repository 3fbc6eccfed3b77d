//! `oyster thunk force`.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Instant;

use anyhow::{Context, Result};
use oyster_thunks::{Engine, Graph};
use serde::Serialize;

use super::target::Target;
use crate::engine::{EngineArguments, fetch, telling};
use crate::files;
use crate::progress::Progress;
use crate::values::JsonOutput;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Thunks; each is replaced by the file it stands for
    #[arg(required = true, value_name = "TARGET")]
    targets: Vec<PathBuf>,
    #[command(flatten)]
    engine: EngineArguments,
    #[command(flatten)]
    json: JsonOutput,
}

#[derive(Debug, Serialize)]
struct Figures {
    thunks: usize,
    executed: usize,
    memoised: usize,
    stored_bytes: u64,
    fetched_bytes: u64,
    wall_s: f64,
    /// How long thunks ran, added up.
    ran_s: f64,
    critical_path_s: f64,
}

#[expect(clippy::disallowed_methods, reason = "how long a person has waited is a matter of real time")]
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    arguments.json.expected()?;
    let begin = Instant::now();
    let (store, remote) = (arguments.engine.open_store()?, arguments.engine.connect()?);
    let engine: &dyn Engine = remote.as_ref().map_or(&store, |remote| remote);
    let opened = arguments.targets.iter().map(|path| Target::open(&store, path));
    let targets = opened.collect::<Result<Vec<Target>>>()?;
    let mut graph = Graph::default();
    for target in &targets {
        graph.join(&target.graph);
    }
    let ids: Vec<_> = targets.iter().map(|target| target.thunk).collect();
    let sources = |digest| store.fetch(digest).map_err(std::io::Error::other);
    let progress = Mutex::new(Progress::of("thunks made"));
    let forced = arguments.engine.force(engine, graph, &ids, &sources, &telling(&progress, 0))?;
    drop(progress);
    let mut fetched_bytes = forced.fetched_bytes;
    for Target { path, thunk, output, .. } in &targets {
        let file = forced.outputs.get(thunk).and_then(|made| made.get(output));
        let file = file.with_context(|| format!("{}: its thunk has made nothing", path.display()))?;
        files::write(path, &fetch(engine, file.digest)?)?;
        fetched_bytes += file.digest.bytes();
        if file.executable {
            let mode = std::fs::Permissions::from_mode(0o755);
            std::fs::set_permissions(path, mode).with_context(|| files::writing(path))?;
        }
    }
    engine.shrink()?;
    let figures = Figures {
        thunks: forced.executed + forced.memoised,
        executed: forced.executed,
        memoised: forced.memoised,
        stored_bytes: forced.stored_bytes,
        fetched_bytes,
        wall_s: begin.elapsed().as_secs_f64(),
        ran_s: forced.ran.as_secs_f64(),
        critical_path_s: forced.critical_path.as_secs_f64(),
    };
    arguments.json.write_or_print(&figures, |Figures { thunks, executed, memoised, .. }| {
        format!("{thunks} thunks: {executed} run, {memoised} remembered\n")
    })
}
