//! All access to standard input, output and error: text for the user, JSON lines, menus, streaming.
//!
//! Text from models, scripts, files and servers never reaches the terminal raw: its control
//! characters are escaped, except in this program's own styles and links ([`harmless`]).
#![expect(clippy::disallowed_methods, reason = "this is the place that may use the terminal")]

pub mod board;
mod by_hand;
pub mod editor;
mod face;
pub mod flow;
pub mod gate;
mod harmless;
mod keys;
pub mod ledger;
mod lines;
pub mod links;
pub mod look;
pub mod matrix;
pub mod menu;
mod pager;
pub mod pick;
pub mod picture;
pub mod progress;
pub mod prompt;
pub mod relay;
pub mod sides;
pub mod signals;
pub mod tell;
mod window;

use console::{Style, Term};
pub use face::Face;
pub use harmless::harmless;
use harmless::styled;
pub use lines::input_lines;
use picture::Pictures;
use serde::Serialize;
use std::io::{ErrorKind, IsTerminal, Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

/// The first error of a write to standard output: later writes cannot make up for it.
static LOST: OnceLock<String> = OnceLock::new();

/// Why output to standard output was lost, if a write failed.
#[must_use]
pub fn lost() -> Option<&'static str> {
    LOST.get().map(String::as_str)
}

/// The output settings, and access to the terminal.
#[derive(Clone, Copy, Debug)]
pub struct Terminal {
    /// Write results and events as JSON to standard output, and text for the user to standard
    /// error.
    pub json: bool,
    /// Write only answers to standard output, and all other text to standard error.
    pub aside: bool,
    /// Use colours.
    pub color: bool,
    /// Print more.
    pub verbose: bool,
    /// Print only results, questions and errors.
    pub quiet: bool,
    /// A user is at the terminal: menus can be shown.
    pub interactive: bool,
    /// Text for the user goes to a terminal: lines can be redrawn.
    pub live: bool,
    /// Show files as links.
    pub links: bool,
    /// How to show pictures.
    pub pictures: Pictures,
}

/// Whether the terminal cannot be drawn on (`TERM=dumb`).
fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|terminal| terminal == "dumb")
}

/// Whether to show links, which needs a terminal that can be drawn on (`live`).
fn has_links(live: bool) -> bool {
    live && links::shows_links(|name| std::env::var_os(name))
}

impl Terminal {
    /// Detects these settings from the standard streams and the environment (`NO_COLOR`, `TERM`).
    #[must_use]
    pub fn new(json: bool, no_color: bool, verbose: bool) -> Self {
        let out =
            if json { std::io::stderr().is_terminal() } else { std::io::stdout().is_terminal() };
        let dumb = is_dumb();
        let color = out && !no_color && !dumb && std::env::var_os("NO_COLOR").is_none();
        console::set_colors_enabled(color);
        console::set_colors_enabled_stderr(color);
        // Menus are redrawn, which a dumb terminal cannot do: it gets lines.
        let interactive =
            !dumb && std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
        let live = out && !dumb;
        let links = has_links(live);
        let pictures = if live && !json {
            picture::shown(|name| std::env::var_os(name))
        } else {
            Pictures::Nothing
        };
        let (aside, quiet) = (false, false);
        Self { json, aside, color, verbose, quiet, interactive, live, links, pictures }
    }

    /// The same settings for a command whose standard output is only its answer.
    #[must_use]
    pub fn for_answers(self) -> Self {
        let there = std::io::stderr().is_terminal();
        let live = there && !is_dumb();
        let links = has_links(live);
        let (aside, color) = (true, self.color && there);
        Self { aside, color, live, links, pictures: Pictures::Nothing, ..self }
    }

    /// The same settings for a command that asks nothing here, and whose work is shown elsewhere.
    #[must_use]
    pub const fn unattended(self) -> Self {
        let pictures = Pictures::Nothing;
        Self { aside: true, interactive: false, live: false, pictures, ..self }
    }

    /// The same settings for a command whose standard output carries a protocol.
    #[must_use]
    pub const fn for_protocol(self) -> Self {
        Self { json: false, color: false, links: false, ..self.unattended() }
    }

