//! The findings ledger, which tracks the Reviewer's findings over the versions. Pure.
//!
//! A finding keeps its id until it is settled. A point of a review matches a finding if it names
//! the finding's id, or has the same quoted line and requirement, or has the same text. A finding
//! is unsupported if its quote is not in the script. A fixed or waived finding is raised again only
//! on new evidence, and one review opens only a limited number of findings for one requirement.

use super::severity::SeverityScale;
use super::wishes::is_wish;
use crate::domain::plan::Requirement;
use crate::domain::review::{
    Finding, FindingState, RawFinding, RawReview, Review, Severity, Status,
};
use crate::domain::session::{Session, Version};
use crate::domain::text::single_spaced;
use std::borrow::Cow;

/// Maximum number of findings that are passed to the Coder.
const CAP: usize = 12;
/// Maximum number of open findings for one requirement after a review: more than that are usually
/// rewordings of one point.
const OF_ONE: usize = 3;
/// Minimum number of words for a text to count as the same point under different requirements.
const OWN_WORDS: usize = 4;
/// Text for a requirement that the review does not mention.
const NOT_JUDGED: &str = "not judged";
/// Statuses that may stand in front of a repeated requirement.
const HOW_FAR: [&str; 4] =
    [Status::Met.name(), Status::Partly.name(), Status::NotMet.name(), NOT_JUDGED];

/// Applies a review of a version: returns the review to store and the findings that are new or
/// changed. A requirement that it does not judge counts as not met.
#[must_use]
pub fn update(session: &Session, raw: &RawReview, version: u32) -> (Review, Vec<Finding>) {
    update_for(session, raw, version, &unjudged(session, raw))
}

/// As [`update`], for a review before the version's run, which is not asked to judge requirements.
#[must_use]
pub fn update_before_run(
    session: &Session,
    raw: &RawReview,
    version: u32,
) -> (Review, Vec<Finding>) {
    let (review, findings) = update_for(session, raw, version, &[]);
    (Review { before_run: true, ..review }, findings)
}

/// The requirements that a review does not judge.
#[must_use]
pub fn unjudged<'s>(session: &'s Session, raw: &RawReview) -> Vec<&'s Requirement> {
    let judged = |r: &&Requirement| raw.judgements.iter().any(|j| j.requirement == r.id);
    session.requirements().iter().filter(|requirement| !judged(requirement)).collect()
}

fn update_for(
    session: &Session,
    raw: &RawReview,
    version: u32,
    unjudged: &[&Requirement],
) -> (Review, Vec<Finding>) {
    let ledger = &session.ledger;
    let mut book = LedgerUpdate {
        session,
        findings: ledger.iter().map(Cow::Borrowed).collect(),
        version,
        script: session.version(version).map_or("", |v| v.script.as_str()),
        new: Vec::new(),
        again: Vec::new(),
        settled: Vec::new(),
        unmet: Vec::new(),
        left_out: 0,
    };
    let scale = SeverityScale::of(session, raw, version);
    // Known findings come first, then the new ones by severity, so that the limit drops the least.
    let known = |finding: &&RawFinding| book.find(finding).is_some();
    let (again, mut new): (Vec<&RawFinding>, Vec<&RawFinding>) =
        raw.findings.iter().filter(|finding| !repeats(session, finding)).partition(known);
    new.sort_by_key(|finding| scale.severity(finding));
    for finding in again.into_iter().chain(new) {
        book.enter(finding, scale.severity(finding));
    }
    for requirement in session.requirements() {
        let mut judgements = raw.judgements.iter().filter(|j| j.requirement == requirement.id);
        // A blocker that only repeats its requirement means that it is not met.
        let mut again = raw.findings.iter().filter(|finding| {
            let about = finding.requirement.as_ref() == Some(&requirement.id);
            about && repeats(session, finding) && scale.severity(finding) == Severity::Blocker
        });
        let severity = match judgements.next().map(|judgement| judgement.status) {
            Some(Status::NotMet) => Severity::Blocker,
            _ if again.next().is_some() => Severity::Blocker,
            Some(Status::Partly) => Severity::Should,
            None if unjudged.iter().any(|r| r.id == requirement.id) => Severity::Blocker,
            _ => continue,
        };
        book.enter_unmet(requirement, severity);
    }
    if !raw.findings.is_empty() || !raw.judgements.is_empty() || raw.verdict.is_some() {
        book.settle();
    }
    let blockers = book
        .findings
        .iter()
        .filter(|f| f.state == FindingState::Open && f.severity == Severity::Blocker)
        .map(|f| f.id.clone())
        .chain(book.unmet)
        .collect();
    let review = Review {
        said: raw.verdict,
        judgements: raw.judgements.clone(),
        new: book.new,
        again: book.again,
        settled: book.settled,
        blockers,
        before_run: false,
        left_out: book.left_out,
    };
    let changed = |(n, finding): (usize, Cow<'_, Finding>)| match finding {
        Cow::Owned(finding) if ledger.get(n) != Some(&finding) => Some(finding),
        _ => None,
    };
    let changed = book.findings.into_iter().enumerate().filter_map(changed).collect();
    (review, changed)
}

