//! Measures how much longer eight candidates take than one, with a server that answers in parallel:
//! whole processes that request, check and run the candidates and choose the best.
//!
//! `cargo bench --bench candidates`; `-- SECONDS` sets the server's time per answer, by default 1.
#![allow(clippy::expect_used, reason = "a program that measures may panic")]

mod support;

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use support::model_server::{ModelServer, Reply};
use support::{configure, median, ms, redraft, row, say, timed};

fn quick(folder: &Path, name: &str, candidates: &str) -> std::process::Command {
    let args = ["new", "count", "--name", name, "--preset", "quick", "--auto"];
    redraft(folder, &[&args[..], &["--candidates", candidates]].concat())
}

fn main() {
    let seconds = std::env::args().find_map(|arg| arg.parse::<f64>().ok());
    let wait = Duration::from_secs_f64(seconds.unwrap_or(1.0));
    let asked = AtomicUsize::new(0);
    let server = ModelServer::start(move |request| {
        std::thread::sleep(wait);
        // A different script for each candidate, so that none is dropped as a duplicate.
        let n = asked.fetch_add(1, Ordering::Relaxed);
        Reply::to(request, &format!("```python\nfor n in range(10):\n    print(n, {n})\n```\n"))
    });
    let folder = tempfile::tempdir().expect("a folder");
    configure(folder.path(), &server);
    let mut took = [0.0, 0.0];
    for (took, candidates) in took.iter_mut().zip(["1", "8"]) {
        let mut n = 0;
        *took = ms(median(5, || {
            n += 1;
            timed(quick(folder.path(), &format!("c{candidates}-{n}"), candidates), 0)
        }));
        say(&format!("{candidates} samples, answers after {} s: {took:.0} ms", wait.as_secs_f64()));
    }
    let held = row("eight samples against one", took[1] / took[0], "", 1.2);
    std::process::exit(i32::from(!held));
}
