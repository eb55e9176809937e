//! redraft turns a sentence into one Python script that works.
//!
//! ARCHITECTURE.md draws the layers; `tests/layering.rs` holds them.

pub mod agents;
mod cli;
pub mod commands;
pub mod config;
pub mod data;
pub mod diff;
pub mod domain;
pub mod files;
pub mod llm;
pub mod prompts;
pub mod python;
pub mod sandbox;
pub mod store;
pub mod terminal;
pub mod trust;
pub mod workflow;
