//! The form of a plan: its parts, the writer of `plan.md`, and the reader of what that wrote.
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
//! Each part stands on lines of its own behind a mark, and is whatever stands there. The Planner is asked
//! for less: the sentence, lines `R1: ...` and lines `Q: ...`.

use super::super::given::{self, Given};
use super::line::requirement_number;
use crate::domain::example::{self, Example};
use crate::domain::permission::{self, Permission};
use crate::domain::plan::Requirement;
use crate::domain::{origin, writes};
use std::fmt::Write;

/// Under this the requirements stand.
pub(super) const HEADING: &str = "## Requirements";
/// Under this the questions stand.
const QUESTIONS: &str = "## Questions";

/// What a plan says, each part on one line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parts {
    /// What the script will do; may be empty.
    pub restatement: String,
    /// Its requirements.
    pub requirements: Vec<Requirement>,
    /// What it can be tried with.
    pub given: Given,
    /// What the Planner wants to know.
    pub questions: Vec<String>,
    /// What the script does then.
    pub examples: Vec<Example>,
    /// The files that it writes.
    pub writes: Vec<String>,
    /// What it may do outside its folder, if the user agrees.
    pub needs: Vec<Permission>,
    /// What nobody asked for and nobody approved.
    pub proposals: Vec<String>,
}

/// The plan as Markdown.
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

/// The parts of a plan that is in the form of [`write`]: nothing in them is a mark or a heading,
/// whatever it looks like. None for any other text.
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
    // What is written again as it was is of the form.
    (!parts.requirements.is_empty() && write(&parts).trim_end() == text.trim_end()).then_some(parts)
}

impl Parts {
    /// Takes a line from under its heading.
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

/// The question in the form that the Planner is asked for, `Q: ...`. A lone word is none.
pub(super) fn question(line: &str) -> Option<&str> {
    let start = line.trim_start();
    let start = ["- ", "* "].iter().find_map(|mark| start.strip_prefix(mark)).unwrap_or(start);
    let rest = start.strip_prefix('Q')?.trim_start_matches(|c: char| c.is_ascii_digit());
    let asked = rest.strip_prefix(": ")?.trim();
    (asked.contains(char::is_whitespace) || asked.ends_with(['?', '？'])).then_some(asked)
}
