//! The model seam: a request goes in, pieces of text come out, and an outcome ends them.
//!
//! `provider` turns the configuration into a [`Model`], `call` asks one with retries, a limit on
//! silence and cancelling. Everything else is one file a wire format. Nothing here knows of agents'
//! templates or of sessions.

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

/// A piece of an answer as it arrives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chunk {
    /// A piece of the answer itself.
    Text(String),
    /// A piece of what the model thinks before it answers, where the provider tells them apart.
    Reasoning(String),
    /// A tool that it calls.
    Call(ToolCall),
    /// What whoever waits should know of the answer, in words.
    Note(String),
    /// What the model does before its first words.
    Phase(Phase),
}

/// What a model does before its first words, where that can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// It is brought into memory.
    Loading,
    /// It reads the prompt.
    Reading {
        /// Tokens that are read, those that it still knew included.
        read: u64,
        /// Tokens of the whole prompt.
        of: u64,
    },
}

/// How an answer ended, said by the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finish {
    /// Whole, cut or refused.
    pub outcome: Outcome,
    /// The tokens used, where the provider counted them.
    pub usage: Option<Usage>,
}

/// Something that answers requests. One try only: retries and limits belong to [`call::call`].
pub trait Model: Send + Sync {
    /// Asks once and sends the answer's pieces as they arrive. Dropping the future stops the
    /// request and whatever process works on it.
    fn answer<'a>(
        &'a self,
        request: &'a Request,
        chunks: mpsc::Sender<Chunk>,
    ) -> BoxFuture<'a, Result<Finish, Fault>>;

    /// Waits until it may be asked, where its provider takes only so many requests. Whoever asks holds
    /// what is given until the answer is there.
    fn turn(&self) -> BoxFuture<'_, Turn> {
        Box::pin(std::future::ready(None))
    }

    /// Whether it can be told of tools. One that can't leaves a request's tools out.
    fn takes_tools(&self) -> bool {
        false
    }

    /// Whether it can be told of a schema. One that can't leaves a request's schema out. Whether its answers
    /// are held to it is another question.
    fn takes_schema(&self) -> bool {
        false
    }

    /// Whether its server has refused a request because of its schema.
    fn refused_schema(&self) -> bool {
        false
    }

    /// Whether it can hold answers of this agent to the form of their request, as a pattern. One that
    /// can't leaves a request's form out.
    fn takes_form(&self, _agent: Agent) -> bool {
        false
    }

    /// Whether it goes on from what the last message says, where that is the model's own. One that
    /// does not is never sent such a message.
    fn takes_prefill(&self) -> bool {
        false
    }
}
