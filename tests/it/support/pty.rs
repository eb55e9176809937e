//! The program at a terminal of its own: what it shows is drawn on a screen that tests can read.

use super::world::World;
use expectrl::process::unix::{Signal, WaitStatus};
use expectrl::session::OsSession;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use std::io::{ErrorKind, Write};
use std::os::fd::AsFd;
use std::process::Command;
use std::time::{Duration, Instant};

/// How long anything may take, on a machine with other work.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) const ENTER: &str = "\r";
pub(crate) const ESCAPE: &str = "\x1b";
pub(crate) const DOWN: &str = "\x1b[B";
pub(crate) const CTRL_C: &str = "\x03";
pub(crate) const CTRL_D: &str = "\x04";

/// A terminal with the program at it.
pub(crate) struct Pty {
    session: OsSession,
    screen: vt100::Parser,
    raw: Vec<u8>,
    /// How much of `raw` was expected already.
    seen: usize,
    ended: bool,
}

impl Pty {
    /// The program at a terminal of 80 columns and 24 rows.
    pub(crate) fn start(world: &World, args: &[&str]) -> Self {
        Self::sized(world, args, 80, 24, &[])
    }

    /// The program at a terminal of this size, with more in its environment.
    pub(crate) fn sized(
        world: &World,
        args: &[&str],
        columns: u16,
        rows: u16,
        env: &[(&str, &str)],
    ) -> Self {
        Self::spawn(world, &world.command(args), (columns, rows), env, "exec")
    }

    /// Another program, in the folder and the environment of the world.
    pub(crate) fn of(world: &World, program: &str, args: &[&str]) -> Self {
        let mut command = Command::new(program);
        command.args(args);
        for (name, value) in world.command(&[]).get_envs() {
            command.env(name, value.unwrap_or_default());
        }
        Self::spawn(world, &command, (80, 24), &[], "exec")
    }

    /// The program under a shell that stays, as in a terminal's window.
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
        // The terminal has its size, and echoes, before the program sees it.
        let words = format!("stty sane cols {columns} rows {rows}; {exec} \"$0\" \"$@\"; exit $?");
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

    /// Waits for a text, without what steers the terminal, after all that was expected before.
    #[track_caller]
    pub(crate) fn expect(&mut self, text: &str) {
        self.until(&format!("`{text}`"), |pty| {
            let (plain, places) = plain(&pty.raw[pty.seen..]);
            let at = plain.find(text)?;
            pty.seen += places[at + text.len() - 1] + 1;
            Some(())
        });
    }

    /// Waits until the screen is as wanted.
    #[track_caller]
    pub(crate) fn expect_screen(&mut self, what: &str, wanted: impl Fn(&str) -> bool) {
        self.until(what, |pty| wanted(&pty.screen()).then_some(()));
    }

    /// Takes a menu's choice, with the arrow keys.
    #[track_caller]
    pub(crate) fn choose(&mut self, question: &str, word: &str) {
        self.expect(&format!("? {question}"));
        self.until(&format!("the menu `{question}`"), |pty| pty.marked());
        let first = self.marked();
        loop {
            let before = self.marked();
            let on = before.clone().unwrap_or_default();
            // Its letter may stand before it.
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

    /// The choice of the menu that the cursor stands on.
    fn marked(&self) -> Option<String> {
        let screen = self.screen();
        screen.lines().rev().find_map(|line| line.strip_prefix("❯ ").map(str::to_owned))
    }

    /// What the screen shows, a line a row, without the spaces at the lines' ends.
    pub(crate) fn screen(&self) -> String {
        let screen = self.screen.screen();
        let rows = screen.rows(0, screen.size().1.get()).map(|row| row.trim_end().to_owned());
        rows.collect::<Vec<_>>().join("\n")
    }

    /// The last line of the screen that shows anything.
    pub(crate) fn last_line(&self) -> String {
        self.screen().trim_end().lines().last().unwrap_or_default().to_owned()
    }

    /// Whether any text was sent in a colour or another style.
    pub(crate) fn is_styled(&self) -> bool {
        let raw = String::from_utf8_lossy(&self.raw).into_owned();
        raw.split("\x1b[").skip(1).any(|rest| {
            rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';').starts_with('m')
        })
    }

    /// Whether the screen shows a cursor.
    pub(crate) fn shows_cursor(&self) -> bool {
        !self.screen.screen().hide_cursor()
    }

    /// Whether the terminal shows what is typed, as it did at first.
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

    /// All that was sent to the terminal.
    pub(crate) fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// All that was sent to the terminal, without what steers it.
    pub(crate) fn text(&self) -> String {
        plain(&self.raw).0
    }

    /// Sends a signal to the program.
    pub(crate) fn signal(&mut self, signal: Signal) {
        self.session.get_process_mut().signal(signal).unwrap();
    }

    /// Closes the terminal, after its shell was ended: see [`Self::under_a_shell`].
    pub(crate) fn close(mut self) {
        self.session.get_process_mut().signal(Signal::SIGKILL).unwrap();
        self.session.get_process().wait().unwrap();
    }

    /// Waits for the program's end, which has to be with this exit code.
    #[track_caller]
    pub(crate) fn expect_end(&mut self, code: i32) {
        self.until("the end", |pty| pty.ended.then_some(()));
        let status = self.session.get_process().wait().unwrap();
        match status {
            WaitStatus::Exited(_, is) if is == code => {}
            _ => panic!("ended with {status:?}, not {code}\n{}", self.screen()),
        }
    }

    /// Reads until there is what is wanted.
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

    /// Reads what there is; waits for it at most so long.
    fn read(&mut self, wait: Duration) {
        let stream = self.session.get_stream();
        let timeout = PollTimeout::try_from(wait).unwrap();
        // A signal to the test ends the wait early: who waits for something asks again.
        let _ = poll(&mut [PollFd::new(stream.as_fd(), PollFlags::POLLIN)], timeout);
        let mut buffer = [0; 4096];
        match self.session.try_read(&mut buffer) {
            Ok(0) => self.ended = true,
            Ok(n) => {
                self.raw.extend(&buffer[..n]);
                self.screen.process(&buffer[..n]);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            // Linux says so when the last one at the terminal is gone.
            Err(_) => self.ended = true,
        }
    }
}

/// The text without escape sequences, and where each of its bytes stands in the raw one.
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
    // A character that is not whole yet is no match for any text.
    let whole = std::str::from_utf8(&bytes).map_or_else(|e| e.valid_up_to(), str::len);
    bytes.truncate(whole);
    (String::from_utf8(bytes).unwrap(), places)
}
