//! Judges whether a successful run has a plausible result. Pure.

use super::{schema, writes};
use crate::domain::not_number;
use crate::domain::report::{CapabilityKind, NOT_KEPT, Run, RunVerdict};
use crate::domain::session::{Session, Version};
use crate::domain::text::one_line;
use crate::python::{agreement, hints, outline};

/// Maximum number of output lines kept as evidence.
const LINES: usize = 3;
/// Maximum length of such a line, in characters.
const WIDTH: usize = 120;
/// Maximum length of the column list in a hint, in characters.
const COLUMNS: usize = 500;

/// The final report of a run: marks it as failed if a required output file is missing or its output
/// does not fit the schema, adds hints to its error, and notes suspicious results. With `called`,
/// the program called the script's functions itself.
#[must_use]
pub fn judged(session: &Session, version: &Version, called: bool, run: Run, stdout: &str) -> Run {
    // Both checks can turn a successful run into a failed one, which is judged no further.
    let run = writes::checked(session, run);
    let run = schema::checked(&session.settings, run, stdout);
    let run = with_columns(session, run);
    checked(session, version, called || outline::is_library(&version.script), run, stdout)
}

/// The run with what is suspicious about its result: no output, or values that are not numbers.
/// Skipped if the user has tests. With `imported`, the script is a library, which needs no output.
#[must_use]
fn checked(session: &Session, version: &Version, imported: bool, run: Run, stdout: &str) -> Run {
    if run.verdict != RunVerdict::Ok || session.has_tests() || session.dialogue.is_some() {
        return run;
    }
    let agreed = version.samples.iter().any(|score| score.chosen && score.agreed);
    let no_output = !imported && !agreed && shows_nothing(session, version, &run);
    Run { no_output, not_numbers: not_numbers(session, stdout), ..run }
}

/// The run with the columns of the data files added to the error's hint, if the error is about a
/// name that none of the files has: a key, or an attribute of a table.
#[must_use]
fn with_columns(session: &Session, mut run: Run) -> Run {
    let tables = session.data.iter().filter_map(|file| {
        let columns = file.described.as_ref().map(|described| described.columns.as_slice())?;
        (!columns.is_empty()).then_some((file.name.as_str(), columns))
    });
    let tables: Vec<(&str, &[String])> = tables.collect();
    let Some(error) = run.error.as_mut().filter(|_| !tables.is_empty()) else { return run };
    let kind = error.kind.rsplit('.').next().unwrap_or_default();
    let by_name = matches!(kind, "KeyError" | "AttributeError" | "ColumnNotFoundError");
    let quoted = error.message.split(['\'', '"']).rfind(|text| !text.is_empty());
    let name = quoted.unwrap_or_default();
    let of_table = kind != "AttributeError"
        || ["DataFrame", "Series"]
            .iter()
            .any(|table| error.message.contains(&format!("'{table}'")));
    let is_there = tables.iter().any(|(_, columns)| columns.iter().any(|column| column == name));
    if by_name && of_table && !is_there {
        let named = tables.iter().map(|(file, columns)| {
            let columns: Vec<String> = columns.iter().map(|column| format!("`{column}`")).collect();
            format!("{file} has the columns {}", columns.join(", "))
        });
        let there = one_line(&named.collect::<Vec<_>>().join("; "), COLUMNS);
        let hint = error.hint.take().or_else(|| hints::usual(&error.kind).map(str::to_owned));
        error.hint = Some(hint.map_or_else(|| there.clone(), |hint| format!("{hint}; {there}")));
    }
    run
}

/// Whether a run that should have shown something showed nothing. Scripts that act outside the run
/// folder, wait for input, or are meant to be imported need no output.
fn shows_nothing(session: &Session, version: &Version, run: &Run) -> bool {
    use CapabilityKind::{Files, Network, Processes};
    let silent = run.stdout_bytes + run.stderr_bytes == 0 && run.files.is_empty();
    let not_all_known = run.reason.as_ref().is_some_and(|reason| reason.ends_with(NOT_KEPT));
    let elsewhere = version.checks.as_ref().is_some_and(|checks| {
        let mut kinds = checks.capabilities.iter().map(|capability| capability.kind);
        checks.window || kinds.any(|kind| matches!(kind, Files | Network | Processes))
    });
    let waits = run.given_by.is_none() && version.reads_typed();
    let imported = !session.interface.is_empty() || !agreement::called(&session.request).is_empty();
    silent && !not_all_known && !elsewhere && !waits && !imported
}

/// The first lines with a NaN or similar value. None if the request or an input has such a value, or
/// may have one because a data file was not read completely.
fn not_numbers(session: &Session, stdout: &str) -> Vec<String> {
    let odd = stdout.lines().filter(|line| not_number::stands_in(line));
    let odd: Vec<String> = odd.take(LINES).map(|line| one_line(line, WIDTH)).collect();
    if odd.is_empty() || is_given(session) { Vec::new() } else { odd }
}

