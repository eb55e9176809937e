//! The interpretation: what a run's output says about the question that was asked.

use super::thoughts::prose;
use super::{Refusal, RefusalKind, ask};
use crate::domain::chat::{Agent, Request};
use crate::domain::text::within;
use crate::prompts::{PromptError, Prompts};
use serde::Serialize;

/// Bytes kept of an answer.
const LONGEST: usize = 4000;
/// What stands behind a number of the answer's own.
pub const MARK: &str = " [?]";

/// What it is shown.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Shown<'a> {
    /// The request.
    pub question: &'a str,
    /// The data files: the name of each, with what is in it.
    pub data: &'a [String],
    /// The run, in words, with its output.
    pub run: &'a str,
    /// Why the answer before was refused.
    pub refusal: Option<&'a str>,
}

/// What is asked of it.
///
/// # Errors
/// The template can't be filled.
pub fn request(prompts: &Prompts, shown: &Shown<'_>) -> Result<Request, PromptError> {
    ask(prompts, Agent::Interpretation, Shown { question: shown.question.trim(), ..*shown })
}

/// The answer in words, for people. Code is none.
///
/// # Errors
/// There is no text in it.
pub fn parse(answer: &str) -> Result<String, Refusal> {
    let kept = within(&prose(answer), LONGEST);
    if kept.chars().any(char::is_alphanumeric) {
        return Ok(kept);
    }
    let reason = "It says nothing. Answer the question in a few sentences, without code.";
    Err(Refusal::new(RefusalKind::Unusable, reason))
}

/// The answer with a mark behind each number that stands neither in the output nor in the question.
#[must_use]
pub fn marked(answer: &str, sources: &[&str]) -> String {
    let known: Vec<&str> = sources.iter().flat_map(|text| numbers(text)).map(|n| n.0).collect();
    let known: Vec<String> = known.into_iter().map(value).collect();
    let mut out = String::with_capacity(answer.len());
    let mut written = 0;
    for (number, end) in numbers(answer) {
        let begin = end - number.len();
        // The number of an item of a list is none of the answer's.
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

/// The numbers in a text, each with the place of its end: digits, with marks between digits. Those that
/// are a part of a name, as in `R2`, are none.
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

/// A number in the form in which two that are written otherwise are the same: without marks between
/// thousands, and without zeros that say nothing.
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
    fn a_number_that_stands_nowhere_is_marked() {
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
    fn an_answer_is_words() {
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
