//! A session as a line of a list.

use super::status;
use crate::domain::report::Evidence;
use crate::domain::session;
use serde::Serialize;

/// One line of a list of sessions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Row {
    /// A session that can be read.
    Session(Box<SessionRow>),
    /// A session whose journal can't be read.
    Damaged {
        /// Its name.
        name: String,
        /// `damaged`.
        status: &'static str,
        /// What is wrong with it.
        error: String,
    },
}

/// What a list says of a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SessionRow {
    /// Its name.
    pub name: String,
    /// `script`, or `ask` for a session that answers questions.
    pub kind: &'static str,
    /// The task, as given.
    pub request: String,
    /// Where it stands, as one word.
    pub status: &'static str,
    /// Where it stands, in words.
    pub state: String,
    /// The same without the reason why it waits.
    pub brief: String,
    /// How many versions it has.
    pub versions: usize,
    /// The accepted version.
    pub accepted: Option<u32>,
    /// How much was seen of the accepted version.
    pub evidence: Option<Evidence>,
    /// Tokens of all calls.
    pub tokens: u64,
    /// When it was made.
    pub created: String,
    /// When its last event happened.
    pub updated: String,
}

impl Row {
    /// The line of a session.
    #[must_use]
    pub fn of(session: &session::Session) -> Self {
        Self::Session(Box::new(SessionRow {
            name: session.name.clone(),
            kind: status::kind(session),
            request: session.request.clone(),
            status: status::word(session),
            state: status::words(session),
            brief: status::brief(session),
            versions: session.versions.len(),
            accepted: session.accepted.map(|a| a.version),
            evidence: session.accepted.and_then(|a| a.evidence),
            tokens: session.calls.usage.total(),
            created: session.created.clone(),
            updated: session.updated.clone(),
        }))
    }

    /// The line of a session that can't be read.
    #[must_use]
    pub const fn damaged(name: String, error: String) -> Self {
        Self::Damaged { name, status: "damaged", error }
    }
}
