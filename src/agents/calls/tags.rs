//! Calls between tags, as in XML.

use super::{CODE, Call, Found, Reader, json};
use crate::agents::text::{find, starts_with};
use serde_json::{Map, Value};

/// Tags that contain only calls.
const WRAPPERS: [&str; 7] = [
    "tool_call",
    "tool_calls",
    "function_call",
    "function_calls",
    "tool_use",
    "tool_code",
    "action",
];
/// Tags that name the tool.
const CALLS: [&str; 5] = ["function", "invoke", "tool", "tool_call", "call"];
/// Tags that contain one argument and name it.
const PARAMETERS: [&str; 4] = ["parameter", "param", "argument", "arg"];
/// Maximum size of a tag in bytes, and maximum number of tags examined in a call.
const LONGEST: usize = 200;
const MAX_TAGS: usize = 1000;

/// A tag: its name without the namespace, the name in its attribute, and its length.
struct Tag<'a> {
    /// The tag as written, without `<`.
    full: &'a str,
    name: &'a str,
    of: &'a str,
    length: usize,
}

fn tag(text: &str) -> Option<Tag<'_>> {
    let rest = text.strip_prefix('<')?;
    let end = rest[..rest.floor_char_boundary(LONGEST)].find('>')?;
    let inner = &rest[..end];
    let word = |c: char| c.is_alphanumeric() || "_:-.".contains(c);
    let full = &inner[..inner.find(|c| !word(c)).unwrap_or(inner.len())];
    let name = full.rsplit(':').next().unwrap_or(full);
    let attributes = inner[full.len()..].trim().trim_end_matches('/');
    let of = if let Some(of) = attributes.strip_prefix('=') {
        of
    } else {
        let at = attributes.find("name=").map(|at| at + 5);
        let of = at.map_or("", |at| attributes[at..].trim_start());
        let quote = of.chars().next().filter(|c| matches!(c, '"' | '\''));
        quote.map_or(of, |quote| of[1..].split(quote).next().unwrap_or_default())
    };
    let of = of.trim().trim_matches(['"', '\'']);
    // `<tool_call|>` is a mark of another kind.
    (!full.is_empty() && !inner.contains('|')).then_some(Tag { full, name, of, length: end + 2 })
}

/// The content of a tag, the offset after it, and whether it is closed. An unclosed tag extends to
/// the end of the text or of the enclosing tag.
fn inside<'a>(text: &'a str, tag: &Tag<'_>) -> (&'a str, usize, bool) {
    let body = &text[tag.length..];
    let close = format!("</{}>", tag.full);
    match find(body, &close) {
        Some(end) => (&body[..end], tag.length + end + close.len(), true),
        None => (body, text.len(), false),
    }
}

