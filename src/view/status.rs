//! The status of a session, in a few words.

use crate::domain::session::Session;
use crate::domain::text::one_line;
use crate::findings::evidence;
use crate::workflow::machine::{self, Step};

/// The status with the reason of a pause: `accepted v3 (ran)`, `at the version gate: stuck`, ...
#[must_use]
pub fn words(session: &Session) -> String {
    let step = machine::next_step(session);
    let brief = without_reason(session, &step);
    match &session.paused {
        Some(reason) if matches!(step, Step::Ask(_) | Step::Call { .. }) => {
            format!("{brief}: {}", one_line(reason, 80))
        }
        _ => brief,
    }
}

/// The status without the reason of a pause.
#[must_use]
pub fn brief(session: &Session) -> String {
    without_reason(session, &machine::next_step(session))
}

fn without_reason(session: &Session, step: &Step) -> String {
    match step {
        Step::Done(version) => format!("accepted v{version}{}", seen(session)),
        Step::Ask(gate) => format!("at the {} gate", gate.name()),
        Step::Call { agent, .. } if session.paused.is_some() => {
            format!("paused, the {} is next", agent.name())
        }
        Step::Call { agent, .. } => format!("the {} is next", agent.name()),
        Step::Read { .. } | Step::Take => "an answer is to be read".to_owned(),
        Step::Check(version)
        | Step::ResolvePackages(version)
        | Step::Run(version)
        | Step::NotRun(version, ..) => {
            format!("v{version} is to be checked and run")
        }
        Step::NextQuestion if is_answered(session) => "answered".to_owned(),
        Step::NextQuestion => "ended without an answer".to_owned(),
        Step::Test(version) => format!("v{version} is to be tested"),
        Step::TrySamples | Step::Choose => "candidates are to be run".to_owned(),
        Step::GoBack(version) => format!("it goes on from v{version}"),
    }
}

/// The evidence for the accepted version, formatted to follow its number.
#[must_use]
pub fn seen(session: &Session) -> String {
    let Some(accepted) = session.accepted else { return String::new() };
    match session.version(accepted.version) {
        _ if accepted.without_run => ", without a run".to_owned(),
        Some(version) => format!(" ({})", evidence::level_in_words(version)),
        None => String::new(),
    }
}

/// The status as one word, for programs.
#[must_use]
pub fn word(session: &Session) -> &'static str {
    match machine::next_step(session) {
        Step::Done(_) => "accepted",
        Step::NextQuestion if is_answered(session) => "answered",
        Step::NextQuestion => "unanswered",
        Step::Ask(_) => "waiting",
        _ => "paused",
    }
}

/// Whether the last question has an answer.
fn is_answered(session: &Session) -> bool {
    let last = session.dialogue.as_ref().and_then(|dialogue| dialogue.questions.last());
    last.and_then(|question| question.end.as_ref()).is_some_and(|end| end.answer.is_some())
}

/// The kind of session as one word, for programs.
#[must_use]
pub const fn kind(session: &Session) -> &'static str {
    if session.dialogue.is_some() { "ask" } else { "script" }
}
