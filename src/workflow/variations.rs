//! Variations of a script's input: other numbers in the same places, rows left out and repeated.
//! Scripts that only happen to agree on one input differ on others. Pure.

use crate::domain::text::quoted;
use regex::{Captures, Regex};
use std::sync::LazyLock;

/// Maximum size of a file that is varied, in bytes.
const LONGEST: usize = 256 * 1024;
/// Maximum number of files that are added.
const FURTHER: usize = 8;
/// Minimum number of lines for leaving rows out.
const ROWS: usize = 4;

/// The input of a script.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inputs {
    /// Its command-line arguments.
    pub args: Vec<String>,
    /// Standard input.
    pub stdin: String,
    /// The data files: name and content.
    pub files: Vec<(String, Vec<u8>)>,
}

/// A variation of the input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variation {
    /// What was changed, as text for the user.
    pub what: &'static str,
    /// The changed input.
    pub inputs: Inputs,
}

/// A standalone number: not part of a name, a date, a time, a version or an address.
static NUMBER: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?P<before>^|[\s,;|=(\[{\x22'$€£]|\x22:)(?P<minus>-?)(?P<whole>\d{1,9})(?P<rest>\.\d{1,6})?(?P<after>$|[\s,;|)\]}\x22'%€£])").ok()
});

/// The variations of an input; empty if nothing in it can be varied.
#[must_use]
pub fn of(inputs: &Inputs) -> Vec<Variation> {
    let all = [
        ("other numbers", texts(inputs, other_numbers, other_value)),
        ("the arguments in another order", reordered(inputs)),
        ("rows left out and repeated", texts(inputs, other_rows, str::to_owned)),
        ("further files", further_files(inputs)),
    ];
    let changed = all.into_iter().filter(|(_, varied)| varied != inputs);
    changed.map(|(what, inputs)| Variation { what, inputs }).collect()
}

/// Maximum number of arguments that are changed one by one.
const ARGUMENTS: usize = 4;

/// Copies of the input, each with one argument or the data files' content replaced, and the name of
/// what was replaced. A script whose output stays the same does not use it.
#[must_use]
pub fn without_one(inputs: &Inputs) -> Vec<(String, Inputs)> {
    let first = |text: &str| text.split_inclusive('\n').next().unwrap_or_default().to_owned();
    let emptied = texts(inputs, first, str::to_owned);
    let files = (emptied != *inputs).then(|| ("what is in the data files".to_owned(), emptied));
    let argument = |at: usize| {
        let mut other = inputs.clone();
        // A script may have the names of its data files built in.
        let is_own = |arg: &&mut String| inputs.files.iter().all(|(name, _)| name != &**arg);
        let arg = other.args.get_mut(at).filter(is_own)?;
        let what = format!("the argument {}", quoted(arg));
        let number = other_value(arg);
        *arg = if number == *arg { other_word(arg) } else { number };
        Some((what, other))
    };
    files.into_iter().chain((0..ARGUMENTS).filter_map(argument)).collect()
}

/// The input with its files changed by `file`, and its arguments and standard input by `said`.
fn texts(inputs: &Inputs, file: impl Fn(&str) -> String, said: impl Fn(&str) -> String) -> Inputs {
    let names: Vec<&str> = inputs.files.iter().map(|(name, _)| name.as_str()).collect();
    let argument = |arg: &String| {
        if names.contains(&arg.as_str()) { arg.clone() } else { said(arg) }
    };
    let content = |(name, bytes): &(String, Vec<u8>)| {
        let text = std::str::from_utf8(bytes).ok().filter(|text| text.len() <= LONGEST);
        (name.clone(), text.map_or_else(|| bytes.clone(), |text| file(text).into_bytes()))
    };
    Inputs {
        args: inputs.args.iter().map(argument).collect(),
        stdin: inputs.stdin.split_inclusive('\n').map(&said).collect(),
        files: inputs.files.iter().map(content).collect(),
    }
}

