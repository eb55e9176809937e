//! Bad reviewers, each through the whole program with `--auto`: how the session ends, and its
//! maximum cost.

use crate::support::model_server::{Received, Reply};
use crate::support::world::{Asking, PLAN, World, agent, fenced};
use serde_json::json;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The maximum number of versions.
const VERSIONS: usize = 5;

/// The answer to the first, second, ... review.
type Reviewer = Box<dyn Fn(usize) -> String + Send + Sync>;

/// The same answer to every review.
fn always(text: &str) -> Reviewer {
    let text = text.to_owned();
    Box::new(move |_| text.clone())
}

/// These answers in order; the last one repeats.
fn each(texts: &[&str]) -> Reviewer {
    let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
    Box::new(move |n| texts[n.min(texts.len()) - 1].clone())
}

/// A world whose Coder writes a new script each time, with this Reviewer.
fn world(reviewer: Reviewer) -> World {
    let (scripts, reviews) = (AtomicUsize::new(0), AtomicUsize::new(0));
    World::with(move |request: &Received| {
        let text = match agent(request) {
            Asking::Planner => PLAN.to_owned(),
            Asking::Coder => fenced(&script(scripts.fetch_add(1, Ordering::SeqCst) + 1)),
            Asking::Reviewer => reviewer(reviews.fetch_add(1, Ordering::SeqCst) + 1),
        };
        Reply::to(request, &text)
    })
}

fn script(n: usize) -> String {
    let lines: String = (0..n).map(|n| format!("value_{n} = {n}\n")).collect();
    format!("print('one')\n{lines}print('two')")
}

/// One finding in thirty wordings, without a requirement or a severity.
const THIRTY: [&str; 30] = [
    "The word two is missing.",
    "There is no word two in the output.",
    "The output lacks the word two.",
    "It never prints the word two.",
    "The script does not print the word two.",
    "The word two is not printed.",
    "The word two is never shown.",
    "No word two is displayed.",
    "You forgot to print the word two.",
    "The code fails to print the word two.",
    "The word two isn't in the output.",
    "The program omits the word two.",
    "The word two is absent from the output.",
    "Missing word two in the output.",
    "The word \"two\" needs to be added.",
    "Please add the word two to the output.",
    "The output is without the word two.",
    "The word two does not appear in the output.",
    "The implementation does not include the word two.",
    "The app should print the word two but doesn't.",
    "Requirement R2 is not met because the word two is missing.",
    "R2 fails: no word two.",
    "The word two was omitted.",
    "There isn't any word two.",
    "Only the word one is printed; the word two is missing.",
    "The output contains the word one, never the word two.",
    "It does not display the word two at all.",
    "The word two has not been implemented.",
    "Printing of the word two is not implemented.",
    "Nowhere is the word two printed.",
];

/// One finding in twenty wordings with few words in common.
const TWENTY: [&str; 20] = [
    "The hands of the clock do not move.",
    "The clock's hands do not move at all.",
    "Hands of the clock are not moving.",
    "The hands never move.",
    "The hands of the clock are never updated.",
    "The hands are not redrawn as time passes.",
    "The clock face does not update.",
    "The hands stand still.",
    "The hands are static.",
    "The time shown is not updated every second.",
    "The display is never refreshed.",
    "The clock does not tick.",
    "root.after is never called, so the hands do not move.",
    "The drawing is done once and never repeated.",
    "The clock shows the time at the start and does not update it.",
    "The hands don't move after the first drawing.",
    "No update loop: the hands remain where they are.",
    "The clock is frozen.",
    "It does not update the hands every second.",
    "The update function is not called again.",
];

/// A hundred findings with little in common with each other and with those of other versions.
fn hundred(version: usize) -> Vec<String> {
    let nouns = "header footer title margin border colour font layout table column row cell index total \
                 average rounding sorting parser reader writer buffer cursor window button label icon \
                 menu dialog timer loop thread socket handler logger cache config default encoding \
                 locale prompt";
    let nouns: Vec<&str> = nouns.split_whitespace().collect();
    let wrong = ["odd", "slow", "ugly", "brittle", "confusing"];
    let point = |k: usize| {
        let noun = nouns[(k + 20 * version) % 40];
        format!("[blocker] R2 the {noun} is {}", wrong[(k / 40 + version) % 5])
    };
    (0..100).map(point).collect()
}

