//! Dates, times of day and durations in text, with the formats that a text can have.

use chrono::NaiveDate;
use std::fmt::Write as _;

/// Separators between the parts of a date.
const SEPARATORS: [u8; 3] = *b"-/.";
/// The first part of a date: year, day or month.
const ORDERS: usize = 3;
/// Number of formats: combinations of separator, four- or two-digit year, and order.
pub(super) const FORMS: usize = SEPARATORS.len() * 2 * ORDERS;
const DAY_FIRST: usize = 1;
const MONTH_FIRST: usize = 2;

/// A set of date formats, one bit each.
pub(super) type Forms = u32;

/// The time zone of a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Zone<'a> {
    /// No zone.
    Unknown,
    Utc,
    /// Offset from UTC in hours and minutes.
    Offset(&'a str),
    Named(&'a str),
}

/// A time of day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Clock<'a> {
    /// With AM or PM.
    pub(super) half: bool,
    pub(super) zone: Zone<'a>,
}

/// A date with a time of day.
pub(super) struct Moment<'a> {
    pub(super) forms: Forms,
    pub(super) clock: Clock<'a>,
}

fn digits(text: &str, lengths: std::ops::RangeInclusive<usize>) -> bool {
    lengths.contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit())
}

/// The formats in which a text is a date; 0 if it is not a date.
pub(super) fn date(text: &str) -> Forms {
    let separator = text.bytes().find_map(|b| SEPARATORS.iter().position(|s| *s == b));
    let Some(separator) = separator.filter(|_| (6..=10).contains(&text.len())) else { return 0 };
    let mut parts = text.split(char::from(SEPARATORS[separator]));
    let (Some(a), Some(b), Some(c), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return 0;
    };
    let orders = [(a, b, c), (c, b, a), (c, a, b)];
    let fits = orders.iter().enumerate().filter(|(_, (year, month, day))| {
        let plain = digits(month, 1..=2) && digits(day, 1..=2);
        let number = |text: &str| text.parse().unwrap_or(0_u32);
        let year = match year.len() {
            4 if digits(year, 4..=4) && !year.starts_with('0') => number(year),
            2 if digits(year, 2..=2) => 2000 + number(year),
            _ => return false,
        };
        let year = i32::try_from(year).unwrap_or(0);
        plain && NaiveDate::from_ymd_opt(year, number(month), number(day)).is_some()
    });
    fits.fold(0, |forms, (order, (year, ..))| {
        forms | 1 << ((separator * 2 + usize::from(year.len() == 2)) * ORDERS + order)
    })
}

/// A description of a date's format, from all formats that a column can have.
pub(super) fn words(forms: &[usize]) -> String {
    let Some(form) = forms.first() else { return String::new() };
    let (order, short) = (form % ORDERS, form / ORDERS % 2 == 1);
    let separator = char::from(SEPARATORS[form / ORDERS / 2]);
    let year = if short { "YY" } else { "YYYY" };
    let parts = match order {
        DAY_FIRST => ["DD", "MM", year],
        MONTH_FIRST => ["MM", "DD", year],
        _ => [year, "MM", "DD"],
    };
    let pattern = parts.join(&separator.to_string());
    // With points between the parts, the day always comes before the month.
    let others =
        forms[1..].iter().filter(|form| separator != '.' || **form % ORDERS != MONTH_FIRST);
    match others.count() {
        0 if pattern == "YYYY-MM-DD" => String::new(),
        0 => format!(" as {pattern}"),
        _ if short => " with years of two digits: their order can't be told".to_owned(),
        _ => {
            let [one, other] =
                ["DD", "MM"].map(|first| [first, if first == "DD" { "MM" } else { "DD" }, year]);
            let [one, other] = [one, other].map(|parts| parts.join(&separator.to_string()));
            format!(" as {one} or {other}: day or month first can't be told")
        }
    }
}

/// Parses a date with a time of day.
pub(super) fn moment(text: &str) -> Option<Moment<'_>> {
    let at = text.find(['T', ' ']).filter(|at| (6..=10).contains(at))?;
    let forms = date(&text[..at]);
    let clock = clock(text[at + 1..].trim_start()).filter(|_| forms != 0)?;
    Some(Moment { forms, clock })
}

/// Parses a time of day.
pub(super) fn clock(text: &str) -> Option<Clock<'_>> {
    let end =
        text.find(|c: char| !(c.is_ascii_digit() || c == ':' || c == '.')).unwrap_or(text.len());
    let (hours, rest_fits) = hours_and_rest(&text[..end], 1..=2)?;
    let rest = text[end..].trim_start();
    let half = rest
        .get(..2)
        .is_some_and(|two| two.eq_ignore_ascii_case("am") || two.eq_ignore_ascii_case("pm"));
    let rest = if half { rest[2..].trim_start() } else { rest };
    let hour_fits = if half { (1..=12).contains(&hours) } else { hours < 24 };
    (rest_fits && hour_fits).then_some(())?;
    Some(Clock { half, zone: zone(rest)? })
}

