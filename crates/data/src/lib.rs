//! Describes a data file in a few lines for a prompt: its format and size, its columns with their
//! types, the number of rows, missing values, and the first rows.
//!
//! A file may be large, damaged, or malicious. So only a part of it is read, by a separate
//! sandboxed process with limits on memory and time ([`describe`]), and the description has a
//! bounded length. Knows nothing of models and sessions.

mod child;
mod delimited;
#[cfg(feature = "tables")]
mod excel;
mod grid;
mod head;
mod json;
mod kinds;
#[cfg(feature = "tables")]
mod parquet;
mod parse;
#[cfg(feature = "tables")]
mod sqlite;
mod table;
mod text;
mod when;

pub use child::{Child, Confine, LONGEST_REPORT, describe, started_to_describe};

use redraft_domain::event::Described;
use redraft_domain::not_number;
use redraft_domain::text::{size, visible};
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use table::Table;

/// Maximum number of bytes that are read from the beginning of a file.
const READ: u64 = 8 << 20;
/// Maximum length of a summary, in characters.
const SUMMARY: usize = 480;
/// Number of characters of a text that are searched for NaN and infinite values; in tables, these
/// count as missing.
const SEARCHED: usize = 1 << 20;
/// Maximum number of column names that are kept.
const MOST_COLUMNS: usize = 100;
/// Maximum number of tables that are described for a file with several.
const MOST_TABLES: usize = 8;

/// The content found in a file.
#[derive(Default)]
struct Look {
    /// Name of the format.
    format: String,
    /// Other facts about the whole file.
    facts: Vec<String>,
    tables: Vec<Table>,
    /// Number of tables that are not described.
    more: usize,
    /// The first lines of a text that is not a table.
    lines: Vec<String>,
    /// For text: whether it has no NaN or infinite values.
    finite: Option<bool>,
}

impl Look {
    fn new(format: &str) -> Self {
        Self { format: format.to_owned(), ..Self::default() }
    }
}

/// Describes a file in at most `room` characters.
///
/// # Errors
/// If the file can't be read at all. Damaged content is no error; the description mentions it.
pub fn look(path: &Path, room: usize) -> io::Result<Described> {
    let mut file = File::open(path)?;
    let bytes = file.metadata()?.len();
    let mut start = Vec::new();
    file.by_ref().take(READ).read_to_end(&mut start)?;
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
    let extension = extension.to_ascii_lowercase();
    let look = read(path, &extension, &start, bytes);
    Ok(write(&look, bytes, room))
}

fn read(path: &Path, extension: &str, start: &[u8], bytes: u64) -> Look {
    let _ = path;
    if start.is_empty() {
        return Look::new("an empty file");
    }
    let magic = |sign: &[u8]| start.starts_with(sign);
    if magic(b"PAR1") {
        #[cfg(feature = "tables")]
        return parquet::read(path);
        #[cfg(not(feature = "tables"))]
        return Look::new("Parquet");
    }
    if magic(b"SQLite format 3\0") {
        #[cfg(feature = "tables")]
        return sqlite::read(path);
        #[cfg(not(feature = "tables"))]
        return Look::new("SQLite");
    }
    if magic(b"PK\x03\x04") || magic(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1") {
        #[cfg(feature = "tables")]
        if let Some(look) = excel::read(path) {
            return look;
        }
        #[cfg(not(feature = "tables"))]
        if extension.starts_with("xls") {
            return Look::new("Excel");
        }
    }
    if let Some(name) = BINARY.iter().find(|(sign, _)| magic(sign)).map(|(_, name)| name) {
        return Look::new(&format!("binary ({name})"));
    }
    let whole = start.len() as u64 == bytes;
    let Some(text) = text::decode(start, whole) else { return Look::new("binary") };
    let look = json::read(&text, extension, bytes)
        .or_else(|| delimited::read(&text, extension, bytes))
        .unwrap_or_else(|| text::read(&text, bytes));
    let start = text.content.char_indices().nth(SEARCHED).map_or(text.content.len(), |(at, _)| at);
    Look { finite: Some(!not_number::stands_in(&text.content[..start])), ..look }
}

