//! What kind of values a column of text holds: a value fits some kinds, a column the first that all
//! its values fit.

use super::plural;
use chrono::{NaiveDate, NaiveDateTime, NaiveTime};

/// What stands for a value that is not there, as pandas takes it.
const MISSING: [&str; 12] =
    ["", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NULL", "null", "None", "none"];

/// A kind's name and what fits it; what fits an earlier one is tried first.
type Kind = (&'static str, fn(&str) -> bool);

const INTEGER: usize = 0;
/// Kinds that every whole number fits too.
const NUMBERS: usize = 4;

const KINDS: [Kind; 15] = [
    ("integer", is_integer),
    ("number", is_number),
    ("number with decimal comma", is_decimal_comma),
    ("number as 1,234.5", is_grouped),
    ("date", |text| date(text, "%Y-%m-%d")),
    ("date as YYYY/MM/DD", |text| date(text, "%Y/%m/%d")),
    ("date as DD.MM.YYYY", |text| date(text, "%d.%m.%Y")),
    ("date as DD/MM/YYYY", |text| date(text, "%d/%m/%Y")),
    ("date as MM/DD/YYYY", |text| date(text, "%m/%d/%Y")),
    ("date as DD-MM-YYYY", |text| date(text, "%d-%m-%Y")),
    ("date and time", is_moment),
    ("date and time as DD.MM.YYYY HH:MM", |text| is_moment_as(text, "%d.%m.%Y %H:%M")),
    ("date and time as DD/MM/YYYY HH:MM", |text| is_moment_as(text, "%d/%m/%Y %H:%M")),
    ("time", is_time),
    ("true or false", is_bool),
];

/// The values of a column, counted.
#[derive(Clone, Default)]
pub(super) struct Values {
    there: u64,
    missing: u64,
    fits: [u64; KINDS.len()],
}

/// Whether this stands for a value that is not there.
pub(super) fn is_missing(text: &str) -> bool {
    MISSING.contains(&text.trim())
}

impl Values {
    /// Counts one more value.
    pub(super) fn add(&mut self, text: &str) {
        let text = text.trim();
        if is_missing(text) {
            self.missing += 1;
            return;
        }
        self.there += 1;
        if is_integer(text) {
            self.fits[..NUMBERS].iter_mut().for_each(|n| *n += 1);
            return;
        }
        if text.len() > 40 {
            return;
        }
        for (count, (_, fits)) in self.fits.iter_mut().zip(KINDS).skip(INTEGER + 1) {
            *count += u64::from(fits(text));
        }
    }

    /// How many values are not there.
    pub(super) const fn missing(&self) -> u64 {
        self.missing
    }

    /// Whether these are anything but text.
    pub(super) fn is_typed(&self) -> bool {
        self.there > 0 && self.fits.contains(&self.there)
    }

    /// The kind in words.
    pub(super) fn kind(&self) -> String {
        if self.there == 0 {
            return "empty".to_owned();
        }
        let with = |least: u64| self.fits.iter().position(|n| *n >= least).map(|at| KINDS[at].0);
        if let Some(all) = with(self.there) {
            return all.to_owned();
        }
        // One that says nothing else than most is worth a word: it breaks scripts.
        let most = self.there - self.there / 5;
        match (self.fits.iter().max(), with(most.max(2))) {
            (Some(n), Some(name)) => {
                format!("{name}, but {} not", plural(self.there - n, "is", "are"))
            }
            _ => "text".to_owned(),
        }
    }
}

fn digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

fn unsigned(text: &str) -> &str {
    text.strip_prefix(['-', '+', '\u{2212}']).unwrap_or(text)
}

/// A number with leading zeros is a name: read as a number it would lose them.
fn is_integer(text: &str) -> bool {
    let plain = unsigned(text);
    digits(plain) && (plain.len() == 1 || !plain.starts_with('0')) && plain.len() < 20
}

fn is_number(text: &str) -> bool {
    let plain = unsigned(text);
    let whole = plain.split(['.', 'e', 'E']).next().unwrap_or_default();
    let begins = plain.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    begins && (whole.len() < 2 || !whole.starts_with('0')) && plain.parse::<f64>().is_ok()
}

fn is_decimal_comma(text: &str) -> bool {
    let plain = unsigned(text);
    match plain.split_once(',') {
        Some((whole, part)) => digits(part) && (digits(whole) || grouped(whole, '.')),
        None => grouped(plain, '.'),
    }
}

fn is_grouped(text: &str) -> bool {
    let plain = unsigned(text);
    let (whole, part) = plain.split_once('.').unwrap_or((plain, "0"));
    digits(part) && (grouped(whole, ',') || (digits(whole) && whole.len() < 4))
}

/// `1.234.567`
fn grouped(text: &str, mark: char) -> bool {
    let mut groups = text.split(mark);
    let first = groups.next().unwrap_or_default();
    let mut rest = groups.peekable();
    digits(first)
        && first.len() < 4
        && rest.peek().is_some()
        && rest.all(|group| digits(group) && group.len() == 3)
}

fn begins_with_digit(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_digit())
}

fn date(text: &str, form: &str) -> bool {
    (6..=10).contains(&text.len())
        && begins_with_digit(text)
        && NaiveDate::parse_from_str(text, form)
            .is_ok_and(|date| (1000..=9999).contains(&chrono::Datelike::year(&date)))
}

fn is_moment(text: &str) -> bool {
    // A zone says nothing else of the value than that it is one.
    let plain = text.trim_end_matches('Z');
    let plain = match plain.rfind(['+', '-']) {
        Some(at) if at > 12 => plain[..at].trim_end(),
        _ => plain,
    };
    begins_with_digit(text)
        && plain.len() > 12
        && ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"]
            .iter()
            .any(|form| NaiveDateTime::parse_from_str(plain, form).is_ok())
}

fn is_moment_as(text: &str, form: &str) -> bool {
    let text = text.get(..16).filter(|_| text.len() == 19).unwrap_or(text);
    text.len() > 11 && begins_with_digit(text) && NaiveDateTime::parse_from_str(text, form).is_ok()
}

fn is_time(text: &str) -> bool {
    let forms = ["%H:%M", "%H:%M:%S%.f"];
    text.contains(':')
        && begins_with_digit(text)
        && forms.iter().any(|form| NaiveTime::parse_from_str(text, form).is_ok())
}

fn is_bool(text: &str) -> bool {
    ["true", "false", "yes", "no", "t", "f", "y", "n"].iter().any(|w| w.eq_ignore_ascii_case(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_has_the_kind_that_all_its_values_have() {
        for (values, kind) in [
            (&["1", "-2", "0"][..], "integer"),
            (&["1", "2.5", "1e9"], "number"),
            (&["1", "2,5", "1.234,5"], "number with decimal comma"),
            (&["1", "1,234", "2,345.67"], "number as 1,234.5"),
            (&["0123", "0456"], "text"),
            (&["2024-01-31", ""], "date"),
            (&["31.01.2024"], "date as DD.MM.YYYY"),
            (&["01/02/2024", "13/02/2024"], "date as DD/MM/YYYY"),
            (&["01/02/2024", "01/13/2024"], "date as MM/DD/YYYY"),
            (&["2024-01-31T10:00:00Z", "2024-01-31 10:00:00.5+01:00"], "date and time"),
            (&["31.01.2024 10:00"], "date and time as DD.MM.YYYY HH:MM"),
            (&["10:30", "23:59:01"], "time"),
            (&["yes", "No"], "true or false"),
            (&["", "NA"], "empty"),
            (&["Oslo", "1"], "text"),
            (&["1", "2", "3", "4", "unknown"], "integer, but 1 is not"),
            (&["nan", "inf"], "text"),
            (&["99/99/9999", "1-2-3-4"], "text"),
        ] {
            let mut counted = Values::default();
            for value in values {
                counted.add(value);
            }
            assert_eq!(counted.kind(), kind, "{values:?}");
        }
    }
}
