//! Tells marks of a chat format in a model's text from those that code or quotes only mention.

use super::extract::python::is_code;
use super::fences::is_fence;
use super::text::starts_with;
use super::turn_marks::is_mark;
use std::cell::Cell;

/// Number of bytes on each side of a mark that are searched for quotes.
const NEAR: usize = 200;
/// Maximum number of places that are tried as the first and as the last line of the code around a
/// mark.
const MAX_EDGES: usize = 3;
/// Maximum number of texts that are parsed for all marks of an answer, and maximum number of marks
/// that are examined this closely.
const MAX_TRIES: u32 = 24;
const MAX_MARKS: u32 = 64;

/// Decides whether a mark is inside a script or a quote, with a limit on the work.
pub(super) struct Marks<'a> {
    parses: Option<&'a dyn Fn(&str) -> bool>,
    tries: Cell<u32>,
    looks: Cell<u32>,
    /// Start and end address of the code that was found last.
    code: Cell<(usize, usize)>,
}

impl<'a> Marks<'a> {
    /// For an answer that may contain code: `parses` checks whether a text is Python.
    pub(super) fn of_code(parses: &'a dyn Fn(&str) -> bool) -> Self {
        Self { parses: Some(parses), ..Self::of_words() }
    }

    /// For an answer in words.
    pub(super) const fn of_words() -> Self {
        Self {
            parses: None,
            tries: Cell::new(MAX_TRIES),
            looks: Cell::new(MAX_MARKS),
            code: Cell::new((0, 0)),
        }
    }

    /// Whether the answer may contain code.
    pub(super) const fn in_code(&self) -> bool {
        self.parses.is_some()
    }

    /// Whether the mark at `at..end` is only mentioned: in quotes, or in a string or a comment of
    /// code that parses with it.
    pub(super) fn is_content(&self, text: &str, at: usize, end: usize) -> bool {
        is_quoted(text, at, end) || self.is_in_script(text, at, end)
    }

    /// Whether code that parses has `at..end` in a string, or in a comment that is followed by more
    /// code.
    pub(super) fn is_in_script(&self, text: &str, at: usize, end: usize) -> bool {
        let Some(parses) = self.parses else { return false };
        let address = text.as_ptr().addr();
        let known = self.code.get();
        if known.0 <= address + at && address + end < known.1 {
            return true;
        }
        if self.looks.get() == 0 {
            return false;
        }
        self.looks.set(self.looks.get() - 1);
        starts(text, at).into_iter().any(|start| {
            let place = place(&text[start..at]);
            place != Place::Code
                && stops(text, start, end).into_iter().any(|stop| {
                    let left = self.tries.get();
                    self.tries.set(left.saturating_sub(1));
                    let ends_here = place == Place::Comment && text[end..stop].trim().is_empty();
                    let holds = left > 0 && !ends_here && parses(&text[start..stop]);
                    if holds {
                        self.code.set((address + start, address + stop));
                    }
                    holds
                })
        })
    }
}

/// Whether quotes or backticks on the line show that a mark is only mentioned.
fn is_quoted(text: &str, at: usize, end: usize) -> bool {
    let from = text.floor_char_boundary(at.saturating_sub(NEAR));
    let to = text.ceil_char_boundary((end + NEAR).min(text.len()));
    let before = text[from..at].rsplit('\n').next().unwrap_or_default();
    let after = text[end..to].split('\n').next().unwrap_or_default();
    // A fence is not a quote, and neither is an apostrophe.
    let (before, after) = (before.replace("```", ""), after.replace("```", ""));
    let around =
        |quote: char| !before.matches(quote).count().is_multiple_of(2) && after.contains(quote);
    let close = before.ends_with('\'') || after.starts_with('\'');
    around('"') || around('`') || (close && around('\''))
}

/// The places where the code around a mark may start: after a fence, nearest first, then the start
/// of the text, or at the first lines that look like code.
fn starts(text: &str, at: usize) -> Vec<usize> {
    let (mut fences, mut code) = (Vec::new(), Vec::new());
    let (mut from, mut blank) = (0, true);
    for line in text[..at].split_inclusive('\n') {
        let next = from + line.len();
        if is_fence(line) && line.ends_with('\n') {
            fences.push(next);
        } else if blank && code.len() < MAX_EDGES && is_code(line) {
            code.push(from);
        }
        blank = line.trim().is_empty();
        from = next;
    }
    let fences = fences.into_iter().rev().take(MAX_EDGES);
    fences.chain(std::iter::once(0)).chain(code).collect()
}

