//! `cases.yaml`: inputs for a script and expected results. Pure.

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::sync::LazyLock;

use regex::Regex;
use serde::Deserialize;
use serde::de::{Deserializer, Error, SeqAccess, Visitor};

use redraft_domain::report::RunError;
use redraft_domain::text::{count, one_line};
use redraft_files::yaml;

/// Maximum number of cases in a file.
const MOST: usize = 200;
/// Maximum number of characters in a case's name.
const LONGEST_NAME: usize = 100;
/// Maximum number of characters of output quoted in a message.
const QUOTED: usize = 120;
/// Default tolerance of expected numbers.
const NEAR: f64 = 1e-6;

/// One case.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Case {
    name: Text,
    #[serde(default)]
    args: Vec<Text>,
    #[serde(default)]
    stdin: Text,
    #[serde(default)]
    files: BTreeMap<Place, Text>,
    stdout: Option<Text>,
    pattern: Option<Pattern>,
    number: Option<Numbers>,
    tolerance: Option<Tolerance>,
    #[serde(default)]
    exit_code: i32,
}

/// How the script ended.
pub(super) struct Ended<'a> {
    /// Exit code, unless it was killed or stopped.
    pub(super) exit: Option<i32>,
    /// Otherwise, a description of how it ended.
    pub(super) words: &'a str,
    /// Standard output.
    pub(super) stdout: &'a str,
    /// The error that ended it.
    pub(super) error: Option<&'a RunError>,
}

/// Parses a file of cases.
///
/// # Errors
/// Describes what is wrong; errors of the YAML parser include line and column.
pub(super) fn read(text: &str) -> Result<Vec<Case>, String> {
    let cases: Vec<Case> = yaml::read(text)?;
    if cases.is_empty() {
        return Err("it holds no case".to_owned());
    }
    if cases.len() > MOST {
        return Err(format!("it holds {} cases, more than {MOST}", cases.len()));
    }
    let mut names = HashSet::new();
    for case in &cases {
        let name = case.name();
        let wrong = |what: &str| Err(format!("the case `{}` {what}", one_line(name, 60)));
        if name.trim().is_empty() || name.chars().count() > LONGEST_NAME {
            return Err(format!("a case's name has 1 to {LONGEST_NAME} characters"));
        }
        if !names.insert(name) {
            return wrong("stands there twice");
        }
        if case.tolerance.is_some() && case.number.is_none() {
            return wrong("has a `tolerance` and no `number`");
        }
    }
    Ok(cases)
}

impl Case {
    pub(super) fn name(&self) -> &str {
        &self.name.0
    }

    /// Command-line arguments.
    pub(super) fn args(&self) -> Vec<String> {
        self.args.iter().map(|arg| arg.0.clone()).collect()
    }

    /// Standard input.
    pub(super) fn stdin(&self) -> &str {
        &self.stdin.0
    }

    /// The files for the work folder: name and content.
    pub(super) fn files(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().map(|(place, text)| (place.0.as_str(), text.0.as_str()))
    }

    /// Compares the result with what is expected.
    ///
    /// # Errors
    /// Describes the difference, and the case's input.
    pub(super) fn judge(&self, ended: &Ended<'_>) -> Result<(), String> {
        self.compare(ended).map_err(|why| format!("{}{why}", self.given()))
    }

    /// The arguments and the input, as the start of a message; empty if there are none.
    fn given(&self) -> String {
        let mut parts = Vec::new();
        if !self.args.is_empty() {
            let args: Vec<&str> = self.args.iter().map(|arg| arg.0.as_str()).collect();
            let args = shlex::try_join(args.iter().copied()).unwrap_or_else(|_| args.join(" "));
            parts.push(format!("the arguments `{}`", one_line(&args, QUOTED)));
        }
        if !self.stdin().is_empty() {
            parts.push(format!("the input `{}`", one_line(self.stdin(), QUOTED)));
        }
        if parts.is_empty() { String::new() } else { format!("with {}: ", parts.join(" and ")) }
    }

