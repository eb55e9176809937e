//! The Coder: the whole script in one answer.

use super::ask;
use crate::domain::chat::{Agent, Request};
use crate::domain::review::Finding;
use crate::prompts::{PromptError, Prompts};
use serde::Serialize;

pub use super::extract::script as parse;

/// At most this many findings are shown: a weak model can't follow more.
const MAX_FINDINGS: usize = 12;

/// What the Coder is shown.
#[derive(Clone, Copy, Debug, Default)]
pub struct Shown<'a> {
    /// The approved plan.
    pub plan: &'a str,
    /// The data files: the name of each, with what is in it.
    pub data: &'a [String],
    /// The arguments and the input that the script is run with, in words.
    pub run_as: Option<&'a str>,
    /// The names that tests use of the script, as one line.
    pub interface: Option<&'a str>,
    /// What the user asked for, where the plan is another text.
    pub request: Option<&'a str>,
    /// The plan is a function of the user's that breaks off, and the answer is begun with it.
    pub completes: bool,
    /// The latest script; `None` for the first version.
    pub script: Option<&'a str>,
    /// Open findings, most important first; only the first twelve are shown.
    pub findings: &'a [Finding],
    /// What the user said of the version.
    pub feedback: Option<&'a str>,
    /// What the user said of versions before, and has not settled.
    pub wishes: &'a [&'a str],
    /// The last run, in words.
    pub run: Option<&'a str>,
    /// How a script that is not shown failed: another one is wanted.
    pub failed: Option<&'a str>,
    /// Why the answer before was refused.
    pub refusal: Option<&'a str>,
    /// Edits of the script are asked for instead of the whole of it, where there is one.
    pub edits: bool,
}

/// The names that the template uses.
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

/// What is asked of the Coder.
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
