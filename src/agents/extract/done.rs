//! Whether an answer that is still arriving already contains its script.

use super::super::fences;
use super::{SyntaxProblem, fenced, python};
use crate::domain::text::same_code;

/// Length of the prose after a script that makes a second script unlikely, in characters.
const PROSE: usize = 160;

/// Whether the script is complete and the model has gone on to explain it, so that the rest is not
/// used.
///
/// This holds after a Python block that parses, and that either does something when run or defines
/// all the requested `names`, with enough prose after it. If the answer started with the block, any
/// prose is enough, since no better script was announced before.
#[must_use]
pub fn is_there(
    answer: &str,
    names: &[String],
    parses: &dyn Fn(&str) -> Result<(), SyntaxProblem>,
) -> bool {
    let prose = answer.rfind("```").map_or("", |fence| &answer[fence + 3..]);
    let needed = if answer.trim_start().starts_with("```") { 1 } else { PROSE };
    if prose.trim().chars().count() < needed {
        return false;
    }
    fenced(answer, parses).last().is_some_and(|block| {
        let wanted = !names.is_empty() && python::defines(&block.text, names);
        block.closed
            && !fences::other_language(&block.tag)
            && (wanted || python::has_entry(&block.text))
            && parses(&block.text).is_ok()
    })
}

/// Whether an answer that starts with a block has copied a script word for word, up to the end of
/// the block. An answer with text before it may quote the script and then change it.
#[must_use]
pub fn is_copy(
    answer: &str,
    script: &str,
    parses: &dyn Fn(&str) -> Result<(), SyntaxProblem>,
) -> bool {
    // Cheap checks first, since this is called for each chunk of an answer.
    answer.trim_start().starts_with("```")
        && answer.len() > script.trim().len()
        && matches!(&fenced(answer, parses)[..], [block] if block.closed && same_code(&block.text, script))
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXPLAINED: &str = "\n\nThis script defines a function that adds two numbers, prints what \
        comes of it, and returns nothing. It can be changed to add other numbers as well, which is \
        then printed in the same way as before.";

    fn is_there_of(answer: &str, names: &[&str]) -> bool {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let parses = |text: &str| {
            let message = "it does not parse".to_owned();
            if text.contains("oops") { Err(SyntaxProblem { line: 1, message }) } else { Ok(()) }
        };
        is_there(answer, &names, &parses)
    }

    #[test]
    fn an_answer_is_a_copy_once_its_block_repeats_the_whole_script() {
        let script = "import sys\n\nprint(len(sys.argv))\n";
        let parses = |_: &str| Ok(());
        for (answer, wanted) in [
            (format!("```python\n{script}```\n"), true),
            (
                format!("\n```python\n{}```\nIt is right as it is.", script.replace(";\n", "  \n")),
                true,
            ),
            (format!("```python\r\n{}```\r\n", script.replace('\n', "\r\n")), true),
            // It may continue, or quote what it is going to change.
            (format!("```python\n{script}"), false),
            (format!("```python\n{script}print(1)\n```\n"), false),
            (format!("This is wrong:\n```python\n{script}```\n"), false),
            (format!("```python\n{script}```\nNow right:\n```python\nimport"), false),
            (format!("```python\n{}```\n", script.replace("len", "str")), false),
            (format!("<think>\n```python\n{script}```\n"), false),
            (String::new(), false),
        ] {
            assert_eq!(is_copy(&answer, script, &parses), wanted, "{answer}");
        }
    }

    #[test]
    fn a_script_is_complete_once_an_explanation_follows_it() {
        let runs = "```python\ndef add(a, b):\n    return a + b\n\n\nprint(add(1, 2))\n```";
        let defines = "Here it is:\n```python\ndef add(a, b):\n    return a + b\n```";
        let short = "\n\nIt adds two numbers.";
        let installs = "```bash\npip install numpy\n```";
        let quoting = "```python\n\"\"\"Use:\n```\nadd(1, 2)\n```\n";
        for (answer, names, wanted) in [
            (format!("{runs}{EXPLAINED}"), &[][..], true),
            (format!("{defines}{EXPLAINED}"), &["add"], true),
            (format!("<think>Sum?</think>{runs}{EXPLAINED}"), &[], true),
            (format!("{runs}{EXPLAINED}").replace('\n', "\r\n"), &[], true),
            (format!("{runs}{short}"), &[], true),
            (format!("{runs}\n"), &[], false),
            // The script may still follow.
            (format!("So:\n{runs}{short}"), &[], false),
            (format!("{defines}{EXPLAINED}"), &["add", "subtract"], false),
            (format!("{defines}{EXPLAINED}"), &[], false),
            (format!("{installs}{EXPLAINED}"), &[], false),
            (format!("{runs}\n{installs}{EXPLAINED}"), &[], false),
            (format!("{runs}{EXPLAINED}\n```python\ndef add"), &[], false),
            (format!("{runs}{EXPLAINED}").replace("return", "oops"), &[], false),
            (format!("{quoting}{EXPLAINED}"), &["add"], false),
            (EXPLAINED.to_owned(), &[], false),
        ] {
            assert_eq!(is_there_of(&answer, names), wanted, "{answer}");
        }
    }
}
