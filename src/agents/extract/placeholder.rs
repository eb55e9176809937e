//! Places where a script leaves code out, by its structure: `...` among statements. What a comment says
//! of it is no reason to refuse a script that parses.

use super::python::{self, Line};

/// The first line (from 1) that stands for code left out, with its text.
pub(super) fn find(script: &str) -> Option<(usize, &str)> {
    let lines = python::lines(script);
    lines
        .iter()
        .enumerate()
        .find(|(n, line)| !line.in_string && is_dots(line.text.trim()) && is_elision(&lines, *n))
        .map(|(n, line)| (n + 1, line.text.trim()))
}

/// Whether a script may leave code out: it does, or one of its comments begins with `...`. Of several
/// scripts, another one is taken.
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

/// Whether `...` stands among other statements rather than as the body of a stub.
fn is_elision(lines: &[Line<'_>], n: usize) -> bool {
    if !lines[n].text.starts_with([' ', '\t']) {
        return true;
    }
    let before = lines[..n].iter().rev().map(|l| l.text.trim()).find(|l| !l.is_empty());
    before.is_some_and(|line| !line.ends_with([':', ',', '(', '[', '{', '"', '\'', '\\']))
}
