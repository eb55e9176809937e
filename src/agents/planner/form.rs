//! The form of a plan: its parts, the writer of `plan.md`, and the parser of what that wrote.
//!
//! ```text
//! Draws a clock.
//!
//! ## Requirements
//!
//! - R1: Draw a round face. Check: look at it.
//!
//! ## Try it with
//!
//! - arguments: --city 'New York'
//! - input: 3
//! ```
//!
//! Each part is on separate lines after a mark, and its text is taken literally. The Planner is
//! asked for less: the sentence, lines `R1: ...` and lines `Q: ...`.

use super::super::given::{self, Given};
use super::line::requirement_number;
use crate::domain::example::{self, Example};
use crate::domain::permission::{self, Permission};
use crate::domain::plan::Requirement;
use crate::domain::{origin, writes};
use std::fmt::Write;

/// The heading of the requirements.
pub(super) const HEADING: &str = "## Requirements";
/// The heading of the questions.
const QUESTIONS: &str = "## Questions";

/// The parts of a plan, each on one line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parts {
    /// What the script will do; may be empty.
    pub restatement: String,
    /// Its requirements.
    pub requirements: Vec<Requirement>,
    /// Proposed inputs to run the script with.
    pub given: Given,
    /// The Planner's questions.
    pub questions: Vec<String>,
    /// Examples of inputs with the expected output.
    pub examples: Vec<Example>,
    /// The files that the script writes.
    pub writes: Vec<String>,
    /// The permissions that it gets if the user approves the plan.
    pub needs: Vec<Permission>,
    /// Additions that were neither requested nor approved.
    pub proposals: Vec<String>,
}

/// Formats the plan as Markdown.
#[must_use]
pub fn write(parts: &Parts) -> String {
    let mut text = String::new();
    if !parts.restatement.is_empty() {
        text = format!("{}\n\n", parts.restatement);
    }
    let _ = write!(text, "{HEADING}\n\n");
    for Requirement { id, text: what } in &parts.requirements {
        let _ = writeln!(text, "- {id}: {what}");
    }
    text.push_str(&given::write(&parts.given));
    if !parts.questions.is_empty() {
        let _ = write!(text, "\n{QUESTIONS}\n\n");
        for question in &parts.questions {
            let _ = writeln!(text, "- {question}");
        }
    }
    text.push_str(&example::write_examples(&parts.examples));
    text.push_str(&writes::write_writes(&parts.writes));
    text.push_str(&permission::write_needs(&parts.needs));
    text.push_str(&origin::write_proposals(&parts.proposals));
    text
}

/// Parses a plan in the form of [`write`]; texts are taken literally, even if they look like marks
/// or headings. `None` for any other text.
#[must_use]
pub fn read(text: &str) -> Option<Parts> {
    let lines: Vec<&str> = text.trim_end_matches('\n').split('\n').collect();
    let at = lines.iter().rposition(|line| *line == HEADING)?;
    let restatement = match lines[..at] {
        [] => "",
        [sentence, ""] if !sentence.is_empty() => sentence,
        _ => return None,
    };
    let mut parts = Parts { restatement: restatement.to_owned(), ..Parts::default() };
    let mut heading = HEADING;
    let mut after_blank = false;
    for line in &lines[at + 1..] {
        if line.is_empty() {
            after_blank = true;
            continue;
        }
        if after_blank && line.starts_with("## ") {
            heading = line;
        } else {
            parts.take(heading, line.strip_prefix("- ")?)?;
        }
        after_blank = false;
    }
    // The text is in the form if it is reproduced exactly.
    (!parts.requirements.is_empty() && write(&parts).trim_end() == text.trim_end()).then_some(parts)
}

impl Parts {
    /// Parses a line under its heading.
    fn take(&mut self, heading: &str, line: &str) -> Option<()> {
        match heading {
            HEADING => {
                let (id, text) = line.split_once(": ")?;
                requirement_number(id)?;
                let text = text.trim().to_owned();
                let taken = text.is_empty() || self.requirements.iter().any(|r| r.id == id);
                (!taken).then(|| self.requirements.push(Requirement { id: id.to_owned(), text }))
            }
            QUESTIONS => {
                self.questions.push(line.to_owned());
                Some(())
            }
            given::HEADING => self.given.take(line),
            example::HEADING => {
                let (_, text) = line.split_once(": ")?;
                self.examples.push(Example::parse(text)?);
                Some(())
            }
            writes::HEADING => {
                self.writes.push(writes::name(line.trim())?.to_owned());
                Some(())
            }
            origin::HEADING => {
                self.proposals.push(line.to_owned());
                Some(())
            }
            permission::HEADING => {
                let (needs, impossible) = permission::needs(&format!("{heading}\n- {line}"));
                self.needs.extend(needs);
                impossible.is_empty().then_some(())
            }
            _ => None,
        }
    }
}

/// A question in the form that the Planner is asked for, `Q: ...`. A lone word is not a question.
pub(super) fn question(line: &str) -> Option<&str> {
    let start = line.trim_start();
    let start = ["- ", "* "].iter().find_map(|mark| start.strip_prefix(mark)).unwrap_or(start);
    let rest = start.strip_prefix('Q')?.trim_start_matches(|c: char| c.is_ascii_digit());
    let asked = rest.strip_prefix(": ")?.trim();
    (asked.contains(char::is_whitespace) || asked.ends_with(['?', '？'])).then_some(asked)
}
