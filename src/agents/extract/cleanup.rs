//! Cleans up a script that does not parse: removes artefacts of a web page, a terminal or a diff,
//! but does not change the code itself.

use super::{Checker, notebook, signs};

/// A cleanup: the note on it, and the function that returns the changed text if it applies.
type Cleanup = (&'static str, fn(&str) -> Option<String>);

/// First each is tried alone in this order, then all in sequence.
const CLEANUPS: [Cleanup; 11] = [
    ("took the script out of a shell's command", notebook::heredoc),
    ("took the script out of a shell's command", notebook::inline),
    ("left out lines for a notebook or a shell", notebook::without_commands),
    ("took away the indentation of all lines", dedent),
    ("took the code out of a transcript", transcript),
    ("took away line numbers", line_numbers),
    ("took away the marks of a diff", diff),
    ("took away the indentation of all lines", dedent),
    ("replaced signs that Python does not have", signs::replaced),
    ("replaced tabs by spaces", tabs),
    ("read HTML entities", entities),
];

/// Cleans up the text until it parses, and returns it with notes; `None` if nothing helps.
pub(super) fn cleanup(text: &str, checker: &Checker<'_>) -> Option<(String, Vec<String>)> {
    // A single cleanup is enough if it fixes the error; others are then not applied.
    for (note, mend) in CLEANUPS {
        if let Some(mended) = mend(text).filter(|mended| checker.parses(mended)) {
            return Some((mended, vec![note.to_owned()]));
        }
    }
    let mut text = text.to_owned();
    let mut notes = Vec::new();
    for (note, mend) in CLEANUPS {
        let Some(mended) = mend(&text) else { continue };
        text = mended;
        notes.push(note.to_owned());
        if notes.len() > 1 && checker.parses(&text) {
            notes.dedup();
            return Some((text, notes));
        }
    }
    None
}

/// Removes the indentation of the first line from all lines.
fn dedent(text: &str) -> Option<String> {
    let first = text.lines().find(|line| !line.trim().is_empty())?;
    let indent: &str = &first[..first.len() - first.trim_start().len()];
    if indent.is_empty() {
        return None;
    }
    let shorter = |line: &str| line.strip_prefix(indent).unwrap_or(line.trim_start()).to_owned();
    Some(map_lines(text, shorter))
}

fn map_lines(text: &str, change: impl FnMut(&str) -> String) -> String {
    let mut out = text.split('\n').map(change).collect::<Vec<_>>().join("\n");
    out.truncate(out.trim_end().len());
    out.push('\n');
    out
}

/// Extracts the input from a transcript of Python's `>>>` prompt, without the output.
fn transcript(text: &str) -> Option<String> {
    if !text.lines().any(|line| line.trim_start().starts_with(">>> ")) {
        return None;
    }
    let typed = text.lines().filter_map(|line| {
        let line = line.trim_start();
        let rest = line.strip_prefix(">>>").or_else(|| line.strip_prefix("..."))?;
        Some(rest.strip_prefix(' ').unwrap_or(rest))
    });
    Some(typed.fold(String::new(), |out, line| out + line + "\n"))
}

/// Removes line numbers, if they count up by one.
fn line_numbers(text: &str) -> Option<String> {
    let mut before = None;
    let mut count = 0;
    let mut out = String::with_capacity(text.len());
    let spaced = text
        .lines()
        .filter_map(numbered)
        .all(|(_, rest)| rest.is_empty() || rest.starts_with([' ', '\t']));
    for line in text.lines() {
        if let Some((number, rest)) = numbered(line) {
            if before.is_some_and(|before| number != before + 1) {
                return None;
            }
            before = Some(number);
            count += 1;
            out.push_str(if spaced { rest.get(1..).unwrap_or_default() } else { rest });
        } else if !line.trim().is_empty() {
            return None;
        }
        out.push('\n');
    }
    (count > 0).then_some(out)
}

/// Parses `12| code`, `12: code`, `12. code`, `12` and a tab, `12 code`.
fn numbered(line: &str) -> Option<(u64, &str)> {
    let line = line.trim_start_matches(' ');
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let number = line[..digits].parse().ok()?;
    let rest = &line[digits..];
    let after = rest.trim_start_matches(' ');
    for mark in ['|', '│', '→'] {
        if let Some(code) = after.strip_prefix(mark) {
            return Some((number, code));
        }
    }
    for mark in [':', '.', ')'] {
        if let Some(code) = rest.strip_prefix(mark) {
            return Some((number, code));
        }
    }
    (rest.is_empty() || rest.starts_with([' ', '\t'])).then_some((number, rest))
}

/// Removes diff marks, keeping added and unchanged lines.
fn diff(text: &str) -> Option<String> {
    let filled = || text.lines().filter(|line| !line.trim().is_empty());
    let headers = ["+++", "---", "@@", "diff ", "index "];
    let is_header = |line: &str| headers.iter().any(|h| line.starts_with(h));
    let fits = |line: &str| line.starts_with(['+', '-', ' ']) || is_header(line);
    let added = filled().filter(|line| line.starts_with('+')).count();
    if added * 2 < filled().count() || !filled().all(fits) {
        return None;
    }
    let kept = text.lines().filter(|line| !is_header(line) && !line.starts_with('-'));
    Some(kept.fold(String::new(), |out, line| out + line.get(1..).unwrap_or_default() + "\n"))
}

/// Replaces each tab at the start of a line with four spaces.
fn tabs(text: &str) -> Option<String> {
    text.contains('\t').then(|| {
        map_lines(text, |line| {
            let code = line.trim_start();
            line[..line.len() - code.len()].replace('\t', "    ") + code
        })
    })
}

/// Decodes HTML entities.
fn entities(text: &str) -> Option<String> {
    let plain = html_escape::decode_html_entities(text);
    (plain != text).then(|| plain.replace('\u{a0}', " "))
}