/// The places where the code from `start` with a mark in it may end: before a fence, before the
/// first mark outside of strings, or at the end of the text.
fn stops(text: &str, start: usize, end: usize) -> Vec<usize> {
    let mut stops = Vec::new();
    let mut from = end;
    for line in text[end..].split_inclusive('\n') {
        if stops.len() == MAX_EDGES {
            break;
        }
        let code = line.trim_end().trim_end_matches(['`', '~']);
        if is_fence(line) && from > end {
            stops.push(from);
        } else if line.trim_end().len() >= code.len() + 3 {
            stops.push(from + code.len());
        }
        from += line.len();
    }
    let mut mark = None;
    walk(&text[start..], |at, place| {
        let is_mark = place == Place::Code && start + at >= end && is_mark(&text[start + at..]);
        mark = is_mark.then_some(start + at);
        !is_mark
    });
    stops.extend(mark);
    stops.push(text.len());
    stops
}

/// The kind of position at the end of a piece of Python.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Code,
    Text,
    Comment,
}

fn place(code: &str) -> Place {
    walk(code, |_, _| true)
}

/// Visits the characters of a piece of Python as long as `go_on` returns true; it is called with
/// each offset and position kind. Returns the kind of the position after the last one.
fn walk(code: &str, mut go_on: impl FnMut(usize, Place) -> bool) -> Place {
    let mut place = Place::Code;
    // The closing quote of the open string.
    let mut open = "";
    let mut at = 0;
    while let Some(c) = code[at..].chars().next() {
        if !go_on(at, place) {
            break;
        }
        let rest = &code[at..];
        at += c.len_utf8();
        match place {
            Place::Comment if c == '\n' => place = Place::Code,
            Place::Text if c == '\\' => at += code[at..].chars().next().map_or(0, char::len_utf8),
            Place::Text if rest.starts_with(open) => {
                place = Place::Code;
                at += open.len() - 1;
            }
            // Not a string after all: single-quoted strings end on their line.
            Place::Text if open.len() == 1 && c == '\n' => place = Place::Code,
            Place::Comment | Place::Text => {}
            Place::Code if c == '#' => place = Place::Comment,
            Place::Code => {
                let quotes = ["\"\"\"", "'''", "\"", "'"];
                if let Some(quote) = quotes.into_iter().find(|quote| rest.starts_with(quote)) {
                    (place, open) = (Place::Text, quote);
                    at += quote.len() - 1;
                }
            }
        }
    }
    place
}

/// The length of the first of these texts that `text` starts with, ignoring case.
pub(super) fn length_of(text: &str, texts: &[&str]) -> Option<usize> {
    texts.iter().find(|start| starts_with(text, start)).map(|start| start.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_inside_a_string_or_comment_of_valid_code_is_content() {
        let parses = |text: &str| ruff_python_parser::parse_module(text).is_ok();
        for (text, content) in [
            ("```python\nx = '<X>'\nprint(x)\n```\n", true),
            ("```python\nx = '''\n<X>\n'''\nprint(x)\n```", true),
            ("x = '''\n<X>\n'''\nprint(x)\n", true),
            ("Here it is:\n\nx = '''\n<X>\n'''\nprint(x)\n", true),
            ("```python\n# <X> ends it\nprint(1)\n```", true),
            ("```python\nprint(1)<X>\n```", false),
            ("```python\nprint(1)  # one<X>", false),
            ("```python\nprint('it')<X>", false),
            ("print(1)<X>", false),
            ("```python\nprint('''a''')\n```<X>", false),
            ("It ends with `<X>`, as \"a <X> b\" does.", true),
            ("```python\nprint(1)\n```<X> and so ```python\nprint(2)\n```", false),
            ("It's done, and it's good.<X>", false),
        ] {
            let at = text.find("<X>").unwrap_or_default();
            let marks = Marks::of_code(&parses);
            assert_eq!(marks.is_content(text, at, at + 3), content, "{text}");
        }
    }
}
