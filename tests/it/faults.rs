//! Faults of model servers, through the real program: temporary faults are waited out, permanent
//! ones end with exit code 4 and one clear line, and a resume with a healthy server loses and
//! repeats nothing.

use crate::support::model_server::{ModelServer, Received, Reply};
use crate::support::world::{ACCEPT, Asking, Output, PLAN, World, agent, feed, fenced};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// The provider's key.
const KEY: &str = "sk-never-shown-0123456789";

/// A fault: the reply instead of the correct one.
type Fault = fn(&Received) -> Reply;

/// A world with a server that fails on demand.
struct Ward {
    world: World,
    server: ModelServer,
    state: Arc<State>,
}

struct State {
    fault: Mutex<Option<Fault>>,
    /// The agent whose requests fail.
    of: Mutex<Asking>,
    /// The number of requests that still fail.
    left: AtomicUsize,
}

impl Ward {
    /// A world whose provider has this kind and these settings besides its URL and key.
    fn new(kind: &str, settings: &str) -> Self {
        let state = Arc::new(State {
            fault: Mutex::default(),
            of: Mutex::new(Asking::Coder),
            left: AtomicUsize::new(0),
        });
        let seen = Arc::clone(&state);
        let server = ModelServer::with_key(Some(KEY), move |request| seen.reply(request));
        let world = World::empty();
        // A raw prompt endpoint is configured by its complete URL.
        let end = if kind == "completion" { "/v1/completions" } else { "" };
        let url = server.base_url() + end;
        world.write(
            "redraft.yaml",
            &format!(
                "model: local/m\nproviders:\n  local: {{ kind: {kind}, base_url: '{url}', \
                 api_key_env: LOCAL_KEY, retry_seconds: 0.001, structured: false, {settings} }}\n"
            ),
        );
        Self { world, server, state }
    }

    /// From now on, this number of requests of this agent fails.
    fn ill(&self, of: Asking, fault: Fault, times: usize) {
        *self.state.of.lock().unwrap() = of;
        *self.state.fault.lock().unwrap() = Some(fault);
        self.state.left.store(times, Ordering::SeqCst);
    }

    fn heal(&self) {
        self.state.left.store(0, Ordering::SeqCst);
        self.server.release();
    }

    fn run(&self, args: &[&str]) -> Output {
        let mut command = self.world.command(args);
        command.env("LOCAL_KEY", KEY);
        let out = feed(command, b"");
        assert!(!out.err.contains(KEY) && !out.out.contains(KEY), "the key is shown: {out:?}");
        out
    }

    fn new_session(&self) -> Output {
        self.run(&["new", "count to two", "--name", "s", "--auto", "--no-run"])
    }

    /// The number of requests of each agent.
    fn asked(&self) -> [usize; 3] {
        let mut asked = [0; 3];
        for request in self.server.received().iter().filter(|r| !r.is_list()) {
            asked[agent(request) as usize] += 1;
        }
        asked
    }

    /// Fails unless the session ended with a model error in one line with these words, and a resume
    /// with the healthy server finishes it without repeating an answered call.
    #[track_caller]
    fn fails_and_goes_on(&self, out: &Output, words: &[&str], what: &str) {
        assert_eq!(out.code, Some(4), "{what}: {}{}", out.err, out.out);
        assert_eq!(out.last_line(), "resume with: redraft resume s", "{what}");
        let lines: Vec<&str> = out.err.lines().collect();
        assert_eq!(lines.len(), 2, "{what}: a line, and how to go on: {}", out.err);
        assert!(lines[0].starts_with("error: model `local/m`: "), "{what}: {}", out.err);
        assert!(lines[0].chars().count() < 400, "{what}: {}", out.err);
        for word in words {
            assert!(lines[0].contains(word), "{what}: no `{word}` in {}", out.err);
        }
        assert!(!lines[0].contains("os error"), "{what}: {}", out.err);
        assert!(!lines[0].contains("wait 0 s"), "{what}: {}", out.err);
        let journal = self.world.journal("s");
        let [.., failed, paused] = &journal[..] else { panic!("{what}: {journal:?}") };
        assert_eq!(failed["event"], "model_call_failed", "{what}");
        assert_eq!(paused["event"], "paused", "{what}");
        for text in
            [lines[0], failed["error"].as_str().unwrap(), paused["reason"].as_str().unwrap()]
        {
            for secret in ["You are the", "count to two", "VERDICT"] {
                assert!(!text.contains(secret), "{what}: a prompt is shown: {text}");
            }
        }
        let finished = answered(&journal);

        self.heal();
        let before = self.asked();
        let out = self.run(&["resume", "s", "--auto"]).expect(0);
        assert!(out.out.contains("accepted v1"), "{what}: {}", out.out);
        let after = self.asked();
        for ((before, after), done) in before.iter().zip(after).zip(finished) {
            assert_eq!(after - before, 1 - done, "{what}: each is asked once");
        }
        let journal = self.world.journal("s");
        assert_eq!(answered(&journal), [1, 1, 1], "{what}");
        assert_eq!(self.world.read("sessions/s/script_v1.py"), "print('one')\n", "{what}");
        self.no_key_on_disk(what);
    }

