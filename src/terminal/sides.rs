//! Diffs for the user: unified in colour, or two texts side by side.

use super::Terminal;
use crate::diff::{self, Row};
use crate::domain::text::visible;
use std::fmt::Write as _;

/// A unified diff in colour.
#[must_use]
pub fn unified(terminal: &Terminal, diff: &str) -> String {
    let mut out = String::new();
    for line in diff.lines() {
        let shown = visible(line);
        out.push_str(&match line.as_bytes().first() {
            _ if line.starts_with("+++") || line.starts_with("---") => terminal.bold(&shown),
            Some(b'+') => terminal.good(&shown),
            Some(b'-') => terminal.bad(&shown),
            Some(b'@') => terminal.dim(&shown),
            _ => shown,
        });
        out.push('\n');
    }
    out
}

/// A script with line numbers.
#[must_use]
pub fn numbered(terminal: &Terminal, script: &str) -> String {
    let mut out = String::new();
    for (n, line) in script.lines().enumerate() {
        let number = terminal.dim(&format!("{:>4}", n + 1));
        let _ = writeln!(out, "{number}  {}", visible(line));
    }
    out
}

/// Two texts side by side, in the width of the terminal.
#[must_use]
pub fn beside(terminal: &Terminal, old: &str, new: &str) -> String {
    let half = (terminal.width() - 3) / 2;
    let mut out = String::new();
    for Row { old, new, same } in diff::rows(old, new) {
        if old.is_none() && new.is_none() {
            out.push_str(&terminal.dim(&"·".repeat(half * 2 + 3)));
            out.push('\n');
            continue;
        }
        let left = cell(old.as_ref(), half);
        let right = cell(new.as_ref(), half);
        let (left, right) = match (same, old.is_some(), new.is_some()) {
            (true, ..) => (left, right),
            (_, was, is) => (
                if was { terminal.bad(&left) } else { left },
                if is { terminal.good(&right) } else { right },
            ),
        };
        out.push_str(format!("{left} {} {right}", terminal.dim("│")).trim_end());
        out.push('\n');
    }
    out
}

fn cell(line: Option<&(usize, String)>, width: usize) -> String {
    let text = line.map_or_else(String::new, |(n, text)| {
        format!("{n:>4} {}", visible(text).replace('\t', "    "))
    });
    let cut = console::truncate_str(&text, width, "…").into_owned();
    console::pad_str(&cut, width, console::Alignment::Left, None).into_owned()
}
