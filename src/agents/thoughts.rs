//! Reasoning that models write before they answer, in every chat format. This is the only table of
//! its marks; all agents' answers are read without it.

use super::marks::{Marks, length_of};
use super::text::{find, normalise, starts_with};
use crate::domain::profile::Thinking;
use crate::domain::text::visible;
use std::borrow::Cow;
use std::sync::LazyLock;

/// Words in marks of the form `<think>`, also with a name before them: `<seed:think>`.
const TAGS: [&str; 18] = [
    "think",
    "thinking",
    "thought",
    "thoughts",
    "reasoning",
    "reason",
    "analysis",
    "scratchpad",
    "reflection",
    "inner_monologue",
    "chain_of_thought",
    "thought_process",
    "thinking_process",
    "internal_thoughts",
    "longcat_think",
    "seed:think",
    "mm:think",
    "antml:thinking",
];
/// Words in all other forms.
const WORDS: [&str; 4] = ["think", "thinking", "thought", "reasoning"];
/// The text around such a word at the start and at the end of a thought.
const FORMS: [[&str; 4]; 8] = [
    ["[", "]", "[/", "]"],
    ["◁", "▷", "◁/", "▷"],
    ["<|", "|>", "<|/", "|>"],
    ["<|", "_start|>", "<|", "_end|>"],
    ["<|start_", "|>", "<|end_", "|>"],
    ["<|begin_", "|>", "<|end_", "|>"],
    ["<|begin_of_", "|>", "<|end_of_", "|>"],
    ["<|start_of_", "|>", "<|end_of_", "|>"],
];
/// Marks with a form of their own.
const OTHERS: [(&str, &str); 2] =
    [("<|channel>thought", "<channel|>"), ("<unused94>thought", "<unused95>")];

/// The marks at the start and the end of a thought. If the opening mark belongs to the prompt, an
/// answer has only the closing one. Case is ignored.
static THOUGHTS: LazyLock<Vec<(String, String)>> = LazyLock::new(|| {
    let tags = TAGS.iter().map(|tag| (format!("<{tag}>"), format!("</{tag}>")));
    let of_forms = FORMS.iter().flat_map(|[open, opened, close, closed]| {
        WORDS
            .iter()
            .map(move |word| (format!("{open}{word}{opened}"), format!("{close}{word}{closed}")))
    });
    let others = OTHERS.iter().map(|(open, close)| ((*open).to_owned(), (*close).to_owned()));
    tags.chain(of_forms).chain(others).collect()
});

/// The marks at the start and the end of an answer that follows the reasoning.
const ANSWERS: [(&str, &str); 8] = [
    ("<|START_RESPONSE|>", "<|END_RESPONSE|>"),
    ("<|begin_of_solution|>", "<|end_of_solution|>"),
    ("<|answer_start|>", "<|answer_end|>"),
    ("[BEGIN FINAL RESPONSE]", "[END FINAL RESPONSE]"),
    ("<answer>", "</answer>"),
    ("<final_answer>", "</final_answer>"),
    ("<response>", "</response>"),
    ("<solution>", "</solution>"),
];
/// The first of these have no other meaning anywhere in a text.
const SURE_ANSWERS: usize = 4;
/// Maximum size of a tag's attributes, in bytes.
const ATTRIBUTES: usize = 100;
/// Number of bytes before a mark that are examined.
const BEFORE: usize = 200;

/// The messages of an answer with channels: `<|channel|>analysis<|message|>...<|end|>`.
const MESSAGE: &str = "<|message|>";
const CHANNEL: &str = "<|channel|>";
const MESSAGE_ENDS: [&str; 4] = ["<|end|>", "<|return|>", "<|call|>", "<|start|>"];
/// The same if the server removed the marks, but not the words between them.
const BARE: (&str, &str) = ("analysis", "assistantfinal");

/// The answer after the reasoning. If nothing follows the reasoning, it is returned itself, unless
/// the answer was `cut` before.
pub(super) fn said<'a>(text: &'a str, cut: bool, marks: &Marks<'_>) -> Cow<'a, str> {
    let parts = parts(text, cut, marks);
    match parts[..] {
        [] => Cow::Borrowed(""),
        [part] => Cow::Borrowed(part),
        _ => Cow::Owned(parts.concat()),
    }
}

