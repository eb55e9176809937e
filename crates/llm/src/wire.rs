//! What a wire format is: two functions and a few facts. All that moves bytes is in `http`.

use super::lenient::Halves;
use super::reasons::{self, Meaning};
use super::{Chunk, Fault, Finish};
use redraft_domain::chat::{Outcome, Request, ToolCall, Usage};
use redraft_domain::text::one_line;
use serde_json::Value;
use std::collections::BTreeMap;

/// One provider's way of writing requests and answers down. No I/O.
pub(super) trait Wire: Send + Sync {
    /// The model's name at the provider.
    fn model(&self) -> &str;

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
    fn takes_prefill(&self) -> bool {
        false
    }

    /// Whether an answer that comes as one JSON object may leave out that it is whole.
    fn ends_unsaid(&self) -> bool {
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
    pub(super) chunks: Vec<Chunk>,
    /// How it ended, once it has said so.
    pub(super) outcome: Option<Outcome>,
    /// The tokens used, once they were told.
    pub(super) usage: Option<Usage>,
    /// A part of the answer said that the model declines.
    pub(super) declined: bool,
    /// Nothing more will come.
    pub(super) done: bool,
    /// The server said that the answer goes on.
    pub(super) more_comes: bool,
    /// Some text of the answer was read.
    pub(super) said: bool,
    /// Some of what the model thinks was read.
    pub(super) thinks: bool,
    /// The reason that the server gave for the end, where nobody knows what it means.
    pub(super) unknown: Option<String>,
    /// Halves of characters in the text, and in what the model thinks.
    halves: [Halves; 2],
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
        let text = self.halves[0].join(value.as_str().unwrap_or_default());
        if !text.is_empty() {
            self.said = true;
            self.chunks.push(Chunk::Text(text));
        }
    }

    /// Notes a piece of what the model thinks, if it is a text and not an empty one.
    pub(super) fn reasoning(&mut self, value: &Value) {
        let text = self.halves[1].join(value.as_str().unwrap_or_default());
        if !text.is_empty() {
            self.thinks = true;
            self.chunks.push(Chunk::Reasoning(text));
        }
    }

    /// Notes why the answer ended, if this is a reason. One that nobody knows is as good as a limit:
    /// nothing says that the answer is whole. `said_in` is where the server may say more of it.
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

    /// Notes the tokens used. A count of nothing at all is none.
    pub(super) fn count(&mut self, usage: Option<Usage>) {
        self.usage = usage.filter(|usage| usage.total() > 0).or(self.usage);
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
                let text = Halves::default().join(&call.arguments);
                let text = if text.trim().is_empty() { "{}".to_owned() } else { text };
                let arguments =
                    serde_json::from_str(&text).unwrap_or_else(|_| Value::String(text.clone()));
                // Where a server numbers nothing, the tool's answer is still told apart.
                let id = if call.id.is_empty() { format!("call_{number}") } else { call.id };
                ToolCall { id, name: call.name, arguments }
            })
            .collect()
    }

    /// How the answer ended; without an end mark it was cut off on its way.
    pub(super) fn ending(&self) -> Result<Finish, Fault> {
        let outcome = match self.outcome.ok_or(Fault::Truncated)? {
            Outcome::Whole if self.declined => Outcome::Refused,
            outcome => outcome,
        };
        Ok(Finish { outcome, usage: self.usage })
    }
}

/// A count of tokens as a server wrote it. Nonsense is cut to what sums can bear.
pub(super) fn tokens(value: &Value) -> Option<u64> {
    value.as_u64().map(|count| count.min(1 << 40))
}
