//! Runs one child process in a sandbox and reports how it ended. Independent of Python and
//! sessions.
//!
//! [`Runner`] is the interface: it takes a [`Job`] and returns a [`Done`]. [`plain`] starts the
//! child without a sandbox; on Linux, [`linux`] confines it.

mod capture;
mod child;
pub mod display;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "macos")]
mod macos;
mod plain;
mod proxy;
pub mod terminal;
mod work;

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

pub use capture::Captured;
use redraft_domain::settings::SandboxMode;
use redraft_files::FileError;
pub use work::Kept;

/// A child process to run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Job {
    /// Absolute path of the program.
    pub program: PathBuf,
    /// Arguments, without the program's name.
    pub args: Vec<OsString>,
    /// The whole environment except `HOME` and `TMPDIR`: nothing is inherited.
    pub env: Vec<(OsString, OsString)>,
    /// Files in its work folder at the start.
    pub inputs: Vec<Input>,
    /// Folders and files outside its work folder that it may read when confined.
    pub readable: Vec<PathBuf>,
    /// Hosts that it may reach through the proxy named in its environment, each in the syntax of
    /// [`redraft_domain::host::NamedHost::parse`]. A host without a port is allowed on every port.
    /// Only for the level `strict`: `network` and `off` reach everything.
    pub hosts: Vec<String>,
    /// Allows it to start other programs, which are confined like itself. Enforced with Landlock
    /// only.
    pub programs: bool,
    /// Standard input, followed by end of file.
    pub stdin: Vec<u8>,
    /// Resource limits.
    pub limits: Limits,
    /// Bytes kept of each output stream: half from the start, half from the end.
    pub keep: usize,
    /// Destination of the files that it writes; `None` discards them.
    pub keep_files_in: Option<PathBuf>,
    /// Cancelling this ends the child like its time limit.
    #[serde(skip)]
    pub stop: CancellationToken,
    /// Inherit redraft's standard streams, for a child that the user operates; no output is
    /// captured.
    pub attached: bool,
    /// Use a pseudo-terminal for the standard streams, where the input is typed. The child is
    /// stopped when all input is typed and it draws nothing more.
    pub terminal: bool,
    /// Connects the user's keyboard and screen to the child's terminal, if the user operates it.
    #[serde(skip)]
    pub hands: Option<Hands>,
    /// Processes outside the sandbox that work for the child, such as its display: memory that they
    /// take from now on counts as the child's.
    pub counted: Vec<u32>,
}

/// Connects the user's keyboard and screen to a child's terminal. The function gets redraft's end
/// of the terminal and a token that is cancelled at the end of the run. It returns then, or when no
/// process holds the other end; the result says whether the user ended the child.
#[derive(Clone)]
pub struct Hands(pub Arc<Join>);

/// See [`Hands`].
pub type Join = dyn Fn(&OwnedFd, &CancellationToken) -> bool + Send + Sync;

impl fmt::Debug for Hands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hands")
    }
}

impl Job {
    /// The error for a child that the system could not start.
    fn cannot_start(&self, source: io::Error) -> RunnerError {
        RunnerError::Start { program: self.program.clone(), source }
    }
}

/// A file or folder that is in the work folder from the start.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Input {
    /// Path in the work folder. The first of several inputs with the same path wins.
    pub name: PathBuf,
    /// File content.
    pub content: Content,
}

/// Source of an input.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Content {
    /// A file with this text.
    Text(String),
    /// A copy of this file or folder.
    Copy(PathBuf),
}

/// Resource limits of a child. Only the time limit is enforced for a child that is not confined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Wall-clock time.
    pub time: Duration,
    /// Memory of all its processes together, in bytes.
    pub memory: u64,
    /// Maximum number of processes and threads at a time.
    pub processes: u64,
    /// Maximum number of bytes to write.
    pub disk: u64,
}

/// How a child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum End {
    /// By itself, with this exit code.
    Exited(i32),
    /// By this signal, which redraft did not send.
    Signalled(i32),
    /// Killed at the time limit.
    TimedOut,
    /// Killed at the memory limit.
    OutOfMemory,
    /// Killed because the caller cancelled.
    Interrupted,
}

