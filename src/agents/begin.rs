//! The start of a script for models that continue a prefilled answer.

use super::extract::SyntaxProblem;
use super::{extract, fences};

/// The single unfinished piece of code in a request, if there is exactly one, up to where the model
/// is to continue. `unfinished` returns that part of a piece of code.
#[must_use]
pub fn code(
    request: &str,
    parses: &dyn Fn(&str) -> Result<(), SyntaxProblem>,
    unfinished: &dyn Fn(&str) -> Option<String>,
) -> Option<String> {
    let blocks = extract::fenced(request, parses);
    let mut begun = blocks
        .iter()
        .filter(|block| block.closed && !fences::other_language(&block.tag))
        .filter_map(|block| unfinished(&block.text));
    begun.next().filter(|_| begun.next().is_none())
}

/// The prefilled start of the Coder's answer: an opening fence, and the code that the user started,
/// if any.
///
/// With such a start, a small model does not explain its plan first, and keeps the requested names.
#[must_use]
pub fn answer(code: Option<&str>) -> String {
    format!("```python\n{}", code.unwrap_or_default())
}

/// A pattern for the whole answer with such a start: the fence closes after a line of the script,
/// and the answer ends there. A fence in a multi-line string is part of the script; outside of
/// strings and comments, no script contains a backtick.
#[must_use]
pub fn pattern() -> String {
    let long =
        |mark: &str| format!(r"{mark}{{3}}({mark}{{0,2}}([^\\{mark}]|\\[\s\S]))*{mark}{{3}}");
    let short = |mark: &str| format!(r"{mark}([^\\\n{mark}]|\\[\s\S])*{mark}");
    let strings = [long("\""), long("'"), short("\""), short("'")].join("|");
    format!(r#"```python\n(([^"'`#]|#[^\n]*|{strings})*\n)?```\n{{0,3}}"#)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    #[test]
    fn the_answer_pattern_matches_exactly_one_fenced_script() {
        let form = regex::Regex::new(&format!("^(?:{})$", pattern())).unwrap();
        for (rest, fits) in [
            ("print(1)\n```", true),
            ("print(1)\n```\n", true),
            ("```", true),
            ("# it's `here`\nprint('a \\' b', \"it's\", r'\\d')\n```", true),
            ("\"\"\"Prints.\n\n```sh\nrun it\n```\n\"\"\"\nprint(1)\n```", true),
            ("x = '''a ' b '' c \\''' d'''\nprint(f\"{d[\"a\"]} {x!r:>{n}}\")\n```", true),
            ("x = ''\ny = \"\"\nprint(\"\"\"a\"b\"\"c\"\"\")\n```", true),
            ("x = 'a \\\n  b'\n```", true),
            ("print(1)", false),
            ("print(1)```", false),
            ("print(1)\n```\nThis prints 1.", false),
            ("print(1)\n```\n\n```python\nprint(2)\n```", false),
            ("\"\"\"Prints.\"\"\"\nprint(1)\n```\nThis \"prints\" 1.\n```", false),
            ("\"\"\"Prints\n\"it\".\n\"\"\"\nprint(1)\n```\nIt's \"one\".\n```", false),
            ("print('it)\n```", false),
        ] {
            assert_eq!(form.is_match(&(answer(None) + rest)), fits, "{rest}");
        }
    }

    #[test]
    fn an_answer_is_prefilled_with_the_code_that_the_user_began() {
        let unfinished = |code: &str| code.contains("TODO").then(|| format!("<{}>", code.trim()));
        let begin = |request: &str| answer(code(request, &|_| Ok(()), &unfinished).as_deref());
        for (request, begun) in [
            ("a hangman game", ""),
            ("Complete:\n```python\nTODO 1\n```\nBe quick.", "<TODO 1>"),
            ("Complete:\n```\nTODO 1\n```", "<TODO 1>"),
            ("Use this:\n```python\nx = 1\n```\nand end this:\n```py\nTODO 1\n```", "<TODO 1>"),
            ("One of:\n```python\nTODO 1\n```\n```python\nTODO 2\n```", ""),
            ("Complete:\n```js\nTODO 1\n```", ""),
            ("Complete:\n```python\nTODO 1", ""),
        ] {
            assert_eq!(begin(request), format!("```python\n{begun}"), "{request}");
        }
    }
}
