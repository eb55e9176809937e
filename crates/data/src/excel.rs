//! Excel workbooks: `.xlsx`, `.xlsm`, `.xlsb` and the old `.xls`.

use super::grid::{Grid, Meant};
use super::table::{Rows, Table};
use super::{Look, MOST_TABLES, cut, plural, titled};
use calamine::{DataType, Dimensions, Reader, Xls, Xlsb, XlsbError, Xlsx, XlsxError};
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

/// Maximum number of columns of a sheet.
const MOST_COLUMNS: usize = 16_384;

/// The sheets of a workbook; `None` if the file is not a workbook.
pub(super) fn read(path: &Path) -> Option<Look> {
    let mut book = open(path)?;
    let names = book.names();
    let mut look = Look::new("Excel");
    for name in names.iter().take(MOST_TABLES) {
        let table = sheet(&mut book, name).unwrap_or_else(|| Table {
            name: Some(format!("{}: damaged", titled("sheet", name))),
            rows: Rows::Unknown,
            columns: Vec::new(),
            lines: Vec::new(),
        });
        look.tables.push(table);
    }
    look.more = names.len().saturating_sub(MOST_TABLES);
    Some(look)
}

/// A workbook of one of the formats.
enum Book {
    Xlsx(Xlsx<BufReader<File>>),
    Xlsb(Xlsb<BufReader<File>>),
    Xls(Xls<BufReader<File>>),
}

impl Book {
    fn names(&self) -> Vec<String> {
        match self {
            Self::Xlsx(book) => book.sheet_names(),
            Self::Xlsb(book) => book.sheet_names(),
            Self::Xls(book) => book.sheet_names(),
        }
    }
}

/// Detects the format by content, because the file's name may be wrong.
fn open(path: &Path) -> Option<Book> {
    let file = || File::open(path).ok().map(BufReader::new);
    if let Ok(book) = Xlsx::new(file()?) {
        // Any ZIP archive opens as a workbook without sheets.
        return (!book.sheet_names().is_empty()).then_some(Book::Xlsx(book));
    }
    if let Ok(book) = Xlsb::new(file()?) {
        return (!book.sheet_names().is_empty()).then_some(Book::Xlsb(book));
    }
    Xls::new(file()?).ok().map(Book::Xls)
}

/// A cell's text, and whether it is a duration instead of a time of day.
struct Cell {
    text: String,
    is_duration: bool,
}

/// Collects the cells of one row at a time.
#[derive(Default)]
struct Gather {
    grid: Grid,
    row: u32,
    cells: Vec<String>,
}

impl Gather {
    fn cell(&mut self, row: u32, column: u32, Cell { text, is_duration }: Cell) {
        if row != self.row {
            self.end();
            self.row = row;
        }
        let column = column as usize;
        if column < MOST_COLUMNS && !text.is_empty() {
            if is_duration {
                self.grid.has_duration(column);
            }
            if self.cells.len() <= column {
                self.cells.resize(column + 1, String::new());
            }
            self.cells[column] = text;
        }
    }

    /// Adds cells until there are no more, or the grid is full: then returns the row of the first
    /// cell that did not fit.
    fn all<E>(
        &mut self,
        mut next: impl FnMut() -> Result<Option<((u32, u32), Cell)>, E>,
    ) -> Result<Option<u32>, E> {
        while let Some(((row, column), cell)) = next()? {
            if self.grid.is_full() {
                return Ok(Some(row));
            }
            self.cell(row, column, cell);
        }
        Ok(None)
    }

    fn end(&mut self) {
        if !self.cells.is_empty() {
            self.grid.push(u64::from(self.row) + 1, self.cells.iter().map(String::as_str));
            self.cells.clear();
        }
    }
}

