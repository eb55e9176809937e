//! Detects the type of a column of text: a value matches some types, and a column has the first
//! type that all its values match. An ambiguous type is reported as such.

use super::plural;
use super::when::{self, FORMS, Zones};

/// Texts that pandas treats as missing values.
const MISSING: [&str; 12] =
    ["", "NA", "N/A", "n/a", "#N/A", "<NA>", "NaN", "nan", "NULL", "null", "None", "none"];

/// A type's name and its test.
type Kind = (&'static str, fn(&str) -> bool);

const INTEGER: usize = 0;
const NUMBER: usize = 1;
const DECIMAL_COMMA: usize = 2;
const GROUPED: usize = 3;
const CODE: usize = 4;
/// Types of numbers, all of which match every integer.
const NUMBERS: usize = 5;

/// Types of numbers, tested before dates.
const BEFORE: [Kind; NUMBERS] = [
    ("integer", is_integer),
    ("number", is_number),
    ("number with decimal comma", is_decimal_comma),
    ("number as 1,234.5", is_grouped),
    ("digits with leading zeros: read with dtype=str", is_code),
];
/// Types tested after dates.
const AFTER: [Kind; 5] = [
    ("time", is_time),
    ("duration as H:MM:SS", when::is_duration),
    ("duration in days and H:MM:SS", when::is_days),
    ("duration as ISO 8601", when::is_iso_duration),
    ("true or false", is_bool),
];
/// Indices of three of them.
const TIME: usize = 0;
const DURATION: usize = 1;
const BOOL: usize = AFTER.len() - 1;

/// Words for true, and words for false.
const TRUTHS: [[&str; 4]; 2] = [["true", "yes", "t", "y"], ["false", "no", "f", "n"]];

/// Maximum length of a text that can have another type than text.
const LONGEST: usize = 48;
/// Largest integer up to which a float is exact.
const FLOAT: u64 = 1 << 53;

/// Counts of the values of a column, by type.
#[derive(Clone, Default)]
pub(super) struct Values {
    there: u64,
    missing: u64,
    before: [u64; NUMBERS],
    dates: [u64; FORMS],
    moments: [u64; FORMS],
    after: [u64; AFTER.len()],
    zones: Zones,
    /// Number of times with AM or PM.
    halves: u64,
    /// Number of values with a decimal comma and points between thousands.
    points: u64,
    /// Number of infinite values.
    infinite: u64,
    /// Whether a word for true was seen, and one for false; a spelled-out `true` or `false` sets
    /// both.
    truths: [bool; 2],
    /// Number of times and durations with one colon.
    short: u64,
    /// Number of digits of the longest integer that is not exact as a float, and whether one does
    /// not fit into 64 bits.
    long: usize,
    too_long: bool,
}

/// Whether a text stands for a missing value.
pub(super) fn is_missing(text: &str) -> bool {
    MISSING.contains(&text.trim())
}

/// Whether a cell above a column looks like a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Says {
    Name,
    Value,
    /// A truth value above other truth values.
    Truth,
    Nothing,
}

impl Values {
    /// The types of one text.
    pub(super) fn of(text: &str) -> Self {
        let mut values = Self::default();
        values.add(text);
        values
    }

