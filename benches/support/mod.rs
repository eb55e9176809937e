//! Shared code of the benchmarks: runs and times the real program as a whole process.
#![allow(dead_code, unreachable_pub, missing_docs, reason = "each program uses a part of it")]

#[path = "../../tests/it/support/model_server.rs"]
pub mod model_server;

use self::model_server::{ModelServer, Received, Reply};
use nix::sys::resource::{UsageWho, getrusage};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

/// The program to measure: this build's, or the one in `REDRAFT_PROGRAM`.
pub fn redraft(folder: &Path, args: &[&str]) -> Command {
    match std::env::var_os("REDRAFT_PROGRAM") {
        Some(other) => program(Path::new(&other), folder, args),
        None => this_build(folder, args),
    }
}

/// The program of this build.
pub fn this_build(folder: &Path, args: &[&str]) -> Command {
    program(Path::new(env!("CARGO_BIN_EXE_redraft")), folder, args)
}

fn program(program: &Path, folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(args).current_dir(folder).env_clear();
    for name in ["PATH", "PYENV_ROOT"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command.env("HOME", folder).stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs a command and returns its run time. It must exit with this code.
pub fn timed(mut command: Command, code: i32) -> Duration {
    let start = Instant::now();
    let output = command.output().expect("the program starts");
    let took = start.elapsed();
    let said = || String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{}", said());
    took
}

/// Runs it once as a warm-up and then `times` times; returns the median.
pub fn median(times: usize, mut run: impl FnMut() -> Duration) -> Duration {
    run();
    let mut all: Vec<Duration> = (0..times).map(|_| run()).collect();
    all.sort();
    all[all.len() / 2]
}

/// Peak memory of any child process so far, in MiB, as reported by the kernel.
pub fn most_memory() -> f64 {
    let kib = getrusage(UsageWho::RUSAGE_CHILDREN).map_or(0, |usage| usage.max_rss());
    f64::from(i32::try_from(kib).unwrap_or(i32::MAX)) / 1024.0
}

/// Prints a row of the table; returns whether the measured value is within the limit.
pub fn row(what: &str, measured: f64, unit: &str, bar: f64) -> bool {
    let held = measured <= bar;
    let mark = if held { "" } else { "  <-- over the bar" };
    say(&format!("{what:<58} {measured:>9.2} {unit:<3} (bar {bar}){mark}"));
    held
}

/// Prints a line.
#[allow(clippy::print_stdout, reason = "this is what the program is for")]
pub fn say(line: &str) {
    println!("{line}");
}

/// Milliseconds with fraction.
pub fn ms(took: Duration) -> f64 {
    took.as_secs_f64() * 1000.0
}

/// A server whose Coder writes a new version of the same length each time, and whose Reviewer finds
/// a new problem each time, so that no progress check stops the session.
pub fn never_content() -> ModelServer {
    ModelServer::start(|request: &Received| {
        let prompt = request.prompt();
        // A constant number of digits, for scripts of constant length.
        let n = request.number + 100_000;
        let text = if prompt.starts_with("You are the Planner") {
            "It counts.\nR1: It prints one. Check: read it.\nR2: It prints two. Check: read it.\n"
                .to_owned()
        } else if prompt.starts_with("You are the Reviewer") {
            let line = prompt.lines().find(|line| line.starts_with("print(")).unwrap_or_default();
            format!(
                "R1: met\nR2: not met\n- [blocker] R2 \"{line}\" case {n} goes wrong\n\
                 VERDICT: ITERATE\n"
            )
        } else {
            format!("```python\n{}```\n", format!("print({n} - {n})\n").repeat(60))
        };
        Reply::to(request, &text)
    })
}

/// Creates the session `s` with four versions, and `count` copies of it under other names.
#[allow(clippy::disallowed_methods, reason = "no session's own file")]
pub fn many_sessions(folder: &Path, count: usize) {
    let server = never_content();
    configure(folder, &server);
    let args = ["new", "count to two", "--name", "s", "--auto", "--no-run", "--max-versions", "4"];
    timed(redraft(folder, &args), 3);
    let read = |path: &Path| std::fs::read_to_string(path).expect("text");
    let from = folder.join("sessions/s");
    for n in 0..count {
        let name = format!("copy-{n:04}");
        let to = folder.join("sessions").join(&name);
        std::fs::create_dir(&to).expect("a folder");
        let files = std::fs::read_dir(&from).expect("a session").flatten().map(|e| e.path());
        for file in files.filter(|path| path.is_file()) {
            let text = read(&file).replace("\"name\":\"s\"", &format!("\"name\":\"{name}\""));
            write(&to.join(file.file_name().expect("a name")), &text);
        }
        // Like most sessions, not written in the last seconds.
        let journal = std::fs::File::options().append(true).open(to.join("journal.jsonl"));
        let an_hour_ago = SystemTime::now() - Duration::from_hours(1);
        journal.and_then(|file| file.set_modified(an_hour_ago)).expect("a journal");
    }
}

/// Configures the server as the model for commands in this folder.
#[allow(clippy::disallowed_methods, reason = "no session's folder")]
pub fn configure(folder: &Path, server: &ModelServer) {
    let text = format!(
        "model: local/m\nproviders:\n  local: {{ kind: openai, base_url: '{}/v1', structured: false }}\n",
        server.base_url()
    );
    // The user's own configuration file, in the home folder that `redraft` sets.
    let own = folder.join(".config/redraft");
    std::fs::create_dir_all(&own).expect("the folder is made");
    write(&own.join("config.yaml"), &text);
}

/// Creates a folder for a measurement.
#[allow(clippy::disallowed_methods, reason = "no session's folder")]
pub fn folder_at(path: &Path) {
    std::fs::create_dir(path).expect("the folder is made");
}

/// Writes a file for a measurement.
#[allow(clippy::disallowed_methods, reason = "no session's file")]
pub fn write(path: &Path, text: &str) {
    std::fs::write(path, text).expect("the file is written");
}

/// Tokens of prompt and answer, if the journal event is the end of a model call; otherwise zeros.
pub fn tokens_of(event: &serde_json::Value) -> (u64, u64) {
    if event["event"] != "model_call_finished" {
        return (0, 0);
    }
    let count = |of: &str| event["usage"][of].as_u64().unwrap_or(0);
    (count("prompt"), count("answer"))
}
