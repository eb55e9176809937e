//! The Coder: writes the script.

use super::ask;
use crate::domain::chat::{Agent, Request};
use crate::domain::review::Finding;
use crate::prompts::{PromptError, Prompts};
use serde::Serialize;

pub use super::extract::script as parse;

/// Maximum number of findings in the prompt: a weak model cannot follow more.
const MAX_FINDINGS: usize = 12;

/// The input of the prompt.
#[derive(Clone, Copy, Debug, Default)]
pub struct Shown<'a> {
    /// The approved plan.
    pub plan: &'a str,
    /// The data files: each name with a description of the content.
    pub data: &'a [String],
    /// The arguments and the input that the script is run with, as text.
    pub run_as: Option<&'a str>,
    /// The names of the script that the tests use, as one line.
    pub interface: Option<&'a str>,
    /// The user's request, if it differs from the plan.
    pub request: Option<&'a str>,
    /// The plan is an unfinished function of the user, and the answer starts with it.
    pub completes: bool,
    /// The latest script; `None` for the first version.
    pub script: Option<&'a str>,
    /// Open findings, most important first; only the first twelve are used.
    pub findings: &'a [Finding],
    /// The user's feedback on the version.
    pub feedback: Option<&'a str>,
    /// The user's unsettled feedback on earlier versions.
    pub wishes: &'a [&'a str],
    /// The last run, as text.
    pub run: Option<&'a str>,
    /// How a script failed that is not shown: the Coder is to write another one.
    pub failed: Option<&'a str>,
    /// Why the previous answer was refused.
    pub refusal: Option<&'a str>,
    /// Ask for edits to the script instead of a whole script, if there is one.
    pub edits: bool,
}

/// The variables of the template.
#[derive(Serialize)]
struct Context<'a> {
    plan: &'a str,
    data: &'a [String],
    run_as: Option<&'a str>,
    interface: Option<&'a str>,
    request: Option<&'a str>,
    completes: bool,
    script: Option<&'a str>,
    findings: Vec<Point<'a>>,
    feedback: Option<&'a str>,
    wishes: &'a [&'a str],
    run: Option<&'a str>,
    failed: Option<&'a str>,
    refusal: Option<&'a str>,
    edits: bool,
}

#[derive(Serialize)]
struct Point<'a> {
    id: &'a str,
    severity: &'static str,
    requirement: Option<&'a str>,
    quote: Option<&'a str>,
    text: &'a str,
}

impl<'a> From<&'a Finding> for Point<'a> {
    fn from(finding: &'a Finding) -> Self {
        Self {
            id: &finding.id,
            severity: finding.severity.name(),
            requirement: finding.requirement.as_deref(),
            quote: finding.quote.as_deref(),
            text: &finding.text,
        }
    }
}

/// Builds the request.
pub fn request(prompts: &Prompts, shown: &Shown<'_>) -> Result<Request, PromptError> {
    let context = Context {
        plan: shown.plan.trim_end(),
        data: shown.data,
        run_as: shown.run_as,
        interface: shown.interface,
        request: shown.request,
        completes: shown.completes,
        script: shown.script.map(str::trim_end),
        findings: shown.findings.iter().take(MAX_FINDINGS).map(Point::from).collect(),
        feedback: shown.feedback,
        wishes: shown.wishes,
        run: shown.run,
        failed: shown.failed,
        refusal: shown.refusal,
        edits: shown.edits,
    };
    ask(prompts, Agent::Coder, context)
}
