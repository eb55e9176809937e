//! Python literals and calls, parsed leniently, since models often write invalid Python.

use super::{CODE, Call};
use serde_json::{Map, Value};

/// Maximum nesting depth of brackets.
const MAX_DEPTH: usize = 64;

/// The call at the start of a text, and its length. Variables among its arguments are looked up in
/// the lines of `whole`.
pub(super) fn call_at(text: &str, whole: &str) -> Option<(Call, usize)> {
    let open = text.find('(')?;
    let name = &text[..open];
    let plain = |c: char| c.is_ascii_alphanumeric() || "_.".contains(c);
    if name.is_empty() || !name.chars().all(plain) {
        return None;
    }
    let (arguments, end) = arguments(&text[open + 1..], whole)
        .or_else(|| loose(&text[open + 1..]))
        .unwrap_or((Value::Null, 0));
    Some((Call { name: name.to_owned(), arguments }, open + 1 + end))
}

/// Parses `code="..."`, `"..."` or `{"code": "..."}`, and the closing bracket.
fn arguments(text: &str, whole: &str) -> Option<(Value, usize)> {
    let mut fields = Map::new();
    let mut at = 0;
    loop {
        at += blanks(&text[at..]);
        let rest = &text[at..];
        if rest.starts_with(')') {
            return Some((Value::Object(fields), at + 1));
        }
        let word = rest.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
        let after = &rest[word..];
        let gap = blanks(after);
        let value = after[gap..].strip_prefix('=').filter(|v| word > 0 && !v.starts_with('='));
        let name = value.map_or_else(|| CODE[0].to_owned(), |_| rest[..word].to_owned());
        let value = value.unwrap_or(rest);
        at = text.len() - value.len();
        at += blanks(value);
        let value = &text[at..];
        if let Some((string, length)) = strings(value) {
            fields.entry(name).or_insert(Value::String(string));
            at += length;
        } else if value.starts_with(['{', '[']) {
            let (json, length) = as_json(value)?;
            match serde_json::from_str(&json).ok()? {
                Value::Object(inner) => fields.extend(inner),
                other => drop(fields.insert(name, other)),
            }
            at += length;
        } else {
            let length =
                value.find([',', ')', '\n', '(']).filter(|end| !value[*end..].starts_with('('))?;
            let variable = value[..length].trim();
            let set = format!("{variable} = ");
            let text = whole.rfind(&set).and_then(|set_at| strings(&whole[set_at + set.len()..]));
            let value = text.map_or(Value::Null, |(text, _)| Value::String(text));
            fields.entry(name).or_insert(value);
            at += length;
        }
        at += blanks(&text[at..]);
        match text[at..].chars().next()? {
            ',' => at += 1,
            ')' => {}
            _ => return None,
        }
    }
}

/// Parses a string with unescaped quotes in it: it ends at the last quote before a bracket.
fn loose(text: &str) -> Option<(Value, usize)> {
    let start = text.find(['"', '\''])?;
    let quote = ["\"\"\"", "'''", "\"", "'"].into_iter().find(|q| text[start..].starts_with(q))?;
    let body = &text[start + quote.len()..];
    let ends = |at: &usize| {
        let rest = body[at + quote.len()..].trim_start();
        rest.strip_prefix(')').is_some_and(|rest| {
            let rest = rest.trim_start_matches([')', ']', ' ', ';']);
            rest.is_empty() || rest.starts_with(['\n', '<', '`'])
        })
    };
    let end = body.match_indices(quote).map(|(at, _)| at).filter(ends).last()?;
    let code = &body[..end];
    let code = if code.contains('\n') { code.to_owned() } else { code.replace("\\n", "\n") };
    let bracket = body[end..].find(')')? + 1;
    let mut fields = Map::new();
    fields.insert(CODE[0].to_owned(), Value::String(code));
    Some((Value::Object(fields), start + quote.len() + end + bracket))
}

fn blanks(text: &str) -> usize {
    text.len() - text.trim_start().len()
}

/// Parses adjacent strings, and concatenates them.
fn strings(text: &str) -> Option<(String, usize)> {
    let (mut all, mut at) = string(text)?;
    loop {
        let gap = blanks(&text[at..]);
        // `"print("b")"` is not two strings, but one with unescaped quotes.
        let next = string(&text[at + gap..]).filter(|_| gap > 0);
        let Some((next, length)) = next else { return Some((all, at)) };
        all.push_str(&next);
        at += gap + length;
    }
}

/// The string at the start of a text, and its length.
fn string(text: &str) -> Option<(String, usize)> {
    let prefix = text.bytes().take_while(|b| b"rRbBuUfF".contains(b)).count();
    let raw = text[..prefix].contains(['r', 'R']);
    let body = &text[prefix..];
    let quote = ["\"\"\"", "'''", "\"", "'"].into_iter().find(|q| body.starts_with(q))?;
    if prefix > 2 {
        return None;
    }
    let mut out = String::new();
    let mut at = prefix + quote.len();
    while let Some(c) = text[at..].chars().next() {
        if text[at..].starts_with(quote) {
            return Some((out, at + quote.len()));
        }
        at += c.len_utf8();
        if c != '\\' {
            out.push(c);
            continue;
        }
        let escaped = text[at..].chars().next()?;
        at += escaped.len_utf8();
        let digits = match escaped {
            'x' if !raw => 2,
            'u' if !raw => 4,
            'U' if !raw => 8,
            _ => 0,
        };
        match escaped {
            _ if raw => out.extend(['\\', escaped]),
            'n' => out.push('\n'),
            't' => out.push('\t'),
            'r' => out.push('\r'),
            '\n' => {}
            '\\' | '\'' | '"' | '/' => out.push(escaped),
            _ if digits > 0 => {
                let code =
                    text.get(at..at + digits).and_then(|hex| u32::from_str_radix(hex, 16).ok());
                out.push(code.and_then(char::from_u32).unwrap_or('\u{fffd}'));
                at += if code.is_some() { digits } else { 0 };
            }
            _ => out.extend(['\\', escaped]),
        }
    }
    None
}

/// The object or list at the start of a text as JSON, and its length. Python's strings, names and
/// commas are converted.
pub(super) fn as_json(text: &str) -> Option<(String, usize)> {
    if !text.starts_with(['{', '[']) {
        return None;
    }
    let mut out = String::new();
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(c) = text[at..].chars().next() {
        if let Some(body) = text[at..].strip_prefix("<|\"|>") {
            // A special token that stands for a quote.
            let end = body.find("<|\"|>")?;
            out.push_str(&Value::from(&body[..end]).to_string());
            at += end + 2 * "<|\"|>".len();
            continue;
        }
        if matches!(c, '"' | '\'') {
            let (text, length) = string(&text[at..])?;
            out.push_str(&Value::String(text).to_string());
            at += length;
            continue;
        }
        let word =
            text[at..].bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
        if word > 0 && !c.is_ascii_digit() {
            let name = &text[at..at + word];
            let quoted = Value::from(name).to_string();
            out.push_str(match name {
                "True" | "true" => "true",
                "False" | "false" => "false",
                "None" | "null" => "null",
                _ => &quoted,
            });
            at += word;
            continue;
        }
        match c {
            '{' | '[' if depth == MAX_DEPTH => return None,
            '{' | '[' => depth += 1,
            '}' | ']' => {
                depth = depth.checked_sub(1)?;
                out.truncate(out.trim_end().trim_end_matches(',').len());
            }
            _ => {}
        }
        out.push(c);
        at += c.len_utf8();
        if depth == 0 {
            return Some((out, at));
        }
    }
    None
}
