//! Checks the names of sessions and files before anything is written: they become names of folders
//! and files.

use super::text::turns_text;
use std::fmt::Write as _;
use thiserror::Error;

/// Maximum length of a name, in characters.
const LONGEST: usize = 80;

/// Why a session's name is invalid.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum NameError {
    /// The name is empty.
    #[error("a session's name can't be empty")]
    Empty,
    /// Too long for a folder's name.
    #[error("a session's name has at most {LONGEST} characters, this one has {0}")]
    Long(usize),
    /// A character that is unsafe in file systems or shells.
    #[error("a session's name can't hold `{0}`: use letters, digits, `-`, `_` and `.`")]
    Character(String),
    /// A name that is reserved by an operating system.
    #[error("a session can't be named `{0}`: the name is reserved")]
    Reserved(String),
}

/// Checks a session's name: letters and digits of any language, `-`, `_`, `.` and inner spaces.
///
/// # Errors
/// What is wrong with the name. Path separators, control characters, leading or trailing dots and
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

/// Maximum length of a file name in file systems, in bytes.
const LONGEST_FILE: usize = 255;

/// Why a file name is invalid.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum FileNameError {
    /// Not the name of a file: empty, `.` or `..`.
    #[error("`{0}` is no name of a file")]
    Folder(String),
    /// Longer than file systems support.
    #[error("its name has more than {LONGEST_FILE} bytes; rename it")]
    Long,
    /// It has a path separator and could lead to another folder.
    #[error("its name holds the path separator `{0}`; rename it")]
    Separator(char),
    /// It has a control character, which is invisible and hard to write in a script.
    #[error("its name holds the control character `{0}`; rename it")]
    Control(String),
}

/// Checks the name of a file that the user adds: every valid file name is accepted, except names
/// that lead out of the folder and names with control characters.
///
/// # Errors
/// What is wrong with the name.
pub fn check_file(name: &str) -> Result<(), FileNameError> {
    if ["", ".", ".."].contains(&name) {
        return Err(FileNameError::Folder(name.to_owned()));
    }
    if name.len() > LONGEST_FILE {
        return Err(FileNameError::Long);
    }
    // The session may be copied to a system where these separate folders.
    let separates = |c: &char| ['/', '\\'].contains(c) || (cfg!(windows) && *c == ':');
    if let Some(c) = name.chars().find(separates) {
        return Err(FileNameError::Separator(c));
    }
    match name.chars().find(|c| c.is_control()) {
        Some(c) => Err(FileNameError::Control(escaped(&c.to_string()))),
        None => Ok(()),
    }
}

/// Escapes control characters, and characters that change the text direction, as Python does.
#[must_use]
pub fn escaped(text: &str) -> String {
    let hidden = |c: char| c.is_control() || turns_text(c);
    text.chars()
        .fold(String::new(), |out, c| if hidden(c) { escape(out, c) } else { out + &c.to_string() })
}

/// The name of a data file for a prompt: verbatim, and if a script could easily get it wrong, also
/// the path as a Python string literal.
#[must_use]
pub fn told(name: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_.,()[]+=@~#&%! ".contains(c);
    if name.chars().all(plain) && name.trim() == name && !name.contains("  ") {
        return name.to_owned();
    }
    let literal = name.chars().fold(String::new(), |out, c| match c {
        '"' | '\\' => out + "\\" + &c.to_string(),
        // Non-ASCII marks and blanks that look like others: the script needs these exact
        // characters.
        c if !c.is_ascii() && !c.is_alphanumeric() => escape(out, c),
        c => out + &c.to_string(),
    });
    format!("{} (in Python \"data/{literal}\")", escaped(name))
}

/// Appends a character as a Python escape.
fn escape(mut out: String, c: char) -> String {
    let _ = match (c, u32::from(c)) {
        ('\n', _) => write!(out, "\\n"),
        ('\t', _) => write!(out, "\\t"),
        ('\r', _) => write!(out, "\\r"),
        (_, n @ 0..=0xff) => write!(out, "\\x{n:02x}"),
        (_, n @ 0x100..=0xffff) => write!(out, "\\u{n:04x}"),
        (_, n) => write!(out, "\\U{n:08x}"),
    };
    out
}

/// Suggests a session name for a request: its first words, in lower case, joined by `-`.
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
    fn an_ordinary_session_name_is_accepted() {
        for name in ["analog-clock", "a", "v1.2", "Uhr_3", "時計", "два слова", "com10", "console"]
        {
            assert_eq!(check(name), Ok(()), "{name:?}");
        }
    }

    #[test]
    fn a_valid_session_name_is_suggested_from_a_request() {
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

    #[test]
    fn any_file_name_is_accepted_unless_it_leaves_its_folder() {
        use FileNameError::{Control, Folder, Long, Separator};
        for name in [
            "days (1).csv",
            "it's.csv",
            ".hidden.csv",
            "-rf.csv",
            "con.csv",
            "nul",
            " a .csv ",
            "a..b.tar.gz",
            "...",
            "\"x\".csv",
            "a;b&c|d.csv",
            "$HOME.csv",
            "`id`.csv",
            "50%.csv",
            "a, b.csv",
            "[x]{y}.json",
            "données.csv",
            "数据 2.xlsx",
            "a*?.csv",
            "v1.2.",
            "~",
            "#1.csv",
            "a\u{202e}b.csv",
        ] {
            assert_eq!(check_file(name), Ok(()), "{name:?}");
        }
        for (name, problem) in [
            ("", Folder(String::new())),
            (".", Folder(".".into())),
            ("..", Folder("..".into())),
            ("../x", Separator('/')),
            ("a/b", Separator('/')),
            ("..\\x", Separator('\\')),
            ("a\0b", Control("\\x00".into())),
            ("a\nb", Control("\\n".into())),
            ("\u{1b}[2J", Control("\\x1b".into())),
            ("a\u{9b}b", Control("\\x9b".into())),
            (&"x".repeat(256), Long),
        ] {
            assert_eq!(check_file(name), Err(problem), "{name:?}");
        }
    }

    #[test]
    fn an_unusual_file_name_is_also_shown_as_a_python_string() {
        for (name, expected) in [
            ("a.csv", "a.csv"),
            ("days (1).csv", "days (1).csv"),
            ("données 2.csv", "données 2.csv"),
            ("it's.csv", "it's.csv (in Python \"data/it's.csv\")"),
            ("\"a\".csv", "\"a\".csv (in Python \"data/\\\"a\\\".csv\")"),
            ("a  b.csv", "a  b.csv (in Python \"data/a  b.csv\")"),
            ("a .csv ", "a .csv  (in Python \"data/a .csv \")"),
            ("a: b.csv", "a: b.csv (in Python \"data/a: b.csv\")"),
            ("e\u{301}.csv", "e\u{301}.csv (in Python \"data/e\\u0301.csv\")"),
            ("a\u{a0}b.csv", "a\u{a0}b.csv (in Python \"data/a\\xa0b.csv\")"),
            ("a\u{202e}b.csv", "a\\u202eb.csv (in Python \"data/a\\u202eb.csv\")"),
            ("\u{1f600}.csv", "\u{1f600}.csv (in Python \"data/\\U0001f600.csv\")"),
        ] {
            assert_eq!(told(name), expected);
        }
    }
}
