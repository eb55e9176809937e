//! The files of an answer that contains several: Python blocks with the names on, in or above them.
//! A name is only compared with the files' imports, never used as a path.

use super::super::fences::{self, Block};
use super::super::thoughts::after_thinking;
use super::super::{Refusal, text};
use super::{Broken, Checker, SyntaxProblem, cut_off, refuse};
use crate::domain::chat::Outcome;
use std::cell::Cell;

/// A file in an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its name in the answer, such as `pkg/shapes.py`; empty if it has none.
    pub name: String,
    /// Its content.
    pub text: String,
}

/// Number of lines above a block that may contain its name.
const ABOVE: usize = 3;

/// The Python files of an answer, in order: all of its Python blocks.
///
/// # Errors
/// If a file with a name does not parse, or the answer ended inside it.
pub fn files(
    answer: &str,
    outcome: Outcome,
    parses: &dyn Fn(&str) -> Result<(), SyntaxProblem>,
) -> Result<Vec<File>, Refusal> {
    let checker = Checker { parses, calls: Cell::new(0), bytes: Cell::new(0) };
    let normal = text::normalise(answer);
    let text = after_thinking(&normal);
    let lines: Vec<&str> = text.split('\n').collect();
    let blocks = fences::placed(text, &|text: &str| checker.parses(text));
    let named = |(line, block): (usize, Block)| (name(&lines, line, &block), block);
    let mut blocks: Vec<_> = blocks.into_iter().map(named).collect();
    if blocks.is_empty() {
        blocks = tagged(&lines);
    }
    let mut files = Vec::new();
    let mut broken = None;
    for (name, block) in blocks {
        let other = name.as_ref().is_some_and(|name| !is_python(name));
        if other || fences::other_language(&block.tag) || block.tag == "json" {
            continue;
        }
        let cut = outcome == Outcome::Cut && !block.closed;
        match checker.check(&block.text) {
            Ok(()) if !cut => match sections(&block.text) {
                Some(parts) if parts.iter().all(|part| checker.parses(&part.text)) => {
                    files.extend(parts);
                }
                _ => files.push(File { name: name.unwrap_or_default(), text: block.text }),
            },
            Err(_) if name.is_none() && !cut => {}
            Err(problem) => broken = Some(Broken { text: block.text, problem, cut }),
            Ok(()) => {
                let problem = SyntaxProblem { line: 1, message: String::new() };
                broken = Some(Broken { text: block.text, problem, cut });
            }
        }
    }
    match broken {
        Some(broken) if files.iter().any(|file| !file.name.is_empty()) => {
            Err(if broken.cut { cut_off(&broken.text) } else { refuse(&broken) })
        }
        _ => Ok(files),
    }
}

/// The files between tags that name them: `<file path="shapes.py">`, each on a separate line.
fn tagged(lines: &[&str]) -> Vec<(Option<String>, Block)> {
    let mut files = Vec::new();
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        at += 1;
        let Some(tag) = line.trim().strip_prefix('<').and_then(|tag| tag.strip_suffix('>')) else {
            continue;
        };
        let name = tag.split(['"', '\'']).nth(1).and_then(file_name).filter(|name| is_python(name));
        let close = format!("</{}>", tag.split(' ').next().unwrap_or_default());
        let end = lines[at..].iter().position(|line| line.trim() == close);
        if let Some((name, end)) = name.zip(end) {
            let text = lines[at..at + end].join("\n") + "\n";
            files.push((Some(name), Block { tag: String::new(), text, closed: true }));
            at += end + 1;
        }
    }
    files
}

/// The files in one block that contains several, each below a comment with its name.
fn sections(text: &str) -> Option<Vec<File>> {
    let mut files: Vec<File> = Vec::new();
    for line in text.split_inclusive('\n') {
        let words = line.split_whitespace().filter(|word| word.contains(char::is_alphanumeric));
        let only_a_name =
            line.starts_with('#') && words.filter(|word| !word.ends_with(':')).count() == 1;
        match titled(line.trim()).filter(|_| only_a_name) {
            Some(name) => files.push(File { name, text: line.to_owned() }),
            None if files.is_empty() && line.trim().is_empty() => {}
            None => files.last_mut()?.text.push_str(line),
        }
    }
    (files.len() > 1).then_some(files)
}

/// The file name of a block: on its fence, in its first lines, or above it.
fn name(lines: &[&str], fence: usize, block: &Block) -> Option<String> {
    let info = lines.get(fence).copied().unwrap_or_default();
    let info =
        info.trim_start_matches(|c: char| c != '`' && c != '~').trim_start_matches(['`', '~']);
    let on_fence = || info.split([' ', ':', '=', ',', '{', '}']).find_map(file_name);
    let in_block = || {
        let lines = block.text.lines().filter(|line| !line.trim().is_empty());
        // The first line may be a shebang, the second one for an editor.
        lines.take(2).find_map(|line| titled(line.trim()))
    };
    let above = || {
        let above = lines[..fence].iter().rev().take(ABOVE).find(|line| !line.trim().is_empty())?;
        let words = above.split(|c: char| c.is_whitespace() || matches!(c, '=' | '"' | '\''));
        let mut names = words.filter_map(file_name);
        let name = names.next().filter(|name| is_python(name))?;
        names.all(|other| other == name).then_some(name)
    };
    on_fence().or_else(in_block).or_else(above)
}

/// The name at the start of a comment or docstring: `# shapes.py`, `# File: shapes.py - areas`.
fn titled(line: &str) -> Option<String> {
    let text = line.strip_prefix('#').or_else(|| line.strip_prefix("\"\"\""))?;
    let words = text.split(char::is_whitespace);
    let mut words = words.filter(|word| word.contains(char::is_alphanumeric));
    let first = words.next()?;
    let word = if first.ends_with(':') { words.next()? } else { first };
    file_name(word).filter(|name| is_python(name))
}

