//! Decides whether two scripts behave the same, as far as observed: compares the values in their
//! output and files, not the layout. Pure.
//!
//! Two scripts that were written independently and give the same values for the same inputs are
//! most likely right; nothing else that needs no human gives as much evidence.

use redraft_domain::report::Trial;
use redraft_domain::session::{Sample, Session};
use redraft_domain::text::single_spaced;
use regex::Regex;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

/// Comparison of two candidates in one trial or text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compared {
    /// The same values.
    Same,
    /// Different values.
    Different,
    /// Nothing to compare.
    Nothing,
}

/// Words that count as values because the user supplied them, in data, arguments or typed input.
#[derive(Clone, Debug, Default)]
pub struct Given {
    words: BTreeSet<String>,
    /// Names that the request writes as a call or a class.
    called: BTreeSet<String>,
}

impl Given {
    /// The values that the user of a session supplied, as far as the session contains them: of data
    /// files, the first rows.
    #[must_use]
    pub fn of(session: &Session) -> Self {
        let rows = session.data.iter().filter_map(|file| file.described.as_ref());
        let rows = rows.map(|described| described.text.as_str());
        let settings = &session.settings;
        let args = settings.args.iter().map(String::as_str);
        let stated = session.stated.iter();
        let stated = stated.flat_map(|stated| stated.args.iter().chain([&stated.stdin]));
        let said = [settings.stdin.as_str()].into_iter().chain(stated.map(String::as_str));
        let texts = rows.chain(args).chain(said);
        let words = texts.flat_map(words).filter(|word| word.chars().any(char::is_alphabetic));
        Self { words: words.collect(), called: called(&session.request) }
    }
}

/// A number in a text, with the count of its decimals.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Number {
    value: f64,
    decimals: u32,
}

impl Number {
    /// Whether two numbers are equal at the precision of the less precise one.
    fn is_near(self, other: Self) -> bool {
        let decimals = i32::try_from(self.decimals.min(other.decimals)).unwrap_or(i32::MAX);
        let unit = 10f64.powi(-decimals);
        // Half a unit, and a margin because halves may round either way.
        let near = if self.decimals == other.decimals { unit * 0.01 } else { unit * 0.51 };
        let scale = self.value.abs().max(other.value.abs());
        (self.value - other.value).abs() <= near + scale * 1e-12
    }
}

static NUMBER: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?").ok());
static CALLED: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"([A-Za-z_][A-Za-z0-9_]*)\(|\bclass ([A-Z][A-Za-z0-9_]*)").ok());

/// The numbers in a text, in order.
fn numbers(text: &str) -> Vec<Number> {
    let Some(pattern) = NUMBER.as_ref() else { return Vec::new() };
    let of = |found: regex::Match<'_>| {
        let written = found.as_str().replace(',', "");
        let decimals = written.split_once('.').map_or(0, |(_, digits)| digits.len());
        let before = text[..found.start()].chars().next_back();
        let further = text[..found.start()].chars().rev().nth(1);
        // A hyphen between two words or numbers is not a minus sign.
        let minus = matches!(before, Some('-' | '\u{2212}'))
            && further.is_none_or(|c| !c.is_alphanumeric());
        let value: f64 = written.parse().ok()?;
        let value = if minus { -value } else { value };
        Some(Number { value, decimals: u32::try_from(decimals).unwrap_or(u32::MAX) })
    };
    pattern.find_iter(text).filter_map(of).collect()
}

/// The lowercase words of a text, without punctuation.
fn words(text: &str) -> impl Iterator<Item = String> {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase)
}

/// Names that a request writes like Python calls or definitions: `add_vat(net, rate=19)`, `class
/// Wallet`. They mean that the script will be imported.
#[must_use]
pub fn called(request: &str) -> BTreeSet<String> {
    let Some(pattern) = CALLED.as_ref() else { return BTreeSet::new() };
    let name = |found: regex::Captures<'_>| {
        let name = found.get(1).or_else(|| found.get(2));
        name.map(|name| name.as_str().to_owned())
    };
    pattern.captures_iter(request).filter_map(name).collect()
}

static QUOTED: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#""([^"\n]{1,40})"|`([^`\n]{1,40})`"#).ok());

/// The quoted texts of a request, as examples of what values look like there.
#[must_use]
pub fn quoted(request: &str) -> Vec<String> {
    let Some(pattern) = QUOTED.as_ref() else { return Vec::new() };
    let inner = |found: regex::Captures<'_>| {
        let inner = found.get(1).or_else(|| found.get(2));
        inner.map(|inner| inner.as_str().to_owned())
    };
    pattern.captures_iter(request).filter_map(inner).take(8).collect()
}

/// Compares the values in two texts.
fn same_text(one: &str, other: &str, given: &Given) -> Compared {
    if one.trim().is_empty() && other.trim().is_empty() {
        return Compared::Nothing;
    }
    if !one.contains(char::is_alphanumeric) || !other.contains(char::is_alphanumeric) {
        let same = drawing(one) == drawing(other);
        return if same { Compared::Same } else { Compared::Different };
    }
    let (lines, others) = (rows(one), rows(other));
    let (numbers_one, numbers_other) = (numbers(one), numbers(other));
    let of_user = |text: &str| -> Vec<String> {
        words(text).filter(|word| given.words.contains(word)).collect()
    };
    let (said_one, said_other) = (of_user(one), of_user(other));
    let equal = if numbers_one.is_empty() && numbers_other.is_empty() {
        if said_one.is_empty() && said_other.is_empty() {
            without_labels(one) == without_labels(other)
        } else {
            said_one == said_other
        }
    } else {
        let near = |a: &[Number], b: &[Number]| {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.is_near(*b))
        };
        // The order within a line is layout; the order of the lines is not.
        let same = near(&numbers_one, &numbers_other)
            || (lines.len() == others.len() && lines.iter().zip(&others).all(|(a, b)| near(a, b)));
        same && sorted(said_one) == sorted(said_other)
    };
    if equal { Compared::Same } else { Compared::Different }
}

