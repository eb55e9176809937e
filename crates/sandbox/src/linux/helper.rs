//! Programs of the system that serve a child from outside its confinement, as its display does: they
//! end with the thread that started them, and may take a bounded amount of memory.

use std::io;
use std::path::Path;
use std::process::Command;

use nix::errno::Errno;
use nix::sys::prctl::set_pdeathsig;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::Signal;
use nix::sys::stat::{Mode, umask};
use nix::unistd::{Pid, getppid};

use super::raw;

/// Bytes of memory that a helper may have of its own. What a child makes it take counts for the
/// child long before.
const MEMORY: u64 = 512 << 20;

/// A command that starts a helper. It has nothing of our environment: neither keys nor names.
///
/// The kernel ends it with the *thread* that starts the command, so that has to live as long.
pub(crate) fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("PATH", "/usr/bin:/bin");
    let parent = Pid::this();
    raw::before_start(&mut command, move || tie(parent));
    command
}

/// Ties this process to its parent, and bounds it. System calls only: see [`raw::before_start`].
fn tie(parent: Pid) -> io::Result<()> {
    // Gently, so that a display takes its socket and its lock away.
    set_pdeathsig(Signal::SIGTERM)?;
    if getppid() != parent {
        return Err(Errno::ESRCH.into());
    }
    for (resource, most) in [(Resource::RLIMIT_DATA, MEMORY), (Resource::RLIMIT_CORE, 0)] {
        let hard = getrlimit(resource).map_or(most, |(_, hard)| hard.min(most));
        setrlimit(resource, hard, hard)?;
    }
    raw::inherit_nothing()?;
    // What it writes is nobody else's business.
    umask(Mode::from_bits_truncate(0o077));
    Ok(())
}