    #[track_caller]
    fn no_key_on_disk(&self, what: &str) {
        for (path, content) in self.world.tree() {
            let text = String::from_utf8_lossy(content.as_deref().unwrap_or_default()).into_owned();
            assert!(!text.contains(KEY), "{what}: the key is in {}", path.display());
        }
    }
}

impl State {
    fn reply(&self, request: &Received) -> Reply {
        if request.is_list() {
            return Reply::to(request, "");
        }
        let asking = agent(request);
        let fault = *self.fault.lock().unwrap();
        let left =
            || self.left.try_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
        match fault {
            Some(fault) if asking == *self.of.lock().unwrap() && left().is_ok() => fault(request),
            _ => Reply::to(request, &healthy(asking)),
        }
    }
}

fn healthy(asking: Asking) -> String {
    match asking {
        Asking::Planner => PLAN.to_owned(),
        Asking::Coder => fenced("print('one')"),
        Asking::Reviewer => ACCEPT.to_owned(),
    }
}

/// The number of answered calls of each agent.
fn answered(journal: &[Value]) -> [usize; 3] {
    let count = |agent: &str| {
        journal
            .iter()
            .filter(|e| e["event"] == "model_call_finished" && e["agent"] == agent)
            .count()
    };
    ["planner", "coder", "reviewer"].map(count)
}

const FOR_EVER: usize = usize::MAX;
const KINDS: [&str; 6] = ["openai", "responses", "anthropic", "gemini", "ollama", "completion"];

/// The beginning of an answer that would break the script if any of it were used.
fn begun(request: &Received) -> Reply {
    Reply::begun(request, "BROKEN text")
}

fn bad_text(request: &Received) -> Reply {
    let event = request.event(&json!({"choices": [], "text": "MARK"}));
    let (before, after) = event.split_once("MARK").unwrap();
    begun(request).then_repeat(&[before.as_bytes(), b"\xff\xfe", after.as_bytes()].concat(), 1)
}

fn half_event(request: &Received) -> Reply {
    let event = request.text_event("BROKEN");
    begun(request).then_repeat(&event.as_bytes()[..event.len() / 2], 1)
}

fn in_stream(request: &Received) -> Reply {
    let error = json!({"type": "error", "error": {"type": "server_error", "message": "on fire"}});
    begun(request).then_repeat(request.event(&error).as_bytes(), 1)
}

fn html(_: &Received) -> Reply {
    Reply::raw(200, "text/html", ["<html><body>You are the guest. Please log in.</body></html>"])
}

fn flood(request: &Received) -> Reply {
    let text = "x = 1\n".repeat(2700);
    begun(request).then_repeat(request.text_event(&text).as_bytes(), 1024)
}

/// Temporary faults, with words of the error message for when they do not pass.
const PASSING: [(&str, Fault, &[&str]); 13] = [
    ("429", |_| Reply::refusal(429, "slow down"), &["429", "slow down"]),
    ("429, at once", |_| Reply::refusal(429, "slow").with_header("retry-after", "0"), &["429"]),
    ("500", |_| Reply::refusal(500, "my fault"), &["500", "my fault"]),
    ("503 in HTML", |_| Reply::raw(503, "text/html", ["<html>You are the"]), &["503", "Unavail"]),
    ("529", |_| Reply::refusal(529, "overloaded"), &["529", "overloaded"]),
    ("a dropped stream", |r| begun(r).then_drop(), &["the answer"]),
    ("a dropped connection", |r| begun(r).cut_to(0).then_drop(), &["the answer"]),
    ("half an event", half_event, &["the answer"]),
    ("half an event, dropped", |r| half_event(r).then_drop(), &["the answer"]),
    ("no end mark", begun, &["broke off before its end"]),
    ("bad UTF-8", bad_text, &["the answer can't be read"]),
    ("an empty answer", |r| Reply::to(r, ""), &["the answer is empty"]),
    ("an error in the stream", in_stream, &["reported an error", "on fire"]),
];

