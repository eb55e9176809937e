//! A table as it is described: its columns, how many rows, and the first ones.

use super::{cut, plural};
use std::fmt::Write as _;

/// Characters of a line of the first rows, and of a column's name.
const LINE: usize = 160;
const NAME: usize = 40;

/// How many rows there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rows {
    /// All were counted.
    Exactly(u64),
    /// Estimated from a part.
    About(u64),
    /// Nobody knows.
    Unknown,
}

impl Rows {
    pub(super) fn words(self, one: &str, many: &str) -> Option<String> {
        match self {
            Self::Exactly(n) => Some(plural(n, one, many)),
            Self::About(n) => Some(format!("about {} (estimated)", plural(rounded(n), one, many))),
            Self::Unknown => None,
        }
    }
}

/// The first two digits: an estimate has no more.
fn rounded(n: u64) -> u64 {
    let unit = 10_u64.pow(n.checked_ilog10().unwrap_or(0).saturating_sub(1));
    (n + unit / 2) / unit * unit
}

/// A column.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) name: String,
    /// Its type, in words.
    pub(super) kind: String,
    /// How many of the values that were looked at are not there.
    pub(super) missing: u64,
}

/// A table.
#[derive(Clone, Debug)]
pub(super) struct Table {
    /// What it is called, where a file holds several.
    pub(super) name: Option<String>,
    pub(super) rows: Rows,
    pub(super) columns: Vec<Column>,
    /// The first rows, a line each, with a line of the columns' names before them.
    pub(super) lines: Vec<String>,
}

impl Table {
    /// The columns and the first rows, within so many characters.
    pub(super) fn text(&self, room: usize) -> String {
        let mut text = String::new();
        if !self.columns.is_empty() {
            let part = if self.lines.is_empty() { room } else { room * 6 / 10 };
            let _ = write!(text, "Columns: {}.", self.columns(part.saturating_sub(40)));
        }
        let title = if text.is_empty() { "First rows:" } else { " First rows:" };
        let mut left = room.saturating_sub(text.chars().count() + title.len());
        let mut rows = String::new();
        for line in &self.lines {
            let line = cut(line, LINE);
            let length = line.chars().count() + 1;
            if length > left {
                break;
            }
            left -= length;
            let _ = write!(rows, "\n{line}");
        }
        if !rows.is_empty() {
            text.push_str(title);
            text.push_str(&rows);
        }
        text
    }

    /// The columns' names and kinds, as many as there is room for.
    fn columns(&self, room: usize) -> String {
        let mut text = String::new();
        for (n, column) in self.columns.iter().enumerate() {
            let missing = match column.missing {
                0 => String::new(),
                n => format!(", {n} missing"),
            };
            let before = if n == 0 { "" } else { ", " };
            let one = format!("{before}{} ({}{missing})", label(&column.name), column.kind);
            if n > 0 && text.chars().count() + one.chars().count() > room {
                let rest = (self.columns.len() - n) as u64;
                let _ = write!(text, ", and {}", plural(rest, "more", "more"));
                break;
            }
            text.push_str(&one);
        }
        text
    }
}

/// A name as a script has to write it: quoted where its ends could not be seen.
pub(super) fn label(name: &str) -> String {
    let shown = cut(name, NAME);
    if name.is_empty() {
        return "\"\"".to_owned();
    }
    if name.trim() != name || name.contains([',', '(', ')', ';']) {
        return format!("\"{shown}\"");
    }
    shown
}