impl Reader<'_> {
    /// Parses the calls in the tag at the start of a text.
    pub(super) fn tagged(&self, text: &str) -> Option<Found> {
        if let Some(found) = self.attribute(text) {
            return Some(found);
        }
        let tag = tag(text)?;
        let known = |names: &[&str]| names.iter().any(|name| name.eq_ignore_ascii_case(tag.name));
        let is_tool = self.is_tool(tag.full);
        let names_it = known(&CALLS) && !tag.of.is_empty();
        let wraps = known(&WRAPPERS);
        if !(is_tool || names_it || wraps) || !self.may_read() {
            return None;
        }
        let (body, end, closed) = inside(text, &tag);
        let calls = if is_tool {
            vec![Call { name: self.tool.to_owned(), arguments: arguments(body) }]
        } else if names_it {
            vec![Call { name: tag.of.to_owned(), arguments: arguments(body) }]
        } else {
            self.wrapped(body, &tag)?
        };
        Some(Found { end, calls, open: !closed })
    }

    /// Parses `<run_python code="..."/>`.
    fn attribute(&self, text: &str) -> Option<Found> {
        let rest = text.strip_prefix('<')?;
        let length = rest.bytes().take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
        let (name, rest) = rest.split_at(length);
        if !self.is_tool(name) {
            return None;
        }
        let rest = rest.trim_start();
        let value = CODE.iter().find_map(|key| rest.strip_prefix(key)?.strip_prefix('='))?;
        let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let ends = |at: &usize| {
            let rest = value[1 + at + 1..].trim_start();
            rest.starts_with("/>") || rest.starts_with('>')
        };
        let end = value[1..].match_indices(quote).map(|(at, _)| at).find(ends)?;
        let bracket = value[end..].find('>')? + 1;
        let call = self.call_with(&value[1..=end]);
        Some(Found::of(text.len() - value.len() + end + bracket, vec![call]))
    }

    /// Parses the calls in a tag that contains nothing else.
    fn wrapped(&self, body: &str, tag: &Tag<'_>) -> Option<Vec<Call>> {
        let calls = self.all(body, true).0;
        if !calls.is_empty() {
            return Some(calls);
        }
        if let Some(found) = self.named(body, true) {
            return Some(found.calls);
        }
        let name =
            ["tool_name", "name", "function_name"].iter().find_map(|name| element(body, name));
        // `<tool_call>name` with its arguments below.
        let first = body.trim_start().split(['\n', '<']).next().unwrap_or_default().trim();
        let plain = |c: char| c.is_alphanumeric() || "_.-".contains(c);
        let first = Some(first).filter(|name| !name.is_empty() && name.chars().all(plain));
        let first = first.filter(|_| body.contains("<arg"));
        if let Some(name) = name.or(first) {
            let held = ["parameters", "arguments", "input", "args"];
            let inner = held.iter().find_map(|tag| element(body, tag)).unwrap_or(body);
            return Some(vec![Call { name: name.trim().to_owned(), arguments: arguments(inner) }]);
        }
        if tag.name == "tool_code" && !body.trim().is_empty() {
            return Some(vec![self.call_with(body)]);
        }
        // Neither runnable nor meant to be shown.
        (tag.name != "action").then(|| vec![Call { name: String::new(), arguments: Value::Null }])
    }
}

/// The text between `<name>` and `</name>`.
fn element<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let open = format!("<{name}>");
    let body = &text[find(text, &open)? + open.len()..];
    Some(&body[..find(body, &format!("</{name}>")).unwrap_or(body.len())])
}

/// The arguments in a call's tag: JSON, an element for each, or only the code.
fn arguments(body: &str) -> Value {
    let start = body.trim();
    if start.starts_with('{')
        && let Some((value, _)) = json::value_at(start)
    {
        return value;
    }
    let mut fields = Map::new();
    let tags = body.match_indices('<').filter_map(|(at, _)| Some((at, tag(&body[at..])?)));
    let tags: Vec<(usize, Tag<'_>)> = tags.take(MAX_TAGS).collect();
    let opens: Vec<&(usize, Tag<'_>)> = tags.iter().filter(|(_, tag)| is_parameter(tag)).collect();
    for (n, (at, tag)) in opens.iter().enumerate() {
        let next = opens.get(n + 1).map_or(body.len(), |(next, _)| *next);
        let value = text(&body[(at + tag.length).min(next)..next], tag.full);
        let key =
            body[..*at].rfind("<arg_key>").and_then(|key| element(&body[key..*at], "arg_key"));
        let name = if tag.name == "arg_value" { key.unwrap_or(CODE[0]).trim() } else { tag.of };
        fields.entry(name.to_owned()).or_insert(value);
    }
    // `<code>...</code>`: similar tags inside are part of the code.
    if fields.is_empty()
        && body.trim_start().starts_with('<')
        && let Some((at, tag)) = tags.iter().find(|(_, tag)| CODE.contains(&tag.full))
    {
        fields.insert(CODE[0].to_owned(), text(&body[at + tag.length..], tag.full));
    }
    if fields.is_empty() {
        return text(body, "");
    }
    Value::Object(fields)
}

fn is_parameter(tag: &Tag<'_>) -> bool {
    (PARAMETERS.contains(&tag.name) && !tag.of.is_empty()) || tag.name == "arg_value"
}

/// A value as text, without its closing tag and the line feeds next to the tags.
fn text(value: &str, tag: &str) -> Value {
    let close = format!("</{tag}>");
    let ends = value.match_indices("</").map(|(at, _)| at);
    let end = ends.filter(|at| starts_with(&value[*at..], &close)).last();
    let value = &value[..end.unwrap_or(value.len())];
    let value = value.strip_prefix('\n').unwrap_or(value).trim_end();
    let start = value.trim_start();
    let inner = start.strip_prefix("<![CDATA[").and_then(|inner| inner.strip_suffix("]]>"));
    Value::from(inner.unwrap_or(value))
}
