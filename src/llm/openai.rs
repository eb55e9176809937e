//! The chat completions format, spoken by `OpenAI`, by most hosts and by most local servers.

use super::Fault;
use super::wire::{Framing, Reading, Wire, tokens};
use crate::domain::chat::{Message, Outcome, Request, Tool, ToolCall, Usage};
use serde_json::{Value, json};

/// What schemas are called where they need a name.
pub(super) const SCHEMA: &str = "answer";

/// One model behind a chat completions endpoint.
pub(super) struct OpenAi {
    /// The model's name at the provider.
    pub(super) model: String,
    /// The server is `OpenAI`'s own, whose newer models take no `max_tokens`.
    pub(super) official: bool,
}

impl Wire for OpenAi {
    fn model(&self) -> &str {
        &self.model
    }

    fn framing(&self) -> Framing {
        Framing::Events
    }

    fn path(&self) -> String {
        "chat/completions".to_owned()
    }

    fn list(&self) -> Option<&'static str> {
        Some("models")
    }

    fn body(&self, request: &Request) -> Result<Value, Fault> {
        let limit = if self.official { "max_completion_tokens" } else { "max_tokens" };
        let messages: Vec<Value> = request.messages.iter().map(message).collect();
        let mut body = json!({
            "model": self.model,
            "messages": messages,
            "temperature": request.temperature,
            limit: request.max_tokens,
            "stream": true,
            "stream_options": {"include_usage": true},
        });
        if !request.tools.is_empty() {
            body["tools"] = tools(&request.tools);
        }
        if let Some(schema) = &request.schema {
            let schema = json!({"name": SCHEMA, "strict": true, "schema": schema});
            body["response_format"] = json!({"type": "json_schema", "json_schema": schema});
        }
        Ok(body)
    }

    fn read(&self, event: &Value, reading: &mut Reading) -> Result<(), Fault> {
        let choice = &event["choices"][0];
        let stop = choice["finish_reason"].as_str().unwrap_or_default();
        // An error that a host met behind the scenes is told beside the choice or in it.
        for error in [&event["error"], &choice["error"]] {
            if !error.is_null() {
                return Err(Fault::in_stream(error));
            }
        }
        if stop == "error" {
            return Err(Fault::in_stream(choice));
        }
        if let Some(usage) = usage(&event["usage"]) {
            reading.usage = Some(usage);
        }
        // A streamed answer comes in deltas, one that was not streamed as a message.
        for part in [&choice["delta"], &choice["message"]] {
            // Servers that know both names for the reasoning send the same text under each.
            let named = [&part["reasoning_content"], &part["reasoning"]];
            let said = |value: &&Value| value.as_str().is_some_and(|text| !text.is_empty());
            if let Some(reasoning) = named.into_iter().find(said) {
                reading.reasoning(reasoning);
            }
            reading.text(&part["content"]);
            reading.refusal(&part["refusal"]);
            for (n, call) in part["tool_calls"].as_array().into_iter().flatten().enumerate() {
                let number = call["index"].as_u64().unwrap_or(n as u64);
                let function = &call["function"];
                reading.call(number, &call["id"], &function["name"], &function["arguments"]);
            }
        }
        match stop {
            // Some servers send an empty reason with each piece.
            "" => {}
            "length" => reading.outcome = Some(Outcome::Cut),
            "content_filter" => reading.outcome = Some(Outcome::Refused),
            _ => reading.outcome = Some(Outcome::Whole),
        }
        // Nothing can follow an answer that was not streamed, whatever its server leaves out.
        if choice["message"].is_object() {
            reading.outcome.get_or_insert(Outcome::Whole);
            reading.done = true;
        }
        Ok(())
    }
}

fn message(message: &Message) -> Value {
    let mut json = json!({"role": message.role, "content": message.content});
    if !message.calls.is_empty() {
        let call = |call: &ToolCall| {
            let arguments = call.arguments.to_string();
            json!({"id": call.id, "type": "function",
                "function": {"name": call.name, "arguments": arguments}})
        };
        json["tool_calls"] = message.calls.iter().map(call).collect();
    }
    if let Some(id) = &message.answers {
        json["tool_call_id"] = id.as_str().into();
    }
    json
}

/// Tools as this format and Ollama's write them.
pub(super) fn tools(tools: &[Tool]) -> Value {
    let tool = |tool: &Tool| {
        json!({"type": "function", "function": {"name": tool.name,
            "description": tool.description, "parameters": tool.parameters}})
    };
    tools.iter().map(tool).collect()
}

fn usage(value: &Value) -> Option<Usage> {
    Some(Usage {
        prompt: tokens(&value["prompt_tokens"])?,
        answer: tokens(&value["completion_tokens"])?,
        cached: tokens(&value["prompt_tokens_details"]["cached_tokens"]).unwrap_or(0),
        estimated: false,
    })
}
