//! Deviations of real servers from the formats: finish reasons, texts, content types and errors in
//! other places.

use super::*;

/// A stream of exactly these objects, in the format of this kind of server.
fn stream(kind: &str, events: &[serde_json::Value]) -> String {
    let lines = kind == "ollama";
    let one = |event| if lines { format!("{event}\n") } else { format!("data: {event}\n\n") };
    events.iter().map(one).collect()
}

fn label(kind: &str) -> &'static str {
    if kind == "ollama" { "application/x-ndjson" } else { "text/event-stream" }
}

/// An answer with the text `half` and this finish reason, in the format of this kind of server.
fn ended(kind: &str, reason: &str) -> Vec<serde_json::Value> {
    match kind {
        "openai" => vec![
            json!({"choices": [{"delta": {"content": "half"}, "finish_reason": null}]}),
            json!({"choices": [{"delta": {}, "finish_reason": reason}]}),
        ],
        "responses" => vec![
            json!({"type": "response.output_text.delta", "delta": "half"}),
            json!({"type": "response.completed", "response": {"status": reason}}),
        ],
        "anthropic" => vec![
            json!({"type": "content_block_delta", "delta": {"type": "text_delta", "text": "half"}}),
            json!({"type": "message_delta", "delta": {"stop_reason": reason}}),
            json!({"type": "message_stop"}),
        ],
        "gemini" => vec![json!({"candidates": [{"content": {"parts": [{"text": "half"}]},
            "finishReason": reason}]})],
        "ollama" => {
            vec![json!({"message": {"content": "half"}, "done": true, "done_reason": reason})]
        }
        _ => vec![json!({"choices": [{"text": "half", "finish_reason": reason}]})],
    }
}

/// A server that always sends this body with this content type.
fn saying(status: u16, label: &'static str, body: String) -> ModelServer {
    ModelServer::start(move |request| {
        if request.is_list() {
            return Reply::refusal(404, "no such page");
        }
        Reply::raw(status, label, [&body])
    })
}

fn answer_to(kind: &str, label: &'static str, body: String) -> Result<Answer, CallError> {
    let server = saying(200, label, body);
    ask(&connection_to(kind, &server, "retries: 0")).result
}

#[test]
fn only_known_finish_reasons_complete_an_answer_in_every_format() {
    let shared = [
        ("max_tokens", Outcome::Cut),
        ("MAX_TOKENS", Outcome::Cut),
        ("model_length", Outcome::Cut),
        ("content_filter", Outcome::Refused),
        ("SAFETY", Outcome::Refused),
        ("abort", Outcome::Cut),
        ("cancelled", Outcome::Cut),
        ("OTHER", Outcome::Cut),
        ("insufficient_system_resource", Outcome::Cut),
    ];
    for kind in KINDS {
        for (reason, outcome) in shared {
            let body = stream(kind, &ended(kind, reason));
            let answer = answer_to(kind, label(kind), body).unwrap();
            assert_eq!(
                (answer.outcome, answer.text.as_str()),
                (outcome, "half"),
                "{kind} {reason}"
            );
            // An unknown reason is named in a note.
            let known = ["max_tokens", "MAX_TOKENS", "model_length", "content_filter", "SAFETY"];
            let told = answer.notes.iter().any(|note| note.contains(&format!("`{reason}`")));
            assert_eq!(told, !known.contains(&reason), "{kind} {reason}: {:?}", answer.notes);
        }
    }
    for (kind, reasons) in [
        ("openai", &["stop", "tool_calls", "function_call", "eos", "end_turn", "STOP"][..]),
        ("responses", &["completed"]),
        ("anthropic", &["end_turn", "stop_sequence", "tool_use"]),
        ("gemini", &["STOP"]),
        ("ollama", &["stop"]),
        ("completion", &["stop", "eos_token", "stop_sequence", "eos"]),
    ] {
        for reason in reasons {
            let answer = answer_to(kind, label(kind), stream(kind, &ended(kind, reason))).unwrap();
            assert_eq!(answer.outcome, Outcome::Whole, "{kind} {reason}");
            assert!(answer.notes.is_empty(), "{:?}", answer.notes);
        }
    }
}