#[test]
fn a_transient_fault_is_retried_and_leaves_no_trace_in_the_script() {
    for kind in KINDS {
        for (what, fault, _) in PASSING {
            let what = &format!("{kind}: {what}");
            let ward = Ward::new(kind, "retries: 2");
            ward.ill(Asking::Coder, fault, 2);
            let out = ward.new_session();
            assert_eq!(out.code, Some(0), "{what}: {}{}", out.err, out.out);
            assert_eq!(out.err, "", "{what}: what passed is no error");
            assert_eq!(out.out.matches("; again in").count(), 2, "{what}: {}", out.out);
            assert_eq!(ward.asked(), [1, 3, 1], "{what}");
            assert_eq!(answered(&ward.world.journal("s")), [1, 1, 1], "{what}");
            assert_eq!(ward.world.read("sessions/s/script_v1.py"), "print('one')\n", "{what}");
            ward.no_key_on_disk(what);
        }
    }
}

#[test]
fn a_lasting_transient_fault_ends_the_work_and_loses_nothing() {
    for kind in KINDS {
        for (what, fault, words) in PASSING {
            let ward = Ward::new(kind, "retries: 1");
            ward.ill(Asking::Coder, fault, FOR_EVER);
            let out = ward.new_session();
            assert_eq!(ward.asked(), [1, 2, 0], "{what}: tries are bounded");
            ward.fails_and_goes_on(&out, words, &format!("{kind}: {what}"));
        }
    }
}

#[test]
fn a_permanent_fault_is_reported_without_a_retry() {
    let cases: [(&str, Fault, &[&str]); 9] = [
        ("401", |_| Reply::refusal(401, "bad key"), &["refused the key (401)", "bad key"]),
        ("403", |_| Reply::refusal(403, "not yours"), &["refused the key (403)", "not yours"]),
        ("a repeated key", |_| Reply::refusal(401, &format!("unknown: {KEY}")), &["unknown: ***"]),
        ("404", |_| Reply::refusal(404, "model `m` not found"), &["no model `m`", "not found"]),
        (
            "404 of a path",
            |_| Reply::raw(404, "text/html", ["<html>"]),
            &["404", "Not Found", "`base_url`"],
        ),
        ("400", |_| Reply::refusal(400, "too many tokens"), &["400", "too many tokens"]),
        ("HTML", html, &["`text/html`", "`base_url`"]),
        (
            "a redirection",
            |_| Reply::raw(302, "", [""]).with_header("location", "/login"),
            &["302", "redirects", "`base_url`"],
        ),
        ("16 MiB", flood, &["too long", "1 MiB"]),
    ];
    for kind in KINDS {
        for (what, fault, words) in cases {
            let ward = Ward::new(kind, "retries: 3");
            ward.ill(Asking::Coder, fault, FOR_EVER);
            let out = ward.new_session();
            assert_eq!(ward.asked(), [1, 1, 0], "{what}: asking again would not help");
            ward.fails_and_goes_on(&out, words, &format!("{kind}: {what}"));
        }
    }
}

#[test]
fn after_a_fault_of_one_agent_the_others_are_not_asked_again() {
    for (of, asked) in
        [(Asking::Planner, [2, 0, 0]), (Asking::Coder, [1, 2, 0]), (Asking::Reviewer, [1, 1, 2])]
    {
        let ward = Ward::new("openai", "retries: 1");
        ward.ill(of, |_| Reply::refusal(500, "my fault"), FOR_EVER);
        let out = ward.new_session();
        assert_eq!(ward.asked(), asked, "{of:?}");
        // Another failing resume changes nothing.
        let again = ward.run(&["resume", "s", "--auto"]).expect(4);
        assert_eq!(again.last_line(), "resume with: redraft resume s");
        ward.fails_and_goes_on(&out, &["500", "my fault"], &format!("{of:?}"));
    }
}