/// The input with additional files under other names, if there are several files: a script that
/// processes all files of a folder has to handle other names.
fn further_files(inputs: &Inputs) -> Inputs {
    let mut files = inputs.files.clone();
    let parts = |name: &str| {
        let (stem, end) = name.rsplit_once('.')?;
        Some((stem.to_owned(), end.to_owned()))
            .filter(|(stem, end)| !stem.is_empty() && !end.is_empty())
    };
    let named: Vec<_> =
        files.iter().filter_map(|(name, content)| Some((parts(name)?, content.clone()))).collect();
    if named.len() > 1 {
        for (((stem, end), content), ((other_stem, other), _)) in
            named.iter().zip(named.iter().rev())
        {
            for name in [
                format!("{stem}.{end}.{other}"),
                format!("the {end} {other_stem}.{end}"),
                format!("{}.{}", stem.to_uppercase(), end.to_uppercase()),
                stem.clone(),
            ] {
                if files.iter().all(|(there, _)| !there.eq_ignore_ascii_case(&name)) {
                    files.push((name, content.clone()));
                }
            }
        }
    }
    files.truncate(inputs.files.len() + FURTHER);
    Inputs { files, ..inputs.clone() }
}

/// A word with every letter replaced by the next one of the alphabet.
fn other_word(word: &str) -> String {
    let next = |c: char| match c {
        'z' => 'a',
        'Z' => 'A',
        'a'..='y' | 'A'..='Y' => char::from_u32(u32::from(c) + 1).unwrap_or(c),
        _ => c,
    };
    let other: String = word.chars().map(next).collect();
    if other == word { other + "x" } else { other }
}

/// Another value of the same kind: other numbers, otherwise smaller digits, which mostly keep a
/// date or a time valid.
fn other_value(text: &str) -> String {
    let other = other_numbers(text);
    if other != text {
        return other;
    }
    let smaller = |c: char| match c.to_digit(10) {
        Some(digit @ 2..) => char::from_digit(digit - 1, 10).unwrap_or(c),
        _ => c,
    };
    text.chars().map(smaller).collect()
}

/// The input with its arguments reversed, if they are all of one kind, such as dates.
fn reordered(inputs: &Inputs) -> Inputs {
    let kind = |arg: &String| -> String {
        arg.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect()
    };
    let is_date = |kind: &String| kind.contains(|c: char| !c.is_ascii_digit());
    let kinds: Vec<String> = inputs.args.iter().map(kind).collect();
    let alike = kinds.windows(2).all(|two| two[0] == two[1]) && kinds.iter().all(is_date);
    let mut args = inputs.args.clone();
    if alike && kinds.iter().all(|kind| kind.contains('0')) {
        args.reverse();
    }
    Inputs { args, ..inputs.clone() }
}

/// A text with each standalone number replaced. Equal numbers stay equal, so that rows that belong
/// together still match.
fn other_numbers(text: &str) -> String {
    let Some(pattern) = NUMBER.as_ref() else { return text.to_owned() };
    let other = |found: &Captures<'_>| {
        let part = |name| found.name(name).map_or("", |m| m.as_str());
        let (whole, rest) = (part("whole"), part("rest"));
        format!("{}{}{}{rest}{}", part("before"), part("minus"), near(whole), part("after"))
    };
    // The separator after a number is also the one before the next number, so matches overlap by
    // it.
    let lines = text.split_inclusive('\n').map(|line| {
        let (line, end) = line.strip_suffix('\n').map_or((line, ""), |line| (line, "\n"));
        let mut varied = String::new();
        let mut rest = line;
        while let Some(found) = pattern.captures(rest) {
            let (Some(all), Some(after)) = (found.get(0), found.name("after")) else { break };
            varied.push_str(&rest[..all.start()]);
            let whole = other(&found);
            varied.push_str(&whole[..whole.len() - after.as_str().len()]);
            if after.as_str().is_empty() {
                rest = "";
                break;
            }
            // The next match may start at the same separator.
            rest = &rest[after.start()..];
            if all.end() == after.start() {
                break;
            }
        }
        varied + rest + end
    });
    lines.collect()
}

/// Another number of about the same size. 0 and 1 stay, since they often mean no and yes.
fn near(whole: &str) -> String {
    if whole.starts_with('0') {
        return whole.to_owned();
    }
    match whole.parse::<u64>() {
        Ok(n @ 2..=9) => (2 + (n * 3 + 1) % 8).to_string(),
        Ok(n @ 10..) => (n + n / 7 + 3).to_string(),
        _ => whole.to_owned(),
    }
}

