//! What goes to the terminal is harmless by construction: every control character becomes visible,
//! except in styles that this program made itself.
//!
//! Its own styles carry a number that nobody else knows, and lose it on the way out.

use crate::domain::text::visible;
use console::Style;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::LazyLock;

/// Stands at the end of each style's numbers: this process's own number, in parts of four digits,
/// as whoever measures a text's width knows no longer ones.
static MARK: LazyLock<String> = LazyLock::new(|| {
    let number = RandomState::new().build_hasher().finish();
    let part = |n: u32| format!(";{:04}", number / 10_000_u64.pow(n) % 10_000);
    (0..4).map(part).collect::<String>() + "m"
});

/// A text in a style, marked as ours.
pub(super) fn styled(style: &Style, text: &str) -> String {
    let around = style.clone().force_styling(true).apply_to("\0").to_string();
    let (begin, end) = around.split_once('\0').unwrap_or_default();
    [begin.replace('m', &MARK), text.to_owned(), end.replace('m', &MARK)].concat()
}

/// How a link begins and ends, around its address.
const LINK: (&str, &str) = ("\u{1b}]8;", "\u{1b}\\");

/// A text that leads to an address, marked as ours. What an address is made of steers no terminal.
pub(super) fn linked(address: &str, text: &str) -> String {
    let (begin, end) = LINK;
    format!("{begin}{};{address}{end}{text}{begin}{};{end}", *MARK, *MARK)
}

/// The text as it may go to a terminal.
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

/// The style that a text begins with, without its mark, and where it ends; if it is ours.
fn own(text: &str) -> Option<(&str, usize)> {
    let inside = text.strip_prefix("\u{1b}[")?;
    let numbers = inside.bytes().take_while(|b| b.is_ascii_digit() || *b == b';').count();
    let end = text.len() - inside.len() + numbers + 1;
    Some((text.get(..end)?.strip_suffix(MARK.as_str())?, end))
}

/// The address of the link that a text begins with, and where the link's beginning ends; if it is ours.
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