#[test]
fn a_response_is_complete_only_if_its_status_says_so() {
    let end = |kind: &str, response: serde_json::Value| {
        let said = json!({"type": "response.output_text.delta", "delta": "half"});
        stream("responses", &[said, json!({"type": kind, "response": response})])
    };
    let part = json!({"status": "completed", "output": [
        {"type": "message", "status": "incomplete", "content": []}]});
    for (body, outcome) in [
        (end("response.completed", json!({"status": "completed"})), Outcome::Whole),
        (end("response.completed", json!({"status": "incomplete"})), Outcome::Cut),
        (end("response.completed", json!({"status": "cancelled"})), Outcome::Cut),
        (end("response.completed", json!({"status": "in_progress"})), Outcome::Cut),
        (end("response.completed", json!({"incomplete_details": {"reason": "new"}})), Outcome::Cut),
        (end("response.completed", part), Outcome::Cut),
        (end("response.incomplete", json!({})), Outcome::Cut),
        (
            end(
                "response.incomplete",
                json!({"status": "incomplete", "incomplete_details": {
            "reason": "content_filter"}}),
            ),
            Outcome::Refused,
        ),
    ] {
        let answer = answer_to("responses", "text/event-stream", body.clone()).unwrap();
        assert_eq!(answer.outcome, outcome, "{body}");
    }
    for response in [
        json!({"status": "failed", "error": {"message": "on fire"}}),
        json!({"status": "failed", "error": null}),
    ] {
        let body = end("response.completed", response);
        let error = answer_to("responses", "text/event-stream", body.clone()).unwrap_err();
        assert!(error.to_string().contains("reported an error"), "{body}: {error}");
    }
}

#[test]
fn text_parts_are_joined_and_thinking_parts_kept_apart() {
    let parts = json!([
        {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
        {"type": "text", "text": "ye"},
        {"type": "text", "text": "s"},
    ]);
    for (kind, body) in [
        (
            "openai",
            stream(
                "openai",
                &[
                    json!({"choices": [{"delta": {"content": parts}}]}),
                    json!({"choices": [{"delta": {}, "finish_reason": "stop"}]}),
                ],
            ),
        ),
        ("openai", json!({"choices": [{"message": {"content": parts}}]}).to_string()),
        (
            "openai",
            json!({"choices": [{"message": {"reasoning": {"text": "hm"},
            "content": {"type": "text", "text": "yes"}}}]})
            .to_string(),
        ),
        // A server that repeats the whole text in each event, and one that repeats it at the end.
        (
            "openai",
            stream(
                "openai",
                &[
                    json!({"choices": [{"delta": {"reasoning_content": "hm"}, "message": {"content": ""}}]}),
                    json!({"choices": [{"delta": {"content": "ye"}, "message": {"content": "ye"}}]}),
                    json!({"choices": [{"delta": {"content": "s"}, "message": {"content": "yes"}}]}),
                    json!({"choices": [{"message": {"content": "yes"}, "finish_reason": "stop"}]}),
                ],
            ),
        ),
        ("ollama", json!({"message": {"content": parts}, "done": true}).to_string()),
        (
            "anthropic",
            json!({"type": "message", "content": parts, "stop_reason": "end_turn"}).to_string(),
        ),
        (
            "responses",
            stream(
                "responses",
                &[json!({"type": "response.completed", "response": {
            "status": "completed", "output": [
                {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]},
                {"type": "message", "content": [{"type": "output_text", "text": "yes"}]}]}})],
            ),
        ),
    ] {
        let answer = answer_to(kind, label(kind), body.clone()).unwrap();
        let said = (answer.text.as_str(), answer.reasoning.as_str(), answer.outcome);
        assert_eq!(said, ("yes", "hm", Outcome::Whole), "{body}");
        assert!(answer.notes.is_empty(), "{:?}", answer.notes);
    }
}

#[test]
fn an_answer_sent_as_thinking_is_used_with_a_note() {
    let openai = |name: &str| {
        let mut delta = json!({"content": ""});
        delta[name] = "print(1)".into();
        vec![
            json!({"choices": [{"delta": delta}]}),
            json!({"choices": [{"delta": {}, "finish_reason": "stop"}]}),
        ]
    };
    for (kind, events) in [
        ("openai", openai("reasoning_content")),
        ("openai", openai("reasoning")),
        (
            "openai",
            vec![json!({"choices": [{"message": {"reasoning_content": "print(1)",
            "content": null}, "finish_reason": "stop"}]})],
        ),
        (
            "ollama",
            vec![
                json!({"message": {"content": "", "thinking": "print(1)"}, "done": false}),
                json!({"message": {"content": ""}, "done": true, "done_reason": "stop"}),
            ],
        ),
        (
            "anthropic",
            vec![
                json!({"type": "content_block_delta", "delta": {"type": "thinking_delta",
                "thinking": "print(1)"}}),
                json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}}),
                json!({"type": "message_stop"}),
            ],
        ),
        (
            "responses",
            vec![
                json!({"type": "response.reasoning_text.delta", "delta": "print(1)"}),
                json!({"type": "response.completed", "response": {"status": "completed"}}),
            ],
        ),
        (
            "gemini",
            vec![json!({"candidates": [{"content": {"parts": [{"text": "print(1)",
            "thought": true}]}, "finishReason": "STOP"}]})],
        ),
    ] {
        let server = saying(200, label(kind), stream(kind, &events));
        let seen = ask(&connection_to(kind, &server, ""));
        let answer = seen.result.unwrap();
        assert_eq!((answer.text.as_str(), answer.attempts), ("print(1)", 1), "{kind}");
        assert_eq!(seen.news.last().map(String::as_str), Some("text print(1)"), "{kind}");
        let [note] = &answer.notes[..] else { panic!("{:?}", answer.notes) };
        assert!(note.contains("as a thought") && note.contains("set"), "{note}");
    }
    // Reasoning that hits the token limit is not an answer.
    let cut =
        json!({"choices": [{"message": {"reasoning": "print(1)"}, "finish_reason": "length"}]});
    let answer = answer_to("openai", "application/json", cut.to_string()).unwrap();
    assert_eq!((answer.text.as_str(), answer.outcome), ("", Outcome::Cut));
}

