//! What is said of scripts, and what comes of running them with the Python of this system.

mod acceptance;
mod checks;
mod recorded;
mod runs;
mod tracebacks;
