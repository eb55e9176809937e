//! The system calls that need `unsafe`, each with why it is sound here.
#![expect(unsafe_code, reason = "nothing else wraps these calls")]

use std::ffi::CString;
use std::io::{self, IoSliceMut};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use nix::cmsg_space;
use nix::errno::Errno;
use nix::sched::{CloneFlags, clone};
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg};
use nix::unistd::{ForkResult, Pid, fork};
use seccompiler::sock_filter;

/// Room for the stack of a process that shares our memory: as much as a thread has.
const STACK: usize = 2 << 20;

/// Forks. Only for a process with one thread: the outer one starts none, and neither do those that
/// come of it.
pub(super) fn fork_single() -> nix::Result<ForkResult> {
    // SAFETY: with one thread there is no lock that another one holds for ever in the copy.
    unsafe { fork() }
}

/// Does some work in a new process, and comes back when that has ended.
///
/// The process shares our memory, which saves copying what the system keeps of it. Only for a
/// process with one thread, as [`fork_single`].
pub(super) fn in_another(work: impl FnOnce()) -> nix::Result<Pid> {
    let mut work = Some(work);
    let once = || {
        if let Some(work) = work.take() {
            work();
        }
        0
    };
    let flags = CloneFlags::CLONE_VM | CloneFlags::CLONE_VFORK;
    // SAFETY: by `CLONE_VFORK`, this process stands still until the other has ended, so that what is
    // borrowed outlives it and nothing is used by both; it has a stack of its own, and with one
    // thread there is no lock that it could wait for. What it returns is its exit code.
    unsafe { clone(Box::new(once), &mut vec![0; STACK], flags, Some(libc::SIGCHLD)) }
}

/// Has a command do some work in its new process before that becomes the program. The work may be
/// system calls only: other threads may have held locks, also of the allocator, when it was copied.
pub(super) fn before_start(
    command: &mut Command,
    work: impl FnMut() -> io::Result<()> + Send + Sync + 'static,
) {
    // SAFETY: the work takes no lock and no memory, as is asked for above.
    unsafe { command.pre_exec(work) };
}

/// Sets and clears attributes of a mount, and of all below it if `all`.
pub(super) fn protect(place: &Path, all: bool, set: u64, clear: u64) -> nix::Result<()> {
    let place = CString::new(place.as_os_str().as_bytes()).map_err(|_| Errno::EINVAL)?;
    let attributes =
        libc::mount_attr { attr_set: set, attr_clr: clear, propagation: 0, userns_fd: 0 };
    let flags = if all { libc::AT_RECURSIVE } else { 0 };
    // SAFETY: the path ends in a zero byte, the attributes are as long as is said, and both outlive
    // the call.
    let done = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            libc::AT_FDCWD,
            place.as_ptr(),
            flags,
            &raw const attributes,
            size_of::<libc::mount_attr>(),
        )
    };
    Errno::result(done).map(drop)
}

/// Makes every handle but the three standard ones close when the child's program is started.
pub(super) fn inherit_nothing() -> nix::Result<()> {
    // SAFETY: no pointers are passed, and handles stay open until the program is replaced.
    let done = unsafe {
        libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC)
    };
    Errno::result(done).map(drop)
}

/// Receives one handle that another process sends over a socket; none if it sends another message.
pub(super) fn receive_handle(
    socket: BorrowedFd<'_>,
    flags: MsgFlags,
) -> nix::Result<Option<OwnedFd>> {
    let mut byte = [0];
    let mut parts = [IoSliceMut::new(&mut byte)];
    let mut space = cmsg_space!([i32; 1]);
    let flags = flags | MsgFlags::MSG_CMSG_CLOEXEC;
    let message = recvmsg::<()>(socket.as_raw_fd(), &mut parts, Some(&mut space), flags)?;
    let mut handle = None;
    for part in message.cmsgs()? {
        if let ControlMessageOwned::ScmRights(numbers) = part {
            for number in numbers {
                // SAFETY: the kernel made this handle for us just now, and nobody else has its number.
                handle = Some(unsafe { OwnedFd::from_raw_fd(number) });
            }
        }
    }
    Ok(handle)
}

/// Brings up the loopback device of a new network namespace, so that a program can talk to itself.
pub(super) fn loopback_up() -> nix::Result<()> {
    // SAFETY: all zeros is a valid `ifreq`.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(b"lo") {
        *to = (*from).cast_signed() as libc::c_char;
    }
    // SAFETY: no pointers are passed.
    let socket = unsafe { libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) };
    Errno::result(socket)?;
    // SAFETY: the request is a whole `ifreq` that outlives both calls, and its flags are what the
    // first call writes and the second reads; the socket is ours and closed once.
    let done = unsafe {
        let mut done = libc::ioctl(socket, libc::SIOCGIFFLAGS as _, &raw mut request);
        if done == 0 {
            request.ifr_ifru.ifru_flags |= 1; // IFF_UP
            done = libc::ioctl(socket, libc::SIOCSIFFLAGS as _, &raw mut request);
        }
        libc::close(socket);
        done
    };
    Errno::result(done).map(drop)
}

/// Puts a filter on this process, and gives where the calls are answered that it asks about.
pub(super) fn filter_and_listen(program: &[sock_filter]) -> nix::Result<OwnedFd> {
    let program = libc::sock_fprog {
        len: u16::try_from(program.len()).map_err(|_| Errno::EINVAL)?,
        filter: program.as_ptr().cast_mut().cast(),
    };
    // SAFETY: the library's instruction is laid out as the system's; the program is as long as is said
    // and outlives the call, which does not change it.
    let listener = unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            libc::SECCOMP_FILTER_FLAG_NEW_LISTENER,
            &raw const program,
        )
    };
    let listener = i32::try_from(Errno::result(listener)?).map_err(|_| Errno::EBADF)?;
    // SAFETY: the handle is new, and nobody else's.
    Ok(unsafe { OwnedFd::from_raw_fd(listener) })
}

/// The next call that waits for an answer.
pub(super) fn next_call(listener: &OwnedFd) -> nix::Result<libc::seccomp_notif> {
    // SAFETY: all zeros is a valid request, and what the kernel wants to be given.
    let mut call: libc::seccomp_notif = unsafe { std::mem::zeroed() };
    // SAFETY: the request is whole and outlives the call, which fills it.
    let done =
        unsafe { libc::ioctl(listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_RECV, &raw mut call) };
    Errno::result(done).map(|_| call)
}

/// Lets a call that waits go on, or has it fail with this error.
pub(super) fn answer_call(listener: &OwnedFd, id: u64, error: i32) -> nix::Result<()> {
    // The library has the flag in another width than the field.
    let goes_on = u32::try_from(libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE).unwrap_or_default();
    let flags = if error == 0 { goes_on } else { 0 };
    let mut answer = libc::seccomp_notif_resp { id, val: 0, error: -error, flags };
    // SAFETY: the answer is whole and outlives the call, which reads it.
    let done = unsafe {
        libc::ioctl(listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_SEND, &raw mut answer)
    };
    Errno::result(done).map(drop)
}
