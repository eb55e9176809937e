//! The Reviewer before the first run of a version: logic, safety, practice, handling of errors.

use super::ask;
use super::reviewer::{self, Open};
use crate::domain::chat::{Agent, Request};
use crate::prompts::{PromptError, Prompts};
use serde::Serialize;

pub use super::reviewer::parse;

/// What it is shown.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Shown<'a> {
    /// The approved plan, or the request.
    pub plan: &'a str,
    /// The data files: the name of each, with what is in it.
    pub data: &'a [String],
    /// The arguments and the input that the script is run with, in words.
    pub run_as: Option<&'a str>,
    /// The script.
    pub script: &'a str,
    /// What it asks for outside its folder, in words.
    pub asks: Option<&'a str>,
    /// What the static checks found, in words.
    pub checks: Option<&'a str>,
    /// Findings that are still open, to be confirmed.
    pub open: &'a [Open<'a>],
    /// The version's number.
    pub version: u32,
    /// Why the answer before was refused.
    pub refusal: Option<&'a str>,
    /// The model is held to a form that is JSON.
    pub structured: bool,
}

/// What is asked of it.
pub fn request(prompts: &Prompts, shown: &Shown<'_>) -> Result<Request, PromptError> {
    let (plan, script) = (shown.plan.trim_end(), shown.script.trim_end());
    let schema = shown.structured.then(|| reviewer::schema(&[]));
    let request = ask(prompts, Agent::Inspector, Shown { plan, script, ..*shown })?;
    let form = (!shown.structured).then(|| reviewer::pattern(&[]));
    Ok(Request { schema, form, ..request })
}
