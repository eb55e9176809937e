//! Every fault of a model server, in every wire format that goes over HTTP; and the models that do
//! without a server.

use crate::support::model_server;
use model_server::{ModelServer, Received, Reply};
use redraft::config::Config;
use redraft::domain::chat::{Agent, Message, Outcome, Request, Usage};
use redraft::llm::call::{Answer, CallError, CallErrorKind, News, call};
use redraft::llm::discover::{choose, discover_in};
use redraft::llm::library::{BUILT_IN, Library};
use redraft::llm::provider::{Connection, connect_in};
use redraft::llm::{Fault, Used};
use serde_json::json;
use std::future::Future;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

const KEY: &str = "sk-very-secret";

/// The wire formats, by the word in the configuration.
const KINDS: [&str; 3] = ["openai", "anthropic", "ollama"];

/// What the faked models say. A character of each length in UTF-8, and JSON escapes.
const TEXT: &str = "print(\"añ時🕐\\n\")\nend of it";

fn request() -> Request {
    Request {
        agent: Agent::Coder,
        messages: vec![Message::system("be brief"), Message::user("a clock")],
        temperature: 0.5,
        max_tokens: 100,
    }
}

fn connection(kind: &str, settings: &str) -> Connection {
    let text = format!("providers: {{p: {{kind: {kind}, retry_seconds: 0.001, {settings}}}}}");
    let config = Config::parse(&text, "test").unwrap();
    connect_in("p/m", &config, &Used::new(), &|_| Some(KEY.to_owned())).unwrap()
}

fn connection_to(kind: &str, server: &ModelServer, more: &str) -> Connection {
    let url = server.base_url();
    connection(kind, &format!("base_url: '{url}', api_key_env: K, {more}"))
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// What a caller sees of a call.
struct Seen {
    result: Result<Answer, CallError>,
    /// `text`, `thought` or `again`, in order.
    news: Vec<String>,
}

fn ask(connection: &Connection) -> Seen {
    let mut news = Vec::new();
    let mut on = |new: News<'_>| {
        news.push(match new {
            News::Text(text) => format!("text {text}"),
            News::Reasoning(text) => format!("thought {text}"),
            News::Retrying { why, attempt, .. } => format!("again {attempt}: {why}"),
        });
    };
    let cancel = CancellationToken::new();
    let (model, policy) = (&*connection.model, &connection.policy);
    let result = run(call(model, &request(), policy, &cancel, &mut on));
    Seen { result, news }
}

/// Part of a streamed answer in the wire format that was asked in: it lacks the end mark.
fn unfinished(request: &Received) -> Reply {
    let reply = Reply::to(request, "one two");
    // The start, a block and a ping come before the first text.
    reply.cut_to(if request.path == "/v1/messages" { 4 } else { 1 })
}

/// One event in the wire format that was asked in.
fn event(request: &Received, json: &serde_json::Value) -> String {
    if request.path == "/api/chat" { format!("{json}\n") } else { format!("data: {json}\n\n") }
}

fn stream_type(request: &Received) -> &'static str {
    if request.path == "/api/chat" { "application/x-ndjson" } else { "text/event-stream" }
}

/// A stream with these bytes after its beginning.
fn beginning_with(request: &Received, bytes: &[u8]) -> Reply {
    unfinished(request).then_repeat(bytes, 1)
}

/// An event with this text, for an answer of many of them.
fn text_event(request: &Received, text: &str) -> String {
    let json = match request.path.as_str() {
        "/chat/completions" => json!({"choices": [{"delta": {"content": text}}]}),
        "/v1/messages" => json!({"type": "content_block_delta",
            "delta": {"type": "text_delta", "text": text}}),
        _ => json!({"message": {"content": text}, "done": false}),
    };
    event(request, &json)
}

type Script = fn(&Received) -> Reply;

