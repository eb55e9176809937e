//! What evidence decides about a version, in this order: the user, tests, the run, and last the
//! Reviewer.

use crate::support::pty::{ENTER, Pty};
use crate::support::world::{ACCEPT, Asking, Output, PLAN, World, agent, fenced};
use serde_json::Value;

const NEW: [&str; 6] = ["new", "count to two", "--name", "s", "--sandbox", "off"];

const REFUSAL: &str = "R1: met\nR2: not met\n- [blocker] R2 \"print('two')\" it should be in capital letters\n\
                       - [nit] R1 there is no docstring\nVERDICT: ITERATE\n";

fn scripts() -> Vec<String> {
    (1..9).map(|n| fenced(&format!("print('one', {n})\nprint('two')"))).collect()
}

/// A world whose Coder writes a new script each time.
fn world(reviewer: &[&str]) -> World {
    let scripts = scripts();
    World::scripted(&[PLAN], &scripts.iter().map(String::as_str).collect::<Vec<_>>(), reviewer)
}

fn at_the_gate(world: &World, lines: &str) -> Output {
    world.run_with(&[&NEW[..], &["--no-run"]].concat(), &format!("approve\n{lines}"))
}

fn shown(world: &World) -> Value {
    world.run(&["show", "s", "--json"]).expect(0).json().remove(0)
}

/// The ledger as `F1 open`, `F2 waived`, ...
fn ledger(world: &World) -> Vec<String> {
    let all = shown(world);
    let findings = all["findings"].as_array().unwrap();
    let said = |f: &Value, field: &str| f[field].as_str().unwrap().to_owned();
    findings.iter().map(|f| format!("{} {}", said(f, "id"), said(f, "state"))).collect()
}

/// The last prompt to the Coder.
fn last_prompt(world: &World) -> String {
    let received = world.received();
    received.iter().rfind(|r| agent(r) == Asking::Coder).unwrap().prompt()
}

#[test]
fn a_waived_finding_does_not_block_and_stays_waived() {
    let world = world(&[REFUSAL]);
    let out = at_the_gate(&world, "waive F1\nquit\n").expect(3);
    let gates: Vec<&str> = out.out.split("What now").collect();
    assert!(out.out.contains("F1 is waived now"), "{}", out.out);
    assert!(gates[0].contains("verdict   ITERATE") && gates[0].contains("verdict   ACCEPT"));
    assert_eq!(ledger(&world), ["F1 waived", "F2 open"]);
    let text = world.run(&["show", "s"]).expect(0).out;
    let row =
        "F1   blocker  waived      R2   v1       it should be in capital letters `print('two')`";
    assert!(text.contains(row), "{text}");
    // The finding is repeated for the next version, without new evidence.
    world.run_with(&["resume", "s"], "iterate\nquit\n").expect(3);
    assert!(!last_prompt(&world).contains("capital letters"), "{}", last_prompt(&world));
    assert_eq!(ledger(&world)[0], "F1 waived");
    assert_eq!(shown(&world)["versions"][1]["verdict"], "ACCEPT");
    // The user can reopen it.
    let out = world.run_with(&["resume", "s"], "reopen f1\nreopen F9\niterate\nquit\n").expect(3);
    assert!(out.out.contains("F1 is open now") && out.out.contains("there is no finding F9"));
    assert!(last_prompt(&world).contains("capital letters"), "{}", last_prompt(&world));
}

#[test]
fn findings_are_waived_and_reopened_from_the_terminal_menu() {
    let world = world(&[REFUSAL]);
    let mut pty = Pty::start(&world, &[&NEW[..], &["--no-run"]].concat());
    pty.choose("Is this the plan?", "approve");
    pty.choose("What now?", "waive");
    pty.choose("Which finding?", "F1");
    pty.expect("F1 is waived now");
    pty.choose("What now?", "reopen");
    pty.choose("Which finding?", "F1");
    pty.expect("F1 is open now");
    pty.choose("What now?", "quit");
    pty.expect_end(3);
    assert_eq!(ledger(&world), ["F1 open", "F2 open"]);
}

#[test]
fn passing_tests_overrule_the_reviewer_and_every_view_says_so() {
    let world = world(&[REFUSAL]);
    world.write("tests/cases.yaml", "- name: prints\n  pattern: two\n");
    world.write("tests/test_it.py", "def test_nothing():\n    pass\n");
    let words = "all 2 tests passed and the run did not fail: they decide, and overrule the \
                 Reviewer's ITERATE and F1";
    let flags = [&NEW[..], &["--tests", "tests"]].concat();
    let out = world.run_with(&flags, "approve\nquit\n").expect(3);
    assert!(out.out.contains("verdict   ACCEPT") && out.out.contains(words), "{}", out.out);
    let review = world.read("sessions/s/review_v1.md");
    assert!(review.contains("VERDICT: ACCEPT") && review.contains(words), "{review}");
    let text = world.run(&["show", "s"]).expect(0).out;
    assert!(text.contains(words), "{text}");
    assert_eq!(shown(&world)["versions"][0]["overruled"], words);
    let out = world.run(&["resume", "s", "--auto"]).expect(0);
    assert!(out.out.contains("accepted v1"), "{}", out.out);
}

