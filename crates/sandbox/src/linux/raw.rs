//! System calls that need `unsafe`, each with the reason why it is sound.
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

/// Stack size in bytes of a process that shares this one's memory: the same as a thread's.
const STACK: usize = 2 << 20;

/// Forks. Only for a single-threaded process: neither the outer process nor its descendants start
/// threads.
pub(super) fn fork_single() -> nix::Result<ForkResult> {
    // SAFETY: with one thread, no other thread can hold a lock in the copy forever.
    unsafe { fork() }
}

/// Runs `work` in a new process and waits for it to end.
///
/// The process shares this one's memory, which avoids copying its page tables. Only for a
/// single-threaded process, like [`fork_single`].
pub(super) fn in_another(work: impl FnOnce()) -> nix::Result<Pid> {
    let mut work = Some(work);
    let once = || {
        if let Some(work) = work.take() {
            work();
        }
        0
    };
    let flags = CloneFlags::CLONE_VM | CloneFlags::CLONE_VFORK;
    // SAFETY: `CLONE_VFORK` suspends this process until the other has ended, so borrowed data stays
    // valid and nothing is used by both. The new process has its own stack, and with one thread
    // there is no lock to wait for. The closure's result is its exit code.
    unsafe { clone(Box::new(once), &mut vec![0; STACK], flags, Some(libc::SIGCHLD)) }
}

/// Runs `work` in a command's new process before the program starts. It may only make system calls:
/// other threads may have held locks, including the allocator's, at the fork.
pub(super) fn before_start(
    command: &mut Command,
    work: impl FnMut() -> io::Result<()> + Send + Sync + 'static,
) {
    // SAFETY: as required above, `work` takes no locks and allocates no memory.
    unsafe { command.pre_exec(work) };
}

/// Sets and clears attributes of a mount, and of all mounts below it if `all`.
pub(super) fn protect(place: &Path, all: bool, set: u64, clear: u64) -> nix::Result<()> {
    let place = CString::new(place.as_os_str().as_bytes()).map_err(|_| Errno::EINVAL)?;
    let attributes =
        libc::mount_attr { attr_set: set, attr_clr: clear, propagation: 0, userns_fd: 0 };
    let flags = if all { libc::AT_RECURSIVE } else { 0 };
    // SAFETY: the path is zero-terminated, the size of the attributes is correct, and both outlive
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

/// Makes all handles except the three standard ones close on `exec`.
pub(super) fn inherit_nothing() -> nix::Result<()> {
    // SAFETY: no pointers are passed, and handles stay open until `exec`.
    let done = unsafe {
        libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC)
    };
    Errno::result(done).map(drop)
}

/// Receives one handle from a socket; `None` if the message contains none.
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
                // SAFETY: the kernel has just created this handle, and nothing else owns it.
                handle = Some(unsafe { OwnedFd::from_raw_fd(number) });
            }
        }
    }
    Ok(handle)
}

/// Brings up the loopback device of a new network namespace, so that programs in it can connect to
/// each other.
pub(super) fn loopback_up() -> nix::Result<()> {
    // SAFETY: all zeros is a valid `ifreq`.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(b"lo") {
        *to = (*from).cast_signed() as libc::c_char;
    }
    // SAFETY: no pointers are passed.
    let socket = unsafe { libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0) };
    Errno::result(socket)?;
    // SAFETY: the request is a complete `ifreq` that outlives both calls; the flags field is
    // written by the first call and read by the second; the socket is owned here and closed once.
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

/// Installs a seccomp filter on this process, and returns the handle on which its notifications are
/// answered.
pub(super) fn filter_and_listen(program: &[sock_filter]) -> nix::Result<OwnedFd> {
    let program = libc::sock_fprog {
        len: u16::try_from(program.len()).map_err(|_| Errno::EINVAL)?,
        filter: program.as_ptr().cast_mut().cast(),
    };
    // SAFETY: the library's instructions have the same layout as the system's; the length of the
    // program is correct, and it outlives the call, which does not modify it.
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
    // SAFETY: the handle is new and has no other owner.
    Ok(unsafe { OwnedFd::from_raw_fd(listener) })
}

/// Receives the next system call that waits for an answer.
pub(super) fn next_call(listener: &OwnedFd) -> nix::Result<libc::seccomp_notif> {
    // SAFETY: all zeros is a valid request, and the kernel requires it.
    let mut call: libc::seccomp_notif = unsafe { std::mem::zeroed() };
    // SAFETY: the request is complete and outlives the call, which fills it.
    let done =
        unsafe { libc::ioctl(listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_RECV, &raw mut call) };
    Errno::result(done).map(|_| call)
}

/// Lets a waiting system call continue, or makes it fail with this error.
pub(super) fn answer_call(listener: &OwnedFd, id: u64, error: i32) -> nix::Result<()> {
    // The library declares the flag with another width than the field.
    let goes_on = u32::try_from(libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE).unwrap_or_default();
    let flags = if error == 0 { goes_on } else { 0 };
    let mut answer = libc::seccomp_notif_resp { id, val: 0, error: -error, flags };
    // SAFETY: the answer is complete and outlives the call, which reads it.
    let done = unsafe {
        libc::ioctl(listener.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_SEND, &raw mut answer)
    };
    Errno::result(done).map(drop)
}
