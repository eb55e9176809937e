//! The Repair agent: fixes the Coder's script after a failed check or run.

use super::ask;
use crate::domain::chat::{Agent, Request};
use crate::prompts::{PromptError, Prompts};
use serde::Serialize;

pub use super::extract::script as parse;

/// The input of the prompt.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Shown<'a> {
    /// The approved plan.
    pub plan: &'a str,
    /// The data files: each name with a description of the content.
    pub data: &'a [String],
    /// The arguments and the input that the script is run with, as text.
    pub run_as: Option<&'a str>,
    /// The user's request, if it differs from the plan.
    pub request: Option<&'a str>,
    /// The script that failed.
    pub script: &'a str,
    /// The error, with the lines that caused it and what the program knows about the cause.
    pub problem: &'a str,
    /// The user's unsettled feedback on earlier versions.
    pub wishes: &'a [&'a str],
    /// How earlier tries failed, oldest first.
    pub tries: Option<&'a str>,
    /// Number of tries left, including this one, if the prompt states it.
    pub left: Option<u32>,
    /// Why the previous answer was refused.
    pub refusal: Option<&'a str>,
    /// Ask for edits to the script instead of a whole script.
    pub edits: bool,
}

/// Builds the request.
pub fn request(prompts: &Prompts, shown: &Shown<'_>) -> Result<Request, PromptError> {
    let (plan, script) = (shown.plan.trim_end(), shown.script.trim_end());
    ask(prompts, Agent::Repair, Shown { plan, script, ..*shown })
}
