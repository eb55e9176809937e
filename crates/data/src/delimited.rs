//! CSV and similar formats, with any separator.

use super::Look;
use super::grid::{Grid, Meant};
use super::kinds::{Says, Values};
use super::table::Table;
use super::text::Text;
use csv::{ReaderBuilder, StringRecord};

/// Common separators. The earlier one wins if several are possible: a comma may be part of numbers.
const USUAL: [u8; 4] = *b"\t;|,";
/// Uncommon separators, tried only for the extensions of `MAYBE`.
const OTHERS: [u8; 11] = *b":^~#!&*/\x01\x1f ";
/// Extensions of files that can be tables with uncommon separators.
const MAYBE: [&str; 9] = ["csv", "tsv", "tab", "psv", "ssv", "dat", "data", "txt", ""];
/// Extensions of files that are never tables, even with many commas.
const NEVER: [&str; 20] = [
    "py", "md", "rst", "html", "htm", "xml", "svg", "yaml", "yml", "toml", "ini", "cfg", "js",
    "ts", "css", "sql", "sh", "tex", "json", "ipynb",
];
/// Extensions of files that are always tables.
const SURELY: [&str; 5] = ["csv", "tsv", "tab", "psv", "ssv"];
/// Number of bytes and rows that are used to detect a separator.
const PROBED: usize = 256 * 1024;
const PROBED_ROWS: usize = 300;

/// How a text is split into fields.
#[derive(Clone, Copy)]
struct Form {
    separator: u8,
    /// Quotes in quoted fields are escaped by a backslash.
    escaped: bool,
}

/// The table in a text, if there is one.
pub(super) fn read(text: &Text, extension: &str, bytes: u64) -> Option<Look> {
    let surely = SURELY.contains(&extension);
    let said = said(&text.content).filter(|_| !NEVER.contains(&extension));
    let content = said.map_or(text.content.as_str(), |(_, rest)| rest);
    let skipped = u64::from(said.is_some());
    let escaped = is_escaped(content);
    let one = is_one_column(content, b',') && surely && said.is_none();
    let separator = said.map(|(separator, _)| separator);
    let separator = separator.or_else(|| one.then(|| absent(content)));
    let separator = separator.or_else(|| separator_of(content, extension, escaped));
    let form = Form { separator: separator.or(surely.then_some(b','))?, escaped };
    let mut grid = Grid::default();
    let mut rows = records(content, form);
    let mut record = StringRecord::new();
    while matches!(rows.read_record(&mut record), Ok(true)) {
        if !text.whole && rows.is_done() {
            // The last row is cut off.
            break;
        }
        grid.push(line_of(&record, content) + skipped, record.iter());
    }
    let meant = Meant { whole: text.whole, ..Meant::default() };
    let found = grid.finish(&meant, |row| joined(row, form));
    let tabs = form.separator == b'\t';
    let mut look = Look::new(if tabs { "TSV" } else { "CSV" });
    if !tabs && found.columns.len() > 1 {
        look.facts.push(format!("separator {}", name(form.separator)));
    }
    look.facts.extend(text.fact());
    if said.is_some() {
        look.facts.push(format!(
            "line 1 only says sep={} (pandas: skiprows=1), the table begins in line 2",
            char::from(form.separator)
        ));
    }
    if one {
        look.facts.push("one column: its commas separate nothing (pandas: sep=\";\")".to_owned());
    }
    if escaped {
        look.facts
            .push("quotes in texts stand behind a backslash (escapechar=\"\\\\\")".to_owned());
    }
    look.facts.extend(found.notes);
    look.tables.push(Table {
        name: None,
        rows: text.rows(grid.seen.saturating_sub(found.before), bytes),
        columns: found.columns,
        lines: found.lines,
    });
    Some(look)
}

/// The separator in a first line `sep=;`, as Excel writes and reads it, and the text after that
/// line.
fn said(text: &str) -> Option<(u8, &str)> {
    let (line, rest) = text.split_once('\n')?;
    let line = line.strip_suffix('\r').unwrap_or(line);
    let line = line.strip_prefix('"').and_then(|line| line.strip_suffix('"')).unwrap_or(line);
    let word = line.get(..4)?;
    match line.as_bytes()[4..] {
        [separator] if word.eq_ignore_ascii_case("sep=") && !separator.is_ascii_alphanumeric() => {
            Some((separator, rest))
        }
        _ => None,
    }
}

