//! What is known of a Python script: by reading it, and by running it.
//!
//! `check` alone knows the crate that lints. What reads or changes a script by its syntax tree knows the
//! one that parses; the rest works on what they say.

pub mod acceptance;
pub mod agreement;
pub mod behaviour;
mod capabilities;
pub mod check;
mod conda;
mod depth;
mod distributions;
pub mod execution;
mod figures;
pub mod forgotten;
pub mod hidden;
pub mod highlight;
pub mod hints;
mod imports;
pub mod interpreter;
pub mod join;
pub mod left_out;
pub mod outline;
pub mod packages;
pub mod parts;
pub mod pep723;
pub mod run;
mod scope;
mod show;
pub mod traceback;
mod tree;
pub mod trial;
mod typed;
pub mod words;

pub use distributions::{distribution, is_standard};
