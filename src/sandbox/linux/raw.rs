//! The system calls that need `unsafe`, each with why it is sound here.
#![expect(unsafe_code, reason = "nothing else wraps these calls")]

use nix::errno::Errno;
use nix::unistd::{ForkResult, fork};

/// Forks. Only for a process with one thread: the outer one starts none, and neither do those that
/// come of it.
pub(super) fn fork_single() -> nix::Result<ForkResult> {
    // SAFETY: with one thread there is no lock that another one holds for ever in the copy.
    unsafe { fork() }
}

/// Makes every handle but the three standard ones close when the child's program is started.
pub(super) fn inherit_nothing() -> nix::Result<()> {
    // SAFETY: no pointers are passed, and handles stay open until the program is replaced.
    let done = unsafe {
        libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC)
    };
    Errno::result(done).map(drop)
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
