//! CSV and its kin, with any separator.

use super::Look;
use super::table::{Grid, Table};
use super::text::Text;
use csv::{ReaderBuilder, StringRecord};

/// The usual separators, the one that is meant first where several would do: numbers have commas.
const USUAL: [u8; 4] = *b"\t;|,";
/// The others. They are not looked for in files that are known to be something else.
const OTHERS: [u8; 11] = *b":^~#!&*/\x01\x1f ";
/// Files that can be tables with such separators.
const MAYBE: [&str; 9] = ["csv", "tsv", "tab", "psv", "ssv", "dat", "data", "txt", ""];
/// Files that are none, however many commas they have.
const NEVER: [&str; 20] = [
    "py", "md", "rst", "html", "htm", "xml", "svg", "yaml", "yml", "toml", "ini", "cfg", "js",
    "ts", "css", "sql", "sh", "tex", "json", "ipynb",
];
/// Files that are tables.
const SURELY: [&str; 5] = ["csv", "tsv", "tab", "psv", "ssv"];
/// Bytes and rows that a separator is found by.
const PROBED: usize = 256 * 1024;
const PROBED_ROWS: usize = 300;

/// The table in a text, if there is one.
pub(super) fn read(text: &Text, extension: &str, bytes: u64) -> Option<Look> {
    let surely = SURELY.contains(&extension);
    let separator = separator(text, extension).or(surely.then_some(b','))?;
    let mut grid = Grid::default();
    let mut rows = records(&text.content, separator);
    let mut record = StringRecord::new();
    while matches!(rows.read_record(&mut record), Ok(true)) {
        if !text.whole && rows.is_done() {
            // It was cut in the middle.
            break;
        }
        grid.push(line_of(&record, &text.content), record.iter());
    }
    let found = grid.finish(false, text.whole, |row| joined(row, separator));
    let mut look = Look::new(if separator == b'\t' { "TSV" } else { "CSV" });
    if separator != b'\t' && found.columns.len() > 1 {
        look.facts.push(format!("separator {}", name(separator)));
    }
    look.facts.extend(text.fact());
    look.facts.extend(found.notes);
    look.tables.push(Table {
        name: None,
        rows: text.rows(grid.seen.saturating_sub(found.before), bytes),
        columns: found.columns,
        lines: found.lines,
    });
    Some(look)
}

/// The line that a record begins in: empty ones before it are taken for its own.
fn line_of(record: &StringRecord, text: &str) -> u64 {
    let Some(position) = record.position() else { return 0 };
    let from = usize::try_from(position.byte()).unwrap_or(0);
    let before = text.as_bytes()[from.min(text.len())..].iter();
    let empty = before.take_while(|b| matches!(b, b'\r' | b'\n')).filter(|b| **b == b'\n').count();
    position.line() + empty as u64
}

fn records(text: &str, separator: u8) -> csv::Reader<&[u8]> {
    let mut builder = ReaderBuilder::new();
    builder.delimiter(separator).has_headers(false).flexible(true);
    builder.from_reader(text.as_bytes())
}

fn name(separator: u8) -> String {
    match separator {
        b' ' => "a blank".to_owned(),
        b if b.is_ascii_control() => format!("\"\\x{b:02x}\""),
        b => format!("\"{}\"", char::from(b)),
    }
}

/// The row as it can stand in the file.
fn joined(row: &[String], separator: u8) -> String {
    let mut writer = csv::WriterBuilder::new().delimiter(separator).from_writer(Vec::new());
    let written = writer.write_record(row).is_ok();
    let bytes = writer.into_inner().unwrap_or_default();
    let line = String::from_utf8(bytes).unwrap_or_default();
    if written { line.trim_end_matches('\n').to_owned() } else { row.join(",") }
}

/// What separates the fields: with it nearly all rows have the same number of them.
fn separator(text: &Text, extension: &str) -> Option<u8> {
    let surely = SURELY.contains(&extension);
    let (least_share, least_rows) = if surely { (50, 1) } else { (90, 3) };
    let probe = &text.content[..text.content.floor_char_boundary(PROBED)];
    // What has paragraphs is meant to be read.
    let is_prose = || probe.trim().contains("\n\n") || probe.trim().contains("\n\r\n");
    if !surely && (NEVER.contains(&extension) || is_prose()) {
        return None;
    }
    let mut best = None;
    for (n, separator) in USUAL.into_iter().chain(OTHERS).enumerate() {
        let usual = n < USUAL.len();
        if (!usual && !MAYBE.contains(&extension)) || !probe.as_bytes().contains(&separator) {
            continue;
        }
        let Some((share, fields, rows)) = shape(probe, separator) else { continue };
        let enough = if usual || surely { rows >= least_rows } else { rows > 4 && share == 100 };
        let wide = fields > if usual || surely { 1 } else { 2 };
        let better = best.is_none_or(|(most, _)| share > most);
        if enough && wide && share >= least_share && better {
            best = Some((share, separator));
        }
        // An unusual one is only meant where no usual one is.
        if n + 1 == USUAL.len() && best.is_some() {
            break;
        }
    }
    best.map(|(_, separator)| separator)
}

/// How many in a hundred rows have the number of fields that most have, that number, and how many
/// rows were looked at.
fn shape(text: &str, separator: u8) -> Option<(usize, usize, usize)> {
    let mut counts = std::collections::BTreeMap::<usize, usize>::new();
    let mut rows = records(text, separator);
    let mut record = StringRecord::new();
    let mut all = 0;
    while all < PROBED_ROWS && rows.read_record(&mut record).ok()? {
        *counts.entry(record.len()).or_default() += 1;
        all += 1;
    }
    let (fields, most) = counts.into_iter().max_by_key(|(fields, n)| (*n, *fields))?;
    Some((most * 100 / all, fields, all))
}
