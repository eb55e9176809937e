//! Finds the best version so far, and whether the next one is likely to be better. Pure.

use crate::domain::event::Cause;
use crate::domain::report::{Checks, Evidence};
use crate::domain::session::{Session, Version};
use crate::findings::{self, evidence};
use std::cmp::Ordering;

/// Whether a version is better than another one. Test and run results count before findings, and a
/// version without a review is treated as having unknown blockers.
fn is_better(version: &Version, than: &Version) -> bool {
    let seen = |version: &Version| {
        let went_well = !version.failed() && !version.withheld();
        (
            passed(version),
            went_well,
            is_agreed(version),
            !version.ignores_given(),
            !version.no_result(),
        )
    };
    let blockers =
        |version: &Version| version.review.as_ref().map(|_| evidence::blockers(version).len());
    match seen(version).cmp(&seen(than)) {
        Ordering::Equal => {
            let said = blockers(version).zip(blockers(than));
            said.is_some_and(|(own, others)| own < others)
        }
        order => order == Ordering::Greater,
    }
}

/// Whether independently written candidates agree with the version's results.
fn is_agreed(version: &Version) -> bool {
    evidence::level(version) >= Some(Evidence::Agreed)
}

/// The number of the user's tests that it passed.
fn passed(version: &Version) -> usize {
    let tests = version.tests.iter().flatten();
    tests.filter(|test| test.outcome.went_well()).count()
}

/// A better version than the head to continue from: one of its bases since the user last
/// intervened. `None` if the user chose the head.
#[must_use]
pub fn better<'s>(session: &'s Session, head: &Version) -> Option<&'s Version> {
    if session.picked {
        return None;
    }
    let mut best: Option<&Version> = None;
    for earlier in written_from(session, head) {
        if is_better(earlier, best.unwrap_or(head)) {
            best = Some(earlier);
        }
    }
    best
}

/// The base of the head, if the head was to repair its lint findings and has more of them.
#[must_use]
pub fn cleaner<'s>(session: &'s Session, head: &Version) -> Option<&'s Version> {
    let score = |version: &Version| version.checks.as_ref().map(Checks::lint_score);
    let base = head.base.filter(|_| head.cause == Cause::Repair && !session.picked)?;
    let base = session.version(base).filter(|base| findings::is_sound(base))?;
    (findings::is_sound(head) && head.review.is_none() && score(base) > score(head)).then_some(base)
}

/// The bases of a version, nearest first, as far as they had the same requirements and feedback.
fn written_from<'s>(session: &'s Session, version: &Version) -> impl Iterator<Item = &'s Version> {
    let base = |version: &Version| {
        let same_wishes = matches!(version.cause, Cause::Repair | Cause::Review);
        // A base is always an earlier version, so this ends.
        version.base.filter(|_| same_wishes).and_then(|base| session.version(base))
    };
    std::iter::successors(base(version), move |version| base(version))
}

/// In what a version is worse than another one, as text.
#[must_use]
pub fn shortcoming(worse: &Version, better: &Version) -> &'static str {
    if passed(worse) < passed(better) {
        "fewer tests pass"
    } else if worse.failed() && !better.failed() {
        if worse.check_failed() { "its checks fail" } else { "its run failed" }
    } else if is_agreed(better) && !is_agreed(worse) {
        "fewer candidates agree"
    } else if worse.ignores_given() && !better.ignores_given() {
        "it does not use what it was given"
    } else if worse.no_result() && !better.no_result() {
        "its run has no result"
    } else if better.review.is_none() {
        "its lint score is lower"
    } else {
        "the Reviewer finds more that blocks it"
    }
}

/// Whether the head is a repair that fails exactly as its base did. Showing the model the same
/// script again would hardly help.
#[must_use]
pub fn repaired_in_vain(session: &Session, head: &Version) -> bool {
    let base = head.base.filter(|_| head.cause == Cause::Repair);
    let base = base.and_then(|base| session.version(base));
    head.failed() && base.is_some_and(|base| base.failed() && trouble(base) == trouble(head))
}

/// The errors of a version without their positions, which change with edits.
fn trouble(version: &Version) -> Vec<&str> {
    let errors = version.checks.iter().flat_map(|checks| &checks.errors);
    let run = version.run.iter().filter_map(|run| run.error.as_ref());
    let tests = version.tests.iter().flatten().filter(|test| test.failed());
    errors
        .map(|error| error.message.as_str())
        .chain(run.flat_map(|error| [error.kind.as_str(), error.message.as_str()]))
        .chain(tests.map(|test| test.name.as_str()))
        .collect()
}

