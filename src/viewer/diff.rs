//! Two versions beside each other, with the words marked that differ.

use super::cut;
use super::script::{LONGEST, WIDEST};
use crate::diff::{self, Words};
use serde::Serialize;

/// Rows of a comparison that a page holds.
const ROWS: usize = 400;

/// Two versions compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diff {
    /// The old version.
    pub old: u32,
    /// The new version.
    pub new: u32,
    /// Lines that only the new one has.
    pub added: usize,
    /// Lines that only the old one has.
    pub removed: usize,
    /// What differs, with a few lines around it; none where the scripts are too long to be compared.
    pub rows: Option<Vec<Row>>,
    /// Rows that were left out at the end.
    pub more: usize,
}

/// A row of two scripts beside each other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Lines that are the same were left out here: the row has no sides.
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
    /// Its parts, and whether each stands on this side only.
    pub words: Words,
}

impl Diff {
    /// Compares two versions: their numbers and scripts. There are at most `limit` rows.
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
