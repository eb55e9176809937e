//! Parsers of single configuration values that check their ranges, so that an error has a position.

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Unexpected, Visitor,
};
use std::collections::BTreeSet;
use std::fmt;
use std::marker::PhantomData;

/// Minimum similarity of a typing error.
const ALIKE: f64 = 0.7;

/// The message of a YAML error, with line and column at its end.
pub(super) fn describe(error: &serde_yaml::Error) -> String {
    let message = with_nearest(&error.to_string());
    match error.location() {
        Some(place) if !message.contains(" at line ") => {
            format!("{message} at line {} column {}", place.line(), place.column())
        }
        _ => message,
    }
}

/// The message with a suggestion, if one of the expected names is similar.
fn with_nearest(message: &str) -> String {
    let quoted = |text: &'_ str| text.split('`').nth(1).map(str::to_owned);
    let of_names = |text: &&str| text.starts_with("field `") || text.starts_with("variant `");
    let Some((before, expected)) = message.split_once(", expected ") else {
        return message.to_owned();
    };
    let asked =
        before.rsplit_once("unknown ").map(|(_, what)| what).filter(of_names).and_then(quoted);
    let known: Vec<&str> = expected.split('`').skip(1).step_by(2).collect();
    match asked.and_then(|asked| nearest(&asked, &known)) {
        Some(near) => format!("{before} (is `{near}` meant?), expected {expected}"),
        None => message.to_owned(),
    }
}

/// The most similar name, if it is similar enough to be a typing error.
#[must_use]
pub fn nearest<'n>(asked: &str, names: &[&'n str]) -> Option<&'n str> {
    let alike = names.iter().map(|name| (strsim::jaro_winkler(asked, name), *name));
    let (score, name) = alike.max_by(|(a, _), (b, _)| a.total_cmp(b))?;
    (score >= ALIKE).then_some(name)
}

/// A section whose key has no value, for example because all its lines are commented out, is empty.
pub fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

/// Any YAML in which each key is unique. The YAML library itself silently keeps the last duplicate,
/// or reports the start of the map instead of the line of the second key.
pub(super) struct Unique;

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for Unique {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("plain YAML")
    }

    fn visit_unit<E: Error>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_none<E: Error>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self, A::Error> {
        while list.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self, A::Error> {
        let mut known = BTreeSet::new();
        while let Some(key) = map.next_key_seed(NewKey(&known))? {
            known.insert(key);
            map.next_value::<Self>()?;
        }
        Ok(self)
    }
}

/// Rejects a duplicate key while the parser is at its position, so that the error has its line.
struct NewKey<'a>(&'a BTreeSet<String>);

impl<'de> DeserializeSeed<'de> for NewKey<'_> {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for NewKey<'_> {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<String, E> {
        if self.0.contains(key) {
            return Err(E::custom(format_args!("duplicate key `{key}`")));
        }
        Ok(key.to_owned())
    }
}

/// A whole number.
pub fn count<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: TryFrom<u64>,
{
    whole(deserializer, 0)
}

/// A whole number that is not 0.
pub fn positive<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: TryFrom<u64>,
{
    whole(deserializer, 1)
}

fn whole<'de, D, T>(deserializer: D, least: u64) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: TryFrom<u64>,
{
    struct Whole<T>(u64, PhantomData<T>);

    impl<T: TryFrom<u64>> Visitor<'_> for Whole<T> {
        type Value = Option<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "a whole number of at least {}", self.0)
        }

        fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
            let fits = T::try_from(number).ok().filter(|_| number >= self.0);
            fits.map(Some).ok_or_else(|| E::invalid_value(Unexpected::Unsigned(number), &self))
        }
    }

    deserializer.deserialize_any(Whole(least, PhantomData))
}

/// A sampling temperature, from 0 to 2.
pub fn temperature<'de, D: Deserializer<'de>>(d: D) -> Result<Option<f64>, D::Error> {
    within(d, 0.0, 2.0)
}

/// A fraction, from 0 to 1.
pub fn share<'de, D: Deserializer<'de>>(d: D) -> Result<Option<f64>, D::Error> {
    within(d, 0.0, 1.0)
}

/// A repetition penalty, from 0.1 to 10.
pub fn penalty<'de, D: Deserializer<'de>>(d: D) -> Result<Option<f64>, D::Error> {
    within(d, 0.1, 10.0)
}

/// A time in seconds, at most a day.
pub fn seconds<'de, D: Deserializer<'de>>(d: D) -> Result<Option<f64>, D::Error> {
    within(d, 0.001, 86_400.0)
}

/// An optional amount of money, in US dollars.
pub fn budget<'de, D: Deserializer<'de>>(d: D) -> Result<Option<f64>, D::Error> {
    within(d, 0.0, 1e9)
}

/// An amount of money, in US dollars.
pub fn dollars<'de, D: Deserializer<'de>>(d: D) -> Result<f64, D::Error> {
    within(d, 0.0, 1e9)?.ok_or_else(|| D::Error::custom("must be a number"))
}

fn within<'de, D>(deserializer: D, least: f64, most: f64) -> Result<Option<f64>, D::Error>
where
    D: Deserializer<'de>,
{
    struct Within(f64, f64);

    impl Visitor<'_> for Within {
        type Value = Option<f64>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "a number from {} to {}", self.0, self.1)
        }

        fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_f64<E: Error>(self, number: f64) -> Result<Self::Value, E> {
            // NaN is in no range.
            if (self.0..=self.1).contains(&number) {
                Ok(Some(number))
            } else {
                Err(E::invalid_value(Unexpected::Float(number), &self))
            }
        }

        #[expect(clippy::cast_precision_loss, reason = "the ranges are far below 2^52")]
        fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
            self.visit_f64(number as f64)
        }

        #[expect(clippy::cast_precision_loss, reason = "the ranges are far below 2^52")]
        fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
            self.visit_f64(number as f64)
        }
    }

    deserializer.deserialize_any(Within(least, most))
}

/// A command: a string that is split as in a shell, or a list of program and arguments.
pub fn command<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Vec<String>>, D::Error> {
    struct Command;

    impl<'de> Visitor<'de> for Command {
        type Value = Option<Vec<String>>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a command, as a text or a list")
        }

        fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
            Ok(None)
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
            let words = shlex::split(text)
                .ok_or_else(|| E::custom("a quote in the command is not closed"))?;
            if words.is_empty() { Err(E::custom("the command is empty")) } else { Ok(Some(words)) }
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            let mut words = Vec::new();
            while let Some(word) = list.next_element()? {
                words.push(word);
            }
            if words.is_empty() {
                return Err(A::Error::custom("the command is empty"));
            }
            Ok(Some(words))
        }
    }

    d.deserialize_any(Command)
}
