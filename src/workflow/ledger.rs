//! The findings ledger: keeps a Reviewer honest over versions. Pure.
//!
//! A finding keeps its id until it is settled; another wording of it is the same finding; a quote
//! that is not in the script makes it unsupported; what was settled or waived is not raised again
//! without new evidence.

use crate::domain::plan::Requirement;
use crate::domain::review::{
    Finding, FindingState, Judgement, RawFinding, RawReview, Review, Severity, Status, Verdict,
};

/// From this on, two texts say the same: Dice's coefficient over the letter pairs of their words.
const SAME: f64 = 0.72;
/// How many findings reach the Coder.
const CAP: usize = 12;

/// What a review changes: the review as it is kept, and the findings that are new or changed.
#[must_use]
pub fn update(
    ledger: &[Finding],
    raw: &RawReview,
    requirements: &[Requirement],
    version: u32,
    script: &str,
) -> (Review, Vec<Finding>) {
    let mut book = Book { findings: ledger.to_vec(), version, script, ..Book::default() };
    for finding in &raw.findings {
        let severity = finding.severity.unwrap_or(match raw.verdict {
            Some(Verdict::Iterate) => Severity::Blocker,
            _ => Severity::Should,
        });
        book.enter(finding, severity);
    }
    for judgement in &raw.judgements {
        book.enter_unmet(judgement, requirements, raw.verdict);
    }
    if !raw.findings.is_empty() || !raw.judgements.is_empty() || raw.verdict.is_some() {
        book.settle();
    }
    let blockers = book
        .findings
        .iter()
        .filter(|f| f.state == FindingState::Open && f.severity == Severity::Blocker)
        .map(|f| f.id.clone())
        .collect();
    let review = Review {
        said: raw.verdict,
        judgements: raw.judgements.clone(),
        new: book.new,
        again: book.again,
        settled: book.settled,
        blockers,
        before_run: false,
    };
    let changed: Vec<Finding> = book
        .findings
        .into_iter()
        .enumerate()
        .filter(|(n, finding)| ledger.get(*n) != Some(finding))
        .map(|(_, finding)| finding)
        .collect();
    (review, changed)
}

/// The findings that the Coder is shown: open, blockers first, at most twelve.
#[must_use]
pub fn for_coder(ledger: &[Finding]) -> Vec<&Finding> {
    let mut open: Vec<&Finding> = ledger.iter().filter(|f| f.state == FindingState::Open).collect();
    open.sort_by_key(|f| f.severity);
    open.truncate(CAP);
    open
}

#[derive(Default)]
struct Book<'a> {
    findings: Vec<Finding>,
    version: u32,
    script: &'a str,
    new: Vec<String>,
    again: Vec<String>,
    settled: Vec<String>,
}

impl Book<'_> {
    fn enter(&mut self, raw: &RawFinding, severity: Severity) {
        let supported = raw.quote.as_deref().is_none_or(|q| quotes(self.script, q));
        let version = self.version;
        let Some(known) = self.findings.iter_mut().find(|f| same(f, raw)) else {
            let state = if supported { FindingState::Open } else { FindingState::Unsupported };
            self.add(raw, severity, state);
            return;
        };
        match known.state {
            FindingState::Open | FindingState::Contested => {
                known.severity = known.severity.min(severity);
            }
            FindingState::Unsupported if supported && raw.quote.is_some() => {
                known.state = FindingState::Open;
                known.quote.clone_from(&raw.quote);
            }
            FindingState::Fixed | FindingState::Waived
                if supported && raw.quote.is_some() && raw.quote != known.quote =>
            {
                known.state = FindingState::Open;
                known.severity = severity;
                known.quote.clone_from(&raw.quote);
            }
            _ => return,
        }
        known.last = version;
        known.times += 1;
        if known.first != version && !self.again.contains(&known.id) {
            self.again.push(known.id.clone());
        }
    }

    /// A requirement that is said not to be met, without a finding that says why, is one.
    fn enter_unmet(
        &mut self,
        judgement: &Judgement,
        requirements: &[Requirement],
        verdict: Option<Verdict>,
    ) {
        let severity = match (judgement.status, verdict) {
            (Status::Met, _) => return,
            (Status::NotMet, Some(Verdict::Iterate) | None) => Severity::Blocker,
            _ => Severity::Should,
        };
        let about = |f: &Finding| f.requirement.as_ref() == Some(&judgement.requirement);
        let mut open =
            self.findings.iter_mut().filter(|f| f.state == FindingState::Open && about(f));
        if let Some(known) = open.next() {
            known.last = self.version;
            return;
        }
        let Some(requirement) = requirements.iter().find(|r| r.id == judgement.requirement) else {
            return;
        };
        let raw = RawFinding {
            requirement: Some(requirement.id.clone()),
            severity: None,
            quote: None,
            text: format!("{}: {}", judgement.status.name(), requirement.text),
        };
        self.enter(&raw, severity);
    }

    fn add(&mut self, raw: &RawFinding, severity: Severity, state: FindingState) {
        let id = format!("F{}", self.findings.len() + 1);
        self.findings.push(Finding {
            id: id.clone(),
            requirement: raw.requirement.clone(),
            severity,
            quote: raw.quote.clone(),
            text: raw.text.clone(),
            state,
            first: self.version,
            last: self.version,
            times: 1,
        });
        if state == FindingState::Open {
            self.new.push(id);
        }
    }

    /// What was open and was not found again is fixed.
    fn settle(&mut self) {
        for finding in &mut self.findings {
            if finding.state == FindingState::Open && finding.last < self.version {
                finding.state = FindingState::Fixed;
                self.settled.push(finding.id.clone());
            }
        }
    }
}