/// All findings of a session, without those of older versions of redraft that only repeat a requirement.
pub fn findings(session: &Session) -> impl Iterator<Item = &Finding> {
    session.ledger.iter().filter(|finding| !restates(session, finding))
}

/// Whether a finding only repeats its requirement. Older versions of redraft added such findings.
#[must_use]
pub fn restates(session: &Session, finding: &Finding) -> bool {
    let about = finding.requirement.as_deref();
    !finding.by_manager && finding.quote.is_none() && is_requirement(session, about, &finding.text)
}

/// The open findings without the user's feedback: the user's findings first, then by severity; at most twelve.
#[must_use]
pub fn open(ledger: &[Finding]) -> Vec<&Finding> {
    let open = |f: &&Finding| f.state == FindingState::Open && !is_wish(f);
    let mut open: Vec<&Finding> = ledger.iter().filter(open).collect();
    open.sort_by_key(rank);
    open.truncate(CAP);
    open
}

/// The findings for the Coder, besides the user's feedback: open findings, and a point for each requirement that the
/// latest review calls not met without a reason, with the requirement's id. The user's findings come first, then by
/// severity; at most twelve.
#[must_use]
pub fn for_coder(session: &Session) -> Vec<Finding> {
    let mut points: Vec<Finding> = open(&session.ledger).into_iter().cloned().collect();
    points.extend(session.head().into_iter().flat_map(|head| unmet(session, head)));
    points.sort_by_key(|finding| rank(&finding));
    points.truncate(CAP);
    points
}

const fn rank(finding: &&Finding) -> (bool, Severity) {
    (!finding.by_manager, finding.severity)
}

/// A point for each requirement that a version's review calls not met or partly met, where no finding explains it.
#[must_use]
pub fn unmet(session: &Session, version: &Version) -> Vec<Finding> {
    let Some(review) = &version.review else { return Vec::new() };
    let point = |requirement: &Requirement| {
        let judged = review.judgements.iter().find(|j| j.requirement == requirement.id);
        let (how, severity) = match judged.map(|judgement| judgement.status) {
            _ if version.blockers().contains(&requirement.id) => {
                let how = judged.map_or(NOT_JUDGED, |judgement| judgement.status.name());
                (how, Severity::Blocker)
            }
            Some(Status::Partly) => (Status::Partly.name(), Severity::Should),
            _ => return None,
        };
        let says_why = |f: &Finding| {
            f.requirement.as_ref() == Some(&requirement.id) && f.state != FindingState::Fixed
        };
        let seen = version.answers.get(&requirement.id);
        let met = seen.is_some_and(|answered| answered.status == Status::Met);
        if met || severity == Severity::Should && session.ledger.iter().any(says_why) {
            return None;
        }
        let text = format!("{how}: {}", requirement.text);
        let id = requirement.id.clone();
        Some(Finding { id, ..Finding::new(0, version.number, severity, text) })
    };
    session.requirements().iter().filter_map(point).collect()
}

/// The finding, marked as fixed by the user.
///
/// # Errors
/// If there is no such finding, or it is fixed already.
pub fn settle(session: &Session, id: &str) -> Result<Finding, String> {
    let finding = known(session, id)?;
    if finding.state == FindingState::Fixed {
        return Err(format!("{} is settled already", finding.id));
    }
    let last = session.head.unwrap_or(finding.last);
    Ok(Finding { state: FindingState::Fixed, last, ..finding.clone() })
}

/// The finding, waived by the user.
///
/// # Errors
/// If there is no such finding, or it is waived or fixed already.
pub fn waive(session: &Session, id: &str) -> Result<Finding, String> {
    let finding = known(session, id)?;
    match finding.state {
        FindingState::Waived => Err(format!("{} is waived already", finding.id)),
        FindingState::Fixed => Err(format!("{} is settled: there is nothing to waive", finding.id)),
        // Records the head, so that its lines do not count as new evidence later.
        _ => Ok(Finding {
            state: FindingState::Waived,
            last: session.head.unwrap_or(finding.last),
            ..finding.clone()
        }),
    }
}

