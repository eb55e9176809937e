//! Wire format of Gemini's API.

use super::Fault;
use super::wire::{Reading, Wire, tokens};
use redraft_domain::chat::{Message, Outcome, Request, Speaker, Tool, ToolCall, Usage};
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

    fn path(&self) -> String {
        // The list of models has names with this prefix.
        let model = self.model.strip_prefix("models/").unwrap_or(&self.model);
        format!("models/{model}:streamGenerateContent?alt=sse")
    }

    fn list(&self) -> Option<&'static str> {
        Some("models")
    }

    fn body(&self, request: &Request) -> Result<Value, Fault> {
        let (system, messages): (Vec<&Message>, Vec<&Message>) =
            request.messages.iter().partition(|message| message.role == Speaker::System);
        // The results of all calls of one message belong in one message.
        let turns = messages.chunk_by(|a, b| a.role == Speaker::Tool && b.role == Speaker::Tool);
        let contents: Vec<Value> = turns
            .map(|turn| {
                let model = turn.iter().any(|message| message.role == Speaker::Assistant);
                let parts: Vec<Value> =
                    turn.iter().flat_map(|message| parts(message, request)).collect();
                json!({"role": if model { "model" } else { "user" }, "parts": parts})
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
            let parts: Vec<Value> =
                system.iter().flat_map(|message| parts(message, request)).collect();
            body["systemInstruction"] = json!({"parts": parts});
        }
        if let Some(schema) = &request.schema {
            body["generationConfig"]["responseMimeType"] = "application/json".into();
            body["generationConfig"]["responseJsonSchema"] = schema.clone();
        }
        if !request.tools.is_empty() {
            let tool = |tool: &Tool| {
                json!({"name": tool.name, "description": tool.description,
                    "parameters": tool.parameters})
            };
            let tools: Vec<Value> = request.tools.iter().map(tool).collect();
            body["tools"] = json!([{"functionDeclarations": tools}]);
        }
        Ok(body)
    }

    fn read(&self, event: &Value, reading: &mut Reading) -> Result<(), Fault> {
        // An answer that was not streamed is a list of the same events.
        if let Some(events) = event.as_array() {
            return events.iter().try_for_each(|event| self.read(event, reading));
        }
        if !event["error"].is_null() {
            return Err(Fault::in_stream(&event["error"]));
        }
        let blocked = event["promptFeedback"]["blockReason"].as_str();
        if blocked.is_some_and(|reason| !matches!(reason, "" | "BLOCK_REASON_UNSPECIFIED")) {
            reading.outcome = Some(Outcome::Refused);
        }
        let candidate = &event["candidates"][0];
        for part in candidate["content"]["parts"].as_array().into_iter().flatten() {
            let call = &part["functionCall"];
            if call.is_object() {
                let number = reading.next_call();
                reading.call(number, &call["id"], &call["name"], &call["args"]);
            } else if part["thought"] == true {
                reading.reasoning(&part["text"]);
            } else {
                reading.text(&part["text"]);
            }
        }
        reading.end(&candidate["finishReason"], candidate)?;
        reading.count(usage(&event["usageMetadata"]));
        Ok(())
    }
}

/// The parts of a message: its text, its tool calls, or the result of a call.
fn parts(message: &Message, request: &Request) -> Vec<Value> {
    if let Some(call) = message.answers.as_ref().and_then(|id| request.call(id)) {
        let response = json!({"result": message.content});
        return vec![json!({"functionResponse": {"name": call.name, "response": response}})];
    }
    let said = json!({"text": message.content});
    let said = Some(said).filter(|_| !message.content.is_empty() || message.calls.is_empty());
    let call =
        |call: &ToolCall| json!({"functionCall": {"name": call.name, "args": call.arguments}});
    said.into_iter().chain(message.calls.iter().map(call)).collect()
}

/// Counts of zero are left out of the response; reasoning is counted separately and paid for like
/// the answer.
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
