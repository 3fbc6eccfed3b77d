//! `oyster thunk explain`.

use std::path::PathBuf;

use anyhow::{Context, Result};
use oyster_thunks::{dot, tree};
use serde::Serialize;

use super::drawing::drawing;
use super::target::Target;
use crate::engine::StoreArguments;
use crate::files;
use crate::values::JsonOutput;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// A thunk
    target: PathBuf,
    /// Draw it, too, as SVG
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Describe it in the language of Graphviz, too
    #[arg(long, value_name = "FILE")]
    dot: Option<PathBuf>,
    #[command(flatten)]
    store: StoreArguments,
    #[command(flatten)]
    json: JsonOutput,
}

#[derive(Debug, Serialize)]
struct Figures {
    target: String,
    thunks: Vec<ThunkFigures>,
    #[serde(skip)]
    tree: String,
}

#[derive(Debug, Serialize)]
struct ThunkFigures {
    name: String,
    command: Vec<String>,
    makes: Vec<String>,
    needs: Vec<String>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    arguments.json.expected()?;
    let Target { thunk, graph, .. } = Target::open(&arguments.store.open()?, &arguments.target)?;
    if let Some(path) = &arguments.svg {
        let drawn = drawing(&graph, thunk).with_context(|| {
            let told = arguments.target.display();
            format!("{told}: a graph of {} thunks is too large to be drawn; --dot describes it", graph.len())
        })?;
        files::write(path, drawn.as_bytes())?;
    }
    if let Some(path) = &arguments.dot {
        files::write(path, dot(&graph).as_bytes())?;
    }
    let thunks = graph.iter().map(|(id, thunk)| ThunkFigures {
        name: id.to_string(),
        command: thunk.arguments.clone(),
        makes: thunk.outputs.keys().map(ToString::to_string).collect(),
        needs: thunk.references().map(|(needed, _)| needed.to_string()).collect(),
    });
    let figures = Figures { target: thunk.to_string(), thunks: thunks.collect(), tree: tree(&graph, thunk) };
    arguments.json.write_or_print(&figures, |figures| figures.tree.clone())
}
