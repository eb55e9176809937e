//! The only door to standard input, output and error: people's text, JSON lines, menus, streaming.
//!
//! Nothing that a model, a script, a file or a server said reaches the terminal raw: all text that
//! goes out here loses what steers a terminal, but for this program's own styles ([`harmless`]).
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

/// Why something did not reach standard output: what comes after it can't mend that.
static LOST: OnceLock<String> = OnceLock::new();

/// Why something that was printed is lost, if it is.
#[must_use]
pub fn lost() -> Option<&'static str> {
    LOST.get().map(String::as_str)
}

/// How the program speaks.
#[derive(Clone, Copy, Debug)]
pub struct Terminal {
    /// Results and events are JSON on standard output, and people's text goes to standard error.
    pub json: bool,
    /// Only answers go to standard output, and all else that is for people to standard error.
    pub aside: bool,
    /// Colours are used.
    pub color: bool,
    /// More is told.
    pub verbose: bool,
    /// Only results, questions and errors are told.
    pub quiet: bool,
    /// A person sits at the terminal: menus can be shown.
    pub interactive: bool,
    /// People's text goes to a terminal: lines can be drawn over.
    pub live: bool,
    /// Files are shown as links.
    pub links: bool,
    /// How pictures are shown.
    pub pictures: Pictures,
}

/// Whether the terminal can't be drawn on.
fn is_dumb() -> bool {
    std::env::var_os("TERM").is_some_and(|terminal| terminal == "dumb")
}

/// Whether a terminal that is drawn on, or not, shows links.
fn has_links(live: bool) -> bool {
    live && links::shows_links(|name| std::env::var_os(name))
}

impl Terminal {
    /// Looks at the standard streams and the environment (`NO_COLOR`, `TERM`).
    #[must_use]
    pub fn new(json: bool, no_color: bool, verbose: bool) -> Self {
        let out =
            if json { std::io::stderr().is_terminal() } else { std::io::stdout().is_terminal() };
        let dumb = is_dumb();
        let color = out && !no_color && !dumb && std::env::var_os("NO_COLOR").is_none();
        console::set_colors_enabled(color);
        console::set_colors_enabled_stderr(color);
        // Menus are drawn over and over: a dumb terminal is talked to in lines.
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

    /// The same for a command whose standard output is an answer and nothing else.
    #[must_use]
    pub fn for_answers(self) -> Self {
        let there = std::io::stderr().is_terminal();
        let live = there && !is_dumb();
        let links = has_links(live);
        let (aside, color) = (true, self.color && there);
        Self { aside, color, live, links, pictures: Pictures::Nothing, ..self }
    }

    /// The same for a command that asks nobody here, and whose work is shown elsewhere.
    #[must_use]
    pub const fn unattended(self) -> Self {
        let pictures = Pictures::Nothing;
        Self { aside: true, interactive: false, live: false, pictures, ..self }
    }

    /// The same where standard output is a protocol's, and nobody watches.
    #[must_use]
    pub const fn for_protocol(self) -> Self {
        Self { json: false, color: false, links: false, ..self.unattended() }
    }

    /// A line for people. On a terminal that is too narrow for it, it is broken between words.
    pub fn say(&self, line: &str) {
        self.print(&self.fitted(line));
    }

    /// A line, broken between words where it is too wide for the terminal.
    fn fitted(&self, line: &str) -> String {
        if self.live && console::measure_text_width(line) > self.width() {
            let text = line.trim_start_matches(' ');
            let margin = &line[..line.len() - text.len()];
            return flow::hang(self, margin, text);
        }
        format!("{line}\n")
    }

    /// A line of what goes on, for people who want to follow it.
    pub fn note(&self, line: &str) {
        if !self.quiet {
            self.say(line);
        }
    }

    /// Text for people.
    pub fn print(&self, text: &str) {
        let text = harmless(text);
        if self.json || self.aside {
            let _ = std::io::stderr().write_all(text.as_bytes());
        } else {
            write_out(&text);
        }
    }

    /// An answer, for people.
    pub fn answer(&self, text: &str) {
        if self.json {
            self.print(text);
        } else if self.live && std::io::stdout().is_terminal() {
            write_out(&harmless(&flow::indented(self, "", text)));
        } else {
            write_out(&harmless(text));
        }
    }

    /// A result as JSON, on one line of standard output.
    pub fn json(&self, value: &impl Serialize) {
        // Plain data with string keys always serialises.
        let text = serde_json::to_string(value).unwrap_or_default();
        self.raw(&format!("{text}\n"));
    }

    /// A result on standard output: JSON lines, scripts, completions. As it is, except on a terminal.
    pub fn raw(&self, text: &str) {
        if std::io::stdout().is_terminal() { write_out(&harmless(text)) } else { write_out(text) }
    }

    /// A line on standard error.
    pub fn warn(&self, line: &str) {
        let _ = std::io::stderr().write_all(harmless(&self.fitted(line)).as_bytes());
    }

    /// The width to draw for, in columns.
    #[must_use]
    pub fn width(&self) -> usize {
        if self.live { usize::from(Term::stdout().size().1).clamp(40, 120) } else { 100 }
    }

    /// Text in a style, where colours are used.
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

    /// Text that says that something is right.
    #[must_use]
    pub fn good(&self, text: &str) -> String {
        self.paint(text, &Style::new().green())
    }

    /// Text that says that something is wrong.
    #[must_use]
    pub fn bad(&self, text: &str) -> String {
        self.paint(text, &Style::new().red())
    }

    /// Text that says that something deserves a look.
    #[must_use]
    pub fn warm(&self, text: &str) -> String {
        self.paint(text, &Style::new().yellow())
    }
}

fn write_out(text: &str) {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // Who closed the pipe does not want to read any more: that is no error.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            let _ = LOST.set(crate::files::reason(&error));
        }
        _ => {}
    }
}

