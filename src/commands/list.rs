//! `redraft list`: the sessions and where each stands.

use super::{Context, code, status};
use crate::domain::text::one_line;
use crate::store::catalog::{self, Listed};
use anyhow::Result;
use serde_json::json;

pub(super) fn run(context: &Context) -> Result<u8> {
    let terminal = &context.terminal;
    let listed = catalog::list(&context.sessions)?;
    if terminal.json {
        let rows: Vec<_> = listed.iter().map(row).collect();
        terminal.json(&rows);
        return Ok(code::DONE);
    }
    if listed.is_empty() {
        let folder = context.sessions.display();
        terminal.say(&format!("no sessions in {folder}; start one with: redraft new \"TASK\""));
        return Ok(code::DONE);
    }
    let widest = listed.iter().map(|l| l.name.chars().count()).max().unwrap_or(0).min(32);
    let status = |l: &Listed| l.session.as_ref().map(status::brief).unwrap_or_default();
    let widest_status = listed.iter().map(|l| status(l).chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for one in &listed {
        let Listed { name, session } = one;
        let name = pad(&one_line(name, 40), widest);
        let line = match session {
            Ok(session) => {
                let versions = match session.versions.len() {
                    0 => "-".to_owned(),
                    n => format!("v{n}"),
                };
                let request = terminal.dim(&one_line(&session.request, 60));
                format!(
                    "{}  {versions:<4} {}  {request}",
                    terminal.bold(&name),
                    pad(&status(one), widest_status)
                )
            }
            Err(error) => {
                let words = one_line(&error.to_string(), 120);
                format!("{}  {}", terminal.bold(&name), terminal.bad(&words))
            }
        };
        text.push_str(&line);
        text.push('\n');
    }
    terminal.print(&text);
    Ok(code::DONE)
}

fn pad(text: &str, width: usize) -> String {
    console::pad_str(text, width, console::Alignment::Left, None).into_owned()
}

fn row(Listed { name, session }: &Listed) -> serde_json::Value {
    match session {
        Ok(session) => json!({
            "name": name,
            "request": session.request,
            "status": status::word(session),
            "state": status::words(session),
            "versions": session.versions.len(),
            "accepted": session.accepted.map(|a| a.version),
            "tokens": session.calls.usage.total(),
            "created": session.created,
            "updated": session.updated,
        }),
        Err(error) => json!({ "name": name, "status": "damaged", "error": error.to_string() }),
    }
}
