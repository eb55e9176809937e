//! Text helpers for reading answers: line ends, words, comparison.

use crate::domain::text::single_spaced;
use std::collections::HashSet;

/// The answer with `
/// ` line ends and without a byte order mark.
pub(super) fn normalise(answer: &str) -> String {
    answer.trim_start_matches('\u{feff}').replace("\r\n", "\n").replace('\r', "\n")
}

/// Lines with fewer words than this may match the prompt by chance.
const ECHO_WORDS: usize = 6;

/// The answer without lines that repeat the prompt: weak models repeat their instructions and the
/// examples in them.
#[must_use]
pub fn without_echo(answer: &str, told: &str) -> String {
    let told: HashSet<String> = told.lines().map(key).filter(|k| is_said(k)).collect();
    answer.split_inclusive('\n').filter(|line| !told.contains(&key(line))).collect()
}

fn is_said(key: &str) -> bool {
    key.split(' ').count() >= ECHO_WORDS
}

/// Whether the text starts with `start`, ignoring case.
pub(super) fn starts_with(text: &str, start: &str) -> bool {
    text.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start))
}

/// The first position of `what` (ASCII), ignoring case.
pub(super) fn find(text: &str, what: &str) -> Option<usize> {
    let first = what.as_bytes().first()?;
    text.bytes().enumerate().find_map(|(at, byte)| {
        let here = byte.eq_ignore_ascii_case(first)
            && text.is_char_boundary(at)
            && starts_with(&text[at..], what);
        here.then_some(at)
    })
}

/// The words of the text in lower case, without punctuation, in order.
pub(super) fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|c: char| !c.is_alphanumeric() && c != '\'' && c != '’')
        .map(|word| word.trim_matches(['\'', '’']))
        .filter(|word| !word.is_empty())
        .map(|word| word.to_lowercase().replace('’', "'"))
}

/// A key that is equal for texts that differ only in punctuation and case.
pub(super) fn key(text: &str) -> String {
    words(text).collect::<Vec<_>>().join(" ")
}

/// The text without Markdown's marks for bold text, and with single spaces.
pub(super) fn plain(text: &str) -> String {
    let text = text.replace("**", "").replace("__", "");
    single_spaced(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_copied_from_the_prompt_are_removed_from_the_answer() {
        let told = "Use this form:\nR1: one thing that the script must do.\nR2: met\n\
                    VERDICT: ITERATE\n- 3 to 8 requirements. Stop after the last one.";
        for (answer, expected) in [
            ("", ""),
            ("R1: Draw it.\n", "R1: Draw it.\n"),
            ("Draws.\n- **R1**: One thing that the script must do\nR2: Draw.", "Draws.\nR2: Draw."),
            ("R2: met\nVERDICT: ITERATE\n", "R2: met\nVERDICT: ITERATE\n"),
            ("3 to 8 requirements. Stop after the last one.", ""),
        ] {
            assert_eq!(without_echo(answer, told), expected);
        }
    }
}
