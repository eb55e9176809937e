//! Measures how long the program takes to start, and to list 1,000 sessions: `cargo bench --bench
//! sessions`.
#![allow(clippy::expect_used, reason = "a program that measures may panic")]

mod support;

use std::path::Path;
use support::{configure, median, most_memory, ms, never_content, redraft, row, timed, write};

/// Creates a session with four versions.
fn session(folder: &Path) {
    let server = never_content();
    configure(folder, &server);
    let args = ["new", "count to two", "--name", "s", "--auto", "--no-run", "--max-versions", "4"];
    timed(redraft(folder, &args), 3);
}

/// Copies the session under `count` names.
#[allow(clippy::disallowed_methods, reason = "no session's own file")]
fn copies(folder: &Path, count: usize) {
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
    }
}

fn main() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut held = true;
    let start = median(21, || timed(redraft(folder.path(), &["--version"]), 0));
    held &= row("`--version`, whole process", ms(start), "ms", 5.0);
    session(folder.path());
    copies(folder.path(), 1000);
    let list = median(9, || timed(redraft(folder.path(), &["list"]), 0));
    held &= row("`list` of 1,001 sessions", ms(list), "ms", 50.0);
    let one = median(9, || timed(redraft(folder.path(), &["show", "s"]), 0));
    held &= row("`show` of one of them", ms(one), "ms", 50.0);
    let unnamed = median(9, || timed(redraft(folder.path(), &["show"]), 0));
    held &= row("`show` of the last one", ms(unnamed), "ms", 50.0);
    row("memory at most", most_memory(), "MiB", 64.0);
    std::process::exit(i32::from(!held));
}