    /// Prints a line for the user, wrapped between words if the terminal is too narrow.
    pub fn say(&self, line: &str) {
        self.print(&self.fitted(line));
    }

    /// A line, wrapped between words if it is wider than the terminal.
    fn fitted(&self, line: &str) -> String {
        if self.live && console::measure_text_width(line) > self.width() {
            let text = line.trim_start_matches(' ');
            let margin = &line[..line.len() - text.len()];
            return flow::hang(self, margin, text);
        }
        format!("{line}\n")
    }

    /// Prints a line on the progress of the work, unless `quiet`.
    pub fn note(&self, line: &str) {
        if !self.quiet {
            self.say(line);
        }
    }

    /// Prints text for the user.
    pub fn print(&self, text: &str) {
        let text = harmless(text);
        if self.json || self.aside {
            let _ = std::io::stderr().write_all(text.as_bytes());
        } else {
            write_out(&text);
        }
    }

    /// Prints an answer for the user, on standard output unless `json`.
    pub fn answer(&self, text: &str) {
        if self.json {
            self.print(text);
        } else if self.live && std::io::stdout().is_terminal() {
            write_out(&harmless(&flow::indented(self, "", text)));
        } else {
            write_out(&harmless(text));
        }
    }

    /// Writes a result as one line of JSON to standard output.
    pub fn json(&self, value: &impl Serialize) {
        // Plain data with string keys always serialises.
        let text = serde_json::to_string(value).unwrap_or_default();
        self.raw(&format!("{text}\n"));
    }

    /// Writes a result to standard output: JSON lines, scripts, completions. Control characters are
    /// escaped only on a terminal.
    pub fn raw(&self, text: &str) {
        if std::io::stdout().is_terminal() { write_out(&harmless(text)) } else { write_out(text) }
    }

    /// Prints a line on standard error.
    pub fn warn(&self, line: &str) {
        let _ = std::io::stderr().write_all(harmless(&self.fitted(line)).as_bytes());
    }

    /// The width to print for, in columns.
    #[must_use]
    pub fn width(&self) -> usize {
        if self.live { usize::from(Term::stdout().size().1).clamp(40, 120) } else { 100 }
    }

    /// Text in a style, if colours are used.
    #[must_use]
    pub fn paint(&self, text: &str, style: &Style) -> String {
        if self.color { styled(style, text) } else { text.to_owned() }
    }

    /// Dimmed text.
    #[must_use]
    pub fn dim(&self, text: &str) -> String {
        self.paint(text, &Style::new().dim())
    }

    /// Bold text.
    #[must_use]
    pub fn bold(&self, text: &str) -> String {
        self.paint(text, &Style::new().bold())
    }

    /// Text in the colour for success.
    #[must_use]
    pub fn good(&self, text: &str) -> String {
        self.paint(text, &Style::new().green())
    }

    /// Text in the colour for errors.
    #[must_use]
    pub fn bad(&self, text: &str) -> String {
        self.paint(text, &Style::new().red())
    }

    /// Text in the colour for warnings.
    #[must_use]
    pub fn warm(&self, text: &str) -> String {
        self.paint(text, &Style::new().yellow())
    }
}

fn write_out(text: &str) {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // A reader that closed the pipe wants no more: that is no error.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            let _ = LOST.set(crate::files::reason(&error));
        }
        _ => {}
    }
}

/// Whether the program was asked to end.
static ENDING: AtomicBool = AtomicBool::new(false);

/// Stops waiting for a key.
pub fn end_waiting() {
    ENDING.store(true, Ordering::SeqCst);
}

/// Whether the current question was answered elsewhere, if it can be.
static ANSWERED: Mutex<Option<Box<dyn Fn() -> bool + Send>>> = Mutex::new(None);

/// Stops waiting for a key once this returns true; `None` to wait on.
fn end_waiting_when(answered: Option<Box<dyn Fn() -> bool + Send>>) {
    *ANSWERED.lock().unwrap_or_else(PoisonError::into_inner) = answered;
}

/// Whether the program was asked to end, or the current question was answered elsewhere.
fn is_ending() -> bool {
    let answered = ANSWERED.lock().unwrap_or_else(PoisonError::into_inner);
    ENDING.load(Ordering::SeqCst) || answered.as_ref().is_some_and(|answered| answered())
}

