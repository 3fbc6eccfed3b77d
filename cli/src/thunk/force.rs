//! `oyster thunk force`.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow};
use oyster_thunks::{Content, Engine, Event, ForceError, Graph, Input, Reducer, TaskCost, Thunk, ThunkId};
use serde::Serialize;

use super::target;
use crate::engine::{Counts, EngineArguments, fetch, telling};
use crate::model::{self, Simulated};
use crate::progress::Progress;
use crate::values::JsonOutput;
use crate::words;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Thunks and placeholders; each is replaced by the file it stands for. Of a folder, all that are in it
    #[arg(required = true, value_name = "TARGET")]
    targets: Vec<PathBuf>,
    /// Say besides what a cluster of so many workers would have taken, by a model: thunks run as long as they ran now
    #[arg(long, value_name = "WORKERS,…", value_delimiter = ',')]
    simulate: Vec<NonZero<usize>>,
    #[command(flatten)]
    engine: EngineArguments,
    #[command(flatten)]
    json: JsonOutput,
}

#[derive(Debug, Serialize)]
pub(super) struct Figures {
    #[serde(flatten)]
    counts: Counts,
    wall_s: f64,
    /// How long thunks ran, added up.
    ran_s: f64,
    critical_path_s: f64,
    /// A model, not measured.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    simulated: Vec<Simulated>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    arguments.json.expected()?;
    let figures = force(&arguments.targets, &arguments.engine, &arguments.simulate)?;
    arguments.json.write_or_print(&figures, |Figures { counts, simulated, .. }| {
        let Counts { thunks, executed, memoised, .. } = counts;
        format!("{thunks} thunks: {executed} run, {memoised} remembered\n{}", model::words(simulated))
    })
}

/// Puts files in the place of what stands for them.
#[expect(clippy::disallowed_methods, reason = "how long a person has waited is a matter of real time")]
pub(super) fn force(targets: &[PathBuf], arguments: &EngineArguments, simulated: &[NonZero<usize>]) -> Result<Figures> {
    let begin = Instant::now();
    let (store, remote) = (arguments.open_store()?, arguments.connect()?);
    let engine: &dyn Engine = remote.as_ref().map_or(&store, |remote| remote);
    let targets = target::open(&store, targets)?;
    let mut graph = Graph::default();
    for target in &targets {
        graph.join(&target.graph);
    }
    let ids: Vec<_> = targets.iter().map(|target| target.thunk).collect();
    let sources = |digest| store.fetch(digest).map_err(std::io::Error::other);
    let (progress, took) = (Mutex::new(Progress::of("thunks made")), Mutex::new(BTreeMap::new()));
    let heard = |event: Event| {
        took.lock().unwrap_or_else(PoisonError::into_inner).insert(event.thunk, event.took);
        telling(&progress, 0)(event)
    };
    let forced = arguments.force(engine, graph.clone(), &ids, &sources, &heard);
    drop(progress);
    let forced = forced.map_err(in_its_own_words)?;
    let mut counts = Counts::default();
    counts.add(&forced);
    for target in &targets {
        let made = forced.outputs.get(&target.thunk).and_then(|made| made.get(&target.output));
        let made = made.with_context(|| format!("{}: its thunk has made nothing", target.path.display()))?;
        target.become_file(&fetch(engine, made.digest)?, made.executable)?;
        counts.fetched_bytes += made.digest.bytes();
    }
    engine.shrink()?;
    let took = took.into_inner().unwrap_or_else(PoisonError::into_inner);
    let simulate = |&workers: &NonZero<usize>| -> Result<Simulated> {
        Ok(model::on_cluster(Reducer::new(graph.clone(), &ids)?, &cost(&took), workers))
    };
    Ok(Figures {
        counts,
        wall_s: begin.elapsed().as_secs_f64(),
        ran_s: forced.ran.as_secs_f64(),
        critical_path_s: forced.critical_path.as_secs_f64(),
        simulated: simulated.iter().map(simulate).collect::<Result<_>>()?,
    })
}

/// What each thunk costs that ran as long as it `took`.
fn cost(took: &BTreeMap<ThunkId, Duration>) -> impl Fn(ThunkId, &Thunk) -> TaskCost {
    let bytes = |input: &Input| if let Content::Value(digest) = &input.content { digest.bytes() } else { 0 };
    move |id, thunk| TaskCost {
        runs: took.get(&id).copied().unwrap_or_default(),
        moved_bytes: thunk.inputs.values().map(bytes).sum(),
    }
}

/// What a function said in several lines goes before the line on what failed: a compiler's words are for people.
fn in_its_own_words(error: anyhow::Error) -> anyhow::Error {
    let Some(ForceError::Failed { command, failure, .. }) = error.downcast_ref::<ForceError>() else { return error };
    let said = failure.stderr.trim_end();
    if !said.contains('\n') {
        return error;
    }
    words::tell_of_another(said);
    anyhow!("{}: {}", command.join(" "), failure.reason)
}
