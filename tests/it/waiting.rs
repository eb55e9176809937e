//! The progress shown while a model works.

use crate::support::model_server::{Received, Reply};
use crate::support::pty::{ENTER, Pty};
use crate::support::world::{ACCEPT, Asking, PLAN, World, agent, fenced};
use expectrl::process::unix::Signal;
use redraft::config::Config;
use redraft::domain::profile::Profile;
use redraft::llm::provider::connect_in;
use redraft::llm::{Used, profiles};
use serde_json::json;
use std::sync::atomic::{AtomicUsize, Ordering};

const NEW: [&str; 5] = ["new", "count to two", "--name", "s", "--no-run"];

/// Replies by the request's number, from 0.
fn one_after_the_other(
    replies: impl Fn(&Received, usize) -> Reply + Send + Sync + 'static,
) -> impl Fn(&Received) -> Reply + Send + Sync + 'static {
    let at = AtomicUsize::new(0);
    move |request| replies(request, at.fetch_add(1, Ordering::SeqCst))
}

/// A world with these Coder answers, by number from 0.
fn world(coder: impl Fn(&Received, usize) -> Reply + Send + Sync + 'static) -> World {
    let coder = one_after_the_other(coder);
    World::with(move |request| match agent(request) {
        Asking::Planner => Reply::to(request, PLAN),
        Asking::Coder => coder(request),
        Asking::Reviewer => Reply::to(request, ACCEPT),
    })
}

/// Ends the program while it waits.
fn end(pty: &mut Pty) {
    pty.signal(Signal::SIGTERM);
    pty.expect_end(130);
}

#[test]
fn prompt_progress_is_shown_if_the_server_reports_it() {
    let world = world(|request, _| {
        let event = json!({
            "choices": [{"index": 0, "delta": {"role": "assistant", "content": null}}],
            "prompt_progress": {"total": 200, "cache": 0, "processed": 84, "time_ms": 5},
        });
        Reply::raw(200, request.stream_type(), [request.event(&event)]).then_hang()
    });
    let mut pty = Pty::start(&world, &NEW);
    pty.choose("Is this the plan?", "approve");
    pty.expect_screen("the part", |screen| screen.contains("reading the prompt, 42%"));
    end(&mut pty);
}

#[test]
fn the_time_left_is_estimated_without_the_prefilled_part() {
    let script: String = (10..50).map(|n| format!("print('line {n}')\n")).collect();
    let first = format!("{script}```\n");
    let world = world(move |request, number| {
        if number == 0 {
            return Reply::to(request, &first);
        }
        // In a single chunk, so that no speed can be measured.
        let lines: String = (10..13).map(|n| format!("print('new! {n}')\n")).collect();
        Reply::raw(200, request.stream_type(), [request.text_event(&lines)]).then_hang()
    });
    // For this kind, redraft prefills the answer with the opening fence.
    let url = world.server().base_url();
    let config = format!(
        "model: local/m\nedits: false\nproviders:\n  local: {{ kind: completion, base_url: '{url}/v1/completions', \
         timeout: 20 }}\n"
    );
    world.write("redraft.yaml", &config);
    let config = Config::parse(&config, "test").unwrap();
    let local = connect_in("local/m", config.models(), &Used::new(), &|_| None).unwrap();
    let profile = Profile { answer_speed: Some(10.0), code: true, ..Profile::default() };
    profiles::keep(&world.file("home/.cache/redraft/profiles"), &local.identity, &profile).unwrap();
    let mut pty = Pty::sized(&world, &NEW, 100, 40, &[]);
    pty.choose("Is this the plan?", "approve");
    pty.choose("What now?", "iterate");
    // 40 lines of 17 bytes minus three of 18, at four bytes per token.
    let left = "writing, 3 lines, 10 tokens/s, about 16 s left";
    pty.expect_screen("what is left", |screen| screen.contains(left));
    end(&mut pty);
    let asked = world.received();
    let last = asked.last().unwrap().body["prompt"].as_str().unwrap();
    assert!(last.ends_with("```python\n"), "nothing was begun: {last}");
}

/// `new` with three candidates per script.
fn three_candidates() -> Vec<&'static str> {
    [&NEW[..], &["--candidates", "3"]].concat()
}

