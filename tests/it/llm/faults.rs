//! Every fault of a model server, in every wire format that goes over HTTP.

use super::*;
use crate::support::world::{Output, World, feed};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

type Script = fn(&Received) -> Reply;

#[test]
fn a_transient_fault_is_retried() {
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
        // The server ends the stream normally, but without the end marker.
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
            beginning_with(r, r.event(&error).as_bytes())
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
fn a_permanent_fault_is_reported_at_once() {
    let scripts: [(&str, Script); 24] = [
        ("answered 400: bad", |_| Reply::refusal(400, "bad")),
        ("no credit left for this key (402): pay", |_| Reply::refusal(402, "pay")),
        ("no credit left for this key (429): quota", |_| {
            let body = json!({"error": {"code": "insufficient_quota", "message": "quota"}});
            Reply::raw(429, "application/json", [body.to_string()])
        }),
        ("longer than the model's context of 512 tokens: ", |_| {
            Reply::refusal(400, "This model's maximum context length is 512 tokens.")
        }),
        ("longer than the model's context: ", |_| Reply::raw(413, "text/html", ["<html>"])),
        ("longer than the model's context of 64 tokens", |r| {
            let error = json!({"error": {"message": "exceeds the context size (64 tokens)"}});
            beginning_with(r, r.event(&error).as_bytes())
        }),
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
            let piece = r.text_event(&"x".repeat(1 << 14));
            Reply::raw(200, r.stream_type(), [""]).then_repeat(piece.as_bytes(), 1 << 10)
        }),
        ("a line of more than 4 MiB", |r| {
            Reply::raw(200, r.stream_type(), ["data: {\"choices\": \""])
                .then_repeat(&[b'x'; 1 << 14], 1 << 10)
        }),
        ("reported an error in its answer: no", |r| {
            let error = json!({"type": "error",
                "error": {"type": "invalid_request_error", "message": "no"}});
            beginning_with(r, r.event(&error).as_bytes())
        }),
        ("reported an error in its answer: ***", |r| {
            let error = json!({"type": "error", "error": {"code": 400, "message": KEY}});
            beginning_with(r, r.event(&error).as_bytes())
        }),
        ("answered 400: bad input: {'content': '…'}", |_| {
            Reply::refusal(400, "bad input: {'content': 'be brief'}")
        }),
        ("answered 422: …, said he: …", |_| Reply::refusal(422, "a clock, said he: BE BRIEF")),
        ("in its answer: can't …", |r| {
            let error = json!({"error": {"code": 400, "message": "can't be\\nbrief"}});
            beginning_with(r, r.event(&error).as_bytes())
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
            assert_eq!(
                server.received().iter().filter(|r| !r.is_list()).count(),
                1,
                "{kind} {why}"
            );
            assert!(error.chars().count() < 300 && !error.contains('\n'), "{kind}: {error}");
            for hidden in [KEY, "a clock", "be brief", "http://"] {
                assert!(!error.contains(hidden), "{kind}: {error}");
            }
        }
    }
}

