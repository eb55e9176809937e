//! Parses tool calls that a model wrote into its text, because its server parses none or uses
//! another chat format: as XML, as JSON, as Python, or as a name and its arguments between marks.

mod json;
mod literal;
mod tags;

use super::fences::is_python;
use super::text::starts_with;
use super::turn_marks::mark_length;
pub(super) use json::joined;
use serde_json::{Value, json};
use std::cell::Cell;

/// A tool call.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Call {
    /// The tool's name as written; empty if unknown.
    pub(super) name: String,
    /// The arguments; null if they cannot be parsed.
    pub(super) arguments: Value,
}

/// The calls in a text.
#[derive(Debug, PartialEq)]
pub(super) struct Written<'a> {
    /// The text before the first call. Text after a call was made up without the result.
    pub(super) said: &'a str,
    pub(super) calls: Vec<Call>,
    /// The text ends inside the last call.
    pub(super) open: bool,
}

/// Maximum number of places in an answer that are parsed.
const MAX_READS: u32 = 200;
/// Names that models use for the code among a tool's arguments.
const CODE: [&str; 7] = ["code", "source", "script", "python", "program", "input", "text"];
/// Tags of fences that contain calls and nothing that is meant to be shown.
const CALL_FENCES: [&str; 4] = ["tool_code", "tool_call", "tool_calls", "tool"];
/// Namespaces that chat formats put before a tool's name.
const SPACES: [&str; 4] = ["functions", "default_api", "tools", "tool"];

/// Number of bytes before or after a place that are examined.
const BEFORE: usize = 200;

/// Parses the calls in a text.
struct Reader<'a> {
    /// The complete text.
    whole: &'a str,
    /// The name of the available tool.
    tool: &'a str,
    left: Cell<u32>,
}

/// The calls found at a place.
struct Found {
    /// The end of the calls, in bytes.
    end: usize,
    calls: Vec<Call>,
    open: bool,
}

impl Found {
    const fn of(end: usize, calls: Vec<Call>) -> Self {
        Self { end, calls, open: false }
    }
}

/// Parses the calls in a text; `None` if there are none. Calls of the available `tool` are
/// recognised in every form, other calls only where the form is unambiguous.
pub(super) fn written<'a>(text: &'a str, tool: &str) -> Option<Written<'a>> {
    let reader = Reader { whole: text, tool, left: Cell::new(MAX_READS) };
    let (calls, first, open) = reader.all(text, false);
    (!calls.is_empty()).then(|| Written { said: text[..first].trim(), calls, open })
}

/// Whether a name written by a model means the tool.
pub(super) fn is_named(written: &str, tool: &str) -> bool {
    let plain = |name: &str| name.replace(['_', '-', ' '], "").to_ascii_lowercase();
    // Some servers leave marks of the chat format in the name.
    let name = written.split(['<', ':']).next().unwrap_or_default().trim();
    let name = match name.split_once(['.', '/']) {
        Some((space, name)) if SPACES.contains(&space) => name,
        // Llama's form.
        Some((name, "call")) => name,
        _ => name,
    };
    plain(name) == plain(tool)
}

/// The code among a tool's arguments, under any name; `None` if it is missing or blank.
pub(super) fn code_of(arguments: &Value) -> Option<&str> {
    let text = match arguments {
        Value::String(text) => Some(text.as_str()),
        Value::Object(fields) => {
            let named = CODE.iter().find_map(|name| fields.get(*name)?.as_str());
            let mut texts = fields.values().filter_map(Value::as_str);
            named.or_else(|| texts.next().filter(|_| texts.next().is_none()))
        }
        _ => None,
    };
    text.filter(|text| !text.trim().is_empty())
}

/// Whether the tag at the start of a text is followed by a single backtick.
fn is_quoted(text: &str) -> bool {
    let behind = text.find('>').map_or("", |end| &text[end + 1..]);
    behind.starts_with('`') && !behind.starts_with("```")
}