#[test]
fn a_fault_that_passes_is_met_with_another_try() {
    let scripts: [(&str, Script); 17] = [
        ("provider answered 429", |_| Reply::refusal(429, "slow down")),
        ("answered 429: slow down", |_| {
            Reply::refusal(429, "slow down").with_header("retry-after", "0")
        }),
        ("answered 500: Internal Server Error", |_| {
            Reply::raw(500, "text/html", ["<html>oops</html>"])
        }),
        ("answered 502", |_| Reply::refusal(502, "m")),
        ("answered 503: later", |_| Reply::raw(503, "text/plain", ["later"])),
        ("answered 504", |_| Reply::refusal(504, "m")),
        ("answered 529", |_| Reply::refusal(529, "Overloaded")),
        ("broke off", |r| unfinished(r).then_drop()),
        // The server ends the stream as if all was well, but there is no end mark.
        ("broke off", unfinished),
        ("broke off", |r| unfinished(r).unframed()),
        ("broke off", |r| beginning_with(r, b"data: {\"choices\": [{\"del").then_drop()),
        ("broke off", |r| beginning_with(r, b"data: {\"choices\": [{\"del").unframed()),
        ("not UTF-8", |r| beginning_with(r, b"data: \"\xff\xfe\"\n\n")),
        ("can't be read", |r| {
            beginning_with(r, b"data: {nonsense}\n\n").then_repeat(b"data: {}\n\n", 2)
        }),
        ("empty", |r| Reply::to(r, "")),
        ("empty", |r| Reply::to(r, " \n")),
        ("reported an error in its answer: Overloaded", |r| {
            let error = json!({"type": "error",
                "error": {"type": "overloaded_error", "message": "Overloaded"}});
            beginning_with(r, event(r, &error).as_bytes())
        }),
    ];
    for kind in KINDS {
        for (why, script) in scripts {
            let server = ModelServer::with_key(Some(KEY), move |request| {
                if request.number < 2 { script(request) } else { Reply::to(request, TEXT) }
            });
            let seen = ask(&connection_to(kind, &server, ""));
            let answer = seen.result.unwrap_or_else(|error| panic!("{kind} {why}: {error}"));
            assert_eq!((answer.text.as_str(), answer.attempts), (TEXT, 3), "{kind} {why}");
            let again: Vec<&String> =
                seen.news.iter().filter(|new| new.starts_with("again")).collect();
            assert_eq!(again.len(), 2, "{kind} {why}");
            assert!(again[0].starts_with("again 2: ") && again[0].contains(why), "{again:?}");
        }
    }
}

