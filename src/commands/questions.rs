//! Formats a session that answers questions.

use crate::domain::dialogue::{Dialogue, Question};
use crate::domain::report::RunVerdict;
use crate::domain::session::{Session, Version};
use crate::domain::text::{count, one_line, visible};
use crate::store::artifacts;
use crate::terminal::{Terminal, flow, gate, links, sides};
use std::fmt::Write as _;
use std::path::Path;

/// Maximum number of lines of output to show.
const PRINTED: usize = 20;

/// The questions with the code that ran for each, and the answers. `folder` contains the session's
/// files.
pub(super) fn text(
    terminal: &Terminal,
    session: &Session,
    dialogue: &Dialogue,
    folder: &Path,
) -> String {
    let mut text = String::new();
    for (n, question) in dialogue.questions.iter().enumerate() {
        let label = format!("{} ", terminal.bold(&format!("Question {}:", n + 1)));
        text.push('\n');
        text.push_str(&flow::hang(terminal, &label, &visible(question.text.trim())));
        for turn in &question.turns {
            for piece in &turn.pieces {
                let line = match piece.version.and_then(|number| session.version(number)) {
                    Some(version) => {
                        format!("{}{}", run(terminal, version), first(terminal, version))
                    }
                    None => piece.problem.as_deref().map_or_else(String::new, |problem| {
                        format!("not run: {}", one_line(problem, 160))
                    }),
                };
                text.push_str(&flow::hang(terminal, "  ", &line));
                if let Some(version) = piece.version.and_then(|number| session.version(number)) {
                    text.push_str(&left(terminal, version, folder));
                }
            }
            if let Some(note) = &turn.note {
                let words = format!("no code: {}", one_line(note, 160));
                text.push_str(&flow::hang(terminal, "  ", &terminal.dim(&words)));
            }
        }
        let versions = question.versions().filter_map(|number| session.version(number));
        if let Some(version) = versions.filter(ran).last() {
            text.push_str(&flow::indented(
                terminal,
                "    ",
                &sides::numbered(terminal, &version.script),
            ));
        }
        end(terminal, question, &mut text);
    }
    text
}

/// Whether a piece of code succeeded: the answer comes from the last one that did.
fn ran(version: &&Version) -> bool {
    version.run.as_ref().is_some_and(|run| run.verdict == RunVerdict::Ok)
}

/// The files that a piece of code wrote, one per line.
fn left(terminal: &Terminal, version: &Version, folder: &Path) -> String {
    gate::left(terminal, version, folder, |label, file| {
        flow::hang(terminal, &format!("    {} ", terminal.dim(&format!("{label:<7}"))), file)
    })
}

/// A piece of code with its result, and the paths of its file and of those that it wrote.
pub(super) fn version(terminal: &Terminal, version: &Version, folder: &Path) -> String {
    let mut text = flow::hang(terminal, "", &terminal.bold(&run(terminal, version)));
    let script = folder.join(artifacts::script_file(version.number));
    let script = links::path(terminal, &script);
    text.push_str(&flow::hang(terminal, &format!("    {} ", terminal.dim("script ")), &script));
    text.push_str(&left(terminal, version, folder));
    for line in version.stdout.lines().take(PRINTED) {
        let _ = writeln!(text, "  │ {}", one_line(line, terminal.width() - 4));
    }
    text
}

fn run(terminal: &Terminal, version: &Version) -> String {
    let lines = count(version.script.lines().count(), "line");
    let error = gate::error(terminal, version).map_or_else(String::new, |why| format!("  {why}"));
    let how = if version.check_failed() {
        "not run: a check failed".to_owned()
    } else {
        gate::run(terminal, version)
    };
    format!("v{}, {lines}: {how}{error}", version.number)
}

/// The first line of its output on a new line; empty if there is none.
fn first(terminal: &Terminal, version: &Version) -> String {
    let printed = version.stdout.trim();
    let Some(first) = printed.lines().next() else { return String::new() };
    let more = match printed.lines().count() - 1 {
        0 => String::new(),
        more => format!(" … and {}", count(more, "more line")),
    };
    format!("\n{}", terminal.dim(&format!("│ {}{more}", one_line(first, 100))))
}

fn end(terminal: &Terminal, question: &Question, text: &mut String) {
    let Some(end) = &question.end else {
        let _ = writeln!(text, "  {}", terminal.warm("not answered yet"));
        return;
    };
    if let Some(answer) = &end.answer {
        let label = format!("  {} ", terminal.bold("Answer:"));
        text.push_str(&flow::hang(terminal, &label, &visible(answer.trim())));
    }
    if let Some(remark) = &end.remark {
        text.push_str(&flow::indented(terminal, "  ", &terminal.warm(&visible(remark))));
    }
}
