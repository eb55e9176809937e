//! The status of requirements over the versions.

use crate::domain::review::Status;
use crate::domain::session;
use crate::findings::evidence::{self, Source};
use serde::Serialize;

/// A requirement of the approved plan, and its status in each version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Requirement {
    /// `R1`, `R2`, ...
    pub id: String,
    /// Its text.
    pub text: String,
    /// The versions since the requirement was last changed, oldest first.
    pub versions: Vec<Cell>,
}

/// The status of a requirement in a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Cell {
    /// The version.
    pub version: u32,
    /// The status; `None` if there is no evidence.
    pub status: Option<Status>,
    /// The source of the status, which is the strongest evidence.
    pub by: Option<Source>,
}

impl Requirement {
    /// The status in a version; `None` if the version is older than the requirement.
    #[must_use]
    pub fn cell(&self, version: u32) -> Option<Cell> {
        let first = self.versions.first()?.version;
        self.versions.get(usize::try_from(version.checked_sub(first)?).ok()?).copied()
    }
}

/// The status of each requirement of the approved plan over the versions; empty without a plan.
#[must_use]
pub fn matrix(session: &session::Session) -> Vec<Requirement> {
    let rows = evidence::matrix(session).into_iter();
    rows.map(|row| Requirement {
        id: row.requirement.id.clone(),
        text: row.requirement.text.clone(),
        versions: row
            .versions
            .into_iter()
            .map(|(version, held)| Cell {
                version,
                status: held.map(|held| held.status),
                by: held.map(|held| held.by),
            })
            .collect(),
    })
    .collect()
}