#[test]
fn a_fault_that_stays_is_told_at_once() {
    let scripts: [(&str, Script); 17] = [
        ("answered 400: bad", |_| Reply::refusal(400, "bad")),
        ("answered 402: pay", |_| Reply::refusal(402, "pay")),
        ("refused the key (401): no *** here", |_| Reply::refusal(401, "no sk-very-secret here")),
        ("refused the key (403)", |_| Reply::refusal(403, "m")),
        ("refused the key (400)", |_| {
            Reply::raw(
                400,
                "application/json",
                [r#"[{"error": {"code": 400, "message": "API key not valid."}}]"#],
            )
        }),
        ("no model `m`: model 'm' not found", |_| Reply::refusal(404, "model 'm' not found")),
        ("answered 404: Not Found", |_| Reply::raw(404, "", ["<html>"])),
        ("answered 307: it redirects", |_| {
            Reply::refusal(307, "m").with_header("location", "http://127.0.0.1:1/")
        }),
        ("asks to wait 61 s", |_| Reply::refusal(429, "m").with_header("retry-after", "61")),
        ("sent `text/html` and not a model's answer", |_| {
            Reply::raw(200, "text/html; charset=utf-8", ["<html>Welcome!</html>"])
        }),
        ("sent `image/png` and not a model's answer", |_| Reply::raw(200, "image/png", ["\0"])),
        ("more than 1 MiB of text", |r| {
            let piece = text_event(r, &"x".repeat(1 << 14));
            Reply::raw(200, stream_type(r), [""]).then_repeat(piece.as_bytes(), 1 << 10)
        }),
        ("a line of more than 4 MiB", |r| {
            Reply::raw(200, stream_type(r), ["data: {\"choices\": \""])
                .then_repeat(&[b'x'; 1 << 14], 1 << 10)
        }),
        ("reported an error in its answer: no", |r| {
            let error = json!({"type": "error",
                "error": {"type": "invalid_request_error", "message": "no"}});
            beginning_with(r, event(r, &error).as_bytes())
        }),
        ("reported an error in its answer: ***", |r| {
            let error = json!({"type": "error", "error": {"code": 400, "message": KEY}});
            beginning_with(r, event(r, &error).as_bytes())
        }),
        ("answered 418: \\x1b[2J on one line", |_| Reply::refusal(418, "\u{1b}[2J on\none line")),
        ("answered 422: nnn", |_| Reply::refusal(422, &"n".repeat(10_000))),
    ];
    for kind in KINDS {
        for (why, script) in scripts {
            let server = ModelServer::with_key(Some(KEY), script);
            let seen = ask(&connection_to(kind, &server, ""));
            let error = seen.result.unwrap_err().to_string();
            assert!(error.contains(why), "{kind} {why}: {error}");
            assert_eq!(server.received().len(), 1, "{kind} {why}");
            assert!(error.chars().count() < 300 && !error.contains('\n'), "{kind}: {error}");
            for hidden in [KEY, "a clock", "be brief", "http://"] {
                assert!(!error.contains(hidden), "{kind}: {error}");
            }
        }
    }
}

#[test]
fn a_server_that_never_recovers_is_given_up() {
    for kind in KINDS {
        let server = ModelServer::start(|r| unfinished(r).then_drop());
        let seen = ask(&connection_to(kind, &server, "retries: 2"));
        let error = seen.result.unwrap_err();
        assert_eq!(error.kind, CallErrorKind::Failed(Fault::Truncated), "{kind}");
        assert_eq!(error.partial, "one ", "{kind}");
        assert_eq!(server.received().len(), 3, "{kind}");
    }
}

#[test]
fn a_server_that_is_not_there_is_named() {
    // The port was free a moment ago.
    let gone = ModelServer::start(|_| Reply::openai("")).base_url();
    for kind in KINDS {
        let connection = connection(kind, &format!("base_url: '{gone}', retries: 1"));
        let error = ask(&connection).result.unwrap_err();
        let CallErrorKind::Failed(Fault::Connect { server, reason }) = error.kind else {
            panic!("{kind}: {error}");
        };
        assert!(server.starts_with("127.0.0.1:") && reason.contains("refused"), "{reason}");
    }
}

#[test]
fn silence_ends_a_try_wherever_it_falls() {
    let scripts: [(&str, Script); 2] = [
        ("after the head", |r| Reply::raw(200, stream_type(r), [""]).then_hang()),
        ("in the middle", |r| unfinished(r).then_hang()),
    ];
    for kind in KINDS {
        for (place, script) in scripts {
            let server = ModelServer::start(move |request| {
                if request.number == 0 { script(request) } else { Reply::to(request, TEXT) }
            });
            let seen = ask(&connection_to(kind, &server, "timeout: 0.05"));
            assert_eq!(seen.result.unwrap().attempts, 2, "{kind} {place}");
            assert!(seen.news.iter().any(|new| new.contains("no answer for 0.05 s")), "{kind}");
        }
    }
}

#[test]
fn an_answer_in_the_smallest_pieces_is_whole() {
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
fn how_an_answer_ended_is_told() {
    let cases: [(&str, Outcome, &str, &str); 12] = [
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
        // Answers that were not streamed although a stream was asked for.
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
                Reply::raw(200, stream_type(request), [body])
            } else {
                Reply::raw(200, stream_type(request), [format!("data: {body}\n\n")])
            }
        });
        let answer = ask(&connection_to(kind, &server, "retries: 0")).result.unwrap();
        assert_eq!((answer.outcome, answer.text.as_str()), (outcome, text), "{body}");
        assert!(answer.usage.estimated && answer.usage.prompt > 0, "{body}");
    }
}

#[test]
fn other_json_than_an_answer_is_told_apart() {
    let server = ModelServer::start(|_| Reply::raw(200, "application/json", ["{\"ok\": true}"]));
    for kind in ["openai", "anthropic"] {
        let error = ask(&connection_to(kind, &server, "")).result.unwrap_err();
        assert!(error.to_string().contains("sent other JSON"), "{kind}: {error}");
    }
}

#[test]
fn an_answer_that_said_its_end_is_taken_whatever_follows() {
    let end = r#"data: {"choices":[{"delta":{"content":"t"},"finish_reason":"stop"}]}"#;
    for after in ["drop", "hang"] {
        let server = ModelServer::start(move |request| {
            let reply = Reply::raw(200, stream_type(request), [format!("{end}\n\n")]);
            if after == "drop" { reply.then_drop() } else { reply.then_hang() }
        });
        let answer = ask(&connection_to("openai", &server, "retries: 0")).result.unwrap();
        assert_eq!(answer.text, "t", "{after}");
    }
}

