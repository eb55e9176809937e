//! Splits the body of an answer into JSON values. The format is detected from the content, not from
//! the content type: server-sent events, one object per line, or JSON text over any number of
//! lines.

use super::Fault;
use super::lenient::parse;
use serde_json::Value;
use std::collections::VecDeque;

/// Maximum length of a line, and of JSON text over several lines, in bytes.
const LONGEST: usize = 4 << 20;

/// An item of a body, in order.
#[derive(Debug, PartialEq)]
pub(super) enum Found {
    /// A JSON value.
    Json(Value),
    /// Data of an event named `error`; a string if it is not JSON.
    Error(Value),
    /// `[DONE]`, the end of the stream.
    Done,
    /// A complete item that can't be parsed, and why.
    Unreadable(String),
    /// A value that is cut off by the end of the body.
    Broken,
    /// The body starts with something that no model server sends.
    Foreign,
}

/// Incremental parser of a body.
#[derive(Debug, Default)]
pub(super) struct Events {
    /// The current line so far.
    line: Vec<u8>,
    /// The last byte was a carriage return: a line feed after it belongs to the same line end.
    returned: bool,
    /// A non-blank line was read.
    begun: bool,
    /// The body is an event stream: unknown lines are ignored.
    streams: bool,
    /// Data lines of an event that are not a complete JSON value yet.
    data: Option<String>,
    /// The current event is named `error`.
    is_error: bool,
    /// JSON text that did not end with its first line.
    text: String,
    /// Number of values outside events.
    bare: usize,
    found: VecDeque<Found>,
}

impl Events {
    /// A new body; `labelled` is whether its content type is that of an event stream.
    pub(super) fn new(labelled: bool) -> Self {
        Self { streams: labelled, ..Self::default() }
    }

    /// Adds the next bytes.
    pub(super) fn take(&mut self, mut bytes: &[u8]) -> Result<(), Fault> {
        while !bytes.is_empty() {
            if std::mem::take(&mut self.returned) && bytes[0] == b'\n' {
                bytes = &bytes[1..];
                continue;
            }
            let end = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            let (new, rest) = bytes.split_at(end.unwrap_or(bytes.len()));
            self.line.extend_from_slice(new);
            if self.line.len() > LONGEST {
                return Err(too_long("it has a line of more than 4 MiB"));
            }
            if let Some(byte) = rest.first() {
                self.returned = *byte == b'\r';
                self.line_over()?;
            }
            bytes = rest.get(1..).unwrap_or_default();
        }
        Ok(())
    }

    /// Marks the end of the body.
    pub(super) fn end(&mut self) -> Result<(), Fault> {
        if !self.line.is_empty() {
            self.line_over()?;
        }
        self.event_over(true);
        let text = std::mem::take(&mut self.text);
        let mut values = serde_json::Deserializer::from_str(&text).into_iter::<Value>();
        let mut all = Vec::new();
        let error = loop {
            match values.next() {
                Some(Ok(value)) => all.push(value),
                Some(Err(error)) => break Some(error),
                None => break None,
            }
        };
        match (error, parse(&text)) {
            (Some(_), Ok(value)) => self.value(value),
            (Some(error), Err(_)) if error.is_eof() => self.found.push_back(Found::Broken),
            (Some(error), Err(_)) => self.found.push_back(Found::Unreadable(error.to_string())),
            (None, _) => all.into_iter().for_each(|value| self.value(value)),
        }
        Ok(())
    }

    /// The next item that was found.
    pub(super) fn next(&mut self) -> Option<Found> {
        self.found.pop_front()
    }

    /// The number of values, if all of them were outside events.
    pub(super) fn bare(&self) -> Option<usize> {
        Some(self.bare).filter(|bare| *bare > 0 && !self.streams)
    }

    fn line_over(&mut self) -> Result<(), Fault> {
        let bytes = std::mem::take(&mut self.line);
        if let Ok(line) = str::from_utf8(&bytes) {
            self.take_line(line);
        } else if self.begun {
            self.found.push_back(Found::Unreadable("it is not UTF-8".to_owned()));
        } else {
            self.found.push_back(Found::Foreign);
        }
        let gathered = self.text.len() + self.data.as_ref().map_or(0, String::len);
        if gathered > LONGEST { Err(too_long("it has more than 4 MiB")) } else { Ok(()) }
    }

