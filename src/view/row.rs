//! A session as a line of a list.

use super::status;
use crate::domain::report::Evidence;
use crate::domain::session::Session;
use crate::store::catalog::Listed;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::cmp::Reverse;

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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRow {
    /// Its name.
    pub name: String,
    /// `script`, or `ask` for a session that answers questions.
    pub kind: Cow<'static, str>,
    /// The task, as given.
    pub request: String,
    /// Where it stands, as one word.
    pub status: Cow<'static, str>,
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

impl SessionRow {
    /// The line of a session.
    #[must_use]
    pub fn of(session: &Session) -> Self {
        Self {
            name: session.name.clone(),
            kind: status::kind(session).into(),
            request: session.request.clone(),
            status: status::word(session).into(),
            state: status::words(session),
            brief: status::brief(session),
            versions: session.versions.len(),
            accepted: session.accepted.map(|a| a.version),
            evidence: session.accepted.and_then(|a| a.evidence),
            tokens: session.calls.usage.total(),
            created: session.created.clone(),
            updated: session.updated.clone(),
        }
    }
}

impl Row {
    /// The lines of a list, the session last worked on first: by its journal's last event, and within a
    /// second by the disk. Damaged ones come last.
    #[must_use]
    pub fn newest_first(mut listed: Vec<Listed<SessionRow>>) -> Vec<Self> {
        let updated = |listed: &Listed<SessionRow>| {
            listed.row.as_ref().map_or_else(|_| String::new(), |row| row.updated.clone())
        };
        listed.sort_by_cached_key(|listed| Reverse((updated(listed), listed.changed)));
        let row = |listed: Listed<SessionRow>| match listed.row {
            Ok(row) => Self::Session(Box::new(row)),
            Err(error) => {
                Self::Damaged { name: listed.name, status: "damaged", error: error.to_string() }
            }
        };
        listed.into_iter().map(row).collect()
    }

    /// The session's name, which is its folder's.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Session(row) => &row.name,
            Self::Damaged { name, .. } => name,
        }
    }
}
