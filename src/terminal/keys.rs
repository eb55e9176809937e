//! Waits for a key.

use super::is_ending;
use console::{Key, Term};
use std::io;

/// How often to check whether a key is still awaited, in milliseconds.
pub(super) const LOOK: u8 = 100;

/// The next key. The terminal has to be in the mode of [`super::hush`].
///
/// # Errors
/// `Interrupted` if the program was asked to end or the question was answered elsewhere; else the
/// terminal cannot be read.
pub(super) fn next(term: &Term) -> io::Result<Key> {
    while !is_ending() {
        if ready(LOOK)? {
            return term.read_key();
        }
    }
    Err(io::ErrorKind::Interrupted.into())
}

/// Whether there is input now or within this time.
#[cfg(unix)]
pub(super) fn ready(milliseconds: u8) -> io::Result<bool> {
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    use std::os::fd::AsFd;
    let stdin = io::stdin();
    let mut polled = [PollFd::new(stdin.as_fd(), PollFlags::POLLIN)];
    match poll(&mut polled, PollTimeout::from(milliseconds)) {
        Ok(ready) => Ok(ready > 0),
        Err(nix::errno::Errno::EINTR) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// This cannot be checked here, so the caller blocks in the read.
#[cfg(not(unix))]
pub(super) fn ready(_: u8) -> io::Result<bool> {
    Ok(true)
}
