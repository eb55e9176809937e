//! Runs one child process and tells how it ended. Knows nothing of Python or of sessions.
//!
//! [`Runner`] is the seam: [`plain::PlainRunner`] starts the child bare; one that confines it takes
//! the same [`Job`] and gives the same [`Done`].

mod capture;
pub mod plain;

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;

pub use capture::Captured;

/// One child to run.
#[derive(Clone, Debug)]
pub struct Job {
    /// The program, as an absolute path.
    pub program: PathBuf,
    /// Its arguments, without the program's own name.
    pub args: Vec<OsString>,
    /// Its whole environment: nothing of ours is inherited.
    pub env: Vec<(OsString, OsString)>,
    /// Its working folder.
    pub folder: PathBuf,
    /// What it can read from standard input before end of file.
    pub stdin: Vec<u8>,
    /// Wall-clock time that it gets.
    pub limit: Duration,
    /// Bytes kept of each output stream: the first half and the last half of this.
    pub keep: usize,
}

/// How a child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// By itself, with this exit code.
    Exited(i32),
    /// By this signal, which was not ours.
    Signalled(i32),
    /// Killed at the time limit.
    TimedOut,
    /// Killed because the caller cancelled.
    Interrupted,
}

/// What is known of a child that is gone.
#[derive(Clone, Debug)]
pub struct Done {
    /// How it ended.
    pub end: End,
    /// What it wrote to standard output.
    pub stdout: Captured,
    /// What it wrote to standard error.
    pub stderr: Captured,
    /// Wall-clock time from start to end.
    pub elapsed: Duration,
}

/// Why a child could not be run. Whatever it did once it ran is a [`Done`].
#[derive(Debug, thiserror::Error)]
pub enum RunnerError {
    /// The system would not start it.
    #[error("could not start `{}` in `{}`: {source}; check that both exist", program.display(), folder.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// The working folder.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The system lost track of it.
    #[error("could not wait for `{}`: {source}; try again", program.display())]
    Wait {
        /// The program.
        program: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Runs children at one level of confinement.
pub trait Runner: Send + Sync {
    /// The level's name in a report: `strict`, `network` or `off`.
    fn level(&self) -> &'static str;

    /// Runs one child to its end, its time limit or `cancel`, whichever is first.
    ///
    /// No process of the child's group is left when the future is done or dropped.
    fn run<'a>(
        &'a self,
        job: Job,
        cancel: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Done, RunnerError>>;
}
