//! A child process with pipes: fed, read, ended with its whole process group.

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

/// How long the pipes of a child that ended may stay open, held by processes that it left behind.
const AFTERWARDS: Duration = Duration::from_millis(500);

/// How a child ended, and what it wrote.
pub(super) struct Ended {
    pub(super) end: End,
    pub(super) stdout: Captured,
    pub(super) stderr: Captured,
    pub(super) elapsed: Duration,
}

/// What is to be done with a child.
pub(super) struct Task<'a> {
    pub(super) job: &'a Job,
    /// Its terminal, if it has one.
    pub(super) terminal: Option<Terminal>,
    /// How long it may take.
    pub(super) limit: Duration,
}

/// Feeds and reads a child, which leads a process group of its own, until it ends, its time is over
/// or stopped, or `cancel`. No process of its group is left when the future is done or dropped.
pub(super) async fn attend(
    mut child: Child,
    task: Task<'_>,
    stop: &CancellationToken,
    cancel: &CancellationToken,
) -> io::Result<Ended> {
    let started = Instant::now();
    // Declared after the child, so dropped before it: the group goes while its leader is not reaped.
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
                // The child first: one that ended by itself was not stopped by us.
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
            // What stays open after this is held by a process that we could not end.
            let _ = timeout(AFTERWARDS, pipes).await;
        }
        end
    };
    let elapsed = started.elapsed();
    group.kill();
    // Reaps the child if it was killed just now; bounded, since one stuck in the kernel stays.
    let _ = timeout(AFTERWARDS, child.wait()).await;
    let (stdout, stderr) = screen.map_or_else(|| (out.finish(), err.finish()), Screen::finish);
    Ok(Ended { end: end?, stdout, stderr, elapsed })
}

/// The streams of a child: pipes, our own, or a terminal.
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

/// Gives the child its input and then end of file. A child that reads none of it is no error.
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

/// The child's process group, killed when dropped.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Self(id.map(Pid::from_raw))
    }

    /// Kills every process of the group. One that is empty already is no error.
    ///
    /// The system gives a group's number to nobody else while a process of it is left, and we come
    /// here within a second of the leader's end, so that nobody else's group is hit.
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
