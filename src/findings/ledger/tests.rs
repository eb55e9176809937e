//! Tests of the findings ledger.

#![allow(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]
use super::*;
use crate::domain::event::Cause;
use crate::domain::plan::Plan;
use crate::domain::review::{Judgement, Verdict};
use crate::domain::session::Version;

const SCRIPT: &str = "import time\nprint( time.time() )\n";

/// Text, requirement, quote and severity of a point.
type Point<'a> = (&'a str, Option<&'a str>, Option<&'a str>, Option<Severity>);

fn raw(points: &[Point<'_>]) -> Vec<RawFinding> {
    points
        .iter()
        .map(|(text, requirement, quote, severity)| RawFinding {
            id: None,
            requirement: requirement.map(str::to_owned),
            severity: *severity,
            quote: quote.map(str::to_owned),
            text: (*text).to_owned(),
        })
        .collect()
}

fn review(verdict: Option<Verdict>, findings: Vec<RawFinding>) -> RawReview {
    RawReview { judgements: vec![], findings, verdict }
}

/// A session with two requirements and no versions.
fn session() -> Session {
    let mut session = Session::default();
    let requirements = ["shows the time", "has a title"]
        .iter()
        .zip(1..)
        .map(|(text, n)| Requirement { id: format!("R{n}"), text: (*text).to_owned() });
    let plan = Plan { text: String::new(), requirements: requirements.collect() };
    session.planning.plan = Some(plan);
    session
}

/// Reviews the next version, with unjudged requirements left out.
fn apply(session: &mut Session, raw: &RawReview) -> Review {
    apply_to(session, raw, SCRIPT)
}

fn apply_to(session: &mut Session, raw: &RawReview, script: &str) -> Review {
    let number = session.next_version();
    session.versions.push(Version::new(number, Cause::First, None, script.to_owned()));
    session.head = Some(number);
    let (review, changed) = update_for(session, raw, number, &[]);
    for finding in changed {
        put(session, finding);
    }
    review
}

fn put(session: &mut Session, finding: Finding) {
    match session.ledger.iter_mut().find(|f| f.id == finding.id) {
        Some(known) => *known = finding,
        None => session.ledger.push(finding),
    }
}

fn states(session: &Session) -> Vec<FindingState> {
    session.ledger.iter().map(|finding| finding.state).collect()
}

#[test]
fn has_key_agrees_with_comparing_keys() {
    let texts = [
        "", "!", "...", "a", "A b", "a, b!", "a b c", "ab", " a  b ", "\u{e9} b", "\u{c9} B",
        "a b ",
    ];
    for (a, b) in texts.iter().flat_map(|a| texts.map(|b| (*a, b))) {
        assert_eq!(has_key(a, &key(b)), key(a) == key(b), "{a:?} {b:?}");
    }
}

#[test]
fn a_finding_named_by_its_id_updates_that_finding() {
    for (id, text, requirement) in [
        (Some("F1"), "still there", None),
        (Some("F1"), "", Some("R2")),
        (Some("F1"), "the sum is wrong in another way", None),
        // As in an answer in JSON.
        (None, "F1: still there", None),
    ] {
        let mut session = session();
        let point = [("the title is missing", Some("R1"), None, Some(Severity::Blocker))];
        apply(&mut session, &review(Some(Verdict::Iterate), raw(&point)));
        let mut again = raw(&[(text, requirement, None, None)]);
        again[0].id = id.map(str::to_owned);
        let second = apply(&mut session, &review(Some(Verdict::Iterate), again));
        assert_eq!((second.again, second.new.len()), (vec!["F1".to_owned()], 0), "{text}");
        assert_eq!(second.blockers, ["F1"], "{text}");
        let known = &session.ledger[0];
        assert_eq!((known.text.as_str(), known.last), ("the title is missing", 2), "{text}");
        let mut quoted = raw(&[("is still there", None, Some("`import time`"), None)]);
        quoted[0].id = Some("F1".into());
        apply(&mut session, &review(Some(Verdict::Iterate), quoted));
        assert_eq!(session.ledger[0].quote.as_deref(), Some("`import time`"), "{text}");
    }
    // An id that was never shown is ignored.
    let mut session = session();
    let mut other = raw(&[("the title is missing", None, None, None)]);
    other[0].id = Some("F9".into());
    assert_eq!(apply(&mut session, &review(None, other)).new, ["F1"]);
}

#[test]
fn a_requirement_that_a_review_does_not_judge_blocks() {
    use Status::{Met, NotMet, Partly};
    for (judged, verdict, blockers) in [
        (&[("R1", Met), ("R2", Met)][..], Some(Verdict::Accept), &[][..]),
        (&[("R1", Met)], Some(Verdict::Accept), &["R2"]),
        (&[], Some(Verdict::Accept), &["R1", "R2"]),
        (&[], None, &["R1", "R2"]),
        (&[("R1", Met), ("R2", NotMet)], Some(Verdict::Accept), &["R2"]),
        (&[("R1", Met), ("R2", Partly)], Some(Verdict::Accept), &[]),
    ] {
        let mut session = session();
        session.versions.push(Version::new(1, Cause::First, None, SCRIPT.to_owned()));
        let judgement = |(id, status): &(&str, Status)| Judgement {
            requirement: (*id).to_owned(),
            status: *status,
        };
        let judgements = judged.iter().map(judgement).collect();
        let said = RawReview { judgements, findings: vec![], verdict };
        let (review, findings) = update(&session, &said, 1);
        assert_eq!(review.blockers, blockers, "{judged:?} {verdict:?}");
        assert!(findings.is_empty(), "{findings:?}");
        // A review before the run is not asked to judge requirements.
        let unmet = judged.iter().filter(|(_, status)| *status == NotMet).count();
        assert_eq!(update_before_run(&session, &said, 1).0.blockers.len(), unmet);
    }
}

#[test]
fn a_requirement_that_is_no_longer_met_blocks_again() {
    let said = |status| RawReview {
        judgements: ["R1", "R2"].map(|r| Judgement { requirement: r.into(), status }).into(),
        findings: vec![],
        verdict: None,
    };
    let mut session = session();
    for (status, blockers) in
        [(Status::NotMet, &["R1", "R2"][..]), (Status::Met, &[]), (Status::NotMet, &["R1", "R2"])]
    {
        assert_eq!(apply(&mut session, &said(status)).blockers, blockers);
    }
}

#[test]
fn repeated_texts_are_one_finding() {
    let texts = ["The hands do not move.", "the hands do not move", "- The *hands* do not  move!"];
    let points: Vec<_> = texts.iter().cycle().take(100).map(|t| (*t, None, None, None)).collect();
    let mut session = session();
    let review = apply(&mut session, &review(Some(Verdict::Iterate), raw(&points)));
    assert_eq!(session.ledger.len(), 1, "{:?}", session.ledger);
    assert_eq!((session.ledger[0].times, review.blockers.len()), (100, 1));
}

#[test]
fn different_points_are_different_findings() {
    for (a, b) in [
        ("there are 2 hands, not 3", "there are 3 hands, not 4"),
        ("the hour hand is missing", "the file is never closed"),
        ("the second hand is missing", "no second hand is drawn"),
        ("秒針がありません", "時刻が間違っています"),
        ("!", "?"),
    ] {
        let mut session = session();
        let two = raw(&[(a, None, None, None), (b, None, None, None)]);
        apply(&mut session, &review(None, two));
        assert_eq!(session.ledger.len(), 2, "{a} / {b}");
    }
    let mut session = session();
    let twice = [("is wrong", Some("R1"), None, None), ("is wrong", Some("R2"), None, None)];
    apply(&mut session, &review(None, raw(&twice)));
    assert_eq!(session.ledger.len(), 2);
}

#[test]
fn a_finding_without_severity_blocks_only_when_the_verdict_is_iterate() {
    for (verdict, severity) in [
        (Some(Verdict::Iterate), Severity::Blocker),
        (Some(Verdict::Accept), Severity::Should),
        (None, Severity::Should),
    ] {
        let mut session = session();
        apply(&mut session, &review(verdict, raw(&[("slow", None, None, None)])));
        assert_eq!(session.ledger[0].severity, severity);
    }
}

#[test]
fn a_quote_that_is_not_in_the_script_never_blocks() {
    let mut session = session();
    let points = raw(&[
        ("waits for ever", None, Some("while True:"), Some(Severity::Blocker)),
        ("prints a float", None, Some("print(time.time())"), Some(Severity::Blocker)),
        ("prints once", None, Some("print( time.time()  )"), Some(Severity::Blocker)),
    ]);
    let review = apply(&mut session, &review(Some(Verdict::Iterate), points));
    assert_eq!(session.ledger[0].state, FindingState::Unsupported);
    assert_eq!(session.ledger[1].state, FindingState::Unsupported, "the words are not these");
    assert_eq!(session.ledger[2].state, FindingState::Open, "spaces do not matter");
    assert_eq!(review.blockers, ["F3"]);
}

#[test]
fn a_finding_not_repeated_is_fixed_and_reopens_only_with_evidence() {
    let mut session = session();
    let point = [("the title is missing", Some("R1"), None, None)];
    apply(&mut session, &review(Some(Verdict::Iterate), raw(&point)));
    let second = apply(&mut session, &review(Some(Verdict::Accept), vec![]));
    assert_eq!(
        (second.settled, session.ledger[0].state),
        (vec!["F1".to_owned()], FindingState::Fixed)
    );
    let third = apply(&mut session, &review(Some(Verdict::Iterate), raw(&point)));
    assert!(third.blockers.is_empty(), "raised again without evidence");
    let proof = [("the title is missing", Some("R1"), Some("import time"), None)];
    let fourth = apply(&mut session, &review(Some(Verdict::Iterate), raw(&proof)));
    assert_eq!(fourth.blockers, ["F1"], "new evidence opens it again");
}

#[test]
fn an_empty_review_leaves_findings_open() {
    let mut session = session();
    apply(&mut session, &review(Some(Verdict::Iterate), raw(&[("slow", None, None, None)])));
    let second = apply(&mut session, &RawReview::default());
    assert_eq!(second.blockers, ["F1"]);
}

#[test]
fn an_unmet_requirement_is_no_finding_and_reaches_the_coder() {
    use Severity::{Blocker, Should};
    use Status::{Met, NotMet, Partly};
    let why = ("the title is wrong", Some("R2"), None, None);
    for (status, point, findings, blockers, told) in [
        (Partly, None, 0, &[][..], &[("R2", Should, "partly: has a title")][..]),
        (NotMet, None, 0, &["R2"], &[("R2", Blocker, "not met: has a title")]),
        // A reason is a finding.
        (NotMet, Some(why), 1, &["F1"], &[("F1", Blocker, "the title is wrong")]),
        // A repeated requirement is no reason.
        (
            Partly,
            Some(("Partly:  has a TITLE.", Some("R2"), None, Some(Should))),
            0,
            &[],
            &[("R2", Should, "partly: has a title")],
        ),
        (
            Partly,
            Some(("has a title", None, None, Some(Severity::Nit))),
            0,
            &[],
            &[("R2", Should, "partly: has a title")],
        ),
        // As a blocker it means that the requirement is not met.
        (
            Partly,
            Some(("has a title", Some("R2"), None, Some(Blocker))),
            0,
            &["R2"],
            &[("R2", Blocker, "partly: has a title")],
        ),
        // It has a quoted line.
        (
            Met,
            Some(("has a title", Some("R2"), Some("import time"), Some(Should))),
            1,
            &[],
            &[("F1", Should, "has a title")],
        ),
        // It is the text of another requirement.
        (
            Met,
            Some(("has a title", Some("R1"), None, Some(Should))),
            1,
            &[],
            &[("F1", Should, "has a title")],
        ),
    ] {
        let mut session = session();
        let judgements = vec![Judgement { requirement: "R2".into(), status }];
        let point: Vec<_> = point.into_iter().collect();
        let said = RawReview { judgements, findings: raw(&point), verdict: Some(Verdict::Iterate) };
        let review = apply(&mut session, &said);
        session.versions.last_mut().unwrap().review = Some(review.clone());
        assert_eq!(session.ledger.len(), findings, "{status:?} {point:?}");
        assert_eq!(review.blockers, blockers, "{status:?} {point:?}");
        let points = for_coder(&session);
        let points: Vec<_> =
            points.iter().map(|f| (f.id.as_str(), f.severity, f.text.as_str())).collect();
        assert_eq!(points, told, "{status:?} {point:?}");
    }
}

#[test]
fn findings_that_only_repeat_a_requirement_are_hidden() {
    let mut session = session();
    for (text, quote, by_manager, shown) in [
        ("partly: has a title", None, false, false),
        ("not judged: has a title", None, false, false),
        ("partly: has a title", Some("import time"), false, true),
        ("partly: has a title", None, true, true),
        ("partly: shows the time", None, false, true),
        ("partly: has a title that is wrong", None, false, true),
    ] {
        session.ledger = vec![Finding {
            requirement: Some("R2".into()),
            quote: quote.map(str::to_owned),
            by_manager,
            ..Finding::new(0, 1, Severity::Should, text.into())
        }];
        assert_eq!(findings(&session).count(), usize::from(shown), "{text} {quote:?}");
    }
}

#[test]
fn the_coder_is_shown_twelve_findings_user_s_and_blockers_first() {
    let finding = |n: u32| Finding {
        id: format!("F{n}"),
        requirement: (n == 19).then(|| "R1".to_owned()),
        severity: if n == 18 { Severity::Blocker } else { Severity::Nit },
        quote: None,
        text: String::new(),
        state: if n == 0 { FindingState::Waived } else { FindingState::Open },
        first: 1,
        last: 1,
        times: 1,
        against: None,
        by_manager: n == 19,
    };
    let ledger: Vec<Finding> = (0..20).map(finding).collect();
    let shown: Vec<&str> = open(&ledger).iter().map(|f| f.id.as_str()).collect();
    assert_eq!((shown.len(), &shown[..3]), (12, &["F19", "F18", "F1"][..]));
}

#[test]
fn findings_with_the_same_quote_and_requirement_are_one() {
    let quote = Some("import time");
    for (second, quote, findings) in [
        ((Some("R1")), quote, 1),
        // Another requirement, or another line.
        (Some("R2"), quote, 2),
        (Some("R1"), Some("print( time.time() )"), 2),
    ] {
        let mut session = session();
        let points = raw(&[
            ("the hands stand still", Some("R1"), Some("import  time"), None),
            ("nothing is ever redrawn", second, quote, None),
        ]);
        apply(&mut session, &review(Some(Verdict::Iterate), points));
        assert_eq!(session.ledger.len(), findings, "{second:?} {quote:?}");
    }
}

#[test]
fn the_severity_of_a_finding_follows_the_last_review() {
    use Severity::{Blocker, Nit, Should};
    for (verdict, said, heavy) in [
        (Verdict::Accept, None, Should),
        (Verdict::Accept, Some(Blocker), Blocker),
        (Verdict::Iterate, None, Blocker),
        (Verdict::Iterate, Some(Nit), Nit),
    ] {
        let mut session = session();
        let text = "the clock's hands are frozen in place";
        let point = |said| raw(&[(text, Some("R1"), None, said)]);
        apply(&mut session, &review(Some(Verdict::Iterate), point(None)));
        let again = apply(&mut session, &review(Some(verdict), point(said)));
        assert_eq!((session.ledger[0].severity, again.again.len()), (heavy, 1), "{said:?}");
        assert_eq!(again.blockers.is_empty(), heavy != Blocker, "{said:?}");
    }
}

#[test]
fn the_same_point_for_several_requirements_is_one_finding() {
    let mut session = session();
    let text = "the clock's hands are frozen in place";
    let points = [(text, Some("R1"), None, None), (text, Some("R2"), None, None)];
    apply(&mut session, &review(None, raw(&points)));
    assert_eq!(session.ledger.len(), 1);
}

#[test]
fn a_requirement_keeps_its_three_most_severe_findings() {
    let texts = ["alpha", "bravo", "gamma", "delta", "theta", "kappa"];
    let texts = texts.map(|word| format!("{word} is wrong"));
    let severity = |n: usize| Some(if n == 5 { Severity::Blocker } else { Severity::Nit });
    let points: Vec<_> = texts.iter().enumerate().collect();
    let points: Vec<_> =
        points.iter().map(|(n, text)| (text.as_str(), Some("R1"), None, severity(*n))).collect();
    let mut session = session();
    let first = apply(&mut session, &review(Some(Verdict::Iterate), raw(&points)));
    assert_eq!((first.new.len(), first.left_out), (3, 3));
    assert_eq!(session.ledger[0].text, "kappa is wrong");
    let second = apply(&mut session, &review(Some(Verdict::Iterate), raw(&points)));
    assert_eq!((second.again.len(), second.new.len(), second.left_out), (3, 0, 3));
    // With one of them fixed, there is room for another one.
    let less: Vec<_> = points.iter().copied().filter(|p| p.0 != "alpha is wrong").collect();
    let third = apply(&mut session, &review(Some(Verdict::Iterate), raw(&less)));
    assert_eq!((third.again.len(), third.new.len(), third.left_out), (2, 1, 2));
    // Findings of lower severity leave room for those of higher severity.
    let more = raw(&[("omega is wrong", Some("R1"), None, Some(Severity::Blocker))]);
    let fourth = apply(&mut session, &review(Some(Verdict::Iterate), [raw(&less), more].concat()));
    assert_eq!(fourth.new.len(), 1);
}

#[test]
fn a_waived_finding_reopens_only_with_a_quote_that_is_new_in_the_script() {
    use FindingState::{Open, Waived};
    let said = |quote: Option<&'static str>| {
        let point = ("the title is missing", Some("R2"), quote, None);
        review(Some(Verdict::Iterate), raw(&[point]))
    };
    let mut session = session();
    apply(&mut session, &said(None));
    let waived = waive(&session, "f1").unwrap();
    put(&mut session, waived);
    assert!(waive(&session, "F1").is_err() && waive(&session, "F2").is_err());
    for (quote, script, state) in [
        (None, SCRIPT, Waived),
        // A line that was in the script when the finding was waived is no new evidence.
        (Some("import time"), SCRIPT, Waived),
        (Some("title = None"), SCRIPT, Waived),
        (Some("title = None"), "title = None\n", Open),
    ] {
        apply_to(&mut session, &said(quote), script);
        assert_eq!(states(&session), [state], "{quote:?}");
    }
    let waived = waive(&session, "F1").unwrap();
    put(&mut session, waived);
    let opened = reopen(&session, "F1").unwrap();
    put(&mut session, opened);
    assert_eq!((states(&session), reopen(&session, "F1").is_err()), (vec![Open], true));
}

#[test]
fn only_the_user_settles_a_finding_of_the_user() {
    for judged in [None, Some(Status::Partly), Some(Status::Met)] {
        let mut session = session();
        let point = [("the title is wrong", Some("R2"), None, Some(Severity::Blocker))];
        apply(&mut session, &review(None, raw(&point)));
        session.ledger[0].by_manager = true;
        let judged = judged.map(|status| Judgement { requirement: "R2".into(), status });
        let said = RawReview {
            judgements: judged.into_iter().collect(),
            findings: vec![],
            verdict: Some(Verdict::Accept),
        };
        apply(&mut session, &said);
        assert_eq!(states(&session), [FindingState::Open]);
        let settled = settle(&session, "f1").unwrap();
        put(&mut session, settled);
        assert_eq!(states(&session), [FindingState::Fixed]);
        assert!(settle(&session, "F1").is_err());
    }
}
