//! Gemini's own format.

use super::Fault;
use super::wire::{Framing, Reading, Wire, tokens};
use crate::domain::chat::{Message, Outcome, Request, Speaker, Usage};
use serde_json::{Value, json};

/// One of Google's models.
pub(super) struct Gemini {
    /// The model's name at the provider.
    pub(super) model: String,
}

impl Wire for Gemini {
    fn model(&self) -> &str {
        &self.model
    }

    fn framing(&self) -> Framing {
        Framing::Events
    }

    fn path(&self) -> String {
        // The list of models names them with the folder that they are in.
        let model = self.model.strip_prefix("models/").unwrap_or(&self.model);
        format!("models/{model}:streamGenerateContent?alt=sse")
    }

    fn list(&self) -> Option<&'static str> {
        Some("models")
    }

    fn body(&self, request: &Request) -> Result<Value, Fault> {
        let (system, messages): (Vec<&Message>, Vec<&Message>) =
            request.messages.iter().partition(|message| message.role == Speaker::System);
        let parts = |messages: &[&Message]| -> Vec<Value> {
            messages.iter().map(|message| json!({"text": message.content})).collect()
        };
        let contents: Vec<Value> = messages
            .iter()
            .map(|message| {
                let role = if message.role == Speaker::Assistant { "model" } else { "user" };
                json!({"role": role, "parts": parts(&[message])})
            })
            .collect();
        let mut body = json!({
            "contents": contents,
            "generationConfig": {
                "temperature": request.temperature,
                "maxOutputTokens": request.max_tokens,
            },
        });
        if !system.is_empty() {
            body["systemInstruction"] = json!({"parts": parts(&system)});
        }
        Ok(body)
    }

    fn read(&self, event: &Value, reading: &mut Reading) -> Result<(), Fault> {
        // An answer that was not streamed is a list of what the events would have been.
        if let Some(events) = event.as_array() {
            return events.iter().try_for_each(|event| self.read(event, reading));
        }
        if !event["error"].is_null() {
            return Err(Fault::in_stream(&event["error"]));
        }
        if event["promptFeedback"]["blockReason"].is_string() {
            reading.outcome = Some(Outcome::Refused);
        }
        let candidate = &event["candidates"][0];
        for part in candidate["content"]["parts"].as_array().into_iter().flatten() {
            if part["thought"] == true {
                reading.reasoning(&part["text"]);
            } else {
                reading.text(&part["text"]);
            }
        }
        match candidate["finishReason"].as_str() {
            None | Some("FINISH_REASON_UNSPECIFIED") => {}
            Some("MAX_TOKENS") => reading.outcome = Some(Outcome::Cut),
            Some("SAFETY" | "RECITATION" | "BLOCKLIST" | "PROHIBITED_CONTENT" | "SPII") => {
                reading.outcome = Some(Outcome::Refused);
            }
            Some(_) => reading.outcome = Some(Outcome::Whole),
        }
        if let Some(usage) = usage(&event["usageMetadata"]) {
            reading.usage = Some(usage);
        }
        Ok(())
    }
}

/// Zeros are left out; thoughts are counted beside the answer and paid for like it.
fn usage(value: &Value) -> Option<Usage> {
    let count = |key: &str| tokens(&value[key]);
    Some(Usage {
        prompt: count("promptTokenCount")?,
        answer: count("candidatesTokenCount").unwrap_or(0)
            + count("thoughtsTokenCount").unwrap_or(0),
        cached: count("cachedContentTokenCount").unwrap_or(0),
        estimated: false,
    })
}
