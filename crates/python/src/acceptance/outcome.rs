//! Parses the harness's report on a test file. Pure.
//!
//! The script can print to the same stream. Only lines that begin with a token count, which the
//! script does not know.

use std::collections::HashSet;

use serde::Deserialize;

use redraft_domain::report::{Test, TestOutcome};
use redraft_domain::text::one_line;

/// Maximum number of tests of a file.
const MOST: usize = 500;
/// Maximum number of characters in a message and of a name.
const LONGEST: usize = 600;
const LONGEST_NAME: usize = 200;

/// Hint for a model whose script can't be imported.
const GUARD: &str = "the script's work belongs under `if __name__ == \"__main__\":`";

/// Message of a test that did not run.
const NOT_RUN: &str = "not run: the program ended before it";
/// Start of the message of a test that passed only where the script could have forged it.
const BESIDE: &str =
    "passed in the script's own process only, where a script can report what it likes";

/// A line of the harness's report.
#[derive(Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
enum Line {
    /// The tests that were found.
    Found { names: Vec<String> },
    /// A test starts.
    Begin { name: String },
    /// A test ended.
    End { name: String, outcome: TestOutcome, message: Option<String>, milliseconds: u64 },
    /// All tests ended.
    Done,
}

/// Parses the tests of a file from the output. `ended` describes how the program ended if the
/// harness did not finish.
pub(super) fn read(printed: &str, token: &str, file: &str, ended: &str) -> Vec<Test> {
    let mut found: Vec<String> = Vec::new();
    let mut tests: Vec<Test> = Vec::new();
    let mut begun = None;
    let mut done = false;
    let lines = printed.lines().filter_map(|line| line.strip_prefix(token)?.strip_prefix(' '));
    for line in lines.filter_map(|line| serde_json::from_str(line).ok()) {
        match line {
            Line::Found { names } => found = names,
            Line::Begin { name } => begun = Some(name),
            Line::End { name, outcome, message, milliseconds } => {
                begun = None;
                let message = message.filter(|message| !message.is_empty());
                tests.push(Test {
                    message: message.map(|message| one_line(&message, LONGEST)),
                    milliseconds,
                    ..test(&name, outcome, "")
                });
            }
            Line::Done => done = true,
        }
    }
    if !done {
        match &begun {
            Some(name) => tests.push(test(name, TestOutcome::Failed, ended)),
            None if found.is_empty() && tests.is_empty() => {
                // Usually caused by what the script does on import.
                let why = format!("while the file was loaded, {ended}; {GUARD}");
                tests.push(test(file, TestOutcome::Failed, &why));
            }
            None => {}
        }
    }
    let told: HashSet<String> = tests.iter().map(|test| test.name.clone()).collect();
    found.retain(|name| !told.contains(&one_line(name, LONGEST_NAME)));
    tests.extend(found.iter().map(|name| test(name, TestOutcome::Skipped, NOT_RUN)));
    if tests.is_empty() {
        tests.push(test(file, TestOutcome::Skipped, "no test was found in it"));
    }
    if tests.len() > MOST {
        // Keep the failed tests when the list is cut.
        tests.sort_by_key(|test| !test.failed());
        tests.truncate(MOST);
    }
    tests
}

/// Merges the results of a file's tests that ran apart from the script with those that ran beside
/// it. The latter count only for tests that were unproven apart; what passed there stays unproven.
pub(super) fn joined(apart: Vec<Test>, beside: &[Test], file: &str) -> Vec<Test> {
    let unproven = |found: &Test, why: &str| {
        if found.outcome == TestOutcome::Passed {
            let why = format!("{BESIDE} ({why})");
            Test {
                milliseconds: found.milliseconds,
                ..test(&found.name, TestOutcome::Unproven, &why)
            }
        } else {
            found.clone()
        }
    };
    let mut tests = Vec::new();
    for told in apart {
        let why = told.message.as_deref().unwrap_or_default();
        if told.outcome != TestOutcome::Unproven {
            tests.push(told);
        } else if told.name == file {
            tests.extend(beside.iter().map(|found| unproven(found, why)));
        } else if let Some(found) = beside.iter().find(|found| found.name == told.name) {
            tests.push(unproven(found, why));
        } else {
            let whole = beside.iter().find(|found| found.name == file && found.failed());
            let message = whole.and_then(|found| found.message.as_deref()).unwrap_or(NOT_RUN);
            let outcome = whole.map_or(TestOutcome::Skipped, |found| found.outcome);
            tests.push(test(&told.name, outcome, message));
        }
    }
    tests
}

