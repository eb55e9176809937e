//! The system calls that a child may make. Others fail with `ENOSYS`, so that libraries use a
//! fallback.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter, sock_filter,
};

use super::{raw, step};

/// Calls that ordinary programs use, on every architecture.
///
/// Calls for memory that can't be counted are left out: anonymous files, System V IPC (a display
/// works without it), and pages moved into pipes.
#[rustfmt::skip]
const ALLOWED: &[i64] = &[
    // Files and their content.
    libc::SYS_read, libc::SYS_write, libc::SYS_readv, libc::SYS_writev, libc::SYS_pread64,
    libc::SYS_pwrite64, libc::SYS_preadv, libc::SYS_pwritev, libc::SYS_preadv2, libc::SYS_pwritev2,
    libc::SYS_lseek, libc::SYS_close, libc::SYS_close_range, libc::SYS_openat, libc::SYS_openat2,
    libc::SYS_fstat, libc::SYS_newfstatat, libc::SYS_statx, libc::SYS_statfs, libc::SYS_fstatfs,
    libc::SYS_faccessat, libc::SYS_faccessat2, libc::SYS_getdents64, libc::SYS_readlinkat,
    libc::SYS_mkdirat, libc::SYS_mknodat, libc::SYS_linkat, libc::SYS_symlinkat, libc::SYS_unlinkat,
    libc::SYS_renameat2, libc::SYS_fchmod, libc::SYS_fchmodat, libc::SYS_fchown,
    libc::SYS_fchownat, libc::SYS_utimensat, libc::SYS_truncate, libc::SYS_ftruncate,
    libc::SYS_fallocate, libc::SYS_fsync, libc::SYS_fdatasync, libc::SYS_sync, libc::SYS_syncfs,
    libc::SYS_sync_file_range, libc::SYS_fadvise64, libc::SYS_readahead, libc::SYS_flock,
    libc::SYS_fcntl, libc::SYS_ioctl, libc::SYS_dup, libc::SYS_dup3, libc::SYS_pipe2,
    libc::SYS_sendfile, libc::SYS_splice, libc::SYS_tee,
    libc::SYS_copy_file_range, libc::SYS_getcwd, libc::SYS_chdir, libc::SYS_fchdir,
    libc::SYS_umask, libc::SYS_setxattr, libc::SYS_lsetxattr, libc::SYS_fsetxattr,
    libc::SYS_getxattr, libc::SYS_lgetxattr, libc::SYS_fgetxattr, libc::SYS_listxattr,
    libc::SYS_llistxattr, libc::SYS_flistxattr, libc::SYS_removexattr, libc::SYS_lremovexattr,
    libc::SYS_fremovexattr, libc::SYS_inotify_init1, libc::SYS_inotify_add_watch,
    libc::SYS_inotify_rm_watch,
    // Memory.
    libc::SYS_brk, libc::SYS_mmap, libc::SYS_munmap, libc::SYS_mremap, libc::SYS_mprotect,
    libc::SYS_madvise, libc::SYS_mincore, libc::SYS_msync, libc::SYS_mlock, libc::SYS_mlock2,
    libc::SYS_munlock, libc::SYS_mlockall, libc::SYS_munlockall, libc::SYS_membarrier,
    libc::SYS_pkey_alloc, libc::SYS_pkey_free, libc::SYS_pkey_mprotect,
    libc::SYS_mbind, libc::SYS_get_mempolicy, libc::SYS_set_mempolicy,
    // Processes and threads of its own. New namespaces are refused below.
    libc::SYS_clone, libc::SYS_execve, libc::SYS_execveat, libc::SYS_exit, libc::SYS_exit_group,
    libc::SYS_wait4, libc::SYS_waitid, libc::SYS_kill, libc::SYS_tkill, libc::SYS_tgkill,
    libc::SYS_pidfd_open, libc::SYS_pidfd_send_signal, libc::SYS_getpid, libc::SYS_getppid,
    libc::SYS_gettid, libc::SYS_getpgid, libc::SYS_setpgid, libc::SYS_getsid, libc::SYS_setsid,
    libc::SYS_getuid, libc::SYS_geteuid, libc::SYS_getgid, libc::SYS_getegid,
    libc::SYS_getresuid, libc::SYS_getresgid, libc::SYS_getgroups, libc::SYS_setuid,
    libc::SYS_setgid, libc::SYS_setreuid, libc::SYS_setregid, libc::SYS_setresuid,
    libc::SYS_setresgid, libc::SYS_capget, libc::SYS_prctl, libc::SYS_set_tid_address,
    libc::SYS_set_robust_list, libc::SYS_get_robust_list, libc::SYS_rseq, libc::SYS_futex,
    libc::SYS_getrlimit, libc::SYS_setrlimit, libc::SYS_prlimit64, libc::SYS_getrusage,
    libc::SYS_times, libc::SYS_getpriority, libc::SYS_setpriority, libc::SYS_getcpu,
    libc::SYS_sched_yield, libc::SYS_sched_getaffinity, libc::SYS_sched_setaffinity,
    libc::SYS_sched_getparam, libc::SYS_sched_setparam, libc::SYS_sched_getscheduler,
    libc::SYS_sched_setscheduler, libc::SYS_sched_getattr, libc::SYS_sched_setattr,
    libc::SYS_sched_get_priority_max, libc::SYS_sched_get_priority_min,
    libc::SYS_sched_rr_get_interval, libc::SYS_ioprio_get, libc::SYS_ioprio_set,
    libc::SYS_uname, libc::SYS_sysinfo, libc::SYS_getrandom,
    // Signals and time.
    libc::SYS_rt_sigaction, libc::SYS_rt_sigprocmask, libc::SYS_rt_sigreturn,
    libc::SYS_rt_sigpending, libc::SYS_rt_sigtimedwait, libc::SYS_rt_sigsuspend,
    libc::SYS_rt_sigqueueinfo, libc::SYS_rt_tgsigqueueinfo, libc::SYS_sigaltstack,
    libc::SYS_signalfd4, libc::SYS_restart_syscall, libc::SYS_nanosleep,
    libc::SYS_clock_nanosleep, libc::SYS_clock_gettime, libc::SYS_clock_getres,
    libc::SYS_gettimeofday, libc::SYS_getitimer, libc::SYS_setitimer, libc::SYS_timer_create,
    libc::SYS_timer_settime, libc::SYS_timer_gettime, libc::SYS_timer_getoverrun,
    libc::SYS_timer_delete, libc::SYS_timerfd_create, libc::SYS_timerfd_settime,
    libc::SYS_timerfd_gettime,
    // Waiting and communication. Most socket families are refused below.
    libc::SYS_ppoll, libc::SYS_pselect6, libc::SYS_epoll_create1, libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait, libc::SYS_epoll_pwait2, libc::SYS_eventfd2, libc::SYS_socket,
    libc::SYS_socketpair, libc::SYS_bind, libc::SYS_listen, libc::SYS_accept, libc::SYS_accept4,
    libc::SYS_connect, libc::SYS_shutdown, libc::SYS_getsockname, libc::SYS_getpeername,
    libc::SYS_getsockopt, libc::SYS_setsockopt, libc::SYS_sendto, libc::SYS_sendmsg,
    libc::SYS_sendmmsg, libc::SYS_recvfrom, libc::SYS_recvmsg, libc::SYS_recvmmsg,
];

