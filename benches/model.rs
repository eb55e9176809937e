//! The embedded model compared with llama.cpp's server on the same file in the same run: speed on
//! an idle and on a busy machine, speed of parallel answers, and memory.
//!
//! `cargo bench --bench model -- MODEL.gguf [SERVER]`, where `SERVER` is the program
//! `llama-server`, or a `python3` that has `xllamacpp` (from `PyPI`); without it only the embedded
//! model is measured.
#![allow(clippy::expect_used, reason = "a program that measures may panic")]

mod support;

use redraft::config::Config;
use redraft::domain::chat::{Agent, Message, Request, Usage};
use redraft::llm::call::{News, call};
use redraft::llm::provider::{Connection, connect};
use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use support::{row, say};
use tokio_util::sync::CancellationToken;

/// The number of rounds; the median counts.
const ROUNDS: usize = 3;

/// The number of parallel answers.
const ABREAST: usize = 4;

/// The tokens and times of one call.
#[derive(Clone, Copy)]
struct CallCost {
    usage: Usage,
    /// Time to the first chunk of the answer.
    first: Duration,
    /// Time from the first chunk to the last one.
    rest: Duration,
}

impl CallCost {
    /// Prefill speed in prompt tokens per second, without cached tokens.
    fn read(self) -> f64 {
        number(self.usage.prompt - self.usage.cached) / self.first.as_secs_f64()
    }

    /// Answer speed in tokens per second, without the first token.
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

/// A script of some 600 tokens with a unique beginning, so that no cached prompt matches.
fn script(round: usize) -> String {
    let mut text = format!("import sys\n\nTITLE = 'report {round}'\n");
    for n in 0..12 {
        let _ = writeln!(
            text,
            "\n\ndef column_{n}(rows):\n    values = [float(row[{n}]) for row in rows if row[{n}]]\n    \
             return sum(values) / len(values) * {round}"
        );
    }
    text
}

/// The requests of a round: a question about a script, the script again with a change, and a review
/// that quotes its lines. They have a common prefix, like the prompts of a session.
fn requests(round: usize) -> [Request; 3] {
    let system = format!("You work on this script:\n```python\n{}```\n", script(round));
    [
        ("Say in your own words what such a script may be for.", 64),
        ("Write the whole script again, with TITLE in capitals. Only the code.", 400),
        ("Review it: for each function one line `- \"def ...\": what is wrong`.", 200),
    ]
    .map(|(user, most)| request(&system, user, most))
}

fn request(system: &str, user: &str, most: u32) -> Request {
    Request::new(Agent::Coder, vec![Message::system(system), Message::user(user)], most)
}

/// Requests several answers in parallel.
fn ask_all(connection: &Connection, requests: &[Request]) -> Vec<CallCost> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let one = async |request: &Request| {
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
        let model = connection.model.as_ref();
        let answer = call(model, request, &connection.policy, &|_| false, &never, &mut on).await;
        let answer = answer.expect("an answer");
        let first = first.expect("a text");
        CallCost { usage: answer.usage, first: first - start, rest: last - first }
    };
    let all = futures_util::future::join_all(requests.iter().map(one));
    runtime.expect("a runtime").block_on(all)
}

fn ask(connection: &Connection, request: &Request) -> CallCost {
    ask_all(connection, std::slice::from_ref(request))[0]
}

/// Processes that are killed when this value is dropped.
struct Children(Vec<Child>);

impl Drop for Children {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Starts as many fully loaded processes as there are cores.
fn load() -> Children {
    let cores = std::thread::available_parallelism().expect("a number of cores").get();
    let busy = || {
        let mut command = Command::new("sh");
        command.args(["-c", "while :; do :; done"]).stdin(Stdio::null());
        command.spawn().expect("a shell")
    };
    Children((0..cores).map(|_| busy()).collect())
}

/// Starts llama.cpp's server with a model; returns its process and its URL.
fn serve(program: &str, model: &str) -> (Children, String) {
    let abreast = ABREAST.to_string();
    if Path::new(program).file_name().is_some_and(|name| name.to_string_lossy().contains("python"))
    {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/servers/llama.py");
        let mut child = Command::new(program)
            .args([script, model, "", "16384", &abreast])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("a Python with xllamacpp");
        let mut address = String::new();
        let printed = child.stdout.take().expect("its output");
        BufReader::new(printed).read_line(&mut address).expect("its address");
        return (Children(vec![child]), address.trim().to_owned());
    }
    let free = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = free.local_addr().expect("an address").port();
    drop(free);
    let threads = std::thread::available_parallelism().expect("a number of cores");
    let libraries = Path::new(program).parent().expect("a folder");
    let child = Command::new(program)
        .env("LD_LIBRARY_PATH", libraries)
        .args(["-m", model, "--host", "127.0.0.1", "-c", "16384", "-np", &abreast])
        .args(["--port", &port.to_string(), "-t", &threads.to_string()])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the server starts");
    let children = Children(vec![child]);
    let deadline = Instant::now() + Duration::from_mins(2);
    while !healthy(port) {
        assert!(Instant::now() < deadline, "the server does not come up");
        std::thread::sleep(Duration::from_millis(200));
    }
    (children, format!("http://127.0.0.1:{port}"))
}

/// Whether the server has loaded its model.
fn healthy(port: u16) -> bool {
    use std::io::{Read as _, Write as _};
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    let asked = stream.write_all(b"GET /health HTTP/1.0\r\n\r\n");
    let mut said = String::new();
    asked.is_ok() && stream.read_to_string(&mut said).is_ok() && said.contains(" 200 ")
}

/// A memory figure of a process in MiB, by its name in `/proc/PID/status`.
fn memory(process: &str, what: &str) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(what));
    let kib = line.and_then(|line| line.split_whitespace().nth(1)).and_then(|n| n.parse().ok());
    kib.unwrap_or(0.) / 1024.
}

