//! Language models behind one trait: a request goes in, chunks of text come out, and an outcome
//! ends them.
//!
//! `provider` turns the configuration into a [`Model`]; `call` runs a request with retries, a
//! silence limit and cancellation. Each wire format is one file. Nothing here knows the agents'
//! templates or sessions. `examples/answer.rs` is a whole program that asks the model in a file.

mod anthropic;
pub mod call;
mod command;
mod completion;
pub mod config;
pub mod discover;
#[cfg(feature = "embedded")]
mod embedded;
mod env;
mod events;
mod fault;
#[cfg(feature = "fuzz")]
pub mod fuzz;
mod gemini;
mod http;
pub mod keyring;
mod lenient;
pub mod library;
mod nearest;
mod ollama;
mod openai;
mod pace;
mod parts;
pub mod profiles;
pub mod provider;
mod proxy;
mod reasons;
mod redact;
mod refusal;
mod repetition;
mod responses;
mod script;
mod secret;
pub mod server_info;
mod stops;
mod template;
mod wire;

pub use fault::Fault;
pub use pace::Turn;
pub use script::{Recorded, ScriptModel, Used};

use futures_util::future::BoxFuture;
use redraft_domain::chat::{Agent, Outcome, Request, ToolCall, Usage};
use tokio::sync::mpsc;

/// A chunk of an answer as it arrives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chunk {
    /// Text of the answer.
    Text(String),
    /// Reasoning before the answer, if the provider returns it separately.
    Reasoning(String),
    /// A tool call.
    Call(ToolCall),
    /// A note on the answer, for the user.
    Note(String),
    /// Progress before the first text.
    Phase(Phase),
}

/// Progress of a model before its first text, if it is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The model is being loaded into memory.
    Loading,
    /// The model is reading the prompt.
    Reading {
        /// Tokens processed so far, including cached ones.
        read: u64,
        /// Tokens of the whole prompt.
        of: u64,
    },
}

/// How an answer ended, as reported by the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finish {
    /// Complete, cut off or refused.
    pub outcome: Outcome,
    /// Token counts, if the provider reports them.
    pub usage: Option<Usage>,
}

/// A model that answers requests. It makes a single attempt: retries and limits belong to
/// [`call::call`].
pub trait Model: Send + Sync {
    /// Sends one request and forwards the answer's chunks as they arrive. Dropping the future
    /// cancels the request and stops any process that works on it.
    fn answer<'a>(
        &'a self,
        request: &'a Request,
        chunks: mpsc::Sender<Chunk>,
    ) -> BoxFuture<'a, Result<Finish, Fault>>;

    /// Waits for the rate limit of the provider. The caller holds the returned guard until the
    /// answer is complete.
    fn turn(&self) -> BoxFuture<'_, Turn> {
        Box::pin(std::future::ready(None))
    }

    /// Whether it supports tools. If not, it ignores a request's tools.
    fn takes_tools(&self) -> bool {
        false
    }

    /// Whether it accepts a schema. If not, it ignores a request's schema. Accepting one does not
    /// mean that its answers are constrained by it.
    fn takes_schema(&self) -> bool {
        false
    }

    /// Whether its server has rejected a request because of its schema.
    fn refused_schema(&self) -> bool {
        false
    }

    /// Whether it can constrain answers of this agent to the form of their request, as a pattern.
    /// If not, it ignores a request's form.
    fn takes_form(&self, _agent: Agent) -> bool {
        false
    }

    /// Whether it can continue from a prefill, a last message by the assistant. If not, it is never
    /// sent such a message.
    fn takes_prefill(&self) -> bool {
        false
    }
}
