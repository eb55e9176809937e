//! Round trips: an answer in the requested form is parsed to exactly what was written, whatever
//! text it contains. Each form has a writer and a parser.

use super::{parses, requirements};
use crate::support::steady;
use proptest::collection::{btree_map, btree_set, vec};
use proptest::prelude::*;
use redraft::agents::given::Given;
use redraft::agents::planner::{self, Parts};
use redraft::agents::{dependencies, engineer, extract, inspector, reviewer, safety};
use redraft::domain::chat::{Outcome, ToolCall};
use redraft::domain::dialogue::Reply;
use redraft::domain::example::{self, Example};
use redraft::domain::permission::{self, Permission};
use redraft::domain::plan::Requirement;
use redraft::domain::report::Judged;
use redraft::domain::review::{Judgement, RawFinding, RawReview, Severity, Status, Verdict};
use redraft::domain::text::{fenced, one_line};
use redraft::domain::writes;
use regex::Regex;

/// Lines that could be mistaken for something else.
const LINES: [&str; 61] = [
    "# QR Code Generator",
    "## Notes app",
    "## Requirements",
    "## Questions",
    "## Needs",
    "## Examples",
    "## Try it with",
    "R1: met",
    "R2: not met",
    "R2 is too long",
    "R1, R2: met",
    "- R3: partly",
    "F1: still there",
    "F2",
    "[nit] F3 R1 \"x\": y",
    "[blocker]",
    "[] x",
    "(should) R2: it is not closed",
    "VERDICT: ACCEPT",
    "**Verdict:** ITERATE",
    "ITERATE",
    "- [blocker] R1 \"a line\" what is wrong",
    "the line copied from the script",
    "what goes wrong and when",
    "> a quoted line",
    "\"quoted\" text",
    "\"\": text",
    "\"def f(a,\" is not closed",
    "`print(\"a\", b)` prints b",
    "“typographic” marks",
    "``` ",
    "```python",
    "~~~",
    "<think>R1: met</think>",
    "{\"verdict\": \"ACCEPT\", \"findings\": []}",
    "[{\"severity\": \"nit\"}]",
    "| R1 | met |",
    ": a colon",
    "- a dash",
    "* a star",
    "1. first",
    "- [x] done",
    "✅ R1",
    "looks good, is clear and works as expected",
    "all requirements are met",
    "no issues found",
    "None",
    "met",
    "yes",
    "Q: why?",
    "What else?",
    "Try with input: 3",
    "Try with arguments: --rows 3",
    "input: 3",
    "- network: evil.example",
    "# ... rest of the code unchanged",
    "import os; x = 1; print(x)",
    "**bold** and __init__  twice",
    "SAFE: yes",
    "è sbagliato: 時計が動きません。",
    "yaml: none",
];

/// One line with arbitrary content.
fn line() -> impl Strategy<Value = String> {
    let known = || prop::sample::select(LINES.to_vec()).prop_map(str::to_owned);
    let any = prop_oneof![
        4 => known(),
        2 => (known(), known()).prop_map(|(a, b)| format!("{a} {b}")),
        1 => any::<String>(),
        1 => "[-*#>`\"'|: \\[\\]R1F2metQ.]{1,12}",
    ];
    any.prop_map(|line| one_line(&line, 200)).prop_filter("empty", |line| !line.is_empty())
}

fn severity() -> impl Strategy<Value = Severity> {
    prop::sample::select(vec![Severity::Blocker, Severity::Should, Severity::Nit])
}

fn id(letter: char, most: u32) -> impl Strategy<Value = Option<String>> {
    prop::option::of((1..=most).prop_map(move |n| format!("{letter}{n}")))
}

fn finding() -> impl Strategy<Value = RawFinding> {
    let severity = prop::option::weighted(0.9, severity());
    (id('F', 30), id('R', 3), severity, prop::option::of(line()), line()).prop_map(
        |(id, requirement, severity, quote, text)| RawFinding {
            id,
            requirement,
            severity,
            quote,
            text,
        },
    )
}

/// A review of a plan with three requirements. Repeated findings count once.
fn review() -> impl Strategy<Value = RawReview> {
    let status = || {
        let all = vec![Status::Met, Status::Partly, Status::NotMet];
        prop::option::of(prop::sample::select(all))
    };
    let verdict = prop::option::of(prop::sample::select(vec![Verdict::Accept, Verdict::Iterate]));
    let parts = ([status(), status(), status()], vec(finding(), 0..5), verdict);
    parts
        .prop_map(|(statuses, mut findings, verdict)| {
            let judgements = (1..).zip(statuses).filter_map(|(n, status)| {
                Some(Judgement { requirement: format!("R{n}"), status: status? })
            });
            distinct(&mut findings);
            RawReview { judgements: judgements.collect(), findings, verdict }
        })
        .prop_filter("no review", |review| *review != RawReview::default())
}