#[test]
fn a_body_is_parsed_by_content_whatever_its_content_type() {
    for kind in KINDS {
        for label in [
            "application/json",
            "text/plain; charset=utf-8",
            "application/octet-stream",
            "text/html",
            "application/x-ndjson",
            "text/event-stream",
            "",
        ] {
            let server = ModelServer::start(move |request| {
                Reply::to(request, TEXT).byte_by_byte().labelled(label)
            });
            let answer = ask(&connection_to(kind, &server, "retries: 0")).result;
            let answer = answer.unwrap_or_else(|error| panic!("{kind} {label}: {error}"));
            assert_eq!((answer.text.as_str(), answer.outcome), (TEXT, Outcome::Whole), "{kind}");
        }
    }
}

#[test]
fn stream_framing_and_odd_events_do_not_change_the_answer() {
    let piece = |text: &str| format!(r#"{{"choices":[{{"delta":{{"content":"{text}"}}}}]}}"#);
    let end = r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#;
    let (a, b) = (piece("a"), piece("b"));
    let logprobs = r#"{"choices":[{"delta":{"content":"b"},"logprobs":{"content":[
        {"token":"b","logprob":-Infinity,"top":[NaN]}]}}]}"#
        .replace('\n', "");
    for (body, text) in [
        (format!("data: {a}\r\n\r\ndata: {b}\r\n\r\ndata: {end}\r\n\r\n"), "ab"),
        (format!("data: {a}\r\rdata: {b}\r\rdata: {end}\r\r"), "ab"),
        (format!("data: {a}\ndata: {b}\ndata: {end}\n"), "ab"),
        (format!("\u{feff}data: {a}\n\ndata: {b}\n\ndata: {end}\n\n"), "ab"),
        (format!(": hello\n\nevent: x\ndata: {a}\n\n: ping\n\ndata: {b}\n\ndata: {end}\n\n"), "ab"),
        (
            format!(
                "data: null\n\ndata: {a}\n\ndata: {{\"choices\":null}}\n\ndata: {b}\n\ndata: {end}\n\n"
            ),
            "ab",
        ),
        (
            format!("data: {a}\n\ndata: {}\n\ndata: {end}\n\n", b.replacen(":[", ":\ndata: [", 1)),
            "ab",
        ),
        (format!("data: {a}\n\ndata: {logprobs}\n\ndata: {end}\n\n"), "ab"),
        (
            format!("data: {}\n\ndata: {}\n\ndata: {end}\n\n", piece(r"\ud83d"), piece(r"\ude00")),
            "😀",
        ),
        (
            format!("data: {}\n\ndata: {}\n\ndata: {end}\n\n", piece(r"x\ud83d"), piece("y")),
            "x\u{fffd}y",
        ),
        (format!("data: {a}\n\ndata: {b}\n\ndata: {end}"), "ab"),
        (format!("{a}\n{b}\n{end}\n"), "ab"),
        (
            format!(
                "data: {a}\n\ndata: {}\n\ndata: {end}\n\n",
                b.replacen('{', "{\"error\":{},", 1)
            ),
            "ab",
        ),
    ] {
        let answer = answer_to("openai", "text/event-stream", body.clone());
        let answer = answer.unwrap_or_else(|error| panic!("{body:?}: {error}"));
        assert_eq!((answer.text.as_str(), answer.outcome), (text, Outcome::Whole), "{body:?}");
    }
}