#[test]
fn a_failed_run_or_test_overrules_an_accepting_reviewer() {
    let failing = fenced("print('one')\nprint(1 / 0)");
    for (coder, tests, words) in [
        (failing, None, "the run failed: that decides, not the Reviewer's ACCEPT"),
        (
            scripts().remove(0),
            Some("def test_it():\n    assert False\n"),
            "1 test failed: that decides, not the Reviewer's ACCEPT",
        ),
    ] {
        let world = World::scripted(&[PLAN], &[&coder], &[ACCEPT]);
        let mut flags = [&NEW[..], &["--repairs", "0"]].concat();
        if let Some(tests) = tests {
            world.write("test_it.py", tests);
            flags.extend(["--tests", "test_it.py"]);
        }
        let out = world.run_with(&flags, "approve\nquit\n").expect(3);
        assert!(out.out.contains("verdict   ITERATE") && out.out.contains(words), "{}", out.out);
        assert!(world.read("sessions/s/review_v1.md").contains(words));
    }
}

#[test]
fn a_review_that_repeats_itself_is_cut_off_and_reported() {
    let list: String =
        (1..=200).map(|n| format!("R{n}: The app displays the number two.\n")).collect();
    let world = world(&[&list]);
    let out = world.run(&[&NEW[..], &["--auto"]].concat());
    assert!(out.out.contains("cut off: it began to repeat itself"), "{}", out.out);
    let chat = world.read("sessions/s/chats/0003-reviewer.md");
    assert!(chat.contains("The answer: cut off where it began to repeat itself."), "{chat}");
}

#[test]
fn the_user_s_test_result_outranks_the_review() {
    let world = world(&[REFUSAL, ACCEPT]);
    let lines = "test R2: yes\ntest R1: no the one stands alone\ntest R7: yes\nquit\n";
    let out = at_the_gate(&world, lines).expect(3).out;
    assert!(out.contains("there is no requirement R7"), "{out}");
    assert!(out.contains("1 of 2 requirements met, not met: R2\n"), "{out}");
    assert!(out.contains("1 of 2 requirements met, not met: R1 (you)\n"), "{out}");
    assert_eq!(ledger(&world), ["F1 waived", "F2 open", "F3 open"]);
    let all = shown(&world);
    assert_eq!(all["findings"][2]["by_manager"], true);
    assert_eq!(all["versions"][0]["answers"]["R1"]["note"], "the one stands alone");
    let held = |all: &Value, row: usize, version: usize| {
        let cell = &all["requirements"][row]["versions"][version];
        format!("{} by {}", cell["status"].as_str().unwrap(), cell["by"].as_str().unwrap())
    };
    assert_eq!(held(&all, 0, 0), "not_met by manager");
    assert_eq!(held(&all, 1, 0), "met by manager");
    assert_eq!(all["versions"][0]["verdict"], "ITERATE");
    // The Coder is told, and no review closes the finding.
    world.run_with(&["resume", "s"], "iterate\nquit\n").expect(3);
    assert!(last_prompt(&world).contains("the one stands alone"), "{}", last_prompt(&world));
    assert_eq!(ledger(&world), ["F1 waived", "F2 fixed", "F3 open"]);
    let all = shown(&world);
    assert_eq!(held(&all, 0, 1), "met by reviewer");
    let text = world.run(&["show", "s"]).expect(0).out;
    for row in ["v1   v2\n", "  R1   ✗m   ✓v   It prints one.", "  R2   ✓m   ✓v   It prints two."]
    {
        assert!(text.contains(row), "{row}\n{text}");
    }
}

#[test]
fn tests_that_name_a_requirement_decide_its_status() {
    let world = world(&[REFUSAL]);
    let test = "def test_r1_prints():\n    pass\n\ndef test_r2_prints():\n    assert False\n";
    world.write("test_it.py", test);
    let flags = ["--tests", "test_it.py", "--repairs", "0"];
    let out = world.run_with(&[&NEW[..], &flags].concat(), "approve\nquit\n").expect(3).out;
    assert!(out.contains("1 of 2 requirements met, not met: R2 (tests)"), "{out}");
    assert!(out.contains("  R1   ✓t   It prints one.") && out.contains("  R2   ✗t   It"), "{out}");
}

#[test]
fn requirements_are_tested_one_by_one_from_the_terminal_menu() {
    let world = world(&[ACCEPT]);
    let mut pty = Pty::start(&world, &[&NEW[..], &["--no-run"]].concat());
    pty.choose("Is this the plan?", "approve");
    pty.choose("What now?", "test");
    pty.choose("R1: It prints one. Check: read the output.", "yes");
    pty.choose("R2: It prints two. Check: read the output.", "no");
    pty.expect("What did you see?");
    pty.send("it prints three");
    pty.expect("it prints three");
    pty.send(ENTER);
    pty.expect("R2 is not met in v1, as you saw");
    pty.choose("What now?", "quit");
    pty.expect_end(3);
    assert_eq!(ledger(&world), ["F1 open"]);
    let answers = &shown(&world)["versions"][0]["answers"];
    assert_eq!(
        (&answers["R1"]["status"], &answers["R2"]["note"]),
        (&"met".into(), &"it prints three".into())
    );
}
