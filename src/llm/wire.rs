//! What a wire format is: two functions and a few facts. All that moves bytes is in `http`.

use super::{Ending, Fault, Piece};
use crate::domain::chat::{Outcome, Request, ToolCall, Usage};
use serde_json::Value;
use std::collections::BTreeMap;

/// How the JSON objects of an answer follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// Server-sent events: an object after each `data:`.
    Events,
    /// One object a line.
    Lines,
    /// As the server likes: its content type says so.
    Any,
}

/// One provider's way of writing requests and answers down. No I/O.
pub(super) trait Wire: Send + Sync {
    /// The model's name at the provider.
    fn model(&self) -> &str;

    /// How the objects of an answer follow each other.
    fn framing(&self) -> Framing;

    /// Where requests go, after the provider's address.
    fn path(&self) -> String;

    /// Where the server lists its models, after the provider's address, if it does.
    fn list(&self) -> Option<&'static str> {
        None
    }

    /// Whether it can write tools and their calls down.
    fn takes_tools(&self) -> bool {
        true
    }

    /// Whether it can write down what an answer has to be.
    fn takes_schema(&self) -> bool {
        true
    }

    /// Whether the server goes on from the last message, where that is the model's own.
    fn goes_on(&self) -> bool {
        false
    }

    /// Texts that end an answer, where the server itself may not know them.
    fn stops(&self) -> &[String] {
        &[]
    }

    /// The request's JSON.
    fn body(&self, request: &Request) -> Result<Value, Fault>;

    /// Takes up one JSON object of an answer; one that it does not know is left alone. The object
    /// of an answer that was not streamed is read by the same function.
    fn read(&self, event: &Value, reading: &mut Reading) -> Result<(), Fault>;
}

/// What was read of one answer so far.
#[derive(Debug, Default)]
pub(super) struct Reading {
    /// New pieces, to be sent on.
    pub(super) pieces: Vec<Piece>,
    /// How it ended, once it has said so.
    pub(super) outcome: Option<Outcome>,
    /// The tokens used, once they were told.
    pub(super) usage: Option<Usage>,
    /// A part of the answer said that the model declines.
    pub(super) declined: bool,
    /// Nothing more will come.
    pub(super) done: bool,
    /// Calls of tools, which can come in pieces, by their number in the answer.
    calls: BTreeMap<u64, PartialCall>,
}

/// What was read of a call so far.
#[derive(Debug, Default)]
struct PartialCall {
    id: String,
    name: String,
    /// JSON, or pieces of it.
    arguments: String,
}

impl Reading {
    /// Notes a piece of the answer, if it is a text and not an empty one.
    pub(super) fn text(&mut self, value: &Value) {
        if let Some(text) = value.as_str().filter(|text| !text.is_empty()) {
            self.pieces.push(Piece::Text(text.to_owned()));
        }
    }

    /// Notes a piece of what the model thinks, if it is a text and not an empty one.
    pub(super) fn reasoning(&mut self, value: &Value) {
        if let Some(text) = value.as_str().filter(|text| !text.is_empty()) {
            self.pieces.push(Piece::Reasoning(text.to_owned()));
        }
    }

    /// Notes what a model says instead of an answer.
    pub(super) fn refusal(&mut self, value: &Value) {
        self.declined |= value.as_str().is_some_and(|text| !text.is_empty());
        self.text(value);
    }

    /// Notes a call or a piece of one. What is not a text is left as it was; arguments can also come
    /// as the object that they are.
    pub(super) fn call(&mut self, number: u64, id: &Value, name: &Value, arguments: &Value) {
        let call = self.calls.entry(number).or_default();
        for (part, value) in [(&mut call.id, id), (&mut call.name, name)] {
            if let Some(text) = value.as_str().filter(|text| !text.is_empty()) {
                text.clone_into(part);
            }
        }
        match arguments {
            Value::String(piece) => call.arguments.push_str(piece),
            Value::Object(_) => call.arguments = arguments.to_string(),
            _ => {}
        }
    }

    /// The number of the next call, where a format does not number them.
    pub(super) fn next_call(&self) -> u64 {
        self.calls.len() as u64
    }

    /// The calls, once all of the answer was read. Arguments that are no JSON are given as the text
    /// that they are: asked the same again, a model would most likely write the same.
    pub(super) fn calls(&mut self) -> Vec<ToolCall> {
        let calls = std::mem::take(&mut self.calls);
        calls
            .into_iter()
            .map(|(number, call)| {
                let text = if call.arguments.trim().is_empty() { "{}" } else { &call.arguments };
                let arguments =
                    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()));
                // Where a server numbers nothing, the tool's answer is still told apart.
                let id = if call.id.is_empty() { format!("call_{number}") } else { call.id };
                ToolCall { id, name: call.name, arguments }
            })
            .collect()
    }

    /// How the answer ended; without an end mark it was cut off on its way.
    pub(super) fn ending(&self) -> Result<Ending, Fault> {
        let outcome = match self.outcome.ok_or(Fault::Truncated)? {
            Outcome::Whole if self.declined => Outcome::Refused,
            outcome => outcome,
        };
        Ok(Ending { outcome, usage: self.usage })
    }
}

/// A count of tokens as a server wrote it. Nonsense is cut to what sums can bear.
pub(super) fn tokens(value: &Value) -> Option<u64> {
    value.as_u64().map(|count| count.min(1 << 40))
}

/// One line of a stream, taken apart.
#[derive(Debug, PartialEq)]
pub(super) enum Line<'a> {
    /// A JSON object.
    Object(&'a str),
    /// `[DONE]`: nothing follows.
    Done,
    /// A blank line, a comment, a field that says nothing.
    Nothing,
}

/// Takes a line of a stream apart.
pub(super) fn line(framing: Framing, line: &str) -> Line<'_> {
    let trimmed = line.trim();
    let data = match (framing, trimmed.strip_prefix("data:")) {
        (Framing::Events | Framing::Any, Some(data)) => data.trim_start(),
        // Some servers write an error as bare JSON into a stream of events.
        (Framing::Events | Framing::Any, None) if !trimmed.starts_with('{') => {
            return Line::Nothing;
        }
        (Framing::Events | Framing::Any | Framing::Lines, _) => trimmed,
    };
    match data {
        "" => Line::Nothing,
        "[DONE]" => Line::Done,
        data => Line::Object(data),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_a_stream_are_told_apart() {
        for (framing, text, expected) in [
            (Framing::Events, "data: {\"a\":1}", Line::Object("{\"a\":1}")),
            (Framing::Events, "data:{}", Line::Object("{}")),
            (Framing::Events, "data: [DONE]", Line::Done),
            (Framing::Events, "data:", Line::Nothing),
            (Framing::Events, "event: ping", Line::Nothing),
            (Framing::Events, ": OPENROUTER PROCESSING", Line::Nothing),
            (Framing::Events, "{\"error\":1}", Line::Object("{\"error\":1}")),
            (Framing::Events, "", Line::Nothing),
            (Framing::Lines, "{}", Line::Object("{}")),
            (Framing::Lines, " ", Line::Nothing),
            (Framing::Lines, "oops", Line::Object("oops")),
            (Framing::Any, "{\"a\":1}", Line::Object("{\"a\":1}")),
            (Framing::Any, "data: {}", Line::Object("{}")),
            (Framing::Any, "event: ping", Line::Nothing),
        ] {
            assert_eq!(line(framing, text), expected, "{text:?}");
        }
    }
}
