//! Text that can be shown or counted anywhere.

use std::fmt::Write as _;

/// Makes control characters visible: what a model, a script or a file says never steers a terminal.
///
/// Line feeds and tabs stay, a carriage return before a line feed goes, everything else of the
/// control ranges (and the marks that change the direction of text) becomes `\xNN` or `\u{NNNN}`.
#[must_use]
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\n' | '\t' => out.push(c),
            '\r' if chars.peek() == Some(&'\n') => {}
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' => {
                let _ = write!(out, "\\u{{{:04x}}}", c as u32);
            }
            c if c.is_control() => {
                let _ = write!(out, "\\x{:02x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out
}

/// The text on one line, at most `width` characters, with an ellipsis where it was cut.
#[must_use]
pub fn one_line(text: &str, width: usize) -> String {
    let mut line = String::new();
    for (n, c) in visible(text.trim()).replace(['\n', '\t'], " ").chars().enumerate() {
        if n + 1 == width {
            line.push('…');
            break;
        }
        line.push(c);
    }
    line
}

/// `1 line`, `2 lines`.
#[must_use]
pub fn count(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

/// `1.1 GB`, `98 MB`, `12 bytes`.
#[must_use]
pub fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} bytes"),
        1_000..1_000_000 => format!("{} kB", bytes / 1_000),
        1_000_000..1_000_000_000 => format!("{} MB", bytes / 1_000_000),
        _ => {
            let tenths = (bytes / 10_000_000 + 5) / 10;
            format!("{}.{} GB", tenths / 10, tenths % 10)
        }
    }
}

/// The text within `limit` bytes: its beginning and its end, with a line between that tells what
/// was left out.
#[must_use]
pub fn ends(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let head = text.floor_char_boundary(limit / 2);
    let tail = text.ceil_char_boundary(text.len() - limit / 2);
    format!("{}\n[... {} bytes left out ...]\n{}", &text[..head], tail - head, &text[tail..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_are_shown_and_never_sent() {
        for (text, shown) in [
            ("plain\ttext\n", "plain\ttext\n"),
            ("\u{1b}[31mred", "\\x1b[31mred"),
            ("dos\r\nline", "dos\nline"),
            ("over\rwritten", "over\\x0dwritten"),
            ("\u{9b}2J", "\\x9b2J"),
            ("a\u{202e}b", "a\\u{202e}b"),
            ("héllo 時", "héllo 時"),
        ] {
            assert_eq!(visible(text), shown);
        }
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        assert_eq!(one_line("a b\nc", 10), "a b c");
        assert_eq!(one_line("ééééé", 4), "ééé…");
        for (bytes, words) in [
            (999, "999 bytes"),
            (1_000, "1 kB"),
            (98_362_432, "98 MB"),
            (1_117_320_768, "1.1 GB"),
            (19_851_335_872, "19.9 GB"),
        ] {
            assert_eq!(size(bytes), words);
        }
        let cut = ends(&"é".repeat(100), 21);
        assert!(cut.starts_with("ééééé\n[... ") && cut.ends_with('é'), "{cut}");
    }
}
