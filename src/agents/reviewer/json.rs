//! Reviews given as JSON, also when the end is missing.

use super::super::lists;
use super::Notes;
use super::peel;
use super::words;
use crate::domain::review::{RawFinding, Verdict};
use serde_json::Value;

/// At most this many places are tried as the beginning of a JSON value.
const MAX_STARTS: usize = 8;

const FINDINGS: [&str; 9] = [
    "findings", "problems", "issues", "points", "comments", "defects", "bugs", "blockers", "errors",
];
const JUDGEMENTS: [&str; 7] =
    ["requirements", "judgements", "judgments", "statuses", "assessment", "results", "status"];
const VERDICTS: [&str; 5] = ["verdict", "decision", "recommendation", "result", "conclusion"];

/// Reads the first JSON value of the text that is a review. Whether there was one.
pub(super) fn read(text: &str, notes: &mut Notes<'_>) -> bool {
    let mut from = 0;
    for _ in 0..MAX_STARTS {
        let Some(at) = text[from..].find(['{', '[']).map(|at| at + from) else { return false };
        let rest = &text[at..];
        // Prose and lists have brackets too: JSON has a name, a value or an end next.
        let next = rest[1..].trim_start();
        if next.starts_with(['"', '{', '[', '}', ']'])
            && let Some((value, length)) = value(rest)
        {
            if is_review(&value) {
                take(&value, notes, 0);
                return true;
            }
            from = at + length.max(1);
        } else {
            from = at + 1;
        }
    }
    false
}

/// The JSON value at the start of the text and its length, completed if the text ends inside it.
fn value(text: &str) -> Option<(Value, usize)> {
    let mut stream = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    if let Some(Ok(value)) = stream.next() {
        return Some((value, stream.byte_offset()));
    }
    let (mended, length) = complete(text);
    serde_json::from_str(&mended).ok().map(|value| (value, length))
}

/// The text up to the last value that is whole, with the brackets closed that are open there.
/// Commas before closing brackets are left out, and line feeds inside strings escaped.
fn complete(text: &str) -> (String, usize) {
    let mut out = String::new();
    let mut open: Vec<char> = Vec::new();
    let mut safe = (0, String::new());
    let (mut in_string, mut escaped) = (false, false);
    for (at, c) in text.char_indices() {
        if in_string {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '"' => in_string = false,
                '\n' => {
                    out.push_str("\\n");
                    continue;
                }
                _ => {}
            }
            out.push(c);
            continue;
        }
        match c {
            '"' => in_string = true,
            '{' => open.push('}'),
            '[' => open.push(']'),
            ',' => safe = (out.len(), open.iter().rev().collect()),
            '}' | ']' => {
                let kept = out.trim_end().trim_end_matches(',').len();
                out.truncate(kept);
                if open.pop() != Some(c) {
                    break;
                }
                out.push(c);
                if open.is_empty() {
                    return (out, at + 1);
                }
                safe = (out.len(), open.iter().rev().collect());
                continue;
            }
            _ => {}
        }
        if open.len() > 32 {
            break;
        }
        out.push(c);
    }
    out.truncate(safe.0);
    out.push_str(&safe.1);
    (out, text.len())
}

fn is_review(value: &Value) -> bool {
    match value {
        Value::Object(map) => map.keys().any(|key| {
            let key = key.to_lowercase();
            let known =
                [&FINDINGS[..], &JUDGEMENTS, &VERDICTS, &["severity", "approved", "review"]];
            known.iter().any(|names| names.contains(&key.as_str())) || lists::label(&key).is_some()
        }),
        Value::Array(items) => items.iter().any(|item| item.is_object() && is_review(item)),
        _ => false,
    }
}

/// Takes everything that a value says.
fn take(value: &Value, notes: &mut Notes<'_>, depth: usize) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| take_item(item, notes)),
        Value::Object(map) if map.contains_key("severity") => take_item(value, notes),
        Value::Object(map) => {
            for (key, value) in map {
                let name = key.to_lowercase();
                if VERDICTS.contains(&name.as_str()) && value.is_string() {
                    notes.verdict = value.as_str().and_then(words::verdict_of).or(notes.verdict);
                } else if name == "approved" || name == "accept" {
                    notes.verdict = value
                        .as_bool()
                        .map(|yes| if yes { Verdict::Accept } else { Verdict::Iterate });
                } else if let Some((number, _)) = lists::label(key) {
                    take_judgement(&format!("R{number}"), value, notes);
                } else if FINDINGS.contains(&name.as_str()) {
                    match value {
                        Value::Array(items) => items.iter().for_each(|i| take_item(i, notes)),
                        Value::String(_) => take_item(value, notes),
                        _ => {}
                    }
                } else if (JUDGEMENTS.contains(&name.as_str()) || name == "review") && depth < 3 {
                    take(value, notes, depth + 1);
                }
            }
        }
        _ => {}
    }
}

/// One item of a list: a finding, or the judgement of a requirement.
fn take_item(item: &Value, notes: &mut Notes<'_>) {
    if let Some(said) = item.as_str() {
        notes.find(peel::peel(said).finding);
        return;
    }
    let text = |names: &[&str]| {
        names.iter().find_map(|name| item.get(*name)).and_then(Value::as_str).map(str::to_owned)
    };
    let requirement = text(&["requirement", "requirement_id", "req", "id", "name"])
        .and_then(|id| lists::label(&id).map(|(number, _)| format!("R{number}")));
    if let (Some(id), Some(status)) = (&requirement, item.get("status").or(item.get("judgement"))) {
        take_judgement(id, status, notes);
    }
    let severity = text(&["severity", "level", "priority", "type"]);
    let quote = text(&["quote", "quoted_line", "quoted", "code", "snippet", "evidence", "line"]);
    let said = text(&[
        "problem",
        "text",
        "description",
        "message",
        "what",
        "issue",
        "wrong",
        "what_is_wrong",
        "detail",
        "details",
        "finding",
        "comment",
        "explanation",
        "title",
    ]);
    if item.get("status").is_some() && severity.is_none() && quote.is_none() {
        return; // a judgement, with its reason at most
    }
    notes.find(RawFinding {
        requirement,
        severity: severity.as_deref().and_then(words::severity),
        quote,
        text: said.unwrap_or_default(),
    });
}

fn take_judgement(id: &str, value: &Value, notes: &mut Notes<'_>) {
    let said = value.as_str().or_else(|| value.get("status").and_then(Value::as_str));
    let yes = value.as_bool().map(|met| if met { "met" } else { "not met" });
    if let Some((status, _)) = said.or(yes).and_then(words::leading_status) {
        notes.judge(id, status);
    }
}
