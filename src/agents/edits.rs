//! The Coder's answer as edits to the script in the prompt: search and replace blocks, or a diff as
//! models write it, with wrong line numbers or none.

mod apply;
mod diff;
mod search;

pub use apply::{Edited, apply};

use super::extract::{self, SyntaxProblem};
use super::fences::{self, Block};
use super::thoughts::after_thinking;
use super::{Refusal, RefusalKind, text};
use crate::domain::chat::Outcome;
use std::cell::Cell;

/// Maximum number of parser calls for one answer, and maximum size of all parsed text in bytes.
const MAX_PARSES: usize = 200;
const MAX_PARSED_BYTES: usize = 8 << 20;

/// Maximum number of edits in an answer.
const MAX_EDITS: usize = 200;

/// A line of an edit.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Line {
    Keep(String),
    Remove(String),
    Add(String),
}

/// An edit: adjacent lines of the script, some of which are removed or followed by new ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    lines: Vec<Line>,
    /// The lines if kept lines were written without the leading blank that marks them.
    unmarked: Option<Vec<Line>>,
    /// The line of the script where it starts, from 1, as stated by the model.
    at: Option<usize>,
}

impl Edit {
    /// The lines that it searches for.
    fn old(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().filter_map(|line| match line {
            Line::Keep(text) | Line::Remove(text) => Some(text.as_str()),
            Line::Add(_) => None,
        })
    }

    /// Whether it only adds lines, without a position.
    fn is_addition(&self) -> bool {
        self.old().all(|line| line.trim().is_empty())
    }

    fn changes(&self) -> bool {
        self.lines.iter().any(|line| !matches!(line, Line::Keep(_)))
    }
}

/// The edits in an answer, or a script along with them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Edits to the script in the prompt.
    Edits(Vec<Edit>),
    /// The whole script, which was given along with the edits.
    Script(String),
}

/// Parses the edits in an answer of the Coder to a prompt with the script `base`; `None` if it has
/// none.
///
/// # Errors
/// If the edits are incomplete.
#[must_use]
pub fn read(
    answer: &str,
    outcome: Outcome,
    base: &str,
    parses: &dyn Fn(&str) -> Result<(), SyntaxProblem>,
) -> Option<Result<Found, Refusal>> {
    let normal = text::normalise(answer);
    let text = after_thinking(&normal);
    let (calls, bytes) = (Cell::new(0), Cell::new(0));
    let fits = |text: &str| {
        calls.set(calls.get() + 1);
        bytes.set(bytes.get() + text.len());
        calls.get() <= MAX_PARSES && bytes.get() <= MAX_PARSED_BYTES && parses(text).is_ok()
    };
    let has_marks = search::has_marks(text);
    if !has_marks && !diff::may_be(text) {
        return None;
    }
    let blocks = fences::blocks(text, &fits);
    // A script may contain such marks in its strings.
    let scripts = || {
        let python = |block: &&Block| !fences::other_language(&block.tag) && !diff::is_diff(block);
        blocks.iter().filter(python).filter(|block| fits(&block.text))
    };
    if let Some(whole) = scripts().find(|block| extract::rewrites(base, &block.text)) {
        let others = has_marks || blocks.iter().any(diff::is_diff);
        return others.then(|| Ok(Found::Script(whole.text.clone())));
    }
    if has_marks && scripts().any(|block| search::has_marks(&block.text)) {
        return None;
    }
    let cut = outcome == Outcome::Cut;
    if has_marks {
        return Some(search::edits(text).map_or_else(|| Err(not_whole(cut)), bounded));
    }
    let diffs: Vec<&Block> = blocks.iter().filter(|block| diff::is_diff(block)).collect();
    if cut && diffs.last().is_some_and(|block| !block.closed) {
        return Some(Err(not_whole(cut)));
    }
    let mut edits: Vec<Edit> = diffs.iter().flat_map(|block| diff::edits(&block.text)).collect();
    if blocks.is_empty() {
        edits = diff::edits(&diff::bare(text)?);
    }
    (!edits.is_empty()).then(|| bounded(edits))
}

fn bounded(edits: Vec<Edit>) -> Result<Found, Refusal> {
    if edits.len() > MAX_EDITS {
        let reason = "There are too many edits. Write the whole script in one ```python block.";
        return Err(Refusal::new(RefusalKind::Edit, reason));
    }
    Ok(Found::Edits(edits))
}

fn not_whole(cut: bool) -> Refusal {
    if cut {
        let reason = "The answer was cut off at its length limit within an edit. Make fewer and \
                      shorter edits.";
        return Refusal::new(RefusalKind::CutOff, reason);
    }
    Refusal::new(
        RefusalKind::Edit,
        "An edit is not whole: each one has a line of `<<<<<<< SEARCH`, the lines to be changed, a line \
         of `=======`, the lines that replace them, and a line of `>>>>>>> REPLACE`. Or write the whole \
         script in one ```python block.",
    )
}

#[cfg(test)]
mod tests;
