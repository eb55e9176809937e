//! Removes quotations of the prompt from servers' errors: errors are shown and stored, and prompts
//! contain the user's text.

use redraft_domain::chat::Message;
use std::collections::HashSet;

/// Minimum length of a quotation, in bytes of consecutive letters and digits.
const RUN: usize = 20;

/// Minimum length of a message that is searched as a whole because it is shorter than `RUN`.
const SHORTEST: usize = 5;

/// The text without its quotations of the messages.
pub(super) fn without_quotes(text: &str, messages: &[Message]) -> String {
    let (letters, places) = letters(text);
    let mut quoted = vec![false; letters.len()];
    let mut mark = |from: usize, length: usize| quoted[from..from + length].fill(true);
    for message in messages {
        let (prompt, _) = self::letters(&message.content);
        let size = prompt.len().min(RUN);
        if size < SHORTEST || size > letters.len() {
            continue;
        }
        let runs: HashSet<&[u8]> = letters.windows(size).collect();
        let known: HashSet<&[u8]> = prompt.windows(size).filter(|run| runs.contains(run)).collect();
        for (at, run) in letters.windows(size).enumerate() {
            if known.contains(run) {
                mark(at, size);
            }
        }
    }
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    let mut at = 0;
    while at < quoted.len() {
        if !quoted[at] {
            at += 1;
            continue;
        }
        let end = (at..quoted.len()).find(|n| !quoted[*n]).unwrap_or(quoted.len());
        out.push_str(&text[from..places[at].0]);
        out.push('…');
        from = places[end - 1].1;
        at = end;
    }
    out.push_str(&text[from..]);
    out
}

/// The letters and digits of a text in lower case, as UTF-8 bytes, each with the range of its
/// character in the text. Punctuation and escapes of JSON and Python are skipped, so that the
/// server's quoting does not matter.
fn letters(text: &str) -> (Vec<u8>, Vec<(usize, usize)>) {
    let (mut bytes, mut places) = (Vec::with_capacity(text.len()), Vec::new());
    let mut from = 0;
    while let Some(c) = text[from..].chars().next() {
        let (c, length) = match escaped(&text[from..]) {
            Some((c, length)) => (c, length),
            None => (Some(c), c.len_utf8()),
        };
        if let Some(c) = c.filter(|c| c.is_alphanumeric()) {
            let mut buffer = [0; 4];
            for small in c.to_lowercase() {
                let small = small.encode_utf8(&mut buffer).as_bytes();
                bytes.extend_from_slice(small);
                places.extend(small.iter().map(|_| (from, from + length)));
            }
        }
        from += length;
    }
    (bytes, places)
}

/// Decodes an escape at the start of a text: its character, if it has a code, and its length.
fn escaped(text: &str) -> Option<(Option<char>, usize)> {
    let rest = text.strip_prefix('\\')?;
    let kind = rest.chars().next()?;
    let digits = match kind {
        'u' => 4,
        'x' => 2,
        _ => return Some((None, 1 + kind.len_utf8())),
    };
    let code = rest.get(1..=digits).and_then(|hex| u32::from_str_radix(hex, 16).ok());
    match code {
        Some(code) => Some((char::from_u32(code), 2 + digits)),
        None => Some((None, 2)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_of_the_prompt_are_redacted_in_any_notation() {
        let messages = [
            Message::system("You are the Coder. You write one complete Python 3 script.\nRules:"),
            Message::user(
                "Plan:\nshow the time of 時計の針 on an \"analog clock\" face\nR1: Größe",
            ),
            Message::user("a clock"),
        ];
        for (said, left) in [
            ("unsupported: 'temperature'", "unsupported: 'temperature'"),
            ("model 'm' not found", "model 'm' not found"),
            ("bad input: A CLOCK!", "bad input: …!"),
            (
                "bad: You are the Coder. You write one complete Python 3 script.\\nRules: x",
                "bad: …: x",
            ),
            (
                r#"{"content": "Plan:\nshow the time of \u6642\u8a08\u306e\u91dd on an \"analog clock\" face\nR1"}"#,
                r#"{"content": "…"}"#,
            ),
            ("'input': 'Plan:\\x0ashow the time of 時計の針 on an…'}", "'input': '……'}"),
            ("the plan is too long", "the plan is too long"),
            ("", ""),
        ] {
            assert_eq!(without_quotes(said, &messages), left, "{said}");
        }
    }

    #[test]
    fn redaction_cuts_between_characters() {
        let messages = [Message::user("ÀÉÎÕÜ 時計の針が動く İstanbul ẞ und so weiter")];
        for from in 0..12 {
            let text = format!("{}xÀÉÎÕÜ 時計の針が動く İSTANBUL ẞ UND \\", "é".repeat(from));
            let left = without_quotes(&text, &messages);
            assert!(left.starts_with(&"é".repeat(from)) && !left.contains('時'), "{left}");
        }
    }
}
