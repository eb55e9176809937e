//! Shows pictures of scripts on the screen. Files are untrusted: they are read within limits, and
//! output is drawn from their pixels; no byte of a file reaches the terminal.
//!
//! The terminal's picture format is determined from environment variables alone. A query could
//! remain without an answer, and a late answer would be read as keys.

mod pixels;
mod sixel;

use super::{Terminal, links, write_out};
use crate::files;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use console::Term;
use pixels::{Colour, Pixels};
use std::env;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::Path;

/// Maximum size of a file, in bytes.
const LARGEST: u64 = 16 << 20;
/// Approximate width and height of a character in pixels; the terminal is not queried.
const CELL: (usize, usize) = (8, 16);
/// Additional resolution if the terminal scales the picture itself.
const FINER: usize = 2;
/// Rows reserved for the picture's name and the text after it.
const OTHER_ROWS: usize = 4;
/// Size of a chunk in kitty's protocol, in bytes.
const PIECE: usize = 4096;

/// The format of pictures for a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pictures {
    /// No pictures.
    Nothing,
    /// Half blocks in two colours, for any terminal with colours.
    Blocks,
    /// Kitty's graphics protocol.
    Kitty,
    /// iTerm2's inline images.
    Iterm,
    /// Sixels.
    Sixel,
}

/// Environment variables and values that indicate a terminal's picture format; an empty value
/// stands for any. The user's own variable comes first.
const KNOWN: &[(&str, &str, Pictures)] = &[
    (OWN, "kitty", Pictures::Kitty),
    (OWN, "iterm2", Pictures::Iterm),
    (OWN, "sixel", Pictures::Sixel),
    (OWN, "blocks", Pictures::Blocks),
    (OWN, "off", Pictures::Nothing),
    ("TERM_PROGRAM", "WezTerm", Pictures::Iterm),
    ("TERM_PROGRAM", "iTerm.app", Pictures::Iterm),
    ("TERM_PROGRAM", "mintty", Pictures::Iterm),
    ("TERM_PROGRAM", "ghostty", Pictures::Kitty),
    ("LC_TERMINAL", "iTerm2", Pictures::Iterm),
    ("TERM", "xterm-kitty", Pictures::Kitty),
    ("TERM", "xterm-ghostty", Pictures::Kitty),
    ("TERM", "foot", Pictures::Sixel),
    ("TERM", "foot-extra", Pictures::Sixel),
    ("TERM", "mlterm", Pictures::Sixel),
    ("TERM", "yaft-256color", Pictures::Sixel),
    ("KITTY_WINDOW_ID", "", Pictures::Kitty),
];

/// The variable in which the user chooses the format.
const OWN: &str = "REDRAFT_PICTURES";

/// The picture format of the terminal, according to its environment; half blocks if it is unknown.
/// Under a multiplexer, only the user's choice counts.
pub(super) fn shown(variable: impl Fn(&str) -> Option<OsString>) -> Pictures {
    let inside_another = links::is_inside_another(&variable);
    let says = |(name, known, _): &&(&str, &str, Pictures)| {
        let value = variable(name).filter(|value| !value.is_empty());
        let counts = *name == OWN || !inside_another;
        value.is_some_and(|value| counts && (known.is_empty() || value == *known))
    };
    KNOWN.iter().find(says).map_or(Pictures::Blocks, |(.., pictures)| *pictures)
}

/// Draws a picture on lines of its own; does nothing with [`Pictures::Nothing`].
///
/// # Errors
/// A message why it cannot be drawn, on one line.
pub fn draw(terminal: &Terminal, file: &Path) -> Result<(), String> {
    match terminal.pictures {
        Pictures::Nothing => return Ok(()),
        Pictures::Blocks if !terminal.color => {
            return Err("it can't be drawn here without colours".to_owned());
        }
        _ => {}
    }
    let bytes = files::read_regular(file, LARGEST)
        .ok_or_else(|| "it is too large to be drawn, or not there any more".to_owned())?;
    let (rows, columns) = Term::stdout().size();
    let rows = usize::from(rows).saturating_sub(OTHER_ROWS).max(OTHER_ROWS);
    // The last column stays empty: some terminals start a new line after a character there.
    let columns = usize::from(columns).saturating_sub(1).max(OTHER_ROWS);
    let text = drawn(terminal.pictures, Pixels::read(&bytes)?, (columns, rows), many_colours())?;
    write_out(&text);
    Ok(())
}

/// Whether the terminal reports 24-bit colour.
fn many_colours() -> bool {
    env::var("COLORTERM").is_ok_and(|value| value == "truecolor" || value == "24bit")
}