#[test]
fn an_error_inside_a_200_answer_is_reported_in_the_server_s_words() {
    let long = "maximum context length is 4096 tokens";
    for (body, words) in [
        (json!({"detail": "slow down"}), "slow down"),
        (json!({"object": "error", "message": "slow down", "code": 400}), "slow down"),
        (json!({"base_resp": {"status_code": 1004, "status_msg": "slow down"}}), "slow down"),
        (json!({"code": "Throttling.User", "message": "slow down"}), "slow down"),
        (json!({"error_type": "BadRequestError", "error_message": long}), "of 4096 tokens"),
        (json!({"object": "error", "message": long, "code": 400}), "of 4096 tokens"),
        (json!({"detail": [{"msg": long}]}), "of 4096 tokens"),
    ] {
        for kind in KINDS {
            for (label, text) in [
                ("application/json", body.to_string()),
                ("text/event-stream", format!("data: {body}\n\ndata: [DONE]\n\n")),
            ] {
                let error = answer_to(kind, label, text.clone()).unwrap_err().to_string();
                assert!(error.contains(words), "{kind} {text}: {error}");
            }
        }
    }
    for kind in KINDS {
        for (data, words) in [
            ("slow down", "slow down"),
            (r#"{"message": "slow down"}"#, "slow down"),
            (r#"{"error": {"message": "prompt is too long: 9 > 7 maximum"}}"#, "of 7 tokens"),
        ] {
            let body = format!("event: error\ndata: {data}\n\n");
            let error = answer_to(kind, "text/event-stream", body.clone()).unwrap_err().to_string();
            assert!(error.contains(words), "{kind} {body}: {error}");
            // The same body with an error status.
            let server = saying(500, "text/event-stream", body.clone());
            let seen = ask(&connection_to(kind, &server, "retries: 0"));
            let error = seen.result.unwrap_err().to_string();
            assert!(error.contains(words) && !error.contains("data:"), "{kind} {body}: {error}");
        }
    }
}

#[test]
fn a_token_count_of_zero_is_replaced_by_an_estimate() {
    for (usage, estimated) in [
        (json!({"prompt_tokens": 0, "completion_tokens": 0}), true),
        (json!({"prompt_tokens": 0, "completion_tokens": 7}), true),
        (json!({"prompt_tokens": 7, "completion_tokens": 0}), true),
        (json!({"prompt_tokens": 7, "completion_tokens": 7}), false),
        (json!({}), true),
    ] {
        let body = json!({"choices": [{"message": {"content": "a few words"}}], "usage": usage});
        let answer = answer_to("openai", "application/json", body.to_string()).unwrap();
        let Usage { prompt, answer, estimated: is_estimate, .. } = answer.usage;
        assert!(prompt > 0 && answer > 0, "{usage}");
        assert_eq!(is_estimate, estimated, "{usage}");
    }
    // A later count of zero does not replace a real one.
    let events = [
        json!({"choices": [{"delta": {"content": "a"}}],
            "usage": {"prompt_tokens": 9, "completion_tokens": 1}}),
        json!({"choices": [{"delta": {}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 0, "completion_tokens": 0}}),
    ];
    let answer = answer_to("openai", "text/event-stream", stream("openai", &events)).unwrap();
    assert_eq!((answer.usage.prompt, answer.usage.estimated), (9, false));
}

#[test]
fn transient_statuses_are_retried_and_an_exhausted_quota_is_not() {
    for status in [408, 409, 520, 522, 524] {
        let server = ModelServer::start(move |request| {
            if request.number == 0 { Reply::refusal(status, "m") } else { Reply::to(request, TEXT) }
        });
        let answer = ask(&connection_to("openai", &server, "")).result.unwrap();
        assert_eq!(answer.attempts, 2, "{status}");
    }
    for body in [
        json!({"error": {"code": "insufficient_quota", "message": "m"}}),
        json!({"error": {"type": "insufficient_quota", "code": null, "message": "m"}}),
        json!({"error": {"code": "billing_hard_limit_reached", "message": "m"}}),
    ] {
        let server = saying(429, "application/json", body.to_string());
        let error = ask(&connection_to("openai", &server, "")).result.unwrap_err().to_string();
        assert!(error.contains("no credit left"), "{body}: {error}");
        assert_eq!(server.received().len(), 1, "{body}");
    }
}

#[test]
fn a_refused_model_is_not_suggested_in_place_of_itself() {
    let server = ModelServer::start(|request| {
        if request.is_list() {
            return Reply::models(&["m", "m-1"]);
        }
        Reply::refusal(404, "model 'm' not found")
    });
    let error = ask(&connection_to("openai", &server, "")).result.unwrap_err().to_string();
    assert!(error.ends_with("; it has `m-1`"), "{error}");
}

#[test]
fn earlier_turns_are_sent_in_the_format_of_the_responses_api() {
    let server = ModelServer::start(|request| Reply::to(request, TEXT));
    let mut asked = request();
    asked.messages.push(Message::assistant("I see", Vec::new()));
    asked.messages.push(Message::user("and?"));
    ask_this(&connection_to("responses", &server, "retries: 0"), &asked).result.unwrap();
    assert_eq!(
        server.received()[0].body["input"],
        json!([
            {"type": "message", "role": "user", "content": "a clock"},
            {"type": "message", "role": "assistant",
                "content": [{"type": "output_text", "text": "I see"}]},
            {"type": "message", "role": "user", "content": "and?"},
        ])
    );
}
