//! Findings: everything that speaks against a version, from any source. Pure.
//!
//! Each check is a file here with a function that returns findings, and a line in [`seen`]. The
//! verdict, the score, prompts, gates and pages are computed from findings alone.

mod checks;
pub mod evidence;
mod finding;
pub mod ledger;
mod permission;
mod run;
mod said;
mod severity;
mod suspicion;
mod tested;
pub mod wishes;

use crate::domain::review::Severity;
use crate::domain::session::{Session, Version};
pub use checks::noticed;
pub use finding::{Finding, Source};

/// The program's own findings on a version: check errors, refused permissions, a failed run, failed
/// tests, suspicious results and code, lint.
#[must_use]
pub fn seen(session: &Session, version: &Version) -> Vec<Finding> {
    let mut found = checks::errors(version);
    found.extend(permission::refused(session, version));
    found.extend(run::failed(version));
    found.extend(tested::failed(version));
    found.extend(suspicion::of_run(version));
    found.extend(checks::noticed(version));
    found.extend(checks::linted(version));
    found
}

/// All findings on a version, from the program, the Reviewer and the user, each in the state that
/// it had at that version; highest severity first.
#[must_use]
pub fn of_version(session: &Session, version: &Version) -> Vec<Finding> {
    let mut found = seen(session, version);
    found.extend(said::of_ledger(session, version));
    found.sort_by_key(|finding| finding.severity);
    found
}

/// Why a version was not run, if it is still not allowed and the Coder can avoid the permission.
#[must_use]
pub fn not_allowed(session: &Session, version: &Version) -> Option<Finding> {
    permission::refused(session, version).filter(|finding| finding.fix.is_some())
}

/// The suspicious results and code of a version.
#[must_use]
pub fn suspicions(version: &Version) -> Vec<Finding> {
    let mut found = suspicion::of_run(version);
    found.extend(checks::noticed(version));
    found.retain(|finding| finding.source == Source::Suspicion);
    found
}

/// Whether a version works and has no suspicions.
#[must_use]
pub fn is_sound(version: &Version) -> bool {
    version.works() && suspicions(version).is_empty()
}

/// The number of check findings against a candidate, nits left out; lower is better.
#[must_use]
pub fn score(version: &Version) -> usize {
    let found = [checks::errors(version), checks::noticed(version), checks::linted(version)];
    found.iter().flatten().filter(|finding| finding.severity != Severity::Nit).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_run_tests_user_and_reviewer_all_give_findings() {
        use crate::domain::event::Cause;
        use crate::domain::report::{Checks, Lint, Run, RunError, RunVerdict, Test, TestOutcome};
        use crate::domain::review::{self, FindingState};
        use FindingState::{Fixed, Open};
        let mut session = Session::default();
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
                (Source::Check, "-", Some(3), Open, "no name `x` (F821)"),
                (Source::Run, "-", Some(4), Open, "ValueError: bad"),
                (Source::Test, "-", None, Open, "test test_sum failed: 1 is not 2"),
                (Source::Manager, "F2", None, Open, "it hangs"),
                (Source::Reviewer, "F1", Some(1), Fixed, "it is slow"),
            ]
        );
    }
}
