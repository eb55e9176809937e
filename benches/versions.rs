//! Measures the time and memory of the whole program for ten versions and ten reviews, with a
//! server that answers at once, and whether prompts grow with the number of versions.
//!
//! `cargo bench --bench versions`; 1,000 versions take a while: `-- --quick` makes 100.
#![allow(clippy::expect_used, reason = "a program that measures may panic")]

mod support;

use std::path::Path;
use support::{configure, median, most_memory, ms, never_content, redraft, row, say, timed};

/// Prompt lengths of one role in characters, one per version.
fn lengths(server: &support::model_server::ModelServer, role: &str) -> Vec<usize> {
    let prompts = server.received().into_iter().map(|request| request.prompt());
    let prompts = prompts.filter(|p| p.starts_with(&format!("You are the {role}")));
    prompts.map(|p| p.chars().count()).collect()
}

fn grown(role: &str, all: &[usize], late: usize, early: usize) -> bool {
    let (late_length, early_length) = (all[late - 1], all[early - 1]);
    let ratio = |a: usize, b: usize| {
        f64::from(u32::try_from(a).expect("a prompt"))
            / f64::from(u32::try_from(b).expect("a prompt"))
    };
    let what =
        format!("{role}'s prompt, version {late} to {early} ({late_length}, {early_length})");
    // One percent tolerance for the digits of higher numbers.
    row(&what, ratio(late_length, early_length), "", 1.01)
}

fn versions(folder: &Path, name: &str, count: &str) -> std::process::Command {
    let mut args = vec!["new", "count to two", "--name", name, "--auto", "--no-run"];
    args.extend(["--max-versions", count]);
    redraft(folder, &args)
}

fn main() {
    let many = if std::env::args().any(|arg| arg == "--quick") { 100 } else { 1000 };
    let folder = tempfile::tempdir().expect("a folder");
    let mut held = true;

    let server = never_content();
    configure(folder.path(), &server);
    let mut n = 0;
    let took = median(9, || {
        n += 1;
        timed(versions(folder.path(), &format!("ten-{n}"), "10"), 3)
    });
    held &= row("ten versions and ten reviews, whole process", ms(took), "ms", 100.0);
    held &= row("  its memory at most", most_memory(), "MiB", 25.0);

    let server = never_content();
    configure(folder.path(), &server);
    let took = timed(versions(folder.path(), "many", &many.to_string()), 3);
    say(&format!("{many} versions and reviews: {:.0} ms each", ms(took) / f64::from(many)));
    for role in ["Coder", "Reviewer"] {
        let all = lengths(&server, role);
        held &= grown(role, &all, 10, 3);
        held &= grown(role, &all, 100, 3);
    }
    let show = median(9, || timed(redraft(folder.path(), &["show", "many"]), 0));
    held &= row(&format!("`show` of {many} versions"), ms(show), "ms", 50.0);
    say(&format!("the most memory of all: {:.1} MiB", most_memory()));
    std::process::exit(i32::from(!held));
}
