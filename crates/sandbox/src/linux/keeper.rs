//! The keeper process: builds the child's root, starts the child, monitors it, kills what is left,
//! and extracts the files.

use std::io::{Read, Write, pipe};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl::set_dumpable;
use nix::sys::signal::{SigSet, Signal, kill};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::socket::MsgFlags;
use nix::sys::stat::{Mode, umask};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, Uid, sethostname};

use super::memory::Memory;
use super::tree::Tree;
use super::user::NOBODY;
use super::{Plan, Report, Shared, confine, raw, step};
use crate::work::Work;
use crate::{Content, End};
use redraft_files as files;

/// Interval between checks of a child's memory.
const LOOK: Duration = Duration::from_millis(50);

/// A running child.
struct Started {
    child: Pid,
    at: Instant,
    signals: SignalFd,
    work: Work,
    memory: Memory,
    /// Receives requests for shared memory.
    asked: Option<OwnedFd>,
    gaps: Vec<String>,
}

/// Runs the child and writes the report. The child's root is mounted on the folder `root`.
pub(super) fn keep(root: &Path, shared: &Shared, plan: &Plan) {
    // The child's root needs a fixed mask; the user's own mask applies to the files that are kept.
    let mask = umask(Mode::from_bits_truncate(0o022));
    let told = match start(root, plan) {
        Ok(mut started) => {
            let end = watch(&mut started, shared, plan);
            let milliseconds = u64::try_from(started.at.elapsed().as_millis()).unwrap_or(u64::MAX);
            end_all();
            umask(mask);
            let kept = plan.job.keep_files_in.as_ref().map(|to| started.work.keep(to));
            Report { end, milliseconds, kept: kept.unwrap_or_default(), gaps: started.gaps }
        }
        Err(problem) => Report::failed(problem),
    };
    shared.report(&told);
}

fn start(root: &Path, plan: &Plan) -> Result<Started, String> {
    // Prevents the child from inspecting the keeper.
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
    // The child's messages before it executes the program; `exec` closes the pipe.
    let (mut said, saying) = step("cannot make a pipe", pipe())?;
    let (handles, listener) = step("cannot make a pipe", UnixDatagram::pair())?;
    let memory = Memory::begin(root, &plan.job);
    let at = Instant::now();
    match step("cannot fork", raw::fork_single())? {
        ForkResult::Child => {
            drop(said);
            let problem = confine::become_the_child(root, plan, &saying, &listener);
            let mut saying = saying;
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
            let asked = raw::receive_handle(handles.as_fd(), MsgFlags::MSG_DONTWAIT).ok().flatten();
            problem.map_or(Ok(Started { child, at, signals, work, memory, asked, gaps }), Err)
        }
    }
}

/// Waits for the child to end, or ends it at a limit. No other work may delay the time limit.
fn watch(started: &mut Started, shared: &Shared, plan: &Plan) -> Result<End, String> {
    let limits = &plan.job.limits;
    let until = started.at + limits.time;
    let mut next_look = started.at;
    loop {
        let left = until.min(next_look).saturating_duration_since(Instant::now());
        let wait = PollTimeout::try_from(left.min(LOOK)).unwrap_or(PollTimeout::ZERO);
        wait_for(started, wait);
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
        if Instant::now() >= until || shared.says_stop() {
            return Ok(End::TimedOut);
        }
        let began = Instant::now();
        if began < next_look {
            continue;
        }
        let held = started.memory.held();
        if held > limits.memory && Instant::now() < until {
            return Ok(End::OutOfMemory);
        }
        // More often when the limit is near, but at most half of the time.
        let pause = if held > limits.memory / 2 { LOOK / 5 } else { LOOK };
        next_look = Instant::now() + pause.max(began.elapsed());
    }
}

/// Waits up to `wait` for a signal or a memory request, which is answered.
fn wait_for(started: &mut Started, wait: PollTimeout) {
    let Some(asked) = &started.asked else {
        let _ = poll(&mut [PollFd::new(started.signals.as_fd(), PollFlags::POLLIN)], wait);
        return;
    };
    let mut both = [started.signals.as_fd(), asked.as_fd()]
        .map(|handle| PollFd::new(handle, PollFlags::POLLIN));
    let _ = poll(&mut both, wait);
    match both[1].revents() {
        Some(events) if events.contains(PollFlags::POLLIN) => started.memory.answer(asked),
        // No process is left that could send requests.
        Some(events) if events.contains(PollFlags::POLLHUP) => started.asked = None,
        _ => {}
    }
}

/// Kills every process of the child, and reaps them.
fn end_all() {
    loop {
        // Pid -1: all processes but the caller.
        let _ = kill(Pid::from_raw(-1), Signal::SIGKILL);
        match waitpid(None, None) {
            Ok(_) | Err(Errno::EINTR) => {}
            Err(_) => return,
        }
    }
}
