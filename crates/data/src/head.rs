//! Finds the rows of a grid that have the column names.

use super::kinds::{self, Says, Values};

/// A row with its line in the file.
pub(super) type Row = (u64, Vec<String>);

/// Number of rows that are examined to find the width of a table.
const PROBED: usize = 20;

/// The rows before the values.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Head {
    /// Number of rows before the first row of values, and how many of those are titles instead of
    /// names.
    pub(super) rows: usize,
    pub(super) titles: usize,
    /// Column names; `None` if no row has them.
    pub(super) names: Option<Vec<String>>,
    /// The lines of the names, if there are two.
    pub(super) lines: Option<(u64, u64)>,
    /// Each row of values ends in a separator, and the row of names does not.
    pub(super) trailing: bool,
    /// The row of names has one field less than the others: the first column has no name.
    pub(super) unnamed: bool,
}

/// Horizontally merged cells: line in the file, and columns from 0.
pub(super) type Spans = [(u64, std::ops::RangeInclusive<usize>)];

fn is_filled(cell: &str) -> bool {
    !cell.trim().is_empty()
}

fn filled(row: &[String]) -> usize {
    row.iter().filter(|cell| is_filled(cell)).count()
}

/// The values of each column in these rows.
fn columns(rows: &[Row], width: usize) -> Vec<Values> {
    let mut counted = vec![Values::default(); width];
    for (_, row) in rows {
        for (n, column) in counted.iter_mut().enumerate() {
            column.add(row.get(n).map_or("", String::as_str));
        }
    }
    counted
}

/// Number of cells of a row that look like names, like values, and like truth values, which are
/// weaker evidence.
struct Said {
    name: usize,
    value: usize,
    truth: usize,
}

fn said(row: &[String], below: &[Values]) -> Said {
    let cell = |n: usize| row.get(n).map_or("", String::as_str);
    let all: Vec<Says> = below.iter().enumerate().map(|(n, column)| column.says(cell(n))).collect();
    let count = |says: Says| all.iter().filter(|one| **one == says).count();
    Said { name: count(Says::Name), value: count(Says::Value), truth: count(Says::Truth) }
}

/// Finds the rows of names. `ragged` rows end at the last filled cell.
pub(super) fn find(rows: &[Row], width: usize, ragged: bool, spans: &Spans) -> Head {
    let full = rows.iter().take(PROBED).map(|(_, row)| filled(row)).max().unwrap_or(0);
    // Many tables have titles and remarks before them, some of which end in separators.
    let is_title = |row: &[String]| {
        let one = row.iter().find(|cell| is_filled(cell));
        filled(row) == 1 && full > 2 && one.is_some_and(|cell| !Values::of(cell).is_typed())
    };
    let begins = |(_, row): &Row| {
        if ragged { filled(row) * 2 > full } else { row.len() == width && !is_title(row) }
    };
    let first = rows.iter().position(begins).unwrap_or(0);
    let table = rows.get(first..).unwrap_or_default();
    if let Some(head) = beside(rows, first, width).filter(|_| !ragged) {
        return head;
    }
    let Some((_, own)) = table.first() else { return Head::default() };
    let below = columns(&table[1..], width);
    let has_own = has_names(own, &below, width);
    // A row of column groups above the names, which fills fewer cells.
    let group = first.checked_sub(1).and_then(|before| rows.get(before));
    let group = group.filter(|(line, row)| {
        has_own && line + 1 == table[0].0 && filled(row) > 1 && is_group(*line, row, spans, width)
    });
    if let Some((line, row)) = group {
        return Head {
            rows: first + 1,
            titles: first - 1,
            names: Some(joined(*line, row, own, width, spans)),
            lines: Some((*line, table[0].0)),
            ..Head::default()
        };
    }
    if let Some((line, names)) = two_rows(table, width, spans) {
        return Head {
            rows: first + 2,
            titles: first,
            names: Some(names),
            lines: Some((table[0].0, line)),
            ..Head::default()
        };
    }
    let names = has_own.then(|| own.clone());
    Head { rows: first + usize::from(has_own), titles: first, names, ..Head::default() }
}