/// Older equivalents that some architectures have in addition.
#[cfg(target_arch = "x86_64")]
#[rustfmt::skip]
const OLDER: &[i64] = &[
    libc::SYS_open, libc::SYS_creat, libc::SYS_stat, libc::SYS_lstat, libc::SYS_access,
    libc::SYS_readlink, libc::SYS_mkdir, libc::SYS_rmdir, libc::SYS_mknod, libc::SYS_link,
    libc::SYS_symlink, libc::SYS_unlink, libc::SYS_rename, libc::SYS_renameat, libc::SYS_chmod,
    libc::SYS_chown, libc::SYS_lchown, libc::SYS_utime, libc::SYS_utimes, libc::SYS_futimesat,
    libc::SYS_getdents, libc::SYS_dup2, libc::SYS_pipe, libc::SYS_poll, libc::SYS_select,
    libc::SYS_epoll_create, libc::SYS_epoll_wait, libc::SYS_eventfd, libc::SYS_signalfd,
    libc::SYS_inotify_init, libc::SYS_fork, libc::SYS_vfork, libc::SYS_getpgrp, libc::SYS_pause,
    libc::SYS_alarm, libc::SYS_time, libc::SYS_arch_prctl,
];
#[cfg(target_arch = "aarch64")]
const OLDER: &[i64] = &[libc::SYS_renameat];

