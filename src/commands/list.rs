//! `redraft list`: the sessions and where each stands.

use super::{Context, code, status};
use crate::domain::text::one_line;
use crate::store::catalog::{self, Listed};
use anyhow::Result;
use serde_json::json;
use std::time::SystemTime;

/// Characters of a date, `2026-11-30`.
const DATE: usize = 10;

/// What is shown of a session.
struct Row {
    name: String,
    when: When,
    versions: String,
    status: String,
    /// The request, or what is wrong with the session.
    what: Result<String, String>,
}

pub(super) fn run(context: &Context) -> Result<u8> {
    let terminal = &context.terminal;
    if terminal.json {
        let mut rows = catalog::list(&context.sessions, |listed| (when(&listed), json(&listed)))?;
        rows.sort_by(|a, b| b.0.cmp(&a.0));
        let rows: Vec<_> = rows.into_iter().map(|(_, row)| row).collect();
        terminal.json(&rows);
        return Ok(code::DONE);
    }
    let mut rows = catalog::list(&context.sessions, row)?;
    rows.sort_by(|a, b| b.when.cmp(&a.when));
    if rows.is_empty() {
        let folder = context.sessions.display();
        terminal.say(&format!("no sessions in {folder}; start one with: redraft new \"TASK\""));
        return Ok(code::DONE);
    }
    let widest = |of: fn(&Row) -> &str| rows.iter().map(|r| of(r).chars().count()).max();
    let name_width = widest(|r| &r.name).unwrap_or(0).min(32);
    let status_width = widest(|r| &r.status).unwrap_or(0);
    let mut text = String::new();
    for Row { name, when, versions, status, what } in &rows {
        let name = pad(name, name_width);
        let line = match what {
            Ok(request) => format!(
                "{}  {}  {versions:<4} {}  {}",
                terminal.bold(&name),
                terminal.dim(when.0.get(..DATE).unwrap_or_default()),
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

/// When a session was last worked on: by its journal's last event, and within a second by the disk. A
/// damaged one has none, and comes last.
type When = (String, Option<SystemTime>);

fn when(listed: &Listed) -> When {
    let updated = listed.session.as_ref().map(|session| session.updated.clone());
    (updated.unwrap_or_default(), listed.changed)
}

fn row(listed: Listed) -> Row {
    let when = when(&listed);
    let name = one_line(&listed.name, 40);
    match listed.session {
        Ok(session) => Row {
            name,
            when,
            versions: match session.versions.len() {
                _ if session.dialogue.is_some() => "ask".to_owned(),
                0 => "-".to_owned(),
                n => format!("v{n}"),
            },
            status: status::brief(&session),
            what: Ok(one_line(&session.request, 60)),
        },
        Err(error) => Row {
            name,
            when,
            versions: String::new(),
            status: String::new(),
            what: Err(one_line(&error.to_string(), 120)),
        },
    }
}

fn pad(text: &str, width: usize) -> String {
    console::pad_str(text, width, console::Alignment::Left, None).into_owned()
}

fn json(Listed { name, session, .. }: &Listed) -> serde_json::Value {
    match session {
        Ok(session) => json!({
            "name": name,
            "kind": status::kind(session),
            "request": session.request,
            "status": status::word(session),
            "state": status::words(session),
            "versions": session.versions.len(),
            "accepted": session.accepted.map(|a| a.version),
            "evidence": session.accepted.and_then(|a| a.evidence),
            "tokens": session.calls.usage.total(),
            "created": session.created,
            "updated": session.updated,
        }),
        Err(error) => json!({ "name": name, "status": "damaged", "error": error.to_string() }),
    }
}
