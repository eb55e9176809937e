//! Names of sessions: they become folder names, so they are checked before anything is written.

use thiserror::Error;

/// The longest name, in characters.
const LONGEST: usize = 80;

/// Why a name can't be a session's.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum NameError {
    /// Nothing is left.
    #[error("a session's name can't be empty")]
    Empty,
    /// Too long for a folder.
    #[error("a session's name has at most {LONGEST} characters, this one has {0}")]
    Long(usize),
    /// A character that a file system or a shell would trip over.
    #[error("a session's name can't hold `{0}`: use letters, digits, `-`, `_` and `.`")]
    Character(String),
    /// A name that means something to the system.
    #[error("a session can't be named `{0}`: the name is reserved")]
    Reserved(String),
}

/// Checks a session's name: letters and digits of any language, `-`, `_`, `.` and inner spaces.
///
/// # Errors
/// Says what is wrong with it; path separators, control characters, leading or trailing dots and
/// spaces, a leading `-` and the device names of Windows are all refused.
pub fn check(name: &str) -> Result<(), NameError> {
    if name.is_empty() {
        return Err(NameError::Empty);
    }
    let length = name.chars().count();
    if length > LONGEST || name.len() > 200 {
        return Err(NameError::Long(length));
    }
    if let Some(c) = name.chars().find(|c| !(c.is_alphanumeric() || "-_. ".contains(*c))) {
        return Err(NameError::Character(super::text::visible(&c.escape_default().to_string())));
    }
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_ascii_uppercase();
    let numbered = |prefix: &str| {
        stem.strip_prefix(prefix).is_some_and(|n| n.chars().count() == 1 && n != "0")
    };
    if name.starts_with(['.', '-', ' '])
        || name.ends_with(['.', ' '])
        || ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"].contains(&stem.as_str())
        || numbered("COM")
        || numbered("LPT")
    {
        return Err(NameError::Reserved(name.to_owned()));
    }
    Ok(())
}

/// A name made from a request: its first words, in lower case, joined by `-`.
#[must_use]
pub fn suggest(request: &str) -> String {
    const FILLER: [&str; 34] = [
        "a",
        "an",
        "the",
        "me",
        "my",
        "i",
        "want",
        "need",
        "please",
        "make",
        "write",
        "create",
        "build",
        "give",
        "that",
        "which",
        "to",
        "of",
        "for",
        "in",
        "on",
        "with",
        "and",
        "python",
        "script",
        "program",
        "app",
        "application",
        "some",
        "would",
        "like",
        "can",
        "you",
        "us",
    ];
    let words: Vec<String> = request
        .split(|c: char| !c.is_alphanumeric())
        .filter(|w| !w.is_empty())
        .take(60)
        .map(str::to_lowercase)
        .collect();
    let mut telling: Vec<&String> =
        words.iter().filter(|w| !FILLER.contains(&w.as_str())).take(4).collect();
    if telling.is_empty() {
        telling = words.iter().take(4).collect();
    }
    let mut name = String::new();
    for word in telling {
        if name.len() + word.len() > 40 && !name.is_empty() {
            break;
        }
        if !name.is_empty() {
            name.push('-');
        }
        name.extend(word.chars().take(30));
    }
    if check(&name).is_err() { "session".to_owned() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_would_leave_the_sessions_folder_is_refused() {
        for name in [
            "",
            ".",
            "..",
            "../x",
            "a/b",
            "a\\b",
            "/etc",
            "C:",
            "a\0b",
            "a\nb",
            "\u{1b}[2J",
            ".git",
            "a.",
            "a ",
            " a",
            "-rf",
            "con",
            "CON",
            "con.txt",
            "Nul",
            "COM1",
            "lpt9.log",
            "a:b",
            "a*",
            "a?",
            "a\"",
            "a<",
            "a|b",
            "~",
        ] {
            assert!(check(name).is_err(), "{name:?}");
        }
        assert!(check(&"x".repeat(81)).is_err());
    }

    #[test]
    fn an_ordinary_name_is_taken() {
        for name in ["analog-clock", "a", "v1.2", "Uhr_3", "時計", "два слова", "com10", "console"]
        {
            assert_eq!(check(name), Ok(()), "{name:?}");
        }
    }

    #[test]
    fn a_request_gives_a_name_that_can_be_used() {
        for (request, name) in [
            (
                "make me a python app that shows the time on an analog clock face",
                "shows-time-analog-clock",
            ),
            ("Plot the probability of a shared birthday", "plot-probability-shared-birthday"),
            ("../../etc/passwd", "etc-passwd"),
            ("make me a script", "make-me-a-script"),
            ("!!!", "session"),
            ("NUL", "session"),
            ("時計を表示する", "時計を表示する"),
        ] {
            assert_eq!(suggest(request), name);
        }
    }
}
