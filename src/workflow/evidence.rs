//! What counts: who says of a version that it is good, and of a requirement that it is met. Pure.
//!
//! The Manager's own test comes before the tests that the Manager gave, these before the run, the run
//! before what a Reviewer says. A Reviewer's verdict is the weakest of all: small models accept what
//! is broken and refuse what works.

use crate::domain::report::TestOutcome;
use crate::domain::review::{Status, Verdict};
use crate::domain::session::Version;
use crate::domain::text::count;

/// How many findings are named.
const NAMED: usize = 8;

/// What the program makes of a version: nothing that failed, nothing that the Manager saw to fail and
/// no blocker that counts is ACCEPT, whatever else was said.
#[must_use]
pub fn verdict(version: &Version) -> Verdict {
    let refused = version.failed() || refused(version);
    if refused || !blockers(version).is_empty() { Verdict::Iterate } else { Verdict::Accept }
}

/// The ids of the findings that keep a version from being accepted: the open blockers, where no tests
/// decide.
#[must_use]
pub fn blockers(version: &Version) -> &[String] {
    if tests_decide(version) { &[] } else { version.blockers() }
}

/// Whether the Manager saw that a requirement is not met.
fn refused(version: &Version) -> bool {
    version.answers.values().any(|answered| answered.status == Status::NotMet)
}

/// Whether what the Manager gave as tests speaks for the version: there are some, all of them passed,
/// and nothing else that was seen speaks against it.
#[must_use]
pub fn tests_decide(version: &Version) -> bool {
    let passed = |tests: &Vec<crate::domain::report::Test>| {
        !tests.is_empty() && tests.iter().all(|test| test.outcome == TestOutcome::Passed)
    };
    version.tests.as_ref().is_some_and(passed) && !version.failed() && !refused(version)
}

/// In a line, where what was seen overrules what the Reviewer said; none where they agree.
#[must_use]
pub fn overruled(version: &Version) -> Option<String> {
    let review = version.review.as_ref()?;
    let verdict = verdict(version);
    let said = review.said.filter(|said| *said != verdict);
    let said = said.map(|said| format!("the Reviewer's {}", said.name()));
    let Some(ids) = overruled_findings(version) else {
        let seen = seen_against(version)?;
        return said.map(|said| format!("{seen}: that decides, not {said}"));
    };
    let tests = version.tests.as_ref().map_or(0, Vec::len);
    let what = match (tests, version.ran()) {
        (1, true) => "the test passed and the run did not fail: they decide".to_owned(),
        (1, false) => "the test passed: it decides".to_owned(),
        (n, true) => format!("all {n} tests passed and the run did not fail: they decide"),
        (n, false) => format!("all {n} tests passed: they decide"),
    };
    let named = ids[..ids.len().min(NAMED)].join(", ");
    let more = if ids.len() > NAMED { ", ..." } else { "" };
    let ids = (!ids.is_empty()).then(|| format!("{named}{more}"));
    let over: Vec<String> = said.into_iter().chain(ids).collect();
    (!over.is_empty()).then(|| format!("{what}, and overrule {}", over.join(" and ")))
}

/// The open blockers that tests overrule; none where no tests decide.
fn overruled_findings(version: &Version) -> Option<&[String]> {
    tests_decide(version).then(|| version.blockers())
}

/// What was seen to be wrong with a version.
fn seen_against(version: &Version) -> Option<String> {
    let failed = version.tests.iter().flatten().filter(|test| test.failed()).count();
    let no = version.answers.iter().find(|(_, answered)| answered.status == Status::NotMet);
    if version.check_failed() {
        Some("the checks found an error".to_owned())
    } else if version.run_failed() {
        Some("the run failed".to_owned())
    } else if failed > 0 {
        Some(format!("{} failed", count(failed, "test")))
    } else {
        no.map(|(id, _)| format!("you saw that {id} is not met"))
    }
}
