//! The outer process: creates the namespaces and forks the keeper into them.

use std::io::{Read, pipe};
use std::os::fd::AsRawFd;
use std::path::Path;

use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::sys::wait::waitpid;
use nix::unistd::{Gid, Uid, getppid};

use super::{OUTER, PLAN, Plan, Report, Shared, handover, keeper, raw, step, user};
use crate::proxy;
use redraft_files as files;

/// If this process was started as the outer process, runs it and returns the exit code.
#[must_use]
pub(crate) fn run_as_outer() -> Option<u8> {
    let mut args = std::env::args_os().skip(1);
    if args.next()? != OUTER {
        return None;
    }
    let folder = args.next()?;
    let folder = Path::new(&folder);
    // Without the folder there is nowhere to report an error.
    let Ok(shared) = Shared::open(folder) else { return Some(1) };
    match work(folder, &shared) {
        Ok(()) => Some(0),
        Err(problem) => {
            shared.report(&Report::failed(problem));
            Some(1)
        }
    }
}

fn work(folder: &Path, shared: &Shared) -> Result<(), String> {
    let plan = step("cannot read the plan", files::read(&folder.join(PLAN)))?;
    let mut plan: Plan = step("cannot read the plan", serde_json::from_slice(&plan))?;
    step("cannot be tied to its parent", set_pdeathsig(Signal::SIGKILL))?;
    if getppid().as_raw() != plan.parent {
        return Err("its parent is gone".to_owned());
    }
    step("cannot close inherited handles", raw::inherit_nothing())?;
    namespaces(&plan)?;
    if !plan.network {
        step("cannot bring up the loopback device", raw::loopback_up())?;
        if !plan.job.hosts.is_empty() {
            let port = handover::listen(shared)?;
            plan.job.env.extend(proxy::environment(&plan.job.hosts, port));
        }
    }
    // This pipe shows the keeper that the outer process ended before the keeper requested a
    // parent-death signal.
    let (mut alive, ours) = step("cannot make a pipe", pipe())?;
    let keeper = raw::in_another(|| {
        // The keeper's copy; the outer process keeps its own open.
        let closed = nix::unistd::close(ours.as_raw_fd());
        if closed.is_ok() && set_pdeathsig(Signal::SIGKILL).is_ok() && still_there(&mut alive) {
            keeper::keep(folder, shared, &plan);
        }
    });
    let keeper = step("cannot start the keeper", keeper)?;
    step("cannot wait", waitpid(keeper, None)).map(drop)
}

/// Whether the other end of the pipe is still open: then a read would block.
fn still_there(pipe: &mut std::io::PipeReader) -> bool {
    use nix::fcntl::{FcntlArg, OFlag, fcntl};
    let waits = fcntl(&*pipe, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).is_ok();
    waits && pipe.read(&mut [0]).is_err()
}

/// The kinds of namespaces of a child.
fn kinds(network: bool) -> CloneFlags {
    let mut flags = CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWUTS
        | CloneFlags::CLONE_NEWCGROUP;
    flags.set(CloneFlags::CLONE_NEWNET, !network);
    flags
}

/// Enters new namespaces: directly as root, otherwise through a user namespace, where that is
/// allowed.
fn namespaces(plan: &Plan) -> Result<(), String> {
    let kinds = kinds(plan.network);
    if Uid::effective().is_root() && unshare(kinds).is_ok() {
        return Ok(());
    }
    let (uid, gid) = (Uid::effective(), Gid::effective());
    let how = "it needs namespaces (as an ordinary user: `sysctl kernel.unprivileged_userns_clone=1` \
               or `sysctl kernel.apparmor_restrict_unprivileged_userns=0`; in a container: \
               `--privileged`)";
    step(how, unshare(kinds | CloneFlags::CLONE_NEWUSER))?;
    user::map(uid, gid)
}