/// `HH:MM`, `HH:MM:SS` or `HH:MM:SS.FFF`: the hours, and whether the rest is valid.
fn hours_and_rest(text: &str, lengths: std::ops::RangeInclusive<usize>) -> Option<(u32, bool)> {
    let mut parts = text.split(':');
    let (hours, minutes, seconds) = (parts.next()?, parts.next()?, parts.next());
    let sixty = |text: &str| digits(text, 2..=2) && text < "60";
    let seconds_fit = seconds.is_none_or(|seconds| {
        let (whole, part) = seconds.split_once('.').unwrap_or((seconds, "0"));
        (sixty(whole) || whole == "60") && digits(part, 1..=12)
    });
    let fits = sixty(minutes) && seconds_fit && parts.next().is_none();
    digits(hours, lengths).then(|| Some((hours.parse().ok()?, fits)))?
}

fn zone(text: &str) -> Option<Zone<'_>> {
    if let Some((offset, name)) = text.strip_suffix(']').and_then(|text| text.split_once('[')) {
        return zone(offset).and(is_name(name).then_some(Zone::Named(name)));
    }
    match text {
        "" => Some(Zone::Unknown),
        "Z" | "z" | "+00:00" | "+0000" | "+00" => Some(Zone::Utc),
        _ if text.starts_with(['+', '-']) => {
            let (hours, minutes) = text[1..].split_at_checked(2)?;
            let minutes = minutes.strip_prefix(':').unwrap_or(minutes);
            let fits = digits(hours, 2..=2) && (minutes.is_empty() || digits(minutes, 2..=2));
            fits.then_some(Zone::Offset(text))
        }
        _ => is_name(text).then_some(Zone::Named(text)),
    }
}

/// `CET`, `Europe/Oslo`, `Etc/GMT+5`
fn is_name(text: &str) -> bool {
    let of_a_path = |c: char| c.is_ascii_alphanumeric() || "/_+-".contains(c);
    let of_a_short = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit();
    let path = text.contains('/') && text.len() <= 40 && text.chars().all(of_a_path);
    let short = (2..=7).contains(&text.len()) && text.chars().all(of_a_short);
    text.starts_with(|c: char| c.is_ascii_uppercase()) && (path || short)
}

/// `30:15`, `-1:30:00`: the hours are not limited.
pub(super) fn is_duration(text: &str) -> bool {
    let plain = text.strip_prefix(['-', '+']).unwrap_or(text);
    hours_and_rest(plain, 1..=6).is_some_and(|(_, fits)| fits)
}

/// `1 day, 2:30:00` as printed by Python, `1 days 02:30:00` as printed by pandas.
pub(super) fn is_days(text: &str) -> bool {
    let plain = text.strip_prefix('-').unwrap_or(text);
    let Some((days, rest)) = plain.split_once(" day") else { return false };
    let rest = rest.strip_prefix('s').unwrap_or(rest);
    let clock = rest.strip_prefix(',').unwrap_or(rest).trim_start().trim_start_matches('+');
    digits(days, 1..=9) && (clock.is_empty() || is_duration(clock))
}

/// `PT1H30M`, `P1DT2H`
pub(super) fn is_iso_duration(text: &str) -> bool {
    let Some(parts) = text.strip_prefix('P') else { return false };
    let (days, times) = parts.split_once('T').unwrap_or((parts, ""));
    let units = |mut text: &str, units: &str| {
        for unit in units.chars() {
            let Some((number, rest)) = text.split_once(unit) else { continue };
            let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
            if !digits(whole, 1..=9) || !digits(part, 1..=9) {
                return false;
            }
            text = rest;
        }
        text.is_empty()
    };
    let some = !parts.is_empty() && !parts.ends_with('T');
    some && units(days, "YMWD") && units(times, "HMS")
}

/// Counts of the time zones in a column.
#[derive(Clone, Default)]
pub(super) struct Zones {
    unknown: u64,
    known: u64,
    named: bool,
    /// The different zones; at most two are kept.
    seen: Vec<String>,
}

impl Zones {
    pub(super) fn add(&mut self, zone: Zone<'_>) {
        let name = match zone {
            Zone::Unknown => {
                self.unknown += 1;
                return;
            }
            Zone::Utc => "UTC",
            Zone::Offset(text) => text,
            Zone::Named(text) => {
                self.named = true;
                text
            }
        };
        self.known += 1;
        if self.seen.len() < 2 && !self.seen.iter().any(|seen| seen == name) {
            self.seen.push(name.to_owned());
        }
    }

    /// A description of the zones.
    pub(super) fn words(&self) -> String {
        let mut words = match self.seen.as_slice() {
            [] => " without a zone".to_owned(),
            [one] if one == "UTC" => " in UTC".to_owned(),
            [one] if self.named => format!(" in zone {one}"),
            [one] => format!(" with offset {one}"),
            _ if self.named => " with different zones by name".to_owned(),
            _ => " with different offsets".to_owned(),
        };
        if self.unknown > 0 && self.known > 0 {
            let _ = write!(words, ", {} without a zone", self.unknown);
        }
        words
    }
}
