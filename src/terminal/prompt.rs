//! A line editor for answers, with arrow keys and pasted texts of several lines.
//!
//! Terminals mark pasted text if they can (bracketed paste). Otherwise, an Enter with more input
//! directly after it was pasted, not typed.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

/// The texts that were sent in this process, oldest first.
static SENT: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// The result of a prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Typed {
    /// A text, possibly empty or with several lines.
    Text(String),
    /// Ctrl-C.
    Interrupted,
    /// Escape, with the text so far.
    Back(String),
    /// Ctrl-D on an empty line, or the terminal no longer exists.
    Ended,
}

/// A key, or the start or end of a paste.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Key {
    Char(char),
    Enter,
    NewLine,
    Backspace,
    Delete,
    Left,
    Right,
    Up,
    Down,
    Home,
    End,
    ClearBefore,
    WordBefore,
    Interrupt,
    EndOfInput,
    Gone,
    PasteStart,
    PasteEnd,
    Escape,
    Other,
}

/// Asks for a text when there is no previous question to go back to: Escape keeps the text, and
/// ends like Ctrl-D if it is blank.
pub fn ask_first(question: &str) -> io::Result<Typed> {
    let mut draft = String::new();
    loop {
        match ask(question, &draft)? {
            Typed::Back(text) if !text.trim().is_empty() => draft = text,
            Typed::Back(_) => return Ok(Typed::Ended),
            typed => return Ok(typed),
        }
    }
}

/// Asks for a text at the terminal; `draft` is its initial content.
#[cfg(unix)]
pub fn ask(question: &str, draft: &str) -> io::Result<Typed> {
    let raw = unix::Raw::start()?;
    let mut keys = unix::Keys::default();
    let mut line = Line::of(draft);
    let sent = SENT.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let mut history = History::of(sent);
    let mut screen = Screen { question: super::harmless(question), row: 0 };
    let mut pasting = false;
    screen.draw(&line)?;
    let typed = loop {
        let key = keys.next()?;
        match key {
            Key::PasteStart => pasting = true,
            Key::PasteEnd => pasting = false,
            Key::Enter if pasting || keys.more_waits()? => line.insert('\n'),
            Key::Enter => break Typed::Text(line.text()),
            Key::Interrupt => break Typed::Interrupted,
            Key::Escape => break Typed::Back(line.chars.iter().collect()),
            Key::Gone => break Typed::Ended,
            Key::EndOfInput if line.chars.is_empty() => break Typed::Ended,
            Key::Up => history.go(&mut line, -1),
            Key::Down => history.go(&mut line, 1),
            key => line.press(&key),
        }
        // A pasted text is drawn once, at its end.
        if !keys.more_waits()? {
            screen.draw(&line)?;
        }
    };
    line.at = line.chars.len();
    screen.draw(&line)?;
    drop(raw);
    if let Typed::Text(text) = &typed
        && !text.is_empty()
    {
        SENT.lock().unwrap_or_else(PoisonError::into_inner).push(text.clone());
    }
    let mut out = io::stderr();
    out.write_all(b"\n")?;
    Ok(typed)
}

/// Asks for a line at the terminal. The draft is not used: no key goes back on this system.
#[cfg(not(unix))]
pub fn ask(question: &str, _draft: &str) -> io::Result<Typed> {
    let mut out = io::stderr();
    write!(out, "{} ", super::harmless(question))?;
    out.flush()?;
    let mut text = String::new();
    let read = io::stdin().read_line(&mut text)?;
    Ok(if read == 0 { Typed::Ended } else { Typed::Text(text.trim_end().to_owned()) })
}

/// The text so far, and the cursor's index.
#[derive(Default)]
struct Line {
    chars: Vec<char>,
    at: usize,
}

impl Line {
    fn of(text: &str) -> Self {
        let chars: Vec<char> = text.chars().collect();
        Self { at: chars.len(), chars }
    }

    fn text(&self) -> String {
        self.chars.iter().collect::<String>().trim().to_owned()
    }

    fn insert(&mut self, c: char) {
        self.chars.insert(self.at, c);
        self.at += 1;
    }

