//! Scripts inside JSON, or between tags as in XML and HTML.

use super::super::fences::is_fence;
use super::super::text;
use super::notebook;
use serde_json::Value;

/// The content of a wrapper.
pub(super) struct Payload {
    pub(super) text: String,
    /// The wrapper was closed, so the content is complete.
    pub(super) closed: bool,
}

/// Field names that models use for a script, best first.
const KEYS: [&str; 14] = [
    "code",
    "script",
    "python_code",
    "python",
    "source",
    "source_code",
    "program",
    "content",
    "contents",
    "file_content",
    "solution",
    "answer",
    "response",
    "text",
];

const TAGS: [&str; 12] = [
    "answer", "code", "script", "python", "file", "solution", "program", "source", "content",
    "response", "pre", "output",
];

/// The possible contents of the text's wrapper, most likely first. Empty if it has none.
pub(super) fn payloads(text: &str) -> Vec<Payload> {
    let start = text.trim();
    if start.starts_with(['{', '[', '"']) {
        if let Ok(value) = serde_json::from_str::<Value>(start) {
            return code_in(&value, 0)
                .map(|text| Payload { text, closed: true })
                .into_iter()
                .collect();
        }
        return loose_json(start);
    }
    between_tags(text).into_iter().collect()
}

/// The script in a JSON value, at any depth.
fn code_in(value: &Value, depth: usize) -> Option<String> {
    if let Some(script) = notebook::cells(value) {
        return Some(script);
    }
    match value {
        Value::String(text) => (depth == 0 || text.contains('\n')).then(|| text.clone()),
        Value::Object(map) => {
            let named = KEYS.iter().filter_map(|key| map.get(*key));
            let files = map.iter().filter(|(key, _)| is_script(key)).map(|(_, value)| value);
            for value in named.chain(files) {
                match value {
                    Value::String(text) => return Some(text.clone()),
                    Value::Array(lines) if lines.iter().all(Value::is_string) => {
                        let lines: Vec<&str> = lines.iter().filter_map(Value::as_str).collect();
                        return Some(lines.join("\n"));
                    }
                    _ => {}
                }
            }
            map.values().filter(|_| depth < 4).find_map(|value| code_in(value, depth + 1))
        }
        Value::Array(items) if depth < 4 => {
            let name = |item: &Value| {
                let name = ["path", "name", "filename", "file"].iter().find_map(|k| item.get(*k));
                name.and_then(Value::as_str).map(str::to_owned).unwrap_or_default()
            };
            let main = items.iter().find(|item| name(item).ends_with("main.py"));
            let script = items.iter().find(|item| is_script(&name(item)));
            let first = main.or(script).and_then(|item| code_in(item, depth + 1));
            first.or_else(|| items.iter().find_map(|item| code_in(item, depth + 1)))
        }
        _ => None,
    }
}

fn is_script(name: &str) -> bool {
    std::path::Path::new(name).extension().is_some_and(|e| e.eq_ignore_ascii_case("py"))
}

/// JSON as weak models write it: raw line feeds and unescaped quotes inside the string, or no end.
fn loose_json(text: &str) -> Vec<Payload> {
    let Some(body) = KEYS.iter().find_map(|key| {
        let at = text.find(&format!("\"{key}\""))? + key.len() + 2;
        let value = text[at..].trim_start().strip_prefix(':')?.trim_start();
        value.strip_prefix("\"\"\"").or_else(|| value.strip_prefix(['"', '`']))
    }) else {
        return Vec::new();
    };
    let mut payloads = Vec::new();
    if let Some(end) = string_end(body) {
        payloads.push(Payload { text: unescape(&body[..end]), closed: true });
    }
    let outer = body.trim_end().trim_end_matches(['}', ']', ' ', '\n', ',']);
    let inner = outer.trim_end_matches(['"', '`']);
    payloads.push(Payload { text: unescape(inner), closed: inner.len() < outer.len() });
    payloads
}

/// The end of a JSON string: an unescaped quote before a comma, a bracket or the end.
fn string_end(body: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in body.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => {
                let rest = body[at + 1..].trim_start();
                let comma = rest.strip_prefix(',').map(str::trim_start);
                if rest.is_empty()
                    || rest.starts_with(['}', ']'])
                    || comma.is_some_and(|r| r.starts_with(['"', '}', ']']))
                {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some(c @ ('"' | '\\' | '/')) => out.push(c),
            Some('u') => {
                let code: String = chars.by_ref().take(4).collect();
                let sign = u32::from_str_radix(&code, 16).ok().and_then(char::from_u32);
                out.push(sign.unwrap_or('\u{fffd}'));
            }
            Some(c) => {
                out.push('\\');
                out.push(c);
            }
            None => {}
        }
    }
    out
}

/// The content of the first known tag that starts a line before any fence.
fn between_tags(text: &str) -> Option<Payload> {
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let start = line.trim_start();
        let from = at + line.len() - start.len();
        if is_fence(line) {
            return None;
        }
        if let Some(rest) = start.strip_prefix("<![CDATA[") {
            let inner = &text[from + (start.len() - rest.len())..];
            return Some(inside(inner, "]]>"));
        }
        if let Some(tag) = TAGS.iter().find(|tag| is_tag(start, tag))
            && let Some(end) = text[from..].find('>')
        {
            let close = format!("</{tag}>");
            return Some(inside(&text[from + end + 1..], &close));
        }
        at += line.len();
    }
    None
}

fn is_tag(line: &str, tag: &str) -> bool {
    line.strip_prefix('<').is_some_and(|rest| {
        text::starts_with(rest, tag) && rest[tag.len()..].starts_with(['>', ' '])
    })
}

fn inside(text: &str, close: &str) -> Payload {
    let lower = text.to_ascii_lowercase();
    match lower.rfind(&close.to_ascii_lowercase()) {
        Some(end) => Payload { text: text[..end].to_owned(), closed: true },
        None => Payload { text: text.to_owned(), closed: false },
    }
}