    fn compare(&self, ended: &Ended<'_>) -> Result<(), String> {
        if ended.exit != Some(self.exit_code) {
            let how = match ended.exit {
                Some(code) => format!("it ended with exit code {code}, not {}", self.exit_code),
                None => ended.words.to_owned(),
            };
            let error = ended.error.map_or_else(String::new, |error| {
                let line = error.line.map_or_else(String::new, |line| format!(" (line {line})"));
                let words = format!("{}: {}", error.kind, error.message);
                format!(": {}{line}", one_line(words.trim_start_matches(": "), 2 * QUOTED))
            });
            return Err(how + &error);
        }
        let printed = || one_line(ended.stdout, QUOTED);
        if let Some(Text(expected)) = &self.stdout {
            same(expected, ended.stdout)?;
        }
        if let Some(Pattern(pattern)) = &self.pattern
            && !pattern.is_match(ended.stdout)
        {
            return Err(format!(
                "the output does not match `{}`; it is `{}`",
                one_line(pattern.as_str(), QUOTED),
                printed()
            ));
        }
        let near = self.tolerance.as_ref().map_or(NEAR, |tolerance| tolerance.0);
        match &self.number {
            None => Ok(()),
            Some(Numbers::Last(expected)) => match numbers(ended.stdout).last() {
                Some(found) if (found - expected).abs() <= near => Ok(()),
                Some(found) => {
                    Err(format!("the last number of the output is {found}, not {expected}"))
                }
                None => Err(format!(
                    "no number in the output, `{}`; {expected} was expected",
                    printed()
                )),
            },
            Some(Numbers::All(expected)) => all(expected, &numbers(ended.stdout), near),
        }
    }
}

/// Compares two outputs, ignoring white space at the ends of lines and of the text.
fn same(expected: &str, found: &str) -> Result<(), String> {
    let lines = |text: &'_ str| -> Vec<String> {
        text.trim_end().lines().map(|line| line.trim_end().to_owned()).collect()
    };
    let (expected, found) = (lines(expected), lines(found));
    let differs = expected.iter().zip(&found).position(|(a, b)| a != b);
    if let Some(at) = differs {
        let (expected, found) = (quote(&expected[at]), quote(&found[at]));
        return Err(format!("line {} of the output is `{found}`, not `{expected}`", at + 1));
    }
    if let Some(missing) = expected.get(found.len()) {
        let printed = count(found.len(), "line");
        let missing = quote(missing);
        return Err(format!("the output ends after {printed}; `{missing}` was expected next"));
    }
    match found.get(expected.len()) {
        Some(more) => {
            let more = quote(more);
            Err(format!("the output goes on after line {} with `{more}`", expected.len()))
        }
        None => Ok(()),
    }
}

/// A line of output for a message, with its indentation.
fn quote(line: &str) -> String {
    let indent = line.chars().take_while(|c| c.is_whitespace()).count().min(QUOTED);
    " ".repeat(indent) + &one_line(line, QUOTED)
}

fn all(expected: &[f64], found: &[f64], near: f64) -> Result<(), String> {
    let differs = expected.iter().zip(found).position(|(a, b)| (a - b).abs() > near);
    if let Some(at) = differs {
        return Err(format!(
            "number {} of the output is {}, not {}",
            at + 1,
            found[at],
            expected[at]
        ));
    }
    if expected.len() == found.len() {
        return Ok(());
    }
    let (expected, found) = (expected.len(), found.len());
    Err(format!("the output has {}, {expected} were expected", count(found, "number")))
}

/// The numbers in a text, in order. Digits directly after a letter, as in `v2`, do not count.
fn numbers(text: &str) -> Vec<f64> {
    static NUMBER: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"[-+−]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?").ok()
    });
    let Some(number) = &*NUMBER else { return Vec::new() };
    let mut numbers = Vec::new();
    for found in number.find_iter(text) {
        let before = text[..found.start()].chars().next_back();
        let goes_on = before.is_some_and(|c| c.is_alphanumeric() || c == '_');
        let word = found.as_str().replace('−', "-");
        let digits = word.trim_start_matches(['-', '+']);
        // The hyphen in `2026-11-21` and `x-1` is not a minus sign.
        let word = if goes_on && digits.len() < word.len() { digits } else { word.as_str() };
        if !goes_on || digits.len() < found.as_str().len() {
            numbers.extend(word.parse::<f64>().ok());
        }
    }
    numbers
}