/// `clone` flags for new namespaces.
const NAMESPACES: &[i32] = &[
    libc::CLONE_NEWNS,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWNET,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWCGROUP,
];
/// Socket families that are confined to the child's network namespace and root.
const FAMILIES: &[i32] = &[libc::AF_UNIX, libc::AF_INET, libc::AF_INET6];
/// `ioctl` requests that type into a terminal.
const TYPING: &[u64] = &[libc::TIOCSTI, libc::TIOCLINUX];

/// `mmap` flag for huge pages.
const HUGE: u64 = libc::MAP_HUGETLB.cast_unsigned() as u64;
/// Socket options that increase buffers.
const BUFFERS: &[i32] =
    &[libc::SO_SNDBUF, libc::SO_RCVBUF, libc::SO_SNDBUFFORCE, libc::SO_RCVBUFFORCE];

/// Installs the filters for this process and its descendants. Returns the handle on which requests
/// for anonymous shared memory are answered; `None` if the system does not support that.
pub(super) fn filter() -> Result<Option<OwnedFd>, String> {
    let what = "cannot filter its system calls";
    // Only one filter with a listener is allowed, so this fails if another sandbox around redraft
    // has one.
    let asked = raw::filter_and_listen(&memory(true)).ok();
    if asked.is_none() {
        step(what, apply_filter(&memory(false)))?;
    }
    for program in programs().map_err(|error| format!("{what}: {error}"))? {
        step(what, apply_filter(&program))?;
    }
    Ok(asked)
}

fn programs() -> Result<[BpfProgram; 2], seccompiler::BackendError> {
    let processor = TargetArch::try_from(std::env::consts::ARCH)?;
    let refused = BTreeMap::from([
        (
            libc::SYS_clone,
            NAMESPACES
                .iter()
                .map(|flag| {
                    let flag = u64::from(flag.cast_unsigned());
                    rule(&[(0, SeccompCmpOp::MaskedEq(flag), flag)])
                })
                .collect::<Result<Vec<_>, _>>()?,
        ),
        (libc::SYS_socket, vec![other_families()?]),
        (libc::SYS_socketpair, vec![other_families()?]),
        // Pages that do not count as a process's own.
        (libc::SYS_mmap, vec![rule(&[(3, SeccompCmpOp::MaskedEq(HUGE), HUGE)])?]),
        (
            libc::SYS_ioctl,
            TYPING
                .iter()
                .map(|request| rule(&[(1, SeccompCmpOp::Eq, *request)]))
                .collect::<Result<Vec<_>, _>>()?,
        ),
    ]);
    let denied = SeccompAction::Errno(libc::EPERM.cast_unsigned());
    let refused = SeccompFilter::new(refused, SeccompAction::Allow, denied, processor)?;
    // The last filter is installed last, since it forbids installing further ones.
    Ok([refused.try_into()?, known()])
}

/// Allows the known calls. The other filter checks the architecture of the call.
///
/// Not built with the library's compiler, which compares one number after the other: compiling that
/// many comparisons takes the kernel long, and it happens for each child.
fn known() -> BpfProgram {
    let mut numbers: Vec<u32> =
        ALLOWED.iter().chain(OLDER).filter_map(|number| (*number).try_into().ok()).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let mut bounds: Vec<u32> = Vec::new();
    for number in numbers {
        // Consecutive numbers form one range.
        if bounds.last() == Some(&number) {
            bounds.pop();
        } else {
            bounds.push(number);
        }
        bounds.push(number + 1);
    }
    let number_of_the_call = sock_filter { code: LOAD, jt: 0, jf: 0, k: 0 };
    [vec![number_of_the_call], search(&bounds, false)].concat()
}