/// Finds names in the row before the table's first, if that has one field less than the others.
fn beside(rows: &[Row], first: usize, width: usize) -> Option<Head> {
    let (_, names) = rows.get(first.checked_sub(1)?)?;
    let wide = || rows[first..].iter().filter(|(_, row)| row.len() == width);
    if names.len() + 1 != width || filled(names) != names.len() {
        return None;
    }
    let below = columns(&rows[first..], width);
    let mut head =
        Head { rows: first, titles: first - 1, names: Some(names.clone()), ..Head::default() };
    if wide().all(|(_, row)| row.last().is_some_and(|last| !is_filled(last))) {
        let said = said(names, &below[..names.len()]);
        head.trailing = true;
        return (said.value == 0 || said.name > 0).then_some(head);
    }
    // A title can contain separators too: it has the names only if no later row can have them.
    let own = has_names(&rows[first].1, &columns(rows.get(first + 1..)?, width), width);
    let said = said(names, &below[1..]);
    head.unnamed = true;
    head.names.as_mut()?.insert(0, String::new());
    (names.len() > 1 && !own && said.name > 0 && said.value == 0).then_some(head)
}

/// Whether a row has the names of columns with these values.
fn has_names(row: &[String], below: &[Values], width: usize) -> bool {
    let said = said(row, below);
    if said.value == 0 && said.truth == 0 && said.name > 0 {
        return true;
    }
    if said.value == 0 {
        // Empty columns have no names.
        let missing = row.iter().take(width).filter(|cell| kinds::is_missing(cell)).count();
        let alone = below.iter().all(|column| column.there() + column.missing() == 0);
        return said.name > 0 || (said.truth == 0 && (missing * 2 < width || alone));
    }
    let year = |cell: &&String| cell.trim().parse().is_ok_and(|n: u32| (1800..2200).contains(&n));
    let mut numbers: Vec<&String> = row.iter().filter(|cell| Values::of(cell).is_typed()).collect();
    let years = numbers.len();
    let all_years = numbers.iter().all(year);
    numbers.dedup();
    years > 1 && years < row.len() && all_years && numbers.len() == years
}

/// Whether a row has names of groups of columns: some of its cells span several columns.
fn is_group(line: u64, row: &[String], spans: &Spans, width: usize) -> bool {
    let mut own = spans.iter().filter(|(at, _)| *at == line).peekable();
    if own.peek().is_some() {
        return own.all(|(_, columns)| columns.end() - columns.start() + 1 < width);
    }
    !is_filled(row.first().map_or("", String::as_str))
}

/// Finds two rows of names: the line of the second one, and the combined names.
fn two_rows(table: &[Row], width: usize, spans: &Spans) -> Option<(u64, Vec<String>)> {
    let [(line, above), (second, own), rest @ ..] = table else { return None };
    if rest.is_empty() || width < 2 || second != &(line + 1) {
        return None;
    }
    let below = columns(rest, width);
    let (upper, lower) = (said(above, &below), said(own, &below));
    let filled_at = |row: &[String], n: usize| row.get(n).is_some_and(|cell| is_filled(cell));
    // Names below groups that span several columns, or units below names.
    let reaches = (0..width).any(|n| filled_at(own, n) && !filled_at(above, n));
    let whole = (0..width).all(|n| filled_at(own, n) || filled_at(above, n));
    let groups = reaches && whole && filled(above) > 0;
    let untyped = below.iter().all(|column| column.is_typed() || column.there() == 0);
    let units = filled(above) == width && (lower.name > 1 || (lower.name == 1 && filled(own) == 1));
    let years = has_years(above);
    let is_two = lower.name > 0
        && lower.value + lower.truth == 0
        && (upper.value + upper.truth == 0 || years)
        && (groups || (units && (untyped || filled(own) < width)));
    is_two.then(|| (*second, joined(*line, above, own, width, spans)))
}

/// Whether all numbers of a row are years.
fn has_years(row: &[String]) -> bool {
    let typed = row.iter().filter(|cell| Values::of(cell).is_typed());
    let year = |cell: &String| cell.trim().parse().is_ok_and(|n: u32| (1800..2200).contains(&n));
    typed.into_iter().all(year)
}

