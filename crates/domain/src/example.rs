//! Examples: inputs of a script and the result that the user expects. They are checked on every
//! version.
//!
//! An example is written on one line: ``arguments `10 km` prints `6.21` ``. Text between backticks
//! has `\n` for a line break and `\\` for a backslash; text that contains backticks is enclosed in
//! a longer run of them.

use super::section;
use super::text::stands_in;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Inputs of a script and its expected result.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Example {
    /// Command-line arguments.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
    /// Standard input.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub stdin: String,
    /// Files in its folder: name and content.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<(String, String)>,
    /// Text that its output contains.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub prints: String,
    /// Names of files that it writes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub writes: Vec<String>,
    /// Its exit code.
    #[serde(skip_serializing_if = "super::is_default")]
    pub exit: i32,
}

impl Example {
    /// Parses `arguments: 10 km -> 6.21`, `input: 5 -> 120`, `-> hello`, or the form that `Display`
    /// writes. Lines of input are separated by `\n`.
    ///
    /// # Errors
    /// What is wrong with the text.
    pub fn read(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if let Some(example) = Self::parse(text) {
            return Ok(example);
        }
        let Some((given, prints)) = text.split_once("->") else {
            let why = "write it as `input: 5 -> 120`, `arguments: 10 km -> 6.21` or `-> hello`";
            return Err(format!("an example has no `->`: {why}"));
        };
        let prints = unescaped(prints.trim()).unwrap_or_else(|| prints.trim().to_owned());
        if prints.is_empty() {
            return Err("an example says behind `->` what is printed".to_owned());
        }
        let mut example = Self { prints, ..Self::default() };
        let given = given.trim();
        if let Some(args) = given.strip_prefix("arguments:") {
            let Some(args) = arguments(args) else {
                let why =
                    "an example's arguments have a quote that is not closed, or a NUL character";
                return Err(why.to_owned());
            };
            example.args = args;
        } else if let Some(typed) = given.strip_prefix("input:") {
            let typed = unescaped(typed.trim()).unwrap_or_else(|| typed.trim().to_owned());
            example.stdin = if typed.ends_with('\n') { typed } else { typed + "\n" };
        } else if !given.is_empty() {
            return Err("an example begins with `arguments:`, `input:` or `->`".to_owned());
        }
        Ok(example)
    }

    /// Whether every part of the example occurs word for word in a text, such as the user's
    /// request.
    #[must_use]
    pub fn stands_in(&self, text: &str) -> bool {
        let contents = self.files.iter().flat_map(|(name, content)| [name, content]);
        let words = self.args.iter().chain([&self.prints]).chain(&self.writes).chain(contents);
        let lines = words.flat_map(|words| words.lines()).chain(self.stdin.lines());
        let mut lines = lines.map(str::trim).filter(|line| !line.is_empty()).peekable();
        lines.peek().is_some() && lines.all(|line| stands_in(text, line))
    }

    /// Parses the form that `Display` writes; `None` for any other text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut rest = Rest(text.trim());
        let mut example = Self::default();
        let mut any = false;
        while !rest.0.is_empty() {
            match rest.word()? {
                "arguments" => example.args = arguments(&rest.quoted()?)?,
                "input" => example.stdin = rest.quoted()?,
                "prints" => example.prints = rest.quoted()?,
                "writes" => example.writes.push(rest.quoted()?),
                "file" => {
                    let name = rest.quoted()?;
                    (rest.word()? == "with").then_some(())?;
                    example.files.push((name, rest.quoted()?));
                }
                "exit" => example.exit = rest.word()?.parse().ok()?,
                _ => return None,
            }
            any = true;
        }
        any.then_some(example)
    }
}

impl fmt::Display for Example {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if !self.args.is_empty() {
            let args = shlex::try_join(self.args.iter().map(String::as_str));
            // Only what was written by hand can hold a NUL character.
            let args = args.unwrap_or_else(|_| self.args.join(" "));
            parts.push(format!("arguments {}", quoted(&args)));
        }
        if !self.stdin.is_empty() {
            parts.push(format!("input {}", quoted(&self.stdin)));
        }
        for (name, content) in &self.files {
            parts.push(format!("file {} with {}", quoted(name), quoted(content)));
        }
        if !self.prints.is_empty() {
            parts.push(format!("prints {}", quoted(&self.prints)));
        }
        parts.extend(self.writes.iter().map(|name| format!("writes {}", quoted(name))));
        if self.exit != 0 {
            parts.push(format!("exit {}", self.exit));
        }
        f.write_str(&parts.join(" "))
    }
}

/// Splits arguments as a shell does. `None` if a quote is not closed, or an argument contains a NUL character,
/// which cannot be passed to a program.
#[must_use]
pub fn arguments(text: &str) -> Option<Vec<String>> {
    shlex::split(text).filter(|args| !args.iter().any(|arg| arg.contains('\0')))
}

/// Heading of a plan's examples, which are one line each: `- E1: ...`.
pub const HEADING: &str = "## Examples";
/// Maximum number of examples in a plan.
const MOST: usize = 20;

