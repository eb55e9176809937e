//! Parquet files: nearly everything is in the metadata at the end of the file.

use super::table::{Column, Rows, Table};
use super::{Look, cut};
use parquet::basic::{ConvertedType, LogicalType, Repetition, Type};
use parquet::file::metadata::ParquetMetaData;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field as Value, Row};
use parquet::schema::types::Type as Field;
use std::fs::File;
use std::path::Path;

/// Number of rows that are shown, and the maximum number of columns and size of a row group for
/// that.
const SHOWN: usize = 3;
const MOST_COLUMNS: usize = 300;
const MOST_BYTES: i64 = 512 << 20;
/// Maximum number of fields of a column that are named, their maximum depth, and maximum characters
/// of a column's description.
const NAMED: usize = 6;
const DEEPEST: usize = 4;
const KIND: usize = 160;

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
    // The columns are those that pandas shows: nested fields belong to a column's type.
    let column = |(n, field): (usize, &std::sync::Arc<Field>)| {
        let leaves =
            (0..schema.num_columns()).filter(|leaf| schema.get_column_root_idx(*leaf) == n);
        let missing: Option<u64> = leaves.map(|leaf| missing(about, leaf)).sum();
        let plain = field.is_primitive() && !is_repeated(field);
        let optional = field.get_basic_info().has_repetition() && field.is_optional();
        let note = match missing {
            // For a list, its empty rows count too.
            Some(1..) if !plain => ", some missing or empty within",
            None if optional || !plain => ", missing not counted",
            _ => "",
        };
        Column {
            name: field.name().to_owned(),
            kind: cut(&kind(field, 0), KIND) + note,
            missing: missing.filter(|_| plain).unwrap_or(0),
        }
    };
    let columns: Vec<Column> =
        schema.root_schema().get_fields().iter().enumerate().map(column).collect();
    let small = about
        .row_groups()
        .first()
        .is_some_and(|group| group.total_byte_size() < MOST_BYTES && columns.len() <= MOST_COLUMNS);
    let lines = if small { lines(&reader, &columns) } else { Vec::new() };
    look.tables.push(Table { name: None, rows: Rows::Exactly(rows), columns, lines });
    look
}

/// The number of missing values over all row groups, if all of them have the statistic.
fn missing(about: &ParquetMetaData, column: usize) -> Option<u64> {
    let counts = about
        .row_groups()
        .iter()
        .map(|group| group.columns().get(column)?.statistics()?.null_count_opt());
    counts.sum()
}

fn is_repeated(field: &Field) -> bool {
    let about = field.get_basic_info();
    about.has_repetition() && about.repetition() == Repetition::REPEATED
}

fn kind(field: &Field, depth: usize) -> String {
    let own = if field.is_primitive() { plain(field).to_owned() } else { nested(field, depth) };
    // A repeated field without a list around it, as old writers have it.
    if is_repeated(field) { format!("list of {own}") } else { own }
}

/// A list, a map, or an object.
fn nested(field: &Field, depth: usize) -> String {
    if depth == DEEPEST {
        return "more within".to_owned();
    }
    let about = field.get_basic_info();
    let is = |converted: &[ConvertedType], logical: &LogicalType| {
        converted.contains(&about.converted_type()) || about.logical_type_ref() == Some(logical)
    };
    let within = field.get_fields();
    match within {
        [entry] if is(&[ConvertedType::LIST], &LogicalType::List) => {
            // Each item has a group of its own, except in files of old writers.
            match entry.is_group().then(|| entry.get_fields()) {
                Some([item]) => format!("list of {}", kind(item, depth + 1)),
                Some(_) => format!("list of {}", nested(entry, depth + 1)),
                None => format!("list of {}", plain(entry)),
            }
        }
        [entry]
            if is(&[ConvertedType::MAP, ConvertedType::MAP_KEY_VALUE], &LogicalType::Map)
                && entry.is_group() =>
        {
            let kinds: Vec<String> =
                entry.get_fields().iter().map(|part| kind(part, depth + 1)).collect();
            format!("map from {}", kinds.join(" to "))
        }
        _ => {
            let named = within.iter().take(NAMED);
            let named =
                named.map(|part| format!("{} ({})", cut(part.name(), 30), kind(part, depth + 1)));
            let more = if within.len() > NAMED { ", ..." } else { "" };
            format!("object with {}{more}", named.collect::<Vec<_>>().join(", "))
        }
    }
}

fn plain(field: &Field) -> &'static str {
    let about = field.get_basic_info();
    let logical = about.logical_type_ref();
    match (about.converted_type(), field.get_physical_type()) {
        _ if matches!(logical, Some(LogicalType::Uuid)) => "UUID",
        _ if matches!(logical, Some(LogicalType::Float16)) => "number",
        (ConvertedType::UTF8 | ConvertedType::ENUM | ConvertedType::JSON, _) => "text",
        (ConvertedType::DATE, _) => "date",
        (ConvertedType::TIME_MILLIS | ConvertedType::TIME_MICROS, _) => "time",
        (ConvertedType::DECIMAL, _) => "decimal number",
        (converted, physical) => match (logical, converted, physical) {
            (Some(LogicalType::Timestamp(kind)), ..) if kind.is_adjusted_to_u_t_c => {
                // Python's readers show it in the zone in which it was written, if it had one.
                "date and time with a zone, stored in UTC"
            }
            (Some(LogicalType::Timestamp(_)), ..) => "date and time without a zone",
            (_, ConvertedType::TIMESTAMP_MILLIS | ConvertedType::TIMESTAMP_MICROS, _)
            | (.., Type::INT96) => "date and time",
            (Some(LogicalType::Time(_)), ..) => "time",
            (Some(LogicalType::String), ..) => "text",
            (.., Type::BOOLEAN) => "true or false",
            (.., Type::INT32 | Type::INT64) => "integer",
            (.., Type::FLOAT | Type::DOUBLE) => "number",
            (.., Type::BYTE_ARRAY | Type::FIXED_LEN_BYTE_ARRAY) => "bytes",
        },
    }
}

fn lines(reader: &SerializedFileReader<File>, columns: &[Column]) -> Vec<String> {
    let Ok(rows) = reader.get_row_iter(None) else { return Vec::new() };
    let rows: Vec<Row> = rows.take(SHOWN).map_while(Result::ok).collect();
    if rows.is_empty() {
        return Vec::new();
    }
    // Nested columns are shown as their top-level column.
    let flat = rows.iter().all(|row| row.len() == columns.len());
    let names = columns.iter().map(|column| column.name.as_str());
    let head = flat.then(|| names.collect::<Vec<_>>().join(" | "));
    let line = |row: &Row| {
        let cells = row.get_column_iter().map(|(_, value)| match value {
            Value::Str(text) => text.clone(),
            Value::Bytes(bytes) => format!("{} bytes", bytes.len()),
            other => other.to_string(),
        });
        cells.map(|cell| cut(&cell, 40)).collect::<Vec<_>>().join(" | ")
    };
    head.into_iter().chain(rows.iter().map(line)).collect()
}
