//! A JSON parser that accepts what Python's `json` does: NaN and Infinity are numbers, integers
//! have any length, and the order of keys is kept. serde's parser supports none of these.
//!
//! If a document ends too early, the parsed part is kept, because only the beginning of a large
//! file is read.

use std::collections::HashSet;
use std::fmt::{self, Write as _};

/// Maximum number of items of a list that are kept; further ones are counted.
const KEPT: usize = 20_000;
/// Maximum number of keys that first occur after those items and are remembered.
const LATER: usize = 20;
/// Maximum nesting depth.
const DEEPEST: usize = 127;

/// A value.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Json {
    #[default]
    Null,
    Bool(bool),
    Integer(i64),
    Float(f64),
    /// An integer that does not fit into 64 bits.
    Long(Box<str>),
    /// `NaN`, `Infinity`, `-Infinity`
    NotFinite(&'static str),
    Text(String),
    List(Items),
    Object(Vec<(String, Json)>),
}

/// Items of a list, or of JSON lines.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Items {
    /// The first items.
    pub(super) kept: Vec<Json>,
    /// Number of all items.
    pub(super) seen: u64,
    later: Option<Box<Later>>,
}

/// Keys of objects after the kept items.
#[derive(Clone, Debug, Default, PartialEq)]
struct Later {
    known: HashSet<String>,
    found: Vec<(String, u64)>,
}

impl Items {
    pub(super) fn push(&mut self, item: Json) {
        self.seen += 1;
        if self.kept.len() < KEPT {
            self.kept.push(item);
            return;
        }
        let keys = |item: &Json| match item {
            Json::Object(fields) => fields.iter().map(|(key, _)| key.clone()).collect(),
            _ => Vec::new(),
        };
        let kept = &self.kept;
        let later = self.later.get_or_insert_with(|| {
            Box::new(Later { known: kept.iter().flat_map(keys).collect(), found: Vec::new() })
        });
        for key in keys(&item) {
            if later.found.len() < LATER && later.known.insert(key.clone()) {
                later.found.push((key, self.seen));
            }
        }
    }

    /// Keys that no kept item has, each with the number of the first item that has it.
    pub(super) fn later(&self) -> &[(String, u64)] {
        self.later.as_deref().map_or(&[], |later| &later.found)
    }
}

/// Why a text is not valid JSON.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It ends too early.
    End,
    /// It is nested too deeply.
    Deep,
    /// Error message with position.
    At(String),
}

/// The parser's state.
pub(super) struct Reader<'a> {
    text: &'a str,
    at: usize,
    /// The NaN and infinite numbers that were seen.
    pub(super) not_finite: Vec<&'static str>,
    /// The first duplicate key of an object that was seen.
    pub(super) twice: Option<String>,
}

impl<'a> Reader<'a> {
    pub(super) const fn new(text: &'a str) -> Self {
        Self { text, at: 0, not_finite: Vec::new(), twice: None }
    }

    /// Parses a whole document; the part before an error stays in `into`.
    pub(super) fn document(&mut self, into: &mut Json) -> Result<(), Fault> {
        self.value(into, 0)?;
        self.blanks();
        if self.at < self.text.len() { Err(self.wrong("more behind its end")) } else { Ok(()) }
    }