    /// Counts one more value.
    pub(super) fn add(&mut self, text: &str) {
        let text = text.trim();
        if is_missing(text) {
            self.missing += 1;
            return;
        }
        self.there += 1;
        if text.len() > LONGEST {
            return;
        }
        if is_integer(text) {
            self.before.iter_mut().take(CODE).for_each(|n| *n += 1);
            self.before[CODE] += u64::from(is_code(text));
            self.measure(unsigned(text));
            return;
        }
        for (count, (_, fits)) in self.before.iter_mut().zip(BEFORE).skip(INTEGER + 1) {
            *count += u64::from(fits(text));
        }
        self.points +=
            u64::from(text.contains('.') && text.contains(',') && is_decimal_comma(text));
        self.infinite += u64::from(is_infinite(text));
        for (seen, words) in self.truths.iter_mut().zip(TRUTHS) {
            *seen |= is_one_of(text, &words) || is_one_of(text, &["true", "false"]);
        }
        self.short += u64::from(when::is_duration(text) && text.matches(':').count() == 1);
        let count = |counts: &mut [u64; FORMS], forms: when::Forms| {
            counts
                .iter_mut()
                .enumerate()
                .for_each(|(n, count)| *count += u64::from(forms >> n & 1));
        };
        let date = when::date(text);
        count(&mut self.dates, date);
        if let Some(moment) = when::moment(text).filter(|_| date == 0) {
            count(&mut self.moments, moment.forms);
            self.zones.add(moment.clock.zone);
            self.halves += u64::from(moment.clock.half);
        }
        for (count, (_, fits)) in self.after.iter_mut().zip(AFTER) {
            *count += u64::from(fits(text));
        }
        self.halves +=
            u64::from(is_time(text) && when::clock(text).is_some_and(|clock| clock.half));
    }

    fn measure(&mut self, digits: &str) {
        if digits.parse::<u64>().is_ok_and(|n| n <= FLOAT) {
            return;
        }
        self.long = self.long.max(digits.len());
        self.too_long |= digits.parse::<i64>().is_err();
    }

    /// Number of missing values.
    pub(super) const fn missing(&self) -> u64 {
        self.missing
    }

    /// Number of values that are not missing.
    pub(super) const fn there(&self) -> u64 {
        self.there
    }

    fn counts(&self) -> impl Iterator<Item = u64> {
        [&self.before[..], &self.dates, &self.moments, &self.after].concat().into_iter()
    }

    /// Whether all values share a type other than text.
    pub(super) fn is_typed(&self) -> bool {
        self.there > 0 && self.counts().any(|n| n == self.there)
    }

    /// Whether all values are truth values.
    fn is_truth(&self) -> bool {
        self.there > 0 && self.after[BOOL] == self.there
    }

    /// Whether these are numbers that need a decimal comma.
    pub(super) fn has_decimal_commas(&self) -> bool {
        let all = |kind: usize| self.before[kind] == self.there;
        self.there > 0 && all(DECIMAL_COMMA) && !all(NUMBER) && !all(GROUPED)
    }

    /// Whether all values are numbers, some of them with a comma.
    pub(super) fn has_commas(&self) -> bool {
        let all = |kind: usize| self.before[kind] == self.there;
        self.there > 0 && (all(DECIMAL_COMMA) || all(GROUPED)) && !all(NUMBER)
    }

    /// Whether a cell above these values looks like a name.
    pub(super) fn says(&self, above: &str) -> Says {
        let cell = Self::of(above);
        if cell.infinite > 0 && self.infinite == 0 {
            return if self.is_typed() { Says::Name } else { Says::Nothing };
        }
        if cell.there == 0 || self.there == 0 {
            return if cell.is_typed() && !cell.is_truth() { Says::Value } else { Says::Nothing };
        }
        match (cell.is_typed(), self.is_typed()) {
            (true, _) if cell.is_truth() => match (self.is_truth(), self.is_typed()) {
                (true, _) => Says::Truth,
                (false, true) => Says::Name,
                (false, false) => Says::Nothing,
            },
            (true, false) => Says::Value,
            (true, true) => {
                let together = self.counts().zip(cell.counts());
                let fits = together.into_iter().any(|(n, one)| n == self.there && one == 1);
                if fits { Says::Value } else { Says::Name }
            }
            (false, true) => Says::Name,
            (false, false) => Says::Nothing,
        }
    }

    /// The type as text.
    pub(super) fn kind(&self) -> String {
        self.kind_beside(false)
    }

