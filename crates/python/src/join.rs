//! Joins the files of an answer into one script: imported files are placed before their importer,
//! and the imports between them are removed.
//!
//! `graph` decides which file is the script and in which order the others come; `flatten` joins
//! them into one text, or reports conflicting names.

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
    /// Its path in the answer, such as `pkg/shapes.py`; empty if there is none.
    pub name: String,
    /// Its content.
    pub text: String,
}

/// Joins the files of an answer into one script; `None` if none of them imports another one.
///
/// # Errors
/// The reason why they can't be joined, as a message to the model.
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

/// Whether a script imports a module that is neither in the standard library nor in a known
/// package: another file of the same answer may follow.
#[must_use]
pub fn may_need_more(script: &str) -> bool {
    let known = |module: &String| known::is_known(distribution(module));
    outline::of(script).is_ok_and(|outline| !outline.modules.iter().all(known))
}

#[cfg(test)]
mod tests;
