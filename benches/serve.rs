//! Measures `redraft serve`: the list of 1,000 sessions, a session that streams to a browser, and
//! memory: `cargo bench --bench serve`. Linux only: reads `/proc`.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a program that measures may panic")]

mod support;

#[path = "../tests/it/support/served.rs"]
#[allow(dead_code, reason = "shared with tests")]
mod served;

use served::Served;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::time::{Duration, Instant};
use support::model_server::{ModelServer, Received, Reply};
use support::{configure, many_sessions, median, ms, redraft, row};

/// Length of the model's answer in words, and its speed: that of a small model on a fast machine.
const WORDS: usize = 1000;
const PER_SECOND: u32 = 100;

fn start(folder: &Path) -> Served {
    let mut command = redraft(folder, &["serve", "--listen", "127.0.0.1:0"]);
    let mut child = command.spawn().expect("the program starts");
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let url = lines.find_map(|line| line.unwrap().strip_prefix("http://").map(str::to_owned));
    let url = url.expect("an address");
    let (address, token) = url.split_once("/?token=").expect("a token");
    Served { address: address.to_owned(), token: token.to_owned(), child }
}

/// Head of a request from a browser with this cookie.
fn head(served: &Served, cookie: &str, line: &str) -> String {
    let address = &served.address;
    format!(
        "{line} HTTP/1.1\r\nHost: {address}\r\nOrigin: http://{address}\r\nCookie: {cookie}\r\n"
    )
}

fn ask(served: &Served, head: &str, body: &str) -> served::Answer {
    let length = body.len();
    let rest = format!("Connection: close\r\nContent-Length: {length}\r\n\r\n{body}");
    served.exchange(&format!("{head}{rest}")).expect("a whole answer")
}

/// A file in `/proc` about the server's process.
fn account(served: &Served, file: &str) -> String {
    std::fs::read_to_string(format!("/proc/{}/{file}", served.child.id())).expect("Linux")
}

/// Processor time of all threads of the server.
fn worked(served: &Served) -> Duration {
    let stat = account(served, "stat");
    // After the name, which may contain blanks: user and system time are fields 14 and 15, in ticks of 10 ms.
    let (_, fields) = stat.rsplit_once(") ").expect("a name");
    let ticks = fields.split(' ').skip(11).take(2).map(|ticks| ticks.parse::<u64>().unwrap());
    Duration::from_millis(ticks.sum::<u64>() * 10)
}

/// Peak resident memory, in MB.
fn memory(served: &Served) -> f64 {
    let status = account(served, "status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a line");
    let kib: f64 = line.trim().trim_end_matches(" kB").parse().unwrap();
    kib * 1024.0 / 1e6
}

fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    many_sessions(folder, 1000);
    let server = ModelServer::start(|request: &Received| {
        // Repeated words would be taken for a repetition loop and cut off.
        let words: Vec<String> = (0..WORDS).map(|n| (n * n).to_string()).collect();
        let text = words.join(" ");
        Reply::to(request, &text).paced(Duration::from_secs(1) / PER_SECOND)
    });
    configure(folder, &server);
    let pages = start(folder);
    let token = format!("GET /?token={} HTTP/1.1\r\nHost: {}\r\n", pages.token, pages.address);
    let entered = ask(&pages, &token, "");
    let cookie = entered.head.lines().find_map(|line| line.strip_prefix("set-cookie: "));
    let cookie = cookie.and_then(|cookie| cookie.split(';').next()).expect("a cookie");

    let mut held = true;
    let get = head(&pages, cookie, "GET /");
    let list = median(21, || {
        let begun = Instant::now();
        let page = ask(&pages, &get, "");
        let took = begun.elapsed();
        assert!(page.status == 200 && page.body.contains("copy-0999"), "{}", page.status);
        took
    });
    held &= row("the list of 1,001 sessions, from request to last byte", ms(list), "ms", 50.0);

    let post = head(&pages, cookie, "POST /sessions") + "Content-Type: application/json\r\n";
    let made = ask(&pages, &post, r#"{"request":"count to two","name":"streams"}"#);
    assert_eq!(made.status, 201, "{}", made.body);
    let watched = head(&pages, cookie, "GET /sessions/streams/events");
    let mut lines = BufReader::new(pages.send(&format!("{watched}\r\n"))).lines();
    let mut until = |what: &str| {
        assert!(lines.any(|line| line.unwrap().contains(what)), "no {what}");
        (Instant::now(), worked(&pages))
    };
    let (begun, before) = until(r#""news":"text""#);
    let (ended, after) = until(r#""news":"called""#);
    assert!(ended - begun > Duration::from_secs(5), "it was cut off");
    let share = after.saturating_sub(before).as_secs_f64() / (ended - begun).as_secs_f64() * 100.0;
    let what = format!("a session that streams {PER_SECOND} pieces a second, of a core");
    held &= row(&what, share, "%", 3.0);
    held &= row("memory at most", memory(&pages), "MB", 60.0);
    drop(pages);
    std::process::exit(i32::from(!held));
}
