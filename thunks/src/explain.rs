//! Graphs for people: as an indented tree, and for Graphviz.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::graph::Graph;
use crate::path::RelativePath;
use crate::thunk::{Thunk, ThunkId};

/// What a thunk is made from, indented; what was said already is only named again.
pub fn tree(graph: &Graph, target: ThunkId) -> String {
    let (mut text, mut said) = (String::new(), BTreeSet::new());
    let mut open = vec![(target, 0)];
    while let Some((id, depth)) = open.pop() {
        let Some(thunk) = graph.get(id) else { continue };
        let is_new = said.insert(id);
        let outputs: Vec<&str> = thunk.outputs.keys().map(RelativePath::as_str).collect();
        let (name, seen) = (short(id), if is_new { "" } else { " (see above)" });
        let _ = writeln!(
            text,
            "{:indent$}{name} {} = {}{seen}",
            "",
            outputs.join(", "),
            command(thunk),
            indent = 2 * depth
        );
        if is_new {
            let needed: BTreeSet<ThunkId> = thunk.references().map(|(needed, _)| needed).collect();
            open.extend(needed.into_iter().rev().map(|needed| (needed, depth + 1)));
        }
    }
    text
}

/// The whole graph in Graphviz's language: an arrow from what is made to what is made from it.
pub fn dot(graph: &Graph) -> String {
    let mut text = "digraph thunks {\n  rankdir=LR\n  node [shape=box fontname=monospace]\n".to_owned();
    for (id, thunk) in graph.iter() {
        let label = format!("{}\n{}", short(id), command(thunk));
        let _ = writeln!(text, "  {} [label={}]", quoted(&short(id)), quoted(&label));
        for (needed, path) in thunk.references() {
            let _ = writeln!(
                text,
                "  {} -> {} [label={}]",
                quoted(&short(needed)),
                quoted(&short(id)),
                quoted(path.as_str())
            );
        }
    }
    text + "}\n"
}

fn short(id: ThunkId) -> String {
    id.0.hash()[..12].to_owned()
}

fn command(thunk: &Thunk) -> String {
    let whole = thunk.arguments.join(" ");
    match whole.char_indices().nth(MOST_COMMAND_CHARACTERS) {
        Some((end, _)) => format!("{}…", &whole[..end]),
        None => whole,
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}

/// A line on a screen.
const MOST_COMMAND_CHARACTERS: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::thunk::Input;
    use crate::thunk::tests::path;

    #[test]
    fn a_graph_is_told_once() {
        let mut graph = Graph::default();
        let one = graph.insert(Thunk::new(["cut", "a \"b\""], [path("x"), path("y")])).unwrap();
        let two = Thunk::new(["join"], [path("z")]).with_input(path("1"), Input::output(one, path("x")));
        let two = graph.insert(two).unwrap();
        let three = Thunk::new(["end"], [path("e")])
            .with_input(path("1"), Input::output(one, path("x")))
            .with_input(path("2"), Input::output(two, path("z")));
        let three = graph.insert(three).unwrap();
        let told = tree(&graph, three);
        assert_eq!(told.matches("cut a \"b\"").count(), 2, "{told}");
        assert_eq!(told.matches("(see above)").count(), 1, "{told}");
        let drawn = dot(&graph);
        assert_eq!(drawn.matches(" -> ").count(), 3, "{drawn}");
        assert!(drawn.contains(r#"cut a \"b\""#), "{drawn}");
    }
}
