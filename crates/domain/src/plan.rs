//! The plan: numbered requirements.

use super::section;
use serde::{Deserialize, Serialize};

/// Heading of the inputs that a plan's script can be tried with.
pub const TRY_IT_WITH: &str = "## Try it with";

/// One numbered requirement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requirement {
    /// `R1`, `R2`, ...
    pub id: String,
    /// The requirement, on one line.
    pub text: String,
}

/// A parsed plan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The whole text in Markdown, as in `plan.md`.
    pub text: String,
    /// Its requirements in order.
    pub requirements: Vec<Requirement>,
}

impl Plan {
    /// Whether it has inputs to try the script with.
    #[must_use]
    pub fn says_what_to_try(&self) -> bool {
        section::lines(&self.text, TRY_IT_WITH).any(|(_, inside)| inside)
    }
}
