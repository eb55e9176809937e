//! Reviews in JSON, also if the end is missing.

use super::Sheet;
use super::form::{self, Said};
use crate::domain::review::{RawFinding, RawReview, Severity, Verdict};
use serde_json::{Value, json};

/// Maximum number of places that are tried as the start of a JSON value.
const MAX_STARTS: usize = 8;

/// Reads the first JSON value in the text that is a review. Returns whether there was one.
pub(super) fn read(text: &str, sheet: &mut Sheet<'_>) -> bool {
    let mut from = 0;
    for _ in 0..MAX_STARTS {
        let Some(at) = text[from..].find(['{', '[']).map(|at| at + from) else { return false };
        let rest = &text[at..];
        // Prose and lists have brackets too: in JSON, a name, a value or a closing bracket follows.
        let next = rest[1..].trim_start();
        if next.starts_with(['"', '{', '[', '}', ']'])
            && let Some((value, length)) = value(rest)
        {
            if is_review(&value) {
                take(&value, sheet, 0);
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

/// The text up to the last complete value, with open brackets closed. Commas before closing
/// brackets are removed, and line feeds inside strings escaped.
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

/// Whether a value has a field of a review.
fn is_review(value: &Value) -> bool {
    const FIELDS: [&str; 5] = ["requirements", "findings", "verdict", "severity", "status"];
    match value {
        Value::Object(map) => {
            map.keys().any(|key| {
                FIELDS.iter().any(|field| field.eq_ignore_ascii_case(key))
                    || requirement(key).is_some()
            }) || map.values().any(|value| value.is_array() && is_review(value))
        }
        Value::Array(items) => items.iter().any(|item| item.is_object() && is_review(item)),
        _ => false,
    }
}

/// Reads all judgements, findings and the verdict in a value, under any list names.
fn take(value: &Value, sheet: &mut Sheet<'_>, depth: usize) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| take_item(item, sheet)),
        Value::Object(map) if map.contains_key("severity") => take_item(value, sheet),
        Value::Object(map) => {
            for (key, value) in map {
                if key.eq_ignore_ascii_case("verdict") {
                    sheet.verdict = value.as_str().and_then(form::verdict).or(sheet.verdict);
                } else if let Some(id) = requirement(key) {
                    judge(&id, value, sheet);
                } else if value.is_array() || (value.is_object() && depth < 3) {
                    take(value, sheet, depth + 1);
                }
            }
        }
        _ => {}
    }
}

/// Reads an item of a list: a finding, or the judgement of a requirement.
fn take_item(item: &Value, sheet: &mut Sheet<'_>) {
    if let Some(said) = item.as_str() {
        match form::finding(said).map(Said::There).or_else(|| form::named(said)) {
            Some(Said::There(finding)) => sheet.findings.push(finding),
            Some(Said::Gone) => {}
            None => sheet.loose.push(form::headed(said)),
        }
        return;
    }
    let Some(map) = item.as_object() else { return };
    let text = |name: &str| map.get(name).and_then(Value::as_str);
    let named = text("requirement").or_else(|| text("id")).unwrap_or_default();
    let (id, rest) = match form::id(named, 'F') {
        Some((number, rest)) => (Some(format!("F{number}")), rest),
        None => (None, named),
    };
    let requirement = requirement(rest);
    if let (Some(id), Some(status)) = (&requirement, map.get("status")) {
        judge(id, status, sheet);
    }
    let severity = text("severity");
    if map.contains_key("status") && severity.is_none() {
        return; // a judgement, with its reason at most
    }
    let quote = text("quote").filter(|quote| !quote.trim().is_empty());
    let others = map.iter().filter(|(name, _)| {
        !["requirement", "id", "severity", "quote", "status"].contains(&name.as_str())
    });
    let longest = || others.filter_map(|(_, value)| value.as_str()).max_by_key(|said| said.len());
    let finding = RawFinding {
        id,
        requirement,
        severity: severity.and_then(form::severity),
        quote: quote.map(str::to_owned),
        text: text("problem").or_else(longest).unwrap_or_default().to_owned(),
    };
    let into = if severity.is_some() { &mut sheet.findings } else { &mut sheet.loose };
    into.push(finding);
}

/// The requirement whose id a text is.
fn requirement(said: &str) -> Option<String> {
    form::id(said, 'R').filter(|(_, rest)| rest.trim().is_empty()).map(|(n, _)| format!("R{n}"))
}

fn judge(id: &str, value: &Value, sheet: &mut Sheet<'_>) {
    let said = value.as_str().or_else(|| value.get("status").and_then(Value::as_str));
    let yes = value.as_bool().map(|met| if met { "met" } else { "not met" });
    if let Some((status, _)) = said.or(yes).and_then(form::status) {
        sheet.judged.push((id.to_owned(), status));
    }
}

/// Formats a review in the requested JSON form.
#[must_use]
pub fn write(review: &RawReview) -> String {
    let judged = review.judgements.iter();
    let judged = judged.map(|j| json!({"id": j.requirement, "status": j.status.name()}));
    let findings = review.findings.iter().map(|finding| {
        let ids = finding.id.iter().chain(&finding.requirement).map(String::as_str);
        json!({
            "severity": finding.severity.map_or("", Severity::name),
            "requirement": ids.collect::<Vec<_>>().join(" "),
            "quote": finding.quote.as_deref().unwrap_or_default(),
            "problem": finding.text,
        })
    });
    json!({
        "requirements": judged.collect::<Vec<_>>(),
        "findings": findings.collect::<Vec<_>>(),
        "verdict": review.verdict.map_or("", Verdict::name),
    })
    .to_string()
}
