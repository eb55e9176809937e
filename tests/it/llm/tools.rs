//! Tools: the declarations sent, the parsing of tool calls, and the results sent back.

use super::*;
use redraft::domain::chat::{Tool, ToolCall};
use serde_json::Value;

/// Answers with a tool call, in several events if the format allows it.
const CALLS: [(&str, &[&str]); 5] = [
    (
        "openai",
        &[
            r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"c1","type":"function","function":{"name":"run","arguments":""}}]}}]}"#,
            r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"code\": \"pri"}}]}}]}"#,
            r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"nt(1)\"}"}}]}}]}"#,
            r#"{"choices":[{"delta":{},"finish_reason":"tool_calls"}]}"#,
        ],
    ),
    (
        "responses",
        &[
            r#"{"type":"response.function_call_arguments.delta","delta":"{}"}"#,
            r#"{"type":"response.output_item.done","item":{"type":"function_call","call_id":"c1","name":"run","arguments":"{\"code\":\"print(1)\"}"}}"#,
            r#"{"type":"response.completed","response":{}}"#,
        ],
    ),
    (
        "anthropic",
        &[
            r#"{"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"c1","name":"run","input":{}}}"#,
            r#"{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\"code\": \"pri"}}"#,
            r#"{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"nt(1)\"}"}}"#,
            r#"{"type":"message_delta","delta":{"stop_reason":"tool_use"}}"#,
            r#"{"type":"message_stop"}"#,
        ],
    ),
    (
        "gemini",
        &[
            r#"{"candidates":[{"content":{"parts":[{"functionCall":{"id":"c1","name":"run","args":{"code":"print(1)"}}}]},"finishReason":"STOP"}]}"#,
        ],
    ),
    (
        "ollama",
        &[
            r#"{"message":{"content":"","tool_calls":[{"id":"c1","function":{"name":"run","arguments":{"code":"print(1)"}}}]},"done":false}"#,
            r#"{"message":{"content":""},"done":true,"done_reason":"stop"}"#,
        ],
    ),
];

fn tool() -> Tool {
    Tool {
        name: "run".to_owned(),
        description: "Runs code.".to_owned(),
        parameters: json!({"type": "object", "properties": {"code": {"type": "string"}}}),
    }
}

fn called() -> ToolCall {
    ToolCall { id: "c1".to_owned(), name: "run".to_owned(), arguments: json!({"code": "print(1)"}) }
}

/// A reply of these events.
fn events(request: &Received, events: &[&str]) -> Reply {
    let events = events.iter().map(|event| request.event(&serde_json::from_str(event).unwrap()));
    Reply::raw(200, request.stream_type(), events)
}

#[test]
fn a_tool_call_is_read_in_chunks_of_any_size() {
    for (kind, answer) in CALLS {
        for small in [false, true] {
            let server = ModelServer::start(move |request| {
                let reply = events(request, answer);
                if small { reply.byte_by_byte() } else { reply }
            });
            let connection = connection_to(kind, &server, "retries: 0");
            assert!(connection.model.takes_tools());
            let asked = Request { tools: vec![tool()], ..request() };
            let answer = ask_this(&connection, &asked).result.unwrap();
            assert_eq!((answer.calls, answer.text.as_str()), (vec![called()], ""), "{kind}");
        }
    }
}

#[test]
fn tools_and_results_are_sent_in_each_server_s_format() {
    let described = json!({"name": "run", "description": "Runs code."});
    let told = |key: &str| {
        let mut tool = described.clone();
        tool[key] = json!({"type": "object", "properties": {"code": {"type": "string"}}});
        tool
    };
    let arguments = r#"{"code":"print(1)"}"#;
    let function = json!([{"type": "function", "function": told("parameters")}]);
    for kind in KINDS {
        let server = ModelServer::start(|request| Reply::to(request, TEXT));
        let connection = connection_to(kind, &server, "retries: 0");
        let mut asked = Request { tools: vec![tool()], ..request() };
        asked.messages.push(Message::assistant("", vec![called()]));
        asked.messages.push(Message::tool(&called(), "1"));
        if kind == "completion" {
            assert!(!connection.model.takes_tools());
            continue;
        }
        ask_this(&connection, &asked).result.unwrap();
        let body = &server.received()[0].body;
        let (field, tools, last): (_, _, [Value; 2]) = match kind {
            "openai" => (
                "messages",
                function.clone(),
                [
                    json!({"role": "assistant", "content": "", "tool_calls": [{"id": "c1",
                        "type": "function", "function": {"name": "run", "arguments": arguments}}]}),
                    json!({"role": "tool", "content": "1", "tool_call_id": "c1"}),
                ],
            ),
            "responses" => (
                "input",
                json!([{"type": "function", "name": "run", "description": "Runs code.",
                    "parameters": told("parameters")["parameters"]}]),
                [
                    json!({"type": "function_call", "call_id": "c1", "name": "run",
                        "arguments": arguments}),
                    json!({"type": "function_call_output", "call_id": "c1", "output": "1"}),
                ],
            ),
            "anthropic" => (
                "messages",
                json!([told("input_schema")]),
                [
                    json!({"role": "assistant", "content": [{"type": "tool_use", "id": "c1",
                        "name": "run", "input": {"code": "print(1)"}}]}),
                    json!({"role": "user", "content": [{"type": "tool_result",
                        "tool_use_id": "c1", "content": "1"}]}),
                ],
            ),
            "gemini" => (
                "contents",
                json!([{"functionDeclarations": [told("parameters")]}]),
                [
                    json!({"role": "model", "parts": [{"functionCall": {"name": "run",
                        "args": {"code": "print(1)"}}}]}),
                    json!({"role": "user", "parts": [{"functionResponse": {"name": "run",
                        "response": {"result": "1"}}}]}),
                ],
            ),
            _ => (
                "messages",
                function.clone(),
                [
                    json!({"role": "assistant", "content": "", "tool_calls": [{"function":
                        {"name": "run", "arguments": {"code": "print(1)"}}}]}),
                    json!({"role": "tool", "content": "1", "tool_name": "run"}),
                ],
            ),
        };
        assert_eq!(body["tools"], tools, "{kind}");
        let messages = body[field].as_array().unwrap();
        assert_eq!(messages[messages.len() - 2..], last, "{kind}");
    }
}

#[test]
fn a_tool_call_with_invalid_json_is_kept_and_a_cut_off_one_dropped() {
    let server = ModelServer::start(|request| {
        let piece = |arguments: &str, end: &str| {
            json!({"choices": [{"delta": {"tool_calls": [{"index": 0, "id": "c1",
                "function": {"name": "run", "arguments": arguments}}]}, "finish_reason": end}]})
        };
        let (arguments, end) = match request.number {
            0 => ("{\"code\": ", "tool_calls"),
            1 => ("", "tool_calls"),
            _ => ("{\"code\": ", "length"),
        };
        Reply::raw(200, request.stream_type(), [request.event(&piece(arguments, end))])
    });
    let connection = connection_to("openai", &server, "");
    assert_eq!(ask(&connection).result.unwrap().calls[0].arguments, json!("{\"code\": "));
    // Missing arguments are empty, not an error.
    assert_eq!(ask(&connection).result.unwrap().calls[0].arguments, json!({}));
    let cut = ask(&connection).result.unwrap();
    assert_eq!((cut.outcome, cut.calls), (Outcome::Cut, vec![]));
}
