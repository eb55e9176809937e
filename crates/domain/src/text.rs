//! Formatting of text for terminals, prompts and reports.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Makes control characters visible, so that output of a model, a script or a file can't control
/// the terminal.
///
/// Line feeds and tabs are kept, a carriage return before a line feed is removed, all other control
/// characters (and the marks that change the direction of text) become `\xNN` or `\u{NNNN}`.
#[must_use]
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\n' | '\t' => out.push(c),
            '\r' if chars.peek() == Some(&'\n') => {}
            c if turns_text(c) => {
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

/// Whether a character invisibly changes the direction of the text around it.
#[must_use]
pub const fn turns_text(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{61c}')
}

/// The text on one line of at most `width` characters, with an ellipsis if it was cut.
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

/// The words of a text with single spaces between them, on one line.
#[must_use]
pub fn single_spaced(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A printed line with its indentation, at most `width` characters; a tab counts as four spaces.
#[must_use]
pub fn printed_line(line: &str, width: usize) -> String {
    let text = line.trim_start();
    let tabs = line[..line.len() - text.len()].chars().filter(|c| *c == '\t').count();
    let blanks = line[..line.len() - text.len()].chars().count() + 3 * tabs;
    let blanks = if text.is_empty() { 0 } else { blanks.min(width / 2) };
    format!("{}{}", " ".repeat(blanks), one_line(text, width - blanks))
}

/// Whether a text contains these words, not as a part of longer words. Blank words are never
/// contained.
#[must_use]
pub fn stands_in(text: &str, words: &str) -> bool {
    let of_word = |c: char| c.is_alphanumeric() || c == '_';
    let ends_there = |at: usize| {
        let before = text[..at].chars().next_back();
        let after = text[at + words.len()..].chars().next();
        let open = |own: Option<char>, next: Option<char>| {
            own.is_some_and(of_word) && next.is_some_and(of_word)
        };
        !open(words.chars().next(), before) && !open(words.chars().next_back(), after)
    };
    !words.trim().is_empty() && text.match_indices(words).any(|(at, _)| ends_there(at))
}

/// Puts a text into a fenced code block. The fences are longer than any run of backticks in the
/// text, so that it can't close them. `tag` is the language, if any.
#[must_use]
pub fn fenced(text: &str, tag: &str) -> String {
    let fence = "`".repeat(longest_row(text).max(2) + 1);
    format!("{fence}{tag}\n{}\n{fence}", text.trim_end_matches(['\n', '\r']))
}

/// [`fenced`] within `limit` bytes: the text is cut at its end; empty if nothing of it fits.
#[must_use]
pub fn fenced_within(text: &str, limit: usize) -> String {
    let mut text = Cow::Borrowed(text);
    while !text.is_empty() {
        let block = fenced(&text, "");
        let Some(over) = block.len().checked_sub(limit).filter(|over| *over > 0) else {
            return block;
        };
        text = Cow::Owned(within(&text, text.len().saturating_sub(over)));
    }
    String::new()
}

/// A text on one line as inline code, between more backticks than any run of them in it.
#[must_use]
pub fn quoted(text: &str) -> String {
    let line = visible(text.trim()).replace(['\n', '\t'], " ");
    let mark = "`".repeat(longest_row(&line) + 1);
    let space = if mark.len() > 1 { " " } else { "" };
    format!("{mark}{space}{line}{space}{mark}")
}

/// The length of the longest run of backticks.
fn longest_row(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// The beginning of a text within `limit` bytes, with an ellipsis if it was cut; empty if not even
/// the ellipsis fits.
#[must_use]
pub fn within(text: &str, limit: usize) -> String {
    let mark = "…";
    if text.len() <= limit {
        return text.to_owned();
    }
    match limit.checked_sub(mark.len()) {
        Some(room) => text[..text.floor_char_boundary(room)].to_owned() + mark,
        None => String::new(),
    }
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

/// The text within about `limit` bytes: its beginning and its end, with a line between them that
/// gives the number of omitted bytes.
#[must_use]
pub fn ends(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let head = text.floor_char_boundary(limit / 2);
    let tail = text.ceil_char_boundary(text.len() - limit / 2);
    format!("{}\n[... {} bytes left out ...]\n{}", &text[..head], tail - head, &text[tail..])
}

/// Whether two scripts differ only in trailing white space and empty lines.
#[must_use]
pub fn same_code(a: &str, b: &str) -> bool {
    fn lines(text: &str) -> impl Iterator<Item = &str> {
        text.lines().map(str::trim_end).filter(|line| !line.is_empty())
    }
    // Every version of a session is compared, and most differ early.
    a == b || lines(a).eq(lines(b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_printed_line_keeps_its_indentation() {
        for (line, width, shown) in [
            ("  *", 20, "  *"),
            ("\ta", 20, "    a"),
            ("a\u{1b}[0m", 20, "a\\x1b[0m"),
            ("      long text", 8, "    lon…"),
            ("      ", 8, ""),
        ] {
            assert_eq!(printed_line(line, width), shown);
        }
    }

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