/// Result of a child that has ended.
#[derive(Clone, Debug)]
pub struct Done {
    /// How it ended.
    pub end: End,
    /// Standard output; for a terminal, the text of the screen.
    pub stdout: Captured,
    /// Standard error; for a terminal, everything written to it, without control sequences.
    pub stderr: Captured,
    /// Wall-clock time from start to end.
    pub elapsed: Duration,
    /// Path of its work folder as seen by the child.
    pub folder: PathBuf,
    /// The files that it wrote.
    pub files: Kept,
    /// Refused connections as `HOST:PORT`, without duplicates, up to a limit.
    pub refused_hosts: Vec<String>,
    /// What the sandbox could not enforce on this system, one line each; empty if it is complete or
    /// there was none.
    pub gaps: Vec<String>,
}

/// Why a child could not be run. Failures of the child itself are a [`Done`].
#[derive(Debug, thiserror::Error)]
pub enum RunnerError {
    /// Its work folder could not be prepared.
    #[error("could not prepare a folder to run in: {0}; check the file and the free space")]
    Folder(#[from] FileError),
    /// The system could not start it.
    #[error("could not start `{}`: {source}; check that it exists", program.display())]
    Start {
        /// The program.
        program: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The system could not wait for it.
    #[error("could not wait for `{}`: {source}; try again", program.display())]
    Wait {
        /// The program.
        program: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A worker task failed.
    #[error("the run's own work failed: {0}; try again")]
    Worker(#[from] tokio::task::JoinError),
    /// It can't be confined as requested.
    #[error("this system can't confine the script: {0}")]
    Unconfined(String),
}

/// Runs children at one level of confinement.
pub trait Runner: Send + Sync {
    /// Name of the level in reports: `strict`, `network` or `off`.
    fn level(&self) -> &'static str;

    /// Runs a child until it ends, reaches its time limit or is cancelled.
    ///
    /// No process that it started is left when the future completes or is dropped.
    fn run<'a>(
        &'a self,
        job: Job,
        cancel: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Done, RunnerError>>;
}

/// The runner for this level on this system.
#[must_use]
pub fn runner(mode: SandboxMode) -> Box<dyn Runner> {
    runner_by("/proc/self/exe", mode)
}

/// The same for a program that is not redraft: `redraft` is the program to start when a helper
/// process is needed to confine a child.
#[must_use]
pub fn runner_by(redraft: impl Into<PathBuf>, mode: SandboxMode) -> Box<dyn Runner> {
    let redraft = redraft.into();
    #[cfg(not(target_os = "linux"))]
    drop(redraft);
    match mode {
        SandboxMode::Off => Box::new(plain::PlainRunner),
        #[cfg(target_os = "linux")]
        SandboxMode::Strict | SandboxMode::Network => {
            Box::new(linux::LinuxRunner { network: mode == SandboxMode::Network, redraft })
        }
        #[cfg(target_os = "macos")]
        SandboxMode::Strict | SandboxMode::Network => {
            Box::new(macos::MacRunner { network: mode == SandboxMode::Network })
        }
    }
}

/// Runs an empty program in the sandbox, to see whether that works on this system. Returns the
/// optional features that are missing, one line each.
///
/// # Errors
/// A missing feature without which there is no sandbox.
pub async fn probe() -> Result<Vec<String>, RunnerError> {
    let job = Job {
        program: "/bin/sh".into(),
        args: ["-c", ":"].map(OsString::from).into(),
        env: Vec::new(),
        inputs: Vec::new(),
        readable: Vec::new(),
        hosts: Vec::new(),
        programs: false,
        stdin: Vec::new(),
        limits: Limits {
            time: Duration::from_secs(10),
            memory: 64 << 20,
            processes: 8,
            disk: 1 << 20,
        },
        keep: 1024,
        keep_files_in: None,
        stop: CancellationToken::new(),
        attached: false,
        terminal: false,
        hands: None,
        counted: Vec::new(),
    };
    let done = runner(SandboxMode::Strict).run(job, &CancellationToken::new()).await?;
    match done.end {
        End::Exited(0) => Ok(done.gaps),
        end => Err(RunnerError::Unconfined(format!(
            "a program that does nothing ended with {end:?}: {}",
            done.stderr.text.trim()
        ))),
    }
}

/// How the memory of a script is limited on this system, for display.
pub const MEMORY_BOUNDS: &str = if cfg!(target_os = "linux") {
    "strict, network: all processes together, with shared and socket memory and the display \
     (limits, refused calls, 20 looks a second; no cgroup); off: nothing"
} else {
    "nothing, on any level"
};

/// If this process was started to confine a child, does that and returns the exit code.
#[must_use]
pub fn started_to_confine() -> Option<u8> {
    #[cfg(target_os = "linux")]
    return linux::run_as_outer();
    #[cfg(not(target_os = "linux"))]
    None
}
