//! The repair: the Coder's script once more, after a check or a run failed.

use super::ask;
use crate::domain::chat::{Agent, Request};
use crate::prompts::{PromptError, Prompts};
use serde::Serialize;

pub use super::extract::script as parse;

/// What the Coder is shown of a script that failed.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Shown<'a> {
    /// The approved plan.
    pub plan: &'a str,
    /// The data files: the name of each, with what is in it.
    pub data: &'a [String],
    /// The arguments and the input that the script is run with, in words.
    pub run_as: Option<&'a str>,
    /// What the user asked for, where the plan is another text.
    pub request: Option<&'a str>,
    /// The script that failed.
    pub script: &'a str,
    /// The error, with the lines that it came from and what the program knows of its cause.
    pub problem: &'a str,
    /// What the user said of versions before, and has not settled.
    pub wishes: &'a [&'a str],
    /// How earlier tries failed, oldest first.
    pub tries: Option<&'a str>,
    /// How many tries are left, this one included, where that is told.
    pub left: Option<u32>,
    /// Why the answer before was refused.
    pub refusal: Option<&'a str>,
    /// Edits of the script are asked for instead of the whole of it.
    pub edits: bool,
}

/// What is asked of the Coder.
pub fn request(prompts: &Prompts, shown: &Shown<'_>) -> Result<Request, PromptError> {
    let (plan, script) = (shown.plan.trim_end(), shown.script.trim_end());
    ask(prompts, Agent::Repair, Shown { plan, script, ..*shown })
}