/// The file name in a word, without marks around it.
fn file_name(word: &str) -> Option<String> {
    let marks = |c: char| !c.is_alphanumeric() && !matches!(c, '_' | '.' | '/');
    let word = word.trim_matches(marks).trim_end_matches(['.', '/']).trim_start_matches("./");
    let (stem, extension) = word.rsplit_once('.')?;
    let last = stem.rsplit(['/', '\\']).next().unwrap_or(stem);
    let named = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '/' | '.' | '\\');
    let right = last.chars().count() > 1 || is_python(word) && !last.is_empty();
    let known = extension.len() <= 5
        && extension.starts_with(|c: char| c.is_ascii_alphabetic())
        && extension.chars().all(|c| c.is_ascii_alphanumeric());
    (right && known && stem.chars().all(named)).then(|| word.to_owned())
}

fn is_python(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, extension)| extension == "py")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails may say so like this")]

    use super::*;

    fn parses(text: &str) -> Result<(), SyntaxProblem> {
        ruff_python_parser::parse_module(text)
            .map(|_| ())
            .map_err(|error| SyntaxProblem { line: 1, message: error.error.to_string() })
    }

    #[test]
    fn the_file_name_of_a_block_is_read_in_every_notation() {
        let block = "```python\nx = 1\n```";
        let in_block = |line: &str| format!("```python\n{line}\nx = 1\n```");
        for (answer, name) in [
            (format!("**shapes.py**\n\n{block}"), "shapes.py"),
            (format!("### `pkg/shapes.py`\n{block}"), "pkg/shapes.py"),
            (format!("1. shapes.py:\n{block}"), "shapes.py"),
            (format!("File: ./shapes.py\n\n{block}"), "shapes.py"),
            (format!("Put this into `shapes.py`, beside the script.\n{block}"), "shapes.py"),
            (format!("<file name=\"shapes.py\">\n{block}\n</file>"), "shapes.py"),
            ("<file name=\"a/shapes.py\">\nx = 1\n</file>".to_owned(), "a/shapes.py"),
            (block.replace("python", "python shapes.py"), "shapes.py"),
            (block.replace("python", "python:shapes.py"), "shapes.py"),
            (block.replace("python", "python title=\"shapes.py\""), "shapes.py"),
            (block.replace("python", "{.python filename='a/shapes.py'}"), "a/shapes.py"),
            (block.replace("python", "shapes.py"), "shapes.py"),
            (in_block("# shapes.py"), "shapes.py"),
            (in_block("# file: shapes.py"), "shapes.py"),
            (in_block("# Datei: pkg/shapes.py - Formen"), "pkg/shapes.py"),
            (in_block("#!/usr/bin/env python3\n# --- shapes.py ---"), "shapes.py"),
            (in_block("\"\"\"shapes.py\"\"\""), "shapes.py"),
            (in_block("# run it: python shapes.py"), ""),
            (in_block("# e.g. 1.5"), ""),
            (format!("`main.py` uses `shapes.py`:\n{block}"), ""),
            (format!("Version 1.2 of it, e.g. this:\n{block}"), ""),
            (block.to_owned(), ""),
        ] {
            let files = files(&answer, Outcome::Whole, &parses).unwrap();
            let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
            assert_eq!(names, [name], "{answer}");
        }
    }

    #[test]
    fn several_files_in_one_block_or_in_tags_are_separated() {
        for (answer, expected) in [
            ("```python\n# a.py\nx = 1\n\n# b.py\nimport a\n```", "a.py b.py"),
            ("```\n# File: a.py\nx = 1\n# ---- b.py ----\nimport a\n```", "a.py b.py"),
            ("<file path='a.py'>\nx = 1\n</file>\n<file path='b.py'>\nx\n</file>", "a.py b.py"),
            // A longer comment is not a name, and a part that is not Python is not a file.
            ("```python\n# a.py\nx = 1\n# read by the tests in b.py\ny = 2\n```", "a.py"),
            ("```python\n# a.py\nx = (\n# b.py\n1)\n```", "a.py"),
            ("<a href='a.py'>\nx = 1\n", ""),
        ] {
            let files = files(answer, Outcome::Whole, &parses).unwrap();
            let names: Vec<&str> = files.iter().map(|file| file.name.as_str()).collect();
            assert_eq!(names.join(" "), expected, "{answer}");
        }
    }

    #[test]
    fn only_python_blocks_are_files_of_the_script() {
        let answer = "**a.csv**\n```csv\nx,y\n1,2\n```\n```data.txt\nx = 1\n```\n```bash\npython a.py\n```\n\
            a.py\n```python\nprint(1)\n```\n";
        let files = files(answer, Outcome::Whole, &parses).unwrap();
        assert_eq!(files, [File { name: "a.py".to_owned(), text: "print(1)\n".to_owned() }]);
    }

    #[test]
    fn a_broken_or_cut_off_file_refuses_the_answer() {
        let two = |last: &str| format!("a.py\n```python\nimport b\n```\nb.py\n```python\n{last}");
        for (answer, outcome, right) in [
            (two("x = 1\n```"), Outcome::Whole, true),
            (two("x = (\n```"), Outcome::Whole, false),
            (two("x = 1\n"), Outcome::Cut, false),
            (two("x = 1\n"), Outcome::Whole, true),
            ("```python\nx = 1\n```\n```python\nx = (\n```".to_owned(), Outcome::Whole, true),
        ] {
            assert_eq!(files(&answer, outcome, &parses).is_ok(), right, "{answer}");
        }
    }
}
