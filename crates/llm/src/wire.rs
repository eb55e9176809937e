//! The interface of a wire format: two functions and a few facts. All I/O is in `http`.

use super::lenient::Halves;
use super::reasons::{self, Meaning};
use super::{Chunk, Fault, Finish};
use redraft_domain::chat::{Outcome, Request, ToolCall, Usage};
use redraft_domain::text::one_line;
use serde_json::Value;
use std::collections::BTreeMap;

/// One provider's format of requests and answers. No I/O.
pub(super) trait Wire: Send + Sync {
    /// The model's name at the provider.
    fn model(&self) -> &str;

    /// Path of requests, relative to the provider's address.
    fn path(&self) -> String;

    /// Path of the server's list of models, relative to the provider's address, if there is one.
    fn list(&self) -> Option<&'static str> {
        None
    }

    /// Whether the format supports tools.
    fn takes_tools(&self) -> bool {
        true
    }

    /// Whether the format supports a schema for the answer.
    fn takes_schema(&self) -> bool {
        true
    }

    /// Whether the server continues from a prefill, a last message by the assistant.
    fn takes_prefill(&self) -> bool {
        false
    }

    /// Whether an answer in one JSON object may have no finish reason.
    fn ends_unsaid(&self) -> bool {
        false
    }

    /// Stop texts, for servers that may not know them.
    fn stops(&self) -> &[String] {
        &[]
    }

    /// The request's JSON.
    fn body(&self, request: &Request) -> Result<Value, Fault>;

    /// Parses one JSON object of an answer; an unknown one is ignored. The object of an answer that
    /// was not streamed is parsed by the same function.
    fn read(&self, event: &Value, reading: &mut Reading) -> Result<(), Fault>;
}

/// The parsed part of an answer.
#[derive(Debug, Default)]
pub(super) struct Reading {
    /// New chunks to forward.
    pub(super) chunks: Vec<Chunk>,
    /// How it ended, once that is known.
    pub(super) outcome: Option<Outcome>,
    /// Token counts, once they are known.
    pub(super) usage: Option<Usage>,
    /// A part of the answer marked it as a refusal.
    pub(super) declined: bool,
    /// No more events follow.
    pub(super) done: bool,
    /// The server reported that the answer continues.
    pub(super) more_comes: bool,
    /// Some text was parsed.
    pub(super) said: bool,
    /// Some reasoning was parsed.
    pub(super) thinks: bool,
    /// The finish reason, if its meaning is unknown.
    pub(super) unknown: Option<String>,
    /// Split characters in the text and in the reasoning.
    halves: [Halves; 2],
    /// Tool calls, which can arrive in chunks, by number.
    calls: BTreeMap<u64, PartialCall>,
}

/// The parsed part of a tool call.
#[derive(Debug, Default)]
struct PartialCall {
    id: String,
    name: String,
    /// JSON text, possibly incomplete.
    arguments: String,
}

impl Reading {
    /// Adds text of the answer; ignores other values and empty strings.
    pub(super) fn text(&mut self, value: &Value) {
        let text = self.halves[0].join(value.as_str().unwrap_or_default());
        if !text.is_empty() {
            self.said = true;
            self.chunks.push(Chunk::Text(text));
        }
    }

    /// Adds reasoning; ignores other values and empty strings.
    pub(super) fn reasoning(&mut self, value: &Value) {
        let text = self.halves[1].join(value.as_str().unwrap_or_default());
        if !text.is_empty() {
            self.thinks = true;
            self.chunks.push(Chunk::Reasoning(text));
        }
    }

    /// Stores the finish reason, if it is a string. An unknown one counts as a length limit,
    /// because the answer can't be assumed to be complete. `said_in` is where the server may
    /// explain an error.
    pub(super) fn end(&mut self, reason: &Value, said_in: &Value) -> Result<(), Fault> {
        let Some(reason) = reason.as_str() else { return Ok(()) };
        match reasons::meaning(reason) {
            Meaning::NotYet => {}
            Meaning::Ended(outcome) => {
                self.outcome = Some(outcome);
                self.unknown = None;
            }
            Meaning::Unknown => {
                self.outcome = Some(Outcome::Cut);
                self.unknown = Some(one_line(reason, 40));
            }
            Meaning::Failed => {
                let named = format!("it ended the answer with `{}`", one_line(reason, 40));
                return Err(Fault::in_stream_as(said_in, &named));
            }
        }
        Ok(())
    }

    /// Stores the token counts. Counts of 0 are ignored.
    pub(super) fn count(&mut self, usage: Option<Usage>) {
        self.usage = usage.filter(|usage| usage.total() > 0).or(self.usage);
    }

    /// Adds the text of a refusal.
    pub(super) fn refusal(&mut self, value: &Value) {
        self.declined |= value.as_str().is_some_and(|text| !text.is_empty());
        self.text(value);
    }

    /// Adds a tool call or a chunk of one. Values that are not strings are ignored; arguments can
    /// also be an object.
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

    /// The number of the next call, for formats without numbers.
    pub(super) fn next_call(&self) -> u64 {
        self.calls.len() as u64
    }

    /// The tool calls, after the whole answer was parsed. Arguments that are not valid JSON become
    /// a JSON string: asked again, a model would most likely write the same.
    pub(super) fn calls(&mut self) -> Vec<ToolCall> {
        let calls = std::mem::take(&mut self.calls);
        calls
            .into_iter()
            .map(|(number, call)| {
                let text = Halves::default().join(&call.arguments);
                let text = if text.trim().is_empty() { "{}".to_owned() } else { text };
                let arguments =
                    serde_json::from_str(&text).unwrap_or_else(|_| Value::String(text.clone()));
                // A unique id, for servers that send none.
                let id = if call.id.is_empty() { format!("call_{number}") } else { call.id };
                ToolCall { id, name: call.name, arguments }
            })
            .collect()
    }

    /// How the answer ended; an error if there was no end mark.
    pub(super) fn ending(&self) -> Result<Finish, Fault> {
        let outcome = match self.outcome.ok_or(Fault::Truncated)? {
            Outcome::Whole if self.declined => Outcome::Refused,
            outcome => outcome,
        };
        Ok(Finish { outcome, usage: self.usage })
    }
}

/// A token count from a server, capped so that sums can't overflow.
pub(super) fn tokens(value: &Value) -> Option<u64> {
    value.as_u64().map(|count| count.min(1 << 40))
}
