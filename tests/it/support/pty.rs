//! The program in a pseudo-terminal, with an emulated screen that tests can read.

use super::world::World;
use expectrl::process::unix::{Signal, WaitStatus};
use expectrl::session::OsSession;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::io::{ErrorKind, Write};
use std::os::fd::AsFd;
use std::process::Command;
use std::time::{Duration, Instant};

/// The timeout of every wait, long enough for a machine under load.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) const ENTER: &str = "\r";
pub(crate) const ESCAPE: &str = "\x1b";
pub(crate) const DOWN: &str = "\x1b[B";
pub(crate) const CTRL_C: &str = "\x03";
pub(crate) const CTRL_D: &str = "\x04";

/// A pseudo-terminal with a program.
pub(crate) struct Pty {
    session: OsSession,
    screen: vt100::Parser,
    raw: Vec<u8>,
    /// The number of bytes of `raw` that earlier expectations consumed.
    seen: usize,
    ended: bool,
}

impl Pty {
    /// The program in a terminal of 80 columns and 24 rows.
    pub(crate) fn start(world: &World, args: &[&str]) -> Self {
        Self::sized(world, args, 80, 24, &[])
    }

    /// The program in a terminal of this size, with additional environment variables.
    pub(crate) fn sized(
        world: &World,
        args: &[&str],
        columns: u16,
        rows: u16,
        env: &[(&str, &str)],
    ) -> Self {
        Self::spawn(world, &world.command(args), (columns, rows), env, "exec")
    }

    /// Another program, in the folder and environment of the world.
    pub(crate) fn of(world: &World, program: &str, args: &[&str]) -> Self {
        let mut command = Command::new(program);
        command.args(args);
        for (name, value) in world.command(&[]).get_envs() {
            command.env(name, value.unwrap_or_default());
        }
        Self::spawn(world, &command, (80, 24), &[], "exec")
    }

    /// The program as a child of a shell that keeps running, as in a terminal window.
    pub(crate) fn under_a_shell(world: &World, args: &[&str]) -> Self {
        Self::spawn(world, &world.command(args), (80, 24), &[], "")
    }

    fn spawn(
        world: &World,
        program: &Command,
        (columns, rows): (u16, u16),
        env: &[(&str, &str)],
        exec: &str,
    ) -> Self {
        // Set echo before the program starts, and wait for the size: a new terminal is given a
        // default size first, at a moment when the program may already run.
        let words = format!(
            "until [ \"$(stty size)\" = '{rows} {columns}' ]; do :; done; \
             stty sane; {exec} \"$0\" \"$@\"; exit $?"
        );
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(words).arg(program.get_program()).args(program.get_args());
        shell.current_dir(world.path()).env_clear();
        shell.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
        shell.env("TERM", "xterm-256color").env("LANG", "C.UTF-8").envs(env.iter().copied());
        let mut session = OsSession::spawn(shell).unwrap();
        session.get_process_mut().set_window_size(columns, rows).unwrap();
        let screen = vt100::Parser::new(rows.try_into().unwrap(), columns.try_into().unwrap(), 0);
        Self { session, screen, raw: Vec::new(), seen: 0, ended: false }
    }

    /// Types or pastes.
    pub(crate) fn send(&mut self, keys: &str) {
        self.session.write_all(keys.as_bytes()).unwrap();
        self.session.flush().unwrap();
    }

    /// Waits for a text after the last expected one. Escape sequences are ignored.
    #[track_caller]
    pub(crate) fn expect(&mut self, text: &str) {
        self.until(&format!("`{text}`"), |pty| {
            let (plain, places) = plain(&pty.raw[pty.seen..]);
            let at = plain.find(text)?;
            pty.seen += places[at + text.len() - 1] + 1;
            Some(())
        });
    }

    /// Waits until the screen satisfies the condition.
    #[track_caller]
    pub(crate) fn expect_screen(&mut self, what: &str, wanted: impl Fn(&str) -> bool) {
        self.until(what, |pty| wanted(&pty.screen()).then_some(()));
    }

    /// Selects a choice of a menu with the arrow keys.
    #[track_caller]
    pub(crate) fn choose(&mut self, question: &str, word: &str) {
        self.expect(&format!("? {question}"));
        self.until(&format!("the menu `{question}`"), |pty| pty.marked());
        let first = self.marked();
        loop {
            let before = self.marked();
            let on = before.clone().unwrap_or_default();
            // The choice's letter may come first.
            let mut words = on.split_whitespace();
            if words.next() == Some(word)
                || on.get(2..).is_some_and(|on| on.starts_with(&format!("{word} ")))
            {
                break;
            }
            self.send(DOWN);
            let after = self.until("another choice", |pty| pty.marked().filter(|now| *now != on));
            assert_ne!(Some(after), first, "no `{word}` in the menu\n{}", self.screen());
        }
        self.send(ENTER);
        self.expect(&format!("{question} {word}"));
    }

    /// The selected choice of the menu.
    fn marked(&self) -> Option<String> {
        let screen = self.screen();
        screen.lines().rev().find_map(|line| line.strip_prefix("❯ ").map(str::to_owned))
    }

