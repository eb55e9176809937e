//! Programs of the system that serve a child from outside its confinement, as its display does: they
//! end with the thread that started them, and may take a bounded amount of memory.

use std::ffi::OsStr;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use nix::sys::prctl::set_pdeathsig;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::Signal;
use nix::sys::stat::{Mode, umask};
use nix::unistd::getppid;

use super::raw;

/// What our own program is called with to become such a program.
const HELPER: &str = "help-a-child";
/// Bytes of memory that a helper may have of its own. What a child makes it take counts for the
/// child long before.
const MEMORY: u64 = 512 << 20;

/// Starts a helper. It has nothing of our environment: neither keys nor names.
///
/// The kernel ends it with the *thread* that starts the command, so that has to live as long.
pub(in crate::sandbox) fn command(program: &Path) -> Command {
    let mut command = Command::new("/proc/self/exe");
    command.arg(HELPER).arg(std::process::id().to_string()).arg(program);
    command.env_clear().env("PATH", "/usr/bin:/bin");
    command
}

/// Becomes a helper if this process was started as one: gives the exit code if that fails.
pub(super) fn run(mut args: impl Iterator<Item = impl AsRef<OsStr>>) -> Option<u8> {
    if args.next()?.as_ref() != HELPER {
        return None;
    }
    let parent: i32 = args.next()?.as_ref().to_str()?.parse().ok()?;
    let program = args.next()?;
    // Gently, so that a display takes its socket and its lock away.
    let tied = set_pdeathsig(Signal::SIGTERM).is_ok() && getppid().as_raw() == parent;
    let bounded = setrlimit(Resource::RLIMIT_DATA, MEMORY, MEMORY).is_ok()
        && setrlimit(Resource::RLIMIT_CORE, 0, 0).is_ok();
    if !tied || !bounded || raw::inherit_nothing().is_err() {
        return Some(1);
    }
    // What it writes is nobody else's business.
    umask(Mode::from_bits_truncate(0o077));
    let _ = Command::new(program.as_ref()).args(args).exec();
    Some(127)
}
