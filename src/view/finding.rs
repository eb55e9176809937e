//! What stands against a version, whoever found it.

use crate::domain::report::{Lint, TestOutcome};
use crate::domain::review::{self, FindingState, Severity};
use crate::domain::session::{self, Version};
use serde::Serialize;

/// Who found it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// A person, in a test by hand.
    Manager,
    /// The Reviewer.
    Reviewer,
    /// A static check that says for certain that the script does not work.
    Check,
    /// The run.
    Run,
    /// A test or an example of the user's.
    Test,
}

impl Source {
    /// The word for people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Manager => "you",
            Self::Reviewer => "Reviewer",
            Self::Check => "check",
            Self::Run => "run",
            Self::Test => "test",
        }
    }
}

/// One point that stands against a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// `F1`, `F2`, ...; none for what a check, the run or a test found, which is found anew in each
    /// version.
    pub id: Option<String>,
    /// Who found it.
    pub source: Source,
    /// The requirement that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requirement: Option<String>,
    /// How much it matters.
    pub severity: Severity,
    /// The quoted line of the script.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quote: Option<String>,
    /// The line of the script, from 1, where it is known.
    pub line: Option<usize>,
    /// What is wrong.
    pub text: String,
    /// Where it stands.
    pub state: FindingState,
    /// The version in which it was first found.
    pub first: u32,
    /// The version in which it was last found.
    pub last: u32,
    /// How many wordings were merged into it.
    pub times: u32,
    /// The finding that it asks for the opposite of, where it is contested.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub against: Option<String>,
    /// A person found it, in a test by hand.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub by_manager: bool,
}

impl Finding {
    /// A finding of the ledger, with the line of its quote in a script.
    #[must_use]
    pub fn of(finding: &review::Finding, script: Option<&str>) -> Self {
        let quote = finding.quote.as_deref();
        Self {
            id: Some(finding.id.clone()),
            source: if finding.by_manager { Source::Manager } else { Source::Reviewer },
            requirement: finding.requirement.clone(),
            severity: finding.severity,
            quote: finding.quote.clone(),
            line: script.zip(quote).and_then(|(script, quote)| line_of(script, quote)),
            text: finding.text.clone(),
            state: finding.state,
            first: finding.first,
            last: finding.last,
            times: finding.times,
            against: finding.against.clone(),
            by_manager: finding.by_manager,
        }
    }

    /// What the machine saw in a version that keeps it from being accepted.
    fn seen(version: u32, source: Source, line: Option<usize>, text: String) -> Self {
        Self {
            id: None,
            source,
            requirement: None,
            severity: Severity::Blocker,
            quote: None,
            line,
            text,
            state: FindingState::Open,
            first: version,
            last: version,
            times: 1,
            against: None,
            by_manager: false,
        }
    }
}

/// The line of a script, from 1, that a quote stands in. Marks around the quote do not count.
fn line_of(script: &str, quote: &str) -> Option<usize> {
    let quote = quote.trim().trim_matches('`').trim();
    let at = script.find(quote).filter(|_| !quote.is_empty())?;
    Some(script[..at].matches('\n').count() + 1)
}

/// What stands against a version: errors of the checks, the run and the tests, then the findings of its
/// review, each in the state that it had then. Points of lint and security stand in the checks.
pub(super) fn of_version(session: &session::Session, version: &Version) -> Vec<Finding> {
    let seen = |source, line, text| Finding::seen(version.number, source, line, text);
    let checks = version.checks.iter().flat_map(|checks| &checks.errors);
    let checks =
        checks.map(|Lint { line, message, .. }| seen(Source::Check, Some(*line), message.clone()));
    let run = version.run.as_ref().filter(|_| version.run_failed()).map(|run| match &run.error {
        Some(error) if error.kind.is_empty() => {
            seen(Source::Run, error.line, error.message.clone())
        }
        Some(error) => seen(Source::Run, error.line, format!("{}: {}", error.kind, error.message)),
        None => seen(Source::Run, None, super::words::run(version)),
    });
    let tests = version.tests.iter().flatten();
    let tests = tests.filter(|test| test.outcome == TestOutcome::Failed).map(|test| {
        let why = test.message.as_deref().unwrap_or("failed");
        seen(Source::Test, None, format!("{}: {why}", test.name))
    });
    checks.chain(run).chain(tests).chain(of_ledger(session, version)).collect()
}