    fn press(&mut self, key: &Key) {
        match key {
            Key::Char(c) => self.insert(*c),
            Key::NewLine => self.insert('\n'),
            Key::Backspace if self.at > 0 => {
                self.at -= 1;
                self.chars.remove(self.at);
            }
            Key::Delete | Key::EndOfInput if self.at < self.chars.len() => {
                self.chars.remove(self.at);
            }
            Key::Left => self.at = self.at.saturating_sub(1),
            Key::Right => self.at = (self.at + 1).min(self.chars.len()),
            Key::Home => self.at = 0,
            Key::End => self.at = self.chars.len(),
            Key::ClearBefore => {
                self.chars.drain(..self.at);
                self.at = 0;
            }
            Key::WordBefore => {
                let mut start = self.at;
                while start > 0 && self.chars[start - 1].is_whitespace() {
                    start -= 1;
                }
                while start > 0 && !self.chars[start - 1].is_whitespace() {
                    start -= 1;
                }
                self.chars.drain(start..self.at);
                self.at = start;
            }
            _ => {}
        }
    }
}

/// The texts for the arrow keys: those sent before, then the current one.
struct History {
    texts: Vec<String>,
    at: usize,
}

impl History {
    fn of(mut sent: Vec<String>) -> Self {
        sent.push(String::new());
        Self { at: sent.len() - 1, texts: sent }
    }

    /// Shows the text at this distance from the current one. Changes to the current one are kept.
    fn go(&mut self, line: &mut Line, places: isize) {
        let Some(to) = self.at.checked_add_signed(places) else { return };
        if to < self.texts.len() {
            self.texts[self.at] = line.chars.iter().collect();
            *line = Line::of(&self.texts[to]);
            self.at = to;
        }
    }
}

/// The question and the text on the screen.
struct Screen {
    question: String,
    /// The cursor's row, counted from the question's.
    row: usize,
}

impl Screen {
    fn draw(&mut self, line: &Line) -> io::Result<()> {
        let width = usize::from(console::Term::stderr().size().1).max(20);
        let mut text = format!("{} ", self.question);
        let mut place = Place::default();
        place.advance(&text, width);
        let mut cursor = place;
        for (n, c) in line.chars.iter().enumerate() {
            if n == line.at {
                cursor = place;
            }
            if *c == '\n' {
                text.push_str("\r\n  ");
                place = Place { row: place.row + 1, column: 2 };
            } else {
                let shown = super::harmless(&c.to_string()).replace('\t', "    ");
                place.advance(&shown, width);
                text.push_str(&shown);
            }
        }
        if line.at == line.chars.len() {
            cursor = place;
        }
        let mut out = String::from("\r");
        if self.row > 0 {
            let _ = write!(out, "\x1b[{}A", self.row);
        }
        out.push_str("\x1b[J");
        out.push_str(&text);
        // After a full row, the cursor is still in its last column: move it to the next row.
        if place.column == 0 && place.row > 0 {
            out.push_str("\r\n");
        }
        out.push('\r');
        if place.row > cursor.row {
            let _ = write!(out, "\x1b[{}A", place.row - cursor.row);
        }
        if cursor.column > 0 {
            let _ = write!(out, "\x1b[{}C", cursor.column);
        }
        self.row = cursor.row;
        let mut err = io::stderr();
        err.write_all(out.as_bytes())?;
        err.flush()
    }
}

#[derive(Clone, Copy, Default)]
struct Place {
    row: usize,
    column: usize,
}

impl Place {
    fn advance(&mut self, text: &str, width: usize) {
        self.column += console::measure_text_width(text);
        while self.column >= width {
            self.column -= width;
            self.row += 1;
        }
    }
}

#[cfg(unix)]
mod unix {
    use super::Key;
    use crate::terminal::keys::{LOOK, ready};
    use crate::terminal::{is_ending, remember, restore};
    use nix::sys::termios::{self, SetArg};
    use std::io::{self, Write};

    /// Maximum pause between two lines of a paste, in milliseconds.
    const PAUSE: u8 = 30;

    /// Raw mode of the terminal, until this value is dropped.
    pub(super) struct Raw;

    impl Raw {
        pub(super) fn start() -> io::Result<Self> {
            remember();
            let mut raw = termios::tcgetattr(io::stdin())?;
            termios::cfmakeraw(&mut raw);
            termios::tcsetattr(io::stdin(), SetArg::TCSADRAIN, &raw)?;
            // Turns bracketed paste on.
            io::stderr().write_all(b"\x1b[?2004h")?;
            Ok(Self)
        }
    }

    impl Drop for Raw {
        fn drop(&mut self) {
            restore();
        }
    }

    /// Parses bytes from the terminal into keys.
    #[derive(Default)]
    pub(super) struct Keys {
        bytes: std::collections::VecDeque<u8>,
    }

    impl Keys {
        /// Whether more input follows so soon that it cannot have been typed.
        pub(super) fn more_waits(&self) -> io::Result<bool> {
            if !self.bytes.is_empty() {
                return Ok(true);
            }
            ready(PAUSE)
        }

