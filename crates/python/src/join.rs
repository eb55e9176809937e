//! An answer in several files becomes one script: what one imports of another is put before it, and the
//! import is taken out.
//!
//! Which file is the script, and in which order the others come, `graph` says; `flatten` puts them into
//! one text, or says which names are in the way.

mod flatten;
mod graph;

use super::depth::with_room;
use super::distributions::distribution;
use super::packages::known;
use super::parts::Put;
use super::{check, outline};
use graph::Graph;

/// A file of an answer: Python that parses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its path as the answer names it, `pkg/shapes.py`; empty if it does not.
    pub name: String,
    /// What is in it.
    pub text: String,
}

/// The one script that the files of an answer make; `None` if none of them imports another one.
///
/// # Errors
/// In words for the model: they can't be joined.
#[must_use]
pub fn join(files: &[File]) -> Option<Result<Put, String>> {
    let joined = with_room(|| {
        let graph = Graph::of(files)?;
        Some(graph.and_then(|graph| flatten::flatten(&graph)))
    });
    let put = match joined.flatten()? {
        Ok(put) => put,
        Err(reason) => return Some(Err(reason)),
    };
    Some(match check::syntax(&put.script) {
        Ok(()) => Ok(put),
        Err(problem) => Err(format!(
            "The answer has several files, and joined to one script they do not parse: line {}: {}.",
            problem.line, problem.message
        )),
    })
}

/// Whether a script imports something that comes neither with Python nor from a package that is known:
/// another file of the answer that it stands in may follow.
#[must_use]
pub fn may_need_more(script: &str) -> bool {
    let known = |module: &String| known::is_known(distribution(module));
    outline::of(script).is_ok_and(|outline| !outline.modules.iter().all(known))
}

#[cfg(test)]
mod tests;