/// The same as one stretch of the text: the longest, if there is a thought in the middle.
pub(super) fn after_thinking(text: &str) -> &str {
    let parts = parts(text, false, &Marks::of_words());
    parts.into_iter().max_by_key(|part| part.trim().len()).unwrap_or_default()
}

/// The end of the reasoning at the start of an answer, in bytes, and how it is marked; `None` if
/// there is none. `how` is what is known of the model: if it reasons aloud, an answer that was
/// `cut` before the end of the reasoning is reasoning only.
#[must_use]
pub fn thoughts(answer: &str, how: Thinking, cut: bool) -> Option<(usize, Thinking)> {
    let start = answer.trim_start();
    let opened = opens(start).is_some() || header(start).is_some();
    let ends = |at: usize| closes(&answer[at..]).is_some() || answer[at..].starts_with("<|end|>");
    let closed = answer.char_indices().any(|(at, c)| is_first(c) && ends(at));
    let marked = if opened { Thinking::Marked } else { Thinking::Open };
    if cut && !closed && (opened || how == Thinking::Open) {
        return Some((answer.len(), marked));
    }
    let [rest] = parts(answer, false, &Marks::of_words())[..] else { return None };
    // An answer that is only a thought is read as the answer.
    let begin = rest.as_ptr().addr().wrapping_sub(answer.as_ptr().addr());
    let behind = answer.get(begin + rest.len()..)?.trim_start();
    (closed && begin > 0 && (behind.is_empty() || behind.starts_with("<|")))
        .then_some((begin, marked))
}

/// Whether a mark may start with this character.
const fn is_first(c: char) -> bool {
    matches!(c, '<' | '[' | '◁')
}

/// The row of the table whose opening mark a text starts with, and the mark's length. Marks in the
/// form of a tag may have attributes.
fn opens(text: &str) -> Option<(usize, usize)> {
    THOUGHTS.iter().enumerate().find_map(|(row, (open, _))| {
        if starts_with(text, open) {
            return Some((row, open.len()));
        }
        let name = open.strip_suffix('>').filter(|name| !name.contains('|'))?;
        let rest = text.get(name.len()..).filter(|_| starts_with(text, name))?;
        let attributes = &rest[..rest.floor_char_boundary(ATTRIBUTES)];
        let end = attributes.find(['>', '\n']).filter(|end| attributes[*end..].starts_with('>'))?;
        attributes.starts_with(' ').then_some((row, name.len() + end + 1))
    })
}

fn closes(text: &str) -> Option<(usize, usize)> {
    THOUGHTS
        .iter()
        .enumerate()
        .find_map(|(row, (_, close))| starts_with(text, close).then_some((row, close.len())))
}

/// A mark of the table in an answer.
struct Mark {
    at: usize,
    end: usize,
    row: usize,
    opens: bool,
}

fn marks_of(text: &str) -> Vec<Mark> {
    let first = text.char_indices().filter(|(_, c)| is_first(*c));
    first
        .filter_map(|(at, _)| {
            let (found, opens) = match closes(&text[at..]) {
                Some(found) => (found, false),
                None => (opens(&text[at..])?, true),
            };
            // Two marks may have the same end.
            let end_of = &THOUGHTS[found.0].1;
            let row = THOUGHTS.iter().position(|(_, close)| close == end_of);
            let found = (row.unwrap_or(found.0), found.1);
            Some(Mark { at, end: at + found.1, row: found.0, opens })
        })
        .collect()
}