    fn take_line(&mut self, line: &str) {
        if !self.text.is_empty() {
            self.text.extend(["\n", line]);
            return;
        }
        let line = if self.begun { line } else { line.trim_start_matches('\u{feff}') }.trim();
        if line.is_empty() {
            self.event_over(false);
            return;
        }
        let begins = !std::mem::replace(&mut self.begun, true);
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        match field {
            "data" => {
                self.streams = true;
                self.take_data(value.trim());
            }
            "event" => {
                self.streams = true;
                self.is_error = value.trim() == "error";
            }
            "" | "id" | "retry" => self.streams = true,
            _ if line == "[DONE]" => self.found.push_back(Found::Done),
            // Some servers write an error as bare JSON into an event stream.
            _ if line.starts_with(['{', '[']) => match parse(line) {
                Ok(value) => self.value(value),
                Err(_) => line.clone_into(&mut self.text),
            },
            _ if begins && (line.starts_with('<') || !self.streams) => {
                self.found.push_back(Found::Foreign);
            }
            _ if self.streams => {}
            _ => self.found.push_back(Found::Unreadable("it is not JSON".to_owned())),
        }
    }

    fn take_data(&mut self, data: &str) {
        match &mut self.data {
            Some(before) => before.extend(["\n", data]),
            None if data.is_empty() => {}
            None if data == "[DONE]" => self.found.push_back(Found::Done),
            // Without waiting for the blank line, which some servers leave out.
            None => match parse(data) {
                Ok(value) => self.event(value),
                Err(_) => self.data = Some(data.to_owned()),
            },
        }
    }

    /// Ends an event, whose data lines together are one value.
    fn event_over(&mut self, at_end: bool) {
        if let Some(data) = self.data.take() {
            match parse(&data) {
                Ok(value) => self.event(value),
                Err(_) if self.is_error => self.found.push_back(Found::Error(data.into())),
                Err(_) if at_end => self.found.push_back(Found::Broken),
                Err(error) => self.found.push_back(Found::Unreadable(error.to_string())),
            }
        }
        self.is_error = false;
    }

    fn event(&mut self, value: Value) {
        let found = if self.is_error { Found::Error(value) } else { Found::Json(value) };
        self.found.push_back(found);
    }

    fn value(&mut self, value: Value) {
        self.bare += 1;
        self.event(value);
    }
}

fn too_long(what: &str) -> Fault {
    Fault::TooLong { what: what.to_owned() }
}

