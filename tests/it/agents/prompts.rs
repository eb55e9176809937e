//! The prompts: the embedded templates, and templates that a user wrote.

use redraft::agents::{coder, planner, repair, reviewer};
use redraft::domain::chat::{Agent, Speaker};
use redraft::domain::review::{Finding, FindingState, Severity};
use redraft::prompts::{PromptError, Prompts};
use std::fs;

fn finding(n: u32) -> Finding {
    Finding {
        id: format!("F{n}"),
        requirement: Some("R1".to_owned()),
        severity: Severity::Blocker,
        quote: Some("draw()".to_owned()),
        text: "no <hands> & no face".to_owned(),
        state: FindingState::Open,
        first: n,
        last: n,
        times: 1,
        against: None,
        by_manager: false,
    }
}

#[test]
fn every_prompt_contains_what_it_is_given() {
    let prompts = Prompts::load(None).unwrap();
    let data = ["a.csv".to_owned()];
    let remarks = ["bigger".to_owned(), "and {{ red }}".to_owned()];
    let plan = planner::Shown {
        request: "a clock",
        data: &data,
        run_as: Some("python script.py --n 3"),
        previous: Some("- R1: face"),
        remarks: &remarks,
        refusal: Some("it was code"),
    };
    let findings: Vec<Finding> = (1..=40).map(finding).collect();
    let code = coder::Shown {
        wishes: &[],
        request: Some("a clock, please"),
        plan: "- R1: face",
        data: &data,
        run_as: Some("python script.py --n 3"),
        interface: Some("add, Clock"),
        completes: false,
        script: Some("print('x' < 1)\n"),
        findings: &findings,
        feedback: Some("the hands are stuck"),
        run: Some("failed with exit code 1"),
        failed: Some("another one crashed"),
        refusal: Some("it did not parse"),
        edits: false,
    };
    let mend = repair::Shown {
        wishes: &[],
        request: Some("a clock, please"),
        plan: "- R1: face",
        data: &data,
        run_as: Some("python script.py --n 3"),
        script: "print(x)",
        problem: "NameError: x",
        tries: Some("- v1: KeyError: 'a'"),
        left: Some(2),
        refusal: None,
        edits: false,
    };
    let requirements = super::requirements(&["face", "hands"]);
    let review = reviewer::Shown {
        wishes: &[],
        plan: "- R1: face",
        requirements: &requirements,
        data: &data,
        script: "print('x' < 1)",
        run: "ok",
        checks: Some("unused import"),
        open: &[reviewer::Open { id: "F1", text: "no hands" }],
        version: 3,
        refusal: None,
        structured: false,
    };
    let table = [
        (
            planner::request(&prompts, &plan),
            vec![
                "a clock",
                "data/a.csv",
                "like this:\n```\npython script.py --n 3\n```",
                "- R1: face",
                "- bigger\n- and {{ red }}",
                "it was code",
            ],
        ),
        (
            coder::request(&prompts, &code),
            vec![
                "asked for this: a clock, please\n",
                "- R1: face",
                "data/a.csv",
                "like this:\n```\npython script.py --n 3\n```",
                "at its top level: add, Clock",
                "print('x' < 1)\n```",
                "- F12 [blocker] R1 at `draw()`: no <hands> & no face",
                "the hands are stuck",
                "exit code 1",
                "another one crashed",
                "did not parse",
            ],
        ),
        (
            repair::request(&prompts, &mend),
            vec![
                "asked for this: a clock, please\n",
                "- R1: face",
                "- data/a.csv\n",
                "script.py --n 3",
                "print(x)",
                "NameError: x",
                "- v1: KeyError: 'a'",
                "included: 2",
            ],
        ),
        (
            reviewer::request(&prompts, &review),
            vec![
                "version 3",
                "- data/a.csv\n",
                "print('x' < 1)",
                "Its run: ok",
                "```\nunused import\n```",
                "- F1: no hands",
                "one by one: R1, R2.",
            ],
        ),
    ];
    for (request, parts) in table {
        let request = request.unwrap();
        assert_eq!(request.messages[0].role, Speaker::System);
        let text = &request.messages[1].content;
        for part in parts {
            assert!(text.contains(part), "{:?}: {part}\n{text}", request.agent);
        }
        assert!(!text.contains("F13") && !text.contains("\n\n\n"), "{text}");
        assert!(request.max_tokens > 500 && request.temperature < 1.0);
    }
}