/// The finding, reopened by the user.
///
/// # Errors
/// If there is no such finding, or it is open already.
pub fn reopen(session: &Session, id: &str) -> Result<Finding, String> {
    let finding = known(session, id)?;
    if finding.state == FindingState::Open {
        return Err(format!("{} is open already", finding.id));
    }
    let last = session.head.unwrap_or(finding.last);
    Ok(Finding { state: FindingState::Open, last, ..finding.clone() })
}

fn known<'s>(session: &'s Session, id: &str) -> Result<&'s Finding, String> {
    let found = session.ledger.iter().find(|finding| finding.id.eq_ignore_ascii_case(id));
    found.ok_or_else(|| format!("there is no finding {id}"))
}

struct LedgerUpdate<'a> {
    session: &'a Session,
    /// The ledger's findings. Each is cloned only if it changes, since the ledger grows with the
    /// versions.
    findings: Vec<Cow<'a, Finding>>,
    version: u32,
    script: &'a str,
    new: Vec<String>,
    again: Vec<String>,
    settled: Vec<String>,
    /// Ids of unmet requirements that no finding explains.
    unmet: Vec<String>,
    left_out: u32,
}

impl LedgerUpdate<'_> {
    fn enter(&mut self, raw: &RawFinding, severity: Severity) {
        let supported = raw.quote.as_deref().is_none_or(|q| quotes(self.script, q));
        let version = self.version;
        let named = self.named(raw);
        let Some(place) = self.find(raw) else {
            let state = if supported { FindingState::Open } else { FindingState::Unsupported };
            self.add(raw, severity, state);
            return;
        };
        let evident = supported && raw.quote.is_some() && self.is_new(place, raw);
        let known = self.findings[place].to_mut();
        // A point such as "F1: still there" does not change the severity.
        let severity = raw.severity.or(named.map(|_| known.severity)).unwrap_or(severity);
        match known.state {
            // The user's own findings keep their severity.
            FindingState::Open | FindingState::Contested if known.by_manager => {}
            // Within one review the highest severity counts; over several reviews, that of the
            // latest.
            FindingState::Open | FindingState::Contested if known.last == version => {
                known.severity = known.severity.min(severity);
            }
            FindingState::Open | FindingState::Contested => known.severity = severity,
            FindingState::Unsupported if supported && raw.quote.is_some() => {
                known.state = FindingState::Open;
                known.against = None;
                known.quote.clone_from(&raw.quote);
            }
            FindingState::Fixed | FindingState::Waived if evident => {
                known.state = FindingState::Open;
                known.against = None;
                known.severity = severity;
                known.quote.clone_from(&raw.quote);
            }
            _ => return,
        }
        if named.is_some() && supported && raw.quote.is_some() && !known.by_manager {
            // Update the quote to the line's present form.
            known.quote.clone_from(&raw.quote);
        }
        known.last = version;
        known.times += 1;
        if known.first != version && !self.again.contains(&known.id) {
            self.again.push(known.id.clone());
        }
    }

    /// Whether a quote is new evidence since the finding was settled. For a waived finding, the
    /// quoted line must not have been in the script when the user waived it.
    fn is_new(&self, place: usize, raw: &RawFinding) -> bool {
        let (known, quote) = (&self.findings[place], raw.quote.as_deref().unwrap_or_default());
        let then = self.session.version(known.last).filter(|_| known.state == FindingState::Waived);
        raw.quote != known.quote && then.is_none_or(|then| !quotes(&then.script, quote))
    }

    /// The index of the finding that a point matches. Open and contested findings come before
    /// settled ones.
    fn find(&self, raw: &RawFinding) -> Option<usize> {
        if let Some(named) = self.named(raw) {
            return Some(named);
        }
        let said = key(&raw.text);
        let is = |n: &usize| is(&self.findings[*n], raw, &said);
        let matches: Vec<usize> = (0..self.findings.len()).filter(is).collect();
        let live = |n: &&usize| {
            matches!(self.findings[**n].state, FindingState::Open | FindingState::Contested)
        };
        matches.iter().find(live).or(matches.first()).copied()
    }

    /// The index of the finding whose id the point names.
    fn named(&self, raw: &RawFinding) -> Option<usize> {
        let begins = || raw.text.split_once(':').map(|(id, _)| id.trim());
        let id = raw.id.as_deref().or_else(begins)?;
        self.findings.iter().position(|finding| finding.id == id)
    }

    /// Adds an unmet requirement to the blockers, unless an open finding explains it already.
    fn enter_unmet(&mut self, requirement: &Requirement, severity: Severity) {
        let about = |f: &Finding| f.requirement.as_ref() == Some(&requirement.id);
        let says_why =
            |f: &Finding| f.state == FindingState::Open && f.severity <= severity && about(f);
        if let Some(known) = self.findings.iter_mut().find(|f| says_why(f)) {
            known.to_mut().last = self.version;
            return;
        }
        // A requirement with a waived or contested finding is not raised again under another text.
        let decided = |f: &Finding| {
            about(f) && matches!(f.state, FindingState::Waived | FindingState::Contested)
        };
        if severity == Severity::Blocker && !self.findings.iter().any(|f| decided(f)) {
            self.unmet.push(requirement.id.clone());
        }
    }

    fn add(&mut self, raw: &RawFinding, severity: Severity, state: FindingState) {
        let most = if raw.requirement.is_some() { OF_ONE } else { CAP };
        let alike = |f: &&Cow<'_, Finding>| {
            let supported = f.state != FindingState::Unsupported;
            f.last == self.version
                && f.requirement == raw.requirement
                && f.severity <= severity
                && !matches!(f.state, FindingState::Fixed | FindingState::Waived)
                && supported == (state != FindingState::Unsupported)
        };
        if self.findings.iter().filter(alike).count() >= most {
            self.left_out += 1;
            return;
        }
        let finding = Finding {
            requirement: raw.requirement.clone(),
            quote: raw.quote.clone(),
            state,
            ..Finding::new(self.findings.len(), self.version, severity, raw.text.clone())
        };
        if state == FindingState::Open {
            self.new.push(finding.id.clone());
        }
        self.findings.push(Cow::Owned(finding));
    }

    /// Marks open findings that the review did not repeat as fixed. The user's own findings are
    /// settled only by the user.
    fn settle(&mut self) {
        for finding in &mut self.findings {
            if finding.state == FindingState::Open
                && finding.last < self.version
                && !finding.by_manager
            {
                finding.to_mut().state = FindingState::Fixed;
                self.settled.push(finding.id.clone());
            }
        }
    }
}