fn list(points: &[String], verdict: &str) -> String {
    let points: String = points.iter().map(|point| format!("- {point}\n")).collect();
    format!("{points}{verdict}\n")
}

#[test]
fn the_cost_of_a_bad_reviewer_is_bounded_and_the_reason_reported() {
    let thirty: Vec<String> = THIRTY.iter().map(|text| (*text).to_owned()).collect();
    let twenty: Vec<String> = TWENTY.iter().map(|text| format!("R1: {text}")).collect();
    let praise: Vec<String> =
        (1..=20).map(|n| format!("R{}: The app displays the number two.", n % 2 + 1)).collect();
    let away = "R1: met\nR2: met\n- [blocker] R2 \"while True: pass\" it waits for ever\n\
                - [blocker] R1 \"root.mainloop()\" no window is closed\nVERDICT: ITERATE";
    let there = "R1: met\nR2: not met\n- [blocker] R2 The heading is missing.\nVERDICT: ITERATE";
    let gone =
        "R1: met\nR2: met\n- [blocker] R2 The heading is unnecessary, remove it.\nVERDICT: ITERATE";
    let blocker =
        "R1: met\nR2: met\n- [blocker] R2 \"print('two')\" prints it without a full stop\n";
    let still = "R1: met\nR2: partly\nF1: still there\nVERDICT: ITERATE".to_owned();
    let contrary = format!("{blocker}VERDICT: ACCEPT");
    let half = "{\"requirements\": {\"R1\": \"met\", \"R2\": \"met\"}, \"findings\": [{\"severity\": \
                \"nit\", \"requirement\": \"R1\", \"problem\": \"no docstring\"}, {\"severity\": \"bloc";
    let half_blocked = "{\"verdict\": \"ITERATE\", \"findings\": [{\"severity\": \"blocker\", \
                        \"requirement\": \"R2\", \"problem\": \"two is never printed\"}, {\"sever";
    // The name, the reviewer, whether a version is accepted, the reason if not, findings in the
    // ledger, Coder calls.
    let table: Vec<(&str, Reviewer, bool, &str, usize, usize)> = vec![
        // Requirements that are not judged are not met.
        ("thirty wordings", always(&list(&thirty, "VERDICT: ITERATE")), false, "stuck", 13, 4),
        // The wordings are not recognized as one finding, but their number is limited.
        (
            "twenty wordings of another",
            always(&list(&twenty, "VERDICT: ITERATE")),
            false,
            "stuck",
            3,
            4,
        ),
        // New findings each time: the session is not stuck, and the version limit ends it.
        (
            "a hundred lines",
            Box::new(move |n| list(&hundred(n), "VERDICT: ITERATE")),
            false,
            "the limit of 5 versions is reached",
            14,
            VERSIONS,
        ),
        // Praise without judgements leaves every requirement unmet.
        ("praise", always(&list(&praise, "VERDICT: ITERATE")), false, "stuck", 1, 4),
        ("code that is not there", always(away), true, "", 2, 1),
        // Both are demanded as blockers; only the user can decide which one is meant.
        (
            "now this, now its opposite",
            each(&[there, gone, there, gone]),
            false,
            "the limit of 5 versions is reached",
            2,
            VERSIONS,
        ),
        (
            "calls all met, and complains of each",
            always(
                "R1: met\nR2: met\n- R1: The word one is not printed.\n- R2: It is too short.\nVERDICT: ITERATE",
            ),
            true,
            "",
            0,
            1,
        ),
        ("never done, nothing wrong", always("R1: met\nR2: met\nVERDICT: ITERATE"), true, "", 0, 1),
        ("a verdict against its findings", always(&contrary), false, "stuck", 1, 4),
        ("findings without a verdict", always(blocker), false, "stuck", 1, 4),
        (
            "no review at all",
            always("I like it very much, it looks great to me."),
            false,
            "stuck",
            0,
            4,
        ),
        ("a requirement left out", always("R1: met\nVERDICT: ACCEPT"), false, "stuck", 0, 4),
        ("the verdict alone", always("VERDICT: ACCEPT"), false, "stuck", 0, 4),
        ("names what it found before", each(&[there, &still]), false, "stuck", 1, 4),
        ("JSON that breaks off", always(half), true, "", 1, 1),
        ("JSON that breaks off behind a blocker", always(half_blocked), false, "stuck", 1, 4),
    ];
    for (what, reviewer, accepted, why, findings, calls) in table {
        let world = world(reviewer);
        let limit = VERSIONS.to_string();
        let args = ["new", "count", "--name", "s", "--auto", "--no-run", "--max-versions", &limit];
        let out = world.run(&args).expect(if accepted { 0 } else { 3 });
        let received = world.received();
        let asked = received.iter().filter(|r| agent(r) == Asking::Coder).count();
        assert_eq!(asked, calls, "{what}\n{}", out.out);
        let said =
            |n: usize, one: &str| if n == 1 { format!("1 {one}") } else { format!("{n} {one}s") };
        let done =
            format!("after {}, {} of the Coder", said(calls, "version"), said(calls, "call"));
        if accepted {
            assert!(
                out.last_line().starts_with(&format!("accepted v{calls} ")),
                "{what}\n{}",
                out.out
            );
            assert!(out.out.contains(&done), "{what}\n{}", out.out);
        } else {
            assert_eq!(out.last_line(), "resume with: redraft resume s", "{what}");
            let paused = out.out.lines().find(|line| line.starts_with("paused: ")).unwrap();
            assert!(paused.contains(why) && paused.ends_with(&done), "{what}: {paused}");
        }
        let shown = world.run(&["show", "s", "--json"]).expect(0).json().remove(0);
        let ledger = shown["findings"].as_array().unwrap();
        assert_eq!(ledger.len(), findings, "{what}: {ledger:#?}");
        // The Coder gets at most twelve findings, whatever the Reviewer says.
        for request in received.iter().filter(|r| agent(r) == Asking::Coder) {
            assert!(request.prompt().len() < 8_000, "{what}: {}", request.prompt());
        }
    }
}

