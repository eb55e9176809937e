//! Findings of the Reviewer and the user.

use super::finding::Finding;
use super::ledger;
use crate::domain::session::{Session, Version};

/// The ledger's findings that a version's review names, and the user's findings on that version,
/// each in the state that it had at that version.
pub(super) fn of_ledger<'a>(
    session: &'a Session,
    version: &'a Version,
) -> impl Iterator<Item = Finding> + 'a {
    let review = version.review.iter();
    let named =
        review.flat_map(|review| review.new.iter().chain(&review.again).chain(&review.settled));
    // The id is the index in the ledger plus one, so no search is needed: long sessions have
    // hundreds of findings.
    let place = |id: &String| id.strip_prefix('F')?.parse::<usize>().ok()?.checked_sub(1);
    let named = named.filter_map(move |id| session.ledger.get(place(id)?));
    let own = session.ledger.iter().filter(|finding| {
        finding.by_manager && (finding.first == version.number || finding.last == version.number)
    });
    let named = named.filter(|f| !f.by_manager && !ledger::restates(session, f));
    named.chain(own).map(|finding| {
        let states = session.stood.get(&finding.id).map_or(&[][..], Vec::as_slice);
        let then = states.iter().rev().find(|(at, _)| *at <= version.number);
        let state = then.map_or(finding.state, |(_, state)| *state);
        Finding { state, ..Finding::of(finding, Some(&version.script)) }
    })
}
