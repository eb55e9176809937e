//! A table of the requirements and their status in each version.

use super::{Terminal, flow};
use crate::domain::review::Status;
use crate::domain::session::Session;
use crate::domain::text::{one_line, visible};
use crate::findings::evidence::Source;
use crate::view;
use std::fmt::Write as _;

/// Maximum number of versions shown, the latest ones.
const VERSIONS: usize = 8;
/// The width of a version's column.
const WIDTH: usize = 5;
/// The width of the columns before the versions.
const MARGIN: usize = 8;
/// Minimum width of a requirement's text.
const WORDS: usize = 24;

/// The table with its legend; without versions, it has no version columns and no legend.
#[must_use]
pub fn table(terminal: &Terminal, session: &Session) -> String {
    let rows = view::matrix(session);
    let numbers: Vec<u32> = session.versions.iter().map(|version| version.number).collect();
    let room = terminal.width().saturating_sub(MARGIN + WORDS);
    let numbers = &numbers[numbers.len().saturating_sub((room / WIDTH).clamp(1, VERSIONS))..];
    let mut text = String::new();
    if !numbers.is_empty() {
        let mut head = String::new();
        for name in numbers.iter().map(|number| format!("v{number}")) {
            let _ = write!(head, "{name:<WIDTH$}");
        }
        let _ = writeln!(text, "       {}", terminal.dim(head.trim_end()));
    }
    for row in &rows {
        let _ = write!(text, "  {:<4} ", one_line(&row.id, 4));
        for number in numbers {
            match row.cell(*number).and_then(|cell| cell.status.zip(cell.by)) {
                Some((status, by)) => {
                    let mark = colored(terminal, status, by);
                    let _ = write!(text, "{mark}{}", " ".repeat(WIDTH - 2));
                }
                None => {
                    let _ = write!(text, "{:<WIDTH$}", "·");
                }
            }
        }
        let room = terminal.width().saturating_sub(MARGIN + numbers.len() * WIDTH).max(WORDS);
        let _ = writeln!(text, "{}", one_line(&visible(&row.text), room));
    }
    if !numbers.is_empty() && !rows.is_empty() {
        let words = "✓ met, ~ partly, ✗ not met, · not judged; said by m you, t your tests, r the run, v the \
             Reviewer";
        text.push_str(&flow::hang(terminal, "       ", &terminal.dim(words)));
    }
    text
}

fn colored(terminal: &Terminal, status: Status, by: Source) -> String {
    let by = match by {
        Source::Manager => 'm',
        Source::Test => 't',
        Source::Run => 'r',
        Source::Reviewer => 'v',
    };
    match status {
        Status::Met => terminal.good(&format!("✓{by}")),
        Status::Partly => terminal.warm(&format!("~{by}")),
        Status::NotMet => terminal.bad(&format!("✗{by}")),
    }
}
