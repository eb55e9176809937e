//! What a plan says the script can be tried with: arguments, and lines that are typed.
//!
//! In a plan that we wrote, and that a person may edit:
//!
//! ```text
//! ## Try it with
//!
//! - arguments: --city 'New York'
//! - input: 3
//! ```
//!
//! A Planner may also write `Try with input: 3` anywhere.

use super::lists;
use crate::domain::plan::TRY_IT_WITH;
use crate::domain::text::one_line;
use std::fmt::Write;

/// Under this it stands in a plan that we wrote.
pub(super) const HEADING: &str = TRY_IT_WITH;
/// What is said there if nothing is given.
pub(super) const NOTHING: &str = "none";
/// More lines than this are a model that does not stop.
const MOST_LINES: usize = 50;
/// Characters of one line.
const MOST_WIDTH: usize = 500;

/// What the script is given when it runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Given {
    /// Its command-line arguments.
    pub args: Vec<String>,
    /// What it reads from standard input before end of file.
    pub stdin: String,
}

impl Given {
    /// Takes a line as it is written under [`HEADING`], whatever stands in it.
    pub(super) fn take(&mut self, line: &str) -> Option<()> {
        if let Some(args) = line.strip_prefix("arguments: ").filter(|_| self.args.is_empty()) {
            self.args = shlex::split(args)?;
        } else {
            self.stdin.push_str(line.strip_prefix("input: ")?);
            self.stdin.push('\n');
        }
        Some(())
    }
}

enum Line<'a> {
    /// Says nothing by itself, but is one of these.
    Empty,
    /// In pieces, where each stands in marks of its own.
    Arguments(Vec<&'a str>),
    /// Each piece is a line.
    Input(Vec<&'a str>),
}

impl Line<'_> {
    /// Whether it is more than a model's way of saying that there is nothing.
    fn is_real(&self) -> bool {
        let (Self::Arguments(pieces) | Self::Input(pieces)) = self else { return false };
        let text = pieces.join(" ");
        let plain = text.trim_matches(['(', ')', '.', '…', '<', '>', ' ']);
        text.is_empty() || !(plain.is_empty() || plain.eq_ignore_ascii_case(NOTHING))
    }
}

/// What a text in no form says that the script can be tried with.
#[must_use]
pub fn read(plan: &str) -> Given {
    let mut given = Given::default();
    let mut lines = 0;
    for line in sorted(plan).filter_map(|(_, line)| line) {
        match line {
            // Quotes that are not closed leave nothing that could be meant.
            Line::Arguments(words) if given.args.is_empty() => {
                given.args = shlex::split(&words.join(" ")).unwrap_or_default();
            }
            Line::Input(typed) => {
                for text in typed.into_iter().take(MOST_LINES - lines) {
                    given.stdin.extend(text.chars().take(MOST_WIDTH));
                    given.stdin.push('\n');
                    lines += 1;
                }
            }
            _ => {}
        }
    }
    given
}

/// What a model can have meant of it: without the command that would start the script, and without
/// options that nothing in the plan speaks of, as of the example that it was shown.
pub(super) fn meant(mut given: Given, plan: &str) -> Given {
    let plan = plan.to_lowercase();
    let is_script = |word: &String| word.to_ascii_lowercase().ends_with(".py");
    if let Some(script) = given.args.iter().take(3).position(is_script) {
        given.args.drain(..=script);
    }
    let spoken_of = |word: &String| {
        let name = word.strip_prefix("--").map(|name| name.split('=').next().unwrap_or(name));
        let mut parts = name.into_iter().flat_map(|name| name.split(['-', '_']));
        parts.all(|part| plan.contains(&part.to_lowercase()))
    };
    if !given.args.iter().all(spoken_of) {
        given.args.clear();
    }
    let starts_it = |line: &str| line.starts_with("python") && line.contains(".py");
    if given.stdin.lines().any(starts_it) {
        given.stdin.clear();
    }
    given
}

/// The text without the lines that say so.
pub(super) fn without(text: &str) -> String {
    let others = sorted(text).filter(|(_, line)| line.is_none());
    others.map(|(line, _)| line).collect::<Vec<_>>().join("\n")
}

/// The same as a part of a plan; empty where there is nothing to say.
pub(super) fn write(given: &Given) -> String {
    let mut text = String::new();
    if !given.args.is_empty() {
        let quoted = shlex::try_join(given.args.iter().map(String::as_str)).unwrap_or_default();
        let _ = writeln!(text, "- arguments: {}", one_line(&quoted, MOST_WIDTH));
    }
    for line in given.stdin.lines() {
        let _ = writeln!(text, "- input: {line}");
    }
    if text.is_empty() { text } else { format!("\n{HEADING}\n\n{text}") }
}