#[test]
fn retry_after_is_respected_unless_it_is_too_long() {
    for kind in KINDS {
        let ward = Ward::new(kind, "retries: 1");
        ward.ill(Asking::Coder, |_| Reply::refusal(429, "x").with_header("retry-after", "1"), 1);
        let begun = Instant::now();
        ward.new_session().expect(0);
        assert!(begun.elapsed() >= Duration::from_secs(1), "{kind}: it came back too early");
        assert_eq!(ward.asked(), [1, 2, 1]);
    }
    let ward = Ward::new("openai", "retries: 3");
    ward.ill(
        Asking::Coder,
        |_| Reply::refusal(429, "x").with_header("retry-after", "3600"),
        FOR_EVER,
    );
    let out = ward.new_session();
    assert_eq!(ward.asked(), [1, 1, 0], "nobody waits for an hour");
    ward.fails_and_goes_on(&out, &["429", "asks to wait 3600 s"], "an hour");
}

#[test]
fn silence_ends_a_call_and_a_local_server_is_not_asked_again() {
    let before: Fault = |r| Reply::to(r, "").cut_to(0).then_hang();
    let within: Fault = |r| begun(r).then_hang();
    for (kind, what, fault) in [
        ("openai", "before", before),
        ("openai", "within", within),
        ("anthropic", "within", within),
        ("ollama", "before", before),
    ] {
        // Long enough for an answer of a healthy server on a machine under load.
        let ward = Ward::new(kind, "retries: 1, timeout: 1.5");
        ward.ill(Asking::Coder, fault, FOR_EVER);
        let out = ward.new_session();
        assert_eq!(ward.asked(), [1, 1, 0], "{kind}: {what}");
        let words = ["no answer for 1.5 s", "`timeout`"];
        ward.fails_and_goes_on(&out, &words, &format!("{kind}: {what}"));
    }
}

#[test]
fn an_unreachable_server_is_named_and_the_session_continues_later() {
    for kind in KINDS {
        for (url, words) in [
            ("http://127.0.0.1:1/v1", ["`127.0.0.1:1`", "connection refused;"]),
            ("http://no-such-host.invalid/v1", ["`no-such-host.invalid`", "can't reach"]),
        ] {
            let ward = Ward::new(kind, "retries: 1");
            let good = ward.world.read("redraft.yaml");
            let bad = good.replace(&ward.server.base_url(), url);
            assert_ne!(good, bad);
            ward.world.write("redraft.yaml", &bad);
            let out = ward.new_session();
            ward.world.write("redraft.yaml", &good);
            assert_eq!(ward.asked(), [0, 0, 0]);
            ward.fails_and_goes_on(&out, &words, &format!("{kind}: {url}"));
        }
    }
}

#[test]
fn with_json_a_fault_is_an_event_of_the_journal() {
    let ward = Ward::new("openai", "retries: 1");
    ward.ill(Asking::Coder, |_| Reply::refusal(500, "my fault"), FOR_EVER);
    let out = ward.run(&["new", "count", "--name", "s", "--auto", "--no-run", "--json"]).expect(4);
    assert_eq!(out.json(), ward.world.journal("s"));
    assert_eq!(out.last_line(), "resume with: redraft resume s");
    ward.heal();
    let before = ward.world.journal("s").len();
    let out = ward.run(&["resume", "s", "--auto", "--json"]).expect(0);
    assert_eq!(out.json(), ward.world.journal("s")[before..]);
}

#[test]
fn a_partial_answer_before_a_fault_is_kept_in_the_chat_only() {
    let ward = Ward::new("openai", "retries: 0");
    ward.ill(Asking::Coder, |r| begun(r).then_drop(), FOR_EVER);
    ward.new_session().expect(4);
    assert!(ward.world.read("sessions/s/chats/0002-coder.md").contains("BROKEN"));
    ward.heal();
    ward.run(&["resume", "s", "--auto"]).expect(0);
    let last = ward.server.received().into_iter().rfind(|r| agent(r) == Asking::Coder).unwrap();
    assert!(!last.prompt().contains("BROKEN"), "{}", last.prompt());
}

#[test]
fn a_fault_at_a_gate_does_not_repeat_answered_questions() {
    let ward = Ward::new("openai", "retries: 0");
    ward.ill(Asking::Reviewer, |_| Reply::refusal(500, "my fault"), FOR_EVER);
    let run = |args: &[&str], input: &[u8]| {
        let mut command = ward.world.command(args);
        command.env("LOCAL_KEY", KEY);
        feed(command, input)
    };
    let out = run(&["new", "count", "--name", "s", "--no-run"], b"approve\naccept\n").expect(4);
    assert_eq!(out.last_line(), "resume with: redraft resume s");
    ward.heal();
    run(&["resume", "s"], b"accept\n").expect(0);
    let events = ward.world.events("s");
    let count = |name: &str| events.iter().filter(|e| *e == name).count();
    assert_eq!((count("plan_approved"), count("accepted")), (1, 1));
}

