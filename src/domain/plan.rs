//! The plan: numbered requirements.

use serde::{Deserialize, Serialize};

/// One numbered requirement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requirement {
    /// `R1`, `R2`, ...
    pub id: String,
    /// What it asks, on one line.
    pub text: String,
}

/// What a plan's text says, taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The whole text, Markdown, as in `plan.md`.
    pub text: String,
    /// Its requirements in order.
    pub requirements: Vec<Requirement>,
}