    /// The same for a table in which other columns have decimal commas, or not: beside these,
    /// `1.234` has another meaning.
    pub(super) fn kind_beside(&self, decimal_commas: bool) -> String {
        if self.there == 0 {
            return "empty".to_owned();
        }
        // The first of the types that most values match.
        let best = self.counts().max().unwrap_or(0);
        let Some(at) = self.counts().position(|n| n == best) else { return "text".to_owned() };
        if at == NUMBERS + 2 * FORMS + BOOL && self.truths != [true, true] {
            // A column with only `NO` may have country codes.
            return "text".to_owned();
        }
        if best == self.there {
            return self.named(at, best, decimal_commas);
        }
        // A few exceptions are worth a remark, because they break scripts.
        let most = self.there - self.there / 5;
        if best >= most.max(2) {
            let name = self.named(at, best, decimal_commas);
            return format!("{name}, but {} not", plural(self.there - best, "is", "are"));
        }
        "text".to_owned()
    }

    fn named(&self, at: usize, count: u64, decimal_commas: bool) -> String {
        let too = |kind: usize| self.before[kind] == count;
        match at {
            INTEGER if self.long > 0 && (self.missing > 0 || self.too_long) => format!(
                "integer of up to {} digits: read with dtype=str, a float loses some",
                self.long
            ),
            NUMBER if decimal_commas && too(DECIMAL_COMMA) => {
                "number as 1.000: thousands or decimals can't be told".to_owned()
            }
            NUMBER if self.infinite > 0 => "number, inf in it".to_owned(),
            DECIMAL_COMMA if too(GROUPED) => {
                "number as 1,000: thousands or decimals can't be told".to_owned()
            }
            DECIMAL_COMMA if self.points > 0 => "number as 1.234,5".to_owned(),
            at if at < NUMBERS => BEFORE[at].0.to_owned(),
            at if at < NUMBERS + 2 * FORMS => {
                let is_date = at < NUMBERS + FORMS;
                let counts = if is_date { &self.dates } else { &self.moments };
                let forms: Vec<usize> = (0..FORMS).filter(|n| counts[*n] == count).collect();
                let words = when::words(&forms);
                if is_date {
                    return format!("date{words}");
                }
                let half = if self.halves > 0 { " with AM/PM" } else { "" };
                let clock = if words.starts_with(" as") && half.is_empty() { " HH:MM" } else { "" };
                let words = match words.split_once(": ") {
                    Some((form, rest)) => format!("{form}{clock}: {rest};"),
                    None => format!("{words}{clock}"),
                };
                format!("date and time{words}{half}{}", self.zones.words())
            }
            at => {
                let at = at - NUMBERS - 2 * FORMS;
                let half = if at == TIME && self.halves > 0 { " with AM/PM" } else { "" };
                let kind = match at {
                    DURATION if self.short == count => "duration as H:MM or MM:SS",
                    DURATION if self.short > 0 => "duration as H:MM:SS, some with one colon",
                    _ => AFTER[at].0,
                };
                format!("{kind}{half}")
            }
        }
    }
}

fn digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

fn unsigned(text: &str) -> &str {
    text.strip_prefix(['-', '+', '\u{2212}']).unwrap_or(text)
}

/// A number with leading zeros is an identifier: as a number, it would lose them.
fn is_integer(text: &str) -> bool {
    is_whole(unsigned(text))
}

fn is_whole(text: &str) -> bool {
    digits(text) && (text.len() == 1 || !text.starts_with('0'))
}

fn is_code(text: &str) -> bool {
    digits(text)
}

fn is_number(text: &str) -> bool {
    let plain = unsigned(text);
    let whole = plain.split(['.', 'e', 'E']).next().unwrap_or_default();
    let begins = plain.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    is_infinite(text)
        || begins && (whole.len() < 2 || !whole.starts_with('0')) && plain.parse::<f64>().is_ok()
}

fn is_decimal_comma(text: &str) -> bool {
    let plain = unsigned(text);
    match plain.split_once(',') {
        Some((whole, part)) => digits(part) && (is_whole(whole) || grouped(whole, '.')),
        None => grouped(plain, '.'),
    }
}

fn is_grouped(text: &str) -> bool {
    let plain = unsigned(text);
    let (whole, part) = plain.split_once('.').unwrap_or((plain, "0"));
    digits(part) && (grouped(whole, ',') || (is_whole(whole) && whole.len() < 4))
}

