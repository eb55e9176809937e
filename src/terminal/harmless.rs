//! Makes text harmless for the terminal: every control character is escaped, except in this
//! program's own styles.
//!
//! Its own styles are marked with a random number of this process, which is removed on output.

use crate::domain::text::visible;
use console::Style;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::LazyLock;

/// The mark at the end of each style's numbers: a random number of this process, in groups of four
/// digits, because functions that measure the width of text accept no longer ones.
static MARK: LazyLock<String> = LazyLock::new(|| {
    let number = RandomState::new().build_hasher().finish();
    let part = |n: u32| format!(";{:04}", number / 10_000_u64.pow(n) % 10_000);
    (0..4).map(part).collect::<String>() + "m"
});

/// A text in a style, with the mark.
pub(super) fn styled(style: &Style, text: &str) -> String {
    let around = style.clone().force_styling(true).apply_to("\0").to_string();
    let (begin, end) = around.split_once('\0').unwrap_or_default();
    [begin.replace('m', &MARK), text.to_owned(), end.replace('m', &MARK)].concat()
}

/// The start and end of a link's escape sequence, around its address.
const LINK: (&str, &str) = ("\u{1b}]8;", "\u{1b}\\");

/// A text with a link to an address, with the mark. An address contains no control characters.
pub(super) fn linked(address: &str, text: &str) -> String {
    let (begin, end) = LINK;
    format!("{begin}{};{address}{end}{text}{begin}{};{end}", *MARK, *MARK)
}

/// The text with its control characters escaped, except in marked styles and links.
#[must_use]
pub fn harmless(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\u{1b}') {
        out.push_str(&visible(&rest[..at]));
        rest = &rest[at..];
        let end = if let Some((style, end)) = own(rest) {
            out.extend([style, "m"]);
            end
        } else if let Some((address, end)) = own_link(rest) {
            out.extend([LINK.0, ";", address, LINK.1]);
            end
        } else {
            out.push_str("\\x1b");
            1
        };
        rest = &rest[end..];
    }
    out.push_str(&visible(rest));
    out
}

/// The marked style that a text starts with, without its mark, and where it ends; `None` without
/// one.
fn own(text: &str) -> Option<(&str, usize)> {
    let inside = text.strip_prefix("\u{1b}[")?;
    let numbers = inside.bytes().take_while(|b| b.is_ascii_digit() || *b == b';').count();
    let end = text.len() - inside.len() + numbers + 1;
    Some((text.get(..end)?.strip_suffix(MARK.as_str())?, end))
}

/// The address of the marked link that a text starts with, and where the start of the link ends;
/// `None` without one.
fn own_link(text: &str) -> Option<(&str, usize)> {
    let inside = text.strip_prefix(LINK.0)?.strip_prefix(MARK.as_str())?.strip_prefix(';')?;
    let (address, rest) = inside.split_once(LINK.1)?;
    let plain = address.bytes().all(|byte| byte.is_ascii_graphic());
    plain.then_some((address, text.len() - rest.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_styles_of_this_program_reach_the_terminal() {
        let bold = Style::new().bold();
        assert_eq!(harmless(&styled(&bold, "a\u{1b}[2Jb\r\n")), "\u{1b}[1ma\\x1b[2Jb\n\u{1b}[0m");
        let both = styled(&Style::new().red(), &format!("x {}", styled(&bold, "y")));
        assert_eq!(console::measure_text_width(&both), 3);
        assert_eq!(harmless(&both), "\u{1b}[31mx \u{1b}[1my\u{1b}[0m\u{1b}[0m");
        let link = linked("file:///a%20b", "a b");
        assert_eq!(console::measure_text_width(&link), 3);
        let plain = "\u{1b}]8;;file:///a%20b\u{1b}\\a b\u{1b}]8;;\u{1b}\\";
        assert_eq!(harmless(&link), plain);
        for text in [
            plain,
            "\u{1b}[31m",
            "\u{1b}[8mhidden",
            "\u{1b}[1;12345m",
            "\u{1b}]0;title\u{7}",
            "\u{9b}2J",
            "a\u{202e}b\u{61c}",
            "\u{1b}",
            "over\rwritten",
            "\u{1b}[1é",
        ] {
            let shown = harmless(text);
            assert!(!shown.chars().any(|c| c.is_control() || c == '\u{202e}'), "{shown:?}");
        }
    }
}