/// The lines of a plan, with what each says of this.
fn sorted(text: &str) -> impl Iterator<Item = (&str, Option<Line<'_>>)> {
    let mut here = false;
    text.lines().map(move |line| {
        let start = lists::item(line).map_or(line.trim_start(), |item| item.text);
        let start = start.trim_start_matches(['*', '_', '`']);
        if let Some(heading) = line.trim_start().strip_prefix('#') {
            here = without_case(heading.trim_matches(['#', ' ', ':']), "try it with") == Some("");
            return (line, here.then_some(Line::Empty));
        }
        // A requirement may speak of it, and stays one.
        if super::planner::line::requirement(line).is_some() {
            return (line, None);
        }
        let said = match without_case(start, "try with ") {
            Some(rest) => {
                value(rest).map(|value| if value.is_real() { value } else { Line::Empty })
            }
            None => here.then(|| value(start)).flatten(),
        };
        (line, said)
    })
}

/// What stands behind `input:` or `arguments:`.
fn value(text: &str) -> Option<Line<'_>> {
    let after = |name: &str| {
        let rest = without_case(text, name)?.trim_start_matches(['*', '_']);
        let rest = rest.strip_prefix(':')?.trim_start_matches(['*', '_']);
        // One blank is ours, others are the Manager's.
        let rest = rest.strip_prefix(' ').unwrap_or(rest).trim_end();
        Some(ticked(rest).unwrap_or_else(|| vec![rest]))
    };
    let arguments = || ["arguments", "args", "argument"].into_iter().find_map(after);
    after("input").map(Line::Input).or_else(|| arguments().map(Line::Arguments))
}

/// What stands in marks, if nothing but that is there: "`--rows 3`", "`7`, `10`."
fn ticked(text: &str) -> Option<Vec<&str>> {
    let parts: Vec<&str> = text.strip_suffix('.').unwrap_or(text).split('`').collect();
    // A word at most, of any language.
    let between = |part: &&str| !part.trim_matches([' ', ',', ';']).contains(' ');
    let framed = parts.len() > 1 && parts.first() == Some(&"") && parts.last() == Some(&"");
    let apart = framed && parts.iter().step_by(2).all(between);
    apart.then(|| parts.into_iter().skip(1).step_by(2).collect())
}

/// What follows a prefix, in capitals or not.
fn without_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (start, rest) = text.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_model_copied_or_mistook_is_not_given_to_the_script() {
        let plan = "R1: Take the city and the number of days from the command line.";
        for (args, stdin, left, typed) in [
            ("--city Oslo", "3\n", "--city Oslo", "3\n"),
            ("--number-of-days=3 Oslo", "", "--number-of-days=3 Oslo", ""),
            ("python draw.py --city Oslo", "", "--city Oslo", ""),
            ("python3 draw.py", "python draw.py 7\n", "", ""),
            ("--rows 3", "7\n", "", "7\n"),
            ("draw.py --rows 3", "", "", ""),
            ("5 km miles", "", "5 km miles", ""),
            ("-n 3", "", "-n 3", ""),
        ] {
            let args_given = shlex::split(args).unwrap_or_default();
            let given = Given { args: args_given, stdin: stdin.to_owned() };
            let given = meant(given, plan);
            assert_eq!(
                (given.args.join(" "), given.stdin.as_str()),
                (left.to_owned(), typed),
                "{args}"
            );
        }
    }

    #[test]
    fn what_a_script_is_tried_with_is_read_whatever_marks_stand_around_it() {
        for (text, args, stdin) in [
            ("Try with input: 3", &[][..], "3\n"),
            ("- **Try with input:** `3`\n- try with Input: yes", &[], "3\nyes\n"),
            ("Try with arguments: --city 'New York' -n 3", &["--city", "New York", "-n", "3"], ""),
            ("Try with args: `--n 3`\nTry with input: ", &["--n", "3"], "\n"),
            ("Try with arguments: `--filename a.png`.\n", &["--filename", "a.png"], ""),
            (
                "Try with arguments: `--x 0 10`, `--output a.png`.\nTry with input: `7` and `10`.",
                &["--x", "0", "10", "--output", "a.png"],
                "7\n10\n",
            ),
            ("Try with input: `7` then `10", &[], "`7` then `10\n"),
            ("## Try it with\n\n- input:  a: b\n- arguments: 'open\n", &[], " a: b\n"),
            ("### try it with:\n* Input: 1\n## Notes\n- input: 2", &[], "1\n"),
            ("Try with input: none\nTry with arguments: (none)\nTry with input: ...", &[], ""),
            // What a script has to do is no input.
            ("Input: a list of numbers\n- R1: input: a file\nTry with care: x", &[], ""),
        ] {
            let given = read(text);
            assert_eq!(
                (given.args, given.stdin.as_str()),
                (args.iter().map(|a| (*a).into()).collect(), stdin),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_written_is_read_again_and_taken_out_again() {
        let given = Given {
            args: ["--city", "New York", ""].map(str::to_owned).into(),
            stdin: "3\n\n  indented: `x` y\n".into(),
        };
        let plan = format!("A sentence.\n{}", write(&given));
        assert_eq!(read(&plan), given);
        assert_eq!(without(&plan).trim(), "A sentence.");
        assert_eq!(write(&Given::default()), "");
    }
}