#[test]
fn a_key_missing_at_resume_is_named() {
    let ward = Ward::new("openai", "retries: 0");
    ward.ill(Asking::Coder, |_| Reply::refusal(500, "my fault"), FOR_EVER);
    ward.new_session().expect(4);
    let before = ward.world.tree();
    let out = ward.world.run(&["resume", "s", "--auto"]).expect(2);
    assert!(out.err.contains("`LOCAL_KEY`"), "{}", out.err);
    assert_eq!(ward.world.tree(), before);
}

/// A script with a lot of output that fails.
const WORDY: &str =
    "for n in range(300):\n    print('line', n, '-' * 150)\nraise ValueError('no luck')";

/// A model whose first script is [`WORDY`], on a server that refuses longer repair prompts than
/// `most` bytes.
fn narrow(most: usize, refusal: &'static str) -> World {
    World::with(move |request| match agent(request) {
        Asking::Planner => Reply::to(request, PLAN),
        Asking::Reviewer => Reply::to(request, ACCEPT),
        Asking::Coder if !request.prompt().contains("script failed") => {
            Reply::to(request, &fenced(WORDY))
        }
        Asking::Coder if request.prompt().len() > most => Reply::refusal(400, refusal),
        Asking::Coder => Reply::to(request, &fenced("print('one')")),
    })
}

#[test]
fn a_prompt_too_long_for_the_context_is_shortened_in_its_run_output() {
    for refusal in [
        "This model's maximum context length is 1000 tokens. However, you requested 1500.",
        "prompt is too long",
    ] {
        let world = narrow(2000, refusal);
        let out = world.run(&["new", "count", "--name", "s", "--auto", "--sandbox", "off"]);
        let out = out.expect(0);
        assert!(out.out.contains("the prompt is shortened to fit"), "{}", out.out);
        let repairs: Vec<String> = world
            .received()
            .iter()
            .map(Received::prompt)
            .filter(|prompt| prompt.contains("script failed"))
            .collect();
        let [whole, .., shortened] = &repairs[..] else { panic!("{repairs:?}") };
        assert!(whole.len() > 2000 && shortened.len() <= 2000, "{}", shortened.len());
        for kept in ["R2: It prints two. Check: read the output.", WORDY, "ValueError: no luck"] {
            assert!(shortened.contains(kept), "no `{kept}` in {shortened}");
        }
        assert!(world.read("sessions/s/script_v2.py").contains("print('one')"));
        // The prompts that were shortened after refusals are replayed without a difference.
        world.run(&["replay", "s"]).expect(0);
    }
}

#[test]
fn a_server_that_finds_every_prompt_too_long_is_asked_at_most_four_times() {
    let world = narrow(0, "prompt is too long");
    let out = world.run(&["new", "count", "--name", "s", "--auto", "--sandbox", "off"]).expect(4);
    // The server's own message, without a size: the server gave none.
    let words = "the prompt is longer than the model's context: prompt is too long";
    assert!(out.err.contains(words), "{}", out.err);
    assert!(out.last_line().starts_with("resume with: "), "{}", out.err);
    let prompts: Vec<String> = world.received().iter().map(Received::prompt).collect();
    let repairs = prompts.iter().filter(|prompt| prompt.contains("script failed"));
    let repairs: Vec<usize> = repairs.map(String::len).collect();
    assert!((2..=4).contains(&repairs.len()), "{repairs:?}");
    assert!(repairs.is_sorted_by(|a, b| a > b), "each is shorter than the one before: {repairs:?}");
    assert!(!out.out.contains("the prompt was longer"), "{}", out.out);
    world.run(&["replay", "s"]).expect(0);
}

#[test]
fn a_context_known_to_be_too_short_is_reported_before_any_request() {
    let world = World::scripted(&[PLAN], &[&fenced("print('one')")], &[ACCEPT]);
    let config = world.read("redraft.yaml");
    world.write("redraft.yaml", &config.replace("timeout: 20", "timeout: 20, context: 300"));
    let out = world.run(&["new", "count", "--name", "s", "--auto", "--no-run"]).expect(4);
    assert!(out.err.contains("longer than the model's context of 300 tokens"), "{}", out.err);
    assert!(out.err.contains("`context`"), "{}", out.err);
    assert!(world.received().is_empty());
    world.write("redraft.yaml", &config.replace("timeout: 20", "timeout: 20, context: 3000"));
    world.run(&["resume", "s", "--auto"]).expect(0);
    // The answer may use what the prompt leaves of the context.
    let most = world.received()[1].body["max_tokens"].as_u64().unwrap();
    assert!((1000..3000).contains(&most), "{most}");
}

