//! Complete answers of two small models. The expected results were determined by reading the
//! answers.

use super::parses;
use redraft::agents::RefusalKind::{self, CutOff, Syntax, Unusable};
use redraft::agents::{extract, planner, reviewer};
use redraft::domain::chat::Outcome;
use redraft::domain::plan::Requirement;
use redraft::domain::review::{Status, Verdict};
use std::fs;

fn sample(name: &str) -> String {
    let path = format!("{}/tests/it/fixtures/samples/{name}", env!("CARGO_MANIFEST_DIR"));
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// How the answer ended, according to the folder's index.
fn outcome(name: &str) -> Outcome {
    let (folder, file) = name.split_once('/').unwrap();
    let index: serde_json::Value =
        serde_json::from_str(&sample(&format!("{folder}/index.json"))).unwrap();
    let file = file.trim_end_matches(".txt");
    let entry = index.as_array().unwrap().iter().find(|e| e["name"] == file);
    let ended = entry.and_then(|e| e.get("fin").or(e.get("finish"))).and_then(|f| f.as_str());
    if ended == Some("length") { Outcome::Cut } else { Outcome::Whole }
}

#[test]
fn recorded_scripts_are_extracted_or_refused_for_the_right_reason() {
    // The first and last line of the script, or why there is none.
    type Want = Result<(&'static str, &'static str), RefusalKind>;
    let table: [(&str, Want); 19] = [
        ("qwen2.5-coder-1.5b/clock-code.txt", Ok(("import tkinter as tk", "root.mainloop()"))),
        (
            "qwen2.5-coder-1.5b/csvstat-code.txt",
            Ok(("import pandas as pd", "calculate_stats('data.csv')")),
        ),
        ("qwen2.5-coder-1.5b/hangman-code.txt", Ok(("import random", "    main()"))),
        ("qwen2.5-coder-1.5b/plot-code.txt", Ok(("import matplotlib.pyplot as plt", "plt.show()"))),
        // Prose after the block.
        (
            "qwen2.5-coder-1.5b/rename-code.txt",
            Ok(("import os", "rename_photos(folder_path, dry_run=True)")),
        ),
        (
            "smollm2-135m/code-00.txt",
            Ok((
                "def print_ten_most_common_words(filename):",
                "print_ten_most_common_words('example.txt')",
            )),
        ),
        ("smollm2-135m/code-01.txt", Err(Syntax)),
        ("smollm2-135m/code-02.txt", Ok(("def celsius_to_fahrenheit(celsius):", "main()"))),
        // The script is complete and invalid; only the output after it was cut off.
        ("smollm2-135m/code-03.txt", Err(Syntax)),
        ("smollm2-135m/code-04.txt", Err(CutOff)),
        ("smollm2-135m/code-05.txt", Ok(("import random", "    print(\"You lose!\")"))),
        (
            "smollm2-135m/code-06.txt",
            Ok(("def find_duplicates(filename):", "    return duplicates, seen")),
        ),
        (
            "smollm2-135m/code-07.txt",
            Ok((
                "def markdown_to_html(markdown_to_html_output):",
                "markdown_to_html_output(\"markdown_to_html_output.html\")",
            )),
        ),
        // Cut off in the text after the closing fence.
        ("smollm2-135m/code-08.txt", Ok(("import logging", "    return wrapper"))),
        ("smollm2-135m/code-09.txt", Ok(("import random", "    main()"))),
        ("smollm2-135m/code-10.txt", Err(CutOff)),
        // A class in one block, its use in the next, the output in a third.
        ("smollm2-135m/code-11.txt", Ok(("class BankAccount:", "print(f\"Withdrew $500.\")"))),
        ("smollm2-135m/code-12.txt", Ok(("import os", "rename_txt_files('data.txt', 'data.txt')"))),
        ("smollm2-135m/code-13.txt", Ok(("import time", "main()"))),
    ];
    for (name, want) in table {
        let got = extract::script(&sample(name), outcome(name), &parses);
        match (&got, want) {
            (Ok(got), Ok((first, last))) => {
                assert_eq!(got.script.lines().next(), Some(first), "{name}");
                assert_eq!(got.script.lines().last(), Some(last), "{name}");
            }
            (Err(got), Err(kind)) => assert_eq!(got.kind, kind, "{name}: {got}"),
            _ => panic!("{name}: {got:?}"),
        }
    }
}

#[test]
fn recorded_plans_give_their_distinct_requirements() {
    // The number of requirements and the last one, or why there are none.
    type Want = Result<(usize, &'static str), RefusalKind>;
    let table: [(&str, Want); 21] = [
        // R9 to R19 are equal, R20 was cut off.
        (
            "qwen2.5-coder-1.5b/clock-plan.txt",
            Ok((9, "The clock face should be able to handle different time formats.")),
        ),
        (
            "qwen2.5-coder-1.5b/csvstat-plan.txt",
            Ok((5, "It should print the results in a readable format.")),
        ),
        (
            "qwen2.5-coder-1.5b/hangman-plan.txt",
            Ok((7, "The game should allow the player to play again after winning or losing.")),
        ),
        (
            "qwen2.5-coder-1.5b/plot-plan.txt",
            Ok((
                6,
                "Include a legend on the graph, indicating that the x-axis represents the number of people and the y-axis represents the probability.",
            )),
        ),
        (
            "qwen2.5-coder-1.5b/rename-plan.txt",
            Ok((
                8,
                "The tool should be able to handle errors that may occur during the renaming process.",
            )),
        ),
        // Code instead of a plan.
        ("smollm2-135m/plan-00.txt", Err(Unusable)),
        ("smollm2-135m/plan-01.txt", Err(CutOff)),
        // Headings with numbered lists below.
        ("smollm2-135m/plan-02.txt", Err(CutOff)),
        ("smollm2-135m/plan-03.txt", Err(Unusable)),
        ("smollm2-135m/plan-04.txt", Ok((8, "Length: 8192-bit (8192-bit)"))),
        ("smollm2-135m/plan-05.txt", Ok((3, "12 times"))),
        (
            "smollm2-135m/plan-06.txt",
            Ok((
                2,
                "File finder: A list comprehension that can be used to create a list of lists, where each inner list represents a file and the outer list represents a list of files.",
            )),
        ),
        (
            "smollm2-135m/plan-07.txt",
            Ok((1, "Choose a list of functional requirements. Headings: Bold")),
        ),
        ("smollm2-135m/plan-08.txt", Err(CutOff)),
        (
            "smollm2-135m/plan-09.txt",
            Ok((9, "The game ends when both players have a chance to choose a score.")),
        ),
        (
            "smollm2-135m/plan-10.txt",
            Ok((
                3,
                "Encryption: A Caesar cipher uses a shift operation to create a ciphertext that is encrypted using the key. The Caesar cipher uses a shift operation to create a ciphertext that is encrypted using the key.",
            )),
        ),
        ("smollm2-135m/plan-11.txt", Err(CutOff)),
        (
            "smollm2-135m/plan-12.txt",
            Ok((4, "Return the list of files with the specified number prefix.")),
        ),
        ("smollm2-135m/plan-13.txt", Ok((7, "Four-select-four stopwatch (four-select-four)"))),
        ("smollm2-135m/clarify-00.txt", Err(Unusable)),
        ("smollm2-135m/json-00.txt", Err(Unusable)),
    ];
    for (name, want) in table {
        let got = planner::parse(&sample(name), outcome(name));
        match (&got, want) {
            (Ok(got), Ok((count, last))) => {
                assert_eq!(got.requirements.len(), count, "{name}: {:#?}", got.requirements);
                assert_eq!(got.requirements.last().unwrap().text, last, "{name}");
                assert_eq!(planner::read_plan(&got.text), got.requirements, "{name}");
            }
            (Err(got), Err(kind)) => assert_eq!(got.kind, kind, "{name}: {got}"),
            _ => panic!("{name}: {got:?}"),
        }
    }
}

/// The plan in a prompt, line by line, including lines that a good Planner would have omitted.
pub(super) fn plan_of(name: &str) -> Vec<Requirement> {
    let prompt = sample(&name.replace(".txt", ".prompt.txt").replace("schema-", ""));
    let lines = prompt.split("Plan:").nth(1).unwrap().split("Script:").next().unwrap();
    let texts: Vec<&str> = lines
        .lines()
        .filter_map(|line| line.split_once([':', '.']))
        .map(|(_, text)| text.trim())
        .collect();
    super::requirements(&texts)
}

#[test]
fn recorded_reviews_are_read_without_embellishment() {
    use Verdict::Accept;
    // The number of requirements met, the number of findings, the verdict; or a refusal.
    type Want = Result<(usize, usize, Option<Verdict>), RefusalKind>;
    let table: [(&str, Want); 20] = [
        // All met, and the plan repeated as "findings".
        ("qwen2.5-coder-1.5b/clock-review.txt", Ok((20, 0, None))),
        // Every requirement both met and not met.
        ("qwen2.5-coder-1.5b/csvstat-review.txt", Err(Unusable)),
        ("qwen2.5-coder-1.5b/hangman-review.txt", Err(Unusable)),
        // Praise, point by point.
        ("qwen2.5-coder-1.5b/plot-review.txt", Ok((6, 0, Some(Accept)))),
        // 150 times "Met" for eight requirements.
        ("qwen2.5-coder-1.5b/rename-review.txt", Err(Unusable)),
        // The plan in other words, which are read as findings.
        ("smollm2-135m/review-bank.txt", Ok((0, 2, None))),
        // Only the plan repeated, and prose.
        ("smollm2-135m/review-csv.txt", Err(Unusable)),
        ("smollm2-135m/review-ok.txt", Err(Unusable)),
        ("smollm2-135m/review-temp.txt", Ok((0, 2, None))),
        ("smollm2-135m/review-wc.txt", Err(Unusable)),
        // These answers were requested with another verdict, APPROVED, which redraft does not have.
        ("smollm2-135m/schema-verdict-bank.txt", Err(Unusable)),
        ("smollm2-135m/schema-verdict-csv.txt", Ok((0, 3, None))),
        ("smollm2-135m/schema-verdict-ok.txt", Err(Unusable)),
        ("smollm2-135m/schema-verdict-temp.txt", Ok((0, 3, None))),
        ("smollm2-135m/schema-verdict-wc.txt", Err(Unusable)),
        ("smollm2-135m/verdict-bank.txt", Err(Unusable)),
        ("smollm2-135m/verdict-csv.txt", Err(Unusable)),
        ("smollm2-135m/verdict-ok.txt", Err(Unusable)),
        ("smollm2-135m/verdict-temp.txt", Err(Unusable)),
        ("smollm2-135m/verdict-wc.txt", Err(Unusable)),
    ];
    let mut wrong = String::new();
    for (name, want) in table {
        let got = reviewer::parse(&sample(name), &plan_of(name));
        let said = got.as_ref().map_err(|refusal| refusal.kind).map(|got| {
            let met = got.judgements.iter().filter(|j| j.status == Status::Met).count();
            (met, got.findings.len(), got.verdict)
        });
        if said != want {
            wrong += &format!("{name}: {said:?}, wanted {want:?}: {got:#?}\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
