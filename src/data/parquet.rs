//! Parquet: nearly all is said at the file's end.

use super::Look;
use super::table::{Column, Rows, Table};
use parquet::basic::{ConvertedType, Type};
use parquet::file::metadata::ParquetMetaData;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};
use parquet::schema::types::ColumnDescriptor;
use std::fs::File;
use std::path::Path;

/// Rows that are shown, and the most columns and bytes of a row group where they are.
const SHOWN: usize = 3;
const MOST_COLUMNS: usize = 300;
const MOST_BYTES: i64 = 512 << 20;

pub(super) fn read(path: &Path) -> Look {
    let mut look = Look::new("Parquet");
    let opened = File::open(path).ok().map(SerializedFileReader::new);
    let Some(Ok(reader)) = opened else {
        look.facts.push("damaged: its end can't be read".to_owned());
        return look;
    };
    let about = reader.metadata();
    let rows = u64::try_from(about.file_metadata().num_rows()).unwrap_or(0);
    let schema = about.file_metadata().schema_descr();
    let columns: Vec<Column> = schema
        .columns()
        .iter()
        .enumerate()
        .map(|(n, column)| Column {
            name: column.path().parts().join("."),
            kind: kind(column),
            // Of a list, its empty rows would count too.
            missing: if column.max_rep_level() > 0 { 0 } else { missing(about, n) },
        })
        .collect();
    let small = about
        .row_groups()
        .first()
        .is_some_and(|group| group.total_byte_size() < MOST_BYTES && columns.len() <= MOST_COLUMNS);
    let lines = if small { lines(&reader, &columns) } else { Vec::new() };
    look.tables.push(Table { name: None, rows: Rows::Exactly(rows), columns, lines });
    look
}

/// The sum over the row groups, as far as they say.
fn missing(about: &ParquetMetaData, column: usize) -> u64 {
    let counts = about.row_groups().iter().filter_map(|group| group.columns().get(column));
    counts.filter_map(|chunk| chunk.statistics()?.null_count_opt()).sum()
}

fn kind(column: &ColumnDescriptor) -> String {
    let lists = if column.max_rep_level() > 0 { "list of " } else { "" };
    let logical = column.logical_type_ref().map(|kind| format!("{kind:?}"));
    let logical = logical.unwrap_or_default();
    let says = |word: &str| logical.starts_with(word);
    let kind = match (column.converted_type(), column.physical_type()) {
        (ConvertedType::UTF8 | ConvertedType::ENUM | ConvertedType::JSON, _) => "text",
        (ConvertedType::DATE, _) => "date",
        (ConvertedType::TIMESTAMP_MILLIS | ConvertedType::TIMESTAMP_MICROS, _)
        | (_, Type::INT96) => "date and time",
        (ConvertedType::TIME_MILLIS | ConvertedType::TIME_MICROS, _) => "time",
        (ConvertedType::DECIMAL, _) => "decimal number",
        _ if says("Timestamp") => "date and time",
        _ if says("Time") => "time",
        _ if says("String") => "text",
        _ if says("Uuid") => "UUID",
        _ if says("Float16") => "number",
        (_, Type::BOOLEAN) => "true or false",
        (_, Type::INT32 | Type::INT64) => "integer",
        (_, Type::FLOAT | Type::DOUBLE) => "number",
        (_, Type::BYTE_ARRAY | Type::FIXED_LEN_BYTE_ARRAY) => "bytes",
    };
    format!("{lists}{kind}")
}

fn lines(reader: &SerializedFileReader<File>, columns: &[Column]) -> Vec<String> {
    let Ok(rows) = reader.get_row_iter(None) else { return Vec::new() };
    let rows: Vec<Row> = rows.take(SHOWN).map_while(Result::ok).collect();
    if rows.is_empty() {
        return Vec::new();
    }
    // Columns within others are shown as what holds them.
    let flat = rows.iter().all(|row| row.len() == columns.len());
    let names = columns.iter().map(|column| column.name.as_str());
    let head = flat.then(|| names.collect::<Vec<_>>().join(" | "));
    let line = |row: &Row| {
        let cells = row.get_column_iter().map(|(_, value)| match value {
            Field::Str(text) => text.clone(),
            Field::Bytes(bytes) => format!("{} bytes", bytes.len()),
            other => other.to_string(),
        });
        cells.map(|cell| super::cut(&cell, 40)).collect::<Vec<_>>().join(" | ")
    };
    head.into_iter().chain(rows.iter().map(line)).collect()
}
