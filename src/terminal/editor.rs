//! Edits a text in the user's own editor. A failed editor changes nothing.

use super::{is_there, remember, restore, signals};
use crate::domain::event::LONGEST_TEXT;
use crate::files::{self, Mode};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use thiserror::Error;

/// Maximum size of an edited text, in bytes.
const LARGEST: u64 = LONGEST_TEXT as u64;

/// Whether an editor, a pager or a script has the terminal.
static OPEN: AtomicBool = AtomicBool::new(false);

/// Whether another program has the terminal: a Ctrl-C is meant for that program then.
#[must_use]
pub fn is_open() -> bool {
    OPEN.load(Ordering::SeqCst)
}

/// Why there is no edited text.
#[derive(Debug, Error)]
pub enum EditorError {
    /// `$VISUAL` or `$EDITOR` cannot be parsed.
    #[error("cannot understand the editor `{0}`; set EDITOR to a program's name")]
    Malformed(String),
    /// The default editor needs a terminal, and there is none.
    #[error("no terminal to edit at; set EDITOR to a program that needs none")]
    NoTerminal,
    /// The program could not be started.
    #[error("cannot start the editor `{0}`: {1}; set EDITOR to the one that you use")]
    NotStarted(String, std::io::Error),
    /// The editor failed, so its result is not used.
    #[error("the editor `{0}` ended with {1}; nothing was changed")]
    Failed(String, String),
    /// The text could not be written to or read from the file.
    #[error(transparent)]
    File(#[from] files::FileError),
}

/// Edits a text in `$VISUAL`, `$EDITOR` or the system's editor, and returns the result. The file's
/// name ends in `suffix`, for syntax highlighting.
pub fn edit(text: &str, suffix: &str) -> Result<String, EditorError> {
    let own = ["VISUAL", "EDITOR"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|v| !v.trim().is_empty()));
    let editor = match own {
        Some(own) => own,
        None if cfg!(windows) => "notepad".to_owned(),
        None if is_there() => "vi".to_owned(),
        None => return Err(EditorError::NoTerminal),
    };
    let words = shlex::split(&editor).filter(|w| !w.is_empty());
    let Some((program, args)) = words.as_ref().and_then(|w| w.split_first()) else {
        return Err(EditorError::Malformed(editor));
    };
    let folder = files::temporary_folder()?;
    let path = folder.path().join(format!("edit{suffix}"));
    files::write(&path, text.as_bytes(), Mode::Normal)?;
    run(program, args, &path)?;
    Ok(files::read_text(&path, LARGEST)?)
}

/// Lets another program use the terminal while `work` runs, and restores the terminal afterwards.
pub(super) fn with_terminal<T>(work: impl FnOnce() -> T) -> T {
    remember();
    // Without a handler, a Ctrl-C in the editor would end this program too.
    let _ = signals::catch();
    OPEN.store(true, Ordering::SeqCst);
    let done = work();
    OPEN.store(false, Ordering::SeqCst);
    // A crashed editor does not restore the terminal.
    restore();
    done
}

fn run(program: &str, args: &[String], path: &Path) -> Result<(), EditorError> {
    let status = with_terminal(|| Command::new(program).args(args).arg(path).status());
    let status = status.map_err(|e| EditorError::NotStarted(program.to_owned(), e))?;
    match status.code() {
        Some(0) => Ok(()),
        Some(code) => Err(EditorError::Failed(program.to_owned(), format!("exit code {code}"))),
        None => Err(EditorError::Failed(program.to_owned(), status.to_string())),
    }
}