/// The lines of a drawing in characters, without blank lines, common indentation and trailing
/// spaces; all else is significant.
fn drawing(text: &str) -> Vec<&str> {
    let lines = || text.lines().filter(|line| !line.trim().is_empty());
    let margin = |line: &str| line.len() - line.trim_start_matches(' ').len();
    let least = lines().map(margin).min().unwrap_or(0);
    lines().map(|line| line[least..].trim_end()).collect()
}

/// The words of a text without labels at the start of a line, as in `Initials: AMB`.
fn without_labels(text: &str) -> Vec<String> {
    let value = |line: &str| -> Vec<String> {
        match line.split_once(": ") {
            Some((_, value)) if value.contains(char::is_alphanumeric) => words(value).collect(),
            _ => words(line).collect(),
        }
    };
    text.lines().flat_map(value).collect()
}

/// Whether an output contains the expected text, ignoring white space, or the same values.
#[must_use]
pub fn holds(output: &str, expected: &str) -> bool {
    let (has, wanted) = (single_spaced(output), single_spaced(expected));
    let of_word = |c: char| c.is_alphanumeric();
    let whole = |at: usize| {
        let before = has[..at].chars().next_back().is_some_and(of_word);
        let after = has[at + wanted.len()..].chars().next().is_some_and(of_word);
        !(before && wanted.starts_with(of_word) || after && wanted.ends_with(of_word))
    };
    has.match_indices(&wanted).any(|(at, _)| whole(at))
        || same_text(output, expected, &Given::default()) == Compared::Same
}

/// The numbers of each line that has any, sorted by value.
fn rows(text: &str) -> Vec<Vec<Number>> {
    let row = |line| {
        let mut row = numbers(line);
        row.sort_by(|a, b| a.value.total_cmp(&b.value));
        row
    };
    text.lines().map(row).filter(|row| !row.is_empty()).collect()
}

fn sorted(mut words: Vec<String>) -> Vec<String> {
    words.sort();
    words
}

/// Compares two candidates in one trial.
fn same_trial(one: &Trial, other: &Trial, given: &Given) -> Compared {
    let ended = |trial: &Trial| trial.verdict.went_well();
    match (ended(one), ended(other)) {
        (false, false) => return Compared::Nothing,
        (true, true) => {}
        _ => return Compared::Different,
    }
    let names = |trial: &Trial| trial.wrote.keys().cloned().collect::<Vec<_>>();
    if names(one) != names(other) {
        return Compared::Different;
    }
    let files = one.wrote.iter().zip(&other.wrote);
    let files: Vec<Compared> = files.map(|((_, a), (_, b))| same_text(a, b, given)).collect();
    if files.contains(&Compared::Different) {
        return Compared::Different;
    }
    if files.contains(&Compared::Same) {
        // Messages about a written file do not count.
        return Compared::Same;
    }
    if one.printed.trim().is_empty() || other.printed.trim().is_empty() {
        // A script that prints nothing is meant to be imported.
        return Compared::Nothing;
    }
    same_text(&one.printed, &other.printed, given)
}

/// Whether two candidates behaved the same in all comparable trials that both had.
#[must_use]
pub fn agree(one: &Sample, other: &Sample, given: &Given) -> bool {
    let called = |name: &String| {
        name.trim_end_matches('!').split('.').any(|part| given.called.contains(part))
    };
    let both = |wanted: &dyn Fn(&String) -> bool| -> Vec<bool> {
        let named = one.behaviour.iter().filter(|(name, _)| wanted(name));
        named.filter_map(|(name, hash)| Some(hash == other.behaviour.get(name)?)).collect()
    };
    let asked_for = both(&called);
    if !asked_for.is_empty() {
        // For a script that is imported, its output does not count.
        return asked_for.iter().all(|same| *same);
    }
    let trials: BTreeMap<&str, &Trial> =
        other.trials.iter().map(|trial| (trial.given.as_str(), trial)).collect();
    let compared: Vec<Compared> = one
        .trials
        .iter()
        .filter_map(|trial| Some(same_trial(trial, trials.get(trial.given.as_str())?, given)))
        .collect();
    if compared.contains(&Compared::Different) {
        return false;
    }
    if compared.contains(&Compared::Same) {
        return true;
    }
    let functions = both(&|_| true);
    !functions.is_empty() && functions.iter().all(|same| *same)
}

/// The first trial in which two candidates both ran and differ.
#[must_use]
pub fn differing<'s>(one: &'s Sample, other: &Sample, given: &Given) -> Option<&'s str> {
    let differs = |trial: &&Trial| {
        let same = other.trials.iter().find(|o| o.given == trial.given);
        same.is_some_and(|o| same_trial(trial, o, given) == Compared::Different)
    };
    one.trials.iter().find(differs).map(|trial| trial.given.as_str())
}

/// For each candidate, the indices of those that agree with it, including itself.
#[must_use]
pub fn groups(samples: &[Sample], given: &Given) -> Vec<Vec<usize>> {
    let with = |place: usize| {
        let all = 0..samples.len();
        all.filter(|other| *other == place || agree(&samples[place], &samples[*other], given))
            .collect()
    };
    (0..samples.len()).map(with).collect()
}
