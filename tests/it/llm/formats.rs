//! The requests and the parsing of answers in each wire format.

use super::*;

#[test]
fn an_answer_sent_byte_by_byte_is_complete() {
    for kind in KINDS {
        let server = ModelServer::start(|request| Reply::to(request, TEXT).byte_by_byte());
        let answer = ask(&connection_to(kind, &server, "retries: 0")).result.unwrap();
        assert_eq!(answer.text, TEXT, "{kind}");
        assert_eq!(answer.outcome, Outcome::Whole, "{kind}");
        let count = Usage { prompt: 10, answer: TEXT.len().div_ceil(4) as u64, ..Usage::default() };
        assert_eq!(answer.usage, count, "{kind}");
    }
}

#[test]
fn the_outcome_of_an_answer_is_read_in_every_format() {
    let cases: [(&str, Outcome, &str, &str); 31] = [
        (
            "openai",
            Outcome::Whole,
            "t",
            r#"{"choices":[{"delta":{"content":"t"},"finish_reason":"stop"}]}"#,
        ),
        (
            "openai",
            Outcome::Cut,
            "t",
            r#"{"choices":[{"delta":{"content":"t"},"finish_reason":"length"}]}"#,
        ),
        ("openai", Outcome::Refused, "", r#"{"choices":[{"finish_reason":"content_filter"}]}"#),
        (
            "openai",
            Outcome::Whole,
            "t",
            "{\"choices\":[{\"delta\":{\"content\":\"t\"},\"finish_reason\":\"\"}]}\n\ndata: [DONE]",
        ),
        (
            "anthropic",
            Outcome::Cut,
            "",
            r#"{"type":"message_delta","delta":{"stop_reason":"max_tokens"}}"#,
        ),
        (
            "anthropic",
            Outcome::Refused,
            "",
            r#"{"type":"message_delta","delta":{"stop_reason":"refusal"}}"#,
        ),
        (
            "anthropic",
            Outcome::Whole,
            "t",
            "{\"type\":\"content_block_start\",\"content_block\":{\"text\":\"t\"}}\n\ndata: {\"type\":\"message_stop\"}",
        ),
        (
            "ollama",
            Outcome::Whole,
            "t",
            r#"{"message":{"content":"t"},"done":true,"done_reason":"stop"}"#,
        ),
        ("ollama", Outcome::Whole, "t", r#"{"message":{"content":"t"},"done":true}"#),
        (
            "ollama",
            Outcome::Cut,
            "t",
            r#"{"message":{"content":"t"},"done":true,"done_reason":"length"}"#,
        ),
        (
            "openai",
            Outcome::Refused,
            "no",
            "{\"choices\":[{\"delta\":{\"refusal\":\"no\"}}]}\n\ndata: {\"choices\":[{\"finish_reason\":\"stop\"}]}",
        ),
        (
            "responses",
            Outcome::Whole,
            "t",
            "{\"type\":\"response.output_text.delta\",\"delta\":\"t\"}\n\ndata: {\"type\":\"response.completed\",\"response\":{}}",
        ),
        (
            "responses",
            Outcome::Cut,
            "",
            r#"{"type":"response.incomplete","response":{"incomplete_details":{"reason":"max_output_tokens"}}}"#,
        ),
        (
            "responses",
            Outcome::Refused,
            "",
            r#"{"type":"response.incomplete","response":{"incomplete_details":{"reason":"content_filter"}}}"#,
        ),
        (
            "responses",
            Outcome::Refused,
            "no",
            "{\"type\":\"response.refusal.delta\",\"delta\":\"no\"}\n\ndata: {\"type\":\"response.completed\",\"response\":{}}",
        ),
        (
            "gemini",
            Outcome::Whole,
            "t",
            r#"{"candidates":[{"content":{"parts":[{"text":"t"}]},"finishReason":"STOP"}]}"#,
        ),
        ("gemini", Outcome::Cut, "", r#"{"candidates":[{"finishReason":"MAX_TOKENS"}]}"#),
        ("gemini", Outcome::Refused, "", r#"{"candidates":[{"finishReason":"SAFETY"}]}"#),
        ("gemini", Outcome::Refused, "", r#"{"promptFeedback":{"blockReason":"SAFETY"}}"#),
        ("completion", Outcome::Cut, "t", r#"{"choices":[{"text":"t","finish_reason":"length"}]}"#),
        ("completion", Outcome::Whole, "t", "{\"choices\":[{\"text\":\"t\"}]}\n\ndata: [DONE]"),
        // The server continues after its own end marker, against the format.
        (
            "completion",
            Outcome::Whole,
            "t",
            "{\"choices\":[{\"text\":\"t<|im_e\"}]}\n\ndata: {\"choices\":[{\"text\":\"nd|>\\nno\"}]}",
        ),
        (
            "completion",
            Outcome::Whole,
            "t<|im",
            "{\"choices\":[{\"text\":\"t<|im\"}]}\n\ndata: [DONE]",
        ),
        // Answers that are not streamed, although a stream was requested.
        (
            "responses json",
            Outcome::Whole,
            "t",
            r#"{"object":"response","output":[{"type":"reasoning","summary":[{"type":"summary_text","text":"hm"}]},{"type":"message","content":[{"type":"output_text","text":"t"}]}]}"#,
        ),
        (
            "gemini json",
            Outcome::Whole,
            "st",
            r#"[{"candidates":[{"content":{"parts":[{"text":"s"}]}}]},{"candidates":[{"content":{"parts":[{"text":"t"}]},"finishReason":"STOP"}]}]"#,
        ),
        ("completion json", Outcome::Whole, "t", r#"{"choices":[{"text":"t"}]}"#),
        (
            "completion json",
            Outcome::Cut,
            "t",
            r#"{"choices":[{"text":"t","finish_reason":"length"}]}"#,
        ),
        (
            "completion json",
            Outcome::Whole,
            "t",
            r#"{"choices":[{"text":"t<|im_end|>\nand more","finish_reason":"stop"}]}"#,
        ),
        (
            "completion json",
            Outcome::Whole,
            "t<|",
            r#"{"choices":[{"text":"t<|","finish_reason":"stop"}]}"#,
        ),
        (
            "openai json",
            Outcome::Whole,
            "t",
            r#"{"choices":[{"message":{"content":"t"},"finish_reason":"stop"}]}"#,
        ),
        (
            "anthropic json",
            Outcome::Cut,
            "t",
            r#"{"type":"message","content":[{"type":"text","text":"t"}],"stop_reason":"max_tokens"}"#,
        ),
    ];
    for (kind, outcome, text, body) in cases {
        let (kind, whole) = kind.split_once(' ').map_or((kind, false), |(kind, _)| (kind, true));
        let server = ModelServer::start(move |request| {
            if whole {
                Reply::raw(200, "application/json", [body])
            } else if kind == "ollama" {
                Reply::raw(200, request.stream_type(), [body])
            } else {
                Reply::raw(200, request.stream_type(), [format!("data: {body}\n\n")])
            }
        });
        let answer = ask(&connection_to(kind, &server, "retries: 0")).result.unwrap();
        assert_eq!((answer.outcome, answer.text.as_str()), (outcome, text), "{body}");
        assert!(answer.usage.estimated && answer.usage.prompt > 0, "{body}");
    }
}

#[test]
fn json_that_is_not_an_answer_is_reported() {
    let server = ModelServer::start(|_| Reply::raw(200, "application/json", ["{\"ok\": true}"]));
    for kind in ["openai", "responses", "anthropic", "gemini", "completion"] {
        let error = ask(&connection_to(kind, &server, "")).result.unwrap_err();
        assert!(error.to_string().contains("sent other JSON"), "{kind}: {error}");
    }
}

#[test]
fn an_answer_is_complete_at_its_finish_reason_whatever_follows() {
    let end = r#"data: {"choices":[{"delta":{"content":"t"},"finish_reason":"stop"}]}"#;
    for after in ["drop", "hang", "data: {nonsense}\n\n", "data: {\"choices\":"] {
        let server = ModelServer::start(move |request| {
            let reply = Reply::raw(200, request.stream_type(), [format!("{end}\n\n")]);
            match after {
                "drop" => reply.then_drop(),
                "hang" => reply.then_hang(),
                more => reply.then_repeat(more.as_bytes(), 1),
            }
        });
        let answer = ask(&connection_to("openai", &server, "retries: 0")).result.unwrap();
        assert_eq!(answer.text, "t", "{after}");
    }
}

#[test]
fn thinking_is_kept_apart_from_the_answer() {
    let cases = [
        ("openai", r#"{"choices":[{"delta":{"reasoning_content":"hm","reasoning":"hm"}}]}"#),
        ("openai", r#"{"choices":[{"delta":{"reasoning":"hm","content":""}}]}"#),
        (
            "anthropic",
            r#"{"type":"content_block_delta","delta":{"type":"thinking_delta","thinking":"hm"}}"#,
        ),
        ("ollama", r#"{"message":{"thinking":"hm","content":""},"done":false}"#),
        ("responses", r#"{"type":"response.reasoning_text.delta","delta":"hm"}"#),
        ("responses", r#"{"type":"response.reasoning_summary_text.delta","delta":"hm"}"#),
        ("gemini", r#"{"candidates":[{"content":{"parts":[{"text":"hm","thought":true}]}}]}"#),
    ];
    for (kind, thought) in cases {
        let server = ModelServer::start(move |request| {
            let thought = request.event(&serde_json::from_str(thought).unwrap());
            let said = request.text_event("<think>x</think>yes");
            let end = match kind {
                "openai" => request.event(&json!({"choices": [{"finish_reason": "stop"}]})),
                "anthropic" => request.event(&json!({"type": "message_stop"})),
                "responses" => request.event(&json!({"type": "response.completed"})),
                "gemini" => request.event(&json!({"candidates": [{"finishReason": "STOP"}]})),
                _ => request.event(&json!({"done": true})),
            };
            Reply::raw(200, request.stream_type(), [thought, said, end])
        });
        let seen = ask(&connection_to(kind, &server, "retries: 0"));
        let answer = seen.result.unwrap();
        let said = (answer.reasoning.as_str(), answer.text.as_str());
        assert_eq!(said, ("hm", "<think>x</think>yes"), "{kind}");
        assert_eq!(seen.news, ["thought hm", "text <think>x</think>yes"], "{kind}");
    }
}

#[test]
fn each_request_has_its_format_s_path_and_body() {
    for kind in KINDS {
        let server = ModelServer::with_key(Some(KEY), |request| Reply::to(request, TEXT));
        ask(&connection_to(kind, &server, "")).result.unwrap();
        let sent = &server.received()[0];
        let (path, body) = match kind {
            "openai" => (
                "/chat/completions",
                json!({"model": "m", "temperature": 0.5,
                "max_tokens": 100, "stream": true, "stream_options": {"include_usage": true},
                "messages": [{"role": "system", "content": "be brief"},
                    {"role": "user", "content": "a clock"}]}),
            ),
            "anthropic" => (
                "/v1/messages",
                json!({"model": "m", "temperature": 0.5,
                "max_tokens": 100, "stream": true,
                "system": [{"type": "text", "text": "be brief",
                    "cache_control": {"type": "ephemeral"}}],
                "messages": [{"role": "user", "content": "a clock"}]}),
            ),
            "responses" => (
                "/responses",
                json!({"model": "m", "temperature": 0.5, "max_output_tokens": 100,
                "stream": true, "store": false, "instructions": "be brief",
                "input": [{"type": "message", "role": "user", "content": "a clock"}]}),
            ),
            "gemini" => (
                "/models/m:streamGenerateContent?alt=sse",
                json!({"generationConfig": {"temperature": 0.5, "maxOutputTokens": 100},
                "systemInstruction": {"parts": [{"text": "be brief"}]},
                "contents": [{"role": "user", "parts": [{"text": "a clock"}]}]}),
            ),
            "completion" => (
                "/v1/completions",
                json!({"model": "m", "temperature": 0.5, "max_tokens": 100, "stream": true,
                "stop": ["<|im_end|>", "<|endoftext|>"],
                "prompt": "<|im_start|>system\nbe brief<|im_end|>\n<|im_start|>user\na clock\
                    <|im_end|>\n<|im_start|>assistant\n"}),
            ),
            _ => (
                "/api/chat",
                json!({"model": "m", "stream": true,
                "options": {"num_ctx": 8192, "temperature": 0.5, "num_predict": 100},
                "messages": [{"role": "system", "content": "be brief"},
                    {"role": "user", "content": "a clock"}]}),
            ),
        };
        assert_eq!((sent.path.as_str(), &sent.body), (path, &body));
    }
}

#[test]
fn a_field_that_the_server_refuses_is_left_out() {
    let server = ModelServer::start(|request| {
        for field in ["stream_options", "temperature"] {
            if !request.body[field].is_null() {
                return Reply::refusal(400, &format!("unsupported: '{field}'"));
            }
        }
        Reply::to(request, TEXT)
    });
    let answer = ask(&connection_to("openai", &server, "retries: 0")).result.unwrap();
    assert_eq!((answer.attempts, server.received().len()), (1, 3));
}

#[test]
fn a_raw_prompt_request_has_the_configured_fields() {
    let cases = [
        // llama.cpp's own endpoint.
        (
            "template: llama3, stop: ['###'], fields: {max_tokens: n_predict, answer: content, \
             model: ''}, extra: {cache_prompt: true}",
            json!({"prompt": "<|start_header_id|>system<|end_header_id|>\n\nbe brief<|eot_id|>\
                <|start_header_id|>user<|end_header_id|>\n\na clock<|eot_id|>\
                <|start_header_id|>assistant<|end_header_id|>\n\n", "n_predict": 100,
                "temperature": 0.5, "stop": ["<|eot_id|>", "<|end_of_text|>", "###"],
                "stream": true, "cache_prompt": true}),
            r#"data: {"content":"t","stop":false}

data: {"content":"","stop":true,"stop_type":"eos","tokens_evaluated":7,"tokens_predicted":1}

"#,
        ),
        // The endpoint of text-generation-inference.
        (
            "template: '{{ system }}: {{ turns[0].content }}', fields: {prompt: inputs, \
             max_tokens: /parameters/max_new_tokens, temperature: /parameters/temperature, \
             stop: /parameters/stop, model: '', answer: /token/text}",
            json!({"inputs": "be brief: a clock", "stream": true,
                "parameters": {"max_new_tokens": 100, "temperature": 0.5, "stop": []}}),
            r#"data: {"token":{"text":"t"},"generated_text":null,"details":null}

data: {"token":{"text":""},"generated_text":"t","details":{"finish_reason":"eos_token"}}

"#,
        ),
    ];
    for (settings, body, answer) in cases {
        let server = ModelServer::start(move |_| Reply::raw(200, "text/event-stream", [answer]));
        let url = format!("base_url: '{}/generate', {settings}", server.base_url());
        let answer = ask(&connection("completion", &url)).result.unwrap();
        assert_eq!((answer.text.as_str(), &server.received()[0].body), ("t", &body));
    }
}

#[test]
fn extra_fields_override_those_of_the_format() {
    for kind in KINDS {
        let server = ModelServer::start(|request| Reply::to(request, TEXT));
        let settings = "extra: {seed: 7, model: other, nested: {a: [1, x]}}";
        ask(&connection_to(kind, &server, settings)).result.unwrap();
        let body = &server.received()[0].body;
        assert_eq!((&body["seed"], &body["model"]), (&json!(7), &json!("other")), "{kind}");
        assert_eq!(body["nested"], json!({"a": [1, "x"]}), "{kind}");
    }
}

#[test]
fn max_completion_tokens_is_used_if_the_model_asks_for_it() {
    let server = ModelServer::start(|request| {
        if request.body["max_tokens"].is_null() {
            return Reply::to(request, TEXT);
        }
        Reply::refusal(400, "'max_tokens' is not supported. Use 'max_completion_tokens' instead.")
    });
    ask(&connection_to("openai", &server, "retries: 0")).result.unwrap();
    assert_eq!(server.received()[1].body["max_completion_tokens"], 100);
}

#[test]
fn cached_tokens_are_counted() {
    let cases = [
        (
            "openai",
            r#"{"choices":[{"message":{"content":"t"}}],"usage":{"prompt_tokens":9,"completion_tokens":2,"prompt_tokens_details":{"cached_tokens":5}}}"#,
        ),
        (
            "responses",
            r#"{"object":"response","output":[{"content":[{"text":"t"}]}],"usage":{"input_tokens":9,"output_tokens":2,"input_tokens_details":{"cached_tokens":5}}}"#,
        ),
        // Tokens written to and read from the cache are not included in `input_tokens`.
        (
            "anthropic",
            r#"{"type":"message","content":[{"text":"t"}],"usage":{"input_tokens":3,"cache_creation_input_tokens":1,"cache_read_input_tokens":5,"output_tokens":2}}"#,
        ),
        // Reasoning tokens are billed like answer tokens.
        (
            "gemini",
            r#"{"candidates":[{"content":{"parts":[{"text":"t"}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":9,"cachedContentTokenCount":5,"candidatesTokenCount":1,"thoughtsTokenCount":1}}"#,
        ),
    ];
    for (kind, body) in cases {
        let server = ModelServer::start(move |_| Reply::raw(200, "application/json", [body]));
        let answer = ask(&connection_to(kind, &server, "retries: 0")).result.unwrap();
        let counted = Usage { prompt: 9, answer: 2, cached: 5, estimated: false };
        assert_eq!((answer.usage, answer.text.as_str()), (counted, "t"), "{kind}");
    }
}

#[test]
fn an_answer_that_reached_its_token_limit_is_cut() {
    for (answer, outcome) in [(99, Outcome::Whole), (100, Outcome::Cut), (101, Outcome::Cut)] {
        let server = ModelServer::start(move |request| {
            let end = json!({"type": "response.completed",
                "response": {"usage": {"input_tokens": 9, "output_tokens": answer}}});
            Reply::raw(200, request.stream_type(), [request.text_event("t"), request.event(&end)])
        });
        let said = ask(&connection_to("responses", &server, "retries: 0")).result.unwrap();
        assert_eq!(said.outcome, outcome, "{answer}");
    }
}