/// `1.234.567`
fn grouped(text: &str, mark: char) -> bool {
    let mut groups = text.split(mark);
    let first = groups.next().unwrap_or_default();
    let mut rest = groups.peekable();
    digits(first)
        && first.len() < 4
        && !first.starts_with('0')
        && rest.peek().is_some()
        && rest.all(|group| digits(group) && group.len() == 3)
}

fn is_time(text: &str) -> bool {
    when::clock(text).is_some_and(|clock| clock.zone == when::Zone::Unknown)
}

fn is_one_of(text: &str, words: &[&str]) -> bool {
    words.iter().any(|word| word.eq_ignore_ascii_case(text))
}

fn is_bool(text: &str) -> bool {
    TRUTHS.iter().any(|words| is_one_of(text, words))
}

/// An infinite number, as Python and its table readers parse it.
fn is_infinite(text: &str) -> bool {
    is_one_of(unsigned(text), &["inf", "infinity"])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(values: &[&str]) -> Values {
        let mut counted = Values::default();
        for value in values {
            counted.add(value);
        }
        counted
    }

    #[test]
    fn a_column_has_the_kind_that_all_its_values_have() {
        const DAY_OR_MONTH: &str = "day or month first can't be told";
        const COMMA: &str = "number as 1,000: thousands or decimals can't be told";
        const CODE: &str = "digits with leading zeros: read with dtype=str";
        let slashes = format!("date as DD/MM/YYYY or MM/DD/YYYY: {DAY_OR_MONTH}");
        let dashes = format!("date as DD-MM-YYYY or MM-DD-YYYY: {DAY_OR_MONTH}");
        let slashes_at = format!(
            "date and time as DD/MM/YYYY or MM/DD/YYYY HH:MM: {DAY_OR_MONTH}; without a zone"
        );
        for (values, kind) in [
            (&["1", "-2", "0"][..], "integer"),
            (&["1", "2.5", "1e9"], "number"),
            (&["1", "2,5", "0,75"], "number with decimal comma"),
            (&["1", "2,5", "1.234,5"], "number as 1.234,5"),
            (&["1", "1,234", "2,345.67"], "number as 1,234.5"),
            (&["1,000", "2,500"], COMMA),
            (&["500", "1,000"], COMMA),
            (&["1,000", "1,234,567"], "number as 1,234.5"),
            (&["1,000", "0,500"], "number with decimal comma"),
            (&["1,000", "2,5"], "number with decimal comma"),
            (&["1.000", "2.500"], "number"),
            (&["0123", "0456"], CODE),
            (&["0123", "4567", ""], CODE),
            (&["007", "1"], CODE),
            (&["01", "02"], CODE),
            (&["007.5", "00,5"], "text"),
            (&["0", "1"], "integer"),
            (
                &["12345678901234567890", "1"],
                "integer of up to 20 digits: read with dtype=str, a float loses some",
            ),
            (&["1234567890123456789", "1"], "integer"),
            (
                &["1234567890123456789", ""],
                "integer of up to 19 digits: read with dtype=str, a float loses some",
            ),
            (&["123456789012345", ""], "integer"),
            (&["2024-01-31", ""], "date"),
            (&["2024-1-5"], "date"),
            (&["2024/01/31"], "date as YYYY/MM/DD"),
            (&["31.01.2024"], "date as DD.MM.YYYY"),
            (&["01.02.2024"], "date as DD.MM.YYYY"),
            (&["01/02/2024", "13/02/2024"], "date as DD/MM/YYYY"),
            (&["01/02/2024", "01/13/2024"], "date as MM/DD/YYYY"),
            (&["1/2/2024", "3/4/2024"], &slashes),
            (&["01-02-2024"], &dashes),
            (&["31/01/99"], "date as DD/MM/YY"),
            (&["1/2/24"], "date with years of two digits: their order can't be told"),
            (
                &["2024-01-31T10:00:00Z", "2024-01-31 10:00:00.5+01:00"],
                "date and time with different offsets",
            ),
            (&["2024-01-31 10:00", "2024-01-31T10:00:00.123456"], "date and time without a zone"),
            (&["2024-01-31T10:00:00Z", "2024-01-31T10:00:00+00:00"], "date and time in UTC"),
            (&["2024-01-31 10:00+0100"], "date and time with offset +0100"),
            (&["2024-01-31 10:00:00 CET"], "date and time in zone CET"),
            (&["2024-01-31 10:00:00 Europe/Oslo"], "date and time in zone Europe/Oslo"),
            (&["2024-01-31T10:00:00+01:00[Europe/Oslo]"], "date and time in zone Europe/Oslo"),
            (
                &["2024-01-31 10:00 CET", "2024-07-31 10:00 CEST"],
                "date and time with different zones by name",
            ),
            (&["2024-01-31T10:00Z", "2024-01-31T10:00"], "date and time in UTC, 1 without a zone"),
            (&["31.01.2024 10:00"], "date and time as DD.MM.YYYY HH:MM without a zone"),
            (&["1/2/2024 10:00"], &slashes_at),
            (&["1/31/2024 3:04 PM"], "date and time as MM/DD/YYYY with AM/PM without a zone"),
            (&["10:30", "23:59:01"], "time"),
            (&["9:05 am", "12:30 PM"], "time with AM/PM"),
            (&["1:10:30", "30:15:00"], "duration as H:MM:SS"),
            (&["10:30", "30:15:00"], "duration as H:MM:SS, some with one colon"),
            (&["-1:30", "30:15"], "duration as H:MM or MM:SS"),
            (&["1 day, 2:00:00", "0 days 00:05:00.5"], "duration in days and H:MM:SS"),
            (&["PT1H30M", "P1DT0.5S"], "duration as ISO 8601"),
            (&["P1", "PT", "Price"], "text"),
            (&["yes", "No"], "true or false"),
            (&["TRUE", "true"], "true or false"),
            (&["NO", "NA", "NO"], "text"),
            (&["y", "y", "y", "y", "n"], "true or false"),
            (&["y", "y", "y", "y", "maybe"], "text"),
            (&["", "NA"], "empty"),
            (&["Oslo", "1"], "text"),
            (&["1", "2", "3", "4", "unknown"], "integer, but 1 is not"),
            (&["nan", "inf"], "number, inf in it"),
            (&["1", "-Infinity", "2.5"], "number, inf in it"),
            (&["1", "infinite"], "text"),
            (&["99/99/9999", "1-2-3-4"], "text"),
            (&["25:61", "12:60"], "text"),
            (&["2024-01-31 10:00 is", "2024-02-30"], "text"),
        ] {
            assert_eq!(counted(values).kind(), kind, "{values:?}");
        }
        let beside = counted(&["1.000", "2.500"]).kind_beside(true);
        assert!(beside.starts_with("number as 1.000: thousands"), "{beside}");
        assert_eq!(counted(&["1.0", "2.500"]).kind_beside(true), "number");
    }

    #[test]
    fn a_cell_of_another_kind_than_those_below_is_a_column_name() {
        for (above, below, says) in [
            ("price", &["1", "2"][..], Says::Name),
            ("n", &["1", "2"], Says::Name),
            ("inf", &["1", "2"], Says::Name),
            ("inf", &["1", "inf"], Says::Value),
            ("inf", &["Oslo"], Says::Nothing),
            ("no", &["Ann", "Bob"], Says::Nothing),
            ("no", &["yes", "no"], Says::Truth),
            ("3", &["1", "2"], Says::Value),
            ("3", &["a", "b"], Says::Value),
            ("2024-01-01", &["1", "2"], Says::Name),
            ("2024-01-01", &["2024-01-02"], Says::Value),
            ("city", &["Oslo"], Says::Nothing),
            ("", &["1"], Says::Nothing),
        ] {
            assert_eq!(counted(below).says(above), says, "{above:?} {below:?}");
        }
    }
}