#[test]
fn every_prompt_can_be_built_from_the_minimum() {
    let prompts = Prompts::load(None).unwrap();
    planner::request(&prompts, &planner::Shown { request: "x", ..Default::default() }).unwrap();
    let first =
        coder::request(&prompts, &coder::Shown { plan: "x", ..Default::default() }).unwrap();
    assert_eq!(first.messages[1].content, "x\n\nWrite the whole script in one ```python block.");
    repair::request(&prompts, &repair::Shown::default()).unwrap();
    reviewer::request(&prompts, &reviewer::Shown::default()).unwrap();
}

#[test]
fn edits_are_requested_only_where_there_is_a_script() {
    let prompts = Prompts::load(None).unwrap();
    let code = |script, edits| {
        let shown = coder::Shown { plan: "x", script, edits, ..Default::default() };
        coder::request(&prompts, &shown).unwrap().messages
    };
    let mend = |edits| {
        let shown = repair::Shown { plan: "x", script: "print(x)", edits, ..Default::default() };
        repair::request(&prompts, &shown).unwrap().messages
    };
    let whole = "Answer with the whole script in one ```python block and nothing else.\n\nRules:";
    let corrected =
        "Answer with the whole corrected script in one ```python block and nothing else.\n\nRules:";
    for (messages, system, user) in [
        (code(None, false), whole, "Write the whole script in one ```python block."),
        (code(None, true), whole, "Write the whole script in one ```python block."),
        (
            code(Some("print(x)"), false),
            whole,
            "Write the whole script again, changed where needed, in one ```python block.",
        ),
        (code(Some("print(x)"), true), ">>>>>>> REPLACE\n", "Write the edits."),
        (mend(false), corrected, "Write the whole corrected script in one ```python block."),
        (mend(true), ">>>>>>> REPLACE\n", "Write the edits."),
    ] {
        assert!(messages[0].content.contains(system), "{}", messages[0].content);
        assert!(messages[1].content.ends_with(&format!("\n\n{user}")), "{}", messages[1].content);
        assert_eq!(messages[0].content.contains("SEARCH"), user == "Write the edits.");
    }
    assert_eq!(code(None, true), code(None, false));
}

#[test]
fn a_template_file_overrides_the_built_in_one() {
    let dir = tempfile::tempdir().unwrap();
    let own = "\u{feff}---\r\ntemperature: 0.9\r\n---\r\nBe brief.\r\n=== user ===\r\nPlan: {{ plan }}\r\n";
    fs::write(dir.path().join("repair.md"), own).unwrap();
    let prompts = Prompts::load(Some(dir.path())).unwrap();
    let shown = repair::Shown { plan: "P", ..Default::default() };
    let request = repair::request(&prompts, &shown).unwrap();
    let texts: Vec<&str> = request.messages.iter().map(|m| m.content.as_str()).collect();
    assert_eq!(texts, ["Be brief.", "Plan: P"]);
    assert!((request.temperature - 0.9).abs() < 1e-9);
    assert!(Prompts::load(Some(&dir.path().join("none"))).is_ok());
}

#[test]
fn a_template_error_names_file_and_line() {
    let table = [
        ("no user part", "repair.md` has no line"),
        ("---\ntemprature: 1\n---\na\n=== user ===\nb", "unknown field `temprature`"),
        ("---\ntemperature: 5\n---\na\n=== user ===\nb", "from 0 to 2"),
        ("---\nmax_tokens: 0\n---\na\n=== user ===\nb", "at least 1"),
        ("---\nmax_tokens: many\n---\na\n=== user ===\nb", "front matter"),
        ("---\ntemperature: 0\n", "no closing line"),
        ("---\ntemperature: 0\n---\na\n\n=== user ===\nb\n{{ plann }}", "line 8: "),
        ("a\n{% if %}\n=== user ===\nb", "line 2: "),
        ("a\n=== user ===\nb\n{{ plan", "line 4: "),
    ];
    for (text, wrong) in table {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("repair.md"), text).unwrap();
        let prompts = Prompts::load(Some(dir.path())).unwrap();
        let error = repair::request(&prompts, &repair::Shown::default()).unwrap_err().to_string();
        assert!(error.contains(wrong) && error.contains("repair.md"), "{text}\n{error}");
        assert_eq!(error.lines().count(), 1, "{error}");
    }
}

#[test]
fn a_folder_in_place_of_a_template_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("coder.md")).unwrap();
    let error = Prompts::load(Some(dir.path())).unwrap_err();
    assert!(matches!(error, PromptError::Read { .. }), "{error}");
}

#[test]
fn every_agent_has_a_built_in_template() {
    let names: Vec<&str> = Prompts::builtin().iter().map(|(name, _)| *name).collect();
    let agents: Vec<String> = Agent::ALL.iter().map(|a| format!("{}.md", a.name())).collect();
    assert_eq!(names, agents);
}