#[test]
fn what_a_model_thinks_is_kept_apart_from_what_it_says() {
    let cases = [
        ("openai", r#"{"choices":[{"delta":{"reasoning_content":"hm","reasoning":"hm"}}]}"#),
        ("openai", r#"{"choices":[{"delta":{"reasoning":"hm","content":""}}]}"#),
        (
            "anthropic",
            r#"{"type":"content_block_delta","delta":{"type":"thinking_delta","thinking":"hm"}}"#,
        ),
        ("ollama", r#"{"message":{"thinking":"hm","content":""},"done":false}"#),
    ];
    for (kind, thought) in cases {
        let server = ModelServer::start(move |request| {
            let thought = event(request, &serde_json::from_str(thought).unwrap());
            let said = text_event(request, "<think>x</think>yes");
            let end = match kind {
                "openai" => event(request, &json!({"choices": [{"finish_reason": "stop"}]})),
                "anthropic" => event(request, &json!({"type": "message_stop"})),
                _ => event(request, &json!({"done": true})),
            };
            Reply::raw(200, stream_type(request), [thought, said, end])
        });
        let seen = ask(&connection_to(kind, &server, "retries: 0"));
        let answer = seen.result.unwrap();
        let said = (answer.reasoning.as_str(), answer.text.as_str());
        assert_eq!(said, ("hm", "<think>x</think>yes"), "{kind}");
        assert_eq!(seen.news, ["thought hm", "text <think>x</think>yes"], "{kind}");
    }
}

#[test]
fn each_format_is_sent_as_its_servers_want_it() {
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
                "max_tokens": 100, "stream": true, "system": "be brief",
                "messages": [{"role": "user", "content": "a clock"}]}),
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
fn a_field_that_a_server_does_not_take_is_left_out() {
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
fn a_long_stream_does_not_fill_the_memory() {
    let resident = || {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        line.and_then(|l| l.trim().strip_suffix(" kB")?.parse::<u64>().ok()).unwrap_or(0)
    };
    // 16 MiB that are not text: nothing of them may be kept.
    let server = ModelServer::start(|request| {
        let filler = text_event(request, "").repeat(1 << 8);
        let times = (16 << 20) / filler.len();
        Reply::raw(200, stream_type(request), [text_event(request, TEXT)])
            .then_repeat(filler.as_bytes(), times)
            .then_repeat(b"data: [DONE]\n\n", 1)
    });
    let connection = connection_to("openai", &server, "retries: 0");
    let before = resident();
    assert_eq!(ask(&connection).result.unwrap().text, TEXT);
    let grown = resident() - before;
    assert!(grown < 16 << 10, "{grown} KiB");
}

/// Calls and cancels as soon as the first piece or the first retry is told.
fn cancel_early(connection: &Connection) -> CallError {
    let cancel = CancellationToken::new();
    let stop = cancel.clone();
    let mut on = |_: News<'_>| stop.cancel();
    let (model, policy) = (&*connection.model, &connection.policy);
    run(call(model, &request(), policy, &cancel, &mut on)).unwrap_err()
}

#[test]
fn a_call_can_be_cancelled_while_it_answers_and_while_it_waits() {
    let began = Instant::now();
    for kind in KINDS {
        let server = ModelServer::start(|request| unfinished(request).then_hang());
        let error = cancel_early(&connection_to(kind, &server, ""));
        assert_eq!((error.kind, error.partial.as_str()), (CallErrorKind::Interrupted, "one "));
    }
    let server = ModelServer::start(|_| Reply::refusal(429, "m").with_header("retry-after", "50"));
    let error = cancel_early(&connection_to("openai", &server, ""));
    assert_eq!(error.kind, CallErrorKind::Interrupted);
    assert!(began.elapsed() < Duration::from_secs(25));
}

/// A connection to a shell script as the model.
fn shell(script: &str, more: &str) -> Connection {
    connection("command", &format!("command: [sh, -c, '{script}'], {more}"))
}

#[test]
fn a_program_is_a_model() {
    let echo = shell("cat; printf \" %s\" $REDRAFT_MODEL $REDRAFT_AGENT $REDRAFT_MAX_TOKENS", "");
    let said = ask(&echo).result.unwrap().text;
    let (messages, rest) = said.split_at(said.rfind(']').unwrap() + 1);
    let messages: Vec<Message> = serde_json::from_str(messages).unwrap();
    assert_eq!((messages, rest), (request().messages, " m coder 100"));

    for (script, more, expected) in [
        // It does not read the prompt.
        ("echo hi", "", Ok("hi\n")),
        ("exec 0<&-; echo hi", "", Ok("hi\n")),
        // It leaves a child behind that holds the pipes.
        ("sleep 60 & echo hi", "", Ok("hi\n")),
        ("echo one >&2; echo two >&2; exit 3", "", Err("`sh` failed (exit status: 3): two")),
        ("kill -9 $$", "", Err("`sh` failed (signal: 9")),
        ("printf \"\\\\377\"; exec sleep 60", "retries: 0", Err("can't be read")),
        ("printf \"\\\\303\"", "retries: 0", Err("ends inside a character")),
        ("true", "retries: 1", Err("empty")),
        ("exec sleep 60", "timeout: 0.05, retries: 0", Err("no answer for 0.05 s")),
        ("yes aaaaaaa", "", Err("1 MiB")),
    ] {
        let began = Instant::now();
        let result = ask(&shell(script, more)).result;
        match (result, expected) {
            (Ok(answer), Ok(text)) => assert_eq!(answer.text, text, "{script}"),
            (Err(error), Err(words)) => {
                assert!(error.to_string().contains(words), "{script}: {error}");
            }
            (result, _) => panic!("{script}: {result:?}"),
        }
        assert!(began.elapsed() < Duration::from_secs(25), "{script}");
    }
    let missing = connection("command", "command: no-such-program");
    let error = ask(&missing).result.unwrap_err().to_string();
    assert!(error.contains("`no-such-program` can't be started"), "{error}");
}

#[test]
fn a_program_that_is_interrupted_is_gone_with_its_children() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pid");
    let script = format!("sleep 60 & echo $! > {}; echo started; wait", file.display());
    let error = cancel_early(&shell(&script, ""));
    assert_eq!((error.kind, error.partial.as_str()), (CallErrorKind::Interrupted, "started\n"));
    let pid: i32 = std::fs::read_to_string(file).unwrap().trim().parse().unwrap();
    let ended = || {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // A killed process stays as a zombie until its new parent looks.
        stat.is_empty() || stat.contains(") Z ")
    };
    let began = Instant::now();
    while !ended() && began.elapsed() < Duration::from_secs(10) {
        std::thread::yield_now();
    }
    assert!(ended());
}

#[test]
fn a_recording_is_a_model() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("answers.yaml");
    std::fs::write(&path, "- {agent: coder, answer: \"a\\nb\"}\n").unwrap();
    let recording = connection("script", &format!("path: '{}'", path.display()));
    let seen = ask(&recording);
    assert_eq!(seen.result.unwrap().text, "a\nb");
    assert_eq!(seen.news, ["text a\n", "text b"]);
    let error = ask(&recording).result.unwrap_err().to_string();
    assert!(error.contains("answers.yaml` has no answer left for the coder"), "{error}");
}

#[test]
fn a_running_ollama_is_found_and_a_hanging_one_is_not_waited_for() {
    let server = ModelServer::start(|_| Reply::tags(&["llama3:8b", "qwen2.5-coder:7b"]));
    let hanging = ModelServer::start(|_| Reply::tags(&["m"]).cut_to(0).then_hang());
    let library = Library::in_folder("/none".into(), BUILT_IN).unwrap();
    for (url, chosen) in [
        (server.base_url(), "ollama/qwen2.5-coder:7b"),
        (hanging.base_url(), "embedded/qwen2.5-coder-1.5b"),
    ] {
        let env = move |name: &str| (name == "OLLAMA_HOST").then(|| url.clone());
        let found = run(discover_in(&Config::default(), &env));
        assert_eq!(choose(&found, library.preferred()).model, chosen);
    }
    let env = |name: &str| (name == "GEMINI_API_KEY").then(|| KEY.to_owned());
    let found = run(discover_in(&Config::default(), &env));
    assert!(!format!("{found:?}").contains(KEY));
    assert_eq!(found.keys[0].variable, "GEMINI_API_KEY");
}