/// The number of versions that were to improve this one after a review.
#[must_use]
pub fn tries(session: &Session, head: &Version) -> usize {
    let of_head = |v: &&Version| v.base == Some(head.number) && v.cause == Cause::Review;
    session.versions.iter().filter(of_head).count()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]
    use super::*;
    use crate::domain::report::{Run, RunVerdict, Scored, Test, TestOutcome};
    use crate::domain::review::Review;

    /// Cause, base, passed tests, whether it ran, and blockers of a version.
    type Came = (Cause, Option<u32>, usize, bool, Option<usize>);

    fn session(versions: &[Came]) -> Session {
        let mut session = Session::default();
        for (number, (cause, base, passed, ran, blockers)) in (1..).zip(versions) {
            let test = |n: usize| Test {
                name: format!("t{n}"),
                outcome: TestOutcome::Passed,
                message: None,
                milliseconds: 0,
                passed_in: None,
            };
            let verdict = if *ran { RunVerdict::Ok } else { RunVerdict::Failed };
            let review = blockers.map(|n| Review {
                blockers: (0..n).map(|n| format!("F{n}")).collect(),
                ..Review::default()
            });
            session.versions.push(Version {
                number,
                cause: *cause,
                base: *base,
                run: Some(Run::not_run(verdict, "")),
                tests: Some((0..*passed).map(test).collect()),
                review,
                ..Version::new(number, *cause, *base, String::new())
            });
        }
        session.head = Some(u32::try_from(versions.len()).unwrap());
        session
    }

    #[test]
    fn the_better_earlier_version_is_taken_unless_the_user_chose() {
        use Cause::{Feedback, First, Repair, Review as R};
        let (one, two) = ((First, None, 0, true, Some(1)), (R, Some(1), 0, true, Some(2)));
        for (versions, better) in [
            (vec![one], None),
            (vec![one, two], Some(1)),
            (vec![one, (R, Some(1), 0, true, Some(1))], None),
            (vec![one, (R, Some(1), 0, true, Some(0))], None),
            // A failed run is worse than blockers, and passed tests count more than both.
            (vec![one, (R, Some(1), 0, false, None)], Some(1)),
            (vec![one, (R, Some(1), 3, false, None)], None),
            ((vec![(First, None, 3, true, Some(2)), (R, Some(1), 2, true, Some(0))]), Some(1)),
            // Back over a row of repairs to the best version; of equal ones, the nearest.
            (vec![one, (R, Some(1), 0, false, None), (Repair, Some(2), 0, false, None)], Some(1)),
            (vec![one, (R, Some(1), 0, true, Some(1)), (R, Some(2), 0, false, None)], Some(2)),
            // A version without a review is not known to have fewer or more blockers.
            (vec![(First, None, 0, false, Some(0)), (R, Some(1), 0, false, None)], None),
            (vec![(First, None, 0, true, None), (Repair, Some(1), 0, true, Some(2))], None),
            // Feedback and edits change the requirements, which earlier versions do not meet.
            (vec![one, (Feedback, Some(1), 0, false, None)], None),
            (vec![one, (Cause::Manager, Some(1), 0, false, None)], None),
            (
                vec![one, (Feedback, Some(1), 0, true, Some(1)), (R, Some(2), 0, false, None)],
                Some(2),
            ),
        ] {
            let mut session = session(&versions);
            let found = |s: &Session| self::better(s, s.head().unwrap()).map(|v| v.number);
            assert_eq!(found(&session), better, "{versions:?}");
            session.picked = true;
            assert_eq!(found(&session), None, "the Manager chose it");
        }
    }

    #[test]
    fn the_stated_shortcoming_is_what_makes_a_version_worse() {
        use Cause::{First, Review as R};
        for (worse, words) in [
            ((R, Some(1), 0, true, Some(0)), "fewer tests pass"),
            ((R, Some(1), 1, false, None), "its run failed"),
            ((R, Some(1), 1, true, Some(2)), "the Reviewer finds more that blocks it"),
        ] {
            let session = session(&[(First, None, 1, true, Some(1)), worse]);
            assert_eq!(shortcoming(&session.versions[1], &session.versions[0]), words);
        }
    }

    #[test]
    fn a_repair_with_less_agreement_or_ignored_input_is_not_taken() {
        let one = (Cause::First, None, 0, true, None);
        for (agreed, ignores, words) in [
            ([true, false], [false, false], Some("fewer candidates agree")),
            ([false, false], [false, true], Some("it does not use what it was given")),
            ([false, true], [false, false], None),
            ([false, false], [true, true], None),
        ] {
            let mut session = session(&[one, (Cause::Repair, Some(1), 0, true, None)]);
            for (version, (agreed, ignores)) in
                session.versions.iter_mut().zip(agreed.into_iter().zip(ignores))
            {
                version.tests = None;
                version.samples = vec![Scored { chosen: true, agreed, ..Scored::default() }];
                let run = version.run.as_mut().unwrap();
                run.ignores = vec!["the argument `x`".to_owned(); usize::from(ignores)];
            }
            let (head, first) = (&session.versions[1], &session.versions[0]);
            assert_eq!(better(&session, head).map(|v| v.number), words.map(|_| 1), "{words:?}");
            if let Some(words) = words {
                assert_eq!(shortcoming(head, first), words);
            }
        }
    }
}
