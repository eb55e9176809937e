//! The text of a child's terminal screen.

use std::mem::take;
use std::num::NonZeroU16;

use crate::capture::{Capture, Captured};

/// Screen size in characters.
pub(super) const COLUMNS: u16 = 80;
pub(super) const ROWS: u16 = 24;
/// Lines kept of those that scrolled off the screen.
const ABOVE: usize = 1000;
/// Control sequences that leave the alternate screen and restore the normal one.
const LEAVES: [&[u8]; 3] = [b"\x1b[?1049l", b"\x1b[?1047l", b"\x1b[?47l"];
const ESCAPE: u8 = 0x1b;

/// Current and past content of a screen.
pub(crate) struct Screen {
    parser: vt100::Parser,
    /// An escape sequence and the bytes after it, not processed yet.
    begun: Vec<u8>,
    /// Content of the alternate screen when the child left it.
    left: String,
    /// All output, for errors that were printed to the screen.
    all: Capture,
    drawn: bool,
}

impl Screen {
    /// An empty screen. Keeps `keep` bytes of all output.
    pub(crate) fn new(keep: usize) -> Self {
        let [rows, columns] =
            [ROWS, COLUMNS].map(|n| NonZeroU16::new(n).unwrap_or(NonZeroU16::MIN));
        Self {
            parser: vt100::Parser::new(rows, columns, ABOVE),
            begun: Vec::new(),
            left: String::new(),
            all: Capture::new(keep),
            drawn: false,
        }
    }

    /// Whether there was any output.
    pub(super) const fn is_drawn(&self) -> bool {
        self.drawn
    }

    /// Processes output of the child.
    pub(super) fn take(&mut self, bytes: &[u8]) {
        self.all.push(bytes);
        self.drawn |= !bytes.is_empty();
        for (n, piece) in bytes.split(|byte| *byte == ESCAPE).enumerate() {
            if n > 0 {
                self.draw();
                self.begun.push(ESCAPE);
            }
            self.begun.extend(piece);
        }
        // The rest of a sequence may follow in the next read.
        if self.begun.first() != Some(&ESCAPE) || self.begun.len() >= LEAVES[0].len() {
            self.draw();
        }
    }

    fn draw(&mut self) {
        let begun = take(&mut self.begun);
        let leaves = LEAVES.iter().any(|sequence| begun.starts_with(sequence));
        if leaves && self.parser.screen().alternate_screen() {
            self.left = self.parser.screen().contents();
        }
        self.parser.process(&begun);
    }

    /// The text of the screen, including lines that scrolled off and the alternate screen; and all
    /// output without control sequences.
    pub(crate) fn finish(mut self) -> (Captured, Captured) {
        self.draw();
        let all = self.all.finish();
        let screen = self.parser.screen_mut();
        let mut text = take(&mut self.left);
        if !text.is_empty() {
            text.push('\n');
        }
        if screen.alternate_screen() {
            text.push_str(&screen.contents());
        } else {
            text.push_str(&with_above(screen));
        }
        let lines: Vec<&str> = text.trim_end().lines().map(str::trim_end).collect();
        let text = lines.join("\n") + if lines.is_empty() { "" } else { "\n" };
        let said = console::strip_ansi_codes(&all.text).replace('\r', "");
        (Captured { text, bytes: all.bytes }, Captured { text: said, bytes: 0 })
    }
}

/// The rows of a screen after those that scrolled off, with wrapped rows joined.
fn with_above(screen: &mut vt100::Screen) -> String {
    let mut text = String::new();
    let mut above = screen.scrollback_len();
    loop {
        screen.set_scrollback(above);
        let seen = if above == 0 { usize::from(ROWS) } else { above.min(usize::from(ROWS)) };
        for (number, row) in (0..).zip(screen.rows(0, COLUMNS)).take(seen) {
            text.push_str(&row);
            if !screen.row_wrapped(number) {
                text.push('\n');
            }
        }
        if above == 0 {
            return text;
        }
        above -= seen;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(pieces: &[&[u8]]) -> String {
        let mut screen = Screen::new(1 << 16);
        for piece in pieces {
            screen.take(piece);
        }
        screen.finish().0.text
    }

    #[test]
    fn a_screen_is_the_text_that_a_person_would_see() {
        let long = "x".repeat(100);
        let lines: String = (1..=30).map(|n| format!("{n}\r\n")).collect::<Vec<_>>().concat();
        let above: String = (1..=30).map(|n| format!("{n}\n")).collect::<Vec<_>>().concat();
        for (pieces, text) in [
            (vec![], ""),
            (vec![&b"one\r\ntwo"[..]], "one\ntwo\n"),
            (vec![b"12:00\r", b"12:01\r"], "12:01\n"),
            (vec![b"\x1b[2J\x1b[3;5Hhere"], "\n\n    here\n"),
            (vec![b"\x1b]0;a title\x07", b"\x1b[31mred\x1b[0m"], "red\n"),
            (vec![long.as_bytes()], &format!("{long}\n")),
            (vec![lines.as_bytes()], &above),
            (vec![b"\x1b[?1049h\x1b[Hdrawn"], "drawn\n"),
            (vec![b"\x1b[?1049h\x1b[Hdrawn\x1b[?1049l"], "drawn\n"),
            (vec![b"\x1b[?1049h\x1b[Hdrawn\x1b", b"[?10", b"49lbye\r\n"], "drawn\nbye\n"),
            (vec![b"\x1b[?47h\x1b[Hdrawn\x1b[?47l"], "drawn\n"),
        ] {
            assert_eq!(shown(&pieces), text, "{pieces:?}");
        }
    }

    #[test]
    fn an_error_is_told_whole_whatever_is_drawn_around_it() {
        let mut screen = Screen::new(1 << 16);
        screen.take(
            b"\x1b[?1049h\x1b[5;5Hdrawn\x1b[?1049l\r\nTraceback (most recent call last):\r\n",
        );
        assert_eq!(
            screen.finish().1.text.lines().last(),
            Some("Traceback (most recent call last):")
        );
    }

    proptest! {
        #[test]
        fn no_script_breaks_the_screen(
            pieces in prop::collection::vec(
                prop_oneof![
                    prop::collection::vec(any::<u8>(), 0..40),
                    "\u{1b}\\[[0-9;?]{0,12}[@-~]".prop_map(String::into_bytes),
                    "\u{1b}[\\]PX^_c78DEHM].{0,40}".prop_map(String::into_bytes),
                ],
                0..60,
            )
        ) {
            let mut screen = Screen::new(100);
            for piece in &pieces {
                screen.take(piece);
            }
            let (shown, _) = screen.finish();
            prop_assert!(shown.text.chars().all(|c| !c.is_control() || c == '\n'), "{:?}", shown.text);
        }
    }
}
