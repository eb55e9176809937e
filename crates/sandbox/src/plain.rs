//! Runs a child with limits on time and output only: the level `off`.

use std::ffi::OsString;
use std::path::Path;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use nix::unistd::getpgrp;
use tokio::process::Command;
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

use super::child::{self, Ended, Streams, Task};
use super::work::Work;
use super::{Done, Job, Kept, Runner, RunnerError, terminal};
use redraft_files as files;

/// Starts the child without a sandbox, in a process group of its own.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PlainRunner;

impl Runner for PlainRunner {
    fn level(&self) -> &'static str {
        "off"
    }

    fn run<'a>(
        &'a self,
        job: Job,
        cancel: &'a CancellationToken,
    ) -> BoxFuture<'a, Result<Done, RunnerError>> {
        let program = job.program.clone().into_os_string();
        run_as(job, move |_, _| vec![program], cancel).boxed()
    }
}

/// Runs a job through the program and first arguments that `wrap` returns for the paths of the work
/// folder and of the child's terminal, if there is one. The job's arguments follow.
pub(super) async fn run_as(
    job: Job,
    wrap: impl FnOnce(&Path, Option<&Path>) -> Vec<OsString>,
    cancel: &CancellationToken,
) -> Result<Done, RunnerError> {
    let temporary = files::temporary_folder()?;
    // Canonical, as the child sees it.
    let folder = temporary.path().canonicalize().unwrap_or_else(|_| temporary.path().to_owned());
    // Copying may take long, so it must not block other work.
    let (place, inputs) = (folder.clone(), job.inputs.clone());
    let work = spawn_blocking(move || Work::fill(&place, &inputs)).await??;
    let Streams { stdio, terminal: own } =
        Streams::of(&job).map_err(|source| job.cannot_start(source))?;
    let mut words = wrap(&folder, own.as_ref().map(|own| own.path.as_path())).into_iter();
    let [stdin, stdout, stderr] = stdio;
    let mut command = Command::new(words.next().unwrap_or_default());
    command
        .args(words)
        .args(&job.args)
        .env_clear()
        .envs(job.env.iter().map(|(name, value)| (name, value)))
        .envs([("HOME", &folder), ("TMPDIR", &folder)])
        .current_dir(&folder)
        .stdin(stdin)
        .stdout(stdout)
        .stderr(stderr)
        .kill_on_drop(true);
    if own.is_some() {
        // Leading a session implies leading a process group.
        terminal::lead_before(&mut command);
    } else {
        // A process that reads from a terminal must be in its foreground process group.
        command.process_group(if job.attached { getpgrp().as_raw() } else { 0 });
    }
    let child = command.spawn().map_err(|source| job.cannot_start(source))?;
    // Closes redraft's copies of the streams: a terminal reports its end only when no other process
    // holds it.
    drop(command);
    let task = Task { job: &job, terminal: own, limit: job.limits.time };
    let Ended { end, stdout, stderr, elapsed } = child::attend(child, task, &job.stop, cancel)
        .await
        .map_err(|source| RunnerError::Wait { program: job.program, source })?;
    let files = match job.keep_files_in {
        Some(to) => spawn_blocking(move || work.keep(&to)).await?,
        None => Kept::default(),
    };
    Ok(Done {
        end,
        stdout,
        stderr,
        elapsed,
        folder,
        files,
        refused_hosts: Vec::new(),
        gaps: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails may say so like this")]

    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;
    use crate::{End, Limits};

    /// Far more than anything here takes.
    const LONG: Duration = Duration::from_mins(1);
    const SHORT: Duration = Duration::from_millis(200);

    fn sh(script: &str, limit: Duration) -> Job {
        Job {
            program: "/bin/sh".into(),
            args: vec!["-c".into(), script.into()],
            env: vec![("PATH".into(), "/usr/bin:/bin".into())],
            inputs: Vec::new(),
            readable: Vec::new(),
            hosts: Vec::new(),
            programs: false,
            stdin: Vec::new(),
            limits: Limits { time: limit, memory: 0, processes: 0, disk: 0 },
            keep: 64 * 1024,
            keep_files_in: None,
            stop: CancellationToken::new(),
            attached: false,
            terminal: false,
            hands: None,
            counted: Vec::new(),
        }
    }

    async fn run_plain(job: Job) -> Done {
        PlainRunner.run(job, &CancellationToken::new()).await.unwrap()
    }

    /// Whether the process exists and is not a zombie.
    fn alive(pid: &str) -> bool {
        let status = std::fs::read_to_string(format!("/proc/{}/status", pid.trim()));
        status.is_ok_and(|status| !status.contains("State:\tZ") && !status.contains("State:\tX"))
    }

    /// Waits for a process to end: a killed process takes a moment to die.
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
        let done = run_plain(job).await;
        let folder = done.folder.to_str().unwrap();
        assert_eq!(done.stdout.text, format!("A=1\nB=é\nHOME={folder}\nTMPDIR={folder}\n"));
        let here = run_plain(sh("pwd -P", LONG)).await;
        assert_eq!(here.stdout.text.trim_end(), here.folder.to_str().unwrap());
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
        let file = folder.path().join("pid");
        let job = sh(&format!("echo $$ > {}; exec sleep 60", file.display()), LONG);
        let cancel = CancellationToken::new();
        // Dropped after the timeout, which gives the child time to start.
        assert!(timeout(SHORT * 2, PlainRunner.run(job, &cancel)).await.is_err());
        let pid = std::fs::read_to_string(file).unwrap();
        gone(&pid).await;
    }

    #[tokio::test]
    async fn a_program_that_is_not_there_is_named() {
        let job = Job { program: "/nonexistent/python".into(), ..sh("", LONG) };
        let error = PlainRunner.run(job, &CancellationToken::new()).await.unwrap_err();
        assert!(error.to_string().contains("`/nonexistent/python`"), "{error}");
    }
}
