//! Checks and runs of scripts with the system's Python.

mod acceptance;
mod checks;
mod recorded;
mod runs;
mod tracebacks;