/// A test result without duration.
pub(super) fn test(name: &str, outcome: TestOutcome, message: &str) -> Test {
    Test {
        name: one_line(name, LONGEST_NAME),
        outcome,
        message: (!message.is_empty()).then(|| one_line(message, LONGEST)),
        milliseconds: 0,
        passed_in: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_behind_the_token_counts_and_whatever_ends_the_program_is_told() {
        let found = r#"T {"what":"found","names":["f::a","f::b"]}"#;
        let a =
            r#"T {"what":"end","name":"f::a","outcome":"passed","message":null,"milliseconds":3}"#;
        let b = r#"T {"what":"end","name":"f::b","outcome":"failed","message":"line 3","milliseconds":0}"#;
        let forged = b.replacen('T', "U", 1).replace("failed", "passed");
        let done = r#"T {"what":"done"}"#;
        let begin = r#"T {"what":"begin","name":"f::a"}"#;
        for (lines, expected) in [
            (vec![found, a, "noise", b, &forged, done], "f::a passed, f::b failed line 3"),
            (vec![found, begin], "f::a failed it died, f::b skipped not run"),
            (vec![found, begin, a], "f::a passed, f::b skipped not run"),
            (vec![], "f failed while the file was loaded, it died"),
            (vec![done], "f skipped no test was found in it"),
            (vec!["T {}", "T", "T nonsense", done], "f skipped no test"),
        ] {
            let tests = read(&lines.join("\n"), "T", "f", "it died");
            let told: Vec<String> = tests
                .iter()
                .map(|test| {
                    let message = test.message.clone().unwrap_or_default();
                    format!("{} {} {message}", test.name, test.outcome.name()).trim().to_owned()
                })
                .collect();
            let told = told.join(", ");
            assert!(told.starts_with(expected), "{lines:?}: {told}");
        }
    }

    #[test]
    fn what_passes_beside_the_script_only_is_unproven() {
        use TestOutcome::{Failed, Passed, Skipped, Unproven};
        let list = |tests: &[(&str, TestOutcome)]| -> Vec<Test> {
            tests.iter().map(|(name, outcome)| test(name, *outcome, "why")).collect()
        };
        for (apart, beside, expected) in [
            // Only unproven tests take their result from there.
            (
                vec![("f::a", Passed), ("f::b", Failed), ("f::c", Unproven), ("f::d", Unproven)],
                vec![("f::a", Failed), ("f::b", Passed), ("f::c", Passed), ("f::d", Failed)],
                vec![("f::a", Passed), ("f::b", Failed), ("f::c", Unproven), ("f::d", Failed)],
            ),
            (vec![("f::a", Unproven)], vec![("f::b", Passed)], vec![("f::a", Skipped)]),
            (vec![("f::a", Unproven)], vec![("f", Failed)], vec![("f::a", Failed)]),
            // The file could not be loaded apart.
            (
                vec![("f", Unproven)],
                vec![("f::a", Passed), ("f::b", Skipped)],
                vec![("f::a", Unproven), ("f::b", Skipped)],
            ),
        ] {
            let joined = joined(list(&apart), &list(&beside), "f");
            let joined: Vec<_> = joined.iter().map(|t| (t.name.as_str(), t.outcome)).collect();
            assert_eq!(joined, expected, "{apart:?} {beside:?}");
        }
    }
}
