//! Ctrl-C at a terminal: the running step is stopped, the partial answer is shown, and the user
//! decides how to continue.

use crate::support::model_server::{Received, Reply};
use crate::support::pty::{CTRL_C, ENTER, ESCAPE, Pty};
use crate::support::world::{ACCEPT, Asking, PLAN, World, agent, fenced, wait_for};
use std::sync::atomic::{AtomicUsize, Ordering};

const LAST: &str = "resume with: redraft resume s";
const NEW: [&str; 5] = ["new", "count to two", "--name", "s", "--no-run"];
const STOPPED: &str = "Stopped. What next?";

/// A world with these Coder answers, by number from 0.
fn world(coder: impl Fn(&Received, usize) -> Reply + Send + Sync + 'static) -> World {
    let at = AtomicUsize::new(0);
    World::with(move |request| match agent(request) {
        Asking::Planner if request.prompt().contains("in blue") => {
            Reply::to(request, &PLAN.replace("prints two", "prints blue"))
        }
        Asking::Planner => Reply::to(request, PLAN),
        Asking::Coder => coder(request, at.fetch_add(1, Ordering::SeqCst)),
        Asking::Reviewer => Reply::to(request, ACCEPT),
    })
}

/// A script of 40 lines whose answer does not end.
fn unfinished(request: &Received) -> Reply {
    let lines: String = (10..50).map(|n| format!("#line-{n}-\x1b[2J\u{9b}31m\n")).collect();
    let text = format!("{}\n```\n", fenced(&lines).trim_end().trim_end_matches("```").trim_end());
    let pieces = text.split_inclusive([' ', '\n']).count();
    Reply::to(request, &text).cut_to(pieces - 1).then_hang()
}

/// A world whose Coder's first answer does not end; the others are scripts.
fn hanging() -> World {
    world(|request, number| match number {
        0 => unfinished(request),
        n => Reply::to(request, &fenced(&format!("print({n})"))),
    })
}

/// The program after the Coder's first answer was stopped.
fn stopped(world: &World, args: &[&str]) -> Pty {
    let mut pty = Pty::sized(world, args, 100, 50, &[]);
    pty.choose("Is this the plan?", "approve");
    pty.expect_screen("all that comes", |screen| screen.contains("│ #line-49"));
    pty.send(CTRL_C);
    pty.expect(&format!("? {STOPPED}"));
    pty.expect_screen("the menu", |screen| screen.contains("❯ r retry"));
    pty
}

#[track_caller]
fn expect_a_clean_end(pty: &mut Pty, code: i32) {
    pty.expect_end(code);
    assert_eq!(pty.last_line(), LAST, "{}", pty.screen());
    assert!(pty.shows_cursor() && pty.echoes());
}

#[test]
fn a_stopped_answer_is_shown_and_kept_and_nothing_is_paid_twice() {
    let world = hanging();
    let mut pty = stopped(&world, &NEW);
    // The end of the partial answer, without control characters, as far as it fits.
    let screen = pty.screen();
    assert!(screen.contains("── What it had written "), "{screen}");
    assert!(screen.contains("22 lines before this") && !screen.contains("line-29"), "{screen}");
    assert!(screen.contains("│ #line-30-\\x1b[2J") && screen.contains("│ #line-49"), "{screen}");
    assert!(!screen.contains("writing, "), "the window stays\n{screen}");
    let raw = String::from_utf8_lossy(pty.raw()).into_owned();
    assert!(!raw.contains("\x1b[2J") && !raw.contains("\u{9b}31m"), "{raw:?}");
    let kept = world.read("sessions/s/chats/0002-coder.md");
    assert!(kept.contains("#line-10-") && kept.contains("#line-49-"), "{kept}");
    assert_eq!(world.events("s").last().unwrap(), "paused");
    pty.send("q");
    expect_a_clean_end(&mut pty, 3);
    let gates = |event: &serde_json::Value| event["gate"] == "stopped";
    assert!(!world.journal("s").iter().any(gates), "the journal has a gate that it did not have");
    // A resume repeats only the stopped answer.
    let mut pty = Pty::start(&world, &["resume", "s"]);
    pty.choose("What now?", "accept");
    pty.expect_end(0);
    let asked: Vec<Asking> = world.received().iter().map(agent).collect();
    assert_eq!(asked, [Asking::Planner, Asking::Coder, Asking::Coder, Asking::Reviewer]);
    world.run(&["replay", "s"]).expect(0);
}

#[test]
fn retry_repeats_the_stopped_step() {
    let world = hanging();
    let mut pty = stopped(&world, &NEW);
    pty.send("r");
    pty.expect("s v1 (first)");
    pty.choose("What now?", "accept");
    pty.expect_end(0);
    assert_eq!(world.received().len(), 4);
    world.run(&["replay", "s"]).expect(0);
}