impl Reader<'_> {
    /// Parses all calls in a text. Returns them, the start of the first, and whether the text ends
    /// inside the last. `marked` means that the text can contain nothing else.
    fn all(&self, text: &str, marked: bool) -> (Vec<Call>, usize, bool) {
        let (mut calls, mut first, mut open, mut at) = (Vec::new(), text.len(), false, 0);
        while let Some(next) = self.next(text, at) {
            match self.read(text, next, marked) {
                Some(found) => {
                    if !found.calls.is_empty() {
                        first = first.min(next);
                        open = found.open;
                    }
                    calls.extend(found.calls);
                    at = found.end.max(next + 1);
                }
                None => at = next + text[next..].chars().next().map_or(1, char::len_utf8),
            }
        }
        (calls, first, open)
    }

    /// The next place where a call may start.
    fn next(&self, text: &str, from: usize) -> Option<usize> {
        let before = line_before(text, from).trim_end();
        let (mut blank, mut said) = (before.is_empty(), before.ends_with(':'));
        for (at, c) in text.get(from..)?.char_indices() {
            let named = || said && text[from + at..].starts_with(self.tool);
            let here = "<[{`".contains(c) || (blank && (c.is_alphabetic() || c == '*'));
            if (here || named()) && self.left.get() > 0 {
                return Some(from + at);
            }
            blank = c == '\n' || (blank && c.is_whitespace());
            said = c == ':' || (said && c.is_whitespace());
        }
        None
    }

    fn read(&self, text: &str, at: usize, marked: bool) -> Option<Found> {
        let rest = &text[at..];
        let before = line_before(text, at).trim_end();
        let begins = before.is_empty() || before.ends_with(['>', ']', ':']);
        let found = match rest.chars().next()? {
            // A tag between single backticks is only mentioned.
            '<' if before.ends_with('`') && is_quoted(rest) => None,
            '<' => self.tagged(rest).or_else(|| self.marked(rest)),
            '`' if rest.starts_with("```") && before.is_empty() => self.fenced(rest),
            '[' if starts_with(rest, "[TOOL_CALLS]") => self.marked(rest),
            '{' | '[' if begins => self.json(rest, marked).or_else(|| self.python(rest, marked)),
            '*' | 'A' | 'a' if begins && is_action(rest) => self.action(rest),
            c if c.is_alphabetic() && begins => {
                if let Some(list) = rest.strip_prefix("functools") {
                    self.json(list, true).map(|found| found.behind("functools".len()))
                } else {
                    self.python(rest, marked)
                }
            }
            _ => None,
        }?;
        Some(Found { end: at + found.end, ..found })
    }

    fn is_tool(&self, name: &str) -> bool {
        is_named(name, self.tool)
    }

    /// Uses up one of the places that may be parsed.
    fn may_read(&self) -> bool {
        let left = self.left.get();
        self.left.set(left.saturating_sub(1));
        left > 0
    }

    /// Parses JSON that is a call or a list of calls.
    fn json(&self, text: &str, marked: bool) -> Option<Found> {
        if !self.may_read() {
            return None;
        }
        let (value, end) = json::value_at(text)?;
        let calls = json::calls(&value, self.tool);
        let rest = text[end..].trim().trim_end_matches('`');
        // A text that only shows this form to the user has more text after it.
        let alone = marked || rest.trim().is_empty() || mark_length(rest).is_some();
        let fits = |call: &Call| alone || self.is_tool(&call.name);
        (!calls.is_empty() && calls.iter().all(fits)).then(|| Found::of(end, calls))
    }

    /// Parses `name(code="...")`, also in a list or in `print()`.
    fn python(&self, text: &str, marked: bool) -> Option<Found> {
        // `result = run_python(...)`
        let near = &text[..text.floor_char_boundary(BEFORE)];
        let equals = near.find(['=', '\n', '(']).filter(|at| near[*at..].starts_with('='));
        let (target, value) = equals.map_or(("", text), |at| (&text[..at], &text[at + 1..]));
        let plain = |c: char| c.is_alphanumeric() || c == '_';
        let target = target.trim_end();
        let set = !target.is_empty() && target.chars().all(plain) && !value.starts_with('=');
        let head = if set { value } else { text }.trim_start_matches(['[', '(', ' ', '\n']);
        let starts = ["print(", "await "];
        let head = starts.iter().fold(head, |head, s| head.strip_prefix(s).unwrap_or(head));
        let of_name = |b: &u8| b.is_ascii_alphanumeric() || b"_.".contains(b);
        let name = head.bytes().take_while(of_name).count();
        let known = self.is_tool(&head[..name]);
        let is_call = name > 0 && head[name..].starts_with('(');
        if !is_call || !(known || (marked && !set)) || !self.may_read() {
            return None;
        }
        let mut calls = Vec::new();
        let mut at = text.len() - head.len();
        while let Some((call, end)) = literal::call_at(&text[at..], self.whole) {
            let fits = marked || self.is_tool(&call.name);
            if !fits {
                break;
            }
            calls.push(call);
            at += end;
            let next = text[at..].trim_start_matches([',', ' ', '\n']);
            if next.len() == text.len() - at || next.starts_with([')', ']']) {
                break;
            }
            at = text.len() - next.len();
        }
        let rest = text[at..].trim_start_matches([')', ']', ';']);
        // A call of an unknown name is code, unless there is nothing else.
        let after = rest.trim_start();
        let alone = after.is_empty() || after.starts_with("```") || mark_length(after).is_some();
        let known = calls.iter().all(|call| self.is_tool(&call.name));
        (!calls.is_empty() && (known || alone)).then(|| Found::of(text.len() - rest.len(), calls))
    }

    /// Parses a fence. One without a call is skipped, since its content is meant to be shown.
    fn fenced(&self, text: &str) -> Option<Found> {
        let (first, body) = text.split_once('\n')?;
        let tag = first.trim_matches(['`', ' ', '\r']).to_ascii_lowercase();
        let close = body
            .match_indices("```")
            .map(|(at, _)| at)
            .find(|at| body[..*at].rsplit('\n').next().is_none_or(|line| line.trim().is_empty()));
        let inner = &body[..close.unwrap_or(body.len())];
        let end = first.len() + 1 + close.map_or(body.len(), |at| at + 3);
        let is_call = CALL_FENCES.contains(&tag.as_str());
        let start = inner.trim_start();
        if self.is_tool(&tag) {
            return Some(Found::of(end, vec![self.call_with(inner)]));
        }
        let mut calls = Vec::new();
        if start.starts_with(['{', '[']) && (tag.is_empty() || tag.starts_with("json")) {
            // A text that only shows this form to the user has more text after it.
            let alone = text[end..].trim().is_empty();
            calls = self.all(inner, true).0;
            calls.retain(|call| alone || self.is_tool(&call.name));
        }
        let defined = format!("def {}", self.tool);
        let names_it = inner.contains(self.tool) && !inner.contains(&defined);
        if is_call || calls.is_empty() && names_it && (is_python(&tag) || tag.is_empty()) {
            calls = self.all(inner, is_call).0;
        }
        if is_call && calls.is_empty() && !inner.trim().is_empty() {
            calls.push(self.call_with(inner));
        }
        Some(Found { end, calls, open: close.is_none() })
    }

    fn call_with(&self, code: &str) -> Call {
        let arguments = json!({"code": code.trim_matches('\n')});
        Call { name: self.tool.to_owned(), arguments }
    }

    /// Parses the calls after a mark that announces them.
    fn marked(&self, text: &str) -> Option<Found> {
        let length = mark_length(text)
            .or_else(|| starts_with(text, "[TOOL_CALLS]").then_some("[TOOL_CALLS]".len()))?;
        let name = text[..length].to_lowercase().replace('▁', "_");
        let to = self.recipient(text);
        if let Some((name, body)) = to {
            let (value, end) = json::value_at(&text[body..])
                .unwrap_or_else(|| (Value::String(until_mark(&text[body..]).to_owned()), 0));
            let end = body + end.max(until_mark(&text[body..]).len());
            return Some(Found::of(end, vec![Call { name, arguments: value }]));
        }
        if !["tool", "action", "python_tag", "function"].iter().any(|word| name.contains(word)) {
            return None;
        }
        // The end of a call does not start another one.
        if ["end", "/", "result", "response", "output"].iter().any(|word| name.contains(word)) {
            return None;
        }
        let body = &text[length..];
        let lead = body.len() - body.trim_start().len();
        let start = &body[lead..];
        let found = if start.starts_with(['{', '[']) {
            self.json(start, true).or_else(|| self.python(start, true))
        } else {
            self.named(start, true).or_else(|| self.python(start, true))
        };
        if let Some(found) = found {
            return Some(found.behind(length + lead));
        }
        if name.contains("python_tag") {
            let code = until_mark(body);
            return Some(Found::of(length + code.len(), vec![self.call_with(code)]));
        }
        None
    }

    /// Parses `<|channel|>commentary to=functions.name <|constrain|>json<|message|>`: returns the
    /// name, and the start of the arguments.
    fn recipient(&self, text: &str) -> Option<(String, usize)> {
        if !(text.starts_with("<|channel|>") || text.starts_with("<|start|>")) || !self.may_read() {
            return None;
        }
        let body = text.find("<|message|>")?;
        let head = &text[..body];
        let to = head.find("to=")? + 3;
        let end = head[to..].find([' ', '<', '\n']).map_or(head.len(), |end| to + end);
        Some((head[to..end].to_owned(), body + "<|message|>".len()))
    }

    /// Parses a name followed by JSON: `[TOOL_CALLS]name[ARGS]{...}` and similar forms.
    fn named(&self, text: &str, marked: bool) -> Option<Found> {
        let mut at = text.len() - text.trim_start().len();
        for lead in ["function", "call:"] {
            let rest = &text[at..];
            if let Some(rest) = rest.strip_prefix(lead)
                && (lead.ends_with(':') || mark_length(rest).is_some())
            {
                at = text.len() - rest.len() + mark_length(rest).unwrap_or(0);
            }
        }
        let name = text[at..]
            .bytes()
            .take_while(|b| b.is_ascii_alphanumeric() || b"_.-:".contains(b))
            .count();
        let (from, name) = (at + name, &text[at..at + name]);
        at = from;
        loop {
            let rest = &text[at..];
            let skip = rest.len() - rest.trim_start().len();
            at += if skip > 0 {
                skip
            } else if let Some(length) = mark_length(rest) {
                length
            } else if starts_with(rest, "[ARGS]") {
                "[ARGS]".len()
            } else if starts_with(rest, "[CALL_ID]") {
                rest[1..].find('[').map_or(rest.len(), |next| next + 1)
            } else if rest.starts_with("```") {
                rest.find('\n').unwrap_or(rest.len())
            } else {
                break;
            };
        }
        let known = self.is_tool(name);
        if name.is_empty() || !(known || marked) || !self.may_read() {
            return None;
        }
        let rest = &text[at..];
        if !rest.starts_with('{') {
            return None;
        }
        let (arguments, end) = json::value_at(rest)?;
        Some(Found::of(at + end, vec![Call { name: name.to_owned(), arguments }]))
    }

    /// Parses `Action: name` with `Action Input: ...` on a separate line.
    fn action(&self, text: &str) -> Option<Found> {
        let (first, rest) = text.split_once('\n').unwrap_or((text, ""));
        let name = label(first, "action")?;
        let at = first.len() - name.len();
        if let Some(found) = self.python(&text[at..], true) {
            return Some(found.behind(at));
        }
        let name = name.trim_matches(['`', '*', ' ', '"', '\'']);
        let plain = |c: char| c.is_alphanumeric() || "_.-".contains(c);
        let lead = rest.len() - rest.trim_start().len();
        let body =
            label(&rest[lead..], "action input").or_else(|| label(&rest[lead..], "input"))?;
        if name.is_empty() || !name.chars().all(plain) || !self.may_read() {
            return None;
        }
        let begin = text.len() - body.len();
        let fence = body.trim_start().starts_with("```");
        let inner = if fence { body.trim_start().split_once('\n')?.1 } else { body };
        let stop = if fence { inner.find("```") } else { inner.find("\nObservation") };
        let inner = &inner[..stop.unwrap_or(inner.len())];
        let start = inner.trim_start();
        let json = start.starts_with(['{', '"']).then(|| json::value_at(start)).flatten();
        let arguments = json.map_or_else(
            || Value::String(inner.trim().trim_matches('`').to_owned()),
            |(value, _)| value,
        );
        let call = Call { name: name.to_owned(), arguments };
        let stop = inner.as_ptr().addr() + inner.len() - body.as_ptr().addr();
        Some(Found::of(begin + stop, vec![call]))
    }
}

impl Found {
    /// The same, with this offset added.
    fn behind(self, bytes: usize) -> Self {
        Self { end: self.end + bytes, ..self }
    }
}

/// The text before the next mark.
fn until_mark(text: &str) -> &str {
    let end =
        text.match_indices('<').map(|(at, _)| at).find(|at| mark_length(&text[*at..]).is_some());
    &text[..end.unwrap_or(text.len())]
}

/// The text before a place on its line, within the examined range.
fn line_before(text: &str, at: usize) -> &str {
    let from = text.floor_char_boundary(at.saturating_sub(BEFORE));
    text[from..at].rsplit('\n').next().unwrap_or_default()
}

fn is_action(text: &str) -> bool {
    label(text, "action").is_some()
}

/// The text after `**Label:** `.
fn label<'a>(text: &'a str, label: &str) -> Option<&'a str> {
    let text = text.trim_start_matches('*');
    let rest = text.get(label.len()..).filter(|_| starts_with(text, label))?;
    let rest = rest.trim_start_matches('*').strip_prefix(':')?;
    Some(rest.trim_start_matches(['*', ' ']))
}

#[cfg(test)]
mod tests;
