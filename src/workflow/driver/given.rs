//! What a version is run with: what the Manager gave, else what the approved plan says. And what the
//! models are told of the files of data.

use crate::agents::given::{self, Given};
use crate::domain::report::GivenBy;
use crate::domain::session::Session;
use crate::domain::text::visible;

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

/// The files of data for a prompt: the name of each, with what is in it. All of that together takes at
/// most so many characters, each file its part.
pub(super) fn data(session: &Session, room: usize) -> Vec<String> {
    let each = room / session.data.len().max(1);
    let told = session.data.iter().map(|file| {
        let Some(described) = &file.described else { return file.name.clone() };
        let end = if described.text.is_empty() { "" } else { ". " };
        let all = visible(&format!("{}{end}{}", described.summary, described.text));
        match all.char_indices().nth(each) {
            Some((0, _)) => file.name.clone(),
            Some((at, _)) => format!("{}: {}…", file.name, &all[..at]),
            None => format!("{}: {all}", file.name),
        }
    });
    told.collect()
}
