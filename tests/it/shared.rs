//! Sessions in folders shared by several machines: without the system's file locks, and with clocks
//! that differ.

use crate::support::model_server::Reply;
use crate::support::world::{ACCEPT, Asking, Output, PLAN, World, agent, fenced, finish, wait_for};
use serde_json::Value;
use std::process::Stdio;

const NEW: [&str; 6] = ["new", "count to two", "--sandbox", "off", "--name", "s"];
/// The note about a folder without locks.
const NOTE: &str = "this folder has no file locks";
/// The file that replaces a session's lock there.
const HELD: &str = "sessions/s/.lock.held";

fn model() -> World {
    World::scripted(&[PLAN], &[&fenced("print('v1')"), &fenced("print('v2')")], &[ACCEPT])
}

/// Runs the program as if the file system answered lock requests with this error.
fn without_locks(world: &World, answer: &str, args: &[&str], input: &str) -> Output {
    let mut command = world.command(args);
    command.env("REDRAFT_FILE_LOCKS", answer);
    finish(command, input)
}

#[test]
fn a_folder_without_locks_is_worked_in_all_the_same_and_one_line_says_so() {
    for answer in ["ENOLCK", "EOPNOTSUPP", "ENOSYS"] {
        let world = model();
        let out = without_locks(&world, answer, &NEW, "approve\n").expect(3);
        assert_eq!(
            (out.err.clone() + &out.out).matches(NOTE).count(),
            1,
            "{answer}: {} {}",
            out.err,
            out.out
        );
        let out = without_locks(&world, answer, &["resume", "s"], "accept\n").expect(0);
        assert_eq!(
            (out.err.clone() + &out.out).matches(NOTE).count(),
            1,
            "{answer}: {} {}",
            out.err,
            out.out
        );
        assert!(!world.file(HELD).exists(), "{answer}");
    }
    // With file locks, there is no note and no file.
    let world = model();
    let out = world.run_with(&NEW, "approve\naccept\n").expect(0);
    let said = out.err + &out.out;
    assert!(!said.contains(NOTE) && !world.file(HELD).exists(), "{said}");
}

#[test]
fn without_locks_too_one_process_writes_and_one_that_was_killed_is_followed() {
    let world = World::with(|request| match agent(request) {
        Asking::Planner => Reply::to(request, PLAN),
        _ => Reply::to(request, "some").cut_to(1).then_hang(),
    });
    let mut first = world.command(&["new", "count", "--no-run", "--name", "s", "--auto"]);
    first.env("REDRAFT_FILE_LOCKS", "ENOLCK");
    first.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut first = first.spawn().unwrap();
    wait_for(|| world.received().len() == 2);
    let holder = format!("process {}", first.id());
    for args in [["resume", "s"].as_slice(), &["feedback", "s", "x"], &["repair", "s"]] {
        let before = world.tree();
        let out = without_locks(&world, "ENOLCK", args, "").expect(5);
        assert!(out.err.contains(&holder) && out.err.contains(".lock.held"), "{}", out.err);
        assert_eq!(out.err.lines().count(), 1, "{}", out.err);
        // A process on a machine where the folder has locks is refused too.
        assert!(world.run(args).expect(5).err.contains(&holder));
        assert!(world.tree() == before, "{args:?}");
    }
    for args in [["show", "s"].as_slice(), &["list"], &["log", "s"]] {
        without_locks(&world, "ENOLCK", args, "").expect(0);
    }
    first.kill().unwrap();
    first.wait().unwrap();
    world.server().release();
    assert!(world.file(HELD).exists());
    without_locks(&world, "ENOLCK", &["repair", "s"], "").expect(0);
    assert!(!world.file(HELD).exists());
}

#[test]
fn a_lock_of_another_machine_holds_and_one_from_before_this_machine_was_started_does_not() {
    let world = model();
    without_locks(&world, "ENOLCK", &NEW, "").expect(3);
    let host = nix::unistd::gethostname().unwrap().into_string().unwrap();
    for (line, held) in [
        ("7 1 ab other-boot far".to_owned(), Some("process 7 on `far`")),
        (format!("7 1 ab other-boot {host}"), None),
        // The owner is unknown, so only the user can remove the lock.
        (String::new(), Some("another process")),
    ] {
        world.write(HELD, &line);
        let out = without_locks(&world, "ENOLCK", &["resume", "s"], "");
        match held {
            Some(holder) => {
                let err = out.expect(5).err;
                assert!(err.contains(holder) && err.contains("remove `"), "{err}");
                std::fs::remove_file(world.file(HELD)).unwrap();
            }
            None => drop(out.expect(3)),
        }
        assert!(!world.file(HELD).exists(), "{line}");
    }
}

/// The journal with each line's time computed from its number.
fn with_times(world: &World, time: impl Fn(usize) -> String) {
    let journal = world.read("sessions/s/journal.jsonl");
    let lines = journal.lines().enumerate().map(|(n, line)| {
        let at = serde_json::from_str::<Value>(line).unwrap()["at"].to_string();
        line.replacen(&at, &Value::from(time(n)).to_string(), 1) + "\n"
    });
    world.write("sessions/s/journal.jsonl", &lines.collect::<String>());
}

#[test]
fn clocks_that_differ_or_jump_break_nothing() {
    let hour = |n: usize| format!("2026-11-30T{:02}:00:00Z", n % 24);
    let times: [(&str, &dyn Fn(usize) -> String); 5] = [
        ("back by an hour a line", &|n| hour(1000 * 24 - n)),
        ("to and fro", &|n| if n % 2 == 0 { hour(23) } else { "1970-01-01T00:00:00Z".to_owned() }),
        ("years ahead", &|n| format!("{}-01-01T00:00:00Z", 2100 + n)),
        ("the same", &|_| hour(1)),
        ("none", &|_| "yesterday".to_owned()),
    ];
    for (case, time) in times {
        let world = model();
        world.run_with(&NEW, "approve\nfeedback: more of it\n").expect(3);
        let before = world.events("s").len();
        with_times(&world, time);
        for args in [
            ["list"].as_slice(),
            &["list", "--json"],
            &["show", "s"],
            &["log", "s"],
            &["diff", "s"],
            &["export", "s"],
            &["report", "s", "-o", "-"],
            &["report", "s", "--format", "md", "-o", "-"],
            &["doctor", "s"],
            &["repair", "s"],
        ] {
            let out = world.run(args);
            assert!(!out.err.contains("panicked"), "{case}, {args:?}: {}", out.err);
            assert!(matches!(out.code, Some(0)), "{case}, {args:?}: {}{}", out.out, out.err);
        }
        assert_eq!(world.events("s").len(), before, "{case}");
        // The seal of a permission covers its time, so the permission is asked for again.
        let out = world.run_with(&["resume", "s", "--sandbox", "off"], "accept\n");
        assert!(!out.err.contains("panicked"), "{case}: {}", out.err);
        let journal = world.journal("s");
        for (n, event) in journal.iter().enumerate() {
            assert_eq!(event["seq"], n + 1, "{case}");
        }
        assert!(journal.iter().any(|event| event["event"] == "accepted"), "{case}: {}", out.err);
    }
}
