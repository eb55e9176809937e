//! One file an agent: `request` (what it is shown) and `parse` (what it answered). All pure.
//!
//! Agents never call models, and know nothing of sessions: whatever a model wrote comes in as text
//! and goes out as plain values, or as a [`Refusal`] whose reason is written for the model.

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

/// Why an answer can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalKind {
    /// There is no script in it.
    NoCode,
    /// Its script does not parse.
    Syntax,
    /// Its script leaves code out ("rest unchanged").
    Placeholder,
    /// It met its limit of length before it was done.
    CutOff,
    /// Nothing was answered.
    Empty,
    /// An edit in it fits no place of the script, or several.
    Edit,
    /// It holds no plan, or no review.
    Unusable,
}

/// An answer that can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Refusal {
    /// What is wrong with it.
    pub kind: RefusalKind,
    /// The same in sentences that the model can act on when it is asked again.
    pub reason: String,
}

impl Refusal {
    fn new(kind: RefusalKind, reason: impl Into<String>) -> Self {
        Self { kind, reason: reason.into() }
    }
}

/// An agent's request: its template, filled with what it is shown.
fn ask(prompts: &Prompts, agent: Agent, shown: impl Serialize) -> Result<Request, PromptError> {
    let (messages, defaults) = prompts.render(agent, shown)?;
    let request = Request::new(agent, messages, defaults.max_tokens);
    Ok(Request { temperature: defaults.temperature, ..request })
}
