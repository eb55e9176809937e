//! Whether two scripts do the same, as far as it was seen: by the values in what they print and write,
//! not by its layout. Pure.
//!
//! Two scripts that were written independently and give the same values for the same inputs are most
//! likely right; nothing else that can be had without asking anybody says so much.

use redraft_domain::report::Trial;
use redraft_domain::session::{Sample, Session};
use redraft_domain::text::single_spaced;
use regex::Regex;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

/// How two candidates compare in something that both did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compared {
    /// The same values.
    Same,
    /// Other values.
    Different,
    /// Nothing that could be compared.
    Nothing,
}

/// Words that stand for values, because the user gave them: those of the data, the arguments and the
/// typed input.
#[derive(Clone, Debug, Default)]
pub struct Given {
    words: BTreeSet<String>,
    /// Names in the request that are written as something to call or to import.
    called: BTreeSet<String>,
}

impl Given {
    /// What the user of a session gave, as far as the session knows it: of files of data their first
    /// rows.
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

/// A number in a text, with the digits behind its point.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Number {
    value: f64,
    decimals: u32,
}

impl Number {
    /// Whether two numbers are the same, as exactly as the less exact one was written.
    fn is_near(self, other: Self) -> bool {
        let decimals = i32::try_from(self.decimals.min(other.decimals)).unwrap_or(i32::MAX);
        let unit = 10f64.powi(-decimals);
        // Half a unit, and what the rounding of halves may add.
        let near = if self.decimals == other.decimals { unit * 0.01 } else { unit * 0.51 };
        let scale = self.value.abs().max(other.value.abs());
        (self.value - other.value).abs() <= near + scale * 1e-12
    }
}

static NUMBER: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?").ok());
static CALLED: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"([A-Za-z_][A-Za-z0-9_]*)\(|\bclass ([A-Z][A-Za-z0-9_]*)").ok());

/// The numbers of a text, in order.
fn numbers(text: &str) -> Vec<Number> {
    let Some(pattern) = NUMBER.as_ref() else { return Vec::new() };
    let of = |found: regex::Match<'_>| {
        let written = found.as_str().replace(',', "");
        let decimals = written.split_once('.').map_or(0, |(_, digits)| digits.len());
        let before = text[..found.start()].chars().next_back();
        let further = text[..found.start()].chars().rev().nth(1);
        // A minus between two words or numbers is a dash.
        let minus = matches!(before, Some('-' | '\u{2212}'))
            && further.is_none_or(|c| !c.is_alphanumeric());
        let value: f64 = written.parse().ok()?;
        let value = if minus { -value } else { value };
        Some(Number { value, decimals: u32::try_from(decimals).unwrap_or(u32::MAX) })
    };
    pattern.find_iter(text).filter_map(of).collect()
}

/// The words of a text in small letters, without the marks between them.
fn words(text: &str) -> impl Iterator<Item = String> {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase)
}

/// Names that a request writes as Python does where they are called or defined: `add_vat(net, rate=19)`,
/// `class Wallet`. Whoever asks for them imports the script.
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

/// Texts that stand in marks in a request: what values look like there.
#[must_use]
pub fn quoted(request: &str) -> Vec<String> {
    let Some(pattern) = QUOTED.as_ref() else { return Vec::new() };
    let inner = |found: regex::Captures<'_>| {
        let inner = found.get(1).or_else(|| found.get(2));
        inner.map(|inner| inner.as_str().to_owned())
    };
    pattern.captures_iter(request).filter_map(inner).take(8).collect()
}

/// Whether two texts hold the same values.
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
        // The order within a line is layout; that of the lines is not.
        let same = near(&numbers_one, &numbers_other)
            || (lines.len() == others.len() && lines.iter().zip(&others).all(|(a, b)| near(a, b)));
        same && sorted(said_one) == sorted(said_other)
    };
    if equal { Compared::Same } else { Compared::Different }
}

/// A text without the margins around it: what is drawn with characters is all layout.
fn drawing(text: &str) -> Vec<&str> {
    let lines = || text.lines().filter(|line| !line.trim().is_empty());
    let margin = |line: &str| line.len() - line.trim_start_matches(' ').len();
    let least = lines().map(margin).min().unwrap_or(0);
    lines().map(|line| line[least..].trim_end()).collect()
}

/// The words of a text without what stands before a colon in a line, as in `Initials: AMB`.
fn without_labels(text: &str) -> Vec<String> {
    let value = |line: &str| -> Vec<String> {
        match line.split_once(": ") {
            Some((_, value)) if value.contains(char::is_alphanumeric) => words(value).collect(),
            _ => words(line).collect(),
        }
    };
    text.lines().flat_map(value).collect()
}

/// Whether an output holds what is expected: the text itself, but for white space, or the same values.
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

/// The numbers of each line that has some, in the order of their size.
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

/// Whether two candidates did the same in one trial.
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
        // What is said of a file is no part of it.
        return Compared::Same;
    }
    if one.printed.trim().is_empty() || other.printed.trim().is_empty() {
        // What shows nothing is there for others to call.
        return Compared::Nothing;
    }
    same_text(&one.printed, &other.printed, given)
}

/// Whether two candidates do the same, in all that was tried with both and could be compared.
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
        // Whoever imports it does not look at what it prints.
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

/// The first trial in which two candidates that both ran do something else.
#[must_use]
pub fn differing<'s>(one: &'s Sample, other: &Sample, given: &Given) -> Option<&'s str> {
    let differs = |trial: &&Trial| {
        let same = other.trials.iter().find(|o| o.given == trial.given);
        same.is_some_and(|o| same_trial(trial, o, given) == Compared::Different)
    };
    one.trials.iter().find(differs).map(|trial| trial.given.as_str())
}

/// Of each candidate, the places of those that agree with it, itself among them.
#[must_use]
pub fn groups(samples: &[Sample], given: &Given) -> Vec<Vec<usize>> {
    let with = |place: usize| {
        let all = 0..samples.len();
        all.filter(|other| *other == place || agree(&samples[place], &samples[*other], given))
            .collect()
    };
    (0..samples.len()).map(with).collect()
}
