//! A session as a row of a list.

use super::status;
use crate::domain::report::Evidence;
use crate::domain::session::Session;
use crate::store::catalog::Listed;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::cmp::Reverse;

/// A row of a list of sessions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Row {
    /// A session that can be read.
    Session(Box<SessionRow>),
    /// A session whose journal cannot be read.
    Damaged {
        /// Its name.
        name: String,
        /// `damaged`.
        status: &'static str,
        /// The error.
        error: String,
    },
}

/// The fields of a session in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRow {
    /// Its name.
    pub name: String,
    /// `script`, or `ask` for a session that answers questions.
    pub kind: Cow<'static, str>,
    /// The task, as the user wrote it.
    pub request: String,
    /// The status as one word.
    pub status: Cow<'static, str>,
    /// The status as text.
    pub state: String,
    /// The status as text, without the reason of a pause.
    pub brief: String,
    /// Number of versions.
    pub versions: usize,
    /// The accepted version.
    pub accepted: Option<u32>,
    /// The evidence for the accepted version.
    pub evidence: Option<Evidence>,
    /// Tokens of all calls.
    pub tokens: u64,
    /// When it was created.
    pub created: String,
    /// When its last event was recorded.
    pub updated: String,
}

impl SessionRow {
    /// The row of a session.
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
    /// The rows of a list, the most recently used session first: by the last event in the journal,
    /// and within a second by the file system. Damaged ones come last.
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

    /// The session's name, which is that of its folder.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Session(row) => &row.name,
            Self::Damaged { name, .. } => name,
        }
    }
}
