//! Confines and runs one child process and tells how it ended. Knows nothing of Python or of
//! sessions.
//!
//! [`Runner`] is the seam: a runner is given a [`Job`] and gives a [`Done`]. [`plain`] starts the
//! child bare; on Linux, [`linux`] confines it.

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

/// One child to run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Job {
    /// The program, as an absolute path.
    pub program: PathBuf,
    /// Its arguments, without the program's own name.
    pub args: Vec<OsString>,
    /// Its whole environment but for `HOME` and `TMPDIR`: nothing of ours is inherited.
    pub env: Vec<(OsString, OsString)>,
    /// What stands in its work folder when it starts.
    pub inputs: Vec<Input>,
    /// Folders and files outside its work folder that it may read, where it is confined.
    pub readable: Vec<PathBuf>,
    /// Hosts that it may reach, each as [`redraft_domain::host::NamedHost::parse`] reads it, by the proxy that its environment
    /// names. A host without a port is allowed at every port. For the level `strict`: `network` and
    /// `off` reach everything.
    pub hosts: Vec<String>,
    /// It may start other programs than its own, where Landlock can tell these. They run as confined as
    /// it does.
    pub programs: bool,
    /// What it can read from standard input before end of file.
    pub stdin: Vec<u8>,
    /// How much it may use.
    pub limits: Limits,
    /// Bytes kept of each output stream: the first half and the last half of this.
    pub keep: usize,
    /// Where the files go that it writes; nowhere if `None`.
    pub keep_files_in: Option<PathBuf>,
    /// Ends it when this is cancelled, as its time limit does.
    #[serde(skip)]
    pub stop: CancellationToken,
    /// It has our own standard streams, for a person who uses it; nothing of them is kept.
    pub attached: bool,
    /// Its standard streams are a terminal of its own, where its input is typed. It is stopped when it
    /// has had all of that and draws nothing more.
    pub terminal: bool,
    /// Who joins a person's keyboard and screen to its terminal, where one uses it there.
    #[serde(skip)]
    pub hands: Option<Hands>,
    /// Processes outside its confinement that work for it, as its display: the memory that they
    /// take from now on counts as its own.
    pub counted: Vec<u32>,
}

/// Joins a person's keyboard and screen to a child's terminal: is given our end of it, and what says that
/// it is over; comes back then, or when nobody holds the other end, with whether the person ended it.
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
    /// The system would not start it.
    fn cannot_start(&self, source: io::Error) -> RunnerError {
        RunnerError::Start { program: self.program.clone(), source }
    }
}

/// Something that stands in the work folder from the start.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Input {
    /// Its path in the work folder. What stands there already stays.
    pub name: PathBuf,
    /// What it is.
    pub content: Content,
}

/// What an input is made of.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Content {
    /// A file with this text.
    Text(String),
    /// A copy of this file or folder.
    Copy(PathBuf),
}

/// How much a child may use. All but the time is enforced only where it is confined.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Wall-clock time.
    pub time: Duration,
    /// Memory of all its processes together, in bytes.
    pub memory: u64,
    /// Processes and threads at a time.
    pub processes: u64,
    /// What it may write, in bytes.
    pub disk: u64,
}

/// How a child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum End {
    /// By itself, with this exit code.
    Exited(i32),
    /// By this signal, which was not ours.
    Signalled(i32),
    /// Killed at the time limit.
    TimedOut,
    /// Killed at the memory limit.
    OutOfMemory,
    /// Killed because the caller cancelled.
    Interrupted,
}

/// What is known of a child that is gone.
#[derive(Clone, Debug)]
pub struct Done {
    /// How it ended.
    pub end: End,
    /// What it wrote to standard output; what it drew, where that is a terminal.
    pub stdout: Captured,
    /// What it wrote to standard error; all that it wrote, without what steers a terminal, where that
    /// is one.
    pub stderr: Captured,
    /// Wall-clock time from start to end.
    pub elapsed: Duration,
    /// Its work folder, by the path that it had for it.
    pub folder: PathBuf,
    /// The files that it wrote.
    pub files: Kept,
    /// What it tried to reach besides its hosts, as `HOST:PORT`, each once, the first ones.
    pub refused_hosts: Vec<String>,
    /// What its confinement could not have stopped here, a line each; empty where it is whole, and
    /// where there was none.
    pub gaps: Vec<String>,
}

/// Why a child could not be run. Whatever it did once it ran is a [`Done`].
#[derive(Debug, thiserror::Error)]
pub enum RunnerError {
    /// Its work folder could not be filled.
    #[error("could not prepare a folder to run in: {0}; check the file and the free space")]
    Folder(#[from] FileError),
    /// The system would not start it.
    #[error("could not start `{}`: {source}; check that it exists", program.display())]
    Start {
        /// The program.
        program: PathBuf,
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
    /// A worker of ours ended early.
    #[error("the run's own work failed: {0}; try again")]
    Worker(#[from] tokio::task::JoinError),
    /// It can't be confined as much as was asked for.
    #[error("this system can't confine the script: {0}")]
    Unconfined(String),
}

/// Runs children at one level of confinement.
pub trait Runner: Send + Sync {
    /// The level's name in a report: `strict`, `network` or `off`.
    fn level(&self) -> &'static str;

    /// Runs one child to its end, its time limit or `cancel`, whichever is first.
    ///
    /// No process that it started is left when the future is done or dropped.
    fn run<'a>(
        &'a self,
        job: Job,
        cancel: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Done, RunnerError>>;
}

/// What runs children at this level on this system.
#[must_use]
pub fn runner(mode: SandboxMode) -> Box<dyn Runner> {
    runner_by("/proc/self/exe", mode)
}

/// The same for a program that is not redraft: this one is started in its place where a process has to
/// be started to confine a child.
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

/// Confines a program that does nothing, to see whether that can be done here. Gives what is
/// missing that the confinement can do without, a line each.
///
/// # Errors
/// What is missing that it can't do without.
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

/// What bounds the memory of a script here, level by level, for people.
pub const MEMORY_BOUNDS: &str = if cfg!(target_os = "linux") {
    "strict, network: all processes together, with shared and socket memory and the display \
     (limits, refused calls, 20 looks a second; no cgroup); off: nothing"
} else {
    "nothing, on any level"
};

/// If this process was started to confine a child, does that and gives its exit code.
#[must_use]
pub fn started_to_confine() -> Option<u8> {
    #[cfg(target_os = "linux")]
    return linux::run_as_outer();
    #[cfg(not(target_os = "linux"))]
    None
}
