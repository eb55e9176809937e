//! Measures the embedded model's prompt and generation speed and its memory, compared with
//! llama.cpp's server on the same file in the same run.
//!
//! `cargo bench --bench model -- MODEL.gguf [LLAMA_SERVER]`, where `LLAMA_SERVER` is the program
//! `llama-server`; without it only the embedded model is measured.
#![allow(clippy::expect_used, reason = "a program that measures may panic")]

mod support;

use redraft::config::Config;
use redraft::domain::chat::{Agent, Message, Request, Usage};
use redraft::llm::call::{News, call};
use redraft::llm::provider::{Connection, connect};
use std::collections::HashMap;
use std::fmt::Write as _;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use support::{row, say};
use tokio_util::sync::CancellationToken;

/// Measurements of each; the median counts.
const ROUNDS: usize = 3;

/// Token limit of an answer.
const ANSWER: u32 = 64;

/// Usage and times of one call.
#[derive(Clone, Copy)]
struct CallCost {
    usage: Usage,
    /// Time to the first chunk of the answer.
    first: Duration,
    /// Time from the first to the last chunk.
    rest: Duration,
}

impl CallCost {
    fn read(self) -> f64 {
        number(self.usage.prompt - self.usage.cached) / self.first.as_secs_f64()
    }

    fn written(self) -> f64 {
        number(self.usage.answer - 1) / self.rest.as_secs_f64()
    }
}

fn number(tokens: u64) -> f64 {
    f64::from(u32::try_from(tokens).expect("a number of tokens"))
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// A text of about 1,500 tokens with a unique start.
fn long(round: usize) -> String {
    let mut text = format!("Session {round}. The script so far:\n");
    for line in 0..95 {
        let _ = writeln!(text, "    total_{line} = read_value(path, {line}) * factor + {round}");
    }
    text
}

fn request(system: &str, user: &str) -> Request {
    Request::new(Agent::Coder, vec![Message::system(system), Message::user(user)], ANSWER)
}

/// Measures one call.
fn ask(connection: &Connection, request: &Request) -> CallCost {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let start = Instant::now();
    let mut first = None;
    let mut last = start;
    let mut on = |news: News<'_>| {
        if let News::Text(text) = news
            && !text.is_empty()
        {
            last = Instant::now();
            first.get_or_insert(last);
        }
    };
    let never = CancellationToken::new();
    let answer = runtime.expect("a runtime").block_on(call(
        connection.model.as_ref(),
        request,
        &connection.policy,
        &|_| false,
        &never,
        &mut on,
    ));
    let answer = answer.expect("an answer");
    let first = first.expect("a text");
    CallCost { usage: answer.usage, first: first - start, rest: last - first }
}

/// llama.cpp's server, killed on drop, and its port.
struct Server(Child, u16);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn serve(program: &str, model: &str) -> Server {
    let free = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = free.local_addr().expect("an address").port();
    drop(free);
    let threads = std::thread::available_parallelism().expect("a number of cores");
    let libraries = Path::new(program).parent().expect("a folder");
    let child = Command::new(program)
        .env("LD_LIBRARY_PATH", libraries)
        .args(["-m", model, "--host", "127.0.0.1", "-c", "8192", "-np", "1"])
        .args(["--port", &port.to_string(), "-t", &threads.to_string()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the server starts");
    let server = Server(child, port);
    let deadline = Instant::now() + Duration::from_mins(2);
    while !healthy(port) {
        assert!(Instant::now() < deadline, "the server does not come up");
        std::thread::sleep(Duration::from_millis(200));
    }
    server
}

/// Whether the server has loaded its model.
fn healthy(port: u16) -> bool {
    use std::io::{Read as _, Write as _};
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    let asked = stream.write_all(b"GET /health HTTP/1.0\r\n\r\n");
    let mut said = String::new();
    asked.is_ok() && stream.read_to_string(&mut said).is_ok() && said.contains(" 200 ")
}

/// A memory value of a process, in MiB, by its name in `/proc/PID/status`.
fn memory(process: &str, what: &str) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(what));
    let kib = line.and_then(|line| line.split_whitespace().nth(1)).and_then(|n| n.parse().ok());
    kib.unwrap_or(0.) / 1024.
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    let Some(model) = args.first() else {
        say("nothing to measure: cargo bench --bench model -- MODEL.gguf [LLAMA_SERVER]");
        return;
    };
    let path = std::path::absolute(model).expect("a path");
    let path = path.to_str().expect("a path in UTF-8");
    let server = args.get(1).map(|program| serve(program, path));
    let port = server.as_ref().map_or(0, |server| server.1);
    let config = format!(
        "providers: {{embedded: {{kind: embedded, timeout: 3600}}, \
         server: {{kind: openai, timeout: 3600, base_url: 'http://127.0.0.1:{port}/v1'}}}}"
    );
    let config = Config::parse(&config, "the bench's").expect("a configuration");
    let connect =
        |model: &str| connect(model, config.models(), &HashMap::default()).expect("a model");
    let own = connect(&format!("embedded/{path}"));
    let other = server.as_ref().map(|_| connect("server/model"));

    let warm = request("You are brief.", "Say hello.");
    ask(&own, &warm);
    other.as_ref().map(|other| ask(other, &warm));
    let mut all: [Vec<(CallCost, CallCost)>; 2] = Default::default();
    for round in 0..ROUNDS {
        let system = long(round);
        let calls =
            ["Say in your own words what such a script may be for.", "Write lines 10 to 19 again."]
                .map(|user| request(&system, user));
        for (which, connection) in [Some(&own), other.as_ref()].into_iter().enumerate() {
            if let Some(connection) = connection {
                all[which].push((ask(connection, &calls[0]), ask(connection, &calls[1])));
            }
        }
    }
    let figures = |which: usize| {
        let each = || all[which].iter();
        [
            median(each().map(|(first, _)| first.read())),
            median(each().map(|(first, _)| first.written())),
            median(each().map(|(_, second)| second.written())),
            median(each().map(|(a, b)| a.first.as_secs_f64() / b.first.as_secs_f64())),
        ]
    };
    let (first, second) = all[0][0];
    let [read, written, again, sooner] = figures(0);
    say(&format!(
        "inside the program: {read:.1} prompt and {written:.1} answer tokens a second, {again:.1} of \
         text that the prompt has ({} tokens of prompt, {} of them known in the second call)",
        first.usage.prompt, second.usage.cached
    ));
    say(&format!(
        "  memory: {:.0} MiB, at most {:.0}; without pages of the file {:.0}",
        memory("self", "VmRSS"),
        memory("self", "VmHWM"),
        memory("self", "RssAnon"),
    ));
    let mut held = true;
    if let Some(server) = &server {
        let [their_read, their_written, their_again, their_sooner] = figures(1);
        say(&format!(
            "llama.cpp's server: {their_read:.1} prompt and {their_written:.1} answer tokens a second, \
             {their_again:.1} of text that the prompt has; its second call {their_sooner:.1} times \
             sooner"
        ));
        say(&format!("  memory: {:.0} MiB", memory(&server.0.id().to_string(), "VmRSS")));
        held &= row("its answer speed to ours", their_written / written, "", 1. / 0.8);
        held &= row("its prompt speed to ours", their_read / read, "", 1. / 0.6);
    }
    held &= row("first token of the second call to the first call's", 1. / sooner, "", 0.2);
    // `exit` runs no destructors.
    drop(server);
    if !held {
        std::process::exit(1);
    }
}
