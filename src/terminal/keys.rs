//! Waiting for a key.

use super::is_ending;
use console::{Key, Term};
use std::io;

/// How often it is looked whether there is still something to wait for, in milliseconds.
pub(super) const LOOK: u8 = 100;

/// The next key. The terminal has to be hushed ([`super::hush`]).
///
/// # Errors
/// The program was told to end, or what is asked was answered elsewhere (`Interrupted`), or the terminal is
/// gone.
pub(super) fn next(term: &Term) -> io::Result<Key> {
    while !is_ending() {
        if ready(LOOK)? {
            return term.read_key();
        }
    }
    Err(io::ErrorKind::Interrupted.into())
}

/// Whether there is input, now or within so many milliseconds.
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

/// There is no telling: whoever reads waits.
#[cfg(not(unix))]
pub(super) fn ready(_: u8) -> io::Result<bool> {
    Ok(true)
}
