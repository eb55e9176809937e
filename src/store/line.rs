//! A line of the journal: an event with its number and time, as
//! `{"seq":1,"at":"..","event":"..",..}`.

use super::seal::Seal;
use crate::domain::event::Event;
use chrono::{SecondsFormat, Utc};
use serde::Deserialize;
use serde::de::value::EnumAccessDeserializer;
use serde::de::{
    DeserializeSeed, EnumAccess, Error as _, IntoDeserializer, VariantAccess, Visitor,
};
use serde_json::Error;
use std::borrow::Cow;

/// A line of the journal.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The line's number, without gaps.
    pub seq: u64,
    /// The time in UTC, in RFC 3339 format.
    pub at: String,
    /// The event.
    pub event: Event,
    /// Whether this user recorded it.
    pub seal: Seal,
}

impl Entry {
    /// An entry with the current time, recorded by this user.
    pub(super) fn now(seq: u64, event: Event) -> Self {
        let at = Utc::now().to_rfc3339_opts(SecondsFormat::Secs, true);
        Self { seq, at, event, seal: Seal::Ours }
    }

    /// The entry as a line of the journal, including the line feed.
    #[must_use]
    pub fn line(&self) -> String {
        // Plain data with string keys always serialises, an event as `{"its_name":{..}}`.
        let event = serde_json::to_string(&self.event).unwrap_or_default();
        let (name, fields) = event.split_once("\":{").unwrap_or_default();
        let at = serde_json::Value::from(self.at.as_str());
        let (seq, name) = (self.seq, name.trim_start_matches("{\""));
        let comma = if fields.starts_with('}') { "" } else { "," };
        let fields = fields.strip_suffix('}').unwrap_or_default();
        format!("{{\"seq\":{seq},\"at\":{at},\"event\":\"{name}\"{comma}{fields}\n")
    }

    /// Parses a complete line.
    ///
    /// # Errors
    /// What is wrong with it, and at which character.
    pub fn parse(line: &[u8]) -> Result<Self, Error> {
        let head = Head::of(line)?;
        let event = head.event(line)?;
        let seal = Seal::of(line, head.seq == 1);
        Ok(Self { seq: head.seq, at: head.at.into_owned(), event, seal })
    }
}

/// The fields that every line starts with.
#[derive(Debug, Deserialize)]
pub struct Head<'a> {
    /// The line's number.
    pub seq: u64,
    /// The time in UTC.
    #[serde(borrow)]
    pub at: Cow<'a, str>,
    /// The event's name.
    #[serde(borrow)]
    pub event: Cow<'a, str>,
}

impl<'a> Head<'a> {
    /// Parses the head of a line. Our own lines have it at the start, so that they are not parsed
    /// twice; it is also found elsewhere in the line.
    pub(super) fn of(line: &'a [u8]) -> Result<Self, Error> {
        match Self::in_front(line) {
            Some(head) => Ok(head),
            None => serde_json::from_slice(line),
        }
    }

    /// The head of a line that starts as [`Entry::line`] writes it.
    fn in_front(line: &'a [u8]) -> Option<Self> {
        fn plain(text: &[u8]) -> Option<(Cow<'_, str>, &[u8])> {
            let end = text.iter().position(|b| *b == b'"' || *b == b'\\')?;
            let (word, rest) = text.split_at(end);
            Some((Cow::Borrowed(std::str::from_utf8(word).ok()?), rest.strip_prefix(b"\"")?))
        }
        let rest = line.strip_prefix(b"{\"seq\":")?;
        let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
        let seq = std::str::from_utf8(&rest[..digits]).ok()?.parse().ok()?;
        let (at, rest) = plain(rest[digits..].strip_prefix(b",\"at\":\"")?)?;
        let (event, rest) = plain(rest.strip_prefix(b",\"event\":\"")?)?;
        matches!(rest.first(), Some(b',' | b'}')).then_some(Self { seq, at, event })
    }

    /// Parses the event of this head from the line.
    pub(super) fn event(&self, line: &[u8]) -> Result<Event, Error> {
        Event::deserialize(EnumAccessDeserializer::new(Named { name: &self.event, line }))
    }
}

/// An event whose name is known before its fields are parsed. An internally tagged enum would have
/// to be buffered in memory until its tag is found, and every command reads a journal.
struct Named<'a, 'de> {
    name: &'a str,
    line: &'de [u8],
}

impl<'de> EnumAccess<'de> for Named<'_, 'de> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Error> {
        Ok((seed.deserialize(self.name.into_deserializer())?, self))
    }
}

impl<'de> VariantAccess<'de> for Named<'_, 'de> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        Err(Error::custom("an event has fields"))
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        let mut line = serde_json::Deserializer::from_slice(self.line);
        let fields = seed.deserialize(&mut line)?;
        line.end()?;
        Ok(fields)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, _: V) -> Result<V::Value, Error> {
        Err(Error::custom("an event's fields have names"))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        names: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let mut line = serde_json::Deserializer::from_slice(self.line);
        let fields = serde::Deserializer::deserialize_struct(&mut line, "", names, visitor)?;
        line.end()?;
        Ok(fields)
    }
}
