//! Weighs evidence: the verdict on a version and the status of each requirement. Pure.
//!
//! Evidence ranks in this order: the user's own test by hand, the tests that the user supplied, the
//! run, the Reviewer. The Reviewer's verdict is the weakest: small models accept broken scripts and
//! refuse working ones.

use crate::domain::event::Event;
use crate::domain::plan::Requirement;
use crate::domain::report::{Evidence, Test, TestOutcome};
use crate::domain::review::{Answered, Finding, FindingState, Severity, Status, Verdict};
use crate::domain::session::{Session, Version};
use crate::domain::text::{count, one_line};
use crate::findings;
use serde::Serialize;

/// Maximum number of finding ids in a message.
const NAMED: usize = 8;
/// Maximum length of a finding's text, in characters.
const TEXT: usize = 600;

/// The program's verdict on a version: ACCEPT if there is no blocker from the checks and runs, from
/// the user, or from a review that counts. The Reviewer's own verdict does not decide.
#[must_use]
pub fn verdict(session: &Session, version: &Version) -> Verdict {
    let stands = refused(version) || !blockers(version).is_empty();
    let stands = stands || seen_blocker(session, version).is_some();
    if stands { Verdict::Iterate } else { Verdict::Accept }
}

/// The first blocker that the program itself found. A suspicion does not block where tests decide.
fn seen_blocker(session: &Session, version: &Version) -> Option<findings::Finding> {
    let decided = tests_decide(version);
    findings::seen(session, version).into_iter().find(|finding| {
        let suspicion = finding.source == findings::Source::Suspicion;
        finding.severity == Severity::Blocker && !(suspicion && decided)
    })
}

/// The ids of the findings that block acceptance: the open blockers, or none where tests decide.
#[must_use]
pub fn blockers(version: &Version) -> &[String] {
    if tests_decide(version) { &[] } else { version.blockers() }
}

/// The level of evidence for a version, or `None` if it was not seen to run or something speaks
/// against it.
#[must_use]
pub fn level(version: &Version) -> Option<Evidence> {
    if tests_decide(version) {
        return Some(Evidence::Tested);
    }
    if !version.ran() || version.failed() || version.waits() {
        return None;
    }
    let chosen = version.samples.iter().find(|score| score.chosen);
    let agreed = chosen.is_some_and(|score| score.agreed);
    let agreed = agreed && !version.ignores_given();
    Some(if agreed { Evidence::Agreed } else { Evidence::Ran })
}

/// The level of evidence as text, such as `agreed: 3 of 4`.
#[must_use]
pub fn level_in_words(version: &Version) -> String {
    let tests = version.tests.as_deref().unwrap_or_default();
    let passed = tests.iter().filter(|test| test.outcome == TestOutcome::Passed).count();
    let chosen = version.samples.iter().find(|score| score.chosen);
    match level(version) {
        None if version.waits() => "waits for input".to_owned(),
        None => "not seen to run".to_owned(),
        Some(Evidence::Tested) => format!("tested: {passed} of {}", tests.len()),
        Some(Evidence::Agreed) => {
            let agreeing = chosen.map_or(0, |score| score.agreeing);
            let answers: usize = version.samples.iter().map(|score| 1 + score.copies).sum();
            format!("agreed: {} of {answers}", agreeing + 1)
        }
        Some(Evidence::Ran) => "ran".to_owned(),
    }
}

/// Whether the user saw that a requirement is not met.
fn refused(version: &Version) -> bool {
    version.answers.values().any(|answered| answered.status == Status::NotMet)
}

/// Whether the user's tests decide in favour of the version: there is at least one, all passed, and
/// neither a failed check or run nor the user's own answers speak against it.
#[must_use]
pub fn tests_decide(version: &Version) -> bool {
    let passed = |tests: &Vec<Test>| {
        !tests.is_empty() && tests.iter().all(|test| test.outcome == TestOutcome::Passed)
    };
    version.tests.as_ref().is_some_and(passed) && !version.failed() && !refused(version)
}

