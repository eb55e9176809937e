//! The history of failed tries, for the next try and for the analysis.

use crate::domain::event::Cause;
use crate::domain::report::{RunError, TestOutcome};
use crate::domain::review::{Finding, FindingState, Severity};
use crate::domain::session::{Session, Version};
use crate::domain::text::{one_line, quoted};
use crate::findings::ledger;
use crate::python::hints;
use std::fmt::Write as _;

/// Maximum number of tries shown; the latest ones.
const TRIES: usize = 6;
/// Maximum number of errors shown for each try.
const ERRORS: usize = 3;
/// Maximum length of a part of an error, in characters.
const WIDTH: usize = 180;

/// An error of a try, in parts that help a model.
struct Failure {
    kind: String,
    message: String,
    code: Option<String>,
    suggestion: Option<String>,
}

/// The failed tries that led to a version, oldest first, without the version itself. Empty for a
/// first version. The text has a bounded length.
pub(super) fn before(session: &Session, version: &Version) -> String {
    let mut tries = chain(session, version);
    tries.pop();
    words(session, &tries)
}

/// As [`before`], including the version itself.
pub(super) fn all(session: &Session, version: &Version) -> String {
    words(session, &chain(session, version))
}

/// The versions of a row of repairs, from the first one to this one.
fn chain<'s>(session: &'s Session, version: &'s Version) -> Vec<&'s Version> {
    let base = |version: &&'s Version| {
        let repaired = version.base.filter(|_| version.cause == Cause::Repair);
        // A base is always an earlier version, so this ends.
        repaired.and_then(|base| session.version(base))
    };
    let mut row: Vec<&Version> = std::iter::successors(Some(version), base).collect();
    row.reverse();
    row
}

fn words(session: &Session, tries: &[&Version]) -> String {
    let mut text = String::new();
    for version in &tries[tries.len().saturating_sub(TRIES)..] {
        for failure in failures(session, version).iter().take(ERRORS) {
            let said = [failure.kind.as_str(), failure.message.as_str()];
            let said: Vec<&str> = said.into_iter().filter(|part| !part.is_empty()).collect();
            let _ = writeln!(text, "- v{}: {}", version.number, one_line(&said.join(": "), WIDTH));
            for (name, part) in [("at", &failure.code), ("suggestion", &failure.suggestion)] {
                if let Some(part) = part {
                    let _ = writeln!(text, "  {name}: {}", one_line(part, WIDTH));
                }
            }
        }
    }
    text.trim_end().to_owned()
}

fn failures(session: &Session, version: &Version) -> Vec<Failure> {
    let checks = version.checks.iter().flat_map(|checks| &checks.errors);
    let mut found: Vec<Failure> = checks
        .map(|lint| Failure {
            kind: lint.rule.clone(),
            message: lint.message.clone(),
            code: line(version, lint.line),
            suggestion: None,
        })
        .collect();
    if version.run.is_none() {
        found.extend(blockers(session, version));
    }
    if let Some(run) = version.run.as_ref().filter(|_| version.run_failed()) {
        match &run.error {
            Some(error) => found.push(of_run(version, error)),
            None => found.push(Failure {
                kind: String::new(),
                message: match run.exit_code {
                    Some(code) => format!("it ended with exit code {code}"),
                    None => "it was ended from outside".to_owned(),
                },
                code: version.stderr.trim().lines().last().map(str::to_owned),
                suggestion: None,
            }),
        }
    }
    let failed = version.tests.iter().flatten().filter(|t| t.outcome == TestOutcome::Failed);
    found.extend(failed.map(|test| Failure {
        kind: format!("test {}", test.name),
        message: test.message.clone().unwrap_or_default(),
        code: None,
        suggestion: None,
    }));
    found
}

fn of_run(version: &Version, error: &RunError) -> Failure {
    let code = error.frames.last().cloned().or_else(|| line(version, error.line?));
    let suggestion = error.hint.clone().or_else(|| hints::usual(&error.kind).map(str::to_owned));
    Failure { kind: error.kind.clone(), message: error.message.clone(), code, suggestion }
}

fn line(version: &Version, number: usize) -> Option<String> {
    let text = version.script.lines().nth(number.checked_sub(1)?)?;
    Some(format!("line {number}: {}", text.trim()))
}

/// The blockers of the review before the run for which a version was sent back.
fn blockers(session: &Session, version: &Version) -> Vec<Failure> {
    let Some(review) = &version.review else { return Vec::new() };
    let known = session.ledger.iter().filter(|f| review.blockers.contains(&f.id)).cloned();
    let unmet = ledger::unmet(session, version).into_iter();
    known
        .chain(unmet.filter(|point| point.severity == Severity::Blocker))
        .map(|finding| Failure {
            kind: "review".to_owned(),
            message: finding.text,
            code: finding.quote,
            suggestion: None,
        })
        .collect()
}

/// The findings of a review because of which a version was not run, as text for the model.
pub(super) fn review_words(session: &Session, version: &Version) -> String {
    let mut text =
        "It was not run yet. Whoever reviewed it expects these problems. Put right what is true."
            .to_owned();
    let of_it = |f: &&Finding| f.state == FindingState::Open && f.last == version.number;
    let unmet = ledger::unmet(session, version);
    let mut found: Vec<&Finding> = session.ledger.iter().filter(of_it).chain(&unmet).collect();
    found.sort_by_key(|finding| finding.severity);
    for finding in found.iter().filter(|f| f.severity != Severity::Nit).take(ERRORS * 2) {
        let quote = finding.quote.as_ref();
        let quote = quote
            .map_or_else(String::new, |quote| format!(" at {}", quoted(&one_line(quote, 120))));
        let said = one_line(&finding.text, WIDTH);
        let _ = write!(text, "\n- [{}]{quote}: {said}", finding.severity.name());
    }
    text
}
