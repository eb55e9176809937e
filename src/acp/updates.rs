//! Converts a session and its news to the protocol's updates. Pure. Control characters in text from
//! models and scripts are escaped.

use crate::domain::plan::Requirement;
use crate::domain::review::Status;
use crate::domain::session::{Session, Version};
use crate::domain::text::{count, ends, fenced, one_line, visible};
use crate::findings::evidence;
use crate::store::artifacts;
use crate::view::{status, words};
use serde_json::{Value, json};
use std::path::Path;

/// Maximum number of bytes shown of each output.
const PRINTED: usize = 8_000;
/// Maximum number of characters shown of a requirement.
const WIDTH: usize = 300;

/// A chunk of the agent's message.
pub(super) fn said(text: &str) -> Value {
    chunk("agent_message_chunk", text)
}

/// A chunk of a model's reasoning.
pub(super) fn thought(text: &str) -> Value {
    chunk("agent_thought_chunk", text)
}

fn of_user(text: &str) -> Value {
    chunk("user_message_chunk", text)
}

fn chunk(kind: &str, text: &str) -> Value {
    json!({ "sessionUpdate": kind, "content": { "type": "text", "text": visible(text) } })
}

/// The requirements as entries of a plan, with those that the version meets marked as completed.
pub(super) fn plan(requirements: &[Requirement], version: Option<&Version>) -> Value {
    let entries = requirements.iter().map(|requirement| {
        let held = version.and_then(|version| evidence::held(version, &requirement.id));
        let status = match (version, held) {
            (None, _) => "pending",
            (_, Some(held)) if held.status == Status::Met => "completed",
            _ => "in_progress",
        };
        let content = format!("{}: {}", requirement.id, one_line(&requirement.text, WIDTH));
        json!({ "content": content, "priority": "medium", "status": status })
    });
    json!({ "sessionUpdate": "plan", "entries": entries.collect::<Vec<_>>() })
}

/// The current plan of a session; `None` if it has none.
pub(super) fn plan_of(session: &Session) -> Option<Value> {
    let requirements = requirements(session);
    let head = session.head().filter(|_| session.planning.proposal.is_none());
    (!requirements.is_empty()).then(|| plan(requirements, head))
}

/// The requirements of the proposed plan, or else of the approved one.
pub(super) fn requirements(session: &Session) -> &[Requirement] {
    let proposed = session.planning.proposal.as_ref();
    proposed.map_or_else(|| session.requirements(), |plan| &plan.requirements)
}

/// A new version, as a diff of its script file.
pub(super) fn written(folder: &Path, version: &Version, base: Option<&Version>) -> Value {
    let file = artifacts::script_file(version.number);
    let path = folder.join(&file);
    let lines = count(version.script.lines().count(), "line");
    let old = base.map(|base| visible(&base.script));
    json!({
        "sessionUpdate": "tool_call",
        "toolCallId": format!("v{}", version.number),
        "title": format!("{file} ({lines})"),
        "kind": "edit",
        "status": "completed",
        "content": [{ "type": "diff", "path": path, "oldText": old, "newText": visible(&version.script) }],
        "locations": [{ "path": path }],
    })
}

/// The start of a run.
pub(super) fn running(id: &str, version: u32) -> Value {
    json!({
        "sessionUpdate": "tool_call",
        "toolCallId": id,
        "title": format!("run v{version}"),
        "kind": "execute",
        "status": "in_progress",
    })
}

/// The result of a run with its output; `new` if its start was not shown.
pub(super) fn ran(id: &str, version: &Version, new: bool) -> Option<Value> {
    let run = version.run.as_ref()?;
    let texts =
        [&version.stdout, &version.stderr].into_iter().filter(|text| !text.trim().is_empty());
    let content: Vec<Value> = texts
        .map(|text| {
            let text = fenced(&visible(&ends(text, PRINTED)), "");
            json!({ "type": "content", "content": { "type": "text", "text": text } })
        })
        .collect();
    let mut update = json!({
        "sessionUpdate": if new { "tool_call" } else { "tool_call_update" },
        "toolCallId": id,
        "title": format!("run v{}: {}", version.number, words::run(version)),
        "status": if version.run_failed() || !run.verdict.ran() { "failed" } else { "completed" },
        "content": content,
    });
    if new {
        update["kind"] = "execute".into();
    }
    Some(update)
}

/// The history of a session, for a client that loads it.
pub(super) fn history(folder: &Path, session: &Session) -> Vec<Value> {
    let mut updates = vec![of_user(&session.request)];
    if let Some(plan) = &session.planning.plan {
        updates.push(said(&plan.text));
    }
    for version in &session.versions {
        let base = version.base.and_then(|base| session.version(base));
        updates.push(written(folder, version, base));
        updates.extend(ran(&format!("v{}-run", version.number), version, true));
        updates.extend(version.feedback.as_deref().map(|text| of_user(text.trim_end())));
    }
    updates.extend(plan_of(session));
    updates.push(said(&format!("\n{}\n", status::words(session))));
    updates
}
