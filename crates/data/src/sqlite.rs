//! `SQLite` databases: describes their tables without executing code in the file.

use super::table::{Column, Rows, Table};
use super::{Look, MOST_TABLES, cut, titled};
use rusqlite::config::DbConfig;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, Result, Row};
use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

/// Maximum number of tables that are counted, maximum number of columns of a table that are
/// examined, and maximum number of rows for a count of missing values.
const MOST: u32 = 100;
const MOST_COLUMNS: usize = 300;
const LOOKED: u64 = 100_000;
/// Time limit for all queries together.
const TIME: Duration = Duration::from_secs(3);
/// Number of rows that are shown.
const SHOWN: usize = 3;

pub(super) fn read(path: &Path) -> Look {
    let mut look = Look::new("SQLite");
    match tables(path) {
        Ok((tables, more)) => {
            if tables.is_empty() {
                look.facts.push("no tables".to_owned());
            }
            (look.tables, look.more) = (tables, more);
        }
        Err(problem) => {
            look.facts.push(format!("damaged: {}", cut(&problem.to_string(), 100)));
        }
    }
    look
}

/// Opens the file read-only: no other files are created beside it, and its schema is not trusted.
fn open(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_URI;
    let mut address = String::from("file:");
    for byte in std::path::absolute(path).unwrap_or_default().as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => {
                address.push(char::from(*byte));
            }
            other => {
                let _ = write!(address, "%{other:02x}");
            }
        }
    }
    address.push_str("?mode=ro&immutable=1");
    let mut connection = Connection::open_with_flags(address, flags)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    let begun = Instant::now();
    connection.progress_handler(1000, Some(move || begun.elapsed() > TIME))?;
    Ok(connection)
}

fn tables(path: &Path) -> Result<(Vec<Table>, usize)> {
    let connection = open(path)?;
    let mut asked = connection.prepare(
        "SELECT name, sql LIKE 'CREATE VIRTUAL%', type = 'view' FROM sqlite_schema \
         WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' \
         ORDER BY type, rowid LIMIT ?1",
    )?;
    let named: Vec<(String, bool, bool)> = asked
        .query_map([MOST], |row| {
            Ok((row.get(0)?, row.get::<_, Option<bool>>(1)?.unwrap_or(false), row.get(2)?))
        })?
        .collect::<Result<_>>()?;
    let tables = named.iter().take(MOST_TABLES).map(|(name, is_virtual, is_view)| {
        let title = titled(if *is_view { "view" } else { "table" }, name);
        // Computed rows can cost any amount of time.
        let stored = !is_virtual && !is_view;
        table(&connection, name, stored).map_or_else(
            |problem| Table {
                name: Some(format!("{title} (damaged: {})", cut(&problem.to_string(), 60))),
                rows: Rows::Unknown,
                columns: Vec::new(),
                lines: Vec::new(),
            },
            |table| Table { name: Some(title.clone()), ..table },
        )
    });
    let tables = tables.collect();
    Ok((tables, named.len().saturating_sub(MOST_TABLES)))
}

fn count_of(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn table(connection: &Connection, name: &str, stored: bool) -> Result<Table> {
    let mut asked = connection.prepare("SELECT name, type, pk FROM pragma_table_info(?1)")?;
    let mut columns: Vec<Column> = asked
        .query_map([name], |row| {
            let (name, kind, key): (String, String, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
            let kind = if kind.is_empty() { "any type".to_owned() } else { cut(&kind, 24) };
            let key = if key > 0 { ", key" } else { "" };
            Ok(Column { name, kind: format!("{}{key}", kind.to_lowercase()), missing: 0 })
        })?
        .collect::<Result<_>>()?;
    if !stored {
        return Ok(Table { name: None, rows: Rows::Unknown, columns, lines: Vec::new() });
    }
    let from = quoted(name);
    // If counting takes too long, the largest row id is an estimate.
    let number =
        |sql: String| connection.query_row(&sql, [], |row| row.get::<_, i64>(0).map(count_of));
    let rows = match number(format!("SELECT count(*) FROM {from}")) {
        Ok(n) => Rows::Exactly(n),
        Err(_) => {
            number(format!("SELECT max(rowid) FROM {from}")).map_or(Rows::Unknown, Rows::About)
        }
    };
    if matches!(rows, Rows::Exactly(n) if n <= LOOKED) {
        let sums: Vec<String> = columns
            .iter()
            .take(MOST_COLUMNS)
            .map(|column| format!("sum({} IS NULL)", quoted(&column.name)))
            .collect();
        let sql = format!("SELECT {} FROM {from}", sums.join(", "));
        // The sum of an empty table is NULL.
        let count = |row: &Row<'_>| {
            for (n, column) in columns.iter_mut().take(MOST_COLUMNS).enumerate() {
                column.missing = row.get::<_, Option<i64>>(n)?.map_or(0, count_of);
            }
            Ok(())
        };
        if !sums.is_empty() {
            // Without a count, no missing values are reported.
            let _ = connection.query_row(&sql, [], count);
        }
    }
    let lines = first(connection, &from, &columns).unwrap_or_default();
    Ok(Table { name: None, rows, columns, lines })
}

fn first(connection: &Connection, from: &str, columns: &[Column]) -> Result<Vec<String>> {
    let mut asked = connection.prepare(&format!("SELECT * FROM {from} LIMIT {SHOWN}"))?;
    let width = asked.column_count().min(MOST_COLUMNS);
    let cells = |row: &Row<'_>| -> Result<String> {
        let mut cells = Vec::new();
        for n in 0..width {
            cells.push(match row.get_ref(n)? {
                ValueRef::Null => String::new(),
                ValueRef::Integer(n) => n.to_string(),
                ValueRef::Real(n) => n.to_string(),
                ValueRef::Text(text) => {
                    cut(&String::from_utf8_lossy(&text[..text.len().min(400)]), 40)
                }
                ValueRef::Blob(bytes) => format!("{} bytes", bytes.len()),
            });
        }
        Ok(cells.join(" | "))
    };
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    let mut lines = vec![names.join(" | ")];
    for line in asked.query_map([], cells)? {
        lines.push(line?);
    }
    Ok(lines)
}
