//! Lenient JSON parser: some servers send invalid JSON, and some split a character.

use serde_json::{Error, Value};
use std::fmt::Write as _;

/// Offset between a surrogate and the character that represents it, at the end of the last private
/// use plane, where no text has characters.
const SHIFT: u32 = 0x10_F800 - 0xD800;

/// Parses JSON text. If it is invalid, known mistakes of servers are corrected first: numbers that
/// JSON does not have (such as `-Infinity`) become null, control characters in strings are escaped,
/// and lone surrogates are kept for [`Halves`] to join.
pub(super) fn parse(text: &str) -> Result<Value, Error> {
    serde_json::from_str(text).or_else(|error| match mended(text) {
        Some(mended) => serde_json::from_str(&mended).map_err(|_| error),
        None => Err(error),
    })
}

/// The text with these mistakes corrected; `None` if there are none.
fn mended(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len() + 16);
    let (mut rest, mut changed, mut in_text) = (text, false, false);
    while let Some(c) = rest.chars().next() {
        let mut taken = c.len_utf8();
        match c {
            '"' => {
                in_text = !in_text;
                out.push(c);
            }
            '\\' if in_text => match unit(rest) {
                Some(high @ 0xD800..=0xDBFF) => {
                    taken = 6;
                    if matches!(unit(&rest[6..]), Some(0xDC00..=0xDFFF)) {
                        taken = 12;
                        out.push_str(&rest[..12]);
                    } else {
                        out.extend(char::from_u32(high + SHIFT));
                        changed = true;
                    }
                }
                Some(low @ 0xDC00..=0xDFFF) => {
                    taken = 6;
                    out.extend(char::from_u32(low + SHIFT));
                    changed = true;
                }
                _ => {
                    // An escaped quote does not end the string.
                    taken += rest[1..].chars().next().map_or(0, char::len_utf8);
                    out.push_str(&rest[..taken]);
                }
            },
            c if in_text && c < ' ' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
                changed = true;
            }
            c if !in_text && (c.is_ascii_alphanumeric() || matches!(c, '-' | '+')) => {
                let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '.');
                taken = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
                let word = &rest[..taken];
                if word.parse().is_ok_and(|number: f64| !number.is_finite()) {
                    out.push_str("null");
                    changed = true;
                } else {
                    out.push_str(word);
                }
            }
            c => out.push(c),
        }
        rest = &rest[taken..];
    }
    changed.then_some(out)
}

/// The value of an escape such as `\ud83d` at the start of a text.
fn unit(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    let hex = digits.bytes().all(|b| b.is_ascii_hexdigit());
    u32::from_str_radix(digits, 16).ok().filter(|_| hex)
}

/// Joins surrogate pairs that were split between two chunks of a text.
#[derive(Debug, Default)]
pub(super) struct Halves {
    /// A high surrogate that waits for the low one.
    first: Option<u32>,
}

impl Halves {
    /// The next chunk with complete characters only. An unpaired surrogate becomes the replacement
    /// character.
    pub(super) fn join(&mut self, piece: &str) -> String {
        let mut out = String::with_capacity(piece.len());
        for c in piece.chars() {
            let half = u32::from(c).checked_sub(SHIFT).filter(|n| (0xD800..=0xDFFF).contains(n));
            let first = self.first.take();
            match (first, half) {
                (Some(high), Some(low @ 0xDC00..)) => {
                    let whole = 0x1_0000 + ((high - 0xD800) << 10) + (low - 0xDC00);
                    out.extend(char::from_u32(whole));
                    continue;
                }
                (Some(_), _) => out.push(char::REPLACEMENT_CHARACTER),
                (None, _) => {}
            }
            match half {
                Some(high @ ..0xDC00) => self.first = Some(high),
                Some(_) => out.push(char::REPLACEMENT_CHARACTER),
                None => out.push(c),
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;
    use serde_json::json;

    #[test]
    fn only_known_json_mistakes_of_servers_are_tolerated() {
        for (text, value) in [
            (
                r#"{"a": [NaN, -Infinity, Infinity, 1e999, -inf]}"#,
                Some(json!({"a": [null, null, null, null, null]})),
            ),
            (r#"{"a": NaN, "b": "NaN, \"-Infinity"}"#, {
                Some(json!({"a": null, "b": "NaN, \"-Infinity"}))
            }),
            ("{\"a\": \"x\ty\u{1}\"}", Some(json!({"a": "x\ty\u{1}"}))),
            (r#"{"a": -1.5e3, "b": true, "c": NaN}"#, {
                Some(json!({"a": -1500.0, "b": true, "c": null}))
            }),
            (r#"{"a": "\ud83d\ude00", "b": NaN}"#, Some(json!({"a": "😀", "b": null}))),
            (r#"{"a": "\\ud83d", "b": NaN}"#, Some(json!({"a": "\\ud83d", "b": null}))),
            (r#"{"a": "#, None),
            ("{nonsense}", None),
            ("{'a': 1}", None),
            (r#"{"a": "\u00"#, None),
            (r#"{"a": "\"#, None),
            ("", None),
        ] {
            assert_eq!(parse(text).ok(), value, "{text}");
        }
    }

    #[test]
    fn surrogate_pairs_are_joined_across_chunks() {
        for (pieces, whole) in [
            (&[r"\ud83d", r"\ude00"][..], "😀"),
            (&[r"a\ud83d", r"\ude00b"], "a😀b"),
            (&[r"\uD83D", "", r"\uDE00"], "😀"),
            (&[r"\ud83d", "x"], "\u{fffd}x"),
            (&[r"\ude00x"], "\u{fffd}x"),
            (&[r"\ud83d\ud83d", r"\ude00"], "\u{fffd}😀"),
            (&[r"\ud83d\ude00", "é時"], "😀é時"),
            (&[r"x\ud83d"], "x"),
        ] {
            let mut halves = Halves::default();
            let text: String = pieces
                .iter()
                .map(|piece| {
                    let json = parse(&format!("{{\"t\": \"{piece}\"}}")).unwrap();
                    halves.join(json["t"].as_str().unwrap())
                })
                .collect();
            assert_eq!(text, whole, "{pieces:?}");
        }
    }
}
