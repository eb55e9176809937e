//! Confines a child with Linux features: namespaces, a root file system of its own, Landlock,
//! seccomp and resource limits.
//!
//! Four processes take part. **redraft** starts its own program again as the **outer** process
//! ([`outer`]), which creates the namespaces and forks. The **keeper** ([`keeper`]) is the first
//! process of the new PID namespace: it builds the child's root ([`tree`]), forks, monitors, kills
//! what is left, extracts the files, and reports. The forked process drops all privileges
//! ([`confine`]) and becomes the **child**. All processes in the namespace end with the keeper, the
//! keeper ends with the outer process, and that one ends with redraft.

mod confine;
mod handover;
mod helper;
mod keeper;
mod memory;
mod outer;
mod raw;
mod syscalls;
mod tree;
mod user;

use std::convert::Infallible;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use nix::fcntl::{AtFlags, OFlag, open, openat};
use nix::sys::stat::{Mode as FileMode, fstatat};
use serde::{Deserialize, Serialize};
use tokio::process::Command;
use tokio_util::sync::CancellationToken;

use super::child::{self, Streams, Task};
use super::proxy::{self, Proxy};
use super::{Content, Done, End, Job, Kept, Runner, RunnerError};
use redraft_files as files;

use handover::Receiver;
pub(super) use helper::command as helper;
pub(super) use outer::run_as_outer;

/// Argument that starts redraft as the outer process.
const OUTER: &str = "confine-a-child";
/// File name of the plan in the shared folder.
const PLAN: &str = "plan.json";
/// A file with this name in the shared folder stops the child.
const STOP: &str = "stop";
/// File name of the keeper's report, in the same folder.
const REPORT: &str = "report.json";
/// Path of the work folder in the child's root.
const WORK: &str = "/work";
/// How long the keeper may work beyond the child's time limit before it is killed.
const GRACE: Duration = Duration::from_secs(20);

/// Input of the outer process.
#[derive(Serialize, Deserialize)]
struct Plan {
    job: Job,
    network: bool,
    /// Parent process id: the outer process ends with it.
    parent: i32,
}

/// The keeper's report.
#[derive(Serialize, Deserialize)]
struct Report {
    /// How the child ended, or why it could not start.
    end: Result<End, String>,
    /// Run time in milliseconds.
    milliseconds: u64,
    kept: Kept,
    gaps: Vec<String>,
}

impl Report {
    /// The report for a child that could not be started.
    fn failed(problem: String) -> Self {
        Self { end: Err(problem), milliseconds: 0, kept: Kept::default(), gaps: Vec::new() }
    }
}

/// Runs confined children.
#[derive(Clone, Debug)]
pub(super) struct LinuxRunner {
    /// Gives the child network access.
    pub(super) network: bool,
    /// Path of redraft's own program.
    pub(super) redraft: PathBuf,
}

impl Runner for LinuxRunner {
    fn level(&self) -> &'static str {
        if self.network { "network" } else { "strict" }
    }

    fn run<'a>(
        &'a self,
        job: Job,
        cancel: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Done, RunnerError>> {
        run(self, job, cancel).boxed()
    }
}

