//! Requirements by versions.

use crate::domain::review::Status;
use crate::domain::session;
use crate::findings::evidence::{self, Source};
use serde::Serialize;

/// A requirement of the approved plan, and how far each version fulfils it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Requirement {
    /// `R1`, `R2`, ...
    pub id: String,
    /// What it asks.
    pub text: String,
    /// The versions since the requirement has stood as it is, oldest first.
    pub versions: Vec<Cell>,
}

/// What is known of one requirement in one version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Cell {
    /// The version.
    pub version: u32,
    /// How far it is fulfilled; none if nobody judged it.
    pub status: Option<Status>,
    /// Who says so, by the strongest evidence.
    pub by: Option<Source>,
}

impl Requirement {
    /// What is known of it in a version; none if the version is older than the requirement.
    #[must_use]
    pub fn cell(&self, version: u32) -> Option<Cell> {
        let first = self.versions.first()?.version;
        self.versions.get(usize::try_from(version.checked_sub(first)?).ok()?).copied()
    }
}

/// The requirements of the approved plan through all versions; empty without a plan.
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
