//! Helper programs that serve a child from outside its sandbox, such as its display: they end with
//! the thread that started them, and their memory is limited.

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

/// Memory limit of a helper, in bytes. Memory that a child makes it allocate counts as the child's
/// long before this.
const MEMORY: u64 = 512 << 20;

/// A command that starts a helper with an empty environment: no keys, no names.
///
/// The kernel kills it with the *thread* that starts the command, so that thread must live as long.
pub(crate) fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("PATH", "/usr/bin:/bin");
    let parent = Pid::this();
    raw::before_start(&mut command, move || tie(parent));
    command
}

/// Ties this process to its parent, and limits it. System calls only: see [`raw::before_start`].
fn tie(parent: Pid) -> io::Result<()> {
    // SIGTERM, so that a display removes its socket and lock file.
    set_pdeathsig(Signal::SIGTERM)?;
    if getppid() != parent {
        return Err(Errno::ESRCH.into());
    }
    for (resource, most) in [(Resource::RLIMIT_DATA, MEMORY), (Resource::RLIMIT_CORE, 0)] {
        let hard = getrlimit(resource).map_or(most, |(_, hard)| hard.min(most));
        setrlimit(resource, hard, hard)?;
    }
    raw::inherit_nothing()?;
    // Files that it writes are private.
    umask(Mode::from_bits_truncate(0o077));
    Ok(())
}
