//! A child process with pipes: feeds it, reads its output, and ends its whole process group.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::join3;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, ChildStdin};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::capture::{Capture, Captured};
use super::terminal::{Screen, Terminal};
use super::{End, Job};

/// How long to wait for pipes that processes left by the child hold open.
const AFTERWARDS: Duration = Duration::from_millis(500);

/// How a child ended, and its output.
pub(super) struct Ended {
    pub(super) end: End,
    pub(super) stdout: Captured,
    pub(super) stderr: Captured,
    pub(super) elapsed: Duration,
}

/// How to attend to a child.
pub(super) struct Task<'a> {
    pub(super) job: &'a Job,
    /// Its pseudo-terminal, if it has one.
    pub(super) terminal: Option<Terminal>,
    /// Time limit.
    pub(super) limit: Duration,
}

/// Feeds and reads a child, which leads its own process group, until it ends, reaches its time
/// limit, is stopped, or `cancel` fires. No process of its group is left when the future completes
/// or is dropped.
pub(super) async fn attend(
    mut child: Child,
    task: Task<'_>,
    stop: &CancellationToken,
    cancel: &CancellationToken,
) -> io::Result<Ended> {
    let started = Instant::now();
    // Declared after the child, so dropped before it: the group is killed before its leader is
    // reaped.
    let group = Group::of(&child);
    let Task { job, terminal, limit } = task;
    let (mut out, mut err) = (Capture::new(job.keep), Capture::new(job.keep));
    let mut screen = terminal.is_some().then(|| Screen::new(job.keep));
    let end = {
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let stdin = child.stdin.take();
        let pipes = async {
            if let Some((terminal, screen)) = terminal.as_ref().zip(screen.as_mut()) {
                match &job.hands {
                    Some(hands) => terminal.lend(hands, &job.stop).await,
                    None => terminal.attend(screen, &job.stdin, &job.stop).await,
                }
            } else {
                join3(feed(stdin, &job.stdin), out.fill(stdout), err.fill(stderr)).await;
            }
        };
        let mut pipes = Box::pin(pipes.fuse());
        let mut limit = Box::pin(sleep(limit));
        let mut closed = false;
        let end = loop {
            tokio::select! {
                // The child first: if it ended by itself, it was not stopped.
                biased;
                status = child.wait() => break status.map(ended),
                () = cancel.cancelled() => break Ok(End::Interrupted),
                () = &mut limit => break Ok(End::TimedOut),
                () = stop.cancelled() => break Ok(End::TimedOut),
                () = &mut pipes, if !closed => closed = true,
            }
        };
        if matches!(end, Ok(End::TimedOut | End::Interrupted)) {
            group.kill();
        }
        if !closed {
            // A pipe still open after this is held by a process that could not be killed.
            let _ = timeout(AFTERWARDS, pipes).await;
        }
        end
    };
    let elapsed = started.elapsed();
    group.kill();
    // Reaps the child if it was killed just now; with a timeout, since a process may be stuck in
    // the kernel.
    let _ = timeout(AFTERWARDS, child.wait()).await;
    let (stdout, stderr) = screen.map_or_else(|| (out.finish(), err.finish()), Screen::finish);
    Ok(Ended { end: end?, stdout, stderr, elapsed })
}

/// The streams of a child: pipes, inherited streams, or a terminal.
pub(super) struct Streams {
    pub(super) stdio: [Stdio; 3],
    pub(super) terminal: Option<Terminal>,
}

impl Streams {
    pub(super) fn of(job: &Job) -> io::Result<Self> {
        if job.terminal {
            let (terminal, stdio) = Terminal::open()?;
            return Ok(Self { stdio, terminal: Some(terminal) });
        }
        let stream = || if job.attached { Stdio::inherit() } else { Stdio::piped() };
        Ok(Self { stdio: [stream(), stream(), stream()], terminal: None })
    }
}

/// Writes the child's input and closes the pipe. It is not an error if the child does not read it.
async fn feed(stdin: Option<ChildStdin>, input: &[u8]) {
    if let Some(mut stdin) = stdin {
        let _ = stdin.write_all(input).await;
    }
}

fn ended(status: ExitStatus) -> End {
    match (status.code(), status.signal()) {
        (Some(code), _) => End::Exited(code),
        (None, signal) => End::Signalled(signal.unwrap_or_default()),
    }
}

/// The child's process group, killed on drop.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Self(id.map(Pid::from_raw))
    }

    /// Kills every process of the group. An empty group is not an error.
    ///
    /// The system does not reuse a group id while a process of the group is left, and this runs
    /// within a second of the leader's end, so no other group can be hit.
    fn kill(&self) {
        if let Some(pid) = self.0 {
            let _ = killpg(pid, Signal::SIGKILL);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}