/// The stretches of a text that are not reasoning.
fn parts<'a>(text: &'a str, cut: bool, marks: &Marks<'_>) -> Vec<&'a str> {
    let start = text.trim_start();
    if start.starts_with(['{', '[']) && serde_json::from_str::<serde_json::Value>(text).is_ok() {
        return vec![text];
    }
    if let Some(said) = of_channels(text, cut, marks) {
        return vec![said];
    }
    let mut parts = without_thoughts(text, cut, marks);
    // The text before such a mark is reasoning, and the text after its end is another turn.
    for (n, part) in parts.clone().into_iter().enumerate() {
        let lead = part.len() - part.trim_start().len();
        let places = part.char_indices().filter(|(_, c)| matches!(c, '<' | '['));
        let found = places.into_iter().find_map(|(at, _)| {
            let rows = if at == lead { &ANSWERS[..] } else { &ANSWERS[..SURE_ANSWERS] };
            let (open, close) = rows.iter().find(|(open, _)| starts_with(&part[at..], open))?;
            (!marks.is_content(part, at, at + open.len())).then(|| (at + open.len(), *close))
        });
        if let Some((from, close)) = found {
            let inner = &part[from..];
            let end =
                if close.starts_with("</") { rfind(inner, close) } else { find(inner, close) };
            parts = match end {
                Some(end) => vec![&inner[..end]],
                None => std::iter::once(inner).chain(parts[n + 1..].iter().copied()).collect(),
            };
            break;
        }
    }
    parts
}

fn rfind(text: &str, what: &str) -> Option<usize> {
    let first = what.chars().next()?;
    text.rmatch_indices(first).map(|(at, _)| at).find(|at| starts_with(&text[*at..], what))
}

fn without_thoughts<'a>(text: &'a str, cut: bool, marks: &Marks<'_>) -> Vec<&'a str> {
    let found = marks_of(text);
    let mut last = vec![None; THOUGHTS.len()];
    for (n, mark) in found.iter().enumerate().filter(|(_, mark)| !mark.opens) {
        last[mark.row] = Some(n);
    }
    let (mut said, mut thought, mut at) = (Vec::new(), None, 0);
    for (n, mark) in found.iter().enumerate() {
        let read = mark.at >= at && marks_a_thought(text, mark);
        if !read || marks.is_content(text, mark.at, mark.end) {
            continue;
        }
        if !mark.opens {
            // An opening mark mentioned in a line and closed again does not start a thought.
            let is_spoken_of = |other: &Mark| {
                other.opens
                    && other.row == mark.row
                    && other.at >= at
                    && !marks_a_thought(text, other)
            };
            if found[..n].iter().any(is_spoken_of) {
                continue;
            }
            // All text before it was reasoning.
            said.clear();
            thought = Some(&text[at..mark.at]);
            at = mark.end;
            continue;
        }
        let close = last[mark.row].filter(|last| *last > n);
        let close =
            close.and_then(|last| found[n..=last].iter().find(|m| !m.opens && m.row == mark.row));
        let before = &text[at..mark.at];
        let leads = before.trim().is_empty() && said.is_empty();
        match close {
            Some(close) => {
                said.push(before);
                thought = Some(&text[mark.end..close.at]);
                at = close.end;
            }
            None if cut => {
                said.push(before);
                thought = Some(&text[mark.end..]);
                at = text.len();
            }
            // A model that omitted the end mark may have answered inside the thought.
            None if leads => at = mark.end,
            None => {}
        }
    }
    said.push(&text[at..]);
    said.retain(|part| !part.trim().is_empty());
    match thought {
        Some(thought) if said.is_empty() && !cut => vec![thought],
        _ => said,
    }
}

/// Whether a mark is where it counts: opening marks only at the start of a line or after other
/// marks.
fn marks_a_thought(text: &str, mark: &Mark) -> bool {
    let from = text.floor_char_boundary(mark.at.saturating_sub(BEFORE));
    let line = text[from..mark.at].rsplit('\n').next().unwrap_or_default();
    let line = line.trim();
    let only_marks = line.starts_with(is_first) && line.ends_with(['>', ']', '▷']);
    !mark.opens || line.is_empty() || only_marks
}