/// One line where the evidence overrules the Reviewer, or `None` where they agree.
#[must_use]
pub fn overruled(session: &Session, version: &Version) -> Option<String> {
    let review = version.review.as_ref()?;
    let verdict = verdict(session, version);
    let said = review.said.filter(|said| *said != verdict);
    let said = said.map(|said| format!("the Reviewer's {}", said.name()));
    let Some(ids) = overruled_findings(version) else {
        let seen = seen_against(session, version)?;
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

/// The open blockers that passing tests overrule, or `None` where no tests decide.
fn overruled_findings(version: &Version) -> Option<&[String]> {
    tests_decide(version).then(|| version.blockers())
}

/// What decides against a version: the finding of the program or the user's own answer.
fn seen_against(session: &Session, version: &Version) -> Option<String> {
    use findings::Source;
    let seen = seen_blocker(session, version);
    let no = version.answers.iter().find(|(_, answered)| answered.status == Status::NotMet);
    let by_user = no.map(|(id, _)| format!("you saw that {id} is not met"));
    let Some(seen) = seen.filter(|s| by_user.is_none() || s.source != Source::Suspicion) else {
        return by_user;
    };
    Some(match seen.source {
        Source::Run => "the run failed".to_owned(),
        Source::Permission => "what it asks for is not allowed".to_owned(),
        Source::Test => {
            let failed = version.tests.iter().flatten().filter(|test| test.failed()).count();
            format!("{} failed", count(failed, "test"))
        }
        Source::Suspicion => seen.text,
        _ => "the checks found an error".to_owned(),
    })
}

/// The source of a requirement's status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The user, who tried it.
    Manager,
    /// The user's tests.
    Test,
    /// The run, or the checks before it.
    Run,
    /// The Reviewer.
    Reviewer,
}

impl Source {
    /// The source's name on screen.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Manager => "you",
            Self::Test => "tests",
            Self::Run => "run",
            Self::Reviewer => "Reviewer",
        }
    }
}

/// The status of a requirement in a version, by the strongest evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Held {
    /// The status.
    pub status: Status,
    /// Where the status comes from.
    pub by: Source,
}

/// The status of a requirement in a version, or `None` if there is no evidence on it.
#[must_use]
pub fn held(version: &Version, requirement: &str) -> Option<Held> {
    let held = |status, by| Some(Held { status, by });
    if let Some(answered) = version.answers.get(requirement) {
        return held(answered.status, Source::Manager);
    }
    if let Some(status) = tested(version, requirement) {
        return held(status, Source::Test);
    }
    // A script that does not run meets no requirement.
    if version.check_failed() || version.run_failed() {
        return held(Status::NotMet, Source::Run);
    }
    let mut judgements = version.review.iter().flat_map(|review| &review.judgements);
    let said = judgements.find(|judgement| judgement.requirement == requirement)?.status;
    if said != Status::Met && tests_decide(version) {
        return held(Status::Met, Source::Test);
    }
    held(said, Source::Reviewer)
}

/// The status by the tests whose name contains the requirement's id, as `test_r2_of_two_numbers`
/// contains `R2`. `None` if there is no such test, or if one was skipped and none failed.
fn tested(version: &Version, requirement: &str) -> Option<Status> {
    let names = |test: &&Test| {
        let mut words = test.name.split(|c: char| !c.is_alphanumeric());
        words.any(|word| word.eq_ignore_ascii_case(requirement))
    };
    let tests: Vec<&Test> = version.tests.iter().flatten().filter(names).collect();
    if tests.iter().any(|test| test.failed()) {
        return Some(Status::NotMet);
    }
    let passed = tests.iter().all(|test| test.outcome == TestOutcome::Passed);
    (!tests.is_empty() && passed).then_some(Status::Met)
}

/// One requirement's status over the versions.
pub struct Row<'s> {
    /// The requirement.
    pub requirement: &'s Requirement,
    /// Each version since the requirement was last changed, with its status there.
    pub versions: Vec<(u32, Option<Held>)>,
}

/// The status of every requirement in every version it applies to.
#[must_use]
pub fn matrix(session: &Session) -> Vec<Row<'_>> {
    let row = |requirement| Row { requirement, versions: through(session, requirement) };
    session.requirements().iter().map(row).collect()
}

