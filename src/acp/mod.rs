//! The Agent Client Protocol, version 1, over standard input and output: redraft as an agent of an
//! editor.
//!
//! This module only implements the protocol: which requests exist, what a client is shown of a
//! session, and how a gate is presented to the user behind it. Creating sessions and working on
//! them is done by the command (`commands/acp.rs`), through [`Actions`]. A client's session id is
//! the name of a session's folder, and all state is on disk.
//!
//! The message types are written by hand: there are about a dozen. The protocol's own crates need
//! two macro libraries and enable `serde_json`'s `preserve_order` for the whole program.

mod agent;
mod gate;
mod rpc;
mod turn;
mod updates;

pub use agent::{Actions, Request, serve};
