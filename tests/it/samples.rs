//! Several candidates of a script, and the presets that work without the user at every step.

use crate::support::model_server::Reply;
use crate::support::world::{ACCEPT, Asking, PLAN, World, agent, fenced};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

/// A world whose Coder's answers depend on the request's temperature, from which the candidate's
/// number follows.
fn sampled(coder: impl Fn(usize) -> String + Send + Sync + 'static) -> World {
    World::with(move |request| match agent(request) {
        Asking::Planner => Reply::to(request, PLAN),
        Asking::Reviewer => Reply::to(request, ACCEPT),
        Asking::Coder => {
            let temperature = request.body["temperature"].as_f64().unwrap();
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
            Reply::to(request, &coder(((temperature - 0.2) * 10.0).round() as usize))
        }
    })
}

/// An error response.
fn no() -> Reply {
    Reply::raw(400, "application/json", ["{\"error\": {\"message\": \"no\"}}"])
}

const NEW: [&str; 6] = ["new", "count to two", "--name", "s", "--auto", "--candidates"];

fn new<'a>(candidates: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    NEW.into_iter().chain([candidates]).chain(more.iter().copied()).collect()
}

#[test]
fn the_best_working_candidate_becomes_the_version() {
    let scripts = [
        "print(1 / 0)",
        "import os\nimport sys\nprint('one')",
        "print('one')\nprint('two')",
        "import sys\nsys.exit(3)",
    ];
    let world = sampled(move |place| fenced(scripts[place]));
    let out = world.run(&new("4", &[])).expect(0);
    assert!(out.out.contains("accepted v1"), "{}", out.out);
    assert_eq!(world.read("sessions/s/script_v1.py"), "print('one')\nprint('two')\n");
    let others: Vec<bool> = (1..=4)
        .map(|n| world.file(&format!("sessions/s/candidates_v1/sample_{n}.py")).is_file())
        .collect();
    // Answers are numbered in the order of arrival.
    assert_eq!(others.iter().filter(|there| **there).count(), 3, "the chosen one is the version");
    let scores = world.read("sessions/s/candidates_v1/scores.yaml");
    assert_eq!(scores.matches("run: failed").count(), 2, "{scores}");
    assert_eq!(scores.matches("lint_score: 10.0").count(), 3, "{scores}");
    let report = world.read("sessions/s/report_v1.yaml");
    assert!(report.contains("verdict: ok") && report.contains("chosen: true"), "{report}");
    assert_eq!(world.read("sessions/s/run_v1/stdout.txt"), "one\ntwo\n");
    let runs = world.events("s").iter().filter(|e| *e == "run_started").count();
    assert_eq!(runs, 0, "the chosen one is not run a second time");
    assert!(world.run(&["show", "s"]).expect(0).out.contains("run ok"));
}

#[test]
fn a_candidate_that_most_others_agree_with_is_chosen() {
    let half = |how: &str| format!("def half(n: int) -> int:\n    {how}");
    let scripts = [
        half("return n / 2"),
        half("import os\n    return n // 2"),
        half("return (n - n % 2) // 2"),
        half("return n >> 1\n\n\nprint('hi')"),
    ];
    let world = sampled(move |place| fenced(&scripts[place.min(3)]));
    let out = world.run(&new("5", &[])).expect(0).out;
    assert!(out.contains("  3 others do the same"), "{out}");
    assert!(!world.read("sessions/s/script_v1.py").contains("n / 2"), "{out}");
    let scores = world.read("sessions/s/candidates_v1/scores.yaml");
    assert_eq!(scores.matches("agreeing: 3").count(), 3, "{scores}");
    assert_eq!(scores.matches("agreeing:").count(), 3, "{scores}");
    // The results are recorded, so the replay needs no run.
    world.run(&["replay", "s"]).expect(0);
}

#[test]
fn candidates_are_requested_concurrently_at_rising_temperatures() {
    // No request is answered before all have arrived.
    let gate = Arc::new((Mutex::new(0), Condvar::new()));
    let world = sampled(move |_| {
        let (asked, all) = &*gate;
        let mut asked = asked.lock().unwrap();
        *asked += 1;
        all.notify_all();
        let (asked, late) =
            all.wait_timeout_while(asked, Duration::from_mins(1), |n| *n < 8).unwrap();
        assert!(!late.timed_out(), "only {asked} asked");
        fenced("print('one')")
    });
    world.run(&new("8", &["--no-run"])).expect(0);
    let temperatures: std::collections::BTreeSet<String> = world
        .received()
        .iter()
        .filter(|r| agent(r) == Asking::Coder)
        .map(|r| format!("{:.1}", r.body["temperature"].as_f64().unwrap()))
        .collect();
    let expected = ["0.2", "0.3", "0.4", "0.5", "0.6", "0.7", "0.8", "0.9"];
    assert_eq!(temperatures.iter().map(String::as_str).collect::<Vec<_>>(), expected);
    // All answers are equal, so only one candidate is run.
    assert_eq!(world.events("s").iter().filter(|e| *e == "sample_tried").count(), 1);
}

#[test]
fn a_candidate_that_fails_at_the_provider_does_not_affect_the_others() {
    let world = World::with(|request| match agent(request) {
        Asking::Planner => Reply::to(request, PLAN),
        Asking::Reviewer => Reply::to(request, ACCEPT),
        Asking::Coder if request.body["temperature"].as_f64() == Some(0.2) => no(),
        Asking::Coder => Reply::to(request, &fenced("print(1)")),
    });
    let out = world.run(&new("3", &["--no-run"])).expect(0);
    assert!(out.out.contains("a candidate failed"), "{}", out.out);
    let world = World::with(|request| match agent(request) {
        Asking::Planner => Reply::to(request, PLAN),
        _ => no(),
    });
    world.run(&new("3", &["--no-run"])).expect(4);
}

