//! Wire format of Anthropic's messages API.

use super::Fault;
use super::wire::{Reading, Wire, tokens};
use redraft_domain::chat::{Message, Outcome, Request, Speaker, Tool, ToolCall};
use serde_json::{Value, json};

/// API version, sent with each request.
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

    fn path(&self) -> String {
        "v1/messages".to_owned()
    }

    fn list(&self) -> Option<&'static str> {
        Some("v1/models")
    }

    fn body(&self, request: &Request) -> Result<Value, Fault> {
        let (system, messages): (Vec<&Message>, Vec<&Message>) =
            request.messages.iter().partition(|message| message.role == Speaker::System);
        let messages: Vec<Value> = messages
            .iter()
            .map(|message| {
                // Tool results are sent as the user's messages.
                let model = message.role == Speaker::Assistant;
                json!({"role": if model { "assistant" } else { "user" }, "content": content(message)})
            })
            .collect();
        let mut body = json!({
            "model": self.model,
            "messages": messages,
            "max_tokens": request.max_tokens,
            "temperature": request.temperature.clamp(0.0, 1.0),
            "stream": true,
        });
        if !system.is_empty() {
            let texts: Vec<&str> = system.iter().map(|message| message.content.as_str()).collect();
            body["system"] = json!([kept(&texts.join("\n\n"))]);
        }
        if !request.tools.is_empty() {
            let tool = |tool: &Tool| {
                json!({"name": tool.name, "description": tool.description,
                    "input_schema": tool.parameters})
            };
            body["tools"] = request.tools.iter().map(tool).collect();
        }
        if let Some(schema) = &request.schema {
            body["output_config"] = json!({"format": {"type": "json_schema", "schema": schema}});
        }
        Ok(body)
    }

    fn read(&self, event: &Value, reading: &mut Reading) -> Result<(), Fault> {
        match event["type"].as_str().unwrap_or_default() {
            "message_start" => usage(&event["message"]["usage"], reading),
            "content_block_start" => {
                block(&event["content_block"], &event["index"], reading);
            }
            "content_block_delta" => block(&event["delta"], &event["index"], reading),
            "message_delta" => {
                reading.end(&event["delta"]["stop_reason"], event)?;
                usage(&event["usage"], reading);
            }
            "message_stop" => {
                reading.outcome.get_or_insert(Outcome::Whole);
                reading.done = true;
            }
            // An answer that was not streamed.
            "message" => {
                for (n, part) in event["content"].as_array().into_iter().flatten().enumerate() {
                    block(part, &n.into(), reading);
                }
                reading.text(&event["content"]);
                usage(&event["usage"], reading);
                reading.end(&event["stop_reason"], event)?;
                reading.outcome.get_or_insert(Outcome::Whole);
                reading.done = true;
            }
            _ if !event["error"].is_null() => return Err(Fault::in_stream(&event["error"])),
            _ => {}
        }
        Ok(())
    }
}

/// A text block that the next request repeats, marked for the provider's cache. A text that is too
/// short for the cache is simply not cached.
fn kept(text: &str) -> Value {
    json!({"type": "text", "text": text, "cache_control": {"type": "ephemeral"}})
}

/// The content of a message; in two blocks if its beginning stays the same: the text before the
/// first script is the plan and can be cached, the rest changes with each version.
fn content(message: &Message) -> Value {
    let text = message.content.as_str();
    if let Some(id) = &message.answers {
        return json!([{"type": "tool_result", "tool_use_id": id, "content": text}]);
    }
    if !message.calls.is_empty() {
        let said = Some(json!({"type": "text", "text": text})).filter(|_| !text.trim().is_empty());
        let call = |call: &ToolCall| json!({"type": "tool_use", "id": call.id, "name": call.name, "input": call.arguments});
        return said.into_iter().chain(message.calls.iter().map(call)).collect();
    }
    let script = text.find("\n```").and_then(|fence| text[..fence].rfind("\n\n"));
    match script.map(|at| text.split_at(at)) {
        Some((same, new)) if message.role == Speaker::User && !same.trim().is_empty() => {
            json!([kept(same), {"type": "text", "text": new}])
        }
        _ => text.into(),
    }
}

/// A content block, or a delta of one; its type determines which field it has.
fn block(block: &Value, index: &Value, reading: &mut Reading) {
    reading.thought(&block["thinking"]);
    reading.content(&block["text"]);
    let number = index.as_u64().unwrap_or(0);
    if block["type"] == "tool_use" {
        // In a stream, the object is empty at first and filled by later deltas.
        let whole = Some(&block["input"]).filter(|i| i.as_object().is_some_and(|o| !o.is_empty()));
        reading.call(number, &block["id"], &block["name"], whole.unwrap_or(&Value::Null));
    } else if block["partial_json"].is_string() {
        reading.call(number, &Value::Null, &Value::Null, &block["partial_json"]);
    }
}

/// Prompt tokens come at the start, answer tokens at the end; a repeated count replaces the earlier
/// one.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prompt_part_before_the_script_is_marked_for_the_cache() {
        for (text, same, new) in [
            ("Plan:\nR1: x\n\nThe script:\n```python\n1\n```", "Plan:\nR1: x", "The script:"),
            ("Plan:\n\nR1\n\nA:\n```\n1\n\n2\n```\n\nB:\n```", "Plan:\n\nR1", "A:\n```\n1"),
        ] {
            let blocks = content(&Message::user(text));
            let of = |n: usize| blocks[n]["text"].as_str().unwrap_or_default();
            assert_eq!(of(0), same);
            assert!(of(1).trim_start().starts_with(new), "{blocks}");
            assert_eq!([of(0), of(1)].concat(), text);
            assert!(blocks[0]["cache_control"].is_object() && blocks[1]["cache_control"].is_null());
        }
        for text in ["Plan: R1", "```\n1\n```", "\n\n```", "a\n```"] {
            assert_eq!(content(&Message::user(text)), text);
        }
    }
}
