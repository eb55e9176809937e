//! Extracts the requested part of a script that cannot be used as a whole.

use super::super::fences;
use super::{Extracted, Program, SyntaxProblem, fenced, finish, python};

/// Maximum number of statements cut off the end of a block until the rest parses.
const MAX_CUTS: usize = 20;

/// A script that ends before the first part that does not parse or is unfinished, if it defines all
/// `names` by then: small models often write the requested code, and then more. `None` without
/// names, since then the requested part is unknown.
pub fn part(
    answer: &str,
    names: &[String],
    parses: &dyn Fn(&str) -> Result<(), SyntaxProblem>,
) -> Option<Extracted> {
    if names.is_empty() {
        return None;
    }
    let blocks = fenced(answer, parses);
    blocks.iter().filter(|block| !fences::other_language(&block.tag)).find_map(|block| {
        let mut text = block.text.as_str();
        if !block.closed {
            text = before_last(text, usize::MAX)?;
        }
        for _ in 0..=MAX_CUTS {
            let Err(problem) = parses(text) else {
                let notes = vec!["removed text after the requested part".to_owned()];
                let program = Program { text: text.to_owned(), notes };
                return python::defines(text, names).then(|| finish(program).ok()).flatten();
            };
            text = before_last(text, problem.line)?;
        }
        None
    })
}

/// The text before its last top-level statement that starts on or above the line.
fn before_last(text: &str, line: usize) -> Option<&str> {
    let mut end = None;
    let mut at = 0;
    for (n, line_of_text) in python::lines(text).iter().enumerate() {
        let first = line_of_text.text.chars().next();
        if n < line && !line_of_text.in_string && first.is_some_and(|c| !" \t)]}#".contains(c)) {
            end = Some(at);
        }
        at += line_of_text.text.len() + 1;
    }
    text.get(..end.filter(|end| *end > 0)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADD: &str =
        "def add(a, b):\n    \"\"\"The sum.\n```\nno fence\n\"\"\"\n    return a + b\n";

    fn parses(text: &str) -> Result<(), SyntaxProblem> {
        ruff_python_parser::parse_module(text).map(|_| ()).map_err(|error| {
            let line = text[..error.location.start().to_usize()].matches('\n').count() + 1;
            SyntaxProblem { line, message: error.error.to_string() }
        })
    }

    #[test]
    fn a_requested_function_is_kept_when_the_code_after_it_is_broken() {
        for (answer, wanted) in [
            (format!("```python\n{ADD}\ndef test_add:\n    add(1, 2)\n```"), true),
            (format!("```python\n{ADD}\ndef add_2(a, b):\n    return add("), true),
            (format!("```python\n{ADD}\nprint(add(1,\n"), true),
            (format!("```python\nimport math\n\n{ADD}\nprint x\ny = = 2\n```\nSo."), true),
            // The closing fence may be missing.
            (format!("```python\n{ADD}"), false),
            (format!("```python\ndef test_add:\n    pass\n\n{ADD}```"), false),
            ("```python\ndef sub(a, b):\n    return a - b\n\nprint x\n```".to_owned(), false),
            ("No code.".to_owned(), false),
        ] {
            let found = part(&answer, &["add".to_owned()], &parses);
            assert_eq!(found.is_some(), wanted, "{answer}");
            assert!(found.is_none_or(|found| found.script.ends_with("return a + b\n")), "{answer}");
            assert_eq!(part(&answer, &[], &parses), None);
        }
    }
}
