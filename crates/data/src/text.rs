//! Decodes text in any encoding; describes texts that are not tables.

use super::table::Rows;
use super::{Look, plural};
use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

/// Number of lines of a text that are shown.
const SHOWN: usize = 5;
/// Number of bytes that are used to guess an old encoding.
const GUESSED: usize = 256 * 1024;

/// The beginning of a file, as text.
pub(super) struct Text {
    pub(super) content: String,
    /// Python's name of the encoding, if it is not plain UTF-8.
    pub(super) encoding: Option<String>,
    /// It is the whole file.
    pub(super) whole: bool,
    /// Number of the file's bytes that were decoded.
    pub(super) bytes: u64,
}

impl Text {
    /// The number of rows in the whole file, extrapolated from the rows in this part.
    pub(super) fn rows(&self, seen: u64, bytes: u64) -> Rows {
        if self.whole {
            return Rows::Exactly(seen);
        }
        let all = u128::from(seen) * u128::from(bytes) / u128::from(self.bytes.max(1));
        Rows::About(u64::try_from(all).unwrap_or(u64::MAX))
    }

    /// The encoding, which a script needs to read the file.
    pub(super) fn fact(&self) -> Option<String> {
        self.encoding.as_ref().map(|name| format!("encoding \"{name}\""))
    }
}

/// The bytes as text; `None` if they are not text.
pub(super) fn decode(bytes: &[u8], whole: bool) -> Option<Text> {
    let made = |content: String, encoding: Option<&str>| {
        let encoding = encoding.map(str::to_owned);
        let text = Text { content, encoding, whole, bytes: bytes.len() as u64 };
        is_text(&text.content).then_some(text)
    };
    if let Some((encoding, length)) = Encoding::for_bom(bytes) {
        let name = if encoding == UTF_8 { "utf-8-sig" } else { "utf-16" };
        let (content, _) = encoding.decode_without_bom_handling(&bytes[length..]);
        return made(content.into_owned(), Some(name));
    }
    let utf8 = match std::str::from_utf8(bytes) {
        Ok(text) => Some(text),
        // The part that was read can end within a character.
        Err(e) if !whole && e.error_len().is_none() => {
            std::str::from_utf8(&bytes[..e.valid_up_to()]).ok()
        }
        Err(_) => None,
    };
    if let Some(wide) = wide(bytes) {
        let (content, _) = wide.decode_without_bom_handling(bytes);
        return made(content.into_owned(), Some(&wide.name().to_ascii_lowercase()));
    }
    if let Some(text) = utf8 {
        return made(text.to_owned(), None);
    }
    if bytes.contains(&0) {
        return None;
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
    detector.feed(&bytes[..bytes.len().min(GUESSED)], true);
    let encoding = detector.guess(None, Utf8Detection::Deny);
    let (content, _) = encoding.decode_without_bom_handling(bytes);
    made(content.into_owned(), Some(&encoding.name().to_ascii_lowercase()))
}

/// Detects UTF-16 without a byte order mark by its zero bytes.
fn wide(bytes: &[u8]) -> Option<&'static Encoding> {
    let part = &bytes[..bytes.len().min(4096) & !1];
    if part.len() < 4 {
        return None;
    }
    let zeros = |from: usize| part.iter().skip(from).step_by(2).filter(|b| **b == 0).count();
    let (even, odd) = (zeros(0), zeros(1));
    let most = part.len() / 2 * 4 / 10;
    match (even > most, odd > most) {
        (false, true) if even == 0 => Some(UTF_16LE),
        (true, false) if odd == 0 => Some(UTF_16BE),
        _ => None,
    }
}

/// Whether there are almost no control characters, except those that some formats use as
/// separators.
fn is_text(text: &str) -> bool {
    let plain = |c: char| matches!(c, '\t' | '\n' | '\r' | '\u{c}' | '\u{1}' | '\u{1c}'..='\u{1f}');
    let wrong = |c: &char| *c == '\0' || *c == '\u{fffd}' || (c.is_control() && !plain(*c));
    let part = || text.chars().take(64 * 1024);
    let (all, wrong) = (part().count(), part().filter(wrong).count());
    !text.contains('\0') && (wrong * 100 <= all || wrong < 4)
}

/// Describes a text that is not a table.
pub(super) fn read(text: &Text, bytes: u64) -> Look {
    let lines = text.content.lines().count() as u64;
    let mut look = Look::new("text");
    look.facts.extend(text.rows(lines, bytes).words("line", "lines"));
    look.facts.extend(text.fact());
    let shown = text.content.lines().filter(|line| !line.trim().is_empty()).take(SHOWN);
    look.lines = shown.map(str::to_owned).collect();
    let longest = text.content.lines().map(str::len).max().unwrap_or(0);
    if longest > 10_000 {
        look.facts
            .push(format!("the longest line has {}", plural(longest as u64, "byte", "bytes")));
    }
    look
}