/// The combined names of two rows. An upper name extends to the next filled cell, or over its
/// merged cells.
fn joined(line: u64, above: &[String], own: &[String], width: usize, spans: &Spans) -> Vec<String> {
    let known: Vec<_> = spans.iter().filter(|(at, _)| *at == line).map(|(_, span)| span).collect();
    let blank = above.iter().take(width).any(|cell| !is_filled(cell)) || above.len() < width;
    let (mut group, mut from) = ("", 0);
    let mut names = Vec::new();
    for n in 0..width {
        let cell =
            |row: &[String]| row.get(n).map(|cell| cell.trim().to_owned()).unwrap_or_default();
        let upper = above.get(n).filter(|cell| is_filled(cell));
        if let Some(upper) = upper {
            (group, from) = (upper.trim(), n);
        }
        let reaches =
            known.is_empty() || known.iter().any(|span| span.contains(&n) && span.contains(&from));
        let group = if upper.is_some() || (blank && reaches) { group } else { "" };
        let own = cell(own);
        names.push(match (group, own.as_str()) {
            ("", _) => own,
            (_, "") => group.to_owned(),
            _ => format!("{group} / {own}"),
        });
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_rows_are_found_below_titles_and_across_two_rows() {
        let none: &[&str] = &[];
        for (rows, ragged, names, before) in [
            (&["x,y", "1,2"][..], false, &["x", "y"][..], 1),
            (&["n,t", "1,2"], false, &["n", "t"], 1),
            (&["no,yes", "1,2"], false, &["no", "yes"], 1),
            (&["name,no", "Ann,Oslo"], false, &["name", "no"], 1),
            (&["id,no", "1,y", "2,n"], false, &["id", "no"], 1),
            (&["t", "2024-01-01"], false, &["t"], 1),
            (&["F,N", "1.5,2"], false, &["F", "N"], 1),
            (&["y,n", "n,y", "y,y"], false, none, 0),
            (&["1,2", "3,4"], false, none, 0),
            (&["a,b"], false, &["a", "b"], 1),
            (&["country,2019,2020", "NO,1,2"], false, &["country", "2019", "2020"], 1),
            (&["city,2024-01-01", "Oslo,3", "Rome,4"], false, &["city", "2024-01-01"], 1),
            (&["a,b", "1,2,", "3,4,"], false, &["a", "b"], 1),
            (&["a,b", "r1,1,2", "r2,3,4"], false, &["", "a", "b"], 1),
            (&["Report,2024", "a,b,c", "1,2,3"], false, &["a", "b", "c"], 2),
            (&["Report,,", "a,b,c", "1,2,3"], false, &["a", "b", "c"], 2),
            (
                &[",North,,South,", "city,a,b,a,b", "Oslo,1,2,3,4"],
                false,
                &["city", "North / a", "North / b", "South / a", "South / b"],
                2,
            ),
            (
                &["City,North,,South,", ",a,b,a,b", "Oslo,1,2,3,4"],
                true,
                &["City", "North / a", "North / b", "South / a", "South / b"],
                2,
            ),
            (
                &[",2023,,2024", "city,a,b,a,b", "Oslo,1,2,3,4"],
                true,
                &["city", "2023 / a", "2023 / b", "2024 / a", "2024 / b"],
                2,
            ),
            (&["temp,wind", "°C,m/s", "20,3"], false, &["temp / °C", "wind / m/s"], 2),
            (&["city,temp", ",°C", "Oslo,3"], false, &["city", "temp / °C"], 2),
            (&["name,temp", "Ann,unknown", "Bob,3"], false, &["name", "temp"], 1),
            (&["name,a,b", "Ann,unknown,unknown", "Bob,3,4"], false, &["name", "a", "b"], 1),
            (&["price", "unknown", "3"], false, &["price"], 1),
        ] {
            let split = |row: &&str| row.split(',').map(str::to_owned).collect::<Vec<_>>();
            let rows: Vec<Row> = (1..).zip(rows.iter().map(split)).collect();
            let width = rows.last().map_or(0, |(_, row)| row.len());
            let head = find(&rows, width, ragged, &[]);
            assert_eq!(head.names.unwrap_or_default(), names, "{rows:?}");
            assert_eq!(head.rows, before, "{rows:?}");
        }
    }
}
