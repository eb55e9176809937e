//! Wire format of the chat completions API of `OpenAI`, most hosts and most local servers.

use super::fault::is_hollow;
use super::parts::says_something;
use super::wire::{Reading, Wire, tokens};
use super::{Chunk, Fault, Phase};
use redraft_domain::chat::{Message, Outcome, Request, Tool, ToolCall, Usage};
use serde_json::{Value, json};

/// Name of a schema, if the API needs one.
pub(super) const SCHEMA: &str = "answer";

/// Fields in which servers put the reasoning.
const REASONING: [&str; 5] =
    ["reasoning_content", "reasoning", "thinking", "thought", "reasoning_details"];

/// One model behind a chat completions endpoint.
pub(super) struct OpenAi {
    /// The model's name at the provider.
    pub(super) model: String,
    /// Whether the server is `OpenAI`'s own, whose newer models don't accept `max_tokens`.
    pub(super) official: bool,
    /// Whether the server runs on this machine: llama.cpp's reports the progress of the prompt if
    /// requested, and others ignore the field.
    pub(super) own: bool,
}

impl Wire for OpenAi {
    fn model(&self) -> &str {
        &self.model
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
        if self.own {
            body["return_progress"] = true.into();
        }
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
        // A host reports an upstream error beside the choice or in it.
        for error in [&event["error"], &choice["error"]] {
            if !is_hollow(error) {
                return Err(Fault::in_stream(error));
            }
        }
        reading.count(usage(&event["usage"]));
        let progress = &event["prompt_progress"];
        if let (Some(read), Some(of)) = (tokens(&progress["processed"]), tokens(&progress["total"]))
        {
            reading.chunks.push(Chunk::Phase(Phase::Reading { read, of }));
        }
        // A streamed answer comes in deltas, an answer that was not streamed as a message. If an
        // event has both, or a message follows deltas, the message repeats the whole text.
        let delta = &choice["delta"];
        let streams = says_something(delta) || delta.is_object() && reading.said;
        let whole = choice["message"].is_object() && !streams;
        let part = if whole { &choice["message"] } else { delta };
        let again = whole && reading.said;
        // Servers that know several field names for reasoning send the same text under each.
        if let Some(thought) = REASONING.iter().map(|name| &part[*name]).find(|t| says_something(t))
            && !again
        {
            reading.thought(thought);
        }
        if !again {
            reading.content(&part["content"]);
            // Older completions have the text here, without a message.
            reading.text(&choice["text"]);
        }
        reading.refusal(&part["refusal"]);
        for (n, call) in part["tool_calls"].as_array().into_iter().flatten().enumerate() {
            let number = call["index"].as_u64().unwrap_or(n as u64);
            let function = &call["function"];
            reading.call(number, &call["id"], &function["name"], &function["arguments"]);
        }
        reading.end(&choice["finish_reason"], choice)?;
        // An answer that was not streamed is complete, even if the server does not say so.
        if whole {
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

/// Tools in the format of this API and Ollama's.
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