#[test]
fn a_server_that_never_recovers_is_given_up_after_the_retries() {
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
fn an_unreachable_server_is_named() {
    // A port that was free a moment ago.
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
fn silence_at_any_point_ends_a_try() {
    let scripts: [(&str, Script); 6] = [
        ("before the head", |_| Reply::silent()),
        ("in an error", |_| Reply::raw(500, "", ["oops"]).then_hang()),
        // Keep-alive events do not count as an answer.
        ("behind pings", |r| {
            let ping = r.event(&json!({"type": "ping"}));
            unfinished(r).then_repeat(ping.as_bytes(), 1 << 10).then_hang()
        }),
        ("behind comments", |r| unfinished(r).then_repeat(b"\n\n", 9).then_hang()),
        ("after the head", |r| Reply::raw(200, r.stream_type(), [""]).then_hang()),
        ("in the middle", |r| unfinished(r).then_hang()),
    ];
    for kind in KINDS {
        for (place, script) in scripts {
            let server = ModelServer::start(move |request| {
                if request.number < 2 { script(request) } else { Reply::to(request, TEXT) }
            });
            let mut connection = connection_to(kind, &server, "timeout: 0.05");
            // A local server may still be working, so the request is not repeated by default.
            let error = ask(&connection).result.unwrap_err().to_string();
            assert!(error.contains("no answer for 0.05 s"), "{kind} {place}: {error}");
            assert_eq!(server.received().len(), 1, "{kind} {place}");
            connection.policy.repeats_silence = true;
            let seen = ask(&connection);
            assert_eq!(seen.result.unwrap().attempts, 2, "{kind} {place}");
            assert!(seen.news.iter().any(|new| new.contains("no answer for 0.05 s")), "{kind}");
        }
    }
}

#[test]
fn a_long_stream_does_not_fill_the_memory() {
    // Run in a process of its own, since other tests allocate memory too.
    let name = "llm::faults::a_long_stream_does_not_fill_the_memory";
    if std::env::var_os("ALONE").is_none() {
        let mut alone = Command::new(std::env::current_exe().unwrap());
        let output = alone.args(["--exact", name]).env("ALONE", "1").output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains("1 passed"), "{said}");
        return;
    }
    let resident = || {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        line.and_then(|l| l.trim().strip_suffix(" kB")?.parse::<u64>().ok()).unwrap_or(0)
    };
    // 16 MiB without text, none of which may be kept.
    let server = ModelServer::start(|request| {
        let filler = request.text_event("").repeat(1 << 8);
        let times = (16 << 20) / filler.len();
        Reply::raw(200, request.stream_type(), [request.text_event(TEXT)])
            .then_repeat(filler.as_bytes(), times)
            .then_repeat(b"data: [DONE]\n\n", 1)
    });
    let connection = connection_to("openai", &server, "retries: 0");
    let before = resident();
    assert_eq!(ask(&connection).result.unwrap().text, TEXT);
    let grown = resident() - before;
    assert!(grown < 16 << 10, "{grown} KiB");
}

#[test]
fn a_call_can_be_cancelled_while_streaming_and_while_waiting() {
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

#[test]
fn a_missing_model_is_reported_with_the_nearest_names() {
    let have = ["some/m-large", "m-1", "quite-another", "whisper"];
    for kind in KINDS {
        let server = ModelServer::with_key(Some(KEY), move |request| match request.place() {
            "/api/tags" => Reply::tags(&have),
            // Gemini's model names have a prefix.
            "/models" if kind == "gemini" => Reply::tags(
                &have.map(|name| "models/".to_owned() + name).each_ref().map(String::as_str),
            ),
            "/models" | "/v1/models" => Reply::models(&have),
            _ => Reply::refusal(404, "model 'm' not found"),
        });
        let error = ask(&connection_to(kind, &server, "")).result.unwrap_err().to_string();
        let offered = error.contains("; it has `m-1`, `some/m-large`");
        // A raw prompt endpoint has no list of models.
        assert_eq!(offered, kind != "completion", "{kind}: {error}");
        assert!(error.starts_with("the provider has no model `m`: model 'm' not found"), "{error}");
    }
}

#[test]
fn a_failed_model_list_does_not_hide_the_fault() {
    let lists: [Script; 4] = [
        |_| Reply::silent(),
        |_| Reply::raw(200, "text/html", ["<html>"]),
        |_| Reply::refusal(500, "m"),
        |_| Reply::raw(200, "application/json", ["{\"data\": [1, {}, {\"id\": 3}]}"]),
    ];
    for list in lists {
        let server = ModelServer::start(move |request| {
            if request.is_list() { list(request) } else { Reply::refusal(404, "no model 'm'") }
        });
        let began = Instant::now();
        let error = ask(&connection_to("openai", &server, "")).result.unwrap_err().to_string();
        assert_eq!(error, "the provider has no model `m`: no model 'm'");
        assert!(began.elapsed() < Duration::from_secs(20));
    }
}

#[test]
fn a_failed_connection_is_reported_with_server_and_reason() {
    let server = ModelServer::start(|_| Reply::openai(""));
    let address = server.base_url();
    let port = address.rsplit(':').next().unwrap();
    for kind in KINDS {
        for (url, name, reasons) in [
            // The domain `.invalid` is reserved and never resolves.
            (
                "http://no-such-host.invalid/v1".to_owned(),
                "no-such-host.invalid",
                &["lookup", "name"][..],
            ),
            // The server does not use TLS.
            (format!("https://127.0.0.1:{port}"), "127.0.0.1:", &["https does", "reset"]),
        ] {
            let connection = connection(kind, &format!("base_url: '{url}', retries: 0"));
            let error = ask(&connection).result.unwrap_err();
            let CallErrorKind::Failed(Fault::Connect { server, reason }) = &error.kind else {
                panic!("{kind}: {error}");
            };
            let said = reasons.iter().any(|word| reason.contains(word));
            assert!(server.starts_with(name) && said, "{kind} {url}: {error}");
        }
    }
}

/// An HTTPS server for one connection, whose certificate is not trusted.
const NOT_TRUSTED: &str = "
import socket, ssl, sys
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1])
server = socket.create_server(('127.0.0.1', 0))
print(server.getsockname()[1], flush=True)
try:
    context.wrap_socket(server.accept()[0], server_side=True)
