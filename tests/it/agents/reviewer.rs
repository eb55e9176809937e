//! Forms of Reviewer answers, and the expected review for each.

use super::requirements;
use redraft::agents::{RefusalKind, reviewer};
use redraft::domain::review::{Judgement, RawFinding, RawReview, Severity, Status, Verdict};
use std::fmt::Write;

/// The review in compact form for the tables: one line per finding.
fn shown(review: &RawReview) -> String {
    let mut out = String::new();
    for j in &review.judgements {
        let _ = write!(out, "{} {}; ", j.requirement, j.status.name());
    }
    for f in &review.findings {
        let severity = f.severity.map_or("-", |s| s.name());
        let id = f.id.as_ref().map_or(String::new(), |id| format!("{id} "));
        let requirement = f.requirement.as_deref().unwrap_or("-");
        let quote = f.quote.as_deref().map_or(String::new(), |q| format!(" <{q}>"));
        let _ = write!(out, "\n[{severity}] {id}{requirement}{quote} {}", f.text);
    }
    if let Some(verdict) = review.verdict {
        let _ = write!(out, "\n{}", verdict.name());
    }
    out.trim().to_owned()
}

#[test]
fn every_notation_of_a_review_is_read() {
    let plan = requirements(&[
        "The app should display the current time on an analog clock face.",
        "The window can be resized.",
        "Raise ValueError for negative numbers.",
    ]);
    let all = "R1 met; R2 partly; R3 not met;";
    let table: &[(&str, &str)] = &[
        // Judgements
        ("R1: met\nR2: partly\nR3: not met", all),
        ("R1 - Met\nR2 - Partly met\nR3 - Not Met.", all),
        ("**R1**: Met\n**R2:** Partly\n- **R3** – not met", all),
        ("- R1: ✅\n- R2: ⚠️\n- R3: ❌", all),
        ("✅ R1\n⚠️ R2\n❌ R3", all),
        ("R1: ✅ Met\nR2: 🟡 Partly\nR3: ❌ Not met", all),
        ("1. Met\n2. Partly\n3. Not met", all),
        ("Met: R1\nPartly: R2\nNot met: R3", all),
        ("Met:\n- R1\n\nPartly:\n- R2\n\nNot met:\n- R3", all),
        (
            "| Requirement | Status |\n|---|---|\n| R1 | met |\n| R2 | partly |\n| R3 | not met |",
            all,
        ),
        (
            "| R1 | Met | fine |\n| R2 | Partly | fine |\n| R3 | ❌ | |",
            "R1 met; R2 partly; R3 not met;",
        ),
        ("- [x] R1: the clock face\n- [ ] R3: the error", "R1 met; R3 not met;"),
        ("R1-R2: met\nR3: not met", "R1 met; R2 met; R3 not met;"),
        ("R1, R2, R3: met", "R1 met; R2 met; R3 met;"),
        // A requirement that is not named by its id is not judged.
        ("All requirements are met.\nVERDICT: ACCEPT", "ACCEPT"),
        ("R1 (analog clock face): met\nR2 (window can be resized): partly", "R1 met; R2 partly;"),
        ("R1: The app displays the current time on an analog clock face: Met", "R1 met;"),
        ("R1: Status: met", "R1 met;"),
        ("Met\nPartly\nNot met\n\nVERDICT: ITERATE", "ITERATE"),
        ("Met\nMet\nNot met", "R1 met; R2 met; R3 not met;"),
        ("R1: met\nR1: not met\nR2: met", "R2 met;"),
        ("R1: met\nR9: met", "R1 met;"),
        // Verdicts
        ("VERDICT: ACCEPT", "ACCEPT"),
        ("**Verdict:** Iterate", "ITERATE"),
        ("Verdict: ACCEPT.", "ACCEPT"),
        ("## Verdict\n\nITERATE", "ITERATE"),
        ("**ITERATE**", "ITERATE"),
        ("## Verdict - accept", "ACCEPT"),
        ("VERDICT: `ITERATE`", "ITERATE"),
        ("R1: met\nVERDICT: ACCEPT or VERDICT: ITERATE", "R1 met;"),
        // Findings
        (
            "- [blocker] R1 \"label = tk.Label(root)\" shows digits, no hands\nVERDICT: ITERATE",
            "[blocker] R1 <label = tk.Label(root)> shows digits, no hands\nITERATE",
        ),
        (
            "- (should) R2: \"root.resizable(0, 0)\" - forbids resizing",
            "[should] R2 <root.resizable(0, 0)> forbids resizing",
        ),
        ("1. **Blocker** - R1: no hands are drawn", "[blocker] R1 no hands are drawn"),
        (
            "* Blocker: R3: negative numbers are not refused",
            "[blocker] R3 negative numbers are not refused",
        ),
        ("- R1 [nit]: `x=1` has no spaces", "[nit] R1 <x=1> has no spaces"),
        ("- [blocker] R1 no hands\n  are drawn at all", "[blocker] R1 no hands are drawn at all"),
        ("- The hands are not drawn (blocker)", "[blocker] - The hands are not drawn"),
        ("- The hands are never drawn", "[-] - The hands are never drawn"),
        ("- Should close the file", "[-] - Should close the file"),
        (
            "1. [blocker] R1: draws nothing\n   > canvas.draw()\n2. [nit] R2: `x` is long\n> x = 1\n",
            "[blocker] R1 <canvas.draw()> draws nothing\n[nit] R2 <x = 1> `x` is long",
        ),
        (
            "- [blocker] R1 draws nothing\n\n> canvas.draw()\n> canvas.show()\nVERDICT: ITERATE",
            "[blocker] R1 <canvas.draw() canvas.show()> draws nothing\nITERATE",
        ),
        // Findings named by their id.
        ("F1: still there\nVERDICT: ITERATE", "[-] F1 - still there\nITERATE"),
        (
            "- F1\n- F2: met\n- **F3**: `x = 1` is still there\n- [nit] F4 R2 is still there",
            "[-] F1 - \n[-] F3 - `x = 1` is still there\n[nit] F4 R2 is still there",
        ),
        ("R1: met\n- F2: partly: only the hours", "R1 met; \n[-] F2 - partly: only the hours"),
        (
            "- [blocker] R1 \"print(\"hi\", x)\" prints, never draws",
            "[blocker] R1 <print(\"hi\", x)> prints, never draws",
        ),
        ("- [nit] “import os” is not used", "[nit] - <import os> is not used"),
        (
            "- [blocker] R1 draws nothing:\n```python\ncanvas.draw()\n```",
            "[blocker] R1 <canvas.draw()> draws nothing:",
        ),
        (
            "R3: not met - negative numbers are not refused",
            "R3 not met; \n[-] R3 negative numbers are not refused",
        ),
        ("R2: partly (the text is not scaled)", "R2 partly; \n[-] R2 the text is not scaled"),
        (
            "| R1 | blocker | `draw()` | no hands are drawn |",
            "[blocker] R1 <draw()> no hands are drawn",
        ),
        // A line in the requested form is a finding, whatever its words.
        (
            "- [should] R1: the error message is not clear\n- [blocker] R1: it works only once\n\
             - [nit] R2: looks good on a wide screen, and is cut off on others\n- [blocker] R3 met only for integers\n\
             - [should] R2 The window can be resized.\n- [nit] good\n- [nit] No issues found.",
            "[should] R1 the error message is not clear\n[blocker] R1 it works only once\n\
             [nit] R2 looks good on a wide screen, and is cut off on others\n[blocker] R3 met only for integers\n\
             [should] R2 The window can be resized.\n[nit] - good\n[nit] - No issues found.",
        ),
        (
            "R1: met\n- [blocker] R1 the app shows a face with numbers\nVERDICT: ITERATE",
            "R1 met; \n[blocker] R1 the app shows a face with numbers\nITERATE",
        ),
        // Other points do not count if some are in the requested form.
        ("- It uses tkinter.\n- [nit] R1 no title", "[nit] R1 no title"),
        // Repeated requirements, single words, headings, and requirements called met are no
        // findings.
        ("R1: Met - The script correctly plots the hands.", "R1 met;"),
        ("R1: met\n- R1: The app displays the current time on an analog clock face.", "R1 met;"),
        ("- R2: The window can be resized.\nVERDICT: ITERATE", "ITERATE"),
        ("R1: met\n- R1: The code is clean.\nVERDICT: ACCEPT", "R1 met; \nACCEPT"),
        ("R2: partly: The window can be resized.", "R2 partly;"),
        ("R1: met\nFindings:\nNone\nVERDICT: ACCEPT", "R1 met; \nACCEPT"),
        ("R1: met\n- None\n- Strengths:\nVERDICT: ACCEPT", "R1 met; \nACCEPT"),
        // Points that may not be praise are kept.
        ("- R1: The app shows digits.\nVERDICT: ITERATE", "[-] R1 The app shows digits.\nITERATE"),
        (
            "R3: not met\n- R3: It takes negative numbers.",
            "R3 not met; \n[-] R3 It takes negative numbers.",
        ),
        ("- The hands stand still.\nVERDICT: ACCEPT", "[-] - The hands stand still.\nACCEPT"),
        (
            "- [should] R1 \"root.title('x')\" shows an x\nVERDICT: ACCEPT",
            "[should] R1 <root.title('x')> shows an x\nACCEPT",
        ),
        (
            "- [nit] unused import\n- [nit] unused import\n- [nit] Unused import.",
            "[nit] - unused import\n[nit] - Unused import.",
        ),
        (
            "- No error handling for missing files\nVERDICT: ITERATE",
            "[-] - No error handling for missing files\nITERATE",
        ),
        // JSON
        (
            "{\"requirements\": {\"R1\": \"met\", \"R3\": \"not met\"}, \"findings\": [{\"severity\": \"blocker\", \"requirement\": \"R3\", \"quote\": \"f(x)\", \"problem\": \"takes negative numbers\"}], \"verdict\": \"ITERATE\"}",
            "R1 met; R3 not met; \n[blocker] R3 <f(x)> takes negative numbers\nITERATE",
        ),
        ("```json\n{\"findings\": [], \"verdict\": \"ACCEPT\"}\n```", "ACCEPT"),
        (
            "Here is my review:\n{\"judgements\": [{\"id\": \"R1\", \"status\": \"met\"}, {\"id\": \"R2\", \"status\": \"partly\"}]}\nVERDICT: ACCEPT",
            "R1 met; R2 partly; \nACCEPT",
        ),
        (
            "{\"verdict\": \"ITERATE\", \"findings\": [{\"severity\": \"nit\", \"problem\": \"unused import\"}, {\"severity\": \"blocker\", \"prob",
            "[nit] - unused import\nITERATE",
        ),
        (
            "{\"verdict\": \"ITERATE\", \"problems\": [\"[blocker] R1 no hands are drawn\",],}",
            "[blocker] R1 no hands are drawn\nITERATE",
        ),
        (
            "[{\"severity\": \"should\", \"text\": \"the file is never closed\"}]",
            "[should] - the file is never closed",
        ),
        ("{\"R1\": \"met\", \"R2\": true, \"verdict\": \"iterate\"}", "R1 met; R2 met; \nITERATE"),
        (
            "{\"findings\": [{\"severity\": \"nit\", \"requirement\": \"F1 R2\", \"quote\": \"\", \"problem\": \"F2: looks good\"}]}",
            "[nit] F1 R2 F2: looks good",
        ),
        // Reasoning, fences, line ends
        ("<think>R1: not met? No.</think>\nR1: met\r\nVERDICT: ACCEPT\r\n", "R1 met; \nACCEPT"),
        ("```\nR1: met\nVERDICT: ACCEPT\n```", "R1 met; \nACCEPT"),
    ];
    let mut wrong = String::new();
    for (answer, want) in table {
        let got = reviewer::parse(answer, &plan);
        let got = got.as_ref().map_or_else(|e| format!("{e:?}"), shown);
        if got != *want {
            wrong += &format!("=== {answer}\n--- wanted\n{want}\n--- got\n{got}\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn an_answer_that_is_not_a_review_is_refused() {
    let plan = requirements(&["Draw a clock."]);
    for (answer, kind) in [
        ("", RefusalKind::Empty),
        ("  \n", RefusalKind::Empty),
        ("The script meets the plan. It draws a clock.", RefusalKind::Unusable),
        ("R1: met\nR1: not met", RefusalKind::Unusable),
        ("```python\nprint(1)\n```", RefusalKind::Unusable),
        ("Met\nMet\nMet\nMet\nMet\nMet", RefusalKind::Unusable),
        ("{\"a\": 1}", RefusalKind::Unusable),
    ] {
        let got = reviewer::parse(answer, &plan).unwrap_err();
        assert_eq!(got.kind, kind, "{answer}");
    }
}

#[test]
fn an_endless_review_is_cut_to_a_hundred_findings() {
    let plan = requirements(&["Draw a clock."]);
    let many: String = (0..5_000).map(|n| format!("- [nit] line {n} is never reached\n")).collect();
    let review = reviewer::parse(&format!("{many}VERDICT: ITERATE"), &plan).unwrap();
    assert_eq!((review.findings.len(), review.verdict), (100, Some(Verdict::Iterate)));
}

#[test]
fn parsing_a_huge_answer_ends_without_a_panic() {
    let plan = requirements(&["Draw a clock."]);
    let mib = 1 << 17;
    for piece in [
        "{",
        "[\"",
        "{\"a\":",
        "| R1 |",
        "R1, ",
        "R1-R9999 ",
        "- [nit] ",
        "\"",
        "**",
        "Met\n",
        "é",
        "- R1 `x\n",
        "</think>\n",
        "Severity: nit\n",
    ] {
        let _ = reviewer::parse(&piece.repeat(mib / piece.len()), &plan);
    }
}

#[test]
fn a_review_that_is_nothing_but_the_form_may_speak_of_the_marks_of_thoughts() {
    for text in
        ["it leaves out </think>", "</think> is left out", "<channel|>e", "<think> and no end"]
    {
        let finding = RawFinding {
            id: None,
            requirement: Some("R2".to_owned()),
            severity: Some(Severity::Blocker),
            quote: Some(text.to_owned()),
            text: text.to_owned(),
        };
        let judged = |n: u32, status| Judgement { requirement: format!("R{n}"), status };
        let review = RawReview {
            judgements: vec![
                judged(1, Status::Met),
                judged(2, Status::NotMet),
                judged(3, Status::Met),
            ],
            findings: vec![finding],
            verdict: Some(Verdict::Iterate),
        };
        for written in [reviewer::write(&review), reviewer::write_json(&review)] {
            assert_eq!(
                reviewer::parse(&written, &requirements(&["a", "b", "c"])).as_ref(),
                Ok(&review),
                "{written}"
            );
        }
    }
}
