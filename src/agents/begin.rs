//! How a script begins before the model has said a word: for models that go on from there.

use super::extract::SyntaxProblem;
use super::{extract, fences};

/// The one piece of code in a request that breaks off, if it holds one: up to where it is to go on.
/// `unfinished` gives that of a piece of code.
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

/// The beginning of the Coder's answer: its fence and the code that the user began, if so.
///
/// A small model that is begun so neither explains what it is about to do nor names things otherwise
/// than it was asked to.
#[must_use]
pub fn answer(code: Option<&str>) -> String {
    format!("```python\n{}", code.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_does_not_begin_with_what_the_user_began() {
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