fn is_given(session: &Session) -> bool {
    let complete = |file: &crate::domain::event::DataFile| {
        file.described.as_ref().is_some_and(|described| described.complete)
    };
    let settings = &session.settings;
    let said = session.versions.iter().filter_map(|version| version.feedback.as_ref());
    let plan = session.planning.plan.iter().map(|plan| &plan.text);
    let stated = session.stated.iter().flat_map(|stated| stated.args.iter().chain([&stated.stdin]));
    let texts = [&session.request, &settings.stdin].into_iter().chain(&settings.args);
    let mut texts = texts.chain(plan).chain(said).chain(stated);
    texts.any(|text| not_number::stands_in(text)) || !session.data.iter().all(complete)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::{Cause, DataFile, Described};
    use crate::domain::report::{Capability, Checks, GivenBy, RunError};

    fn version(script: &str, kind: Option<CapabilityKind>) -> Version {
        let capability =
            |kind| Capability { kind, line: 1, what: "x".to_owned(), target: None, named: None };
        let capabilities = kind.map(capability).into_iter().collect();
        let checks = Some(Checks { capabilities, ..Checks::default() });
        Version { checks, ..Version::new(1, Cause::First, None, script.to_owned()) }
    }

    fn ended(verdict: RunVerdict) -> Run {
        Run { reason: None, ..Run::not_run(verdict, "") }
    }

    #[test]
    fn a_run_without_output_is_noticed_where_output_was_expected() {
        use CapabilityKind::{DynamicCode, Environment, Network};
        let typed = "for line in sys.stdin: print(line)";
        for (request, script, kind, given_by, files, verdict, found) in [
            ("count", "x = 1", None, None, 0, RunVerdict::Ok, true),
            ("count", "def main(): print(1)", Some(DynamicCode), None, 0, RunVerdict::Ok, true),
            ("count", "x = 1", Some(Environment), None, 0, RunVerdict::Ok, true),
            ("count", "x = 1", None, None, 1, RunVerdict::Ok, false),
            ("count", "x = 1", None, None, 0, RunVerdict::Window, false),
            ("count", "x = 1", Some(Network), None, 0, RunVerdict::Ok, false),
            ("count", typed, None, None, 0, RunVerdict::Ok, false),
            ("count", typed, None, Some(GivenBy::Manager), 0, RunVerdict::Ok, true),
            (
                "write add(a, b)",
                "def add(a, b): return a + b",
                None,
                None,
                0,
                RunVerdict::Ok,
                false,
            ),
        ] {
            let session = Session { request: request.into(), ..Session::default() };
            let files = vec!["a.txt".to_owned(); files];
            let run = Run { given_by, files, ..ended(verdict) };
            let run = checked(&session, &version(script, kind), false, run, "");
            assert_eq!(run.no_output, found, "{request} {script} {kind:?} {verdict:?}");
        }
        let run = checked(&Session::default(), &version("", None), true, ended(RunVerdict::Ok), "");
        assert!(!run.no_output, "its functions gave something");
        let run = Run { stdout_bytes: 1, ..ended(RunVerdict::Ok) };
        assert!(!checked(&Session::default(), &version("", None), false, run, "1").no_output);
        let lost = Run::not_run(RunVerdict::Ok, format!("2 files {NOT_KEPT}"));
        assert!(!checked(&Session::default(), &version("", None), false, lost, "").no_output);
    }

    #[test]
    fn an_error_for_a_missing_column_gets_a_hint_with_the_columns() {
        let file = DataFile {
            name: "w.csv".into(),
            bytes: 1,
            sha256: String::new(),
            described: Some(Described {
                columns: vec!["city".into(), "temp_c".into()],
                ..Described::default()
            }),
        };
        let frame = "'DataFrame' object has no attribute 'temperature'";
        for (kind, message, told) in [
            ("KeyError", "'temperature'", true),
            ("KeyError", "'temp_c'", false),
            ("KeyError", "\"['temperature'] not in index\"", true),
            ("AttributeError", frame, true),
            ("AttributeError", "'str' object has no attribute 'temperature'", false),
            ("ValueError", "temperature", false),
        ] {
            let error =
                RunError { kind: kind.into(), message: message.into(), ..RunError::default() };
            let run = Run { error: Some(error), ..ended(RunVerdict::Failed) };
            let session = Session { data: vec![file.clone()], ..Session::default() };
            let hint = with_columns(&session, run).error.and_then(|error| error.hint);
            let hint = hint.is_some_and(|h| h.ends_with("w.csv has the columns `city`, `temp_c`"));
            assert_eq!(hint, told, "{kind} {message}");
        }
    }

    #[test]
    fn nan_in_the_output_is_noticed_unless_the_input_may_have_it() {
        let file = |complete| DataFile {
            name: "a.csv".into(),
            bytes: 1,
            sha256: String::new(),
            described: Some(Described { complete, ..Described::default() }),
        };
        let unknown = DataFile { described: None, ..file(true) };
        for (request, stdin, data, stdout, found) in [
            ("mean", "", vec![], "n 3\nmean nan\n", vec!["mean nan"]),
            ("mean", "", vec![file(true)], "mean nan\nmax inf", vec!["mean nan", "max inf"]),
            ("mean", "", vec![], "mean 3\n", vec![]),
            ("mean", "", vec![file(true), file(false)], "mean nan\n", vec![]),
            ("mean", "", vec![unknown], "mean nan\n", vec![]),
            ("show inf and nan", "", vec![], "mean nan\n", vec![]),
            ("mean", "1\nnan\n", vec![], "mean nan\n", vec![]),
        ] {
            let mut session = Session { request: request.into(), data, ..Session::default() };
            session.settings.stdin = stdin.into();
            let run = Run { stdout_bytes: 1, ..ended(RunVerdict::Ok) };
            let run = checked(&session, &version("", None), false, run, stdout);
            assert_eq!(run.not_numbers, found, "{request} {stdout}");
        }
    }
}
