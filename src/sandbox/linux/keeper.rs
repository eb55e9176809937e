//! The keeper: builds the child's root, starts the child, watches it, ends whatever is left, and
//! brings out the files.

use std::io::{Read, Write, pipe};
use std::os::fd::AsFd;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl::set_dumpable;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, Uid, sethostname};

use super::outer::NOBODY;
use super::tree::Tree;
use super::{Plan, Report, Shared, confine, raw, step};
use crate::files;
use crate::sandbox::work::Work;
use crate::sandbox::{Content, End};

/// How often the memory of a child is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// A child that was started.
struct Started {
    child: Pid,
    at: Instant,
    signals: SignalFd,
    work: Work,
    gaps: Vec<String>,
}

/// Does all of it and reports. The child's root is mounted on the folder.
pub(super) fn keep(root: &Path, shared: &Shared, plan: &Plan) {
    let told = match start(root, plan) {
        Ok(started) => {
            let end = watch(&started, root, shared, plan);
            let milliseconds = u64::try_from(started.at.elapsed().as_millis()).unwrap_or(u64::MAX);
            end_all();
            let kept = plan.job.keep_files_in.as_ref().map(|to| started.work.keep(to));
            Report { end, milliseconds, kept: kept.unwrap_or_default(), gaps: started.gaps }
        }
        Err(problem) => Report::failed(problem),
    };
    shared.report(&told);
}

fn start(root: &Path, plan: &Plan) -> Result<Started, String> {
    // The child can't look into us.
    step("cannot hide itself", set_dumpable(false))?;
    let _ = sethostname("redraft");
    let given = plan.job.inputs.iter().map(|input| match &input.content {
        Content::Text(text) => text.len() as u64,
        Content::Copy(path) => files::size(path),
    });
    let mut tree = Tree::begin(root, plan, given.sum())?;
    let work = Work::fill(&tree.work(), &plan.job.inputs).map_err(|error| error.to_string())?;
    if Uid::effective().is_root() {
        tree.give_to(NOBODY, NOBODY)?;
    }
    tree.finish(plan)?;
    let mut gaps = tree.gaps;
    let mut waited = SigSet::empty();
    waited.add(Signal::SIGCHLD);
    step("cannot wait for signals", waited.thread_block())?;
    let signals = SignalFd::with_flags(&waited, SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK);
    let signals = step("cannot wait for signals", signals)?;
    // What the child says before it is the script's program; closed when it becomes that.
    let (mut said, saying) = step("cannot make a pipe", pipe())?;
    let at = Instant::now();
    match step("cannot fork", raw::fork_single())? {
        ForkResult::Child => {
            drop(said);
            let (problem, mut saying) = (confine::become_the_child(root, plan, &saying), saying);
            let _ = write!(saying, "!{problem}");
            std::process::exit(127);
        }
        ForkResult::Parent { child } => {
            drop(saying);
            let mut text = String::new();
            let _ = said.read_to_string(&mut text);
            let (told, problem) = match text.split_once('!') {
                Some((told, problem)) => (told, Some(problem.to_owned())),
                None => (text.as_str(), None),
            };
            gaps.extend(told.lines().map(str::to_owned));
            problem.map_or(Ok(Started { child, at, signals, work, gaps }), Err)
        }
    }
}

/// Waits for the child to end, or ends it at a limit.
fn watch(started: &Started, root: &Path, shared: &Shared, plan: &Plan) -> Result<End, String> {
    let limits = &plan.job.limits;
    loop {
        let left = limits.time.saturating_sub(started.at.elapsed());
        let wait = PollTimeout::try_from(left.min(LOOK)).unwrap_or(PollTimeout::ZERO);
        let _ = poll(&mut [PollFd::new(started.signals.as_fd(), PollFlags::POLLIN)], wait);
        while let Ok(Some(_)) = started.signals.read_signal() {}
        while let Ok(status) = waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            match status {
                WaitStatus::Exited(pid, code) if pid == started.child => {
                    return Ok(End::Exited(code));
                }
                WaitStatus::Signaled(pid, signal, _) if pid == started.child => {
                    return Ok(End::Signalled(signal as i32));
                }
                WaitStatus::StillAlive => break,
                _ => {}
            }
        }
        if started.at.elapsed() >= limits.time || shared.says_stop() {
            return Ok(End::TimedOut);
        }
        if memory(&root.join("proc")) > limits.memory {
            return Ok(End::OutOfMemory);
        }
    }
}

/// Bytes that all processes of the child use together.
fn memory(proc: &Path) -> u64 {
    let processes: Vec<_> = std::fs::read_dir(proc)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| {
            let name = entry.file_name();
            name.to_str()
                .is_some_and(|name| name != "1" && name.bytes().all(|b| b.is_ascii_digit()))
        })
        .map(|entry| entry.path())
        .collect();
    let resident = |process: &std::path::PathBuf| -> Option<u64> {
        let text = std::fs::read_to_string(process.join("statm")).ok()?;
        Some(text.split(' ').nth(1)?.parse::<u64>().ok()? * PAGE)
    };
    let sum: u64 = processes.iter().filter_map(resident).sum();
    if processes.len() < 2 {
        return sum;
    }
    // Processes that come of each other share pages, which are counted once here; that takes the
    // kernel longer, so it is asked only where it may matter.
    let fair = |process: &std::path::PathBuf| -> Option<u64> {
        let text = std::fs::read_to_string(process.join("smaps_rollup")).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
        Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
    };
    let shared: u64 = processes.iter().map(|p| fair(p).or_else(|| resident(p)).unwrap_or(0)).sum();
    shared.min(sum)
}

/// The unit of `statm`, which is the smallest page on the machines that we know.
const PAGE: u64 = 4096;

/// Ends every process of the child, and waits until they are gone.
fn end_all() {
    loop {
        // To all but ourselves.
        let _ = kill(Pid::from_raw(-1), Signal::SIGKILL);
        match waitpid(None, None) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(_) => return,
        }
    }
}
