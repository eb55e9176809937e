//! The user's feedback on versions, stored as findings that only the user settles. Pure.

use crate::domain::review::{Finding, FindingState, Severity};
use crate::domain::session::Session;
use crate::domain::text::one_line;

/// Maximum length of such a finding's text, in characters.
const WISH: usize = 600;

/// The feedback on a version as a finding. New feedback on the same version replaces the text.
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

/// The unsettled feedback on versions before the head, oldest first. Feedback on the head itself is
/// shown in full elsewhere.
#[must_use]
pub fn open(session: &Session) -> Vec<&str> {
    let latest = session.head().filter(|head| head.feedback.is_some()).map(|head| head.number);
    let open = |f: &&Finding| f.state == FindingState::Open && Some(f.first) != latest;
    let wishes = session.ledger.iter().filter(|finding| is_wish(finding)).filter(open);
    wishes.map(|finding| finding.text.as_str()).collect()
}

/// Whether a finding is free-form feedback, not tied to a requirement.
#[must_use]
pub const fn is_wish(finding: &Finding) -> bool {
    finding.by_manager && finding.requirement.is_none()
}