/// With `listens`, asks the keeper about requests for anonymous shared memory. Also ignores socket
/// options that would change buffer sizes: they succeed without effect, since programs treat them
/// as hints. Jump targets are relative positions in the program.
fn memory(listens: bool) -> BpfProgram {
    let argument = |place: u32| sock_filter { code: LOAD, jt: 0, jf: 0, k: 16 + 8 * place };
    let jump = |code, k, jt, jf| sock_filter { code, jt, jf, k };
    let answer = |k| sock_filter { code: RETURN, jt: 0, jf: 0, k };
    let number = |call: i64| u32::try_from(call).unwrap_or(u32::MAX);
    let flags = |flags: i32| flags.cast_unsigned();
    let [send, receive, send_force, receive_force] = [0, 1, 2, 3].map(|n| flags(BUFFERS[n]));
    let ask = if listens { libc::SECCOMP_RET_USER_NOTIF } else { libc::SECCOMP_RET_ALLOW };
    vec![
        sock_filter { code: LOAD, jt: 0, jf: 0, k: 0 },
        jump(EQUALS, number(libc::SYS_mmap), 2, 0),
        jump(EQUALS, number(libc::SYS_setsockopt), 5, 0),
        answer(libc::SECCOMP_RET_ALLOW),
        // A mapping that is shared and anonymous.
        argument(3),
        sock_filter { code: AND, jt: 0, jf: 0, k: flags(libc::MAP_TYPE | libc::MAP_ANONYMOUS) },
        jump(EQUALS, flags(libc::MAP_SHARED | libc::MAP_ANONYMOUS), 0, 8),
        answer(ask),
        // A socket option.
        argument(1),
        jump(EQUALS, flags(libc::SOL_SOCKET), 0, 5),
        argument(2),
        jump(EQUALS, send, 4, 0),
        jump(EQUALS, receive, 3, 0),
        jump(EQUALS, send_force, 2, 0),
        jump(EQUALS, receive_force, 1, 0),
        answer(libc::SECCOMP_RET_ALLOW),
        answer(libc::SECCOMP_RET_ERRNO),
    ]
}

const EQUALS: u16 = operation(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K);
const AND: u16 = operation(libc::BPF_ALU | libc::BPF_AND | libc::BPF_K);
const LOAD: u16 = operation(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS);
const AT_LEAST: u16 = operation(libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K);
const RETURN: u16 = operation(libc::BPF_RET | libc::BPF_K);

#[expect(clippy::cast_possible_truncation, reason = "operations are a byte, in a wider field")]
const fn operation(parts: u32) -> u16 {
    parts as u16
}

/// Binary search for the range that contains the call number. `allowed` says whether the numbers
/// below the first bound are allowed; it alternates at each bound.
fn search(bounds: &[u32], allowed: bool) -> BpfProgram {
    if bounds.is_empty() {
        let unknown = libc::SECCOMP_RET_ERRNO | libc::ENOSYS.cast_unsigned();
        let k = if allowed { libc::SECCOMP_RET_ALLOW } else { unknown };
        return vec![sock_filter { code: RETURN, jt: 0, jf: 0, k }];
    }
    let middle = bounds.len() / 2;
    let below = search(&bounds[..middle], allowed);
    let above = search(&bounds[middle + 1..], allowed != middle.is_multiple_of(2));
    // There are far fewer bounds than the longest jump; a test checks all numbers.
    let jt = u8::try_from(below.len()).unwrap_or(u8::MAX);
    let split = sock_filter { code: AT_LEAST, jt, jf: 0, k: bounds[middle] };
    [vec![split], below, above].concat()
}

fn other_families() -> Result<SeccompRule, seccompiler::BackendError> {
    let others: Vec<_> = FAMILIES
        .iter()
        .map(|family| (0, SeccompCmpOp::Ne, u64::from(family.cast_unsigned())))
        .collect();
    rule(&others)
}

/// A rule that requires all conditions: argument index, comparison, value. Only the lower 32 bits
/// are compared, as in the kernel.
fn rule(conditions: &[(u8, SeccompCmpOp, u64)]) -> Result<SeccompRule, seccompiler::BackendError> {
    let conditions = conditions.iter().map(|(place, how, with)| {
        SeccompCondition::new(*place, SeccompCmpArgLen::Dword, how.clone(), *with)
    });
    SeccompRule::new(conditions.collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The filter's answer to a call with this number.
    fn answer(program: &[sock_filter], number: u32) -> u32 {
        let mut at = 1;
        loop {
            let sock_filter { code, jt, jf, k } = &program[at];
            if *code == RETURN {
                return *k;
            }
            at += 1 + usize::from(if number >= *k { *jt } else { *jf });
        }
    }

    #[test]
    fn exactly_the_listed_calls_are_let_through() {
        let program = known();
        let far = [0x3fff_ffff, 0x4000_0000, 0x4000_0001, u32::MAX];
        for number in (0..2048).chain(far) {
            let listed = ALLOWED.iter().chain(OLDER).any(|call| *call == i64::from(number));
            let let_through = answer(&program, number) == libc::SECCOMP_RET_ALLOW;
            assert_eq!(let_through, listed, "call {number}");
        }
    }
}