#[test]
fn a_review_that_omits_a_requirement_is_requested_once_more() {
    let world = world(each(&["R1: met\nVERDICT: ACCEPT", "R1: met\nR2: met\nVERDICT: ACCEPT"]));
    let args = ["new", "count", "--name", "s", "--auto", "--no-run"];
    assert!(world.run(&args).expect(0).last_line().starts_with("accepted v1 "));
    let received = world.received();
    let asked: Vec<_> = received.iter().filter(|r| agent(r) == Asking::Reviewer).collect();
    assert_eq!(asked.len(), 2);
    assert!(asked[1].prompt().contains("does not judge R2"), "{}", asked[1].prompt());
}

#[test]
fn a_json_review_is_limited_to_the_plan_and_can_be_replayed() {
    let review = json!({
        "requirements": [{"id": "R1", "status": "not met"}],
        "findings": [{"severity": "blocker", "requirement": "R1", "quote": "print(1)",
            "problem": "prints 1 only"}],
        "verdict": "ITERATE",
    });
    let met = json!({"requirements": [{"id": "R1", "status": "met"}], "findings": [],
        "verdict": "ACCEPT"});
    let world = World::with(move |request| match agent(request) {
        Asking::Planner => Reply::openai("## Requirements\n- R1: print 1 and 2\n"),
        Asking::Coder if request.prompt().contains("prints 1 only") => {
            Reply::openai(&fenced("print(1)\nprint(2)\n"))
        }
        Asking::Coder => Reply::openai(&fenced("print(1)\n")),
        Asking::Reviewer => {
            let form = &request.body["response_format"]["json_schema"]["schema"];
            let ids = &form["properties"]["requirements"]["items"]["properties"]["id"]["enum"];
            assert_eq!(ids, &json!(["R1"]), "{form}");
            assert!(request.prompt().contains("one JSON object"), "{}", request.prompt());
            let second = request.prompt().contains("print(2)");
            Reply::openai(&if second { &met } else { &review }.to_string())
        }
    });
    let own = world.read("redraft.yaml").replace("structured: false", "structured: true");
    world.write("redraft.yaml", &own);
    world.run(&["new", "count to 2", "--name", "s", "--auto"]).expect(0);
    assert_eq!(world.read("sessions/s/script_v2.py"), "print(1)\nprint(2)\n");
    let shown = world.run(&["show", "s"]).expect(0).out;
    assert!(shown.contains("prints 1 only"), "{shown}");
    world.run(&["replay", "s"]).expect(0);
}
