//! A table as it is described: its columns, how many rows, and the first ones.

use super::kinds::{self, Values};
use super::{cut, plural};
use std::fmt::Write as _;

/// Cells that are looked at.
const MOST_CELLS: usize = 200_000;
/// Characters that are kept of a cell.
const CELL: usize = 60;
/// Characters of a line of the first rows, and of a column's name.
const LINE: usize = 160;
const NAME: usize = 40;
/// Rows that are shown.
const SHOWN: usize = 3;

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

/// Rows of text that become a table: which is the line of names, and what the columns hold, is
/// found out at the end.
#[derive(Default)]
pub(super) struct Grid {
    /// The rows that are kept, each with its line in the file.
    rows: Vec<(u64, Vec<String>)>,
    cells: usize,
    /// All rows, also those that are not kept.
    pub(super) seen: u64,
}

/// What a grid turned out to be.
pub(super) struct Found {
    pub(super) columns: Vec<Column>,
    pub(super) lines: Vec<String>,
    /// Rows before those of values: the names, and what stands before them.
    pub(super) before: u64,
    /// Worth knowing.
    pub(super) notes: Vec<String>,
}

impl Grid {
    /// Whether no further rows are kept.
    pub(super) const fn is_full(&self) -> bool {
        self.cells >= MOST_CELLS
    }

    /// One more row, of the file's line with this number.
    pub(super) fn push<'a>(&mut self, line: u64, row: impl Iterator<Item = &'a str>) {
        self.seen += 1;
        if self.is_full() {
            return;
        }
        let row: Vec<String> = row
            .take(MOST_CELLS)
            .map(|cell| {
                let end = cell.char_indices().nth(CELL).map_or(cell.len(), |(at, _)| at);
                cell[..end].to_owned()
            })
            .collect();
        self.cells += row.len();
        self.rows.push((line, row));
    }

    /// The number of fields that most rows have.
    fn width(&self) -> usize {
        let mut counts = std::collections::HashMap::<usize, usize>::new();
        for (_, row) in &self.rows {
            *counts.entry(row.len()).or_default() += 1;
        }
        counts.into_iter().max_by_key(|(width, n)| (*n, *width)).map_or(0, |(width, _)| width)
    }

    /// The table: `join` makes a line of a row. `ragged` rows have as many fields as are filled;
    /// `whole` is whether all rows were given.
    pub(super) fn finish(
        &self,
        ragged: bool,
        whole: bool,
        join: impl Fn(&[String]) -> String,
    ) -> Found {
        let width = if ragged {
            self.rows.iter().map(|(_, row)| row.len()).max().unwrap_or(0)
        } else {
            self.width()
        };
        let filled = |row: &[String]| row.iter().filter(|cell| !cell.trim().is_empty()).count();
        let full = self.rows.iter().take(20).map(|(_, row)| filled(row)).max().unwrap_or(0);
        // Titles and remarks stand before many a table.
        let first = self
            .rows
            .iter()
            .position(|(_, row)| if ragged { filled(row) * 2 > full } else { row.len() == width })
            .unwrap_or(0);
        let table = self.rows.get(first..).unwrap_or_default();
        let has_names = has_names(table, width);
        let values = table.get(usize::from(has_names)..).unwrap_or_default();
        let mut counted = vec![Values::default(); width];
        for (_, row) in values {
            for (n, column) in counted.iter_mut().enumerate() {
                column.add(row.get(n).map_or("", String::as_str));
            }
        }
        let names = table.first().filter(|_| has_names).map(|(_, row)| row.as_slice());
        let columns = counted.iter().enumerate().map(|(n, values)| Column {
            name: match names {
                Some(names) => names.get(n).cloned().unwrap_or_default(),
                None => format!("column {}", n + 1),
            },
            kind: values.kind(),
            missing: values.missing(),
        });
        let mut notes = Vec::new();
        if let Some((line, _)) = table.first().filter(|_| first > 0) {
            notes.push(format!("the table begins in line {line}"));
        }
        if !has_names && width > 0 {
            notes.push("no line of names".to_owned());
        }
        let odd = values.iter().filter(|(_, row)| row.len() != width).count() as u64;
        if !ragged && odd > 0 {
            notes.push(format!("{} another number of fields", plural(odd, "row has", "rows have")));
        }
        if !whole || (self.rows.len() as u64) < self.seen {
            let looked = plural(values.len() as u64, "row", "rows");
            notes.push(format!("types and missing values of the first {looked}"));
        }
        let shown = SHOWN + usize::from(has_names);
        Found {
            columns: columns.collect(),
            lines: table.iter().take(shown).map(|(_, row)| join(row)).collect(),
            before: (first + usize::from(has_names)) as u64,
            notes,
        }
    }
}

/// Whether the first row names the columns.
fn has_names(rows: &[(u64, Vec<String>)], width: usize) -> bool {
    let Some(((_, first), rest)) = rows.split_first() else { return false };
    let typed = |text: &str| {
        let mut values = Values::default();
        values.add(text);
        values.is_typed()
    };
    let numbers: Vec<&String> = first.iter().filter(|cell| typed(cell)).collect();
    if numbers.is_empty() {
        // Where nothing is there, nothing is named.
        return first.iter().take(width).filter(|cell| kinds::is_missing(cell)).count() * 2 < width
            || rest.is_empty();
    }
    let year = |cell: &&String| cell.trim().parse().is_ok_and(|n: u32| (1800..2200).contains(&n));
    let mut years = numbers.clone();
    years.dedup();
    numbers.len() > 1
        && numbers.len() < first.len()
        && numbers.iter().all(year)
        && years.len() == numbers.len()
}