except ssl.SSLError:
    pass
";

#[test]
fn an_untrusted_certificate_is_refused_without_a_retry() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/fixtures/nobody_trusts_this.pem");
    let mut python = Command::new("python3");
    python.args(["-c", NOT_TRUSTED, file]).stdout(Stdio::piped());
    let mut server = python.spawn().unwrap();
    let mut port = String::new();
    BufReader::new(server.stdout.take().unwrap()).read_line(&mut port).unwrap();
    let url = format!("base_url: 'https://127.0.0.1:{}'", port.trim());
    let seen = ask(&connection("openai", &url));
    let error = seen.result.unwrap_err().to_string();
    server.wait().unwrap();
    assert!(error.starts_with("can't trust `127.0.0.1:") && seen.news.is_empty(), "{error}");
}

/// Runs the program with a proxy in its environment and a server that only the proxy can reach.
fn through(proxy: &str, url: &str) -> Output {
    let world = World::empty();
    world.write(
        "redraft.yaml",
        &format!("model: p/m\nproviders: {{p: {{kind: openai, base_url: '{url}', retries: 0}}}}\n"),
    );
    let mut command = world.command(&["new", "x", "--name", "s", "--auto", "--no-run"]);
    command.env_remove("NO_PROXY").env("HTTP_PROXY", proxy).env("http_proxy", proxy);
    feed(command, b"")
}

#[test]
fn a_proxy_of_the_environment_is_used_and_named_on_failure() {
    let there = "http://model.invalid/v1";
    let server = ModelServer::start(|_| Reply::refusal(418, "it came through"));
    let proxy = server.base_url().replace("//", "//me:secret@");
    let out = through(&proxy, there);
    assert!(out.err.contains("answered 418: it came through"), "{}", out.err);
    assert_eq!(server.received()[0].path, "http://model.invalid/v1/chat/completions");
    assert!(server.received()[0].header("proxy-authorization").is_some());

    let refuses = ModelServer::start(|_| Reply::raw(407, "text/html", ["<html>"]));
    let out = through(&refuses.base_url(), there);
    assert!(out.err.contains("answered 407") && out.err.contains("proxy"), "{}", out.err);

    // A port that was free a moment ago.
    let gone = ModelServer::start(|_| Reply::openai("")).base_url().replace("//", "//me:secret@");
    let out = through(&gone, there);
    assert!(out.err.contains("can't reach `model.invalid`: "), "{}", out.err);
    assert!(out.err.contains("(through the proxy of `http_proxy`)"), "{}", out.err);
    assert!(!out.err.contains("secret"), "{}", out.err);

    // Servers on this machine are not reached through the proxy.
    let own = ModelServer::start(|_| Reply::refusal(418, "straight"));
    let out = through(&gone, &own.base_url());
    assert!(out.err.contains("answered 418: straight"), "{}", out.err);
}
