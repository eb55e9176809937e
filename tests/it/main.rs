//! The real program against scripted models, real files and real Python; and the libraries below
//! it where a case is a line.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a test may panic, and writes its fixtures itself"
)]

mod llm;
mod python;
mod support;
mod workflow;
