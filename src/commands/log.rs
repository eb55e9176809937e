//! `redraft log`: prints all events of a session.

use super::{Context, code};
use crate::cli::Target;
use crate::domain::text::{count, one_line, visible};
use crate::store;
use crate::terminal::flow;
use anyhow::Result;
use serde_json::Value;

pub(super) fn run(context: &Context, args: &Target) -> Result<u8> {
    let place = context.find_whole(args.session.as_deref())?;
    // Report a damaged journal before printing any of it.
    store::read(&place.folder)?;
    let terminal = &context.terminal;
    let mut text = String::new();
    for line in store::lines(&place.folder)? {
        if terminal.json {
            text.push_str(&line);
        } else {
            let event: Value = serde_json::from_str(&line)?;
            let seq = format!("{:>5}", event["seq"].as_u64().unwrap_or(0));
            let at = visible(event["at"].as_str().unwrap_or_default()).replace('T', " ");
            let name = visible(event["event"].as_str().unwrap_or_default()).replace('_', " ");
            let name = console::pad_str(&name, 20, console::Alignment::Left, None).into_owned();
            let seq_at = terminal.dim(&format!("{seq}  {}", at.trim_end_matches('Z')));
            let label = [&seq_at, "  ", &terminal.bold(&name), " "].concat();
            text.push_str(&flow::hang(terminal, &label, &words(&event)));
            continue;
        }
        text.push('\n');
    }
    if terminal.json {
        terminal.raw(&text);
    } else {
        terminal.print(&text);
    }
    Ok(code::DONE)
}

/// Summarises any event: its short fields, and the start of its texts.
fn words(event: &Value) -> String {
    const HEAD: [&str; 3] = ["seq", "at", "event"];
    const LARGE: [&str; 15] = [
        "seal",
        "messages",
        "answer",
        "script",
        "settings",
        "requirements",
        "checks",
        "findings",
        "sha256",
        "bytes",
        "outputs",
        "stdout",
        "stderr",
        "reasoning",
        "artifact",
    ];
    let Value::Object(fields) = event else { return String::new() };
    let mut parts = Vec::new();
    for (key, value) in fields {
        if HEAD.contains(&key.as_str()) || LARGE.contains(&key.as_str()) {
            continue;
        }
        let shown = match (key.as_str(), value) {
            ("version", Value::Number(n)) => format!("v{n}"),
            ("base", Value::Number(n)) => format!("from v{n}"),
            ("run", run) => format!("run {}", run["verdict"].as_str().unwrap_or_default()),
            ("tests", Value::Array(tests)) if fields.contains_key("version") => {
                let passed = tests.iter().filter(|test| test["outcome"] == "passed").count();
                format!("{passed} of {} passed", tests.len())
            }
            ("review", review) => {
                let said = review["said"].as_str().unwrap_or("no verdict");
                let blockers = review["blockers"].as_array().map_or(0, Vec::len);
                format!("{said}, {}", count(blockers, "open blocker"))
            }
            ("needs", needs) => names(&needs["missing"], "name"),
            ("packages" | "permissions", named) => names(named, ""),
            ("usage", usage) => format!("{}+{} tokens", usage["prompt"], usage["answer"]),
            ("milliseconds", Value::Number(n)) => format!("{n} ms"),
            ("call", Value::Number(n)) => format!("call {n}"),
            // The review's result is in `review`, and its notes are long.
            ("text", _) if fields.contains_key("review") => continue,
            ("without_run", Value::Bool(without)) => {
                if !without {
                    continue;
                }
                "without a run".to_owned()
            }
            (_, Value::String(text)) => one_line(text, 60),
            (_, Value::Object(_) | Value::Array(_) | Value::Null) => continue,
            (key, value) => format!("{} {value}", key.replace('_', " ")),
        };
        parts.push(visible(&shown));
    }
    parts.join(", ")
}

/// The names in a list, either plain strings or a field of its objects.
fn names(list: &Value, field: &str) -> String {
    let name = |item: &Value| item.as_str().or_else(|| item[field].as_str()).map(str::to_owned);
    let names: Vec<String> = list.as_array().into_iter().flatten().filter_map(name).collect();
    if names.is_empty() { "nothing".to_owned() } else { one_line(&names.join(" "), 60) }
}
