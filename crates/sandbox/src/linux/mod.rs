//! Confines a child with what Linux has: namespaces, a root of its own, Landlock, seccomp, limits.
//!
//! Four processes take part. **We** start our own program again as the **outer** one ([`outer`]),
//! which makes the namespaces, and forks. The **keeper** ([`keeper`]) is the first process of the
//! new process namespace: it builds the child's root ([`tree`]), forks, watches, ends whatever is
//! left, brings out the files, and reports. What it forked gives up every right ([`confine`]) and
//! becomes the **child**. When the keeper is gone, so is everything; it goes with the outer one, and
//! that one goes with us.

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

/// What our own program is called with to be the outer process.
const OUTER: &str = "confine-a-child";
/// The job, in the folder that the processes share.
const PLAN: &str = "plan.json";
/// What stops the child when it is there.
const STOP: &str = "stop";
/// The keeper's report, there.
const REPORT: &str = "report.json";
/// The child's work folder, in its own root.
const WORK: &str = "/work";
/// What the keeper may take for its own work beyond the child's time, before it is given up.
const GRACE: Duration = Duration::from_secs(20);

/// What the outer process is told.
#[derive(Serialize, Deserialize)]
struct Plan {
    job: Job,
    network: bool,
    /// Who started it: it ends with that process.
    parent: i32,
}

/// What the keeper tells.
#[derive(Serialize, Deserialize)]
struct Report {
    /// How the child ended, or what kept it from starting.
    end: Result<End, String>,
    /// Milliseconds that it ran.
    milliseconds: u64,
    kept: Kept,
    gaps: Vec<String>,
}

impl Report {
    /// The child could not be started.
    fn failed(problem: String) -> Self {
        Self { end: Err(problem), milliseconds: 0, kept: Kept::default(), gaps: Vec::new() }
    }
}

/// Runs children confined.
#[derive(Clone, Debug)]
pub(super) struct LinuxRunner {
    /// The child may use the network.
    pub(super) network: bool,
    /// Our own program.
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
        // The child ends without it.
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
        // Whatever killed the keeper killed the child.
        None if ended.end == End::TimedOut => {}
        None => {
            let said = done.stderr.text.lines().last().unwrap_or("it ended without a report");
            return Err(RunnerError::Unconfined(said.to_owned()));
        }
    }
    Ok(done)
}

/// The folder that we share with the keeper, as it is where the keeper mounts the child's root on it.
struct Shared(OwnedFd);

impl Shared {
    fn open(folder: &Path) -> Result<Self, String> {
        let flags = OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        step("cannot open the shared folder", open(folder, flags, FileMode::empty())).map(Self)
    }

    /// Whether the child is to stop.
    fn says_stop(&self) -> bool {
        fstatat(&self.0, STOP, AtFlags::empty()).is_ok()
    }

    /// Leaves the report for us.
    fn report(&self, report: &Report) {
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_CLOEXEC;
        let file = openat(&self.0, REPORT, flags, FileMode::S_IRUSR);
        // Without a report the run counts as one that could not be confined.
        if let (Ok(file), Ok(bytes)) = (file, serde_json::to_vec(report)) {
            let _ = std::io::Write::write_all(&mut std::fs::File::from(file), &bytes);
        }
    }
}

/// What went wrong in making a confinement, for people.
fn step<T, E: std::fmt::Display>(what: &str, done: Result<T, E>) -> Result<T, String> {
    done.map_err(|error| format!("{what}: {error}"))
}