/// Parses the examples of a plan.
#[must_use]
pub fn of_plan(plan: &str) -> Vec<Example> {
    let lines = section::lines(plan, HEADING).filter(|(_, here)| *here);
    let read = |line: &str| {
        let (id, text) = line.strip_prefix("- E")?.split_once(": ")?;
        id.parse::<u32>().ok()?;
        Example::parse(text)
    };
    lines.filter_map(|(line, _)| read(line)).take(MOST).collect()
}

/// Removes the examples from a plan.
#[must_use]
pub fn without_examples(plan: &str) -> String {
    section::without(plan, HEADING)
}

/// The examples as a section of a plan; empty if there are none.
#[must_use]
pub fn write_examples(examples: &[Example]) -> String {
    let items = (1..).zip(examples).map(|(n, example)| format!("E{n}: {example}"));
    section::write(HEADING, items)
}

/// The part of a text that is not parsed yet.
struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    fn word(&mut self) -> Option<&'a str> {
        let (word, rest) = self.0.split_once(' ').unwrap_or((self.0, ""));
        self.0 = rest;
        (!word.is_empty()).then_some(word)
    }

    fn quoted(&mut self) -> Option<String> {
        let marks = self.0.len() - self.0.trim_start_matches('`').len();
        let (fence, rest) = self.0.split_at(marks);
        if marks == 0 {
            return None;
        }
        let end = rest.match_indices(fence).map(|(at, _)| at).find(|at| {
            let after = &rest[at + marks..];
            !after.starts_with('`') && (after.is_empty() || after.starts_with(' '))
        })?;
        let (inner, after) = (&rest[..end], &rest[end + marks..]);
        self.0 = after.strip_prefix(' ').unwrap_or(after);
        let padded = inner.strip_prefix(' ').and_then(|inner| inner.strip_suffix(' '));
        unescaped(padded.unwrap_or(inner))
    }
}

/// Writes a text between backticks, on one line.
fn quoted(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r");
    let longest = escaped.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let open = |c: char| c == '`' || c == ' ';
    let pad = if escaped.is_empty() || escaped.starts_with(open) || escaped.ends_with(open) {
        " "
    } else {
        ""
    };
    format!("{fence}{pad}{escaped}{pad}{fence}")
}

fn unescaped(text: &str) -> Option<String> {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        plain.push(match c {
            '\\' => match chars.next()? {
                'n' => '\n',
                'r' => '\r',
                '\\' => '\\',
                _ => return None,
            },
            c => c,
        });
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_example_is_read_as_it_is_typed() {
        let args = |args: &[&str]| args.iter().map(|arg| (*arg).to_owned()).collect();
        for (text, example) in [
            (
                "input: 5 -> 120",
                Example { stdin: "5\n".into(), prints: "120".into(), ..Example::default() },
            ),
            (
                r"input: 5\n7 -> 12",
                Example { stdin: "5\n7\n".into(), prints: "12".into(), ..Example::default() },
            ),
            (
                "arguments: 10 'km h' -> 6.21",
                Example {
                    args: args(&["10", "km h"]),
                    prints: "6.21".into(),
                    ..Example::default()
                },
            ),
            ("-> hello", Example { prints: "hello".into(), ..Example::default() }),
            (
                "arguments `10 km` prints `6.21` exit 3",
                Example {
                    args: args(&["10", "km"]),
                    prints: "6.21".into(),
                    exit: 3,
                    ..Example::default()
                },
            ),
        ] {
            assert_eq!(Example::read(text), Ok(example), "{text}");
        }
        for wrong in [
            "",
            "5 = 120",
            "input: 5 ->",
            "what: 5 -> 6",
            "arguments: 'a -> b",
            "arguments: \0 -> b",
        ] {
            assert!(Example::read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_the_examples_section_of_a_plan_gives_examples() {
        let examples = [
            Example { prints: "## Needs\n- E2: prints `x`".into(), ..Example::default() },
            Example { args: vec!["10".into()], prints: "6.21".into(), ..Example::default() },
        ];
        let before = "It converts.\n\n## Requirements\n\n- R1: it converts\n";
        let plan = format!("{before}{}\n## Needs\n\n- processes\n", write_examples(&examples));
        assert_eq!(of_plan(&plan), examples);
        assert_eq!(of_plan(&without_examples(&plan)), []);
        assert!(without_examples(&plan).contains("- processes"));
        for other in [
            before,
            "- E1: prints `x`",
            "## Examples\n- E1: arguments `\0` prints `x`",
            "## Examples\n- E1: it prints 5\n- R1: prints `x`",
        ] {
            assert_eq!(of_plan(other), [], "{other}");
        }
        assert_eq!(write_examples(&[]), "");
    }

    proptest! {
        #[test]
        fn any_example_survives_writing_and_reading(
            args in proptest::collection::vec("[^\0]{0,6}", 0..3),
            stdin in any::<String>(),
            files in proptest::collection::vec((any::<String>(), any::<String>()), 0..2),
            prints in any::<String>(),
            writes in proptest::collection::vec(any::<String>(), 0..2),
            exit in any::<i32>(),
        ) {
            let example = Example { args, stdin, files, prints, writes, exit };
            let text = example.to_string();
            prop_assert!(!text.contains('\n'));
            if example == Example::default() {
                prop_assert_eq!(Example::parse(&text), None);
            } else {
                prop_assert_eq!(Example::parse(&text), Some(example));
            }
        }
    }
}