        fn byte(&mut self) -> io::Result<Option<u8>> {
            while self.bytes.is_empty() {
                let mut buffer = [0_u8; 4096];
                while !ready(LOOK)? {
                    if is_ending() {
                        return Err(io::ErrorKind::Interrupted.into());
                    }
                }
                match nix::unistd::read(io::stdin(), &mut buffer) {
                    Ok(0) => return Ok(None),
                    Ok(n) => self.bytes.extend(&buffer[..n]),
                    Err(error) => return Err(error.into()),
                }
            }
            Ok(self.bytes.pop_front())
        }

        pub(super) fn next(&mut self) -> io::Result<Key> {
            let byte = match self.byte() {
                Ok(Some(byte)) => byte,
                Ok(None) => return Ok(Key::Gone),
                // A signal that asks the program to end; in raw mode, Ctrl-C is a key.
                Err(e) if e.kind() == io::ErrorKind::Interrupted => return Ok(Key::Interrupt),
                Err(error) => return Err(error),
            };
            Ok(match byte {
                b'\r' | b'\n' => Key::Enter,
                3 => Key::Interrupt,
                4 => Key::EndOfInput,
                1 => Key::Home,
                5 => Key::End,
                8 | 127 => Key::Backspace,
                21 => Key::ClearBefore,
                23 => Key::WordBefore,
                b'\t' => Key::Char('\t'),
                27 => self.escape()?,
                0..32 => Key::Other,
                _ => self.character(byte)?,
            })
        }

        fn character(&mut self, first: u8) -> io::Result<Key> {
            let length = match first {
                0xc0..0xe0 => 2,
                0xe0..0xf0 => 3,
                0xf0.. => 4,
                _ => 1,
            };
            let mut bytes = vec![first];
            while bytes.len() < length {
                match self.byte()? {
                    Some(byte) => bytes.push(byte),
                    None => break,
                }
            }
            let text = String::from_utf8_lossy(&bytes);
            Ok(text.chars().next().map_or(Key::Other, Key::Char))
        }

        fn escape(&mut self) -> io::Result<Key> {
            if !self.more_waits()? {
                return Ok(Key::Escape);
            }
            match self.byte()? {
                Some(b'\r' | b'\n') => return Ok(Key::NewLine),
                Some(b'[' | b'O') => {}
                _ => return Ok(Key::Other),
            }
            let mut sequence = Vec::new();
            while let Some(byte) = self.byte()? {
                sequence.push(byte);
                if (0x40..0x7f).contains(&byte) || sequence.len() > 16 {
                    break;
                }
            }
            Ok(match sequence.as_slice() {
                b"A" => Key::Up,
                b"B" => Key::Down,
                b"D" => Key::Left,
                b"C" => Key::Right,
                b"H" | b"1~" | b"7~" => Key::Home,
                b"F" | b"4~" | b"8~" => Key::End,
                b"3~" => Key::Delete,
                b"200~" => Key::PasteStart,
                b"201~" => Key::PasteEnd,
                _ => Key::Other,
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrow_keys_recall_sent_texts_and_keep_the_current_one() {
        let mut history = History::of(vec!["one".into(), "two".into()]);
        let mut line = Line::of("new");
        for (places, shown) in
            [(1, "new"), (-1, "two"), (-1, "one"), (-1, "one"), (1, "two"), (1, "new"), (1, "new")]
        {
            history.go(&mut line, places);
            assert_eq!(line.text(), shown);
        }
        line.insert('!');
        history.go(&mut line, -1);
        history.go(&mut line, 1);
        assert_eq!(line.text(), "new!");
    }

    #[test]
    fn editing_keys_change_the_line() {
        use Key::{Backspace, Char, ClearBefore, Delete, End, Home, Left, NewLine, WordBefore};
        for (keys, expected) in [
            (vec![Char('a'), Char('b'), Left, Char('x')], "axb"),
            (vec![Char('a'), Char('b'), Backspace], "a"),
            (vec![Char('a'), Home, Backspace, Char('x')], "xa"),
            (vec![Char('a'), Home, Delete], ""),
            (vec![Char('a'), Char(' '), Char('b'), WordBefore], "a"),
            (vec![Char('a'), Char('b'), Left, ClearBefore, End, Char('c')], "bc"),
            (vec![Char('a'), NewLine, Char('b')], "a\nb"),
            (vec![Left, Delete, Backspace, WordBefore, Char('é')], "é"),
        ] {
            let mut line = Line::default();
            for key in &keys {
                line.press(key);
            }
            assert_eq!(line.text(), expected);
        }
    }
}