/// Signatures of well-known binary formats.
const BINARY: [(&[u8], &str); 14] = [
    (b"PK\x03\x04", "ZIP"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Microsoft Office file"),
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\0", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"7z\xbc\xaf\x27\x1c", "7-Zip"),
    (b"%PDF-", "PDF"),
    (b"\x89PNG\r\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"GIF8", "GIF"),
    (b"RIFF", "RIFF: WAV, AVI or WebP"),
    (b"\x89HDF\r\n", "HDF5"),
    (b"\x93NUMPY", "NumPy"),
];

fn write(look: &Look, bytes: u64, room: usize) -> Described {
    let mut parts = vec![format!("{} of {}", look.format, size(bytes))];
    if look.format.starts_with("an empty") {
        look.format.clone_into(&mut parts[0]);
    }
    if let [table] = look.tables.as_slice() {
        parts.extend(table.rows.words("row", "rows"));
    }
    parts.extend(look.facts.iter().cloned());
    let summary = cut(&parts.join(", "), SUMMARY.min(room));
    let left = room.saturating_sub(summary.chars().count());
    let mut text = match look.tables.as_slice() {
        [] => String::new(),
        [table] => {
            let name = table.name.as_ref();
            let name = name.map_or_else(String::new, |name| format!("{name}. "));
            let rest = table.text(left.saturating_sub(name.chars().count()));
            format!("{name}{rest}")
        }
        tables => several(look, tables, left),
    };
    if !look.lines.is_empty() {
        text = String::from("First lines:");
        for line in &look.lines {
            let _ = write!(text, "\n{}", cut(line, 120));
        }
    }
    if text.chars().count() > left {
        text = text.chars().take(left).collect();
        let end = text.rfind('\n').unwrap_or(0);
        text.truncate(end);
    }
    let columns = look.tables.iter().flat_map(|table| &table.columns);
    let whole = look.tables.iter().all(|t| t.columns.iter().all(|column| column.missing == 0));
    let complete = match look.tables.as_slice() {
        [] => look.finite == Some(true),
        _ => whole && look.more == 0 && look.finite != Some(false),
    };
    let names = columns.map(|column| column.name.clone()).take(MOST_COLUMNS);
    Described { summary, text, columns: names.collect(), complete }
}

/// One or more lines for each of several tables.
fn several(look: &Look, tables: &[Table], room: usize) -> String {
    let shown = tables.len().min(MOST_TABLES);
    let each = (room.saturating_sub(30) / shown).saturating_sub(2);
    let mut lines: Vec<String> = Vec::new();
    for table in &tables[..shown] {
        let name = table.name.as_deref().unwrap_or_default();
        let rows = table.rows.words("row", "rows");
        let rows = rows.map_or_else(String::new, |rows| format!(": {rows}"));
        let head = format!("{name}{rows}. ");
        let rest = table.text(each.saturating_sub(head.chars().count()));
        lines.push(format!("{head}{rest}").trim_end().to_owned());
    }
    let more = tables.len() - shown + look.more;
    if more > 0 {
        lines.push(format!("and {}", plural(more as u64, "more", "more")));
    }
    lines.join("\n")
}

/// `1 row`, `2 rows`.
fn plural(n: u64, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

/// The text on one line of at most `width` characters, with control characters made visible; blanks
/// at the ends are kept.
fn cut(text: &str, width: usize) -> String {
    let some: String = text.chars().take(width + 1).collect();
    let line = visible(&some).replace(['\n', '\t'], " ");
    if text.chars().nth(width).is_none() && line.chars().count() <= width {
        return line;
    }
    let mut line: String = line.chars().take(width.saturating_sub(1)).collect();
    line.push('…');
    line
}

/// A table's name after the word for its kind.
#[cfg(feature = "tables")]
fn titled(what: &str, name: &str) -> String {
    format!("{what} {}", table::label(name))
}
