//! The inputs that a plan proposes to run the script with: arguments and lines of standard input.
//!
//! In a plan written by the program, and possibly edited by the user:
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
use crate::domain::example::arguments;
use crate::domain::plan::TRY_IT_WITH;
use crate::domain::text::one_line;
use std::fmt::Write;

/// The heading of this section in a plan.
pub(super) const HEADING: &str = TRY_IT_WITH;
/// The word for no input.
pub(super) const NOTHING: &str = "none";
/// Maximum number of input lines; a model that writes more does not stop.
const MOST_LINES: usize = 50;
/// Maximum length of a line, in characters.
const MOST_WIDTH: usize = 500;

/// The input of a script's run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Given {
    /// Its command-line arguments.
    pub args: Vec<String>,
    /// Standard input before the end of file.
    pub stdin: String,
}

impl Given {
    /// Parses a line under [`HEADING`] exactly as written.
    pub(super) fn take(&mut self, line: &str) -> Option<()> {
        if let Some(args) = line.strip_prefix("arguments: ").filter(|_| self.args.is_empty()) {
            self.args = arguments(args)?;
        } else {
            self.stdin.push_str(line.strip_prefix("input: ")?);
            self.stdin.push('\n');
        }
        Some(())
    }
}

enum Line<'a> {
    /// A line of this section without content.
    Empty,
    /// Arguments, in one or more quoted pieces.
    Arguments(Vec<&'a str>),
    /// Input; each piece is a line.
    Input(Vec<&'a str>),
}

impl Line<'_> {
    /// Whether the line has content, and is not a model's way of stating that there is none.
    fn is_real(&self) -> bool {
        let (Self::Arguments(pieces) | Self::Input(pieces)) = self else { return false };
        let text = pieces.join(" ");
        let plain = text.trim_matches(['(', ')', '.', '…', '<', '>', ' ']);
        text.is_empty() || !(plain.is_empty() || plain.eq_ignore_ascii_case(NOTHING))
    }
}

/// Parses the inputs in a plan without a fixed form.
#[must_use]
pub fn read(plan: &str) -> Given {
    let mut given = Given::default();
    let mut lines = 0;
    for line in sorted(plan).filter_map(|(_, line)| line) {
        match line {
            // Arguments with unclosed quotes are discarded.
            Line::Arguments(words) if given.args.is_empty() => {
                given.args = arguments(&words.join(" ")).unwrap_or_default();
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

/// Cleans up the arguments that a model wrote: removes the command that starts the script, options
/// that the plan does not mention, such as those of the example in the prompt, and arguments that
/// would be read otherwise than they are written into the plan.
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
    let is_read_back = arguments(&line_of(&given.args)).as_ref() == Some(&given.args);
    if !is_read_back || !given.args.iter().all(spoken_of) {
        given.args.clear();
    }
    let starts_it = |line: &str| line.starts_with("python") && line.contains(".py");
    if given.stdin.lines().any(starts_it) {
        given.stdin.clear();
    }
    given
}

/// The text without the lines that state inputs.
pub(super) fn without(text: &str) -> String {
    let others = sorted(text).filter(|(_, line)| line.is_none());
    others.map(|(line, _)| line).collect::<Vec<_>>().join("\n")
}

/// Formats the inputs as a section of a plan; empty if there are none.
pub(super) fn write(given: &Given) -> String {
    let mut text = String::new();
    if !given.args.is_empty() {
        let _ = writeln!(text, "- arguments: {}", line_of(&given.args));
    }
    for line in given.stdin.lines() {
        let _ = writeln!(text, "- input: {line}");
    }
    if text.is_empty() { text } else { format!("\n{HEADING}\n\n{text}") }
}

/// Arguments on one line of a plan. Control characters are shown as escapes, and a long line is cut.
fn line_of(args: &[String]) -> String {
    let quoted = shlex::try_join(args.iter().map(String::as_str)).unwrap_or_default();
    one_line(&quoted, MOST_WIDTH)
}

/// The lines of a plan, with the input that each states.
fn sorted(text: &str) -> impl Iterator<Item = (&str, Option<Line<'_>>)> {
    let mut here = false;
    text.lines().map(move |line| {
        let start = lists::item(line).map_or(line.trim_start(), |item| item.text);
        let start = start.trim_start_matches(['*', '_', '`']);
        if let Some(heading) = line.trim_start().strip_prefix('#') {
            here = without_case(heading.trim_matches(['#', ' ', ':']), "try it with") == Some("");
            return (line, here.then_some(Line::Empty));
        }
        // A requirement may mention an input, and stays a requirement.
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

/// The value after `input:` or `arguments:`.
fn value(text: &str) -> Option<Line<'_>> {
    let after = |name: &str| {
        let rest = without_case(text, name)?.trim_start_matches(['*', '_']);
        let rest = rest.strip_prefix(':')?.trim_start_matches(['*', '_']);
        // One blank belongs to the form, others to the user's input.
        let rest = rest.strip_prefix(' ').unwrap_or(rest).trim_end();
        Some(ticked(rest).unwrap_or_else(|| vec![rest]))
    };
    let arguments = || ["arguments", "args", "argument"].into_iter().find_map(after);
    after("input").map(Line::Input).or_else(|| arguments().map(Line::Arguments))
}

/// The texts in backticks, if there is nothing else: "`--rows 3`", "`7`, `10`."
fn ticked(text: &str) -> Option<Vec<&str>> {
    let parts: Vec<&str> = text.strip_suffix('.').unwrap_or(text).split('`').collect();
    // At most one word, in any language.
    let between = |part: &&str| !part.trim_matches([' ', ',', ';']).contains(' ');
    let framed = parts.len() > 1 && parts.first() == Some(&"") && parts.last() == Some(&"");
    let apart = framed && parts.iter().step_by(2).all(between);
    apart.then(|| parts.into_iter().skip(1).step_by(2).collect())
}

/// The text after a prefix, ignoring case.
fn without_case<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (start, rest) = text.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn input_that_a_model_copied_or_misread_is_dropped() {
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
            let args_given = arguments(args).unwrap_or_default();
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
    fn the_run_input_in_a_plan_is_read_in_every_notation() {
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
            ("Try with arguments: --separator '\t'", &["--separator", "\t"], ""),
            ("### try it with:\n* Input: 1\n## Notes\n- input: 2", &[], "1\n"),
            ("Try with input: none\nTry with arguments: (none)\nTry with input: ...", &[], ""),
            // A statement of what the script has to do is not an input.
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
    fn a_models_arguments_that_a_plan_cannot_hold_are_left_out() {
        for (arg, kept) in [("New York", true), ("\u{c}-city", false), (&*"x".repeat(600), false)] {
            let args = vec![arg.to_owned()];
            let given = meant(Given { args: args.clone(), ..Given::default() }, "");
            assert_eq!(given.args == args, kept, "{arg}");
        }
    }

    #[test]
    fn run_input_written_into_a_plan_is_read_back_and_removed() {
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
