//! Measures how long the program takes to start, and to list 1,000 sessions: `cargo bench --bench
//! sessions`.
#![allow(clippy::expect_used, reason = "a program that measures may panic")]

mod support;

use support::{many_sessions, median, most_memory, ms, redraft, row, timed};

fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut held = true;
    let start = median(21, || timed(redraft(folder.path(), &["--version"]), 0));
    held &= row("`--version`, whole process", ms(start), "ms", 5.0);
    many_sessions(folder.path(), 1000);
    let list = median(9, || timed(redraft(folder.path(), &["list"]), 0));
    held &= row("`list` of 1,001 sessions", ms(list), "ms", 50.0);
    let one = median(9, || timed(redraft(folder.path(), &["show", "s"]), 0));
    held &= row("`show` of one of them", ms(one), "ms", 50.0);
    let unnamed = median(9, || timed(redraft(folder.path(), &["show"]), 0));
    held &= row("`show` of the last one", ms(unnamed), "ms", 50.0);
    row("memory at most", most_memory(), "MiB", 64.0);
    std::process::exit(i32::from(!held));
}