async fn run(
    runner: &LinuxRunner,
    mut job: Job,
    cancel: &CancellationToken,
) -> Result<Done, RunnerError> {
    let LinuxRunner { network, redraft } = runner;
    if *network {
        job.hosts.clear();
    }
    let proxy = Proxy::of(&job.hosts).map_err(RunnerError::Unconfined)?;
    if proxy.is_some() {
        proxy::give_certificates(&mut job);
    }
    for input in &job.inputs {
        if let Content::Copy(path) = &input.content {
            files::exists(path)?;
        }
    }
    let shared = files::small_temporary_folder()?;
    let folder = shared.path();
    let handed = proxy.is_some().then(|| Receiver::in_folder(folder)).transpose();
    let handed = handed.map_err(RunnerError::Unconfined)?;
    let plan =
        Plan { job, network: *network, parent: i32::try_from(std::process::id()).unwrap_or(0) };
    let text = serde_json::to_vec(&plan)
        .map_err(|error| RunnerError::Unconfined(format!("a path in it is not UTF-8: {error}")))?;
    files::put(&folder.join(PLAN), &text)?;
    let job = plan.job;
    let cannot_start = |source| RunnerError::Start { program: redraft.clone(), source };
    let Streams { stdio: [stdin, stdout, stderr], terminal } =
        Streams::of(&job).map_err(cannot_start)?;
    let child = Command::new(redraft)
        .args([OUTER.as_ref(), folder.as_os_str()])
        .env_clear()
        .stdin(stdin)
        .stdout(stdout)
        .stderr(stderr)
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(cannot_start)?;
    let pid = child.id();
    let limit = job.limits.time + GRACE;
    let never = CancellationToken::new();
    let task = Task { job: &job, terminal, limit };
    let mut attended = pin!(child::attend(child, task, &never, cancel));
    let attended = async {
        let ended = tokio::select! {
            ended = &mut attended => ended,
            // The keeper stops the child, so that its files are kept.
            () = job.stop.cancelled() => {
                files::put(&folder.join(STOP), "")?;
                attended.await
            }
        };
        ended.map_err(|source| RunnerError::Wait { program: job.program.clone(), source })
    };
    let served = async {
        if let Some((proxy, handed)) = proxy.as_ref().zip(handed)
            && let Some(listener) = handed.listener(pid).await
        {
            Arc::clone(proxy).serve(listener).await;
        }
        // The proxy failed; the child still runs to its end.
        std::future::pending::<Infallible>().await
    };
    let ended = tokio::select! {
        ended = attended => ended?,
        never = served => match never {},
    };
    let report: Option<Report> = files::read_regular(&folder.join(REPORT), 1 << 20)
        .and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let mut done = Done {
        end: ended.end,
        stdout: ended.stdout,
        stderr: ended.stderr,
        elapsed: ended.elapsed,
        folder: PathBuf::from(WORK),
        files: Kept::default(),
        refused_hosts: proxy.map(|proxy| proxy.refused()).unwrap_or_default(),
        gaps: Vec::new(),
    };
    match report {
        _ if ended.end == End::Interrupted => {}
        Some(report) => {
            done.end = report.end.map_err(RunnerError::Unconfined)?;
            done.elapsed = Duration::from_millis(report.milliseconds);
            (done.files, done.gaps) = (report.kept, report.gaps);
        }
        // What killed the keeper also killed the child.
        None if ended.end == End::TimedOut => {}
        None => {
            let said = done.stderr.text.lines().last().unwrap_or("it ended without a report");
            return Err(RunnerError::Unconfined(said.to_owned()));
        }
    }
    Ok(done)
}

/// A handle of the folder shared with the keeper, valid after the child's root is mounted on its
/// path.
struct Shared(OwnedFd);

impl Shared {
    fn open(folder: &Path) -> Result<Self, String> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        step("cannot open the shared folder", open(folder, flags, FileMode::empty())).map(Self)
    }

    /// Whether the child should stop.
    fn says_stop(&self) -> bool {
        fstatat(&self.0, STOP, AtFlags::empty()).is_ok()
    }

    /// Writes the report.
    fn report(&self, report: &Report) {
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_CLOEXEC;
        let file = openat(&self.0, REPORT, flags, FileMode::S_IRUSR);
        // A missing report is treated as a failed confinement.
        if let (Ok(file), Ok(bytes)) = (file, serde_json::to_vec(report)) {
            let _ = std::io::Write::write_all(&mut std::fs::File::from(file), &bytes);
        }
    }
}

/// Adds the failed step to an error, as text for the user.
fn step<T, E: std::fmt::Display>(what: &str, done: Result<T, E>) -> Result<T, String> {
    done.map_err(|error| format!("{what}: {error}"))
}
