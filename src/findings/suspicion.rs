//! Suspicious results of a run that did not fail.

use super::finding::{Finding, Source};
use crate::domain::report::{GivenBy, Run, RunVerdict};
use crate::domain::review::Severity;
use crate::domain::session::Version;
use crate::python::words;

/// Input that the script did not read or use, blank pictures, and a run without a result. Only a
/// run without a result is a blocker.
pub(super) fn of_run(version: &Version) -> Vec<Finding> {
    let Some(run) = &version.run else { return Vec::new() };
    let found = |severity, text, fix: String| Finding {
        fix: Some(fix),
        ..Finding::seen(version, Source::Suspicion, severity, text)
    };
    let result = run.no_result();
    if is_idle(version, run) {
        let severity = if result.is_some() { Severity::Blocker } else { Severity::Should };
        let text = "it was run without arguments, and showed nothing".to_owned();
        // Input without arguments is what the user types on standard input.
        let read = run.given_by.map_or("", |_| " Read what is typed with `input()`.");
        return vec![found(severity, text, format!("{IDLE}{read}"))];
    }
    let mut all = Vec::new();
    if is_deaf(version, run) {
        let fix = "It was given what is typed, and no arguments, and read none of it. Read a line of it with \
            `input()` wherever the plan has the user say something."
            .to_owned();
        all.push(found(Severity::Should, "it does not read what is typed".to_owned(), fix));
    }
    all.extend(run.ignores.iter().map(|what| {
        let fix = format!("It did the same with something else in place of {what}. Use it.");
        found(Severity::Should, format!("it does not use {what}"), fix)
    }));
    all.extend(run.blank.iter().map(|name| {
        let fix = format!("Nothing is drawn on `{name}`. Draw on it.");
        found(Severity::Should, format!("nothing is drawn on {name}"), fix)
    }));
    all.extend(result.map(|text| found(Severity::Blocker, text, words::no_result_in_words(run))));
    all
}

/// The fix for a script that does nothing without options.
const IDLE: &str = "It was run without arguments, ended without an error, and showed nothing: it printed \
    nothing and wrote no file. Make it do all that the plan asks for without any option: take out the \
    options that only choose what is done, and call everything, one after the other.";

/// Whether the script parses arguments, got none, and then had no visible effect.
fn is_idle(version: &Version, run: &Run) -> bool {
    let silent = run.stdout_bytes + run.stderr_bytes == 0 && run.files.is_empty();
    run.verdict == RunVerdict::Ok && run.arguments == 0 && silent && version.parses_arguments()
}

/// Whether the user's input is standard input only, and the script does not read it.
fn is_deaf(version: &Version, run: &Run) -> bool {
    let by_user = matches!(run.given_by, Some(GivenBy::Manager | GivenBy::Both));
    run.verdict == RunVerdict::Ok && by_user && run.arguments == 0 && !version.names_typed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::Cause;
    use crate::domain::report::Checks;

    /// The suspicions about a script that imports `module` and had this run.
    fn said(script: &str, module: &str, run: Run) -> Vec<(Severity, String)> {
        let checks = Checks { imports: vec![module.to_owned()], ..Checks::default() };
        let version = Version::new(1, Cause::First, None, script.to_owned());
        let version = Version { checks: Some(checks), run: Some(run), ..version };
        let found = of_run(&version).into_iter();
        found.map(|finding| (finding.severity, finding.text)).collect()
    }

    #[test]
    fn suspicious_runs_are_reported_and_block_if_there_is_no_output() {
        use Severity::{Blocker, Should};
        let ok = || Run::not_run(RunVerdict::Ok, "");
        let printed = || Run { stdout_bytes: 2, ..ok() };
        let typed = || Run { given_by: Some(GivenBy::Manager), ..printed() };
        let idle = "it was run without arguments, and showed nothing";
        for (script, module, run, expected) in [
            ("print(1)", "sys", printed(), vec![]),
            ("print(1)", "argparse", ok(), vec![(Should, idle)]),
            ("print(1)", "argparse", Run { no_output: true, ..ok() }, vec![(Blocker, idle)]),
            ("print(1)", "argparse", Run { arguments: 1, ..ok() }, vec![]),
            ("print(1)", "argparse", Run::not_run(RunVerdict::Failed, ""), vec![]),
            ("print(1)", "sys", typed(), vec![(Should, "it does not read what is typed")]),
            ("print(input())", "sys", typed(), vec![]),
            ("print(1)", "sys", Run { arguments: 1, ..typed() }, vec![]),
            (
                "print(1)",
                "sys",
                Run {
                    ignores: vec!["the file a.csv".into()],
                    blank: vec!["a.png".into()],
                    ..printed()
                },
                vec![
                    (Should, "it does not use the file a.csv"),
                    (Should, "nothing is drawn on a.png"),
                ],
            ),
            (
                "x = 1",
                "sys",
                Run { no_output: true, ..ok() },
                vec![(Blocker, "it printed nothing and wrote no file")],
            ),
        ] {
            let said = said(script, module, run.clone());
            let said: Vec<(Severity, &str)> =
                said.iter().map(|(s, text)| (*s, text.as_str())).collect();
            assert_eq!(said, expected, "{script} {module} {run:?}");
        }
    }
}