fn distinct(findings: &mut Vec<RawFinding>) {
    let mut seen: Vec<RawFinding> = Vec::new();
    findings.retain(|finding| {
        let new = !seen.contains(finding);
        seen.push(finding.clone());
        new
    });
}

fn numbered(texts: Vec<String>) -> Vec<Requirement> {
    (1..).zip(texts).map(|(n, text)| Requirement { id: format!("R{n}"), text }).collect()
}

fn example() -> impl Strategy<Value = Example> {
    let files = vec((line(), any::<String>()), 0..2);
    (vec(line(), 0..3), any::<String>(), files, line(), vec(line(), 0..2), 0..3).prop_map(
        |(args, stdin, files, prints, writes, exit)| {
            let args = args.into_iter().map(|arg| arg.replace('\0', "")).collect();
            Example { args, stdin, files, prints, writes, exit }
        },
    )
}

fn plan() -> impl Strategy<Value = Parts> {
    let needs = ["network=api.example.org", "read=/srv/a b.csv", "env=HOME_TOWN", "processes"];
    let needs = needs.map(|text| text.parse::<Permission>().unwrap());
    let needs = prop::sample::subsequence(needs.to_vec(), 0..=4);
    let args = vec("[a-zA-Z0-9 '\"$*-]{0,12}", 0..4);
    let typed = vec(prop_oneof![line(), Just(String::new())], 0..4);
    let texts = btree_set(line(), 1..8).prop_map(|texts| texts.into_iter().collect::<Vec<_>>());
    let parts = (
        prop_oneof![line(), Just(String::new())],
        texts.prop_shuffle(),
        (args, typed),
        vec(line(), 0..4),
        vec(example(), 0..3),
        (needs, prop::sample::subsequence(vec!["clock.png", "out/a b.csv"], 0..=2)),
        vec(line(), 0..3),
    );
    parts.prop_map(|(restatement, texts, (args, typed), questions, examples, more, proposals)| {
        Parts {
            restatement,
            requirements: numbered(texts),
            given: Given { args, stdin: typed.iter().map(|line| format!("{line}\n")).collect() },
            questions,
            examples,
            needs: more.0,
            writes: more.1.into_iter().map(str::to_owned).collect(),
            proposals,
        }
    })
}

/// A script with lines that could be mistaken for other things.
fn script() -> impl Strategy<Value = String> {
    let statement = prop::sample::select(vec![
        "# remaining functions",
        "# as above",
        "# ... rest of the code unchanged",
        "# your code here",
        "# VERDICT: ACCEPT",
        "TEXT = \"\"\"\n```python\nprint(1)\n```\n## Requirements\n- R1: met\n\"\"\"",
        "print('<think>', \"it's\", '“x”')",
        "def helper(a, b=2):\n    # same as before\n    pass",
        "class Shape:\n    def area(self) -> float: ...",
        "for i in range(3):\n    print(f\"{i}: {x}\")",
    ]);
    vec(statement, 0..6).prop_map(|statements| {
        let body = statements.join("\n\n\n");
        format!(
            "import sys\n\nx = 1\n\n{body}\n\n\ndef main():\n    print(sys.argv)\n\n\n\
             if __name__ == \"__main__\":\n    main()\n"
        )
    })
}

/// Whether a text matches the pattern that answers are constrained to.
fn fits(pattern: &str, text: &str) -> bool {
    Regex::new(&format!("^(?:{pattern})$")).unwrap().is_match(text)
}

