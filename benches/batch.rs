//! Measures the time of many tasks in one process, compared with `xargs -P 8 redraft new --auto`
//! with the same work on the same server, and the memory of the one process.
//!
//! `cargo bench --bench batch`; `-- 100` sets the number of tasks, by default 1,000.
#![allow(clippy::expect_used, reason = "a program that measures may panic")]

mod support;

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use support::model_server::{ModelServer, Reply};
use support::{configure, most_memory, ms, redraft, row, say, timed, write};

/// The number of parallel tasks in both cases.
const AT_ONCE: &str = "8";

/// A server that answers each agent immediately, always with the same text.
fn server() -> ModelServer {
    ModelServer::start(|request| {
        let prompt = request.prompt();
        let text = if prompt.starts_with("You are the Planner") {
            "It counts.\nR1: It prints one. Check: read it.\n".to_owned()
        } else if prompt.starts_with("You are the Reviewer") {
            "R1: met\nVERDICT: ACCEPT\n".to_owned()
        } else {
            format!("```python\n{}```\n", "print(1)\n".repeat(20))
        };
        Reply::to(request, &text)
    })
}

/// `xargs` over the ids, with one process per task.
fn xargs(folder: &Path) -> Command {
    let program = redraft(folder, &[]);
    let mut command = Command::new("xargs");
    command.args(["-a", "ids", "-P", AT_ONCE, "-I", "{}"]).arg(program.get_program());
    command.args([
        "new",
        "count to {}",
        "--name",
        "{}",
        "--auto",
        "--no-run",
        "--sessions",
        "apart",
    ]);
    command.current_dir(folder).env_clear();
    for (name, value) in program.get_envs() {
        command.env(name, value.unwrap_or_default());
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn main() {
    let tasks = std::env::args().find_map(|arg| arg.parse::<usize>().ok()).unwrap_or(1000);
    let folder = tempfile::tempdir().expect("a folder");
    let server = server();
    configure(folder.path(), &server);
    let (mut ids, mut lines) = (String::new(), String::new());
    for n in 0..tasks {
        let _ = writeln!(ids, "t{n}");
        let _ = writeln!(lines, "{{\"id\":\"t{n}\",\"task\":\"count to t{n}\"}}");
    }
    write(&folder.path().join("ids"), &ids);
    write(&folder.path().join("tasks.jsonl"), &lines);
    // The model is probed before either measurement.
    timed(redraft(folder.path(), &["new", "count", "--name", "first", "--auto", "--no-run"]), 0);
    let args = ["batch", "tasks.jsonl", "--jobs", AT_ONCE, "--no-run"];
    let one = ms(timed(redraft(folder.path(), &args), 0));
    // Measured now, since the kernel only reports the maximum over all child processes.
    let memory = most_memory();
    let many = ms(timed(xargs(folder.path()), 0));
    say(&format!(
        "{tasks} tasks, {AT_ONCE} at the same time: {many:.0} ms as processes, {one:.0} ms as one"
    ));
    let again = ms(timed(redraft(folder.path(), &args), 0));
    say(&format!("once more, when all are done: {again:.0} ms"));
    let mut held = row("one process against a process a task", one / many, "", 1.0 / 3.0);
    held &= row("the one process's memory", memory, "MiB", 150.0);
    std::process::exit(i32::from(!held));
}
