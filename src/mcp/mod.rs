//! The Model Context Protocol over standard input and output: offers redraft as tools and resources
//! to other programs and their models.
//!
//! This module only implements the protocol: which tools exist, their input and output, how a gate
//! is presented to a user or a model, and which answers a client may give. The tools' work is done
//! by the command (`commands/mcp.rs`), which gets each call with a [`Wire`] and runs on a thread of
//! its own, because sessions can't be moved between threads. All state is on disk in the session,
//! so a client may start a new process for each call.

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

/// The connections of a call while it is worked on.
pub struct Wire {
    /// Cancelled when the client cancels the call or disconnects.
    pub cancel: CancellationToken,
    /// Receives progress messages; `None` if the client did not ask for progress.
    pub news: Option<mpsc::UnboundedSender<String>>,
    /// Asks the user behind the client at gates; `None` if the client can't do that.
    pub person: Option<mpsc::Sender<Asked>>,
    /// The answer in the call counts as the user's: a user gave it, or the client is trusted.
    pub is_person: bool,
}

/// Result of a call.
#[derive(Debug)]
pub struct Reply {
    /// The tool's output, matching its schema.
    pub value: Map<String, Value>,
    /// The tool failed.
    pub failed: bool,
    /// The open gate, for clients that can present it to a user.
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
    /// A successful result.
    #[must_use]
    pub fn done(value: Map<String, Value>) -> Self {
        Self { value, failed: false, waits: None }
    }

    /// A failed result with an error message.
    #[must_use]
    pub fn failed(why: &str) -> Self {
        let value = [("error".to_owned(), json!(why))].into_iter().collect();
        Self { value, failed: true, waits: None }
    }
}

/// Performs a call. May block, since it runs on a thread of its own.
pub type Perform = dyn Fn(tools::Call, Wire) -> Reply + Send + Sync;
