//! What a version is run with: what the Manager gave, else what the approved plan says.

use crate::agents::given::{self, Given};
use crate::domain::report::GivenBy;
use crate::domain::session::Session;

/// The arguments and the input of every run of a session, and who gave them; none where nothing is
/// given, and a script that asks meets the end of its input.
#[must_use]
pub fn given(session: &Session) -> (Given, Option<GivenBy>) {
    let (args, stdin) = (&session.settings.args, &session.settings.stdin);
    let mut given =
        session.planning.plan.as_ref().map(|plan| given::read(&plan.text)).unwrap_or_default();
    // Each for itself: who gives arguments may leave the input to the plan.
    if !args.is_empty() {
        given.args.clone_from(args);
    }
    if !stdin.is_empty() {
        given.stdin.clone_from(stdin);
    }
    let of_plan = (args.is_empty() && !given.args.is_empty())
        || (stdin.is_empty() && !given.stdin.is_empty());
    let by = match (!args.is_empty() || !stdin.is_empty(), of_plan) {
        (true, true) => Some(GivenBy::Both),
        (true, false) => Some(GivenBy::Manager),
        (false, true) => Some(GivenBy::Plan),
        (false, false) => None,
    };
    (given, by)
}
