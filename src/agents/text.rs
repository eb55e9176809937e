//! What every answer needs before it is read: line ends, thinking aloud, words.

use crate::domain::profile::Thinking;
use std::collections::HashSet;

/// The answer with `\n` line ends and without a byte-order mark.
pub(super) fn normalise(answer: &str) -> String {
    answer.trim_start_matches('\u{feff}').replace("\r\n", "\n").replace('\r', "\n")
}

/// Lines of fewer words than this are said by chance in the words of the prompt.
const ECHO_WORDS: usize = 6;

/// The answer without the lines that stand in what the model was told: a weak model says its
/// instructions and their examples again as if they were its own.
#[must_use]
pub fn without_echo(answer: &str, told: &str) -> String {
    let told: HashSet<String> = told.lines().map(key).filter(|k| is_said(k)).collect();
    answer.split_inclusive('\n').filter(|line| !told.contains(&key(line))).collect()
}

fn is_said(key: &str) -> bool {
    key.split(' ').count() >= ECHO_WORDS
}

/// The marks that models put around their thinking.
const THINKING: [&str; 4] = ["think", "thinking", "thought", "reasoning"];

/// What the model said after thinking aloud; its thoughts if nothing follows them.
pub(super) fn after_thinking(mut text: &str) -> &str {
    // Some models think several times in a row; a bound keeps hostile text from costing much.
    for _ in 0..8 {
        let next = THINKING.iter().find_map(|tag| without_thought(text, tag));
        match next {
            Some(rest) if rest.len() < text.len() => text = rest,
            _ => break,
        }
    }
    text
}

/// Where the thoughts at an answer's beginning end, in bytes, and how they are marked; `None` if it
/// has none. `how` is what is known of the model: of one that thinks aloud, an answer that was `cut`
/// before it came to an end of its thoughts is nothing else.
#[must_use]
pub fn thoughts(answer: &str, how: Thinking, cut: bool) -> Option<(usize, Thinking)> {
    let opened = THINKING.iter().any(|t| starts_with(answer.trim_start(), &format!("<{t}>")));
    let closed = THINKING.iter().any(|tag| find(answer, &format!("</{tag}>")).is_some());
    let marked = if opened { Thinking::Marked } else { Thinking::Open };
    if cut && !closed && (opened || how == Thinking::Open) {
        return Some((answer.len(), marked));
    }
    let rest = after_thinking(answer);
    // What is nothing but a thought is read as the answer.
    let begin = rest.as_ptr().addr().wrapping_sub(answer.as_ptr().addr());
    let behind = begin + rest.len() == answer.len();
    (closed && behind && begin > 0).then_some((begin, marked))
}

/// The text without one leading thought, or `None` if it has none.
fn without_thought<'a>(text: &'a str, tag: &str) -> Option<&'a str> {
    let (open, close) = (format!("<{tag}>"), format!("</{tag}>"));
    let start = text.trim_start();
    if starts_with(start, &open) {
        let body = &start[open.len()..];
        let Some(end) = find(body, &close) else { return Some(body) };
        let after = &body[end + close.len()..];
        return Some(if after.trim().is_empty() { &body[..end] } else { after });
    }
    // The opening mark often belongs to the prompt, so only the closing one is in the answer.
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        if starts_with(line.trim_start(), &close) {
            let mark = at + (line.len() - line.trim_start().len());
            let after = &text[mark + close.len()..];
            return Some(if after.trim().is_empty() { &text[..mark] } else { after });
        }
        at += line.len();
    }
    None
}

/// Whether the text begins so, in small or capital letters.
pub(super) fn starts_with(text: &str, start: &str) -> bool {
    text.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start))
}

/// Where `what` (ASCII) first stands, in small or capital letters.
pub(super) fn find(text: &str, what: &str) -> Option<usize> {
    let first = what.as_bytes().first()?;
    text.bytes().enumerate().find_map(|(at, byte)| {
        let here = byte.eq_ignore_ascii_case(first)
            && text.is_char_boundary(at)
            && starts_with(&text[at..], what);
        here.then_some(at)
    })
}

/// Lower-case words without punctuation, in order.
pub(super) fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|c: char| !c.is_alphanumeric() && c != '\'' && c != '’')
        .map(|word| word.trim_matches(['\'', '’']))
        .filter(|word| !word.is_empty())
        .map(|word| word.to_lowercase().replace('’', "'"))
}

/// The text in a form in which two wordings that differ only in marks and case are the same.
pub(super) fn key(text: &str) -> String {
    words(text).collect::<Vec<_>>().join(" ")
}

/// The text without Markdown's marks for bold text, and with single spaces.
pub(super) fn plain(text: &str) -> String {
    let text = text.replace("**", "").replace("__", "");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prompts_own_lines_are_not_taken_for_the_answers() {
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