/// Whether quotes in quoted fields are escaped by a backslash: otherwise, a quote is only followed
/// by the end of the field.
fn is_escaped(text: &str) -> bool {
    let probe = &text.as_bytes()[..text.floor_char_boundary(PROBED)];
    let quoted = probe.first() == Some(&b'"')
        || probe
            .windows(2)
            .any(|two| two[1] == b'"' && (two[0] == b'\n' || USUAL.contains(&two[0])));
    let ends = |b: u8| USUAL.contains(&b) || matches!(b, b'"' | b'\r' | b'\n');
    quoted && probe.windows(3).any(|part| part.starts_with(b"\\\"") && !ends(part[2]))
}

/// Whether each line is a single value that contains this separator. For a comma, that needs a name
/// without a comma in the first line: otherwise, two columns of numbers are as likely.
fn is_one_column(text: &str, separator: u8) -> bool {
    let probe = &text[..text.floor_char_boundary(PROBED)];
    let mut lines = probe.lines().map(str::trim).filter(|line| !line.is_empty()).take(PROBED_ROWS);
    let first = lines.next().unwrap_or_default();
    let mut values = Values::default();
    lines.for_each(|line| values.add(line));
    let named = !first.as_bytes().contains(&separator);
    let typed = |text: &str| Values::of(text).is_typed();
    match separator {
        b',' => named && values.says(first) == Says::Name && values.has_commas(),
        _ if values.there() == 0 => typed(first),
        _ => (named || typed(first)) && values.is_typed(),
    }
}

/// A separator that does not occur in the text.
fn absent(text: &str) -> u8 {
    let stands = |b: &u8| text.as_bytes().contains(b);
    [b';', b'\t', b'|', 0x1f].into_iter().find(|b| !stands(b)).unwrap_or(0x1e)
}

/// The line in which a record begins. The CSV reader counts empty lines before it as part of the
/// record.
fn line_of(record: &StringRecord, text: &str) -> u64 {
    let Some(position) = record.position() else { return 0 };
    let from = usize::try_from(position.byte()).unwrap_or(0);
    let before = text.as_bytes()[from.min(text.len())..].iter();
    let empty = before.take_while(|b| matches!(b, b'\r' | b'\n')).filter(|b| **b == b'\n').count();
    position.line() + empty as u64
}

fn records(text: &str, form: Form) -> csv::Reader<&[u8]> {
    let mut builder = ReaderBuilder::new();
    builder.delimiter(form.separator).has_headers(false).flexible(true);
    builder.escape(form.escaped.then_some(b'\\'));
    builder.from_reader(text.as_bytes())
}

fn name(separator: u8) -> String {
    match separator {
        b' ' => "a blank".to_owned(),
        b if b.is_ascii_control() => format!("\"\\x{b:02x}\""),
        b => format!("\"{}\"", char::from(b)),
    }
}

/// A row in the format of the file.
fn joined(row: &[String], form: Form) -> String {
    let mut builder = csv::WriterBuilder::new();
    builder.delimiter(form.separator).double_quote(!form.escaped);
    let mut writer = builder.from_writer(Vec::new());
    let written = writer.write_record(row).is_ok();
    let bytes = writer.into_inner().unwrap_or_default();
    let line = String::from_utf8(bytes).unwrap_or_default();
    if written { line.trim_end_matches('\n').to_owned() } else { row.join(",") }
}

/// The separator with which nearly all rows have the same number of fields.
fn separator_of(content: &str, extension: &str, escaped: bool) -> Option<u8> {
    let surely = SURELY.contains(&extension);
    let (least_share, least_rows) = if surely { (50, 1) } else { (90, 3) };
    let probe = &content[..content.floor_char_boundary(PROBED)];
    // A text with paragraphs is prose.
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
        let Some(Shape { share, fields, rows, first }) = shape(probe, Form { separator, escaped })
        else {
            continue;
        };
        // Dates, times and numbers contain characters that could be separators.
        let of_values = is_one_column(probe, separator);
        let enough = match (usual, surely) {
            (true, _) => rows >= least_rows,
            (false, true) => rows > 1 && first == fields && share >= 90,
            (false, false) => rows > 4 && share == 100,
        };
        let wide = fields > if usual || surely { 1 } else { 2 };
        let better = best.is_none_or(|(most, _)| share > most);
        if enough && wide && share >= least_share && better && !of_values {
            best = Some((share, separator));
        }
        // An uncommon separator is used only if there is no common one.
        if n + 1 == USUAL.len() && best.is_some() {
            break;
        }
    }
    best.map(|(_, separator)| separator)
}

