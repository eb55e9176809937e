//! Wire format of Ollama's own chat API. Its OpenAI-compatible endpoint can't set the context
//! length, and the default one silently drops the beginning of a long prompt.

use super::Fault;
use super::env::Lookup;
use super::openai;
use super::wire::{Reading, Wire, tokens};
use redraft_domain::chat::{Message, Outcome, Request, ToolCall, Usage};
use serde_json::{Value, json};

/// Minimum context length if none is configured, in tokens.
pub(super) const DEFAULT_CONTEXT: u32 = 8192;

/// Context lengths are multiples of this: Ollama reloads the model for each new length.
const CONTEXT_STEP: u64 = 2048;

/// The address in `OLLAMA_HOST`, parsed as Ollama itself does.
pub(super) fn host(env: Lookup<'_>) -> Option<String> {
    let text = env("OLLAMA_HOST")?;
    let (scheme, rest) = match text.trim().split_once("://") {
        Some((scheme, rest)) => (Some(scheme), rest),
        None => (None, text.trim()),
    };
    let (address, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    // The colons of an IPv6 address are in brackets; the one before the port comes after them.
    let colon = address.rfind(':').filter(|colon| !address[*colon..].contains(']'));
    let (host, port) = match colon {
        Some(colon) => (&address[..colon], Some(&address[colon + 1..])),
        None => (address, None),
    };
    // A server that listens on all addresses is reached at the loopback address.
    let host = if matches!(host, "" | "0.0.0.0" | "[::]") { "127.0.0.1" } else { host };
    // A scheme without a port means the scheme's default port.
    let port = port.or(if scheme.is_none() { Some("11434") } else { None });
    let port = port.map_or_else(String::new, |port| format!(":{port}"));
    Some(format!("{}://{host}{port}{path}", scheme.unwrap_or("http")))
}

/// One model of an Ollama server.
pub(super) struct Ollama {
    /// The model's name at the server.
    pub(super) model: String,
    /// Minimum context length, in tokens.
    pub(super) context: u32,
}

impl Ollama {
    /// A context length that fits the prompt and the maximum answer.
    fn context_for(&self, request: &Request) -> u64 {
        let whole = request.prompt_tokens() + u64::from(request.max_tokens);
        whole.next_multiple_of(CONTEXT_STEP).max(u64::from(self.context))
    }
}

impl Wire for Ollama {
    fn model(&self) -> &str {
        &self.model
    }

    fn path(&self) -> String {
        "api/chat".to_owned()
    }

    fn list(&self) -> Option<&'static str> {
        Some("api/tags")
    }

    fn body(&self, request: &Request) -> Result<Value, Fault> {
        let messages: Vec<Value> =
            request.messages.iter().map(|message| self::message(message, request)).collect();
        let mut body = json!({
            "model": self.model,
            "messages": messages,
            "stream": true,
            "options": {
                "num_ctx": self.context_for(request),
                "temperature": request.temperature,
                "num_predict": request.max_tokens,
            },
        });
        if !request.tools.is_empty() {
            body["tools"] = openai::tools(&request.tools);
        }
        if let Some(schema) = &request.schema {
            body["format"] = schema.clone();
        }
        Ok(body)
    }

    fn read(&self, event: &Value, reading: &mut Reading) -> Result<(), Fault> {
        if !event["error"].is_null() {
            return Err(Fault::in_stream(&event["error"]));
        }
        reading.thought(&event["message"]["thinking"]);
        reading.content(&event["message"]["content"]);
        for call in event["message"]["tool_calls"].as_array().into_iter().flatten() {
            let (function, number) = (&call["function"], reading.next_call());
            reading.call(number, &call["id"], &function["name"], &function["arguments"]);
        }
        if event["done"].as_bool() == Some(true) {
            reading.end(&event["done_reason"], event)?;
            reading.outcome.get_or_insert(Outcome::Whole);
            reading.count(usage(event));
            reading.done = true;
        }
        Ok(())
    }
}

fn message(message: &Message, request: &Request) -> Value {
    let mut json = json!({"role": message.role, "content": message.content});
    if !message.calls.is_empty() {
        let call =
            |call: &ToolCall| json!({"function": {"name": call.name, "arguments": call.arguments}});
        json["tool_calls"] = message.calls.iter().map(call).collect();
    }
    if let Some(call) = message.answers.as_ref().and_then(|id| request.call(id)) {
        json["tool_name"] = call.name.as_str().into();
    }
    json
}

/// Old servers leave out the prompt's count if the prompt was cached: then the usage is unknown.
fn usage(event: &Value) -> Option<Usage> {
    Some(Usage {
        prompt: tokens(&event["prompt_eval_count"])?,
        answer: tokens(&event["eval_count"])?,
        ..Usage::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use redraft_domain::chat::Agent;

    #[test]
    fn the_requested_context_holds_prompt_and_answer() {
        let ollama = Ollama { model: "m".to_owned(), context: 8192 };
        for (bytes, max_tokens, least) in [(10, 100, 8192), (40_000, 4096, 15_000), (0, 8192, 8193)]
        {
            let messages = vec![Message::user("x".repeat(bytes))];
            let request = Request::new(Agent::Coder, messages, max_tokens);
            let context = ollama.context_for(&request);
            assert!(context >= least && context.is_multiple_of(CONTEXT_STEP), "{bytes}: {context}");
        }
    }
}
