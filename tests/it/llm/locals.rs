//! Models without a server, and the discovery of models on this machine.

use super::*;
use redraft::llm::discover::{choose, discover_in};
use redraft::llm::library::{BUILT_IN, Library};

/// A connection that uses a shell script as the model.
fn shell(script: &str, more: &str) -> Connection {
    connection("command", &format!("command: [sh, -c, '{script}'], {more}"))
}

#[test]
fn a_program_can_answer_as_a_model() {
    let echo = shell("cat; printf \" %s\" $REDRAFT_MODEL $REDRAFT_AGENT $REDRAFT_MAX_TOKENS", "");
    let said = ask(&echo).result.unwrap().text;
    let (messages, rest) = said.split_at(said.rfind(']').unwrap() + 1);
    let messages: Vec<Message> = serde_json::from_str(messages).unwrap();
    assert_eq!((messages, rest), (request().messages, " m coder 100"));

    for (script, more, expected) in [
        // The program does not read the prompt.
        ("echo hi", "", Ok("hi\n")),
        ("exec 0<&-; echo hi", "", Ok("hi\n")),
        // The program leaves a child that keeps the pipes open.
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
fn an_interrupted_model_program_is_killed_with_its_children() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pid");
    let script = format!("sleep 60 & echo $! > {}; echo started; wait", file.display());
    let error = cancel_early(&shell(&script, ""));
    assert_eq!((error.kind, error.partial.as_str()), (CallErrorKind::Interrupted, "started\n"));
    let pid: i32 = std::fs::read_to_string(file).unwrap().trim().parse().unwrap();
    let ended = || {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // A killed process remains a zombie until its new parent reaps it.
        stat.is_empty() || stat.contains(") Z ")
    };
    let began = Instant::now();
    while !ended() && began.elapsed() < Duration::from_secs(10) {
        std::thread::yield_now();
    }
    assert!(ended());
}

#[test]
fn a_recording_can_answer_as_a_model() {
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
fn a_repetitive_review_is_cut_off_while_it_streams() {
    let list = |n: usize| -> String {
        (1..=n).map(|n| format!("R{n}: The app displays the time on the clock.\n")).collect()
    };
    let reviewer = Request { agent: Agent::Reviewer, max_tokens: 100_000, ..request() };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("answers.yaml");
    let recorded = serde_json::json!([{"agent": "reviewer", "answer": list(300)}]);
    std::fs::write(&path, recorded.to_string()).unwrap();
    let server = ModelServer::start(move |request| {
        let reply = Reply::to(request, &list(20));
        // The stream does not end by itself.
        reply.cut_to(usize::MAX).then_hang()
    });
    let endless =
        "n=1; while :; do echo \"R$n: The app displays the time on it.\"; n=$((n+1)); done";
    let mut connections: Vec<(&str, Connection)> =
        KINDS.iter().map(|kind| (*kind, connection_to(kind, &server, "retries: 0"))).collect();
    connections.push(("command", shell(endless, "retries: 0")));
    connections.push(("script", connection("script", &format!("path: '{}'", path.display()))));
    for (kind, connection) in connections {
        let answer = ask_this(&connection, &reviewer).result.unwrap();
        assert!(answer.repeats && answer.outcome == Outcome::Cut, "{kind}: {answer:?}");
        // A fast program writes a lot at once.
        assert!(answer.text.len() < 1 << 14, "{kind}: {}", answer.text.len());
    }
}

#[test]
fn a_running_ollama_is_found_and_a_hanging_one_skipped() {
    let server = ModelServer::start(|_| Reply::tags(&["llama3:8b", "qwen2.5-coder:7b"]));
    let hanging = ModelServer::start(|_| Reply::tags(&["m"]).cut_to(0).then_hang());
    let library = Library::in_folder("/none".into(), BUILT_IN).unwrap();
    for (url, chosen) in [
        (server.base_url(), "ollama/qwen2.5-coder:7b"),
        (hanging.base_url(), "embedded/qwen2.5-coder-1.5b"),
    ] {
        let env = move |name: &str| (name == "OLLAMA_HOST").then(|| url.clone());
        let found = run(discover_in(Config::default().models(), &env));
        assert_eq!(choose(&found, library.preferred()).model, chosen);
    }
    let env = |name: &str| (name == "GEMINI_API_KEY").then(|| KEY.to_owned());
    let found = run(discover_in(Config::default().models(), &env));
    assert!(!format!("{found:?}").contains(KEY));
    assert_eq!(found.keys[0].place(), "GEMINI_API_KEY");
}