/// The answer in a text with channels: its final message, or a tool call with all that follows.
/// `None` if it has no channels.
fn of_channels<'a>(text: &'a str, cut: bool, marks: &Marks<'_>) -> Option<&'a str> {
    let start = text.trim_start();
    if starts_with(start, BARE.0)
        && !start[BARE.0.len()..].starts_with(char::is_whitespace)
        && let Some(at) = text.find(BARE.1)
    {
        return Some(&text[at + BARE.1.len()..]);
    }
    let mut thought = None;
    let mut from = 0;
    while let Some(at) = text[from..].find(MESSAGE).map(|at| from + at) {
        let body = at + MESSAGE.len();
        if marks.is_content(text, at, body) {
            from = body;
            continue;
        }
        let header_at = text[from..at].rfind('\n').map_or(from, |line| from + line + 1);
        let head = &text[header_at..at];
        let begin = ["<|start|>", CHANNEL].iter().filter_map(|mark| head.find(mark)).min();
        let Some(begin) = begin.or_else(|| head.trim().eq("analysis").then_some(0)) else {
            from = body;
            continue;
        };
        let head = &head[begin..];
        let role = head.strip_prefix("<|start|>").unwrap_or_default();
        if !(role.is_empty() || role.starts_with("assistant") || role.starts_with('<')) {
            // A turn that the model made up for another speaker.
            break;
        }
        let mut ends = text[body..].match_indices("<|").map(|(at, _)| body + at);
        let is_end = |at: &usize| {
            length_of(&text[*at..], &MESSAGE_ENDS)
                .is_some_and(|length| !marks.is_content(text, *at, at + length))
        };
        let end = ends.find(is_end).unwrap_or(text.len());
        let channel = head.rsplit(CHANNEL).next().unwrap_or_default().trim_start();
        if head.contains(" to=") || channel.starts_with("to=") {
            return Some(&text[header_at + begin..]);
        }
        if channel.starts_with("final") || !head.contains(CHANNEL) && !head.contains("analysis") {
            return Some(&text[body..end]);
        }
        thought = Some(&text[body..end]);
        from = end;
    }
    let rest = text[from..].trim_start();
    let rest = &rest[length_of(rest, &["<|end|>", "<|return|>"]).unwrap_or(0)..];
    thought.map(|thought| match rest.trim() {
        "" if cut => "",
        "" => thought,
        _ => rest,
    })
}

/// The name of the channel at the start of a text.
fn header(text: &str) -> Option<&str> {
    let text = text.strip_prefix("<|start|>assistant").unwrap_or(text);
    text.strip_prefix(CHANNEL).filter(|rest| rest.contains(MESSAGE))
}

