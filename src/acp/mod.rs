//! The Agent Client Protocol, version 1, over standard input and output: redraft as an agent of an editor.
//!
//! This module speaks the protocol and nothing else: which requests there are, what a client is shown of a
//! session, how a gate is put to the person behind it. Making a session and working on it is the command's
//! (`commands/acp.rs`), which is handed in as [`Actions`]. A client's session has the name of a session's
//! folder, and all state is on disk.
//!
//! The messages are written by hand: a dozen shapes. The protocol's own crates bring two macro libraries and
//! have `serde_json` keep the order of keys in the whole program.

mod agent;
mod gate;
mod rpc;
mod turn;
mod updates;

pub use agent::{Actions, Request, serve};