fn sheet(book: &mut Book, name: &str) -> Option<Table> {
    let mut gather = Gather::default();
    let mut last = None;
    match book {
        Book::Xlsx(book) => {
            let mut cells = book.worksheet_cells_reader(name).ok()?;
            let end = cells.dimensions().end.0;
            let full = gather.all(|| {
                let cell = cells.next_cell()?;
                Ok::<_, XlsxError>(cell.map(|cell| (cell.get_position(), words(cell.get_value()))))
            });
            last = full.ok()?.map(|row| end.max(row));
        }
        Book::Xlsb(book) => {
            let mut cells = book.worksheet_cells_reader(name).ok()?;
            let end = cells.dimensions().end.0;
            let full = gather.all(|| {
                let cell = cells.next_cell()?;
                Ok::<_, XlsbError>(cell.map(|cell| (cell.get_position(), words(cell.get_value()))))
            });
            last = full.ok()?.map(|row| end.max(row));
        }
        Book::Xls(book) => {
            let range = book.worksheet_range(name).ok()?;
            let (top, left) = range.start().unwrap_or_default();
            for (row, column, value) in range.used_cells() {
                let place =
                    |n: usize, from: u32| u32::try_from(n).unwrap_or(u32::MAX - from) + from;
                gather.cell(place(row, top), place(column, left), words(value));
            }
        }
    }
    gather.end();
    let grid = gather.grid;
    let merged = if last.is_none() { merged(book, name) } else { Vec::new() };
    let wide = merged.iter().filter(|cells| cells.end.1 > cells.start.1);
    let spans: Vec<_> = wide
        .map(|cells| (u64::from(cells.start.0) + 1, cells.start.1 as usize..=cells.end.1 as usize))
        .collect();
    let meant = Meant { workbook: true, whole: last.is_none(), spans: &spans };
    let mut found = grid.finish(&meant, |row| {
        let cells: Vec<String> = row.iter().map(|cell| cut(cell, 40)).collect();
        cells.join(" | ")
    });
    let within = merged.iter().filter(|cells| u64::from(cells.start.0) + 1 >= found.first).count();
    if within > 0 {
        let cells = plural(within as u64, "merged cell has", "merged cells have");
        found.notes.push(format!(
            "{cells} its value in the first row or column only, the others are missing (pandas: ffill)"
        ));
    }
    let notes: String = found.notes.iter().flat_map(|note| [", ", note.as_str()]).collect();
    let rows = match last {
        None => Rows::Exactly(grid.seen.saturating_sub(found.before)),
        Some(last) => Rows::About(u64::from(last)),
    };
    Some(Table {
        name: Some(format!("{}{notes}", titled("sheet", name))),
        rows,
        columns: found.columns,
        lines: found.lines,
    })
}

/// The merged cells of a sheet; empty if the library does not support them for the format.
fn merged(book: &mut Book, name: &str) -> Vec<Dimensions> {
    match book {
        Book::Xlsx(book) => book.merge_cells_by_sheet_name(name).unwrap_or_default(),
        Book::Xls(book) => book.merge_cells_by_sheet_name(name).unwrap_or_default(),
        Book::Xlsb(_) => Vec::new(),
    }
}

/// A cell as text; numbers, dates and durations as a script would print them.
fn words(cell: &impl DataType) -> Cell {
    let moment = cell.get_datetime();
    let duration = moment.filter(calamine::ExcelDateTime::is_duration);
    if let Some(duration) = duration.and_then(|moment| moment.as_duration()) {
        return Cell { text: clock(duration.num_milliseconds()), is_duration: true };
    }
    Cell { text: text(cell), is_duration: false }
}

/// `30:15:00`, with fractions of a second if there are any.
fn clock(milliseconds: i64) -> String {
    let sign = if milliseconds < 0 { "-" } else { "" };
    let all = milliseconds.unsigned_abs();
    let (seconds, rest) = (all / 1000, all % 1000);
    let part = if rest == 0 { String::new() } else { format!(".{rest:03}") };
    format!("{sign}{:02}:{:02}:{:02}{part}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

fn text(cell: &impl DataType) -> String {
    if let Some(text) = cell.get_string() {
        return text.to_owned();
    }
    if let Some(moment) = cell.get_datetime() {
        let at = moment.as_datetime();
        // Excel's day 0: a value without a day is a time of day.
        if (0.0..1.0).contains(&moment.as_f64()) {
            return at.map(|at| at.time().to_string()).unwrap_or_default();
        }
        let text = at.map(|at| at.to_string()).unwrap_or_default();
        return text.strip_suffix(" 00:00:00").map(str::to_owned).unwrap_or(text);
    }
    if let Some(number) = cell.get_float() {
        return number.to_string();
    }
    if let Some(number) = cell.get_int() {
        return number.to_string();
    }
    if let Some(is) = cell.get_bool() {
        return is.to_string();
    }
    cell.get_datetime_iso().or_else(|| cell.get_duration_iso()).unwrap_or_default().to_owned()
}