fn through(session: &Session, requirement: &Requirement) -> Vec<(u32, Option<Held>)> {
    let since = session.planning.since.get(&requirement.id).copied().unwrap_or(1);
    let versions = session.versions.iter().filter(|version| version.number >= since);
    versions.map(|version| (version.number, held(version, &requirement.id))).collect()
}

/// The event for the user's answer on a requirement: a no adds a blocker for the Coder, a note adds
/// a `Should` finding. A yes marks the user's earlier findings as fixed and waives the Reviewer's.
///
/// # Errors
/// If there is no such requirement.
pub fn tried(
    session: &Session,
    version: u32,
    requirement: &str,
    answered: Answered,
) -> Result<Event, String> {
    let mut all = session.requirements().iter();
    let Some(requirement) = all.find(|r| r.id.eq_ignore_ascii_case(requirement)) else {
        return Err(format!("there is no requirement {requirement}"));
    };
    let of_it = |f: &&Finding| f.requirement.as_ref() == Some(&requirement.id);
    let findings = session.ledger.iter().filter(of_it);
    let findings = if answered.status == Status::Met {
        findings.filter_map(|finding| settled(finding, version)).collect()
    } else {
        let open = |f: &&Finding| f.by_manager && f.state == FindingState::Open;
        vec![found(session, findings.clone().find(open), requirement, version, &answered)]
    };
    let requirement = requirement.id.clone();
    Ok(Event::RequirementTested { version, requirement, answered, findings })
}

fn settled(finding: &Finding, version: u32) -> Option<Finding> {
    let state = match finding.state {
        FindingState::Fixed | FindingState::Waived => return None,
        _ if finding.by_manager => FindingState::Fixed,
        _ => FindingState::Waived,
    };
    Some(Finding { state, last: version, ..finding.clone() })
}