/// Deserializes a plain value as text, so that errors are reported with their line.
struct Scalar<T> {
    expected: &'static str,
    read: fn(&str) -> Result<T, String>,
    /// Accepts fractions. Not for text, because YAML would turn `1.10` into 1.1.
    fractions: bool,
}

impl<T> Visitor<'_> for Scalar<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.expected)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        (self.read)(text).map_err(E::custom)
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
        self.visit_str(&number.to_string())
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<T, E> {
        if self.fractions {
            return self.visit_str(&number.to_string());
        }
        Err(E::custom(format!("put quotes around the text `{number}`")))
    }
}

/// A text; integers are accepted as written.
#[derive(Clone, Debug, Default)]
struct Text(String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = |text: &str| Ok(Self(text.to_owned()));
        deserializer.deserialize_any(Scalar { expected: "a text", read, fractions: false })
    }
}

/// The name of a file in the work folder.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place(String);

impl<'de> Deserialize<'de> for Place {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = |name: &str| {
            let plain = |part: &str| !part.is_empty() && !part.starts_with('.');
            let inside = name.split('/').all(plain) && !name.contains(['\\', '\0', ':']);
            if inside && !super::is_the_scripts(name) && name.len() <= 200 {
                return Ok(Self(name.to_owned()));
            }
            Err(format!("`{}` is no name for a file in the work folder", one_line(name, 60)))
        };
        deserializer.deserialize_any(Scalar { expected: "a file's name", read, fractions: false })
    }
}

/// A regular expression that is searched anywhere in the output.
#[derive(Clone, Debug)]
struct Pattern(Regex);

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = |pattern: &str| {
            Regex::new(pattern).map(Self).map_err(|error| {
                let told = error.to_string();
                let why = told.lines().last().unwrap_or_default().trim_start_matches("error: ");
                format!("`{}` is no regular expression: {why}", one_line(pattern, 60))
            })
        };
        let expected = "a regular expression";
        deserializer.deserialize_any(Scalar { expected, read, fractions: false })
    }
}

/// Largest allowed difference of a number.
#[derive(Clone, Copy, Debug)]
struct Tolerance(f64);

impl<'de> Deserialize<'de> for Tolerance {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let read = |number: &str| match number.parse() {
            Ok(number) if number >= 0.0 => Ok(Self(number)),
            _ => Err("a tolerance is a number of at least 0".to_owned()),
        };
        deserializer.deserialize_any(Scalar { expected: "a number", read, fractions: true })
    }
}

/// Expected numbers.
#[derive(Clone, Debug)]
enum Numbers {
    /// The last number of the output.
    Last(f64),
    /// All numbers of the output, in order.
    All(Vec<f64>),
}

