//! Whether an answer that still arrives holds its script already.

use super::super::fences;
use super::{SyntaxProblem, fenced, python};
use crate::domain::text::same_code;

/// Characters of prose after a script that make a further one improbable.
const PROSE: usize = 160;

/// Whether the script is there and the model has gone on to explain it: nothing that follows is used.
///
/// That is so after a block of Python that parses and either runs when it is started or defines all
/// `names` that were asked for, with some prose behind it; any at all where the answer began with the
/// block, since nothing was said before it that another script could be better than.
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

/// Whether an answer that begins with a block has copied a script into it, word for word, to the block's
/// end. Whoever says something first may quote the script before it is changed.
#[must_use]
pub fn is_copy(
    answer: &str,
    script: &str,
    parses: &dyn Fn(&str) -> Result<(), SyntaxProblem>,
) -> bool {
    // Cheap things first: this is asked of each piece of an answer.
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
    fn an_answer_is_a_copy_at_the_end_of_its_block() {
        let script = "import sys\n\nprint(len(sys.argv))\n";
        let parses = |_: &str| Ok(());
        for (answer, wanted) in [
            (format!("```python\n{script}```\n"), true),
            (
                format!("\n```python\n{}```\nIt is right as it is.", script.replace(";\n", "  \n")),
                true,
            ),
            (format!("```python\r\n{}```\r\n", script.replace('\n', "\r\n")), true),
            // It may go on, or be a quote of what is to be changed.
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
    fn only_the_explanation_of_a_script_that_is_there_is_not_waited_for() {
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
            // The script may follow yet.
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
