//! The files of an answer that gives several: blocks of Python with the names that stand on, in or above
//! them. A name is only ever compared with what the files import, never followed.

use super::super::fences::{self, Block};
use super::super::thoughts::after_thinking;
use super::super::{Refusal, text};
use super::{Broken, Checker, SyntaxProblem, cut_off, refuse};
use crate::domain::chat::Outcome;
use std::cell::Cell;

/// A file of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its name as the answer gives it, as `pkg/shapes.py`; empty if it gives none.
    pub name: String,
    /// What is in it.
    pub text: String,
}

/// Lines above a block that its name may stand in.
const ABOVE: usize = 3;

/// The Python files of an answer, in their order: all blocks of Python in it.
///
/// # Errors
/// One that has a name does not parse, or the answer ended within it.
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
    let mut files = Vec::new();
    let mut broken = None;
    for (line, block) in blocks {
        let name = name(&lines, line, &block);
        let other = name.as_ref().is_some_and(|name| !is_python(name));
        if other || fences::other_language(&block.tag) || block.tag == "json" {
            continue;
        }
        let cut = outcome == Outcome::Cut && !block.closed;
        match checker.check(&block.text) {
            Ok(()) if !cut => files.push(File { name: name.unwrap_or_default(), text: block.text }),
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

/// The name of the file that a block is: on its fence, in its first lines, or above it.
fn name(lines: &[&str], fence: usize, block: &Block) -> Option<String> {
    let info = lines.get(fence).copied().unwrap_or_default();
    let info =
        info.trim_start_matches(|c: char| c != '`' && c != '~').trim_start_matches(['`', '~']);
    let on_fence = || info.split([' ', ':', '=', ',', '{', '}']).find_map(file_name);
    let in_block = || {
        let lines = block.text.lines().filter(|line| !line.trim().is_empty());
        // The first line may be for the shell, the second for an editor.
        lines.take(2).find_map(|line| titled(line.trim()))
    };
    let above = || {
        let above = lines[..fence].iter().rev().take(ABOVE).find(|line| !line.trim().is_empty())?;
        let mut names = above.split(char::is_whitespace).filter_map(file_name);
        let name = names.next().filter(|name| is_python(name))?;
        names.all(|other| other == name).then_some(name)
    };
    on_fence().or_else(in_block).or_else(above)
}

/// The name in a comment or a description that begins with one: `# shapes.py`, `# File: shapes.py - areas`.
fn titled(line: &str) -> Option<String> {
    let text = line.strip_prefix('#').or_else(|| line.strip_prefix("\"\"\""))?;
    let words = text.split(char::is_whitespace);
    let mut words = words.filter(|word| word.contains(char::is_alphanumeric));
    let first = words.next()?;
    let word = if first.ends_with(':') { words.next()? } else { first };
    file_name(word).filter(|name| is_python(name))
}

/// The name of a file that a word is, without the marks around it.
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
    fn a_file_has_the_name_that_its_block_is_given() {
        let block = "```python\nx = 1\n```";
        let in_block = |line: &str| format!("```python\n{line}\nx = 1\n```");
        for (answer, name) in [
            (format!("**shapes.py**\n\n{block}"), "shapes.py"),
            (format!("### `pkg/shapes.py`\n{block}"), "pkg/shapes.py"),
            (format!("1. shapes.py:\n{block}"), "shapes.py"),
            (format!("File: ./shapes.py\n\n{block}"), "shapes.py"),
            (format!("Put this into `shapes.py`, beside the script.\n{block}"), "shapes.py"),
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
    fn what_is_no_python_is_no_file_of_the_script() {
        let answer = "**a.csv**\n```csv\nx,y\n1,2\n```\n```data.txt\nx = 1\n```\n```bash\npython a.py\n```\n\
            a.py\n```python\nprint(1)\n```\n";
        let files = files(answer, Outcome::Whole, &parses).unwrap();
        assert_eq!(files, [File { name: "a.py".to_owned(), text: "print(1)\n".to_owned() }]);
    }

    #[test]
    fn a_file_that_is_broken_or_cut_off_is_not_done_without() {
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