/// The output that draws a picture within these columns and rows. It has only escape sequences from
/// this module, numbers and base64.
fn drawn(
    how: Pictures,
    picture: Pixels,
    (columns, rows): (usize, usize),
    many: bool,
) -> Result<String, String> {
    let (width, height) = (columns * CELL.0, rows * CELL.1);
    // The picture's own width, if that fits.
    let part = (columns * 100).min(picture.width * 100 / CELL.0);
    let part = part.min(picture.width * height * 100 / (picture.height * CELL.0)).div_ceil(100);
    match how {
        Pictures::Nothing => Ok(String::new()),
        Pictures::Blocks => Ok(blocks(&picture.within(columns, rows * 2), many)),
        Pictures::Kitty => Ok(kitty(&picture.within(width * FINER, height * FINER).png()?, part)),
        Pictures::Iterm => Ok(iterm(&picture.within(width * FINER, height * FINER).png()?, part)),
        Pictures::Sixel => Ok(sixel::drawn(&picture.within(width, height))),
    }
}

/// A PNG file in kitty's protocol, with a width in columns. `q=2` suppresses the terminal's answer,
/// which would be read as keys.
fn kitty(png: &[u8], columns: usize) -> String {
    let text = STANDARD.encode(png);
    let pieces: Vec<&str> =
        text.as_bytes().chunks(PIECE).filter_map(|piece| std::str::from_utf8(piece).ok()).collect();
    let mut out = String::new();
    for (number, piece) in pieces.iter().enumerate() {
        let more = u8::from(number + 1 < pieces.len());
        let begin = if number == 0 {
            format!("a=T,f=100,q=2,c={columns},m={more}")
        } else {
            format!("q=2,m={more}")
        };
        let _ = write!(out, "\u{1b}_G{begin};{piece}\u{1b}\\");
    }
    out + "\n"
}

/// A PNG file as an inline image of iTerm2, with a width in columns.
fn iterm(png: &[u8], columns: usize) -> String {
    let text = STANDARD.encode(png);
    let length = png.len();
    format!(
        "\u{1b}]1337;File=inline=1;size={length};width={columns};preserveAspectRatio=1:{text}\u{7}\n"
    )
}

/// Two rows of pixels per line: the upper one in the foreground colour, the lower one in the
/// background colour.
fn blocks(picture: &Pixels, many: bool) -> String {
    let mut out = String::new();
    for row in (0..picture.height).step_by(2) {
        let mut last = None;
        for column in 0..picture.width {
            let both = (picture.at(column, row), picture.at(column, row + 1));
            if last.replace(both) != Some(both) {
                let upper = both.0.map_or_else(|| "39".to_owned(), |c| code(38, c, many));
                let lower = both.1.map_or_else(|| "49".to_owned(), |c| code(48, c, many));
                let _ = write!(out, "\u{1b}[{upper};{lower}m");
            }
            out.push('▀');
        }
        out.push_str("\u{1b}[0m\n");
    }
    out
}

/// The escape code of a colour: 24-bit, or the nearest in the 6×6×6 colour cube.
fn code(ground: u8, [red, green, blue]: Colour, many: bool) -> String {
    if many {
        return format!("{ground};2;{red};{green};{blue}");
    }
    let [red, green, blue] = [red, green, blue].map(nearest);
    format!("{ground};5;{}", 16 + 36 * red + 6 * green + blue)
}

