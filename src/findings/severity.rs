//! The severity of a Reviewer's finding. Pure.

use crate::domain::review::{RawFinding, RawReview, Severity, Status, Verdict};
use crate::domain::session::Session;

/// Computes the severity of the findings of one review.
pub(super) struct SeverityScale<'a> {
    review: &'a RawReview,
    /// The linter's messages, reduced to letters and digits.
    lint: Vec<String>,
}

impl<'a> SeverityScale<'a> {
    /// For a review of this version.
    pub(super) fn of(session: &Session, review: &'a RawReview, version: u32) -> Self {
        let checks = session.version(version).and_then(|version| version.checks.as_ref());
        let lint = checks.into_iter().flat_map(|checks| &checks.lint);
        Self { review, lint: lint.map(|lint| letters(&lint.message)).collect() }
    }

    /// The severity of a finding. If the Reviewer names none, a finding is a blocker where the
    /// verdict is to iterate, unless the same review calls its requirement met. The Reviewer is
    /// shown the lint findings, so one that repeats a linter message is a nit.
    pub(super) fn severity(&self, finding: &RawFinding) -> Severity {
        let said = letters(&finding.text);
        if self.lint.iter().any(|message| said.contains(message)) {
            return Severity::Nit;
        }
        finding.severity.unwrap_or(match self.review.verdict {
            Some(Verdict::Iterate) if !self.is_met(finding) => Severity::Blocker,
            _ => Severity::Should,
        })
    }

    /// Whether the review calls the finding's requirement met.
    fn is_met(&self, finding: &RawFinding) -> bool {
        let mut judgements = self.review.judgements.iter();
        let about = finding.requirement.as_ref();
        judgements.any(|j| Some(&j.requirement) == about && j.status == Status::Met)
    }
}

/// The letters and digits of a text, in lower case.
fn letters(text: &str) -> String {
    text.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::Cause;
    use crate::domain::report::{Checks, Lint};
    use crate::domain::review::Judgement;
    use crate::domain::session::Version;

    #[test]
    fn severity_is_the_stated_one_or_follows_from_status_and_verdict() {
        use Severity::{Blocker, Nit, Should};
        use Status::{Met, Partly};
        let time = "The script does not show the current time.";
        for (text, requirement, said, status, severity) in [
            (time, Some("R1"), None, Met, Should),
            (time, Some("R1"), None, Partly, Blocker),
            (time, Some("R1"), Some(Blocker), Met, Blocker),
            (time, None, None, Met, Blocker),
            // Repeats the linter's message.
            (
                "Lint findings: line 1: `os` imported but unused (F401)",
                None,
                Some(Blocker),
                Met,
                Nit,
            ),
            ("`os` imported, but unused.", None, None, Partly, Nit),
            ("`os` is needed for the time", None, Some(Blocker), Met, Blocker),
        ] {
            let mut session = Session::default();
            let mut version = Version::new(1, Cause::First, None, "import os".to_owned());
            let lint = Lint {
                rule: "F401".to_owned(),
                line: 1,
                column: 1,
                message: "`os` imported but unused".to_owned(),
            };
            version.checks = Some(Checks { lint: vec![lint], ..Checks::default() });
            session.versions.push(version);
            let judged = |id: &str| Judgement { requirement: id.to_owned(), status };
            let finding = RawFinding {
                id: None,
                text: text.to_owned(),
                requirement: requirement.map(str::to_owned),
                quote: None,
                severity: said,
            };
            let review = RawReview {
                judgements: vec![judged("R1"), judged("R2")],
                findings: vec![finding.clone()],
                verdict: Some(Verdict::Iterate),
            };
            let weighs = SeverityScale::of(&session, &review, 1).severity(&finding);
            assert_eq!(weighs, severity, "{text} {said:?} {status:?}");
        }
    }
}