/// The program was told to end.
static ENDING: AtomicBool = AtomicBool::new(false);

/// Ends the waiting for a key.
pub fn end_waiting() {
    ENDING.store(true, Ordering::SeqCst);
}

/// Whether what is asked now was answered elsewhere, if that can be.
static ANSWERED: Mutex<Option<Box<dyn Fn() -> bool + Send>>> = Mutex::new(None);

/// Ends the waiting for a key from now on when this is so; none for never.
fn end_waiting_when(answered: Option<Box<dyn Fn() -> bool + Send>>) {
    *ANSWERED.lock().unwrap_or_else(PoisonError::into_inner) = answered;
}

/// Whether the program was told to end, or what is asked was answered elsewhere.
fn is_ending() -> bool {
    let answered = ANSWERED.lock().unwrap_or_else(PoisonError::into_inner);
    ENDING.load(Ordering::SeqCst) || answered.as_ref().is_some_and(|answered| answered())
}

/// Whether standard input is a terminal that is still there.
#[must_use]
pub fn is_there() -> bool {
    std::io::stdin().is_terminal()
}

/// All of standard input, as text of at most `limit` bytes.
pub fn read_input(limit: u64) -> std::io::Result<String> {
    crate::files::read_bounded(std::io::stdin().lock().by_ref(), limit)
}

/// A line that is typed and not shown, without its end. The prompt goes to standard error. The caller has
/// signals [`restore`] the terminal.
pub fn read_hidden(prompt: &str) -> std::io::Result<String> {
    let mut err = std::io::stderr();
    // Before the prompt: who types at once is not shown either.
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
    // The end of the line was not shown either.
    err.write_all(b"\n")?;
    read.map(|_| line.trim_end_matches(['\r', '\n']).to_owned())
}

/// How the terminal was before the program changed anything of it.
#[cfg(unix)]
static BEFORE: Mutex<Option<nix::sys::termios::Termios>> = Mutex::new(None);

/// Keeps how the terminal is, for [`restore`]. The first time counts.
#[cfg(unix)]
pub fn remember() {
    let mut before = BEFORE.lock().unwrap_or_else(PoisonError::into_inner);
    if before.is_none() {
        *before = nix::sys::termios::tcgetattr(std::io::stdin()).ok();
    }
}

/// Gives the terminal back as it was found, whatever was interrupted meanwhile: line editing and
/// echo as they were, the cursor shown, pasted text no longer marked.
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

/// Keeps what is typed off the screen, until [`restore`]: a key, or the `^C` of a Ctrl-C, would
/// move what is drawn over and leave a part of it behind. Keys can be waited for one by one then.
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

/// Whether the terminal is this program's to change: doing so from the background would stop it.
#[cfg(unix)]
fn in_foreground() -> bool {
    nix::unistd::tcgetpgrp(std::io::stdin()).is_ok_and(|group| group == nix::unistd::getpgrp())
}

/// Throws away what was typed while nothing was asked.
#[cfg(unix)]
pub fn forget_typed() {
    let _ = nix::sys::termios::tcflush(std::io::stdin(), nix::sys::termios::FlushArg::TCIFLUSH);
}

/// Keeps nothing: only the cursor is ever changed here.
#[cfg(not(unix))]
pub fn remember() {}

/// Gives the terminal back as it was found.
#[cfg(not(unix))]
pub fn restore() {
    show_cursor();
}

/// Leaves the echo on.
#[cfg(not(unix))]
pub fn hush() {}

/// Keeps what was typed: there is no telling it from an answer here.
#[cfg(not(unix))]
pub fn forget_typed() {}

fn show_cursor() {
    if std::io::stderr().is_terminal() {
        let _ = Term::stderr().show_cursor();
    }
}
