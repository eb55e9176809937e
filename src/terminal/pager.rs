//! Shows long texts in the user's pager. Their control characters are escaped before.

use super::{Terminal, editor, harmless, hush, keys, restore};
use console::{Key, Term};
use std::io::Write;
use std::process::{Command, Stdio};

/// The default pager.
const USUAL: &str = "less";
/// Options for `less`: show styles, leave the text on the screen, and quit at once if it fits. They
/// are set only if the user has not set any, as other programs do.
const HOW: (&str, &str) = ("LESS", "FRX");

/// Shows a text in `$PAGER`, else in `less`, else page by page.
pub(super) fn show(terminal: &Terminal, text: &str) {
    let own = std::env::var("PAGER").ok().filter(|words| !words.trim().is_empty());
    let own = own.as_deref().unwrap_or(USUAL);
    let words = shlex::split(own).unwrap_or_default();
    let shown = words.split_first().is_some_and(|(program, args)| piped(program, args, text));
    if !shown {
        by_pages(terminal, text);
    }
}

/// Sends the text to a pager; returns whether that could be started.
fn piped(program: &str, args: &[String], text: &str) -> bool {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::piped());
    if std::env::var_os(HOW.0).is_none() {
        command.env(HOW.0, HOW.1);
    }
    editor::with_terminal(|| {
        let Ok(mut pager) = command.spawn() else { return false };
        if let Some(mut input) = pager.stdin.take() {
            // The user may quit the pager before it has read everything.
            let _ = input.write_all(harmless(text).as_bytes());
        }
        pager.wait().is_ok()
    })
}

/// Prints a screen of lines at a time, until the user quits.
fn by_pages(terminal: &Terminal, text: &str) {
    let lines: Vec<&str> = text.lines().collect();
    let rows = usize::from(Term::stderr().size().0).saturating_sub(2).max(1);
    for (number, page) in lines.chunks(rows).enumerate() {
        if number > 0 {
            terminal.warn(&terminal.dim("  any key: next page, q: quit"));
            hush();
            let key = keys::next(&Term::stderr());
            restore();
            match key {
                Ok(Key::Char('q') | Key::Escape) | Err(_) => return,
                Ok(_) => {}
            }
        }
        for line in page {
            terminal.print(&format!("{line}\n"));
        }
    }
}
