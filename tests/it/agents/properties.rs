//! Properties that hold for every answer, however strange.

use super::{parses, requirements};
use crate::support::steady;
use proptest::prelude::*;
use redraft::agents::{extract, planner, reviewer};
use redraft::domain::chat::Outcome;

/// Fragments for random answers.
const PIECES: [&str; 44] = [
    "```",
    "```python\n",
    "~~~",
    "\n",
    "\n\n",
    "    ",
    "\t",
    "import sys\n",
    "def f(x):\n",
    "    return x\n",
    "print(1)\n",
    "\"\"\"",
    "'''",
    "'",
    "\"",
    "\\",
    "<think>",
    "</think>",
    "<code>",
    "</code>",
    "<![CDATA[",
    "]]>",
    "{\"code\": \"",
    "\\n",
    "\"}",
    "# ... rest of the code unchanged\n",
    "...\n",
    ">>> ",
    "1: ",
    "+",
    "&lt;",
    "“",
    "\u{a0}",
    "\u{200b}",
    "\r",
    "é",
    "R1: met\n",
    "- [nit] R1 \"",
    "VERDICT: ACCEPT",
    "| R1 | met |\n",
    "Q: why?\n",
    "**",
    "Severity: blocker\n",
    "prose that says nothing. ",
];

fn answer() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        8 => prop::sample::select(PIECES.to_vec()).prop_map(str::to_owned),
        1 => any::<String>(),
    ];
    prop::collection::vec(piece, 0..30).prop_map(|pieces| pieces.concat())
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop::sample::select(vec![Outcome::Whole, Outcome::Cut, Outcome::Refused])
}

/// A script of statements that have caused trouble for parsers.
fn script() -> impl Strategy<Value = String> {
    let statement = prop::sample::select(vec![
        "import sys",
        "from os import path",
        "x = 1",
        "TEXT = \"\"\"\n```python\nprint(1)\n```\n\"\"\"",
        "HELP = '''Usage:\n\n    run it\nThis is prose.\n'''",
        "print(\"a < b && c > d \\\"quoted\\\"\")",
        "print('“typographic”', \"it's\")",
        "def helper(a, b=2):\n    \"\"\"Adds.\"\"\"\n    # a comment\n    return a + b",
        "class Thing:\n    def __init__(self):\n        self.items = [\n            1,\n            2,\n        ]",
        "if x:\n\tprint('tab')",
        "# a comment, with `marks`",
        "for i in range(3):\n    print(f\"{i}: {x}\")",
        "print('</code>')",
        "print('<think>')",
        "y = {\n    \"code\": \"x\",\n}",
    ]);
    prop::collection::vec(statement, 0..8).prop_map(|statements| {
        let body = statements.join("\n\n\n");
        format!("import os\nx = 0\n\n\n{body}\n\n\ndef main():\n    print(os.name)\n\n\nif __name__ == \"__main__\":\n    main()\n")
    })
}

/// The supported wrappings of a script.
fn wrappings(script: &str) -> Vec<(&'static str, String)> {
    let json = serde_json::to_string(script).unwrap();
    let lines = |mark: &dyn Fn(usize, &str) -> String| -> String {
        script.lines().enumerate().map(|(n, line)| mark(n + 1, line) + "\n").collect()
    };
    vec![
        ("bare", script.to_owned()),
        ("python", format!("```python\n{script}```")),
        ("prose around", format!("Here it is:\n\n```py\n{script}```\n\nIt prints. Don't worry.")),
        ("no tag", format!("```\n{script}```\n")),
        ("four backticks", format!("````python\n{script}````\n")),
        ("tildes", format!("~~~\n{script}~~~\n")),
        ("unclosed", format!("```python\n{script}")),
        (
            "thought",
            format!("<think>\n```python\nprint('draft')\n```\n</think>\n\n```python\n{script}```"),
        ),
        ("JSON", format!("{{\"code\": {json}}}")),
        ("fenced JSON", format!("```json\n{{\"explanation\": \"x\", \"script\": {json}}}\n```")),
        ("tags", format!("<answer>\n<script>\n{script}</script>\n</answer>")),
        ("CDATA", format!("<code><![CDATA[{script}]]></code>")),
        ("CRLF", format!("```python\n{script}```").replace('\n', "\r\n")),
        (
            "with a command and output",
            format!(
                "```bash\npip install x\n```\n```python\n{script}```\nOutput:\n```\nposix\n```"
            ),
        ),
        ("line numbers", format!("```python\n{}```", lines(&|n, line| format!("{n:>3} | {line}")))),
        ("diff", format!("```diff\n+++ script.py\n{}```", lines(&|_, line| format!("+{line}")))),
        (
            "in a list",
            format!(
                "1. Save this:\n   ```python\n{}   ```\n",
                lines(&|_, line| format!("   {line}"))
            ),
        ),
    ]
}

proptest! {
    // A fixed seed, so that a test that passes keeps passing; to look for other cases:
    // PROPTEST_CASES=5000 PROPTEST_RNG_SEED=7 cargo test --test it properties
    #![proptest_config(steady())]

    #[test]
    fn any_answer_gives_a_script_that_parses_or_a_refusal(answer in answer(), outcome in outcome()) {
        if let Ok(got) = extract::script(&answer, outcome, &parses) {
            prop_assert!(parses(&got.script).is_ok(), "{}", got.script);
            prop_assert!(got.script.ends_with('\n') && !got.script.ends_with("\n\n"));
            prop_assert!(!got.script.contains('\r'));
        }
    }

    #[test]
    fn a_wrapped_script_is_extracted_unchanged(script in script()) {
        for (name, answer) in wrappings(&script) {
            match extract::script(&answer, Outcome::Whole, &parses) {
                Ok(got) => prop_assert_eq!(&got.script, &script, "{}", name),
                Err(error) => prop_assert!(false, "{}: {}\n{}", name, error, answer),
            }
        }
    }

    #[test]
    fn any_answer_gives_a_bounded_plan_and_review_or_a_refusal(answer in answer(), outcome in outcome()) {
        if let Ok(plan) = planner::parse(&answer, outcome) {
            prop_assert!(!plan.requirements.is_empty() && plan.requirements.len() <= 20);
            prop_assert_eq!(planner::read_plan(&plan.text), plan.requirements, "{}", plan.text);
        }
        let _ = planner::read_plan(&answer);
        if let Ok(review) = reviewer::parse(&answer, &requirements(&["Print one.", "Draw it."])) {
            prop_assert!(review.judgements.len() <= 2 && review.findings.len() <= 100);
        }
    }
}