/// A text with every third line after the first two left out, and the second line repeated at the
/// end.
fn other_rows(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let is_table = lines.len() >= ROWS && !text.trim_start().starts_with(['{', '[', '<']);
    if !is_table {
        return text.to_owned();
    }
    let left = lines.iter().enumerate().filter(|(at, _)| *at < 2 || at % 3 != 0);
    let again = std::iter::once(lines[1]);
    left.map(|(_, line)| *line).chain(again).flat_map(|line| [line, "\n"]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standalone_numbers_change_and_equal_ones_stay_equal() {
        for (text, varied) in [
            ("name,age\nAnn,30\nBob,7\nCy,30\n", "name,age\nAnn,37\nBob,8\nCy,37\n"),
            ("1,2,3", "1,9,4"),
            ("12.50;3.5", "16.50;4.5"),
            ("x=12 y=-30", "x=16 y=-37"),
            ("2026-11-30,09:30,v2,10.0.0.1", "2026-11-30,09:30,v2,10.0.0.1"),
            ("{\"a\": 12, \"b\": [10, 20]}", "{\"a\": 16, \"b\": [14, 25]}"),
            ("0,1,007", "0,1,007"),
            ("no numbers", "no numbers"),
        ] {
            assert_eq!(other_numbers(text), varied);
        }
    }

    #[test]
    fn rows_of_a_table_are_left_out_and_repeated() {
        for (text, varied) in [
            ("h\na\nb\nc\nd\n", "h\na\nb\nd\na\n"),
            ("h\na\n", "h\na\n"),
            ("{\n\"a\": 1,\n\"b\": 2\n}\n", "{\n\"a\": 1,\n\"b\": 2\n}\n"),
        ] {
            assert_eq!(other_rows(text), varied);
        }
    }

    #[test]
    fn each_variation_changes_the_input_but_no_file_names() {
        let inputs = Inputs {
            args: vec!["data7.csv".into(), "40".into(), "12".into()],
            stdin: "5\nyes\n".into(),
            files: vec![("data7.csv".into(), b"h\n20\n30\n40\n".to_vec()), ("x".into(), vec![255])],
        };
        let varied = of(&inputs);
        let whats: Vec<&str> = varied.iter().map(|v| v.what).collect();
        assert_eq!(whats, ["other numbers", "rows left out and repeated"]);
        assert_eq!(varied[0].inputs.args, ["data7.csv", "48", "16"]);
        assert_eq!(varied[0].inputs.stdin, "2\nyes\n");
        assert_eq!(varied[1].inputs.args, inputs.args);
        assert_eq!(varied[1].inputs.files[0].1, b"h\n20\n30\n20\n");
        let without = without_one(&inputs);
        let whats: Vec<&str> = without.iter().map(|(what, _)| what.as_str()).collect();
        assert_eq!(whats, ["what is in the data files", "the argument `40`", "the argument `12`"]);
        assert_eq!(without[0].1.files[0].1, b"h\n");
        assert_eq!(without[2].1.args, ["data7.csv", "40", "16"]);
        assert_eq!(of(&Inputs::default()), []);
        let said =
            Inputs { args: vec!["otto".into(), "Zoé".into(), "é".into()], ..Inputs::default() };
        let others: Vec<String> = (0..)
            .zip(without_one(&said))
            .map(|(at, (_, other)): (usize, _)| other.args[at].clone())
            .collect();
        assert_eq!(others, ["puup", "Apé", "éx"]);
        let dates = ["2026-02-10", "2026-03-05"].map(str::to_owned).to_vec();
        let varied = of(&Inputs { args: dates, ..Inputs::default() });
        let args: Vec<&[String]> = varied.iter().map(|v| v.inputs.args.as_slice()).collect();
        assert_eq!(args, [["1015-01-10", "1015-02-04"], ["2026-03-05", "2026-02-10"]]);
        assert_eq!(without_one(&Inputs::default()), []);
    }
}
