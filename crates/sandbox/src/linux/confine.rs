//! The last step before the child: drops all privileges, then executes the child's program.

use std::ffi::OsString;
use std::io::{PipeWriter, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use landlock::{
    ABI, Access, AccessFs, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset,
    RulesetAttr, RulesetCreatedAttr, RulesetStatus, Scope,
};
use nix::mount::{MntFlags, umount2};
use nix::sched::{CloneFlags, CpuSet, sched_getaffinity, unshare};
use nix::sys::prctl::{set_dumpable, set_no_new_privs};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::SigSet;
use nix::unistd::{Gid, Pid, Uid, chdir, pivot_root, setgroups, setresgid, setresuid, setsid};

use super::handover::send_handle;
use super::tree::{WRITABLE, devices};
use super::user::{self, NOBODY};
use super::{Plan, WORK, step, syscalls};
use crate::{Limits, terminal};

/// Folders of the system's libraries, including the program loader.
const LIBRARIES: &[&str] =
    &["/lib", "/lib32", "/lib64", "/libx32", "/usr/lib", "/usr/lib32", "/usr/lib64"];
/// The newest Landlock ABI that is requested.
const RULES: ABI = ABI::V6;

/// Turns this process into the child; returns only on failure, with the error. Missing features are
/// written to `say`, one line each, and the handle for memory requests is sent to `listener`.
pub(super) fn become_the_child(
    root: &Path,
    plan: &Plan,
    mut say: &PipeWriter,
    listener: &UnixDatagram,
) -> String {
    match give_up(root, plan, listener) {
        Ok(gaps) => {
            for gap in gaps {
                let _ = writeln!(say, "{gap}");
            }
        }
        Err(problem) => return problem,
    }
    let job = &plan.job;
    let folders: [(OsString, OsString); 2] =
        [("HOME".into(), WORK.into()), ("TMPDIR".into(), "/tmp".into())];
    // `Command` unblocks signals and restores those that Rust ignores.
    let error = Command::new(&job.program)
        .args(&job.args)
        .env_clear()
        .envs(job.env.iter().cloned().chain(folders))
        .exec();
    format!("cannot start `{}`: {error}", job.program.display())
}

fn give_up(root: &Path, plan: &Plan, listener: &UnixDatagram) -> Result<Vec<String>, String> {
    let mut gaps = Vec::new();
    step("cannot take its signals back", SigSet::all().thread_unblock())?;
    step("cannot leave the terminal", setsid())?;
    if plan.job.terminal {
        step("cannot have a terminal of its own", terminal::take())?;
    }
    // A separate mount namespace: the keeper still needs the mounts that the child no longer sees.
    step("cannot have mounts of its own", unshare(CloneFlags::CLONE_NEWNS))?;
    step("cannot enter its root", chdir(root))?;
    step("cannot enter its root", pivot_root(".", "."))?;
    step("cannot leave ours", umount2(".", MntFlags::MNT_DETACH))?;
    step("cannot enter its work folder", chdir(WORK))?;
    if Uid::effective().is_root() {
        let (uid, gid) = (Uid::from_raw(NOBODY), Gid::from_raw(NOBODY));
        give_pipes();
        step("cannot give up root", setgroups(&[]))?;
        step("cannot give up root", setresgid(gid, gid, gid))?;
        step("cannot give up root", setresuid(uid, uid, uid))?;
        // Changing the user makes a process non-dumpable, which hides its own `/proc` files from
        // it.
        step("cannot map the user", set_dumpable(true))?;
        // Processes are counted per user in each user namespace.
        let own = step("", unshare(CloneFlags::CLONE_NEWUSER)).and_then(|()| user::map(uid, gid));
        if own.is_err() {
            gaps.push("it has no user namespace of its own: other processes of `nobody` count for its limit".to_owned());
        }
    }
    limit(&plan.job.limits)?;
    step("cannot renounce privileges", set_no_new_privs())?;
    gaps.extend(landlock(plan).err());
    let asked = syscalls::filter()?;
    let sent = asked.and_then(|asked| send_handle(listener.as_fd(), asked.as_fd()).ok());
    if sent.is_none() {
        gaps.push(
            "the kernel can't ask about its shared memory (another sandbox around it does): what it \
             unmaps of it is not counted"
                .to_owned(),
        );
    }
    Ok(gaps)
}

/// Lets the child open its own pipes by name, such as `/dev/stdout`. A file or a terminal in their
/// place keeps its owner.
fn give_pipes() {
    for number in 0..3 {
        let pipe = format!("/proc/self/fd/{number}");
        if std::fs::metadata(&pipe).is_ok_and(|meta| meta.file_type().is_fifo()) {
            let _ = std::os::unix::fs::chown(&pipe, Some(NOBODY), Some(NOBODY));
        }
    }
}

fn limit(limits: &Limits) -> Result<(), String> {
    // The CPU time limit allows all cores to be busy all the time. The standard library is not
    // used, because it would read the whole mount table for this.
    let here = sched_getaffinity(Pid::this());
    let is_ours = |n: &usize| here.as_ref().is_ok_and(|cores| cores.is_set(*n).unwrap_or(false));
    let cores = (0..CpuSet::count()).filter(is_ours).count().max(1) as u64;
    let seconds = limits.time.as_secs().saturating_add(1).saturating_mul(cores);
    for (resource, most) in [
        (Resource::RLIMIT_CORE, 0),
        (Resource::RLIMIT_CPU, seconds),
        (Resource::RLIMIT_DATA, limits.memory),
        (Resource::RLIMIT_FSIZE, limits.disk),
        (Resource::RLIMIT_MEMLOCK, 64 << 10),
        (Resource::RLIMIT_MSGQUEUE, 0),
        (Resource::RLIMIT_NOFILE, 1024),
        (Resource::RLIMIT_NPROC, limits.processes),
    ] {
        let hard = getrlimit(resource).map_or(most, |(_, hard)| hard.min(most));
        step("cannot limit it", setrlimit(resource, hard, hard))?;
    }
    Ok(())
}

/// Enforces with Landlock once more what the root and its mounts already enforce, and blocks
/// signals and abstract Unix sockets to the outside.
fn landlock(plan: &Plan) -> Result<(), String> {
    let partial = "Landlock does not know of sockets without a file here (Linux 6.12 and newer): \
                   with the network open, it may reach local services by them";
    let missing = "Landlock is not there (Linux 5.13 and newer): files are kept by mounts alone, \
                   and it may reach local services by sockets without a file and start other programs";
    let ruled = || -> Result<RulesetStatus, landlock::RulesetError> {
        let all = AccessFs::from_all(RULES);
        let mut rules = Ruleset::default()
            .set_compatibility(CompatLevel::BestEffort)
            .handle_access(all)?
            .scope(Scope::AbstractUnixSocket)?
            .scope(Scope::Signal)?
            .create()?;
        // Starting a program needs its own file and the system's loader, which is in a library
        // folder.
        let start = AccessFs::Execute;
        let without = |access: BitFlags<AccessFs>| {
            if plan.job.programs { access } else { access & !BitFlags::from(start) }
        };
        let mut allow = |path: &Path, access| -> Result<(), landlock::RulesetError> {
            // A path that does not exist needs no rule.
            if let Ok(place) = PathFd::new(path) {
                (&mut rules).add_rule(PathBeneath::new(place, access))?;
            }
            Ok(())
        };
        allow(Path::new("/"), without(AccessFs::from_read(RULES)))?;
        for place in WRITABLE {
            allow(Path::new(place), without(all))?;
        }
        for device in devices(&plan.job) {
            allow(Path::new(device), AccessFs::from_file(RULES))?;
        }
        allow(&plan.job.program, start | AccessFs::ReadFile)?;
        for place in LIBRARIES {
            allow(Path::new(place), start | AccessFs::ReadFile | AccessFs::ReadDir)?;
        }
        Ok(rules.restrict_self()?.ruleset)
    };
    match ruled() {
        Ok(RulesetStatus::NotEnforced) | Err(_) => Err(missing.to_owned()),
        // Without network access, the network namespace isolates abstract sockets.
        Ok(RulesetStatus::PartiallyEnforced) if plan.network => Err(partial.to_owned()),
        Ok(_) => Ok(()),
    }
}
