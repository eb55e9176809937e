//! The plan: numbered requirements.

use super::section;
use serde::{Deserialize, Serialize};

/// Under this a plan says what its script can be tried with.
pub const TRY_IT_WITH: &str = "## Try it with";

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

impl Plan {
    /// Whether it says what the script can be tried with.
    #[must_use]
    pub fn says_what_to_try(&self) -> bool {
        section::lines(&self.text, TRY_IT_WITH).any(|(_, inside)| inside)
    }
}
