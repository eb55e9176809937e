//! A pseudo-terminal for a child: its input is typed there, and the text of the screen is captured.
//! redraft holds the other end, so the child has no access to any real terminal.
#![expect(unsafe_code, reason = "nothing else wraps these calls")]

mod screen;

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, OFlag, fcntl};
use nix::libc;
use nix::pty::{Winsize, openpty};
use nix::unistd::{setsid, ttyname};
use tokio::io::unix::AsyncFd;
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::Hands;
pub(super) use screen::Screen;
use screen::{COLUMNS, ROWS};

/// How long a child must draw nothing before the next line is typed: it may configure its terminal
/// first, which discards earlier input.
const PAUSE: Duration = Duration::from_millis(300);
/// How long to wait for the first output before the first line is typed anyway.
const START: Duration = Duration::from_secs(5);
/// How long a child must draw nothing, with all input typed, before it counts as waiting for keys.
const QUIET: Duration = Duration::from_secs(3);
/// Folders with terminal descriptions.
const KINDS: [&str; 4] =
    ["/usr/share/terminfo", "/lib/terminfo", "/usr/lib/terminfo", "/usr/local/share/terminfo"];

/// redraft's end of a child's terminal.
pub(super) struct Terminal {
    ours: AsyncFd<OwnedFd>,
    /// Its path for the child.
    pub(super) path: PathBuf,
}

impl Terminal {
    /// Opens a terminal, and returns it with the child's standard streams.
    pub(super) fn open() -> io::Result<(Self, [Stdio; 3])> {
        let size = Winsize { ws_row: ROWS, ws_col: COLUMNS, ws_xpixel: 0, ws_ypixel: 0 };
        let pair = openpty(Some(&size), None)?;
        for end in [&pair.master, &pair.slave] {
            fcntl(end, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC))?;
        }
        fcntl(&pair.master, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        let path = ttyname(&pair.slave)?;
        let [stdin, stdout] = [pair.slave.try_clone()?, pair.slave.try_clone()?];
        let streams = [stdin, stdout, pair.slave].map(Stdio::from);
        // SAFETY: the returned value owns the handle, which does not change and is closed with it.
        let ours = unsafe { AsyncFd::register(pair.master) }?;
        Ok((Self { ours, path }, streams))
    }

    /// Types the input, one line whenever the child draws nothing more, and captures the screen.
    /// Stops the child when all input is typed and it draws nothing more. Returns when no process
    /// holds the other end.
    pub(super) async fn attend(&self, screen: &mut Screen, input: &[u8], stop: &CancellationToken) {
        let mut lines = input.split_inclusive(|byte| *byte == b'\n').peekable();
        let mut bytes = vec![0; 16 * 1024];
        loop {
            let wait = match (screen.is_drawn(), lines.peek().is_some()) {
                (false, _) => START,
                (true, true) => PAUSE,
                (true, false) => QUIET,
            };
            match timeout(wait, self.read(&mut bytes)).await {
                Ok(Ok(n @ 1..)) => screen.take(&bytes[..n]),
                // On Linux, a read error means that no process holds the other end.
                Ok(_) => return,
                Err(_) => match lines.next() {
                    // A line counts as typed even if the child no longer reads.
                    Some(line) => drop(self.write(line).await),
                    None if screen.is_drawn() => stop.cancel(),
                    None => {}
                },
            }
            // Other tasks get a turn while a child draws endlessly.
            tokio::task::yield_now().await;
        }
    }

    /// Hands the terminal to the user until no process holds the other end or this is dropped;
    /// stops the child if the user asked for that.
    pub(super) async fn lend(&self, hands: &Hands, stop: &CancellationToken) {
        let Ok(ours) = self.ours.get_ref().try_clone() else { return };
        let over = CancellationToken::new();
        let _dropped = over.clone().drop_guard();
        let join = Arc::clone(&hands.0);
        if matches!(spawn_blocking(move || join(&ours, &over)).await, Ok(true)) {
            stop.cancel();
        }
    }

    async fn read(&self, bytes: &mut [u8]) -> io::Result<usize> {
        loop {
            let mut ready = self.ours.readable().await?;
            let read = ready.try_io(|ours| Ok(nix::unistd::read(ours.get_ref(), bytes)?));
            if let Ok(read) = read {
                return read;
            }
        }
    }

    /// Types a line, with Enter at its end. Bytes that the terminal's buffer does not take are
    /// dropped.
    async fn write(&self, line: &[u8]) -> io::Result<()> {
        let keys: Vec<u8> =
            line.iter().map(|byte| if *byte == b'\n' { b'\r' } else { *byte }).collect();
        let mut ready = timeout(PAUSE, self.ours.writable()).await??;
        let _ = ready.try_io(|ours| Ok(nix::unistd::write(ours.get_ref(), &keys)?));
        Ok(())
    }
}

/// Sets the size of a terminal, given redraft's end of it, in rows and columns.
pub fn resize(ours: &OwnedFd, (rows, columns): (u16, u16)) {
    let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the size is complete and outlives the call, and the handle stays open. A handle that
    // is not a terminal is left unchanged.
    unsafe { libc::ioctl(ours.as_raw_fd(), libc::TIOCSWINSZ as _, &raw const size) };
}

/// Makes this process the leader of a session whose terminal is its standard input. System calls
/// only: it runs between fork and exec.
pub(super) fn lead() -> io::Result<()> {
    setsid()?;
    take()
}

/// Makes standard input the controlling terminal of the session that this process leads.
pub(super) fn take() -> io::Result<()> {
    // SAFETY: no pointers are passed.
    let done = unsafe { libc::ioctl(libc::STDIN_FILENO, libc::TIOCSCTTY as _, 0) };
    Ok(Errno::result(done).map(drop)?)
}

/// Makes a command [`lead`] before its program starts.
pub(super) fn lead_before(command: &mut tokio::process::Command) {
    // SAFETY: it takes no locks and allocates no memory, which other threads may have held at the
    // fork.
    unsafe { command.pre_exec(lead) };
}

/// The value of `TERM` for a child: a terminal that this system describes and that the screen
/// emulation supports.
#[must_use]
pub fn kind() -> &'static str {
    let known = |kind: &&str| {
        let folders = KINDS.iter().flat_map(|place| {
            // Folders are named after the first letter, or its number in hexadecimal.
            let first = kind.as_bytes()[0];
            let names = [char::from(first).to_string(), format!("{first:x}")];
            names.map(|name| Path::new(place).join(name))
        });
        folders.map(|folder| folder.join(kind)).any(|path| path.exists())
    };
    ["xterm-256color", "xterm", "linux", "vt100"].into_iter().find(known).unwrap_or("xterm")
}