    fn wrong(&self, what: &str) -> Fault {
        let before = &self.text.as_bytes()[..self.at.min(self.text.len())];
        let line = before.split(|b| *b == b'\n').count();
        let column = before.iter().rev().take_while(|b| **b != b'\n').count() + 1;
        Fault::At(format!("{what} at line {line} column {column}"))
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blanks(&mut self) {
        while self.peek().is_some_and(|b| matches!(b, b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    /// The next byte that is not a blank.
    fn next(&mut self) -> Result<u8, Fault> {
        self.blanks();
        self.peek().ok_or(Fault::End)
    }

    fn value(&mut self, into: &mut Json, depth: usize) -> Result<(), Fault> {
        if depth > DEEPEST {
            return Err(Fault::Deep);
        }
        match self.next()? {
            b'[' => return self.list(into, depth),
            b'{' => return self.object(into, depth),
            b'"' => *into = Json::Text(self.string()?),
            b'-' | b'0'..=b'9' => *into = self.number()?,
            _ => *into = self.word()?,
        }
        Ok(())
    }

    fn list(&mut self, into: &mut Json, depth: usize) -> Result<(), Fault> {
        *into = Json::List(Items::default());
        let Json::List(items) = into else { return Ok(()) };
        self.at += 1;
        if self.next()? == b']' {
            self.at += 1;
            return Ok(());
        }
        loop {
            let mut item = Json::Null;
            self.value(&mut item, depth + 1)?;
            items.push(item);
            match self.next()? {
                b',' => self.at += 1,
                b']' => {
                    self.at += 1;
                    return Ok(());
                }
                _ => return Err(self.wrong("neither a comma nor the list's end")),
            }
            if self.next()? == b']' {
                return Err(self.wrong("trailing comma"));
            }
        }
    }

    fn object(&mut self, into: &mut Json, depth: usize) -> Result<(), Fault> {
        *into = Json::Object(Vec::new());
        let Json::Object(fields) = into else { return Ok(()) };
        self.at += 1;
        if self.next()? == b'}' {
            self.at += 1;
            return Ok(());
        }
        loop {
            match self.next()? {
                b'"' => {}
                b'}' => return Err(self.wrong("trailing comma")),
                _ => return Err(self.wrong("no key in quotes")),
            }
            let key = self.string()?;
            if self.next()? != b':' {
                return Err(self.wrong("no colon behind a key"));
            }
            self.at += 1;
            let mut value = Json::Null;
            let read = self.value(&mut value, depth + 1);
            // The beginning of a list that is cut off is still useful.
            if read.is_ok() || matches!(value, Json::List(_) | Json::Object(_)) {
                fields.push((key, value));
            }
            read?;
            match self.next()? {
                b',' => self.at += 1,
                b'}' => {
                    self.at += 1;
                    if self.twice.is_none() {
                        let mut seen = HashSet::new();
                        let twice = fields.iter().find(|(key, _)| !seen.insert(key.as_str()));
                        self.twice = twice.map(|(key, _)| key.clone());
                    }
                    return Ok(());
                }
                _ => return Err(self.wrong("neither a comma nor the object's end")),
            }
        }
    }

    fn word(&mut self) -> Result<Json, Fault> {
        let rest = &self.text[self.at..];
        for (word, value) in [
            ("null", Json::Null),
            ("true", Json::Bool(true)),
            ("false", Json::Bool(false)),
            ("NaN", Json::NotFinite("NaN")),
            ("Infinity", Json::NotFinite("Infinity")),
        ] {
            if rest.starts_with(word) {
                self.at += word.len();
                self.note(&value);
                return Ok(value);
            }
            if word.starts_with(rest) {
                return Err(Fault::End);
            }
        }
        Err(self.wrong("no value"))
    }

    fn note(&mut self, value: &Json) {
        if let Json::NotFinite(name) = value
            && !self.not_finite.contains(name)
        {
            self.not_finite.push(name);
        }
    }

    fn digits(&mut self) -> usize {
        let from = self.at;
        while self.peek().is_some_and(|b| b.is_ascii_digit()) {
            self.at += 1;
        }
        self.at - from
    }

    fn number(&mut self) -> Result<Json, Fault> {
        let from = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
            let (word, rest) = ("Infinity", &self.text[self.at..]);
            if rest.starts_with(word) {
                self.at += word.len();
                self.note(&Json::NotFinite("-Infinity"));
                return Ok(Json::NotFinite("-Infinity"));
            }
            if word.starts_with(rest) {
                return Err(Fault::End);
            }
        }
        let whole = self.at;
        if self.digits() == 0 {
            return Err(if self.peek().is_none() { Fault::End } else { self.wrong("no number") });
        }
        if self.at - whole > 1 && self.text.as_bytes()[whole] == b'0' {
            return Err(self.wrong("a number with leading zeros"));
        }
        let mut is_whole = true;
        for begin in [&b"."[..], b"eE"] {
            if !self.peek().is_some_and(|b| begin.contains(&b)) {
                continue;
            }
            is_whole = false;
            self.at += 1;
            if begin == b"eE" && self.peek().is_some_and(|b| matches!(b, b'+' | b'-')) {
                self.at += 1;
            }
            if self.digits() == 0 {
                return Err(if self.peek().is_none() {
                    Fault::End
                } else {
                    self.wrong("no number")
                });
            }
        }
        let text = &self.text[from..self.at];
        Ok(match text.parse() {
            Ok(number) if is_whole => Json::Integer(number),
            _ if is_whole => Json::Long(text.into()),
            _ => Json::Float(text.parse().unwrap_or(f64::INFINITY)),
        })
    }

    fn string(&mut self) -> Result<String, Fault> {
        self.at += 1;
        let mut out = String::new();
        loop {
            let rest = &self.text[self.at..];
            let plain = rest.find(|c: char| c == '"' || c == '\\' || c < ' ').ok_or(Fault::End)?;
            out.push_str(&rest[..plain]);
            self.at += plain;
            match rest.as_bytes()[plain] {
                b'"' => {
                    self.at += 1;
                    return Ok(out);
                }
                b'\\' => self.escape(&mut out)?,
                _ => return Err(self.wrong("a control character in a text")),
            }
        }
    }

    fn escape(&mut self, out: &mut String) -> Result<(), Fault> {
        self.at += 1;
        let what = self.peek().ok_or(Fault::End)?;
        out.push(match what {
            b'"' | b'\\' | b'/' => char::from(what),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let first = self.unit(self.at + 1)?;
                self.at += 4;
                let pair = (0xd800..0xdc00).contains(&first)
                    && self.text.as_bytes().get(self.at + 1..self.at + 3) == Some(b"\\u");
                let second = if pair { self.unit(self.at + 3)? } else { 0 };
                let c = if (0xdc00..0xe000).contains(&second) {
                    self.at += 6;
                    char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00))
                } else {
                    char::from_u32(first)
                };
                // A lone surrogate: valid in Python, but it can't be shown.
                c.unwrap_or('\u{fffd}')
            }
            _ => return Err(self.wrong("no escape")),
        });
        self.at += 1;
        Ok(())
    }