/// The JSON values in a complete body, in any of these formats.
pub(super) fn values(body: &str) -> Vec<Value> {
    let mut events = Events::default();
    let taken = events.take(body.as_bytes()).and_then(|()| events.end());
    let values = std::iter::from_fn(|| events.next()).filter_map(|found| match found {
        Found::Json(value) | Found::Error(value) => Some(value),
        _ => None,
    });
    let values = values.collect();
    if taken.is_ok() { values } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;
    use serde_json::json;

    #[test]
    fn a_body_is_parsed_by_its_content_in_chunks_of_any_size() {
        let one = || Found::Json(json!({"a": 1}));
        let two = || Found::Json(json!({"b": [2]}));
        for (body, expected) in [
            ("data: {\"a\":1}\n\ndata: {\"b\":[2]}\n\ndata: [DONE]\n\n", {
                vec![one(), two(), Found::Done]
            }),
            // Line endings, and no blank line between events.
            ("data:{\"a\":1}\r\n\r\ndata:{\"b\":[2]}\r\n", vec![one(), two()]),
            ("data: {\"a\":1}\r\rdata: {\"b\":[2]}\r", vec![one(), two()]),
            ("data: {\"a\":1}\ndata: {\"b\":[2]}", vec![one(), two()]),
            // One value in two data lines.
            ("data: {\"a\":\ndata: 1}\n\ndata: {\"b\":[2]}\n\n", vec![one(), two()]),
            ("data: {\"a\":\r\ndata:\r\ndata: 1}\r\n\r\n", vec![one()]),
            // Lines and events without content.
            ("\u{feff}: hello\n\nevent: ping\nid: 1\nretry: 5\ndata:\n\ndata: {\"a\":1}\n\n", {
                vec![one()]
            }),
            ("\n\nother: x\ndata: null\n\n", vec![Found::Foreign, Found::Json(Value::Null)]),
            ("id: 7\nother\nmore: x\ndata: {\"a\":1}\n\n", vec![one()]),
            // One object per line, and JSON over several lines.
            ("{\"a\":1}\n{\"b\":[2]}\n", vec![one(), two()]),
            ("\u{feff}{\"a\":1}", vec![one()]),
            ("{\n  \"a\": 1\n}\n", vec![one()]),
            ("{\n  \"a\": 1\n}\n{\n\"b\": [2]}", vec![one(), two()]),
            ("[{\"a\":\n1}]", vec![Found::Json(json!([{"a": 1}]))]),
            ("{\"a\":\nNaN}", vec![Found::Json(json!({"a": null}))]),
            // Errors.
            ("event: error\ndata: {\"a\":1}\n\ndata: {\"b\":[2]}\n\n", {
                vec![Found::Error(json!({"a": 1})), two()]
            }),
            ("event: error\ndata: slow down\n\n", vec![Found::Error(json!("slow down"))]),
            ("data: {\"a\":1}\n\n{\"b\":[2]}\n", vec![one(), two()]),
            // Bodies that are cut off.
            ("data: {\"a\":", vec![Found::Broken]),
            ("{\"a\":1}\n{\"b\":", vec![one(), Found::Broken]),
            ("", vec![]),
            ("\n \n", vec![]),
            ("<html>\n{\"a\":1}\n", vec![Found::Foreign, one()]),
            ("oops", vec![Found::Foreign]),
        ] {
            for size in [1, 2, 3, 7, body.len().max(1)] {
                let mut events = Events::default();
                for piece in body.as_bytes().chunks(size) {
                    events.take(piece).unwrap();
                }
                events.end().unwrap();
                let found: Vec<Found> = std::iter::from_fn(|| events.next()).collect();
                assert_eq!(found, expected, "{body:?} in pieces of {size}");
            }
        }
    }

    #[test]
    fn unreadable_and_foreign_bodies_are_distinguished() {
        for body in [
            &b"data: {nonsense}\n\ndata: {}\n\n"[..],
            b"{\"a\":1}\noops\n",
            b"{\"a\":1}\n\xff\xfe\n",
            b"data: {\"a\":1}\n\ndata: \"\xff\xfe\"\n\n",
            b"{nonsense}\n{}",
        ] {
            let mut events = Events::default();
            events.take(body).unwrap();
            events.end().unwrap();
            let mut found = std::iter::from_fn(|| events.next());
            let bad = found.find(|found| matches!(found, Found::Unreadable(_)));
            assert!(bad.is_some(), "{}", String::from_utf8_lossy(body));
        }
        for (labelled, body) in [(true, "<html>\n"), (false, "<html>\n"), (false, "Bad gateway\n")]
        {
            let mut events = Events::new(labelled);
            events.take(body.as_bytes()).unwrap();
            assert_eq!(events.next(), Some(Found::Foreign), "{body}");
        }
        let mut events = Events::new(true);
        events.take(b"comment\n\n").unwrap();
        assert_eq!(events.next(), None);
    }

    #[test]
    fn the_size_of_a_buffered_event_is_limited() {
        for (before, piece) in [("data: {", "x"), ("{", "\nxxxxxxx"), ("data: {\n", "data: xxx\n")]
        {
            let mut events = Events::default();
            events.take(before.as_bytes()).unwrap();
            let piece = piece.repeat(1 << 10);
            let refused = (0..1 << 14).find_map(|_| events.take(piece.as_bytes()).err());
            assert!(matches!(refused, Some(Fault::TooLong { .. })), "{before}");
        }
    }
}
