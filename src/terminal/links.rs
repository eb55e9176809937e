//! Files on the screen: as paths relative to the current folder, and as links if the terminal
//! supports them.

use super::{Terminal, harmless::linked};
use crate::domain::text::visible;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Environment variables of terminals that support links (OSC 8), each with the values that
/// indicate it, or any value if none is listed. `FORCE_HYPERLINK` is the user's choice, as in other
/// programs.
const LINKS: &[(&str, &[&str])] = &[
    ("FORCE_HYPERLINK", &["1"]),
    ("KITTY_WINDOW_ID", &[]),
    ("KONSOLE_VERSION", &[]),
    ("TERM", &["alacritty", "foot", "xterm-ghostty", "xterm-kitty"]),
    ("TERM_PROGRAM", &["WezTerm", "ghostty", "iTerm.app", "vscode"]),
    ("VTE_VERSION", &[]),
    ("WT_SESSION", &[]),
];

/// Whether the terminal supports links, according to its environment. Under a multiplexer, which
/// may not support them, only the user's choice counts.
pub(super) fn shows_links(variable: impl Fn(&str) -> Option<OsString>) -> bool {
    let says = |(name, values): &(&str, &[&str])| {
        let value = variable(name).filter(|value| !value.is_empty());
        value.is_some_and(|value| values.is_empty() || values.iter().any(|known| value == *known))
    };
    let inside_another = is_inside_another(&variable);
    LINKS[..1].iter().any(says) || (!inside_another && LINKS[1..].iter().any(says))
}

/// Whether a multiplexer draws this terminal.
pub(super) fn is_inside_another(variable: &impl Fn(&str) -> Option<OsString>) -> bool {
    ["TMUX", "STY"].iter().any(|name| variable(name).is_some())
}

/// A file's path, relative to the current folder if it is inside that.
#[must_use]
pub fn path(terminal: &Terminal, file: &Path) -> String {
    let here = std::env::current_dir().ok();
    let below = |here: &Path| file.strip_prefix(here).ok().map(Path::to_path_buf);
    let short = here.as_deref().and_then(below).unwrap_or_else(|| file.to_owned());
    let shown = visible(&short.strip_prefix("./").unwrap_or(&short).to_string_lossy());
    match file.canonicalize() {
        Ok(whole) if terminal.links => linked(&address(&whole), &shown),
        _ => shown,
    }
}

/// The address of a file, percent-encoded.
fn address(file: &Path) -> String {
    let mut text = String::from("file://");
    for byte in file.as_os_str().as_bytes() {
        match byte {
            b'/' | b'-' | b'.' | b'_' | b'~' => text.push(char::from(*byte)),
            byte if byte.is_ascii_alphanumeric() => text.push(char::from(*byte)),
            byte => {
                let _ = write!(text, "%{byte:02X}");
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_shown_only_in_terminals_that_support_them() {
        for (set, expected) in [
            (&[][..], false),
            (&[("TERM", "xterm-256color")], false),
            (&[("TERM", "xterm-kitty")], true),
            (&[("TERM_PROGRAM", "WezTerm")], true),
            (&[("TERM_PROGRAM", "Apple_Terminal")], false),
            (&[("VTE_VERSION", "7003")], true),
            (&[("VTE_VERSION", "")], false),
            (&[("VTE_VERSION", "7003"), ("TMUX", "x")], false),
            (&[("FORCE_HYPERLINK", "1"), ("TMUX", "x")], true),
            (&[("FORCE_HYPERLINK", "0")], false),
        ] {
            let variable = |name: &str| {
                set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).into())
            };
            assert_eq!(shows_links(variable), expected, "{set:?}");
        }
    }

    #[test]
    fn a_file_address_is_percent_encoded() {
        for (file, expected) in [
            ("/a/b c.png", "file:///a/b%20c.png"),
            ("/a/\u{1b}]8;;x\u{7}.png", "file:///a/%1B%5D8%3B%3Bx%07.png"),
            ("/é", "file:///%C3%A9"),
        ] {
            assert_eq!(address(Path::new(file)), expected);
        }
    }
}