    /// Parses four hexadecimal digits.
    fn unit(&self, at: usize) -> Result<u32, Fault> {
        let digits = self.text.as_bytes().get(at..at + 4).ok_or(Fault::End)?;
        let text = std::str::from_utf8(digits).unwrap_or_default();
        let all = digits.iter().all(u8::is_ascii_hexdigit);
        u32::from_str_radix(text, 16).ok().filter(|_| all).ok_or_else(|| self.wrong("no escape"))
    }
}

/// Formats compact JSON, like Python's `json`.
impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(is) => write!(f, "{is}"),
            Self::Integer(number) => write!(f, "{number}"),
            Self::Float(number) => write!(f, "{number:?}"),
            Self::Long(digits) => f.write_str(digits),
            Self::NotFinite(name) => f.write_str(name),
            Self::Text(text) => quoted(f, text),
            Self::List(items) => {
                f.write_char('[')?;
                for (n, item) in items.kept.iter().enumerate() {
                    let comma = if n == 0 { "" } else { "," };
                    write!(f, "{comma}{item}")?;
                }
                f.write_char(']')
            }
            Self::Object(fields) => {
                f.write_char('{')?;
                for (n, (key, value)) in fields.iter().enumerate() {
                    f.write_str(if n == 0 { "" } else { "," })?;
                    quoted(f, key)?;
                    write!(f, ":{value}")?;
                }
                f.write_char('}')
            }
        }
    }
}

