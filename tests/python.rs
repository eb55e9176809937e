//! What is said of scripts, and what comes of running them with the Python of this system.
#![expect(clippy::unwrap_used, reason = "tests say what they test in their names")]

#[path = "python/checks.rs"]
mod checks;
#[path = "python/runs.rs"]
mod runs;
#[path = "python/tracebacks.rs"]
mod tracebacks;
