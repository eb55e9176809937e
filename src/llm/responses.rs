//! The responses format, `OpenAI`'s newer one.

use super::Fault;
use super::openai::SCHEMA;
use super::wire::{Framing, Reading, Wire, tokens};
use crate::domain::chat::{Message, Outcome, Request, Speaker, Tool, ToolCall, Usage};
use serde_json::{Value, json};

/// One model behind a responses endpoint.
pub(super) struct Responses {
    /// The model's name at the provider.
    pub(super) model: String,
}

impl Wire for Responses {
    fn model(&self) -> &str {
        &self.model
    }

    fn framing(&self) -> Framing {
        Framing::Events
    }

    fn path(&self) -> String {
        "responses".to_owned()
    }

    fn list(&self) -> Option<&'static str> {
        Some("models")
    }

    fn body(&self, request: &Request) -> Result<Value, Fault> {
        let (system, messages): (Vec<&Message>, Vec<&Message>) =
            request.messages.iter().partition(|message| message.role == Speaker::System);
        let mut body = json!({
            "model": self.model,
            "input": messages.iter().flat_map(|message| items(message)).collect::<Vec<Value>>(),
            "temperature": request.temperature,
            "max_output_tokens": request.max_tokens,
            "stream": true,
            // Each request brings all that it needs: nobody has to keep it.
            "store": false,
        });
        if !system.is_empty() {
            let texts: Vec<&str> = system.iter().map(|message| message.content.as_str()).collect();
            body["instructions"] = texts.join("\n\n").into();
        }
        if !request.tools.is_empty() {
            let tool = |tool: &Tool| {
                json!({"type": "function", "name": tool.name, "description": tool.description,
                    "parameters": tool.parameters})
            };
            body["tools"] = request.tools.iter().map(tool).collect();
        }
        if let Some(schema) = &request.schema {
            let format = json!({"type": "json_schema", "name": SCHEMA, "strict": true,
                "schema": schema});
            body["text"] = json!({"format": format});
        }
        Ok(body)
    }

    fn read(&self, event: &Value, reading: &mut Reading) -> Result<(), Fault> {
        let response = &event["response"];
        match event["type"].as_str().unwrap_or_default() {
            "response.output_text.delta" => reading.text(&event["delta"]),
            "response.refusal.delta" => reading.refusal(&event["delta"]),
            "response.reasoning_text.delta" | "response.reasoning_summary_text.delta" => {
                reading.reasoning(&event["delta"]);
            }
            "response.output_item.done" => call(&event["item"], reading),
            "response.completed" | "response.incomplete" => end(response, reading),
            "response.failed" => return Err(Fault::in_stream(&response["error"])),
            "error" if event["error"].is_object() => {
                return Err(Fault::in_stream(&event["error"]));
            }
            // Its fields stand in the event itself.
            "error" => return Err(Fault::in_stream(event)),
            // An answer that was not streamed.
            _ if event["object"] == "response" => {
                if !event["error"].is_null() {
                    return Err(Fault::in_stream(&event["error"]));
                }
                for item in event["output"].as_array().into_iter().flatten() {
                    whole(item, reading);
                    call(item, reading);
                }
                end(event, reading);
            }
            _ if !event["error"].is_null() => return Err(Fault::in_stream(&event["error"])),
            _ => {}
        }
        Ok(())
    }
}

/// A message, its calls, or the answer to one: each is an item of its own.
fn items(message: &Message) -> Vec<Value> {
    if let Some(id) = &message.answers {
        let output = &message.content;
        return vec![json!({"type": "function_call_output", "call_id": id, "output": output})];
    }
    let said = json!({"role": message.role, "content": message.content});
    let said = Some(said).filter(|_| !message.content.is_empty() || message.calls.is_empty());
    let call = |call: &ToolCall| {
        json!({"type": "function_call", "call_id": call.id, "name": call.name,
            "arguments": call.arguments.to_string()})
    };
    said.into_iter().chain(message.calls.iter().map(call)).collect()
}

/// An item that is a call.
fn call(item: &Value, reading: &mut Reading) {
    if item["type"] == "function_call" {
        let number = reading.next_call();
        reading.call(number, &item["call_id"], &item["name"], &item["arguments"]);
    }
}

/// An item of an answer that was not streamed: what the model said, or what it thought.
fn whole(item: &Value, reading: &mut Reading) {
    let list = |key: &str| item[key].as_array().into_iter().flatten();
    for part in list("summary").chain(list("content")) {
        match part["type"].as_str().unwrap_or_default() {
            "summary_text" | "reasoning_text" => reading.reasoning(&part["text"]),
            "refusal" => reading.refusal(&part["refusal"]),
            _ => reading.text(&part["text"]),
        }
    }
}

fn end(response: &Value, reading: &mut Reading) {
    reading.outcome = Some(match response["incomplete_details"]["reason"].as_str() {
        None => Outcome::Whole,
        Some("content_filter") => Outcome::Refused,
        Some(_) => Outcome::Cut,
    });
    reading.usage = usage(&response["usage"]).or(reading.usage);
    reading.done = true;
}

fn usage(value: &Value) -> Option<Usage> {
    Some(Usage {
        prompt: tokens(&value["input_tokens"])?,
        answer: tokens(&value["output_tokens"])?,
        cached: tokens(&value["input_tokens_details"]["cached_tokens"]).unwrap_or(0),
        estimated: false,
    })
}