impl<'de> Deserialize<'de> for Numbers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneOrMore;
        impl<'de> Visitor<'de> for OneOrMore {
            type Value = Numbers;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number or a list of numbers")
            }

            #[expect(clippy::cast_precision_loss, reason = "it is compared within a tolerance")]
            fn visit_i64<E: Error>(self, number: i64) -> Result<Numbers, E> {
                Ok(Numbers::Last(number as f64))
            }

            #[expect(clippy::cast_precision_loss, reason = "it is compared within a tolerance")]
            fn visit_u64<E: Error>(self, number: u64) -> Result<Numbers, E> {
                Ok(Numbers::Last(number as f64))
            }

            fn visit_f64<E: Error>(self, number: f64) -> Result<Numbers, E> {
                Ok(Numbers::Last(number))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Numbers, A::Error> {
                let mut numbers = Vec::new();
                while let Some(number) = list.next_element()? {
                    numbers.push(number);
                }
                Ok(Numbers::All(numbers))
            }
        }
        deserializer.deserialize_any(OneOrMore)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that fails may say so like this")]

    use super::*;

    fn judged(case: &str, exit: Option<i32>, stdout: &str) -> Result<(), String> {
        let cases = read(&format!("- name: x\n  {}\n", case.replace('\n', "\n  "))).unwrap();
        cases[0].judge(&Ended { exit, words: "it hung", stdout, error: None })
    }

    #[test]
    fn an_output_is_what_is_expected_or_the_difference_is_named() {
        for (case, printed, said) in [
            ("stdout: '5'", "5\n", ""),
            ("stdout: 5", "5  \n\n", ""),
            ("stdout: |\n  a\n  b", "a \r\nb", ""),
            ("stdout: |\n  a\n  b", "a\nc\n", "line 2 of the output is `c`, not `b`"),
            ("stdout: |\n  a\n  b", "a\n", "the output ends after 1 line; `b` was expected next"),
            ("stdout: a", "a\nb", "the output goes on after line 1 with `b`"),
            ("stdout: ''", "", ""),
            ("stdout: ' a'", "a", "line 1 of the output is `a`, not ` a`"),
            ("pattern: '^b+$'", "abb", "does not match `^b+$`; it is `abb`"),
            ("pattern: '(?m)^b+$'", "a\nbb\n", ""),
            ("number: 3", "1 and 2 make 3\n", ""),
            ("number: 3.0", "= 3.0000001", ""),
            ("number: 3", "3 of 4", "the last number of the output is 4, not 3"),
            ("number: 3", "three", "no number in the output, `three`; 3 was expected"),
            ("number: 3.1\ntolerance: 0.1", "3.14", ""),
            ("number: -2.5e3", "x = −2500", ""),
            ("number: [1, 2]", "a1: 1, 2.0.", ""),
            ("number: [2026, 11, 21]", "2026-11-21", ""),
            ("number: [1, 2]", "1 3", "number 2 of the output is 3, not 2"),
            ("number: [1, 2]", "1", "the output has 1 number, 2 were expected"),
            ("number: []", "1", "the output has 1 number, 0 were expected"),
        ] {
            match (judged(case, Some(0), printed), said) {
                (Ok(()), "") => {}
                (Err(why), said) if !said.is_empty() => assert!(why.contains(said), "{why}"),
                (result, said) => panic!("{case}: {printed}: {result:?} instead of {said}"),
            }
        }
    }

    #[test]
    fn a_script_that_ends_otherwise_than_expected_fails_whatever_it_prints() {
        assert_eq!(judged("exit_code: 2\nstdout: a", Some(2), "a"), Ok(()));
        let said = |exit| judged("stdout: a", exit, "a").unwrap_err();
        assert_eq!(said(Some(1)), "it ended with exit code 1, not 0");
        assert_eq!(said(None), "it hung");
        let given =
            judged("args: [-n, a b]\nstdin: |\n  3\n  4\nstdout: a", Some(0), "b").unwrap_err();
        assert!(
            given.starts_with("with the arguments `-n 'a b'` and the input `3 4`: line 1"),
            "{given}"
        );
    }

    #[test]
    fn a_file_that_is_not_understood_is_refused_at_its_line() {
        for (text, said) in [
            ("", "it holds no case"),
            ("a: 1\n", "expected a sequence"),
            ("[]", "it holds no case"),
            ("- nam: x\n", "line 1 column 3"),
            ("- name: x\n  stdout: [1]\n", "line 2 column 11"),
            ("- name: x\n  arg: [1]\n", "unknown field `arg`"),
            ("- name: x\n- name: x\n", "the case `x` stands there twice"),
            ("- name: ''\n", "1 to 100 characters"),
            ("- name: x\n  pattern: '('\n", "no regular expression: unclosed group"),
            ("- name: x\n  pattern: '('\n", "line 2 column 12"),
            ("- name: x\n  number: five\n", "a number or a list of numbers"),
            ("- name: x\n  number: 1\n  tolerance: -1\n", "line 3 column"),
            ("- name: x\n  tolerance: 1\n", "has a `tolerance` and no `number`"),
            ("- name: x\n  args: [1.10]\n", "put quotes around"),
            ("- name: x\n  files: {../a: b}\n", "`../a` is no name for a file"),
            ("- name: x\n  files: {script_v1.py: b}\n", "is no name for a file"),
            ("- name: x\n  name: y\n", "line 2"),
            ("- name: x\n  exit_code: a\n", "line 2 column"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
        }
    }

    #[test]
    fn a_case_gives_what_it_says() {
        let text = "- name: x\n  args: [-n, 3, 'true']\n  stdin: |\n    4\n  files: {a/b.csv: 1}\n";
        let case = &read(text).unwrap()[0];
        assert_eq!(
            (case.args(), case.stdin()),
            (["-n", "3", "true"].map(String::from).into(), "4\n")
        );
        assert_eq!(case.files().collect::<Vec<_>>(), [("a/b.csv", "1")]);
    }
}
