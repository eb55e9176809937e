//! `redraft list`: lists the sessions and their states.

use super::{Context, code};
use crate::domain::text::one_line;
use crate::store::catalog;
use crate::terminal::flow;
use crate::view::{Row, SessionRow};
use anyhow::Result;

/// Width of a date, `2026-11-30`.
const DATE: usize = 10;
/// Maximum number of characters in a request.
const REQUEST: usize = 60;
/// Minimum number of characters for a request beside the other columns; with fewer it goes on its
/// own line.
const LEAST: usize = 16;
/// Width of the versions column and of all gaps.
const OTHER: usize = 11;
/// Indentation of a session's further lines.
const INDENT: &str = "  ";

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
    let before = name_width + DATE + status_width + OTHER;
    // Output that is not for a terminal is not cut, so that it can be searched.
    let width = if terminal.live { terminal.width() } else { before + REQUEST };
    let room = width.checked_sub(before).filter(|room| *room >= LEAST);
    let mut text = String::new();
    for Columns { name, date, versions, status, what } in &rows {
        let (shown, date) = (terminal.bold(&pad(name, name_width)), terminal.dim(date));
        let row = match (what, room) {
            (Ok(request), Some(room)) => {
                let (status, request) = (pad(status, status_width), one_line(request, room));
                format!("{shown}  {date}  {versions:<4} {status}  {}\n", terminal.dim(&request))
            }
            (Ok(request), None) if before <= width => {
                let request = terminal.dim(&one_line(request, width - INDENT.len()));
                format!("{shown}  {date}  {versions:<4} {status}\n{INDENT}{request}\n")
            }
            (Ok(request), None) => {
                let request = terminal.dim(&one_line(request, width - INDENT.len()));
                format!(
                    "{}\n{INDENT}{date}  {versions:<4} {status}\n{INDENT}{request}\n",
                    terminal.bold(name)
                )
            }
            (Err(error), _) => flow::hang(terminal, &format!("{shown}  "), &terminal.bad(error)),
        };
        text += &row;
    }
    terminal.print(&text);
    Ok(code::DONE)
}

/// A row as text, one field per column.
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
            what: Ok(one_line(&row.request, REQUEST)),
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
