//! Reads what the harness tells of the tests in a file. Pure.
//!
//! The script can print to the same stream. What counts is behind a token that it was not given.

use std::collections::HashSet;

use serde::Deserialize;

use crate::domain::report::{Test, TestOutcome};
use crate::domain::text::one_line;

/// Tests of a file.
const MOST: usize = 500;
/// Characters of a message and of a name.
const LONGEST: usize = 600;
const LONGEST_NAME: usize = 200;

/// What a model should know of a script that can't be imported.
const GUARD: &str = "the script's work belongs under `if __name__ == \"__main__\":`";

/// One line of the harness.
#[derive(Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
enum Line {
    /// What was found.
    Found { names: Vec<String> },
    /// A test begins.
    Begin { name: String },
    /// A test ended.
    End { name: String, outcome: TestOutcome, message: Option<String>, milliseconds: u64 },
    /// All of them ended.
    Done,
}

/// The tests of a file, from what was printed. `ended` says how the program ended, where that was
/// not as the harness does.
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
                // Most often by what the script does when it is imported.
                let why = format!("while the file was loaded, {ended}; {GUARD}");
                tests.push(test(file, TestOutcome::Failed, &why));
            }
            None => {}
        }
    }
    let told: HashSet<String> = tests.iter().map(|test| test.name.clone()).collect();
    found.retain(|name| !told.contains(&one_line(name, LONGEST_NAME)));
    let why = "not run: the program ended before it";
    tests.extend(found.iter().map(|name| test(name, TestOutcome::Skipped, why)));
    if tests.is_empty() {
        tests.push(test(file, TestOutcome::Skipped, "no test was found in it"));
    }
    if tests.len() > MOST {
        // What failed is not left out for what did not.
        tests.sort_by_key(|test| !test.failed());
        tests.truncate(MOST);
    }
    tests
}

/// A test that has no more to tell than this.
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
}