/// The user's finding on a requirement: the open one, updated, or a new one.
fn found(
    session: &Session,
    open: Option<&Finding>,
    requirement: &Requirement,
    version: u32,
    answered: &Answered,
) -> Finding {
    let severity = match answered.status {
        Status::NotMet => Severity::Blocker,
        Status::Partly | Status::Met => Severity::Should,
    };
    let text = match one_line(&answered.note, TEXT) {
        empty if empty.is_empty() => format!("it does not do this: {}", requirement.text),
        text => text,
    };
    match open {
        Some(known) => Finding {
            severity,
            text: if answered.note.is_empty() { known.text.clone() } else { text },
            last: version,
            times: known.times + 1,
            ..known.clone()
        },
        None => Finding {
            requirement: Some(requirement.id.clone()),
            by_manager: true,
            ..Finding::new(session.ledger.len(), version, severity, text)
        },
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]
    use super::*;
    use crate::domain::event::Cause;
    use crate::domain::plan::Plan;
    use crate::domain::report::{Run, RunVerdict};
    use crate::domain::review::{Judgement, Review};

    fn test(name: &str, outcome: TestOutcome) -> Test {
        Test { name: name.into(), outcome, message: None, milliseconds: 0, passed_in: None }
    }

    /// A version with this run verdict, these tests and this judgement of R1 by the Reviewer.
    fn version(run: RunVerdict, tests: &[(&str, TestOutcome)], said: Option<Status>) -> Version {
        let tests = tests.iter().map(|(name, outcome)| test(name, *outcome)).collect();
        let judgement = |status| Judgement { requirement: "R1".into(), status };
        let review = Review {
            said: Some(Verdict::Iterate),
            judgements: said.into_iter().map(judgement).collect(),
            blockers: vec!["F1".into()],
            ..Review::default()
        };
        Version {
            run: Some(Run::not_run(run, "")),
            tests: Some(tests),
            review: Some(review),
            ..Version::new(1, Cause::First, None, String::new())
        }
    }

    #[test]
    fn the_strongest_evidence_decides_a_requirement_s_status() {
        use RunVerdict::{Failed, Ok, Timeout};
        use Source::{Manager, Reviewer, Run, Test};
        use Status::{Met, NotMet, Partly};
        use TestOutcome::{Failed as Fails, Passed, Skipped};
        for (run, tests, said, answered, expected) in [
            (Ok, vec![], None, None, None),
            (Ok, vec![], Some(Partly), None, Some((Partly, Reviewer))),
            (Timeout, vec![], Some(Met), None, Some((NotMet, Run))),
            // A failed run means that no requirement is met, whatever the Reviewer says.
            (Failed, vec![], Some(Met), None, Some((NotMet, Run))),
            (Failed, vec![], None, None, Some((NotMet, Run))),
            // Tests that name the requirement, and tests that all passed.
            (Ok, vec![("test_r1_it", Passed)], Some(NotMet), None, Some((Met, Test))),
            (Ok, vec![("x.py::test_R1", Fails)], Some(Met), None, Some((NotMet, Test))),
            (Failed, vec![("cases.yaml::R1: sum", Passed)], None, None, Some((Met, Test))),
            (Ok, vec![("test_r12", Passed)], Some(NotMet), None, Some((Met, Test))),
            (Ok, vec![("test_r12", Passed)], Some(Met), None, Some((Met, Reviewer))),
            (Ok, vec![("test_r12", Passed)], None, None, None),
            (Ok, vec![("test_r1", Skipped)], Some(NotMet), None, Some((NotMet, Reviewer))),
            (Ok, vec![("a", Passed), ("b", Skipped)], Some(Partly), None, Some((Partly, Reviewer))),
            // The user's own answer outranks everything else.
            (Failed, vec![("test_r1", Fails)], Some(NotMet), Some(Met), Some((Met, Manager))),
            (Ok, vec![("test_r1", Passed)], Some(Met), Some(NotMet), Some((NotMet, Manager))),
        ] {
            let mut version = version(run, &tests, said);
            if let Some(status) = answered {
                version.answers.insert("R1".into(), Answered { status, note: String::new() });
            }
            let held = held(&version, "R1").map(|held| (held.status, held.by));
            assert_eq!(held, expected, "{run:?} {tests:?} {said:?} {answered:?}");
        }
    }

    #[test]
    fn tests_overrule_blockers_only_without_contrary_evidence() {
        use TestOutcome::{Failed, Passed, Skipped};
        for (run, tests, no, verdict) in [
            (RunVerdict::Ok, vec![("a", Passed)], false, Verdict::Accept),
            (RunVerdict::Timeout, vec![("a", Passed)], false, Verdict::Iterate),
            (RunVerdict::Ok, vec![], false, Verdict::Iterate),
            (RunVerdict::Ok, vec![("a", Passed), ("b", Skipped)], false, Verdict::Iterate),
            (RunVerdict::Ok, vec![("a", Passed), ("b", Failed)], false, Verdict::Iterate),
            (RunVerdict::Failed, vec![("a", Passed)], false, Verdict::Iterate),
            (RunVerdict::Ok, vec![("a", Passed)], true, Verdict::Iterate),
        ] {
            let mut version = version(run, &tests, None);
            if no {
                let answered = Answered { status: Status::NotMet, note: String::new() };
                version.answers.insert("R2".into(), answered);
            }
            assert_eq!(
                self::verdict(&Session::default(), &version),
                verdict,
                "{run:?} {tests:?} {no}"
            );
            assert_eq!(
                overruled(&Session::default(), &version).is_some(),
                verdict == Verdict::Accept,
                "{tests:?}"
            );
        }
    }

    #[test]
    fn a_changed_requirement_has_no_status_from_earlier_versions() {
        let requirement = |id: &str, text: &str| Requirement { id: id.into(), text: text.into() };
        let plan = |second: &str| Plan {
            text: String::new(),
            requirements: vec![requirement("R1", "one"), requirement("R2", second)],
        };
        let mut session = Session::default();
        session.planning = session.planning.approved(plan("two"), true, 1);
        session.versions.push(version(RunVerdict::Ok, &[], Some(Status::Met)));
        session.planning = session.planning.approved(plan("three"), true, 2);
        let second = version(RunVerdict::Ok, &[], Some(Status::Met));
        session.versions.push(Version { number: 2, ..second });
        let seen: Vec<Vec<u32>> = matrix(&session)
            .iter()
            .map(|row| row.versions.iter().map(|(number, _)| *number).collect())
            .collect();
        assert_eq!(seen, [vec![1, 2], vec![2]]);
    }
}
