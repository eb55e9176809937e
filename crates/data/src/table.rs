//! The description of a table: its columns, the number of rows, and the first rows.

use super::{cut, plural};
use std::fmt::Write as _;

/// Maximum characters of a shown row, and of a column's name.
const LINE: usize = 160;
const NAME: usize = 40;

/// The number of rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rows {
    /// Counted.
    Exactly(u64),
    /// Estimated from a part of the file.
    About(u64),
    /// Unknown.
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

/// Rounds an estimate to its first two digits.
fn rounded(n: u64) -> u64 {
    let unit = 10_u64.pow(n.checked_ilog10().unwrap_or(0).saturating_sub(1));
    (n + unit / 2) / unit * unit
}

/// A column.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) name: String,
    /// Its type, as text.
    pub(super) kind: String,
    /// Number of missing values in the examined rows.
    pub(super) missing: u64,
}

/// A table.
#[derive(Clone, Debug)]
pub(super) struct Table {
    /// Its name, if a file has several tables.
    pub(super) name: Option<String>,
    pub(super) rows: Rows,
    pub(super) columns: Vec<Column>,
    /// The first rows, one per line, after a line of column names.
    pub(super) lines: Vec<String>,
}

impl Table {
    /// The columns and the first rows, in at most `room` characters.
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

    /// Names and types of the columns, as many as fit into `room` characters.
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

/// A name as a script has to write it: quoted if its limits would not be visible.
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
