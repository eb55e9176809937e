//! Runs a child with nothing but a limit on its time and its output: the level `off`.

use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join3};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, ChildStdin, Command};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::capture::Capture;
use super::{Done, End, Job, Runner, RunnerError};

/// How long the pipes of a child that ended may stay open, held by processes that it left behind.
const AFTERWARDS: Duration = Duration::from_millis(500);

/// Starts the child bare, in a process group of its own.
#[derive(Clone, Copy, Debug, Default)]
pub struct PlainRunner;

impl Runner for PlainRunner {
    fn level(&self) -> &'static str {
        "off"
    }

    fn run<'a>(
        &'a self,
        job: Job,
        cancel: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Done, RunnerError>> {
        run(job, cancel).boxed()
    }
}

async fn run(job: Job, cancel: &CancellationToken) -> Result<Done, RunnerError> {
    let started = Instant::now();
    let mut child = spawn(&job)?;
    // Declared after the child, so dropped before it: the group goes while its leader is not reaped.
    let group = Group::of(&child);
    let (mut out, mut err) = (Capture::new(job.keep), Capture::new(job.keep));
    let end = {
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let feed = feed(child.stdin.take(), &job.stdin);
        let mut pipes = Box::pin(join3(feed, out.fill(stdout), err.fill(stderr)).fuse());
        let mut limit = Box::pin(sleep(job.limit));
        let mut closed = false;
        let end = loop {
            tokio::select! {
                // The child first: one that ended by itself was not stopped by us.
                biased;
                status = child.wait() => break status.map(ended),
                () = cancel.cancelled() => break Ok(End::Interrupted),
                () = &mut limit => break Ok(End::TimedOut),
                _ = &mut pipes, if !closed => closed = true,
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
    let end = end.map_err(|source| RunnerError::Wait { program: job.program, source })?;
    Ok(Done { end, stdout: out.finish(), stderr: err.finish(), elapsed })
}

fn spawn(job: &Job) -> Result<Child, RunnerError> {
    Command::new(&job.program)
        .args(&job.args)
        .env_clear()
        .envs(job.env.iter().map(|(name, value)| (name, value)))
        .current_dir(&job.folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(|source| RunnerError::Start {
            program: job.program.clone(),
            folder: job.folder.clone(),
            source,
        })
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

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails may say so like this")]

    use std::env;
    use std::ffi::OsString;

    use super::*;

    /// Far more than anything here takes.
    const LONG: Duration = Duration::from_mins(1);
    const SHORT: Duration = Duration::from_millis(200);

    fn sh(script: &str, limit: Duration) -> Job {
        Job {
            program: "/bin/sh".into(),
            args: vec!["-c".into(), script.into()],
            env: vec![("PATH".into(), "/usr/bin:/bin".into())],
            folder: env::temp_dir(),
            stdin: Vec::new(),
            limit,
            keep: 64 * 1024,
        }
    }

    async fn run_plain(job: Job) -> Done {
        PlainRunner.run(job, &CancellationToken::new()).await.unwrap()
    }

    /// Whether the process is there and not a mere entry that waits to be reaped.
    fn alive(pid: &str) -> bool {
        let status = std::fs::read_to_string(format!("/proc/{}/status", pid.trim()));
        status.is_ok_and(|status| !status.contains("State:\tZ") && !status.contains("State:\tX"))
    }

    /// Waits for a process to be gone: one that was killed takes a moment to die.
    async fn gone(pid: &str) {
        let gone = async {
            while alive(pid) {
                tokio::task::yield_now().await;
            }
        };
        timeout(LONG / 2, gone).await.unwrap();
    }

    #[tokio::test]
    async fn each_way_to_end_is_told_apart() {
        for (script, limit, end, stdout, stderr) in [
            ("echo out; echo err >&2", LONG, End::Exited(0), "out\n", "err\n"),
            ("exit 7", LONG, End::Exited(7), "", ""),
            ("kill -SEGV $$", LONG, End::Signalled(11), "", ""),
            ("echo on; exec sleep 60", SHORT, End::TimedOut, "on\n", ""),
            ("trap '' TERM INT; while :; do :; done", SHORT, End::TimedOut, "", ""),
            ("printf 'a\\377b'", LONG, End::Exited(0), "a\u{fffd}b", ""),
        ] {
            let done = run_plain(sh(script, limit)).await;
            let seen = (done.end, done.stdout.text.as_str(), done.stderr.text.as_str());
            assert_eq!(seen, (end, stdout, stderr), "{script}");
            assert!(done.elapsed < LONG / 2, "{script}");
        }
    }

    #[tokio::test]
    async fn the_environment_and_the_folder_are_as_given() {
        let job = Job {
            program: "/usr/bin/env".into(),
            args: Vec::new(),
            env: vec![("A".into(), "1".into()), ("B".into(), OsString::from("é"))],
            ..sh("", LONG)
        };
        assert_eq!(run_plain(job).await.stdout.text, "A=1\nB=é\n");
        let folder = env::temp_dir().canonicalize().unwrap();
        let here = run_plain(Job { folder: folder.clone(), ..sh("pwd -P", LONG) }).await;
        assert_eq!(here.stdout.text.trim_end(), folder.to_str().unwrap());
    }

    #[tokio::test]
    async fn input_is_given_and_then_ends() {
        let large = "line\n".repeat(200_000);
        for (script, stdin, stdout) in [
            ("cat", "hello", "hello"),
            ("cat; echo end", "", "end\n"),
            ("wc -c", large.as_str(), "1000000\n"),
            ("exec <&-; echo unread", large.as_str(), "unread\n"),
        ] {
            let job = Job { stdin: stdin.into(), ..sh(script, LONG) };
            assert_eq!(run_plain(job).await.stdout.text.trim_start(), stdout, "{script}");
        }
    }

    #[tokio::test]
    async fn a_flood_of_output_is_kept_small() {
        let script = "head -c 200000000 /dev/zero; echo the end";
        let done = run_plain(Job { keep: 1_000, ..sh(script, LONG) }).await;
        assert_eq!(done.stdout.bytes, 200_000_008);
        assert!(done.stdout.text.len() < 1_100);
        assert!(done.stdout.text.ends_with("the end\n"));
    }

    #[tokio::test]
    async fn what_a_child_leaves_behind_is_killed_and_not_waited_for() {
        for (script, limit) in [
            // It holds the pipes open, or does not, or has a child of its own.
            ("sleep 60 & echo $!", LONG),
            ("sleep 60 >/dev/null 2>&1 & echo $!", LONG),
            ("(sleep 60 & echo $!) ; sleep 60", SHORT),
        ] {
            let done = run_plain(sh(script, limit)).await;
            assert!(done.elapsed < LONG / 2, "{script}");
            gone(&done.stdout.text).await;
        }
    }

    #[tokio::test]
    async fn a_child_ends_when_it_is_cancelled_or_dropped() {
        let cancel = CancellationToken::new();
        let running = PlainRunner.run(sh("exec sleep 60", LONG), &cancel);
        let (running, ()) = tokio::join!(running, async { cancel.cancel() });
        assert_eq!(running.unwrap().end, End::Interrupted);

        let folder = tempfile::tempdir().unwrap();
        let job = Job { folder: folder.path().into(), ..sh("echo $$ > pid; exec sleep 60", LONG) };
        let cancel = CancellationToken::new();
        // Dropped at the timeout, which leaves the child the time to start.
        assert!(timeout(SHORT * 2, PlainRunner.run(job, &cancel)).await.is_err());
        let pid = std::fs::read_to_string(folder.path().join("pid")).unwrap();
        gone(&pid).await;
    }

    #[tokio::test]
    async fn a_program_that_is_not_there_is_named() {
        let job = Job { program: "/nonexistent/python".into(), ..sh("", LONG) };
        let error = PlainRunner.run(job, &CancellationToken::new()).await.unwrap_err();
        assert!(error.to_string().contains("`/nonexistent/python`"), "{error}");
    }
}