/// Whether a point of a review only repeats its requirement.
fn repeats(session: &Session, raw: &RawFinding) -> bool {
    let about = raw.requirement.as_deref();
    raw.id.is_none() && raw.quote.is_none() && is_requirement(session, about, &raw.text)
}

/// Whether a text equals the text of its requirement (of any requirement if none is named), apart from case, spaces
/// and a status in front of it.
fn is_requirement(session: &Session, about: Option<&str>, text: &str) -> bool {
    let said = key(text);
    let same = |requirement: &Requirement| {
        let how = said.strip_suffix(key(&requirement.text).as_str()).map(str::trim_end);
        how.is_some_and(|how| how.is_empty() || HOW_FAR.contains(&how))
    };
    let mut all = session.requirements().iter();
    all.any(|requirement| about.is_none_or(|id| id == requirement.id) && same(requirement))
}

/// Whether a point is the same as a known finding: the same quoted line under the same requirement,
/// whatever the text, or the same text.
fn is(known: &Finding, raw: &RawFinding, said: &str) -> bool {
    let same = has_key(&known.text, said);
    match (&known.requirement, &raw.requirement) {
        // A short text such as "is wrong" fits any requirement.
        (Some(a), Some(b)) if a != b => same && said.split(' ').count() >= OWN_WORDS,
        (Some(_), Some(_)) => {
            let quotes = known.quote.as_ref().zip(raw.quote.as_ref());
            same || quotes.is_some_and(|(a, b)| a.split_whitespace().eq(b.split_whitespace()))
        }
        _ => same,
    }
}

/// The words of a text in lower case, joined by single spaces. A text without words is returned as
/// is, in lower case and single-spaced.
fn key(text: &str) -> String {
    let lower = text.to_lowercase();
    let words: Vec<&str> =
        lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    if words.is_empty() { single_spaced(&lower) } else { words.join(" ") }
}

/// Whether `key(text)` equals `key`. Compares word by word without building the key, since most
/// texts of a long ledger differ in their first words.
fn has_key(text: &str, key: &str) -> bool {
    if !text.is_ascii() || !text.contains(|c: char| c.is_ascii_alphanumeric()) {
        return self::key(text) == key;
    }
    let mut words =
        text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let mut of_key = key.split(' ');
    let same = words.all(|word| of_key.next().is_some_and(|k| word.eq_ignore_ascii_case(k)));
    same && of_key.next().is_none()
}

/// Whether the script contains the quote, ignoring differences in white space.
fn quotes(script: &str, quote: &str) -> bool {
    let holds = |quote: &str| script.contains(quote) || single_spaced(script).contains(quote);
    let quote = single_spaced(quote);
    // Quotation marks or backticks around the line do not count.
    let inner = quote.trim_matches(['`', '"', ' ']);
    holds(&quote) || (!inner.is_empty() && holds(inner))
}

#[cfg(test)]
mod tests;
