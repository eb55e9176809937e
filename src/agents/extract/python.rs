//! Recognises Python by the look of its lines. Whether a text parses is decided by the parser.

use std::collections::BTreeSet;

/// A line, and whether it is inside a string.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line<'a> {
    pub(super) text: &'a str,
    /// The line starts inside a triple-quoted string.
    pub(super) in_string: bool,
}

/// The lines of a text, each with whether it starts inside a triple-quoted string.
pub(super) fn lines(text: &str) -> Vec<Line<'_>> {
    let mut open: Option<char> = None;
    text.split('\n')
        .map(|line| {
            let in_string = open.is_some();
            open = string_after(line, open);
            Line { text: line, in_string }
        })
        .collect()
}

/// The quote of the triple-quoted string that is open at the end of the line.
pub(super) fn string_after(line: &str, mut open: Option<char>) -> Option<char> {
    let mut chars = line.chars().peekable();
    let mut single: Option<char> = None;
    while let Some(c) = chars.next() {
        match (open.or(single), c) {
            (Some(_), '\\') => {
                chars.next();
            }
            (None, '#') => break,
            (None, '"' | '\'') => {
                if chars.next_if_eq(&c).is_none() {
                    single = Some(c);
                } else if chars.next_if_eq(&c).is_some() {
                    open = Some(c);
                }
            }
            (Some(quote), c) if quote == c => {
                if single.is_some() {
                    single = None;
                } else if chars.next_if_eq(&c).is_some() && chars.next_if_eq(&c).is_some() {
                    open = None;
                }
            }
            _ => {}
        }
    }
    open
}

/// Lines of code at the left margin: no strings, comments or closing brackets.
pub(super) fn top_lines(text: &str) -> Vec<&str> {
    lines(text)
        .iter()
        .filter(|line| !line.in_string)
        .map(|line| line.text.trim_end())
        .filter(|line| {
            let first = line.chars().next();
            first.is_some_and(|c| !c.is_whitespace() && !"#)]}\"'@".contains(c))
        })
        .collect()
}

/// The names that a script defines at its top level.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    /// Functions and classes.
    pub(super) defined: BTreeSet<String>,
    /// Variables and imports.
    pub(super) bound: BTreeSet<String>,
}

pub(super) fn names(text: &str) -> Names {
    let mut names = Names::default();
    for line in top_lines(text) {
        let line = line.strip_prefix("async ").unwrap_or(line);
        if let Some(rest) = line.strip_prefix("def ").or_else(|| line.strip_prefix("class ")) {
            names.defined.insert(identifier(rest).to_owned());
        } else if let Some(imported) = imported(line) {
            for part in imported.split(',') {
                let name = part.rsplit(" as ").next().unwrap_or(part).trim();
                names.bound.insert(identifier(name).to_owned());
            }
        } else if let Some((name, value)) = line.split_once('=')
            && !value.starts_with('=')
            && name.trim_end() == identifier(name)
        {
            names.bound.insert(identifier(name).to_owned());
        }
    }
    names.defined.remove("");
    names.bound.remove("");
    names
}

/// Whether the text defines functions or classes with all these names.
pub(super) fn defines(text: &str, wanted: &[String]) -> bool {
    let defined = names(text).defined;
    wanted.iter().all(|name| defined.contains(name))
}

fn imported(line: &str) -> Option<&str> {
    line.strip_prefix("import ").or_else(|| {
        line.strip_prefix("from ").and_then(|rest| Some(rest.split_once(" import ")?.1))
    })
}

fn identifier(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    &text[..end]
}

/// Every word of the text that could be a name.
pub(super) fn identifiers(text: &str) -> BTreeSet<&str> {
    text.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|w| !w.is_empty()).collect()
}

/// Whether running the file does something, besides defining names.
pub(super) fn has_entry(text: &str) -> bool {
    top_lines(text).iter().any(|line| {
        let first = identifier(line);
        !matches!(first, "import" | "from" | "def" | "class" | "async" | "pass")
            && (is_call(line) || matches!(first, "if" | "for" | "while" | "with" | "try" | "raise"))
    })
}

/// Whether the text has at least one statement besides imports.
pub(super) fn is_program(text: &str) -> bool {
    top_lines(text)
        .iter()
        .any(|line| !identifier(line).is_empty() && is_code(line) && imported(line).is_none())
}

/// Whether a line at the left margin is Python rather than prose.
pub(in crate::agents) fn is_code(line: &str) -> bool {
    let line = line.trim_end();
    let first = identifier(line);
    let rest = line[first.len()..].trim_start();
    match first {
        "import" => !rest.ends_with('.') && rest.split(',').all(is_import),
        "from" => rest.contains(" import "),
        "def" | "class" => rest.contains(['(', ':']),
        "async" => {
            rest.starts_with("def ") || rest.starts_with("for ") || rest.starts_with("with ")
        }
        "if" | "elif" | "for" | "while" | "with" | "except" | "match" | "case" => {
            line.ends_with([':', '(', '[', '{', ',', '\\']) || line.contains(": ")
        }
        "else" | "try" | "finally" => rest.starts_with(':'),
        "pass" | "break" | "continue" => rest.is_empty() || rest.starts_with('#'),
        "return" | "raise" | "assert" | "del" | "global" | "nonlocal" => !line.ends_with('.'),
        "" => {
            line.starts_with(['@', ')', ']', '}', '#', '"', '\''])
                || (line.starts_with(['(', '[', '{']) && !line.ends_with('.'))
        }
        _ => is_assignment(line) || is_call(line),
    }
}

/// `a.b`, `a as b`
fn is_import(part: &str) -> bool {
    let part = part.split('#').next().unwrap_or_default();
    let words: Vec<&str> = part.split_whitespace().collect();
    words.len() == 1 || (words.len() == 3 && words[1] == "as")
}

/// `a.b["c"], d += 1`, `x: int = 3`.
fn is_assignment(line: &str) -> bool {
    let Some((target, value)) = line.split_once('=') else { return false };
    let target =
        target.trim_end_matches(['+', '-', '*', '/', '%', '|', '&', '^', '@', '<', '>', ':']);
    let target = target.split(": ").next().unwrap_or(target);
    let words = target.replace(", ", ",");
    !value.starts_with('=')
        && (words.split_whitespace().count() == 1 || target.contains('['))
        && target.chars().all(|c| c.is_alphanumeric() || "_.[]'\", ()*-:".contains(c))
}

/// `name(...)`, `a.b(...)`: the bracket directly follows the name.
fn is_call(line: &str) -> bool {
    let end = line.find(|c: char| !c.is_alphanumeric() && c != '_' && c != '.');
    end.is_some_and(|end| end > 0 && line[end..].starts_with(['(', '[']))
        && (line.ends_with([')', '(', ',', '[', '{', ']', '\\', '"', '\'']) || line.contains('#'))
}

/// Whether a script that may have been cut off looks complete: its last line is a call that starts
/// the program.
pub(super) fn ends_the_program(text: &str) -> bool {
    let last = text.trim_end().rsplit('\n').next().unwrap_or_default().trim();
    let hands_over = ["main(", "mainloop(", ".run(", ".show(", ".exec(", "exit("];
    last.ends_with(')') && hands_over.iter().any(|call| last.contains(call))
}
