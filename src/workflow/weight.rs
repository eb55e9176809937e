//! How much a finding weighs: by the Reviewer's own word, and by what else is known of it. Pure.

use super::wording::{self, Wording, prints};
use crate::domain::review::{RawFinding, RawReview, Severity, Status, Verdict};
use crate::domain::session::Session;

/// What the findings of one review are weighed by.
pub struct Scale<'a> {
    review: &'a RawReview,
    /// The requirements, by their ids.
    plan: Vec<(&'a str, Wording)>,
    /// What the linter found.
    lint: Vec<String>,
    /// What the version printed when it was run.
    printed: &'a str,
}

impl<'a> Scale<'a> {
    /// For a review of this version.
    #[must_use]
    pub fn of(session: &'a Session, review: &'a RawReview, version: u32) -> Self {
        let plan = session.planning.plan.as_ref().map_or(&[][..], |plan| &plan.requirements);
        let version = session.version(version);
        let checks = version.and_then(|version| version.checks.as_ref());
        let lint = checks.into_iter().flat_map(|checks| &checks.lint);
        Self {
            review,
            plan: plan.iter().map(|r| (r.id.as_str(), Wording::of(&r.text))).collect(),
            lint: lint.map(|lint| letters(&lint.message)).collect(),
            printed: version.map_or("", |version| version.stdout.as_str()),
        }
    }

    /// How much a finding weighs. Where the Reviewer does not say, it blocks if the verdict is to
    /// iterate, but for what the same review calls met, unless the run shows that it is so. What the
    /// linter found was told to the Reviewer, and is no more than that if it is said again.
    #[must_use]
    pub fn severity(&self, finding: &RawFinding) -> Severity {
        let said = letters(&finding.text);
        if self.lint.iter().any(|message| said.contains(message)) {
            return Severity::Nit;
        }
        let blocks = || self.is_missing(&finding.text) || !self.is_met(finding);
        finding.severity.unwrap_or(match self.review.verdict {
            Some(Verdict::Iterate) if blocks() => Severity::Blocker,
            _ => Severity::Should,
        })
    }

    /// Whether the review calls met what a finding is about: its requirement, or the one that it denies
    /// in the plan's own words.
    fn is_met(&self, finding: &RawFinding) -> bool {
        let wording = Wording::of(&finding.text);
        let denied = || self.plan.iter().find(|(_, text)| wording.denies(text)).map(|(id, _)| *id);
        let about = finding.requirement.as_deref().or_else(denied);
        let mut judgements = self.review.judgements.iter();
        judgements.any(|j| Some(j.requirement.as_str()) == about && j.status == Status::Met)
    }

    /// Whether the run shows that what a text says is not printed is not.
    fn is_missing(&self, text: &str) -> bool {
        let missing = wording::not_printed(text);
        let ran = !self.printed.trim().is_empty();
        ran && !missing.is_empty() && !missing.iter().any(|text| prints(self.printed, text))
    }
}

/// A text's letters and digits.
fn letters(text: &str) -> String {
    text.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::Cause;
    use crate::domain::plan::{Plan, Requirement};
    use crate::domain::report::{Checks, Lint};
    use crate::domain::review::Judgement;
    use crate::domain::session::Version;

    #[test]
    fn a_finding_blocks_against_what_the_review_or_the_run_or_the_linter_says() {
        use Severity::{Blocker, Nit, Should};
        use Status::{Met, Partly};
        let time = "The script does not show the current time.";
        for (text, said, status, printed, severity) in [
            (time, None, Met, "12:00", Should),
            (time, None, Partly, "12:00", Blocker),
            (time, None, Met, "", Should),
            (time, Some(Blocker), Met, "12:00", Blocker),
            // It says more than the plan, or something else.
            ("The script does not show the current time in colour.", None, Met, "12:00", Blocker),
            ("The script does not have the title.", None, Met, "12:00", Blocker),
            // The run shows that it is so.
            ("It does not print \"City time\"", None, Met, "12:00", Blocker),
            ("It does not print \"City time\"", None, Met, "City time: 12:00", Should),
            // The linter's own words.
            ("Lint findings: line 1: `os` imported but unused (F401)", Some(Blocker), Met, "", Nit),
            ("`os` imported, but unused.", None, Partly, "", Nit),
            ("`os` is needed for the time", Some(Blocker), Met, "", Blocker),
        ] {
            let requirement =
                |id: &str, text: &str| Requirement { id: id.to_owned(), text: text.to_owned() };
            let mut session = Session::default();
            session.planning.plan = Some(Plan {
                text: String::new(),
                requirements: vec![
                    requirement("R1", "shows the current time"),
                    requirement("R2", "Print: \"City time\""),
                ],
            });
            let mut version = Version::new(1, Cause::First, None, "import os".to_owned());
            version.stdout = printed.to_owned();
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
                requirement: None,
                quote: None,
                severity: said,
            };
            let review = RawReview {
                judgements: vec![judged("R1"), judged("R2")],
                findings: vec![finding.clone()],
                verdict: Some(Verdict::Iterate),
            };
            let weighs = Scale::of(&session, &review, 1).severity(&finding);
            assert_eq!(weighs, severity, "{text} {said:?} {status:?} {printed}");
        }
    }
}