proptest! {
    #![proptest_config(steady())]

    #[test]
    fn a_written_review_is_read_back_unchanged(review in review()) {
        let plan = requirements(&["Print one.", "Draw it.", "met"]);
        let ids: Vec<&str> = review.judgements.iter().map(|j| j.requirement.as_str()).collect();
        let verdict = review.verdict.or(Some(Verdict::Iterate));
        let written = reviewer::write(&RawReview { verdict, ..review.clone() });
        for text in [written.clone(), format!("\n{}", written.trim_end())] {
            prop_assert!(fits(&reviewer::pattern(&ids), &text), "{}", text);
            prop_assert!(fits(&reviewer::pattern(&[]), &text), "{}", text);
        }
        for answer in [reviewer::write(&review), reviewer::write_json(&review)] {
            let read = reviewer::parse(&answer, &plan);
            prop_assert_eq!(read, Ok(review.clone()), "{}", answer);
            // With the text and fences that a model may put around it.
            for answer in [format!("Here is my review.\n\n{answer}\nThat is all."), format!("```\n{answer}```\n")] {
                prop_assert_eq!(reviewer::parse(&answer, &plan), Ok(review.clone()), "{}", answer);
            }
        }
    }

    #[test]
    fn a_written_inspection_is_read_back_unchanged(findings in vec(finding(), 1..6), iterate: bool) {
        let mut findings = findings;
        distinct(&mut findings);
        let verdict = Some(if iterate { Verdict::Iterate } else { Verdict::Accept });
        let review = RawReview { judgements: Vec::new(), findings, verdict };
        for answer in [reviewer::write(&review), reviewer::write_json(&review)] {
            let plan = requirements(&["Print one.", "Draw it.", "met"]);
            prop_assert_eq!(inspector::parse(&answer, &plan), Ok(review.clone()), "{}", answer);
        }
    }

    #[test]
    fn a_written_plan_is_read_back_unchanged(parts in plan()) {
        let text = planner::write(&parts);
        prop_assert_eq!(planner::read_form(&text), Some(parts.clone()), "{}", text);
        let proposal = planner::parse(&text, Outcome::Whole).unwrap();
        prop_assert_eq!(&proposal.text, &text);
        prop_assert_eq!(&proposal.requirements, &parts.requirements);
        prop_assert_eq!(&proposal.questions, &parts.questions);
        // The parsers of single parts read the same.
        prop_assert_eq!(planner::read_plan(&text), parts.requirements);
        prop_assert_eq!(planner::tried_with(&text), parts.given);
        prop_assert_eq!(example::of_plan(&text), parts.examples);
        prop_assert_eq!(permission::needs(&text).0, parts.needs);
        prop_assert_eq!(writes::of_plan(&text), parts.writes);
    }

    #[test]
    fn an_answer_in_the_planner_s_form_is_read_as_written(
        texts in btree_set(line(), 1..8),
        heading in prop::option::of(prop::sample::select(vec!["# QR Code Generator", "## Notes app", "## How to test", "# Verification code"])),
        bullet: bool,
        question in prop::option::of(line().prop_map(|line| format!("{line} or not?"))),
        outcome in prop::sample::select(vec![Outcome::Whole, Outcome::Refused]),
    ) {
        let mut answer = heading.map_or_else(String::new, |heading| format!("{heading}\n\n"));
        answer.push_str("It does what was asked for.\n");
        for (n, text) in (1..).zip(&texts) {
            answer.push_str(&format!("{}R{n}: {text}\n", if bullet { "- " } else { "" }));
        }
        if let Some(question) = &question {
            answer.push_str(&format!("Q: {question}\n"));
        }
        let proposal = planner::parse(&answer, outcome);
        prop_assert!(proposal.is_ok(), "{}: {:?}", answer, proposal);
        let proposal = proposal.unwrap();
        let said: Vec<String> = texts.into_iter().collect();
        prop_assert_eq!(&proposal.requirements, &numbered(said), "{}", answer);
        prop_assert_eq!(proposal.questions, question.into_iter().collect::<Vec<_>>(), "{}", answer);
        prop_assert!(proposal.text.starts_with("It does what was asked for.\n\n"), "{}", proposal.text);
        prop_assert_eq!(planner::read_plan(&proposal.text), proposal.requirements);
    }

    #[test]
    fn a_written_safety_judgement_is_read_back_unchanged(safe: bool, reason in line()) {
        let judged = Judged { safe, reason };
        prop_assert!(fits(safety::PATTERN, &safety::write(&judged)));
        prop_assert_eq!(safety::parse(&safety::write(&judged)), Ok(judged));
    }

    #[test]
    fn written_package_names_are_read_back_unchanged(
        named in btree_map("[a-z][a-z0-9_]{0,8}", prop_oneof![Just(String::new()), "[A-Za-z0-9]([A-Za-z0-9._-]{0,8}[A-Za-z0-9])?"], 1..5),
    ) {
        prop_assume!(named.values().all(|package| !package.eq_ignore_ascii_case("none")));
        let modules: Vec<&str> = named.keys().map(String::as_str).collect();
        let written = dependencies::write(&named);
        prop_assert!(fits(&dependencies::pattern(&modules), &written), "{}", written);
        prop_assert_eq!(dependencies::parse(&dependencies::write(&named), &modules), Ok(named.clone()));
    }

    #[test]
    fn a_fenced_script_is_read_back_unchanged(script in script()) {
        let answer = fenced(&script, "python");
        let read = extract::script(&answer, Outcome::Whole, &parses).map(|read| read.script);
        prop_assert_eq!(read, Ok(script.clone()));
        // The Engineer answers in the same form, or calls its tool.
        let arguments = serde_json::json!({"code": script});
        let call = ToolCall { id: "1".into(), name: engineer::TOOL.into(), arguments };
        let replies = [
            engineer::parse(&answer, &[], Outcome::Whole, false, &parses),
            engineer::parse("", &[call], Outcome::Whole, false, &parses),
        ];
        for reply in replies {
            let Reply::Code { said, pieces } = reply else { panic!("no code: {reply:?}") };
            prop_assert_eq!((said.as_str(), pieces.len()), ("", 1));
            prop_assert_eq!((&pieces[0].code, &pieces[0].problem), (&script, &None));
        }
    }

    #[test]
    fn an_engineer_s_answer_without_code_is_words(said in line()) {
        let said = format!("The answer is {said}");
        let reply = engineer::parse(&said, &[], Outcome::Whole, false, &parses);
        prop_assert_eq!(reply, Reply::Words(said.trim().to_owned()));
    }
}