/// The measurements of one of the two, by the rows of the table; more is better.
#[derive(Default)]
struct Figures {
    prompt: Vec<f64>,
    answer: Vec<f64>,
    repair: Vec<f64>,
    review: Vec<f64>,
    abreast: Vec<f64>,
    /// The time to the first token of the last of the parallel answers, relative to that of a
    /// single answer.
    later: Vec<f64>,
    busy: Vec<f64>,
}

impl Figures {
    fn measure(&mut self, connection: &Connection, round: usize) {
        let [question, repair, review] = requests(round);
        let first = ask(connection, &question);
        self.prompt.push(first.read());
        self.answer.push(first.written());
        self.repair.push(ask(connection, &repair).written());
        self.review.push(ask(connection, &review).written());
        // A prompt that is not cached, once alone and once for all parallel answers.
        let fresh = |n: usize| requests(1000 + 10 * round + n)[0].clone();
        let alone = ask(connection, &fresh(0)).first;
        let all = ask_all(connection, &vec![Request { temperature: 0.8, ..fresh(1) }; ABREAST]);
        let tokens: u64 = all.iter().map(|call| call.usage.answer).sum();
        let latest = all.iter().map(|call| call.first).max().unwrap_or_default();
        let longest = all.iter().map(|call| call.rest).max().unwrap_or_default();
        self.abreast.push(number(tokens) / longest.as_secs_f64());
        self.later.push(latest.as_secs_f64() / alone.as_secs_f64());
        let others = load();
        self.busy.push(ask(connection, &question).written());
        drop(others);
    }
}

/// The row's title, its measurements, and the ratio that is the limit.
type Row = (&'static str, fn(&Figures) -> &[f64], f64);

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with("--")).collect();
    let Some(model) = args.first() else {
        say("nothing to measure: cargo bench --bench model -- MODEL.gguf [SERVER]");
        return;
    };
    let path = std::path::absolute(model).expect("a path");
    let path = path.to_str().expect("a path in UTF-8");
    let server = args.get(1).map(|program| serve(program, path));
    let address = server.as_ref().map_or("http://127.0.0.1:9", |(_, address)| address);
    let config = format!(
        "providers: {{embedded: {{kind: embedded, timeout: 3600, parallel: {ABREAST}}}, \
         server: {{kind: openai, timeout: 3600, parallel: {ABREAST}, base_url: '{address}/v1'}}}}"
    );
    let config = Config::parse(&config, "the bench's").expect("a configuration");
    let connect =
        |model: &str| connect(model, config.models(), &HashMap::default()).expect("a model");
    let own = connect(&format!("embedded/{path}"));
    let other = server.as_ref().map(|_| connect("server/model"));

    let warm = request("You are brief.", "Say hello.", 8);
    let start = Instant::now();
    ask(&own, &warm);
    say(&format!("loaded, and a first answer: {:.2} s", start.elapsed().as_secs_f64()));
    other.as_ref().map(|other| ask(other, &warm));
    let (mut ours, mut theirs) = (Figures::default(), Figures::default());
    for round in 0..ROUNDS {
        ours.measure(&own, round);
        if let Some(other) = &other {
            theirs.measure(other, round);
        }
    }
    let mut held = true;
    let table: [Row; 6] = [
        ("prompt", |figures| &figures.prompt, 1.1),
        ("one answer", |figures| &figures.answer, 1.0),
        ("a script written again with a change", |figures| &figures.repair, 2.0),
        ("a review that quotes", |figures| &figures.review, 1.3),
        ("four answers side by side, in all", |figures| &figures.abreast, 1.2),
        ("one answer while all cores are busy", |figures| &figures.busy, 0.8),
    ];
    say("tokens a second, median of three: inside the program, llama.cpp's server, ratio (bar)");
    for (what, of, bar) in table {
        let own = median(of(&ours).iter().copied());
        if other.is_none() {
            say(&format!("{what:<40} {own:>8.1}"));
            continue;
        }
        let its = median(of(&theirs).iter().copied());
        let ratio = own / its;
        held &= ratio >= bar;
        let mark = if ratio >= bar { "" } else { "  <-- under the bar" };
        say(&format!("{what:<40} {own:>8.1} {its:>8.1} {ratio:>6.2} ({bar}){mark}"));
    }
    let later = median(ours.later.iter().copied());
    held &= row("last first token of four to that of one", later, "", 1.2);
    let resident = memory("self", "VmRSS");
    say(&format!("memory: {resident:.0} MiB, at most {:.0}", memory("self", "VmHWM")));
    if let Some((server, _)) = &server {
        let its = memory(&server.0[0].id().to_string(), "VmRSS");
        say(&format!("memory of llama.cpp's server: {its:.0} MiB"));
        held &= row("memory to the server's", resident / its, "", 1.2);
    }
    // `exit` drops nothing.
    drop(server);
    if !held {
        std::process::exit(1);
    }
}
