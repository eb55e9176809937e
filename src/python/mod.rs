//! What is known of a Python script: by reading it, and by running it.
//!
//! `check`, `tree` and `outline` alone know the crates that parse and lint; the rest works on what
//! they say.

pub mod acceptance;
pub mod behaviour;
mod capabilities;
pub mod check;
mod conda;
mod depth;
mod figures;
pub mod forgotten;
pub mod hidden;
pub mod hints;
mod imports;
pub mod interpreter;
pub mod left_out;
pub mod outline;
pub mod packages;
pub mod pep723;
pub mod run;
mod show;
pub mod traceback;
mod tree;
pub mod trial;
pub mod words;

pub use imports::{distribution, is_standard};