/// The index of the nearest level in the colour cube of the 256 colours.
fn nearest(value: u8) -> u8 {
    match value {
        0..48 => 0,
        48..115 => 1,
        _ => (value - 35) / 40,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    #[test]
    fn the_picture_format_is_chosen_from_environment_variables() {
        for (set, expected) in [
            (&[][..], Pictures::Blocks),
            (&[("TERM", "xterm-256color")], Pictures::Blocks),
            (&[("TERM", "xterm-kitty")], Pictures::Kitty),
            (&[("KITTY_WINDOW_ID", "1")], Pictures::Kitty),
            (&[("KITTY_WINDOW_ID", "1"), ("TMUX", "x")], Pictures::Blocks),
            (&[("KITTY_WINDOW_ID", "1"), ("TERM_PROGRAM", "WezTerm")], Pictures::Iterm),
            (&[("LC_TERMINAL", "iTerm2")], Pictures::Iterm),
            (&[("TERM", "foot")], Pictures::Sixel),
            (&[("TERM", "foot"), ("STY", "x")], Pictures::Blocks),
            (&[("TERM", "foot"), ("REDRAFT_PICTURES", "off")], Pictures::Nothing),
            (&[("REDRAFT_PICTURES", "sixel"), ("TMUX", "x")], Pictures::Sixel),
            (&[("REDRAFT_PICTURES", ""), ("TERM", "xterm-kitty")], Pictures::Kitty),
        ] {
            let variable = |name: &str| {
                set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).into())
            };
            assert_eq!(shown(variable), expected, "{set:?}");
        }
    }

    fn picture(width: usize, height: usize) -> Pixels {
        let colours = (0..width * height).map(|n| [u8::try_from(n * 7 % 256).unwrap(), 200, 0]);
        Pixels { width, height, colours: colours.collect() }
    }

    #[test]
    fn a_drawn_picture_has_no_control_characters_but_its_own_escapes() {
        for (how, begin, pieces) in [
            (Pictures::Kitty, "\u{1b}_Ga=T,f=100,q=2,c=", "\u{1b}\\"),
            (Pictures::Iterm, "\u{1b}]1337;File=inline=1;size=", "\u{7}"),
            (Pictures::Sixel, "\u{1b}P0;1;0q\"1;1;", "\u{1b}\\"),
            (Pictures::Blocks, "\u{1b}[38;5;", "m"),
        ] {
            let text = drawn(how, picture(900, 300), (60, 20), false).unwrap();
            assert!(text.starts_with(begin) && text.ends_with('\n'), "{how:?}");
            let plain = |c: char| c.is_ascii_graphic() || "\u{1b}\u{7}▀\n ".contains(c);
            assert!(text.chars().all(plain), "{how:?}");
            // Each escape sequence is terminated.
            for part in text.split('\u{1b}').skip(1).filter(|part| !part.starts_with('\\')) {
                let closed = text.contains(pieces) || part.contains(pieces);
                assert!(closed, "{how:?}");
            }
        }
        assert_eq!(drawn(Pictures::Nothing, picture(9, 9), (60, 20), false).unwrap(), "");
    }

    #[test]
    fn a_picture_sent_in_chunks_decodes_to_the_whole_picture() {
        let shown = Pixels::within(picture(900, 300), 60 * CELL.0 * FINER, 20 * CELL.1 * FINER);
        for (how, begin, end) in [(Pictures::Kitty, ';', '\u{1b}'), (Pictures::Iterm, ':', '\u{7}')]
        {
            let text = drawn(how, picture(900, 300), (60, 20), false).unwrap();
            let pieces = text.split(begin).skip(1).filter_map(|rest| rest.split(end).next());
            let pieces: Vec<&str> = pieces.collect();
            let small = pieces.len() > 1 && pieces.iter().all(|piece| piece.len() <= PIECE);
            assert!(small || how == Pictures::Iterm, "{how:?}");
            let png = STANDARD.decode(pieces.concat()).unwrap();
            assert_eq!(Pixels::read(&png).unwrap(), shown, "{how:?}");
        }
    }

    #[test]
    fn a_picture_is_no_larger_than_the_room_or_its_own_size() {
        for ((width, height), room, columns) in [
            ((80, 80), (100, 50), 10),
            ((4000, 400), (100, 50), 100),
            ((400, 4000), (100, 50), 10),
            ((1, 1), (100, 50), 1),
        ] {
            for how in [Pictures::Kitty, Pictures::Iterm] {
                let text = drawn(how, picture(width, height), room, true).unwrap();
                let name = if how == Pictures::Kitty { "c=" } else { "width=" };
                let number = text.split(name).nth(1).unwrap().split([',', ';']).next().unwrap();
                assert_eq!(number, columns.to_string(), "{how:?} {width} x {height}");
            }
        }
        let text = drawn(Pictures::Blocks, picture(1000, 1000), (30, 10), true).unwrap();
        assert_eq!(text.lines().count(), 10);
        assert!(text.lines().all(|line| line.matches('▀').count() == 20));
        assert!(text.contains("\u{1b}[38;2;"));
        // An odd height leaves the lower half of the last line empty.
        let text = drawn(Pictures::Blocks, picture(1, 3), (30, 10), true).unwrap();
        assert!(text.ends_with(";49m▀\u{1b}[0m\n"), "{text:?}");
    }

    #[test]
    fn colours_are_mapped_to_the_256_colour_palette() {
        for (colour, expected) in [
            ([0, 0, 0], "38;5;16"),
            ([255, 255, 255], "38;5;231"),
            ([255, 0, 0], "38;5;196"),
            ([95, 135, 175], "38;5;67"),
        ] {
            assert_eq!(code(38, colour, false), expected);
        }
    }
}
