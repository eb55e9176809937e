//! Anthropic's messages format.

use super::Fault;
use super::wire::{Framing, Reading, Wire, tokens};
use crate::domain::chat::{Message, Outcome, Request, Speaker};
use serde_json::{Value, json};

/// Where requests go, after the provider's address.
pub(super) const PATH: &str = "v1/messages";

/// The version of the format that is asked for.
pub(super) const VERSION: &str = "2023-06-01";

/// One of Anthropic's models.
pub(super) struct Anthropic {
    /// The model's name at the provider.
    pub(super) model: String,
}

impl Wire for Anthropic {
    fn model(&self) -> &str {
        &self.model
    }

    fn framing(&self) -> Framing {
        Framing::Events
    }

    fn body(&self, request: &Request) -> Value {
        let (system, messages): (Vec<&Message>, Vec<&Message>) =
            request.messages.iter().partition(|message| message.role == Speaker::System);
        let mut body = json!({
            "model": self.model,
            "messages": messages,
            "max_tokens": request.max_tokens,
            "temperature": request.temperature.clamp(0.0, 1.0),
            "stream": true,
        });
        if !system.is_empty() {
            let texts: Vec<&str> = system.iter().map(|message| message.content.as_str()).collect();
            body["system"] = texts.join("\n\n").into();
        }
        body
    }

    fn read(&self, event: &Value, reading: &mut Reading) -> Result<(), Fault> {
        match event["type"].as_str().unwrap_or_default() {
            "message_start" => usage(&event["message"]["usage"], reading),
            "content_block_start" => block(&event["content_block"], reading),
            "content_block_delta" => block(&event["delta"], reading),
            "message_delta" => {
                stop(&event["delta"]["stop_reason"], reading);
                usage(&event["usage"], reading);
            }
            "message_stop" => {
                reading.outcome.get_or_insert(Outcome::Whole);
                reading.done = true;
            }
            // An answer that was not streamed.
            "message" => {
                event["content"].as_array().into_iter().flatten().for_each(|b| block(b, reading));
                usage(&event["usage"], reading);
                stop(&event["stop_reason"], reading);
                reading.outcome.get_or_insert(Outcome::Whole);
                reading.done = true;
            }
            _ if !event["error"].is_null() => return Err(Fault::in_stream(&event["error"])),
            _ => {}
        }
        Ok(())
    }
}

/// A block of content, or what is added to one: it has the field that its type tells.
fn block(block: &Value, reading: &mut Reading) {
    reading.reasoning(&block["thinking"]);
    reading.text(&block["text"]);
}

fn stop(reason: &Value, reading: &mut Reading) {
    reading.outcome = match reason.as_str() {
        None => return,
        Some("max_tokens" | "model_context_window_exceeded") => Some(Outcome::Cut),
        Some("refusal") => Some(Outcome::Refused),
        Some(_) => Some(Outcome::Whole),
    };
}

/// Prompt tokens come with the start, those of the answer with the end; each count that is told
/// again replaces the one before.
fn usage(value: &Value, reading: &mut Reading) {
    let count = |key: &str| tokens(&value[key]);
    if let Some(input) = count("input_tokens") {
        let cached = count("cache_read_input_tokens").unwrap_or(0);
        let written = count("cache_creation_input_tokens").unwrap_or(0);
        let usage = reading.usage.get_or_insert_default();
        usage.prompt = input + cached + written;
        usage.cached = cached;
    }
    if let Some(output) = count("output_tokens") {
        reading.usage.get_or_insert_default().answer = output;
    }
}
