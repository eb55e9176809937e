//! The Model Context Protocol over standard input and output: redraft as tools and resources for other
//! programs and their models.
//!
//! This module speaks the protocol and nothing else: which tools there are, what they take and give, how
//! a gate is put to a person or to a model, what a client may say there. What a tool does is the
//! command's (`commands/mcp.rs`), which is handed each call with a [`Wire`] and runs on a thread of its
//! own: sessions can't be moved between threads. All state is on disk in the session, so that a client
//! may start a new process for each call.

pub mod gate;
pub mod http;
pub mod manager;
mod news;
pub mod resources;
pub mod server;
pub mod tools;

use gate::Form;
use manager::Asked;
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// What a call is connected to while it is worked on.
pub struct Wire {
    /// Ends the work: the client cancelled the call, or is gone.
    pub cancel: CancellationToken,
    /// Where it is told what happens, in words; nowhere if the client did not ask for progress.
    pub news: Option<mpsc::UnboundedSender<String>>,
    /// Who asks the person behind the client at gates; nobody if the client can't do that.
    pub person: Option<mpsc::Sender<Asked>>,
    /// A person gave the answer that the call brings, or the user lets the client answer as one.
    pub is_person: bool,
}

/// What a call came to.
#[derive(Debug)]
pub struct Reply {
    /// The tool's result, as its schema says.
    pub value: Map<String, Value>,
    /// The tool failed.
    pub failed: bool,
    /// The gate that waits, for clients that can put it to a person.
    pub waits: Option<Waiting>,
}

/// A session that waits at a gate.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// Its name.
    pub session: String,
    /// The gate's question and answers.
    pub form: Form,
}

impl Reply {
    /// A result that did what was wanted.
    #[must_use]
    pub fn done(value: Map<String, Value>) -> Self {
        Self { value, failed: false, waits: None }
    }

    /// A failure in words.
    #[must_use]
    pub fn failed(why: &str) -> Self {
        let value = [("error".to_owned(), json!(why))].into_iter().collect();
        Self { value, failed: true, waits: None }
    }
}

/// Does what a call says. It may block: it has a thread of its own.
pub type Perform = dyn Fn(tools::Call, Wire) -> Reply + Send + Sync;