#[test]
fn a_retried_step_can_be_stopped_again() {
    let world = world(|request, number| match number {
        0 | 1 => unfinished(request),
        n => Reply::to(request, &fenced(&format!("print({n})"))),
    });
    let mut pty = stopped(&world, &NEW);
    pty.send("r");
    pty.expect("The Coder writes v1");
    pty.expect_screen("all that comes", |screen| {
        screen.contains("│ #line-49") && screen.contains("writing, ")
    });
    pty.send(CTRL_C);
    pty.expect(&format!("? {STOPPED}"));
    pty.expect_screen("the menu", |screen| screen.contains("❯ r retry"));
    pty.send("r");
    pty.expect("s v1 (first)");
    pty.choose("What now?", "quit");
    expect_a_clean_end(&mut pty, 3);
}

#[test]
fn feedback_after_a_stop_goes_to_the_planner() {
    let world = hanging();
    let mut pty = stopped(&world, &NEW);
    pty.send("s");
    pty.expect("What should change?");
    pty.send("in blue");
    pty.expect_screen("it", |screen| screen.contains("What should change? in blue"));
    // One step back, keeping the typed text.
    pty.send(ESCAPE);
    pty.choose(STOPPED, "say");
    pty.expect("What should change? in blue");
    pty.send(ENTER);
    pty.expect("R2: It prints blue.");
    pty.choose("Is this the plan?", "approve");
    pty.expect("s v1 (first)");
    pty.choose("What now?", "quit");
    expect_a_clean_end(&mut pty, 3);
    world.run(&["replay", "s"]).expect(0);
}

#[test]
fn a_second_ctrl_c_leaves_a_resumable_session() {
    let world = hanging();
    let flags = ["--sessions", "my place"];
    let mut pty = stopped(&world, &[&NEW[..], &flags].concat());
    pty.send(CTRL_C);
    pty.expect_end(130);
    let last = format!("{LAST} --sessions 'my place'");
    assert_eq!(pty.last_line(), last, "{}", pty.screen());
    assert!(pty.shows_cursor() && pty.echoes());
    let mut pty = Pty::start(&world, &[&["resume"], &flags[..]].concat());
    pty.choose("What now?", "accept");
    pty.expect_end(0);
    assert_eq!(world.received().len(), 4);
}

#[test]
fn a_stopped_run_can_be_repeated_or_answered_with_feedback() {
    let world = World::with(|request| match agent(request) {
        Asking::Planner => Reply::to(request, PLAN),
        Asking::Coder if request.prompt().contains("it hangs") => {
            Reply::to(request, &fenced("print('one')\nprint('two')"))
        }
        Asking::Coder => Reply::to(request, &fenced("import time\ntime.sleep(600)")),
        Asking::Reviewer => Reply::to(request, ACCEPT),
    });
    let args = ["new", "count", "--name", "s", "--sandbox", "off"];
    let mut pty = Pty::sized(&world, &args, 100, 50, &[]);
    pty.choose("Is this the plan?", "approve");
    for _ in 0..2 {
        pty.expect("running v1 (stopped after");
        pty.send(CTRL_C);
        pty.expect(&format!("? {STOPPED}"));
        pty.expect_screen("the menu", |screen| screen.contains("❯ r retry"));
        assert!(!pty.screen().contains("What it had written"), "{}", pty.screen());
        pty.send("r");
    }
    pty.expect("running v1 (stopped after");
    pty.send(CTRL_C);
    pty.choose(STOPPED, "say");
    pty.expect("What should change?");
    pty.send("it hangs");
    pty.expect_screen("it", |screen| screen.contains("change? it hangs"));
    pty.send(ENTER);
    pty.expect("s v2 (feedback)");
    pty.choose("What now?", "quit");
    expect_a_clean_end(&mut pty, 3);
    let runs = world.events("s").iter().filter(|event| *event == "run_started").count();
    assert_eq!((runs, world.received().len()), (4, 4));
    world.run(&["replay", "s"]).expect(0);
}

#[test]
fn unattended_ctrl_c_pauses_the_session() {
    let world = hanging();
    let mut pty = Pty::sized(&world, &[&NEW[..], &["--auto"]].concat(), 100, 50, &[]);
    pty.expect_screen("all that comes", |screen| screen.contains("│ #line-49"));
    pty.send(CTRL_C);
    expect_a_clean_end(&mut pty, 130);
    assert!(!pty.text().contains(STOPPED));
    assert_eq!(world.events("s").last().unwrap(), "paused");
}

#[test]
fn after_a_stop_work_continues_with_the_finished_candidate() {
    let world = world(|request, number| match number {
        1 => unfinished(request),
        n => Reply::to(request, &fenced(&format!("print({n})"))),
    });
    let mut pty = Pty::sized(&world, &[&NEW[..], &["--candidates", "2"]].concat(), 100, 50, &[]);
    pty.choose("Is this the plan?", "approve");
    pty.expect("1 of 2 candidates done");
    wait_for(|| world.received().len() == 3);
    pty.send(CTRL_C);
    pty.expect(&format!("? {STOPPED}"));
    pty.expect_screen("the menu", |screen| screen.contains("❯ r retry"));
    pty.send("r");
    pty.expect("s v1 (first)");
    pty.choose("What now?", "quit");
    expect_a_clean_end(&mut pty, 3);
    let coder = |request: &&Received| agent(request) == Asking::Coder;
    assert_eq!(world.received().iter().filter(coder).count(), 2);
    world.run(&["replay", "s"]).expect(0);
}