/// The text of an answer for the user, without reasoning and code.
pub(super) fn prose(answer: &str) -> String {
    let normal = normalise(answer);
    let mut in_code = false;
    let mut kept: Vec<&str> = Vec::new();
    for line in after_thinking(&normal).lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        } else if !in_code {
            kept.push(line.trim_end());
        }
    }
    visible(kept.join("\n").trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, cut: bool) -> String {
        let parses = |text: &str| ruff_python_parser::parse_module(text).is_ok();
        said(text, cut, &Marks::of_code(&parses)).trim().to_owned()
    }

    #[test]
    fn every_format_of_thinking_is_separated_from_the_answer() {
        for (open, close) in &*THOUGHTS {
            for (answer, wanted) in [
                (format!("{open}Hm: R1?{close}Yes."), "Yes."),
                (format!("{open}\nHm: R1?\n{close}\n\nYes."), "Yes."),
                (format!("{open}a{close} {open}b{close}\nYes."), "Yes."),
                // The opening mark belongs to the prompt.
                (format!("Hm: R1?\n{close}\nYes."), "Yes."),
                (format!("Hm: R1? So be it.{close}\n\nYes."), "Yes."),
                // Nothing follows, or the end mark is missing.
                (format!("{open}\nYes.\n{close}\n"), "Yes."),
                (format!("{open}\nYes."), "Yes."),
                // It comes after the answer, or in its middle.
                (format!("Yes.\n\n{open}\nWas it?\n{close}"), "Yes."),
                (format!("Yes.\n{open}Was it?{close}\nIt was."), "Yes.\n\nIt was."),
                (format!("Use `{open}` and `{close}`."), &*format!("Use `{open}` and `{close}`.")),
            ] {
                assert_eq!(read(&answer, false), wanted, "{answer}");
            }
            for answer in [format!("{open}\nYes, so"), format!("{open}Yes.{close}")] {
                assert_eq!(read(&answer, true), "", "{answer}");
            }
            let begun = format!("{open}Hm.{close}");
            let answer = format!("{begun}Yes.");
            let found = thoughts(&answer, Thinking::No, false);
            assert_eq!(found, Some((begun.len(), Thinking::Marked)), "{answer}");
            let found = thoughts(&begun[..begun.len() - close.len()], Thinking::Marked, true);
            assert_eq!(found.map(|found| found.1), Some(Thinking::Marked), "{answer}");
        }
    }

    #[test]
    fn marks_around_an_answer_are_removed() {
        for (open, close) in ANSWERS {
            for answer in [
                format!("<think>Hm.</think>{open}\nYes.\n{close}"),
                format!("<|begin_of_thought|>Hm.<|end_of_thought|>\n\n{open}Yes."),
                format!("{open}Yes.{close}\n"),
            ] {
                assert_eq!(read(&answer, false), "Yes.", "{answer}");
            }
        }
        for (open, close) in &ANSWERS[..SURE_ANSWERS] {
            assert_eq!(read(&format!("Hm. R1?\n{open}\nYes.\n{close}\n<|end|>"), false), "Yes.");
        }
    }

    #[test]
    fn the_final_channel_of_an_answer_is_read() {
        let think = "<|channel|>analysis<|message|>R1? No.";
        for (answer, cut, wanted) in [
            (
                format!(
                    "{think}<|end|><|start|>assistant<|channel|>final<|message|>Yes.<|return|>"
                ),
                false,
                "Yes.",
            ),
            (
                format!(
                    "<|start|>assistant{think}<|end|>\n<|start|>assistant<|channel|>final<|message|>Yes."
                ),
                false,
                "Yes.",
            ),
            (
                format!(
                    "{think}<|end|>{think}<|end|><|start|>assistant<|channel|>commentary<|message|>I look.<|end|><|start|>assistant<|channel|>final<|message|>Yes.<|end|>"
                ),
                false,
                "Yes.",
            ),
            (
                "analysis<|message|>R1?<|end|><|start|>assistant<|channel|>final<|message|>Yes."
                    .to_owned(),
                false,
                "Yes.",
            ),
            (
                "We see.<|end|><|start|>assistant<|channel|>final <|constrain|>json<|message|>Yes."
                    .to_owned(),
                false,
                "Yes.",
            ),
            ("<|channel|>final<|message|>Yes.<|return|>".to_owned(), false, "Yes."),
            ("analysisR1? No. It is so.assistantfinalYes.".to_owned(), false, "Yes."),
            (
                "analysis of the text: assistantfinal is no word".to_owned(),
                false,
                "analysis of the text: assistantfinal is no word",
            ),
            (format!("{think}<|end|>Yes."), false, "Yes."),
            (format!("{think}<|end|>"), false, "R1? No."),
            (think.to_owned(), true, ""),
            (
                format!(
                    "{think}<|end|><|start|>assistant<|channel|>commentary to=functions.x <|constrain|>json<|message|>{{}}<|call|>"
                ),
                false,
                "<|start|>assistant<|channel|>commentary to=functions.x <|constrain|>json<|message|>{}<|call|>",
            ),
        ] {
            assert_eq!(read(&answer, cut), wanted, "{answer}");
        }
        let begun = format!("{think}<|end|><|start|>assistant<|channel|>final<|message|>");
        let found = thoughts(&format!("{begun}Yes.<|return|>"), Thinking::No, false);
        assert_eq!(found, Some((begun.len(), Thinking::Marked)));
    }

    #[test]
    fn a_script_that_contains_thinking_marks_is_left_alone() {
        for code in [
            "text = '''\n<think>\nhm\n</think>\n'''\nprint(text)\n",
            "import re\nprint(re.sub(r\"<think>.*?</think>\", \"\", input()))\n",
            "print('a</think>b'.split('</think>')[-1])\n",
            "MARK = \"<|channel|>analysis<|message|>\"\nprint(MARK)\n",
            "FORM = '''\n<|begin_of_solution|>\n'''\nprint(FORM)\n",
        ] {
            for answer in [code.to_owned(), format!("Here:\n```python\n{code}```\nDone.")] {
                assert_eq!(read(&answer, false), answer.trim(), "{answer}");
            }
            let answer = format!("<think>no: <x></think>\n```python\n{code}```");
            assert_eq!(read(&answer, false), format!("```python\n{code}```"));
        }
        let json = r#"{"text": "a\n</think>\nb"}"#;
        assert_eq!(read(json, false), json);
    }
}
