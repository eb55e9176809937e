//! Forms of plans, and the expected requirements for each.

use redraft::agents::RefusalKind::{self, CutOff, Empty, Unusable};
use redraft::agents::planner;
use redraft::domain::chat::Outcome::{self, Cut, Whole};

#[test]
fn every_kind_of_list_becomes_requirements() {
    // The answer, how it ended, the requirements, the questions.
    type Case = (&'static str, Outcome, &'static [&'static str], &'static [&'static str]);
    let table: &[Case] = &[
        (
            "Shows a clock.\nR1: Draw a face.\nR2: Draw hands.",
            Whole,
            &["Draw a face.", "Draw hands."],
            &[],
        ),
        ("R1. Draw a face.\nR2. Draw hands.", Whole, &["Draw a face.", "Draw hands."], &[]),
        (
            "- **R1**: Draw a face.\n- **R2**: Draw hands.",
            Whole,
            &["Draw a face.", "Draw hands."],
            &[],
        ),
        (
            "**R1:** Draw a face.\n\n**R2:** Draw hands.",
            Whole,
            &["Draw a face.", "Draw hands."],
            &[],
        ),
        (
            "### R1: Draw a face\nCheck: it is round.\n### R2: Draw hands",
            Whole,
            &["Draw a face. Check: it is round.", "Draw hands"],
            &[],
        ),
        ("1. Draw a face.\n2. Draw hands.", Whole, &["Draw a face.", "Draw hands."], &[]),
        ("1) Draw a face.\n2) Draw hands.", Whole, &["Draw a face.", "Draw hands."], &[]),
        ("- Draw a face.\n- Draw hands.", Whole, &["Draw a face.", "Draw hands."], &[]),
        ("* Draw a face.\n• Draw hands.", Whole, &["Draw a face.", "Draw hands."], &[]),
        (
            "1. **Face**: draw it.\n   - How to see: it is round.\n2. **Hands**: draw them.",
            Whole,
            &["Face: draw it. How to see: it is round.", "Hands: draw them."],
            &[],
        ),
        (
            "R1: Draw a face\n  that is round.\nR2: Draw hands.",
            Whole,
            &["Draw a face. that is round.", "Draw hands."],
            &[],
        ),
        (
            "R1: Draw a face.\nR2: Draw hands.\nR3: Draw hands.\nR4: draw HANDS",
            Whole,
            &["Draw a face.", "Draw hands.", "draw HANDS"],
            &[],
        ),
        ("R3: Draw a face.\nR7: Draw hands.", Whole, &["Draw a face.", "Draw hands."], &[]),
        ("R1: Draw a face.\nR2: Draw ha", Cut, &["Draw a face."], &[]),
        ("R1: Draw a face.\nR2: Draw hands.", Cut, &["Draw a face.", "Draw hands."], &[]),
        ("R1: Draw a face. Check: round.\n  It must be", Cut, &["Draw a face. Check: round."], &[]),
        (
            "R1: Draw a face.\nQ: Which size?\nQ2: Which colour?",
            Whole,
            &["Draw a face."],
            &["Which size?", "Which colour?"],
        ),
        (
            "R1: Draw a face.\n\nQuestions:\n1. Which size?\n2. Which colour",
            Whole,
            &["Draw a face."],
            &["Which size?", "Which colour"],
        ),
        ("R1: Draw a face.\nQ: None", Whole, &["Draw a face."], &[]),
        (
            "R1: Draw a face.\nQ: a?\nQ: bb?\nQ: cc?\nQ: dd?\nQ: ee?",
            Whole,
            &["Draw a face."],
            &["a?", "bb?", "cc?"],
        ),
        ("<think>R1: nothing yet</think>R1: Draw a face.", Whole, &["Draw a face."], &[]),
        ("```markdown\nR1: Draw a face.\n```", Whole, &["Draw a face."], &[]),
        ("1. Draw a face.\n\n```python\n# 1. code\n- x\n```\n", Whole, &["Draw a face."], &[]),
        (
            "{\"requirements\": [{\"id\": \"R1\", \"text\": \"Draw a face.\"}, \"R2: Draw hands.\"]}",
            Whole,
            &["Draw a face.", "Draw hands."],
            &[],
        ),
        (
            "| ID | What | Check |\n|---|---|---|\n| R1 | Draw a face | it is round |",
            Whole,
            &["Draw a face. it is round"],
            &[],
        ),
        (
            "R1: Draw a face.\n\nHow to test:\n1. Run it.\n2. Look at it.",
            Whole,
            &["Draw a face."],
            &[],
        ),
        (
            "1. Draw a face.\n\nHow to test:\n1. Run it.\n2. Look at it.",
            Whole,
            &["Draw a face."],
            &[],
        ),
        (
            "The requirements:\n1. Functional requirements:\n- Draw a face\n- Draw hands",
            Whole,
            &["Draw a face", "Draw hands"],
            &[],
        ),
        // A heading does not affect requirements in the requested form.
        (
            "# QR Code Generator\nR1: Take a text.\nR2: Print it as a QR code.",
            Whole,
            &["Take a text.", "Print it as a QR code."],
            &[],
        ),
        (
            "## Notes app\n\n- R1: Add a note.\n\n## How to test\n\n- R2: Show all notes.\n- R1: add one",
            Whole,
            &["Add a note. add one", "Show all notes."],
            &[],
        ),
        (
            "R1: Is it a prime? Check: 7\nR2: Q: ask again",
            Whole,
            &["Is it a prime? Check: 7", "Q: ask again"],
            &[],
        ),
        (
            "## Requirements\n- Draw a face.\n## Notes\n- It may be round.",
            Whole,
            &["Draw a face."],
            &[],
        ),
        ("R1: Draw a face.\r\nR2: Draw hands.\r\n", Whole, &["Draw a face.", "Draw hands."], &[]),
        ("R1：显示时钟\nR2：显示指针", Whole, &["显示时钟", "显示指针"], &[]),
    ];
    let mut wrong = String::new();
    for (answer, outcome, want, questions) in table {
        match planner::parse(answer, *outcome) {
            Ok(got) => {
                let texts: Vec<&str> = got.requirements.iter().map(|r| r.text.as_str()).collect();
                let numbered =
                    got.requirements.iter().enumerate().all(|(n, r)| r.id == format!("R{}", n + 1));
                if texts != *want || got.questions != *questions || !numbered {
                    wrong += &format!(
                        "=== {answer}\n--- wanted {want:?} {questions:?}\n--- got {got:#?}\n"
                    );
                }
            }
            Err(error) => {
                wrong += &format!("=== {answer}\n--- wanted {want:?}\n--- got {error:?}\n");
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn a_plan_is_rewritten_in_its_normal_form() {
    let answer = "Sure! Here is the plan:\n\n**Restatement**: A clock is shown. It runs on Python 3.12.\n\n\
                  ## Requirements\n* **R1** - Draw a face.\n\n\nQ: Which size?\n";
    let text = "A clock is shown. It runs on Python 3.12.\n\n## Requirements\n\n- R1: Draw a face.\n\n\
                ## Questions\n\n- Which size?\n";
    assert_eq!(planner::parse(answer, Whole).unwrap().text, text);
}

#[test]
fn an_answer_that_is_not_a_plan_is_refused() {
    let table: [(&str, Outcome, RefusalKind); 7] = [
        ("", Whole, Empty),
        (
            "R1: Open a text editor.\nR2: Write the following code:\n```\nimport turtle\n\
             pen = turtle.Turtle()\npen.speed(0)\npen.penup()\n```",
            Whole,
            Unusable,
        ),
        ("```python\nprint(1)\n```", Whole, Unusable),
        ("I'm ready to help. What's your first question?", Whole, Unusable),
        ("1. 1.1.1: 1.1.2:\n2. 2.2", Whole, Unusable),
        ("R1: The clock face should", Cut, CutOff),
        ("Q: Which files?", Whole, Unusable),
    ];
    for (answer, outcome, kind) in table {
        assert_eq!(planner::parse(answer, outcome).unwrap_err().kind, kind, "{answer}");
    }
}

#[test]
fn a_plan_that_mentions_code_is_accepted() {
    for answer in [
        "R1: The app can import contacts:\n   - from CSV\n   - from vCard\n   - from JSON",
        "R1: Define a function `def add(a, b):` that returns the sum.\nR2: import nothing",
        "R1: Four functions:\n   - add(a, b)\n   - sub(a, b)\n   - mul(a, b)\n   - div(a, b)",
        "R1: Settings:\n   - WIDTH = 800\n   - HEIGHT = 600\n   - SPEED = 5\n   - FPS = 60",
        "R1: Commands:\n   - import NAME\n   - list(NAME)\n   - remove a contact",
    ] {
        assert!(planner::parse(answer, Whole).is_ok(), "{answer}");
    }
}

#[test]
fn a_plan_written_by_hand_keeps_its_labels() {
    let table: [(&str, &[(&str, &str)]); 8] = [
        ("", &[]),
        ("Make a clock\nwith hands", &[("R1", "Make a clock")]),
        ("# My clock\n\nwith hands", &[("R1", "My clock")]),
        ("- draw a face\n- draw hands", &[("R1", "draw a face"), ("R2", "draw hands")]),
        ("## Requirements\n\n- R1: face\n- R3: hands\n", &[("R1", "face"), ("R3", "hands")]),
        (
            "- R1: face\n- R2: hands\n- and it ticks\n",
            &[("R1", "face"), ("R2", "hands"), ("R3", "and it ticks")],
        ),
        ("R1: face\nR1: hands", &[("R1", "face"), ("R2", "hands")]),
        ("1. face\n2. hands\n\n## Questions\n\n- Which size?", &[("R1", "face"), ("R2", "hands")]),
    ];
    for (text, want) in table {
        let got = planner::read_plan(text);
        let got: Vec<(&str, &str)> = got.iter().map(|r| (r.id.as_str(), r.text.as_str())).collect();
        assert_eq!(got, want, "{text}");
    }
}

#[test]
fn an_endless_plan_is_cut_to_twenty_requirements() {
    let answer: String = (0..5_000).map(|n| format!("R{n}: Show number {n}.\n")).collect();
    assert_eq!(planner::parse(&answer, Whole).unwrap().requirements.len(), 20);
    for piece in ["R1: x\n", "1. ", "- ", "{", "|R1|", "Q: a?\n", "```\n", "  - a b\n", "a: ", "é"]
    {
        let _ = planner::parse(&piece.repeat((1 << 17) / piece.len()), Cut);
    }
}
