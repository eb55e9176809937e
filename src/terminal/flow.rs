//! Wraps text between words, with a hanging indent.

use super::Terminal;
use console::measure_text_width;

/// The indent of a word that does not fit behind the normal one, in columns.
const LEAST: usize = 4;

/// `label`, then the text. If it is wider than the terminal, it is wrapped between words, and every
/// further line is indented to the text's first word. Ends with a line feed.
#[must_use]
pub fn hang(terminal: &Terminal, label: &str, text: &str) -> String {
    // Without a terminal, lines stay whole, so that other programs can search them.
    let width = if terminal.live { terminal.width() } else { usize::MAX };
    within(label, text, width)
}

/// Indents every line of a text; list items get a hanging indent.
#[must_use]
pub fn indented(terminal: &Terminal, indent: &str, text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let rest = line.trim_start();
        let bullet = ["- ", "* "].iter().find(|b| rest.starts_with(*b)).map_or(0, |b| b.len());
        let (label, rest) = line.split_at(line.len() - rest.len() + bullet);
        out.push_str(&hang(terminal, &format!("{indent}{label}"), rest));
    }
    out
}

/// Wraps a text between words to the width of the terminal, or to 100 columns without one.
#[must_use]
pub fn paragraph(terminal: &Terminal, text: &str) -> String {
    within("", text, terminal.width())
}

/// The same as [`hang`], for a width in columns.
#[must_use]
pub(super) fn within(label: &str, text: &str, width: usize) -> String {
    let margin = measure_text_width(label);
    let mut out = label.to_owned();
    for (n, line) in text.split('\n').enumerate() {
        if n > 0 {
            new_line(&mut out, margin);
        }
        let mut column = margin;
        for word in line.split_inclusive(' ') {
            let needed = measure_text_width(word.trim_end());
            let fits = |column: usize| column.saturating_add(needed) <= width;
            if column > margin && !fits(column) {
                new_line(&mut out, margin);
                column = margin;
            }
            // A word that already has its own line, like a path, is cut only if it must be.
            if column == margin && margin > LEAST && !fits(column) && fits(LEAST) {
                new_line(&mut out, LEAST);
                column = LEAST;
            }
            out.push_str(word);
            column += measure_text_width(word);
        }
    }
    out.truncate(out.trim_end_matches(' ').len());
    out.push('\n');
    out
}

fn new_line(out: &mut String, margin: usize) {
    out.truncate(out.trim_end_matches(' ').len());
    out.push('\n');
    out.push_str(&" ".repeat(margin));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_wraps_between_words_with_a_hanging_indent() {
        for (label, text, width, expected) in [
            ("  a ", "one two three", 12, "  a one two\n    three\n"),
            ("- ", "one", 40, "- one\n"),
            ("- ", "", 40, "-\n"),
            ("", "a-word-that-is-too-long and", 8, "a-word-that-is-too-long\nand\n"),
            ("> ", "one\ntwo", 40, "> one\n  two\n"),
            ("  ", "時時 時時", 7, "  時時\n  時時\n"),
            ("\x1b[2mx\x1b[0m ", "one two", 6, "\x1b[2mx\x1b[0m one\n  two\n"),
            ("  wrote   ", "a/path/to.txt b", 18, "  wrote\n    a/path/to.txt\n          b\n"),
            ("  wrote   ", "a/path/to.txt", 12, "  wrote   a/path/to.txt\n"),
        ] {
            assert_eq!(within(label, text, width), expected);
        }
    }
}
