//! Connects the user's keyboard and screen to the terminal of a running program.

use super::{remember, restore};
use crate::sandbox::{Hands, terminal};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::termios::{LocalFlags, SetArg, cfmakeraw, tcgetattr, tcsetattr};
use nix::unistd::{read, write};
use std::io::{IsTerminal, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};
use tokio_util::sync::CancellationToken;

/// How often to check for a new window size or a stopped program, in milliseconds.
const LOOK: u8 = 50;
/// `Ctrl-\`, the key that ends a program that does not end by itself.
const LEAVE: u8 = 0x1c;

/// The recorded input of the user.
pub type Typed = Arc<Mutex<Record>>;

/// Whether the user's keyboard and screen can be connected: all standard streams are terminals.
#[must_use]
pub fn is_possible() -> bool {
    std::io::stdin().is_terminal()
        && std::io::stdout().is_terminal()
        && std::io::stderr().is_terminal()
}

/// The callback that connects the user's terminal to a program's.
#[must_use]
pub fn hands(typed: &Typed) -> Hands {
    let typed = Arc::clone(typed);
    Hands(Arc::new(move |program, over| join(program, over, &typed)))
}

/// The recorded input as text.
#[must_use]
pub fn text(typed: &Typed) -> String {
    let record = typed.lock().unwrap_or_else(PoisonError::into_inner);
    String::from_utf8_lossy(&record.text).into_owned()
}

/// Relays input and output until the run is over or no process holds the other end of the program's
/// terminal. Returns whether the user typed [`LEAVE`].
fn join(program: &OwnedFd, over: &CancellationToken, typed: &Typed) -> bool {
    remember();
    let stdin = std::io::stdin();
    if let Ok(mut raw) = tcgetattr(&stdin) {
        cfmakeraw(&mut raw);
        let _ = tcsetattr(&stdin, SetArg::TCSADRAIN, &raw);
    }
    let mut size = (0, 0);
    let left = loop {
        match step(program, typed, &mut size) {
            Ok(false) if !over.is_cancelled() => {}
            Ok(left) => break left,
            // No process holds the other end.
            Err(_) => break false,
        }
    };
    restore();
    left
}

/// Relays the available input and output once; returns whether the user wants to end the program.
fn step(program: &OwnedFd, typed: &Typed, size: &mut (u16, u16)) -> nix::Result<bool> {
    let now = console::Term::stdout().size();
    if now != *size {
        *size = now;
        terminal::resize(program, now);
    }
    let stdin = std::io::stdin();
    let mut both = [stdin.as_fd(), program.as_fd()].map(|end| PollFd::new(end, PollFlags::POLLIN));
    match poll(&mut both, PollTimeout::from(LOOK)) {
        Err(Errno::EINTR) => return Ok(false),
        polled => polled?,
    };
    let [keys, drawn] = both.map(|end| end.revents().is_some_and(|events| !events.is_empty()));
    let mut bytes = [0; 4096];
    if drawn {
        match read(program, &mut bytes) {
            Ok(0) => return Err(Errno::EIO),
            Ok(n) => {
                let mut out = std::io::stdout().lock();
                // A write error is ignored: a closed terminal is reported by a signal.
                let _ = out.write_all(&bytes[..n]).and_then(|()| out.flush());
            }
            Err(Errno::EAGAIN | Errno::EINTR) => {}
            Err(error) => return Err(error),
        }
    }
    if keys {
        let n = read(&stdin, &mut bytes)?;
        let keys = &bytes[..n];
        if n == 0 || keys.contains(&LEAVE) {
            return Ok(true);
        }
        let lines =
            tcgetattr(program).is_ok_and(|modes| modes.local_flags.contains(LocalFlags::ICANON));
        typed.lock().unwrap_or_else(PoisonError::into_inner).keys(keys, lines);
        // Input that a program does not read is dropped once its terminal is full.
        let _ = write(program, keys);
    }
    Ok(false)
}

/// The user's input, as the text that the program received.
#[derive(Debug, Default)]
pub struct Record {
    text: Vec<u8>,
}

impl Record {
    /// Records keys. If the terminal is in line mode (`lines`), it applies the editing keys itself
    /// before the program reads a line.
    fn keys(&mut self, keys: &[u8], lines: bool) {
        for key in keys {
            match key {
                b'\r' => self.text.push(b'\n'),
                // Ctrl-C, Ctrl-D and Ctrl-Z are not part of the text.
                3 | 4 | 26 if lines => {}
                8 | 127 if lines => {
                    self.take_back();
                }
                21 if lines => while self.take_back() {},
                key => self.text.push(*key),
            }
        }
    }

    /// Removes the last character of the last line; returns whether there was one.
    fn take_back(&mut self) -> bool {
        while let Some(byte) = self.text.pop_if(|byte| *byte != b'\n') {
            // The first byte of a UTF-8 character.
            if byte & 0xc0 != 0x80 {
                return true;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_recorded_input_is_the_lines_after_editing_keys() {
        for (keys, lines, text) in [
            ("3\r", true, "3\n"),
            ("34\u{7f}\r", true, "3\n"),
            ("é\u{7f}x\r", true, "x\n"),
            ("a\rbc\u{15}d\r", true, "a\nd\n"),
            ("\u{7f}\u{7f}a\u{4}", true, "a"),
            ("\u{3}", true, ""),
            ("q\u{7f}", false, "q\u{7f}"),
            ("\u{1b}[A", false, "\u{1b}[A"),
        ] {
            let mut record = Record::default();
            record.keys(keys.as_bytes(), lines);
            assert_eq!(record.text, text.as_bytes(), "{keys:?}");
        }
    }
}
