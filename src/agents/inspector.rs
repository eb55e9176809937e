//! The Inspector: the Reviewer before the first run of a version. Covers logic, safety, good
//! practice and error handling.

use super::ask;
use super::reviewer::{self, Open};
use crate::domain::chat::{Agent, Request};
use crate::prompts::{PromptError, Prompts};
use serde::Serialize;

pub use super::reviewer::parse;

/// The input of the prompt.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Shown<'a> {
    /// The approved plan, or the request.
    pub plan: &'a str,
    /// The data files: each name with a description of the content.
    pub data: &'a [String],
    /// The arguments and the input that the script is run with, as text.
    pub run_as: Option<&'a str>,
    /// The script.
    pub script: &'a str,
    /// What it accesses outside its folder, as text.
    pub asks: Option<&'a str>,
    /// The results of the static checks, as text.
    pub checks: Option<&'a str>,
    /// Open findings, to be confirmed.
    pub open: &'a [Open<'a>],
    /// The version's number.
    pub version: u32,
    /// Why the previous answer was refused.
    pub refusal: Option<&'a str>,
    /// The model is constrained to JSON.
    pub structured: bool,
}

/// Builds the request.
pub fn request(prompts: &Prompts, shown: &Shown<'_>) -> Result<Request, PromptError> {
    let (plan, script) = (shown.plan.trim_end(), shown.script.trim_end());
    let schema = shown.structured.then(|| reviewer::schema(&[]));
    let request = ask(prompts, Agent::Inspector, Shown { plan, script, ..*shown })?;
    let form = (!shown.structured).then(|| reviewer::pattern(&[]));
    Ok(Request { schema, form, ..request })
}
