//! Finds places where a script omits code, by its structure: `...` among statements. Comments alone
//! are no reason to refuse a script that parses.

use super::python::{self, Line};

/// The first placeholder for omitted code: its line number, from 1, and its text.
pub(super) fn find(script: &str) -> Option<(usize, &str)> {
    let lines = python::lines(script);
    lines
        .iter()
        .enumerate()
        .find(|(n, line)| !line.in_string && is_dots(line.text.trim()) && is_elision(&lines, *n))
        .map(|(n, line)| (n + 1, line.text.trim()))
}

/// Whether a script may omit code: it has a placeholder, or a comment that starts with `...`. If
/// there are several scripts, another one is used.
pub(super) fn may_leave_out(script: &str) -> bool {
    let begins_so = |line: &Line<'_>| {
        let comment = line.text.trim().trim_start_matches('#').trim_start();
        let dots = comment.starts_with("...") || comment.starts_with('…');
        line.text.trim().starts_with('#') && dots
    };
    let lines = python::lines(script);
    lines.iter().any(|line| !line.in_string && begins_so(line)) || find(script).is_some()
}

fn is_dots(text: &str) -> bool {
    matches!(text, "..." | "…")
}

/// Whether `...` is among other statements, rather than the body of a stub.
fn is_elision(lines: &[Line<'_>], n: usize) -> bool {
    if !lines[n].text.starts_with([' ', '\t']) {
        return true;
    }
    let before = lines[..n].iter().rev().map(|l| l.text.trim()).find(|l| !l.is_empty());
    before.is_some_and(|line| !line.ends_with([':', ',', '(', '[', '{', '"', '\'', '\\']))
}