    /// The text on the screen, one line per row, without trailing spaces.
    pub(crate) fn screen(&self) -> String {
        let screen = self.screen.screen();
        let rows = screen.rows(0, screen.size().1.get()).map(|row| row.trim_end().to_owned());
        rows.collect::<Vec<_>>().join("\n")
    }

    /// The last line of the screen that is not empty.
    pub(crate) fn last_line(&self) -> String {
        self.screen().trim_end().lines().last().unwrap_or_default().to_owned()
    }

    /// Whether any output was coloured or styled.
    pub(crate) fn is_styled(&self) -> bool {
        let raw = String::from_utf8_lossy(&self.raw).into_owned();
        raw.split("\x1b[").skip(1).any(|rest| {
            rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';').starts_with('m')
        })
    }

    /// Whether the cursor is visible.
    pub(crate) fn shows_cursor(&self) -> bool {
        !self.screen.screen().hide_cursor()
    }

    /// Whether the terminal echoes input, as it did at the start.
    pub(crate) fn echoes(&self) -> bool {
        self.session.get_process().get_echo().unwrap()
    }

    /// The half blocks on the screen, row by row: the upper and the lower colour of each.
    pub(crate) fn blocks(&self) -> Vec<Vec<(u8, u8)>> {
        let screen = self.screen.screen();
        let index = |colour| match colour {
            vt100::Color::Idx(n) => n,
            other => panic!("{other:?} is none of 256 colours"),
        };
        let (rows, columns) = screen.size();
        let row = |row| {
            let cells = (0..columns.get()).filter_map(|column| screen.cell(row, column));
            let blocks = cells.filter(|cell| cell.contents() == "▀");
            blocks.map(|cell| (index(cell.fgcolor()), index(cell.bgcolor()))).collect::<Vec<_>>()
        };
        (0..rows.get()).map(row).filter(|blocks| !blocks.is_empty()).collect()
    }

    /// All bytes sent to the terminal.
    pub(crate) fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// All text sent to the terminal, without escape sequences.
    pub(crate) fn text(&self) -> String {
        plain(&self.raw).0
    }

    /// Sends a signal to the program.
    pub(crate) fn signal(&mut self, signal: Signal) {
        self.session.get_process_mut().signal(signal).unwrap();
    }

    /// Closes the terminal, after killing its shell: see [`Self::under_a_shell`].
    pub(crate) fn close(mut self) {
        self.session.get_process_mut().signal(Signal::SIGKILL).unwrap();
        self.session.get_process().wait().unwrap();
    }

    /// Waits for the program to exit with this exit code.
    #[track_caller]
    pub(crate) fn expect_end(&mut self, code: i32) {
        self.until("the end", |pty| pty.ended.then_some(()));
        let status = self.session.get_process().wait().unwrap();
        match status {
            WaitStatus::Exited(_, is) if is == code => {}
            _ => panic!("ended with {status:?}, not {code}\n{}", self.screen()),
        }
    }

    /// Reads until `wanted` returns a value.
    #[track_caller]
    fn until<T>(&mut self, what: &str, mut wanted: impl FnMut(&mut Self) -> Option<T>) -> T {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(got) = wanted(self) {
                return got;
            }
            let left = end.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero() && !self.ended,
                "waited for {what}; the screen shows\n{}\n---",
                self.screen()
            );
            self.read(left);
        }
    }

    /// Reads the available output; waits at most this long for it.
    fn read(&mut self, wait: Duration) {
        let stream = self.session.get_stream();
        let timeout = PollTimeout::try_from(wait).unwrap();
        // A signal to the test ends the wait early; the caller checks its condition again.
        let _ = poll(&mut [PollFd::new(stream.as_fd(), PollFlags::POLLIN)], timeout);
        let mut buffer = [0; 4096];
        match self.session.try_read(&mut buffer) {
            Ok(0) => self.ended = true,
            Ok(n) => {
                self.raw.extend(&buffer[..n]);
                self.screen.process(&buffer[..n]);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            // Linux returns an error once the last process has closed the terminal.
            Err(_) => self.ended = true,
        }
    }
}

/// The text without escape sequences, and for each of its bytes the position in `raw`.
fn plain(raw: &[u8]) -> (String, Vec<usize>) {
    let (mut bytes, mut places) = (Vec::new(), Vec::new());
    let mut at = 0;
    while at < raw.len() {
        if raw[at] == 0x1b && raw.get(at + 1) == Some(&b'[') {
            at += 2;
            while at < raw.len() && !(0x40..0x7f).contains(&raw[at]) {
                at += 1;
            }
        } else {
            bytes.push(raw[at]);
            places.push(at);
        }
        at += 1;
    }
    // An incomplete character at the end matches no text yet.
    let whole = std::str::from_utf8(&bytes).map_or_else(|e| e.valid_up_to(), str::len);
    bytes.truncate(whole);
    (String::from_utf8(bytes).unwrap(), places)
}