/// A world with three parallel candidates and a known speed. Each answer sends its lines in one
/// chunk, each with one line more than the one before, and then hangs.
fn stalled_candidates() -> World {
    let world = world(|request, number| {
        let lines = "print('counting')\n".repeat(number + 2);
        let text = format!("Here it is:\n```python\n{lines}");
        Reply::raw(200, request.stream_type(), [request.text_event(&text)]).then_hang()
    });
    let url = world.server().base_url();
    let config = format!(
        "model: local/m\nproviders:\n  local: {{ kind: openai, base_url: '{url}/v1', timeout: 20, \
         structured: false, parallel: 3 }}\n"
    );
    world.write("redraft.yaml", &config);
    let config = Config::parse(&config, "test").unwrap();
    let local = connect_in("local/m", config.models(), &Used::new(), &|_| None).unwrap();
    let profile = Profile { answer_speed: Some(10.0), code: true, ..Profile::default() };
    profiles::keep(&world.file("home/.cache/redraft/profiles"), &local.identity, &profile).unwrap();
    world
}

#[test]
fn how_far_all_candidates_are_together_is_shown() {
    let words = "0 of 3 candidates done, 15 lines, 10 tokens/s";
    for columns in [50, 80, 120] {
        let world = stalled_candidates();
        let mut pty = Pty::sized(&world, &three_candidates(), columns, 24, &[]);
        pty.choose("Is this the plan?", "approve");
        // A narrow terminal shows it in two lines.
        pty.expect_screen("all lines", |screen| {
            screen.split_whitespace().collect::<Vec<_>>().join(" ").contains(words)
        });
        end(&mut pty);
    }
}

#[test]
fn how_much_of_the_candidates_prompts_is_read_is_shown_as_one_part() {
    let world = world(|request, number| {
        let event = json!({
            "choices": [{"index": 0, "delta": {"role": "assistant", "content": null}}],
            "prompt_progress": {"total": 200, "cache": 0, "processed": 40 * (number + 1), "time_ms": 5},
        });
        Reply::raw(200, request.stream_type(), [request.event(&event)]).then_hang()
    });
    let mut pty = Pty::start(&world, &three_candidates());
    pty.choose("Is this the plan?", "approve");
    // The mean of one, two and three fifths.
    let part = "0 of 3 candidates done, reading the prompt, 40%";
    pty.expect_screen("the part", |screen| screen.contains(part));
    end(&mut pty);
}

#[test]
fn a_copy_of_the_version_is_stopped_early_and_not_run() {
    let copied = fenced("print(1)");
    let copied = copied.strip_prefix("Here it is:\n").unwrap().to_owned();
    let world = world(move |request, number| match number {
        0 => Reply::to(request, &fenced("print(1)")),
        // The rest of the answer never arrives.
        1 => {
            let text = format!("{copied}\nIt is right as it is, since");
            Reply::to(request, &text).cut_to(9).then_hang()
        }
        _ => Reply::to(request, &fenced("print(2)")),
    });
    let mut pty =
        Pty::sized(&world, &["new", "count", "--name", "s", "--sandbox", "off"], 100, 50, &[]);
    pty.choose("Is this the plan?", "approve");
    pty.choose("What now?", "feedback");
    pty.expect("What did you see?");
    pty.send("two");
    pty.expect_screen("it", |screen| screen.contains("What did you see? two"));
    pty.send(ENTER);
    pty.expect("this is version 1 again");
    pty.expect("s v2 (feedback)");
    pty.choose("What now?", "quit");
    pty.expect_end(3);
    let count = |name: &str| world.events("s").iter().filter(|event| *event == name).count();
    assert_eq!((count("run_started"), count("version_created")), (2, 2));
    assert_eq!(count("answer_refused"), 1);
}

#[test]
fn without_a_terminal_no_progress_is_printed() {
    let script = fenced(&"print(1)\n".repeat(30));
    for (more, out) in [(&[][..], true), (&["--json"], false), (&["--quiet"], true)] {
        let script = script.clone();
        let world = world(move |request, _| Reply::to(request, &script));
        let output = world.run(&[&NEW[..], &["--auto"], more].concat()).expect(0);
        for gone in ["writing, ", "tokens/s", "reading the prompt", "\u{1b}"] {
            assert!(!output.out.contains(gone) && !output.err.contains(gone), "{more:?} {gone}");
        }
        assert_eq!(output.out.contains("accepted v1"), out, "{more:?}: {}", output.out);
    }
}