/// A model whose first script ends with this finish reason; all later scripts are complete.
fn ending(answer: &'static str, reason: &'static str) -> World {
    let first = AtomicUsize::new(0);
    World::with(move |request| match agent(request) {
        Asking::Planner => Reply::to(request, PLAN),
        Asking::Reviewer => Reply::to(request, ACCEPT),
        Asking::Coder if first.fetch_add(1, Ordering::SeqCst) > 0 => {
            Reply::to(request, &fenced("print('one')"))
        }
        Asking::Coder => {
            let end = json!({"choices": [{"delta": {}, "finish_reason": reason}]});
            let chunks = [request.text_event(answer), request.event(&end)];
            Reply::raw(200, request.stream_type(), chunks)
        }
    })
}

#[test]
fn an_incomplete_script_is_never_a_version_whatever_the_finish_reason() {
    const HALF: &str = "```python\nprint('half')\n\n\ndef more():\n    return 1\n\n\n";
    const CLOSED: &str = "```python\nprint('half')\n```\n";
    for (answer, reason, words) in [
        (HALF, "max_tokens", ", cut off"),
        (HALF, "MAX_TOKENS", ", cut off"),
        (HALF, "model_length", ", cut off"),
        (HALF, "abort", "ended the answer with `abort`"),
        (HALF, "something_new", "ended the answer with `something_new`"),
        (HALF, "content_filter", ", refused"),
        // It is unknown what a filter removed.
        (CLOSED, "content_filter", ", refused"),
        (CLOSED, "SAFETY", ", refused"),
    ] {
        let world = ending(answer, reason);
        let args = ["new", "count", "--name", "s", "--auto", "--no-run"];
        let out = world.run(&args).expect(0);
        assert!(out.out.contains(words), "{reason}: {}", out.out);
        assert_eq!(world.read("sessions/s/script_v1.py"), "print('one')\n", "{reason}");
        let asked = world.received().iter().filter(|r| agent(r) == Asking::Coder).count();
        assert_eq!(asked, 2, "{reason}");
        world.run(&["replay", "s"]).expect(0);
    }
}

#[test]
fn a_script_sent_as_a_thought_is_used_without_another_call() {
    let world = World::with(move |request| match agent(request) {
        Asking::Planner => Reply::to(request, PLAN),
        Asking::Reviewer => Reply::to(request, ACCEPT),
        Asking::Coder => {
            let thought = json!({"choices": [{"delta": {"content": null,
                "reasoning_content": fenced("print('one')")}}]});
            let end = json!({"choices": [{"delta": {}, "finish_reason": "stop"}]});
            let chunks = [&thought, &end].map(|event| request.event(event));
            Reply::raw(200, request.stream_type(), chunks)
        }
    });
    let out = world.run(&["new", "count", "--name", "s", "--auto", "--no-run"]).expect(0);
    assert!(out.out.contains("sent the whole answer as a thought"), "{}", out.out);
    assert_eq!(world.read("sessions/s/script_v1.py"), "print('one')\n");
    assert_eq!(world.received().len(), 3, "each is asked once");
}

#[test]
fn a_budget_holds_even_if_the_server_counts_no_tokens() {
    let world = World::with(move |request| {
        let text = match agent(request) {
            Asking::Planner => PLAN.to_owned(),
            Asking::Reviewer => ACCEPT.to_owned(),
            Asking::Coder => fenced("print('one')"),
        };
        let json = json!({"choices": [{"message": {"content": text}, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 0, "completion_tokens": 0}});
        Reply::raw(200, "application/json", [json.to_string()])
    });
    let args = ["new", "count", "--name", "s", "--auto", "--no-run", "--budget-tokens", "400"];
    let out = world.run(&args).expect(3);
    assert!(world.received().len() < 3, "{}", out.out);
    let usage = &world.journal("s").into_iter().rfind(|e| e["event"] == "model_call_finished");
    assert!(usage.as_ref().unwrap()["usage"]["prompt"].as_u64() > Some(100), "{usage:?}");
}