/// Whether the script holds the quote, however it is spaced.
fn quotes(script: &str, quote: &str) -> bool {
    let squeeze = |s: &str| s.split_whitespace().collect::<Vec<_>>().join(" ");
    let quote = squeeze(quote);
    script.contains(&quote) || squeeze(script).contains(&quote)
}

/// Whether a point as written is a finding that is known.
fn same(known: &Finding, raw: &RawFinding) -> bool {
    if let (Some(a), Some(b)) = (&known.requirement, &raw.requirement)
        && a != b
    {
        return false;
    }
    let (a, b) = (Wording::of(&known.text), Wording::of(&raw.text));
    a.numbers == b.numbers && strsim::sorensen_dice(&a.words, &b.words) >= SAME
}

/// A text reduced to what it says: its telling words in order of the alphabet, and its numbers,
/// since "3 hands" and "2 hands" are different points. Line numbers move and do not count.
struct Wording {
    words: String,
    numbers: Vec<String>,
}

impl Wording {
    fn of(text: &str) -> Self {
        const FILLER: [&str; 28] = [
            "the", "a", "an", "is", "are", "be", "to", "of", "in", "on", "for", "and", "or", "it",
            "this", "that", "should", "must", "will", "does", "do", "has", "have", "there", "at",
            "with", "when", "script",
        ];
        let lower = text.to_lowercase();
        let mut words = Vec::new();
        let mut numbers = Vec::new();
        let mut after_line = false;
        for word in lower.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()) {
            if word.bytes().all(|b| b.is_ascii_digit()) {
                if !after_line {
                    numbers.push(word.to_owned());
                }
            } else if !FILLER.contains(&word) {
                words.push(word);
            }
            after_line = matches!(word, "line" | "lines");
        }
        words.sort_unstable();
        words.dedup();
        numbers.sort_unstable();
        Self { words: words.join(" "), numbers }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]
    use super::*;

    const SCRIPT: &str = "import time\nprint( time.time() )\n";

    /// What is wrong, the requirement, the quote and the severity.
    type Point<'a> = (&'a str, Option<&'a str>, Option<&'a str>, Option<Severity>);

    fn raw(points: &[Point<'_>]) -> Vec<RawFinding> {
        points
            .iter()
            .map(|(text, requirement, quote, severity)| RawFinding {
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

    fn apply(ledger: &mut Vec<Finding>, raw: &RawReview, version: u32) -> Review {
        let requirements = [Requirement { id: "R1".into(), text: "shows the time".into() }];
        let (review, changed) = update(ledger, raw, &requirements, version, SCRIPT);
        for finding in changed {
            match ledger.iter_mut().find(|f| f.id == finding.id) {
                Some(known) => *known = finding,
                None => ledger.push(finding),
            }
        }
        review
    }

    #[test]
    fn a_hundred_wordings_of_one_point_are_one_finding() {
        let wordings = [
            "The hands of the clock do not move.",
            "the clock's hands do not move",
            "Hands of the clock do not move!",
            "The hands of this clock do not move at all",
            "line 12: the hands of the clock do not move",
            "line 14: the hands of the clock do not move",
        ];
        let points: Vec<_> =
            wordings.iter().cycle().take(100).map(|w| (*w, None, None, None)).collect();
        let mut ledger = vec![];
        let review = apply(&mut ledger, &review(Some(Verdict::Iterate), raw(&points)), 1);
        assert_eq!(ledger.len(), 1, "{ledger:?}");
        assert_eq!((ledger[0].times, review.blockers.len()), (100, 1));
    }

    #[test]
    fn different_points_are_not_taken_for_one() {
        for (a, b) in [
            ("there are 2 hands, not 3", "there are 3 hands, not 4"),
            ("the hour hand is missing", "the file is never closed"),
            ("division by zero when the list is empty", "the title is not set"),
        ] {
            let mut ledger = vec![];
            apply(
                &mut ledger,
                &review(None, raw(&[(a, None, None, None), (b, None, None, None)])),
                1,
            );
            assert_eq!(ledger.len(), 2, "{a} / {b}");
        }
        let mut ledger = vec![];
        let twice = [("is wrong", Some("R1"), None, None), ("is wrong", Some("R2"), None, None)];
        apply(&mut ledger, &review(None, raw(&twice)), 1);
        assert_eq!(ledger.len(), 2);
    }

    #[test]
    fn a_finding_without_severity_blocks_only_when_the_verdict_is_iterate() {
        for (verdict, severity) in [
            (Some(Verdict::Iterate), Severity::Blocker),
            (Some(Verdict::Accept), Severity::Should),
            (None, Severity::Should),
        ] {
            let mut ledger = vec![];
            apply(&mut ledger, &review(verdict, raw(&[("slow", None, None, None)])), 1);
            assert_eq!(ledger[0].severity, severity);
        }
    }

    #[test]
    fn a_quote_that_is_not_in_the_script_never_blocks() {
        let mut ledger = vec![];
        let points = raw(&[
            ("waits for ever", None, Some("while True:"), Some(Severity::Blocker)),
            ("prints a float", None, Some("print(time.time())"), Some(Severity::Blocker)),
            ("prints once", None, Some("print( time.time()  )"), Some(Severity::Blocker)),
        ]);
        let review = apply(&mut ledger, &review(Some(Verdict::Iterate), points), 1);
        assert_eq!(ledger[0].state, FindingState::Unsupported);
        assert_eq!(ledger[1].state, FindingState::Unsupported, "the words are not these");
        assert_eq!(ledger[2].state, FindingState::Open, "spaces do not matter");
        assert_eq!(review.blockers, ["F3"]);
    }

    #[test]
    fn what_is_not_found_again_is_settled_and_stays_settled() {
        let mut ledger = vec![];
        let point = [("the title is missing", Some("R1"), None, None)];
        apply(&mut ledger, &review(Some(Verdict::Iterate), raw(&point)), 1);
        let second = apply(&mut ledger, &review(Some(Verdict::Accept), vec![]), 2);
        assert_eq!((second.settled, ledger[0].state), (vec!["F1".to_owned()], FindingState::Fixed));
        let third = apply(&mut ledger, &review(Some(Verdict::Iterate), raw(&point)), 3);
        assert!(third.blockers.is_empty(), "raised again without evidence");
        let proof = [("the title is missing", Some("R1"), Some("import time"), None)];
        let fourth = apply(&mut ledger, &review(Some(Verdict::Iterate), raw(&proof)), 4);
        assert_eq!(fourth.blockers, ["F1"], "new evidence opens it again");
    }

    #[test]
    fn an_answer_that_says_nothing_settles_nothing() {
        let mut ledger = vec![];
        apply(&mut ledger, &review(Some(Verdict::Iterate), raw(&[("slow", None, None, None)])), 1);
        let second = apply(&mut ledger, &RawReview::default(), 2);
        assert_eq!(second.blockers, ["F1"]);
    }

    #[test]
    fn a_requirement_that_is_not_met_is_a_finding() {
        let mut ledger = vec![];
        let unmet = Judgement { requirement: "R1".into(), status: Status::NotMet };
        let said = RawReview {
            judgements: vec![unmet],
            findings: vec![],
            verdict: Some(Verdict::Iterate),
        };
        assert_eq!(apply(&mut ledger, &said, 1).blockers, ["F1"]);
        assert_eq!(apply(&mut ledger, &said, 2).blockers, ["F1"]);
        assert_eq!(ledger.len(), 1);
    }

    #[test]
    fn the_coder_is_shown_twelve_findings_blockers_first() {
        let mut ledger = vec![];
        for n in 0..20_u32 {
            ledger.push(Finding {
                id: format!("F{n}"),
                requirement: None,
                severity: if n == 19 { Severity::Blocker } else { Severity::Nit },
                quote: None,
                text: String::new(),
                state: if n == 0 { FindingState::Waived } else { FindingState::Open },
                first: 1,
                last: 1,
                times: 1,
            });
        }
        let shown = for_coder(&ledger);
        assert_eq!((shown.len(), shown[0].id.as_str(), shown[1].id.as_str()), (12, "F19", "F1"));
    }
}
