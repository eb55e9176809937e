//! `redraft list`: the sessions and where each stands.

use super::{Context, code, status};
use crate::domain::text::one_line;
use crate::store::catalog::{self, Listed};
use serde_json::json;

pub(super) fn run(context: &Context) -> u8 {
    let terminal = &context.terminal;
    let listed = catalog::list(&context.sessions);
    if terminal.json {
        let rows: Vec<_> = listed.iter().map(row).collect();
        terminal.json(&rows);
        return code::DONE;
    }
    if listed.is_empty() {
        let folder = context.sessions.display();
        terminal.say(&format!("no sessions in {folder}; start one with: redraft new \"TASK\""));
        return code::DONE;
    }
    let widest = listed.iter().map(|l| l.name.chars().count()).max().unwrap_or(0).min(32);
    let mut text = String::new();
    for Listed { name, session } in &listed {
        let name = console::pad_str(&one_line(name, 40), widest, console::Alignment::Left, None)
            .into_owned();
        let line = match session {
            Ok(session) => {
                let versions = session.versions.len();
                let status = status::words(session);
                let request = terminal.dim(&one_line(&session.request, 60));
                format!("{}  v{versions:<3} {status:<22}  {request}", terminal.bold(&name))
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
    code::DONE
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
