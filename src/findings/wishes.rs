//! What the user said of versions: findings that only the user settles. Pure.

use crate::domain::review::{Finding, FindingState, Severity};
use crate::domain::session::Session;
use crate::domain::text::one_line;

/// Characters of what the user said of a version, as a finding.
const WISH: usize = 600;

/// What the user said of a version, as a finding: nobody but the user settles it.
#[must_use]
pub fn of(session: &Session, version: u32, text: &str) -> Finding {
    let known = session.ledger.iter().find(|finding| is_wish(finding) && finding.first == version);
    let text = one_line(text, WISH);
    match known {
        Some(known) => Finding { text, state: FindingState::Open, ..known.clone() },
        None => Finding {
            by_manager: true,
            ..Finding::new(session.ledger.len(), version, Severity::Should, text)
        },
    }
}

/// What the user said of versions before the latest and did not settle, oldest first. What was said of
/// the latest one is shown in full.
#[must_use]
pub fn open(session: &Session) -> Vec<&str> {
    let latest = session.head().filter(|head| head.feedback.is_some()).map(|head| head.number);
    let open = |f: &&Finding| f.state == FindingState::Open && Some(f.first) != latest;
    let wishes = session.ledger.iter().filter(|finding| is_wish(finding)).filter(open);
    wishes.map(|finding| finding.text.as_str()).collect()
}

/// Whether it is what the user said in words, not of a requirement.
#[must_use]
pub const fn is_wish(finding: &Finding) -> bool {
    finding.by_manager && finding.requirement.is_none()
}
