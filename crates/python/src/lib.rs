//! What redraft knows of a Python script, from reading it and from running it.
//!
//! Only `check` uses the linter's crate. Modules that read or rewrite a script through its syntax
//! tree use the parser's crate; the rest work on their results.

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
