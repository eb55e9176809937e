//! `redraft complete`, called by completion scripts: the sessions and versions that fit at the
//! cursor. Hidden from the help.

use super::{code, sessions_folder, trust};
use crate::cli::{self, Cli};
use crate::config::Config;
use crate::store::catalog;
use crate::terminal::Terminal;
use clap::{Arg, Command, CommandFactory};
use std::ops::ControlFlow;
use std::path::PathBuf;

/// Prints nothing on errors, since a shell is waiting for completions.
pub(super) fn run(terminal: Terminal, args: &cli::Complete) -> u8 {
    let Some((wanted, flags)) = wanted(&args.words) else { return code::DONE };
    let config = match trust::configuration(terminal, flags.config.as_deref(), false) {
        Ok(ControlFlow::Continue(config)) => config,
        Ok(ControlFlow::Break(_)) | Err(_) => Config::default(),
    };
    let sessions = sessions_folder(flags.sessions, &config);
    let versions = |session: &str| {
        let folder = catalog::named(&sessions, session);
        folder.map(|folder| catalog::versions(&folder)).unwrap_or_default()
    };
    let offered: Vec<String> = match wanted {
        Wanted::Session(begun) => match begun.split_once(':') {
            Some((name, _)) => versions(name).iter().map(|v| format!("{name}:v{v}")).collect(),
            None => catalog::names(&sessions).unwrap_or_default(),
        }
        .into_iter()
        .filter(|offered| offered.starts_with(begun))
        .collect(),
        Wanted::Version { of, begun } => versions(of)
            .iter()
            .map(|version| format!("v{version}"))
            .filter(|offered| offered.starts_with(begun))
            .collect(),
    };
    for word in offered {
        terminal.raw(&format!("{word}\n"));
    }
    code::DONE
}

/// The word at the cursor, as far as it is typed.
#[derive(Debug, PartialEq, Eq)]
enum Wanted<'a> {
    /// `NAME` or `NAME:vN`.
    Session(&'a str),
    /// `vN`.
    Version { of: &'a str, begun: &'a str },
}

/// Flags that affect where sessions are found.
#[derive(Debug, Default, PartialEq, Eq)]
struct Flags {
    config: Option<PathBuf>,
    sessions: Option<PathBuf>,
}

/// What to complete in the last of `words`, which follow the program's name; `None` if it is not a
/// session or version.
fn wanted(words: &[String]) -> Option<(Wanted<'_>, Flags)> {
    let (begun, before) = words.split_last()?;
    let mut root = Cli::command();
    root.build();
    let (mut command, mut flags, mut given) = (&root, Flags::default(), Vec::new());
    let mut before = before.iter();
    while let Some(word) = before.next() {
        if word == "--" {
            return None;
        } else if let Some(option) = word.strip_prefix('-') {
            let (name, value) = option.split_once('=').unzip();
            let arg = option_named(command, name.unwrap_or(option))?;
            let takes_value = arg.get_action().takes_values();
            // If no word follows, the word at the cursor is the option's value.
            let value = if takes_value && value.is_none() { Some(before.next()?) } else { None }
                .map(String::as_str)
                .or(value);
            match arg.get_long() {
                Some("config") => flags.config = value.map(PathBuf::from),
                Some("sessions") => flags.sessions = value.map(PathBuf::from),
                _ => {}
            }
        } else if given.is_empty()
            && let Some(below) = command.find_subcommand(word)
        {
            command = below;
        } else {
            given.push(word.as_str());
        }
    }
    if begun.starts_with('-') {
        return None;
    }
    let places: Vec<&Arg> = command.get_positionals().filter(|arg| !arg.is_last_set()).collect();
    let is_list = |arg: &Arg| arg.get_num_args().is_some_and(|n| n.max_values() > 1);
    let at = places.get(given.len());
    let arg = at.or_else(|| places.last().filter(|arg| is_list(arg)))?;
    let name = arg.get_value_names()?.first()?;
    let wanted = match given.first() {
        // The values of `diff SESSION vA vB` are one list.
        Some(of) if name.contains(" v") => Wanted::Version { of, begun },
        _ if name.starts_with("SESSION") => Wanted::Session(begun),
        _ => return None,
    };
    Some((wanted, flags))
}

/// Finds the option for `-x` or `--name`, passed without its first hyphen.
fn option_named<'c>(command: &'c Command, name: &str) -> Option<&'c Arg> {
    command.get_arguments().find(|arg| match name.strip_prefix('-') {
        Some(long) => arg.get_long() == Some(long),
        None => arg.get_short().is_some_and(|short| name.starts_with(short)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_offered_where_one_can_stand() {
        let session = |begun| Some(Wanted::Session(begun));
        let version = |of, begun| Some(Wanted::Version { of, begun });
        for (line, expected) in [
            (&["show", ""][..], session("")),
            (&["show", "clo"], session("clo")),
            (&["show", "clock:v"], session("clock:v")),
            (&["--json", "show", ""], session("")),
            (&["--sessions", "a", "show", ""], session("")),
            (&["show", "--sessions=a", ""], session("")),
            (&["resume", "-v", "--from", "v2", ""], session("")),
            (&["resume", "--model", ""], None),
            (&["resume", "--from"], None),
            (&["show", "clock", ""], None),
            (&["rm", "clock", ""], session("")),
            (&["diff", ""], session("")),
            (&["diff", "clock", "v"], version("clock", "v")),
            (&["diff", "clock", "v1", ""], version("clock", "")),
            (&["run", "c"], session("c")),
            (&["run", "clock", "--", ""], None),
            (&["fork", "clock", ""], None),
            (&["feedback", ""], session("")),
            (&["export", "-o", "a.py", ""], session("")),
            (&["report", "clock", "-o", ""], None),
            (&["revoke", "clock", ""], None),
            (&["new", ""], None),
            (&["completions", ""], None),
            (&["nothing", ""], None),
            (&["show", "--nothing", ""], None),
            (&["sh"], None),
            (&[""], None),
            (&[], None),
        ] {
            let words: Vec<String> = line.iter().map(|word| (*word).to_owned()).collect();
            assert_eq!(wanted(&words).map(|(wanted, _)| wanted), expected, "{line:?}");
        }
    }
}
