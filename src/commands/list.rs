//! `redraft list`: the sessions and where each stands.

use super::{Context, code};
use crate::domain::text::one_line;
use crate::store::catalog;
use crate::view::{Row, SessionRow};
use anyhow::Result;

/// Characters of a date, `2026-11-30`.
const DATE: usize = 10;

pub(super) fn run(context: &Context) -> Result<u8> {
    let terminal = &context.terminal;
    let rows = Row::newest_first(catalog::list(&context.sessions, SessionRow::of)?);
    if terminal.json {
        terminal.json(&rows);
        return Ok(code::DONE);
    }
    if rows.is_empty() {
        let folder = context.sessions.display();
        terminal.say(&format!("no sessions in {folder}; start one with: redraft new \"TASK\""));
        return Ok(code::DONE);
    }
    let rows: Vec<Columns> = rows.iter().map(columns).collect();
    let widest = |of: fn(&Columns) -> &str| rows.iter().map(|r| of(r).chars().count()).max();
    let name_width = widest(|r| &r.name).unwrap_or(0).min(32);
    let status_width = widest(|r| &r.status).unwrap_or(0);
    let mut text = String::new();
    for Columns { name, date, versions, status, what } in &rows {
        let name = pad(name, name_width);
        let line = match what {
            Ok(request) => format!(
                "{}  {}  {versions:<4} {}  {}",
                terminal.bold(&name),
                terminal.dim(date),
                pad(status, status_width),
                terminal.dim(request)
            ),
            Err(error) => format!("{}  {}", terminal.bold(&name), terminal.bad(error)),
        };
        text.push_str(&line);
        text.push('\n');
    }
    terminal.print(&text);
    Ok(code::DONE)
}

/// A row as text, a column a field.
struct Columns {
    name: String,
    date: String,
    versions: String,
    status: String,
    /// The request, or what is wrong with the session.
    what: Result<String, String>,
}

fn columns(row: &Row) -> Columns {
    match row {
        Row::Session(row) => Columns {
            name: one_line(&row.name, 40),
            date: row.updated.get(..DATE).unwrap_or_default().to_owned(),
            versions: match row.versions {
                _ if row.kind == "ask" => "ask".to_owned(),
                0 => "-".to_owned(),
                n => format!("v{n}"),
            },
            status: row.brief.clone(),
            what: Ok(one_line(&row.request, 60)),
        },
        Row::Damaged { name, error, .. } => Columns {
            name: one_line(name, 40),
            date: String::new(),
            versions: String::new(),
            status: String::new(),
            what: Err(one_line(error, 120)),
        },
    }
}

fn pad(text: &str, width: usize) -> String {
    console::pad_str(text, width, console::Alignment::Left, None).into_owned()
}
