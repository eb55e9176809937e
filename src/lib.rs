//! redraft turns a sentence into one Python script that works.
//!
//! ARCHITECTURE.md describes the layers; `tests/layering.rs` enforces them.

pub use redraft_data as data;
pub use redraft_domain as domain;
pub use redraft_files as files;
pub use redraft_llm as llm;
pub use redraft_python as python;
pub use redraft_sandbox as sandbox;

pub mod acp;
pub mod agents;
pub mod batch;
mod cli;
pub mod commands;
pub mod config;
pub mod diff;
pub mod findings;
pub mod mcp;
pub mod prompts;
pub mod store;
pub mod terminal;
pub mod traces;
pub mod trust;
pub mod view;
pub mod viewer;
pub mod workflow;
