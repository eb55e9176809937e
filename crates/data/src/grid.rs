//! Collects rows of text and turns them into a table: the rows of names and the types of columns
//! are determined when all rows are there.

use super::head::{self, Head, Row, Spans};
use super::kinds::Values;
use super::plural;
use super::table::{Column, label};
use std::collections::HashMap;

/// Maximum number of cells that are kept.
const MOST_CELLS: usize = 200_000;
/// Maximum number of characters of a cell that are kept.
const CELL: usize = 60;
/// Number of rows that are shown.
const SHOWN: usize = 3;
/// Maximum number of duplicate names that are reported.
const TWICE: usize = 3;

/// Rows of a table, as they are read.
#[derive(Default)]
pub(super) struct Grid {
    rows: Vec<Row>,
    cells: usize,
    /// Number of all rows, including those that are not kept.
    pub(super) seen: u64,
    /// Number of durations in each column, if the file marks them.
    durations: HashMap<usize, u64>,
}

/// How the rows of a grid are interpreted.
#[derive(Default)]
pub(super) struct Meant<'a> {
    /// They come from a workbook: rows end at the last filled cell, and numbers have no separators.
    pub(super) workbook: bool,
    /// All rows of the file were added.
    pub(super) whole: bool,
    /// Horizontally merged cells: their line and columns.
    pub(super) spans: &'a Spans,
}

/// The resulting table.
pub(super) struct Found {
    pub(super) columns: Vec<Column>,
    pub(super) lines: Vec<String>,
    /// Number of rows before the values: names, and rows before them.
    pub(super) before: u64,
    /// Line of the first row of values.
    #[cfg(feature = "tables")]
    pub(super) first: u64,
    /// Remarks on the table.
    pub(super) notes: Vec<String>,
}

impl Grid {
    /// Whether no further rows are kept.
    pub(super) const fn is_full(&self) -> bool {
        self.cells >= MOST_CELLS
    }

    /// Adds a row from the file's line with this number.
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

    /// Counts a duration in this column of the next row.
    #[cfg(feature = "tables")]
    pub(super) fn has_duration(&mut self, column: usize) {
        if !self.is_full() {
            *self.durations.entry(column).or_default() += 1;
        }
    }

    /// The most common number of fields in a row.
    fn width(&self) -> usize {
        let mut counts = HashMap::<usize, usize>::new();
        for (_, row) in &self.rows {
            *counts.entry(row.len()).or_default() += 1;
        }
        counts.into_iter().max_by_key(|(width, n)| (*n, *width)).map_or(0, |(width, _)| width)
    }

    /// Creates the table; `join` formats a row as a line.
    pub(super) fn finish(&self, meant: &Meant<'_>, join: impl Fn(&[String]) -> String) -> Found {
        let width = if meant.workbook {
            self.rows.iter().map(|(_, row)| row.len()).max().unwrap_or(0)
        } else {
            self.width()
        };
        let head = head::find(&self.rows, width, meant.workbook, meant.spans);
        let width = width - usize::from(head.trailing);
        let values = self.rows.get(head.rows..).unwrap_or_default();
        let mut counted = vec![Values::default(); width];
        for (_, row) in values {
            for (n, column) in counted.iter_mut().enumerate() {
                column.add(row.get(n).map_or("", String::as_str));
            }
        }
        let commas = !meant.workbook && counted.iter().any(Values::has_decimal_commas);
        let columns = counted.iter().enumerate().map(|(n, values)| Column {
            name: match &head.names {
                Some(names) => names.get(n).cloned().unwrap_or_default(),
                None => format!("column {}", n + 1),
            },
            kind: if values.there() > 0 && self.durations.get(&n) == Some(&values.there()) {
                "duration".to_owned()
            } else {
                values.kind_beside(commas)
            },
            missing: values.missing(),
        });
        let columns: Vec<Column> = columns.collect();
        let shown = head.rows - head.titles + SHOWN;
        let rows = self.rows.get(head.titles..).unwrap_or_default();
        Found {
            lines: rows.iter().take(shown).map(|(_, row)| join(row)).collect(),
            before: head.rows as u64,
            #[cfg(feature = "tables")]
            first: values.first().map_or(u64::MAX, |(line, _)| *line),
            notes: self.notes(meant, &head, &columns, width),
            columns,
        }
    }

    /// Remarks on the rows.
    fn notes(
        &self,
        meant: &Meant<'_>,
        head: &Head,
        columns: &[Column],
        width: usize,
    ) -> Vec<String> {
        let mut notes = Vec::new();
        let values = self.rows.get(head.rows..).unwrap_or_default();
        if let Some((line, _)) = self.rows.get(head.titles).filter(|_| head.titles > 0) {
            notes.push(format!("the table begins in line {line}"));
        }
        if let Some((one, two)) = head.lines {
            let (zero, first) = (one.saturating_sub(1), two.saturating_sub(1));
            notes.push(format!(
                "lines {one} and {two} are both names (pandas: header=[{zero}, {first}])"
            ));
        }
        if head.names.is_none() && width > 0 {
            notes.push("no line of names".to_owned());
        }
        if head.trailing {
            notes.push(
                "each row ends in a separator and the line of names does not (pandas: index_col=False)"
                    .to_owned(),
            );
        }
        if head.unnamed {
            notes.push(
                "the line of names has one field less than the rows: the first column has no name \
                 (pandas takes it as the index)"
                    .to_owned(),
            );
        }
        let nameless = columns.iter().position(|column| column.name.is_empty());
        if let Some(n) = nameless.filter(|_| head.names.is_some() && !head.unnamed) {
            notes.push(format!("a column has no name (pandas: \"Unnamed: {n}\")"));
        }
        notes.extend(twice(columns).filter(|_| head.names.is_some() && head.lines.is_none()));
        let fields = width + usize::from(head.trailing);
        let odd = values.iter().filter(|(_, row)| row.len() != fields).count() as u64;
        if !meant.workbook && odd > 0 {
            notes.push(format!("{} another number of fields", plural(odd, "row has", "rows have")));
        }
        if !meant.whole || (self.rows.len() as u64) < self.seen {
            let looked = plural(values.len() as u64, "row", "rows");
            notes.push(format!("types and missing values of the first {looked}"));
        }
        notes
    }
}

/// Duplicate column names, and the names that pandas gives them.
fn twice(columns: &[Column]) -> impl Iterator<Item = String> {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    let mut at = HashMap::new();
    for name in columns.iter().map(|column| column.name.as_str()).filter(|name| !name.is_empty()) {
        let place = *at.entry(name).or_insert(counts.len());
        match counts.get_mut(place) {
            Some((_, count)) => *count += 1,
            None => counts.push((name, 1)),
        }
    }
    let several = counts.into_iter().filter(|(_, count)| *count > 1).take(TWICE);
    let told = several.map(|(name, count)| {
        let name = label(name);
        let more = if count > 2 { ", ..." } else { "" };
        let second = format!("{}.1", name.trim_matches('"'));
        format!("{count} columns are named {name} (pandas: {name}, {second}{more})")
    });
    told.collect::<Vec<_>>().into_iter()
}
