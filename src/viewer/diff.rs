//! Two versions side by side, with differing words marked.

use super::cut;
use super::script::{LONGEST, WIDEST};
use crate::diff::{self, Words};
use serde::Serialize;

/// Maximum number of rows of a comparison in a page.
const ROWS: usize = 400;

/// A comparison of two versions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diff {
    /// The old version.
    pub old: u32,
    /// The new version.
    pub new: u32,
    /// Number of lines that are only in the new version.
    pub added: usize,
    /// Number of lines that are only in the old version.
    pub removed: usize,
    /// The differences, with a few lines of context; `None` if the scripts are too long to compare.
    pub rows: Option<Vec<Row>>,
    /// Number of rows left out at the end.
    pub more: usize,
}

/// A row of a side-by-side comparison.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Equal lines were left out here; the row has no sides.
    pub gap: bool,
    /// Both sides are the same line.
    pub same: bool,
    /// The old line.
    pub old: Option<Side>,
    /// The new line.
    pub new: Option<Side>,
}

/// A line of one of two scripts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Side {
    /// Its number, from 1.
    pub line: usize,
    /// Its parts, each with whether it is only on this side.
    pub words: Words,
}

impl Diff {
    /// Compares two versions, each given by its number and script. The result has at most `limit`
    /// rows.
    #[must_use]
    pub fn of((old, before): (u32, &str), (new, after): (u32, &str), limit: usize) -> Self {
        let nothing = Self { old, new, added: 0, removed: 0, rows: None, more: 0 };
        if before.len().max(after.len()) > LONGEST {
            return nothing;
        }
        let mut rows = diff::rows(before, after);
        let differing = || rows.iter().filter(|row| !row.same);
        let added = differing().filter(|row| row.new.is_some()).count();
        let removed = differing().filter(|row| row.old.is_some()).count();
        let limit = limit.min(ROWS);
        let more = rows.len().saturating_sub(limit);
        rows.truncate(limit);
        let rows = rows.into_iter().map(row).collect();
        Self { added, removed, rows: Some(rows), more, ..nothing }
    }
}

fn row(diff::Row { old, new, same }: diff::Row) -> Row {
    let shorten = |(line, text): (usize, String)| (line, cut(&text, WIDEST));
    let (old, new) = (old.map(shorten), new.map(shorten));
    let gap = old.is_none() && new.is_none();
    let (old, new) = match (old, new) {
        (Some((old, before)), Some((new, after))) => {
            let (before, after) = diff::words(&before, &after);
            (Some(Side { line: old, words: before }), Some(Side { line: new, words: after }))
        }
        (old, new) => {
            let side = |(line, text)| Side { line, words: vec![(false, text)] };
            (old.map(side), new.map(side))
        }
    };
    Row { gap, same, old, new }
}