/// The findings of the ledger that a version's review names, and what a person found in the version.
fn of_ledger<'a>(
    session: &'a session::Session,
    version: &'a Version,
) -> impl Iterator<Item = Finding> + 'a {
    let review = version.review.iter();
    let named =
        review.flat_map(|review| review.new.iter().chain(&review.again).chain(&review.settled));
    // An id says the finding's place in the ledger, which holds hundreds in a long session.
    let place = |id: &String| id.strip_prefix('F')?.parse::<usize>().ok()?.checked_sub(1);
    let named = named.filter_map(move |id| session.ledger.get(place(id)?));
    let own = session.ledger.iter().filter(|finding| {
        finding.by_manager && (finding.first == version.number || finding.last == version.number)
    });
    named.filter(|finding| !finding.by_manager).chain(own).map(|finding| {
        let states = session.stood.get(&finding.id).map_or(&[][..], Vec::as_slice);
        let then = states.iter().rev().find(|(at, _)| *at <= version.number);
        let state = then.map_or(finding.state, |(_, state)| *state);
        Finding { state, ..Finding::of(finding, Some(&version.script)) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_is_found_in_its_line() {
        let script = "import time\n\nprint(time.time())\n";
        for (quote, line) in [
            ("import time", Some(1)),
            ("`print(time.time())`", Some(3)),
            ("  print(time.time())  ", Some(3)),
            ("print(1)", None),
            ("``", None),
            ("", None),
        ] {
            assert_eq!(line_of(script, quote), line, "{quote}");
        }
    }

    #[test]
    fn whatever_stands_against_a_version_is_a_finding_of_it() {
        use crate::domain::event::Cause;
        use crate::domain::report::{Checks, Run, RunError, RunVerdict, Test};
        use FindingState::{Fixed, Open};
        let mut session = session::Session::default();
        let mut version = Version::new(2, Cause::Repair, Some(1), "import time\n".into());
        let error = Lint { rule: "F821".into(), line: 3, column: 1, message: "no name `x`".into() };
        version.checks = Some(Checks { errors: vec![error], ..Checks::default() });
        let error = RunError {
            kind: "ValueError".into(),
            message: "bad".into(),
            line: Some(4),
            ..RunError::default()
        };
        version.run = Some(Run { error: Some(error), ..Run::not_run(RunVerdict::Failed, "x") });
        let test = |outcome| Test {
            name: "test_sum".into(),
            outcome,
            message: Some("1 is not 2".into()),
            milliseconds: 1,
            passed_in: None,
        };
        version.tests = Some(vec![test(TestOutcome::Passed), test(TestOutcome::Failed)]);
        let mut settled = review::Finding::new(0, 1, Severity::Should, "it is slow".into());
        settled.quote = Some("`import time`".into());
        let of_manager = review::Finding {
            by_manager: true,
            ..review::Finding::new(1, 2, Severity::Blocker, "it hangs".into())
        };
        let later = review::Finding::new(2, 3, Severity::Nit, "it is long".into());
        session.ledger = vec![settled, of_manager, later];
        let states = [(1, FindingState::Open), (2, FindingState::Fixed), (3, FindingState::Open)];
        session.stood.insert("F1".into(), states.to_vec());
        version.review =
            Some(review::Review { settled: vec!["F1".into()], ..review::Review::default() });
        let found = of_version(&session, &version);
        let shown: Vec<_> = found
            .iter()
            .map(|f| (f.source, f.id.as_deref().unwrap_or("-"), f.line, f.state, f.text.as_str()))
            .collect();
        assert_eq!(
            shown,
            [
                (Source::Check, "-", Some(3), Open, "no name `x`"),
                (Source::Run, "-", Some(4), Open, "ValueError: bad"),
                (Source::Test, "-", None, Open, "test_sum: 1 is not 2"),
                (Source::Reviewer, "F1", Some(1), Fixed, "it is slow"),
                (Source::Manager, "F2", None, Open, "it hangs"),
            ]
        );
    }
}
