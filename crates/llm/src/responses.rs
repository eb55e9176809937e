//! Wire format of `OpenAI`'s responses API.

use super::Fault;
use super::openai::SCHEMA;
use super::wire::{Reading, Wire, tokens};
use redraft_domain::chat::{Message, Outcome, Request, Speaker, Tool, ToolCall, Usage};
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
            // Each request is complete, so the server need not store it.
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
            "response.completed" => end(response, "completed", reading)?,
            "response.incomplete" => end(response, "incomplete", reading)?,
            "response.failed" => return Err(failed(response)),
            "error" if event["error"].is_object() => {
                return Err(Fault::in_stream(&event["error"]));
            }
            // The event itself has the error's fields.
            "error" => return Err(Fault::in_stream(event)),
            // An answer that was not streamed.
            _ if event["object"] == "response" => {
                if !event["error"].is_null() {
                    return Err(Fault::in_stream(&event["error"]));
                }
                for item in event["output"].as_array().into_iter().flatten() {
                    call(item, reading);
                }
                end(event, "completed", reading)?;
            }
            _ if !event["error"].is_null() => return Err(Fault::in_stream(&event["error"])),
            _ => {}
        }
        Ok(())
    }
}

/// The items of a message: its text, its tool calls, or the result of a call.
fn items(message: &Message) -> Vec<Value> {
    if let Some(id) = &message.answers {
        let output = &message.content;
        return vec![json!({"type": "function_call_output", "call_id": id, "output": output})];
    }
    // The model's text must have the API's own form: some servers accept nothing else.
    let content = match message.role {
        Speaker::Assistant => json!([{"type": "output_text", "text": message.content}]),
        _ => message.content.as_str().into(),
    };
    let said = json!({"type": "message", "role": message.role, "content": content});
    let said = Some(said).filter(|_| !message.content.is_empty() || message.calls.is_empty());
    let call = |call: &ToolCall| {
        json!({"type": "function_call", "call_id": call.id, "name": call.name,
            "arguments": call.arguments.to_string()})
    };
    said.into_iter().chain(message.calls.iter().map(call)).collect()
}

/// Adds an item that is a tool call.
fn call(item: &Value, reading: &mut Reading) {
    if item["type"] == "function_call" {
        let number = reading.next_call();
        reading.call(number, &item["call_id"], &item["name"], &item["arguments"]);
    }
}

/// Adds a complete item of an answer: text or reasoning.
fn whole(item: &Value, reading: &mut Reading) {
    if item["type"] == "reasoning" {
        reading.thought(&item["summary"]);
        reading.thought(&item["content"]);
    } else {
        reading.content(&item["content"]);
    }
}

/// Stores how a response ended. `named` is the status that its event implies.
fn end(response: &Value, named: &str, reading: &mut Reading) -> Result<(), Fault> {
    let output = || response["output"].as_array().into_iter().flatten();
    if !reading.said {
        // It was not streamed, or only its end was sent.
        let thinks = reading.thinks;
        let new = output().filter(|item| !(thinks && item["type"] == "reasoning"));
        new.for_each(|item| whole(item, reading));
    }
    reading.count(usage(&response["usage"]));
    reading.done = true;
    if response["status"] == "failed" {
        return Err(failed(response));
    }
    let why = &response["incomplete_details"]["reason"];
    let part = output().any(|item| item["type"] == "message" && item["status"] == "incomplete");
    let status = response["status"].as_str().unwrap_or(named);
    match (why.is_string(), status) {
        // With any reason, the answer is incomplete.
        (true, _) => reading.end(why, response)?,
        (false, "completed") if part => reading.outcome = Some(Outcome::Cut),
        (false, status) => reading.end(&Value::from(status), response)?,
    }
    if why.is_string() && reading.outcome != Some(Outcome::Refused) {
        reading.outcome = Some(Outcome::Cut);
    }
    // A final event ends the answer, even if its status is still in progress.
    reading.outcome.get_or_insert(Outcome::Cut);
    Ok(())
}

fn failed(response: &Value) -> Fault {
    Fault::in_stream(&response["error"])
}

fn usage(value: &Value) -> Option<Usage> {
    Some(Usage {
        prompt: tokens(&value["input_tokens"])?,
        answer: tokens(&value["output_tokens"])?,
        cached: tokens(&value["input_tokens_details"]["cached_tokens"]).unwrap_or(0),
        estimated: false,
    })
}
