//! The Interpretation agent: answers the user's question from a run's output.

use super::thoughts::prose;
use super::{Refusal, RefusalKind, ask};
use crate::domain::chat::{Agent, Request};
use crate::domain::text::within;
use crate::prompts::{PromptError, Prompts};
use serde::Serialize;

/// Maximum size of an answer, in bytes.
const LONGEST: usize = 4000;
/// The mark after a number of unknown origin.
pub const MARK: &str = " [?]";

/// The input of the prompt.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Shown<'a> {
    /// The request.
    pub question: &'a str,
    /// The data files: each name with a description of the content.
    pub data: &'a [String],
    /// The run with its output, as text.
    pub run: &'a str,
    /// Why the previous answer was refused.
    pub refusal: Option<&'a str>,
}

/// Builds the request.
///
/// # Errors
/// If the template cannot be rendered.
pub fn request(prompts: &Prompts, shown: &Shown<'_>) -> Result<Request, PromptError> {
    ask(prompts, Agent::Interpretation, Shown { question: shown.question.trim(), ..*shown })
}

/// Extracts the answer in words, without code.
///
/// # Errors
/// If there is no text.
pub fn parse(answer: &str) -> Result<String, Refusal> {
    let kept = within(&prose(answer), LONGEST);
    if kept.chars().any(char::is_alphanumeric) {
        return Ok(kept);
    }
    let reason = "It says nothing. Answer the question in a few sentences, without code.";
    Err(Refusal::new(RefusalKind::Unusable, reason))
}

/// The answer with a mark after each number that occurs neither in the output nor in the question.
#[must_use]
pub fn marked(answer: &str, sources: &[&str]) -> String {
    let known: Vec<&str> = sources.iter().flat_map(|text| numbers(text)).map(|n| n.0).collect();
    let known: Vec<String> = known.into_iter().map(value).collect();
    let mut out = String::with_capacity(answer.len());
    let mut written = 0;
    for (number, end) in numbers(answer) {
        let begin = end - number.len();
        // The number of a list item is not part of the answer.
        let line = answer[..begin].rfind('\n').map_or(0, |at| at + 1);
        let listed = answer[line..begin].trim().is_empty()
            && (answer[end..].starts_with(". ") || answer[end..].starts_with(") "));
        if !listed && !known.contains(&value(number)) {
            out.push_str(&answer[written..end]);
            out.push_str(MARK);
            written = end;
        }
    }
    out.push_str(&answer[written..]);
    out
}

/// The numbers in a text, each with its end offset: digits, with separators between digits. Digits
/// that are part of a name, as in `R2`, are skipped.
fn numbers(text: &str) -> impl Iterator<Item = (&str, usize)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let begin = at + text[at..].find(|c: char| c.is_ascii_digit())?;
            let rest = &text[begin..];
            let mut end = 0;
            for (place, c) in rest.char_indices() {
                let between = matches!(c, '.' | ',' | '_' | '\'')
                    && rest[place + 1..].starts_with(|c: char| c.is_ascii_digit());
                if !c.is_ascii_digit() && !between {
                    break;
                }
                end = place + c.len_utf8();
            }
            at = begin + end;
            let of_a_name = |c: char| c.is_alphabetic() || c == '_';
            if !text[..begin].ends_with(of_a_name) {
                return Some((&text[begin..at], at));
            }
        }
    })
}

/// A number in normal form, without thousands separators and insignificant zeros, so that different
/// spellings compare equal.
fn value(number: &str) -> String {
    let groups = |mark: char| {
        let mut parts = number.split('.').next().unwrap_or_default().split(mark).skip(1).peekable();
        parts.peek().is_some() && parts.all(|part| part.len() == 3)
    };
    let plain: String = match [',', '_', '\''].into_iter().find(|mark| groups(*mark)) {
        Some(mark) => number.replace(mark, ""),
        // A decimal comma.
        None => number.replacen(',', ".", 1),
    };
    let (whole, part) = plain.split_once('.').unwrap_or((&plain, ""));
    let whole = whole.trim_start_matches('0');
    let part = part.trim_end_matches('0');
    if part.is_empty() { whole.to_owned() } else { format!("{whole}.{part}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_is_not_in_the_output_is_marked() {
        let output = "mean 12.50\nrows 1204\nR2 0.93\n2024-01-05 7\n1.234,5\nx 3.0";
        for (answer, expected) in [
            ("The mean is 12.5 over 1,204 rows.", "The mean is 12.5 over 1,204 rows."),
            ("The mean is 12.6.", "The mean is 12.6 [?]."),
            ("On 5 January 2024 it was 7, or 8%.", "On 5 January 2024 it was 7, or 8 [?]%."),
            ("R2 is 0.93, not 2.", "R2 is 0.93, not 2 [?]."),
            ("Of 90 days, 3 were wet.", "Of 90 days, 3 were wet."),
            ("1. The mean: 12.5\n2. The rows: 1204", "1. The mean: 12.5\n2. The rows: 1204"),
            ("-12.5 and 12.500", "-12.5 and 12.500"),
            ("About 13 [rounded]", "About 13 [?] [rounded]"),
            ("None.", "None."),
            ("", ""),
        ] {
            assert_eq!(marked(answer, &[output, "the last 90 days"]), expected, "{answer}");
        }
    }

    #[test]
    fn only_an_answer_in_words_is_accepted() {
        for (answer, expected) in [
            ("It is 3.", Some("It is 3.")),
            ("<think>3 or 4?</think>\nIt is 3.\n```\n4\n```", Some("It is 3.")),
            ("```python\nprint(3)\n```", None),
            ("...", None),
            ("", None),
        ] {
            assert_eq!(parse(answer).ok().as_deref(), expected, "{answer}");
        }
    }
}
