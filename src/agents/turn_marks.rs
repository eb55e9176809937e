//! The marks that chat formats put between turns.

use super::text::starts_with;

/// Marks without a common form. Others are recognised by their form: `<|im_end|>`,
/// `<｜end▁of▁sentence｜>`, `<|turn>`, `<turn|>`, `[|endofturn|]`.
const MARKS: [&str; 21] = [
    "</s>",
    "<s>",
    "<bos>",
    "<eos>",
    "<eot>",
    "<eod>",
    "<pad>",
    "<start_of_turn>",
    "<end_of_turn>",
    "<end_of_utterance>",
    "<start_of_role>",
    "<end_of_role>",
    "<extra_id_0>",
    "<extra_id_1>",
    "[INST]",
    "[/INST]",
    "[EOS]",
    "[SYSTEM_PROMPT]",
    "[/SYSTEM_PROMPT]",
    "<<SYS>>",
    "<</SYS>>",
];
/// Maximum length of a mark, in characters.
pub(super) const LONGEST: usize = 60;
/// Names of speakers other than the model, as chat formats write them in their marks.
pub(super) const OTHERS: [&str; 14] = [
    "user",
    "human",
    "system",
    "developer",
    "tool",
    "function",
    "ipython",
    "environment",
    "observation",
    "prompter",
    "tool_response",
    "tool_output",
    "inst",
    "extra_id_1",
];
/// Names of the model.
pub(super) const OWN: [&str; 6] = ["assistant", "model", "bot", "chatbot", "gpt", "ai"];

/// The speaker after a mark.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Speaker {
    Own,
    Other,
    Unsaid,
}

/// Whether a text starts with a mark.
pub(super) fn is_mark(text: &str) -> bool {
    mark_length(text).is_some()
}

/// The length of the mark at the start of a text.
pub(super) fn mark_length(text: &str) -> Option<usize> {
    if !text.starts_with(['<', '[']) {
        return None;
    }
    mark(text).map(|(length, _)| length)
}

/// The mark at the start of a text: its length, including the name after it, and the next speaker.
pub(super) fn mark(text: &str) -> Option<(usize, Speaker)> {
    let (length, name) = of_form(text).or_else(|| {
        let mark = MARKS.iter().find(|mark| starts_with(text, mark))?;
        Some((mark.len(), mark.trim_matches(['<', '>', '[', ']'])))
    })?;
    let name = name.to_ascii_lowercase();
    let name = name.strip_suffix("_token").unwrap_or(&name);
    if OTHERS.contains(&name) {
        return Some((length, Speaker::Other));
    }
    if !(name.contains("start") || name == "turn") {
        let speaker = if OWN.contains(&name) { Speaker::Own } else { Speaker::Unsaid };
        return Some((length, speaker));
    }
    // `<|im_start|>user`, `<|start_header_id|>user<|end_header_id|>`
    let rest = &text[length..];
    let word = rest.bytes().take_while(|b| b.is_ascii_alphabetic() || *b == b'_').count();
    let role = rest[..word].to_ascii_lowercase();
    Some(if OTHERS.contains(&role.as_str()) {
        (length + word, Speaker::Other)
    } else if OWN.contains(&role.as_str()) {
        (length + word, Speaker::Own)
    } else {
        (length, Speaker::Unsaid)
    })
}

/// A mark recognised by its form, and the name in it.
fn of_form(text: &str) -> Option<(usize, &str)> {
    let (open, close) = if text.starts_with('<') { ('<', '>') } else { ('[', ']') };
    let rest = text.strip_prefix(open)?;
    let (end, _) = rest.char_indices().take(LONGEST).find(|(_, c)| *c == close || *c == '\n')?;
    let inner = rest[..end].strip_suffix(['|', '｜']);
    let name = inner.unwrap_or(&rest[..end]);
    let (name, barred) = name.strip_prefix(['|', '｜']).map_or((name, false), |name| (name, true));
    let bars = if open == '<' { barred || inner.is_some() } else { barred && inner.is_some() };
    let plain = |c: char| c.is_alphanumeric() || "_▁-/".contains(c);
    let is_mark = bars
        && rest[end..].starts_with(close)
        && !name.is_empty()
        && name.chars().all(plain)
        && name.contains(char::is_alphabetic);
    is_mark.then_some((1 + end + close.len_utf8(), name))
}