/// Whether standard input is a terminal that still exists.
#[must_use]
pub fn is_there() -> bool {
    std::io::stdin().is_terminal()
}

/// Reads all of standard input as text. Fails if it is longer than `limit` bytes or not UTF-8.
pub fn read_input(limit: u64) -> std::io::Result<String> {
    crate::files::read_bounded(std::io::stdin().lock().by_ref(), limit)
}

/// Reads a line without echo, and without its line end; the prompt goes to standard error. The
/// caller has to make signals [`restore`] the terminal.
pub fn read_hidden(prompt: &str) -> std::io::Result<String> {
    let mut err = std::io::stderr();
    // Before the prompt, so that early typing is not echoed either.
    if cfg!(unix) {
        hush();
    }
    err.write_all(harmless(prompt).as_bytes())?;
    err.flush()?;
    if cfg!(not(unix)) {
        return Term::stderr().read_secure_line();
    }
    let mut line = String::new();
    let read = std::io::stdin().read_line(&mut line);
    restore();
    // The line end was not echoed either.
    err.write_all(b"\n")?;
    read.map(|_| line.trim_end_matches(['\r', '\n']).to_owned())
}

/// The terminal settings from before the program changed them.
#[cfg(unix)]
static BEFORE: Mutex<Option<nix::sys::termios::Termios>> = Mutex::new(None);

/// Saves the terminal settings for [`restore`]. Only the first call counts.
#[cfg(unix)]
pub fn remember() {
    let mut before = BEFORE.lock().unwrap_or_else(PoisonError::into_inner);
    if before.is_none() {
        *before = nix::sys::termios::tcgetattr(std::io::stdin()).ok();
    }
}

/// Restores the terminal after any interruption: line editing and echo as before, the cursor
/// visible, bracketed paste off.
#[cfg(unix)]
pub fn restore() {
    use nix::sys::termios::{SetArg, tcsetattr};
    let before = BEFORE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(before) = before.as_ref().filter(|_| in_foreground()) {
        let _ = tcsetattr(std::io::stdin(), SetArg::TCSADRAIN, before);
        let _ = std::io::stderr().write_all(b"\x1b[?2004l");
    }
    show_cursor();
}

/// Turns the echo and line editing off until [`restore`], so that single keys can be read: an
/// echoed key, or the `^C` of a Ctrl-C, would move redrawn lines and leave parts of them behind.
#[cfg(unix)]
pub fn hush() {
    use nix::sys::termios::{LocalFlags, SetArg, tcgetattr, tcsetattr};
    if !in_foreground() {
        return;
    }
    remember();
    if let Ok(mut quiet) = tcgetattr(std::io::stdin()) {
        quiet.local_flags.remove(LocalFlags::ECHO | LocalFlags::ECHONL | LocalFlags::ICANON);
        let _ = tcsetattr(std::io::stdin(), SetArg::TCSADRAIN, &quiet);
    }
}

/// Whether the program is in the foreground: a change of the terminal from the background would
/// stop it.
#[cfg(unix)]
fn in_foreground() -> bool {
    nix::unistd::tcgetpgrp(std::io::stdin()).is_ok_and(|group| group == nix::unistd::getpgrp())
}

/// Discards keys that were typed before a question.
#[cfg(unix)]
pub fn forget_typed() {
    let _ = nix::sys::termios::tcflush(std::io::stdin(), nix::sys::termios::FlushArg::TCIFLUSH);
}

/// Saves nothing: only the cursor is changed on this system.
#[cfg(not(unix))]
pub fn remember() {}

/// Restores the terminal.
#[cfg(not(unix))]
pub fn restore() {
    show_cursor();
}

/// Does nothing: the echo stays on.
#[cfg(not(unix))]
pub fn hush() {}

/// Does nothing: earlier keys cannot be distinguished from an answer on this system.
#[cfg(not(unix))]
pub fn forget_typed() {}

fn show_cursor() {
    if std::io::stderr().is_terminal() {
        let _ = Term::stderr().show_cursor();
    }
}