#[test]
fn tests_outrank_the_run_of_a_candidate() {
    let world = sampled(|place| {
        fenced(["def two():\n    return 3\nprint('fine')", "def two():\n    return 2"][place % 2])
    });
    world.write("test_two.py", "import script\n\ndef test_two():\n    assert script.two() == 2\n");
    let out = world.run(&new("2", &["--tests", "test_two.py"])).expect(0);
    assert!(world.read("sessions/s/script_v1.py").contains("return 2"), "{}", out.out);
    assert!(world.read("sessions/s/candidates_v1/scores.yaml").contains("tests_failed: 1"));
}

#[test]
fn unusable_candidates_are_requested_again_within_the_limit() {
    let world = sampled(|_| "I would rather not.".to_owned());
    let out = world.run(&new("2", &["--repairs", "1"])).expect(3);
    assert!(out.out.contains("no usable script in 4 answers"), "{}", out.out);
    let asked = world.received().iter().filter(|r| agent(r) == Asking::Coder).count();
    assert_eq!(asked, 4);
}

#[test]
fn after_a_kill_only_missing_candidates_are_requested() {
    let world = sampled(|place| fenced(&format!("print({place})")));
    world.run(&new("3", &["--no-run"])).expect(0);
    let journal = world.read("sessions/s/journal.jsonl");
    let answered: Vec<usize> = journal
        .lines()
        .enumerate()
        .filter(|(_, line)| line.contains("\"model_call_finished\""))
        .map(|(n, _)| n)
        .collect();
    // The first answer is the plan, the others are candidates.
    for (kept, missing) in [(2, 1), (3, 0)] {
        let lines: Vec<&str> = journal.lines().take(answered[kept] + 1).collect();
        world.write("sessions/s/journal.jsonl", &(lines.join("\n") + "\n"));
        let before = world.received().len();
        world.run(&["resume", "s", "--auto"]).expect(0);
        let again = world.received().split_off(before);
        let coder = again.iter().filter(|r| agent(r) == Asking::Coder).count();
        assert_eq!(coder, missing, "{kept} samples were there");
    }
}

#[test]
fn after_worse_repairs_the_better_version_goes_to_the_gate() {
    let two = "def two():\n    return 2\ndef three():\n    return 4";
    let worse = |n: u32| format!("def two():\n    return {n}\ndef three():\n    return {n}");
    let scripts: Vec<String> =
        std::iter::once(two.to_owned()).chain((10..30).map(worse)).map(|s| fenced(&s)).collect();
    let scripts: Vec<&str> = scripts.iter().map(String::as_str).collect();
    let world = World::scripted(&[], &scripts, &[]);
    let test = "import script\n\ndef test_two():\n    assert script.two() == 2\n\n\
                def test_three():\n    assert script.three() == 3\n";
    world.write("test_it.py", test);
    let args = ["new", "x", "--name", "s", "--preset", "quick", "--repairs", "2"];
    let out = world.run(&[&args[..], &["--tests", "test_it.py"]].concat()).expect(3);
    assert!(out.out.contains("v3 is worse than v1 (fewer tests pass)"), "{}", out.out);
    assert_eq!(world.received().len(), 3, "the version gate comes next");
}

#[test]
fn the_quick_preset_repairs_until_the_script_runs_and_asks_only_the_coder() {
    let world = World::scripted(&[], &[&fenced("print(1 / 0)"), &fenced("print('one')")], &[]);
    let out = world
        .run_with(&["new", "count to one", "--name", "s", "--preset", "quick"], "accept\n")
        .expect(0);
    assert!(out.out.contains("accepted v2"), "{}", out.out);
    assert_eq!(world.received().len(), 2);
    assert!(world.received()[0].prompt().contains("count to one"));
    let log = world.read("chatlog.md");
    for part in ["count to one", "print(1 / 0)", "ZeroDivisionError", "print('one')"] {
        assert!(log.contains(part), "{part} is not in\n{log}");
    }
    world.run(&["new", "more", "--name", "t", "--preset", "quick", "--auto"]).expect(0);
    assert!(world.read("chatlog.md").starts_with(&log), "it is appended to");
    assert!(world.read("chatlog.md").contains("more"));
}

#[test]
fn the_sampler_preset_picks_the_best_plan_and_script_and_repairs_lint() {
    let plans = [PLAN, "Something else.\nR1: It sends a letter to the king.\n", PLAN];
    let asked = Mutex::new(0);
    let world = World::with(move |request| match agent(request) {
        Asking::Planner => {
            let mut asked = asked.lock().unwrap();
            *asked += 1;
            Reply::to(request, plans[(*asked - 1) % 3])
        }
        Asking::Reviewer => panic!("nobody reviews here"),
        Asking::Coder if request.prompt().contains("F401") => {
            Reply::to(request, &fenced("print('one')"))
        }
        Asking::Coder => {
            let temperature = request.body["temperature"].as_f64().unwrap();
            Reply::to(request, &fenced(&format!("import os\nprint('one', {temperature})")))
        }
    });
    let out = world
        .run_with(&["new", "count", "--name", "s", "--preset", "sampler"], "accept\n")
        .expect(0);
    assert!(out.out.contains("accepted v2"), "{}", out.out);
    assert!(world.read("sessions/s/plan.md").contains("It prints two"));
    assert_eq!(world.read("sessions/s/script_v2.py"), "print('one')\n");
    let causes: Vec<_> = world
        .journal("s")
        .iter()
        .filter(|e| e["event"] == "version_created")
        .map(|e| e["cause"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(causes, ["first", "repair"]);
}
