//! One file per agent, with `request` (builds the prompt) and `parse` (reads the answer). All pure.
//!
//! Agents do not call models, and know nothing of sessions: a model's answer comes in as text, and
//! is returned as plain values, or as a [`Refusal`] whose reason is written for the model.

pub mod analysis;
pub mod begin;
mod calls;
pub mod coder;
pub mod dependencies;
pub mod edits;
pub mod engineer;
pub mod extract;
mod fences;
pub mod given;
pub mod inspector;
pub mod interpretation;
mod lists;
mod marks;
pub mod planner;
pub mod repair;
pub mod reviewer;
pub mod safety;
mod text;
mod thoughts;
pub mod tries;
mod turn_marks;
mod turns;

pub use text::without_echo;
pub use thoughts::thoughts;
pub use turns::own_words;

use crate::domain::chat::{Agent, Request};
use crate::prompts::{PromptError, Prompts};
use serde::Serialize;

/// Why an answer is unusable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalKind {
    /// It contains no script.
    NoCode,
    /// Its script does not parse.
    Syntax,
    /// Its script leaves code out ("rest unchanged").
    Placeholder,
    /// It reached its length limit.
    CutOff,
    /// It is empty.
    Empty,
    /// An edit in it fits no place of the script, or several.
    Edit,
    /// It contains no plan or no review.
    Unusable,
}

/// An unusable answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Refusal {
    /// The kind of problem.
    pub kind: RefusalKind,
    /// The reason, in sentences that the model can act on when it is asked again.
    pub reason: String,
}

impl Refusal {
    fn new(kind: RefusalKind, reason: impl Into<String>) -> Self {
        Self { kind, reason: reason.into() }
    }
}

/// Builds an agent's request from its template and the prompt's input.
fn ask(prompts: &Prompts, agent: Agent, shown: impl Serialize) -> Result<Request, PromptError> {
    let (messages, defaults) = prompts.render(agent, shown)?;
    let request = Request::new(agent, messages, defaults.max_tokens);
    Ok(Request { temperature: defaults.temperature, ..request })
}