/// Statistics of a text split by a separator.
struct Shape {
    /// Percentage of rows with the most common number of fields, and that number.
    share: usize,
    fields: usize,
    /// Number of examined rows, and number of fields of the first row.
    rows: usize,
    first: usize,
}

fn shape(text: &str, form: Form) -> Option<Shape> {
    let mut counts = std::collections::BTreeMap::<usize, usize>::new();
    let mut rows = records(text, form);
    let mut record = StringRecord::new();
    let (mut all, mut first) = (0, 0);
    while all < PROBED_ROWS && rows.read_record(&mut record).ok()? {
        *counts.entry(record.len()).or_default() += 1;
        if all == 0 {
            first = record.len();
        }
        all += 1;
    }
    let (fields, most) = counts.into_iter().max_by_key(|(fields, n)| (*n, *fields))?;
    Some(Shape { share: most * 100 / all, fields, rows: all, first })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_line_that_declares_the_separator_is_not_a_row() {
        for (text, expected) in [
            ("sep=;\na;b\n", Some((b';', "a;b\n"))),
            ("SEP=,\r\na,b", Some((b',', "a,b"))),
            ("sep=\t\na\tb\n", Some((b'\t', "a\tb\n"))),
            ("\"sep=;\"\na;b\n", Some((b';', "a;b\n"))),
            ("sep=;;\na;b\n", None),
            ("sep=a\nb\n", None),
            ("sep=\nb\n", None),
            ("sep=;", None),
            ("step=;\na\n", None),
        ] {
            assert_eq!(said(text), expected, "{text:?}");
        }
    }

    #[test]
    fn separators_inside_values_are_not_taken_for_delimiters() {
        for (text, extension, expected) in [
            ("day\n1/2/2024\n3/4/2024\n", "csv", None),
            ("1/2/2024\n3/4/2024\n", "csv", None),
            ("start\n08:30\n09:15\n", "csv", None),
            ("08:30:00\n09:15:00\n10:00:00\n10:00:01\n10:00:02\n", "txt", None),
            ("worked\n30:15:00\n1:00:00\n", "csv", None),
            ("at\n2024-01-01 10:00\n2024-01-02 11:30\n", "csv", None),
            ("took\n1 days 02:00:00\n0 days 00:05:00\n", "csv", None),
            ("city\nNew York\nOslo\nLos Angeles\n", "csv", None),
            ("a/b/c\n1/2/3\n4/5/6\n", "csv", Some(b'/')),
            ("a^b\n1^2\n", "csv", Some(b'^')),
            ("first last\nAnn Lee\nBob Ray\n", "csv", Some(b' ')),
            ("a;b\n08:30;1\n09:15;2\n", "csv", Some(b';')),
        ] {
            assert_eq!(separator_of(text, extension, false), expected, "{text:?}");
        }
        assert!(is_one_column("price\n1,5\n2,25\n", b','));
        assert!(is_one_column("n\n1,000\n2,500\n", b','));
        assert!(!is_one_column("a,b\n1,5\n2,25\n", b','));
        assert!(!is_one_column("1,5\n2,25\n", b','));
        assert!(!is_one_column("n\n1\n2\n", b','));
    }

    #[test]
    fn backslash_quotes_differ_from_values_that_end_in_a_backslash() {
        for (text, expected) in [
            ("a,b\n\"say \\\"hi\\\", ok\",2\n", true),
            ("a,b\n\"C:\\dir\\\",2\n", false),
            ("a,b\n\"say \"\"hi\"\"\",2\n", false),
            ("a,b\n5\\\" disk,2\n", false),
        ] {
            assert_eq!(is_escaped(text), expected, "{text:?}");
        }
    }
}