fn quoted(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_char('"')?;
    for c in text.chars() {
        match c {
            '"' | '\\' => write!(f, "\\{c}")?,
            '\n' => f.write_str("\\n")?,
            c if c < ' ' => write!(f, "\\u{:04x}", u32::from(c))?,
            c => f.write_char(c)?,
        }
    }
    f.write_char('"')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at what it did not expect")]
    use super::*;

    fn read(text: &str) -> (String, Result<(), Fault>) {
        let mut json = Json::Null;
        let read = Reader::new(text).document(&mut json);
        (json.to_string(), read)
    }

    #[test]
    fn json_that_python_accepts_is_read_with_keys_in_order() {
        for (text, shown) in [
            (r#" {"b": 1, "a": [true, null]} "#, r#"{"b":1,"a":[true,null]}"#),
            ("[NaN, Infinity, -Infinity]", "[NaN,Infinity,-Infinity]"),
            ("[12345678901234567890, -1, 0]", "[12345678901234567890,-1,0]"),
            ("[1.50, 1e3, -0.0, 1E+2, 1e999]", "[1.5,1000.0,-0.0,100.0,inf]"),
            (r#"["\u00e9\ud83d\ude00\n\"\/", "\ud800"]"#, "[\"é\u{1f600}\\n\\\"/\",\"\u{fffd}\"]"),
            ("{}", "{}"),
            ("\"x\"", "\"x\""),
        ] {
            assert_eq!(read(text), (shown.to_owned(), Ok(())), "{text}");
        }
    }

    #[test]
    fn a_json_error_has_its_place_and_the_values_before_it_stay() {
        let wrong = |text: &str| Err(Fault::At(text.to_owned()));
        for (text, shown, problem) in [
            ("{\"a\": 1,}", "{\"a\":1}", wrong("trailing comma at line 1 column 9")),
            ("[1,\n]", "[1]", wrong("trailing comma at line 2 column 1")),
            ("{a: 1}", "{}", wrong("no key in quotes at line 1 column 2")),
            ("['a']", "[]", wrong("no value at line 1 column 2")),
            ("[01]", "[]", wrong("a number with leading zeros at line 1 column 4")),
            ("[1 2]", "[1]", wrong("neither a comma nor the list's end at line 1 column 4")),
            ("[\"a\nb\"]", "[]", wrong("a control character in a text at line 1 column 4")),
            ("[\"\\x\"]", "[]", wrong("no escape at line 1 column 4")),
            ("1 2", "1", wrong("more behind its end at line 1 column 3")),
            ("[1, 2", "[1,2]", Err(Fault::End)),
            ("[1, {\"a\": 2", "[1]", Err(Fault::End)),
            ("{\"a\": 1, \"b\": [1, 2, tr", "{\"a\":1,\"b\":[1,2]}", Err(Fault::End)),
            ("{\"a\": \"x", "{}", Err(Fault::End)),
            ("", "null", Err(Fault::End)),
        ] {
            assert_eq!(read(text), (shown.to_owned(), problem), "{text}");
        }
        assert_eq!(read(&"[".repeat(100_000)).1, Err(Fault::Deep));
        let whole = r#"{"a": [1, -2.5e3, NaN, "\u00e9\n", {"b": null}], "c": -Infinity}"#;
        for at in (0..whole.len()).filter(|at| whole.is_char_boundary(*at)) {
            assert_eq!(read(&whole[..at]).1, Err(Fault::End), "{}", &whole[..at]);
        }
    }

    #[test]
    fn a_key_that_first_appears_after_the_kept_items_is_recorded() {
        let mut items = Items::default();
        let object = |key: &str| Json::Object(vec![(key.to_owned(), Json::Integer(1))]);
        for n in 0..KEPT + 10 {
            items.push(object(if n == KEPT + 4 { "late" } else { "a" }));
        }
        assert_eq!((items.kept.len(), items.seen), (KEPT, KEPT as u64 + 10));
        assert_eq!(items.later(), [("late".to_owned(), KEPT as u64 + 5)]);
    }
}
