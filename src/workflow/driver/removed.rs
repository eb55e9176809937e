//! Finds functions and classes that a version dropped from its base without a request.

use crate::domain::event::Cause;
use crate::domain::session::{Session, Version};
use crate::python::outline;

/// Maximum number of names reported.
const MOST: usize = 8;
/// Minimum number of letters for a part of a name to be matched.
const TELLING: usize = 3;

/// The functions and classes that were removed and that neither the user nor a finding mentioned.
pub(super) fn of(session: &Session, version: &Version) -> Vec<String> {
    let Some(base) = version.base.and_then(|base| session.version(base)) else { return Vec::new() };
    let feedback = base.feedback.as_deref().unwrap_or_default();
    let by_hand = version.cause == Cause::Manager;
    // Without feedback, this version follows a changed plan.
    let other_plan = version.cause == Cause::Feedback && feedback.is_empty();
    if by_hand || other_plan {
        return Vec::new();
    }
    let mut gone = outline::removed(&base.script, &version.script);
    if gone.is_empty() {
        return gone;
    }
    let quotes = session.ledger.iter().filter_map(|finding| finding.quote.as_deref());
    let texts = session.ledger.iter().map(|finding| finding.text.as_str());
    let said = std::iter::once(feedback).chain(quotes).chain(texts).collect::<Vec<_>>().join("\n");
    let said = said.to_lowercase();
    gone.retain(|name| !parts(name).any(|part| said.contains(&part)));
    gone.truncate(MOST);
    gone
}

/// The words in a name: `draw` and `hands` for `draw_hands` or `drawHands`.
fn parts(name: &str) -> impl Iterator<Item = String> {
    let mut words = String::new();
    for c in name.chars() {
        words.push(if c == '_' { ' ' } else { c });
        if c.is_uppercase() {
            words.insert(words.len() - c.len_utf8(), ' ');
        }
    }
    let words: Vec<String> = words.to_lowercase().split(' ').map(str::to_owned).collect();
    words.into_iter().filter(|word| word.chars().count() >= TELLING)
}
