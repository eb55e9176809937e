//! A terminal of a child's own: its input is typed there, and what it drew is kept as the text of the
//! screen. We hold the other end of it, so that the child reaches no terminal of anybody's.
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

/// How long a child that drew something draws nothing more before the next line is typed: it may set
/// up its terminal first, which forgets what was typed before.
const PAUSE: Duration = Duration::from_millis(300);
/// How long it may take until it draws something, before its first line is typed all the same.
const START: Duration = Duration::from_secs(5);
/// How long it draws nothing more, with all typed, before it is said to wait for keys.
const QUIET: Duration = Duration::from_secs(3);
/// Where systems describe the kinds of terminal.
const KINDS: [&str; 4] =
    ["/usr/share/terminfo", "/lib/terminfo", "/usr/lib/terminfo", "/usr/local/share/terminfo"];

/// The end of a child's terminal that we hold.
pub(super) struct Terminal {
    ours: AsyncFd<OwnedFd>,
    /// Its name for the child.
    pub(super) path: PathBuf,
}

impl Terminal {
    /// Opens one, with the streams that a child is to be started with.
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
        // SAFETY: the handle is owned by what is made of it, stays the same there, and is closed with it.
        let ours = unsafe { AsyncFd::register(pair.master) }?;
        Ok((Self { ours, path }, streams))
    }

    /// Types the input, a line whenever the child draws nothing more, and keeps what it draws. Stops it
    /// when it has had all of that and draws nothing more. Ends when nobody holds the other end.
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
                // On Linux, an error says that nobody holds the other end.
                Ok(_) => return,
                Err(_) => match lines.next() {
                    // Who stopped reading has it all the same.
                    Some(line) => drop(self.write(line).await),
                    None if screen.is_drawn() => stop.cancel(),
                    None => {}
                },
            }
            // Others have their turn while a child draws without end.
            tokio::task::yield_now().await;
        }
    }

    /// Lends it to a person until nobody holds the other end, or until this is dropped; stops the child
    /// when that is what the person wants.
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

    /// Types a line: its end is the key Enter. What a full terminal does not take is left out.
    async fn write(&self, line: &[u8]) -> io::Result<()> {
        let keys: Vec<u8> =
            line.iter().map(|byte| if *byte == b'\n' { b'\r' } else { *byte }).collect();
        let mut ready = timeout(PAUSE, self.ours.writable()).await??;
        let _ = ready.try_io(|ours| Ok(nix::unistd::write(ours.get_ref(), &keys)?));
        Ok(())
    }
}

/// Gives a terminal, whose end this is, so many rows and columns.
pub fn resize(ours: &OwnedFd, (rows, columns): (u16, u16)) {
    let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the size is whole and outlives the call, and the handle stays open. One that is no
    // terminal's stays as it is.
    unsafe { libc::ioctl(ours.as_raw_fd(), libc::TIOCSWINSZ as _, &raw const size) };
}

/// Makes this process lead a session whose terminal is its standard input. System calls only: it runs
/// between a fork and the start of a program.
pub(super) fn lead() -> io::Result<()> {
    setsid()?;
    take()
}

/// Makes its standard input the terminal of the session that this process leads.
pub(super) fn take() -> io::Result<()> {
    // SAFETY: no pointers are passed.
    let done = unsafe { libc::ioctl(libc::STDIN_FILENO, libc::TIOCSCTTY as _, 0) };
    Ok(Errno::result(done).map(drop)?)
}

/// Has a command [`lead`] before its program starts.
pub(super) fn lead_before(command: &mut tokio::process::Command) {
    // SAFETY: it takes no lock and no memory, which other threads may have held when it was copied.
    unsafe { command.pre_exec(lead) };
}

/// What a program is told its terminal is: a kind that this system describes, and that the text of the
/// screen is made by.
#[must_use]
pub fn kind() -> &'static str {
    let known = |kind: &&str| {
        let folders = KINDS.iter().flat_map(|place| {
            // By its first letter, or by the number of that.
            let first = kind.as_bytes()[0];
            let names = [char::from(first).to_string(), format!("{first:x}")];
            names.map(|name| Path::new(place).join(name))
        });
        folders.map(|folder| folder.join(kind)).any(|path| path.exists())
    };
    ["xterm-256color", "xterm", "linux", "vt100"].into_iter().find(known).unwrap_or("xterm")
}
