//! How a session that answers questions is shown.

use crate::domain::dialogue::{Dialogue, Question};
use crate::domain::report::RunVerdict;
use crate::domain::session::{Session, Version};
use crate::domain::text::{count, one_line, visible};
use crate::terminal::{Terminal, flow, gate, sides};
use std::fmt::Write as _;

/// Lines of an output that are shown.
const PRINTED: usize = 20;

/// The questions with what was run for them and how they ended.
pub(super) fn text(terminal: &Terminal, session: &Session, dialogue: &Dialogue) -> String {
    let mut text = String::new();
    for (n, question) in dialogue.questions.iter().enumerate() {
        let label = format!("\n{} ", terminal.bold(&format!("Question {}:", n + 1)));
        text.push_str(&flow::hang(terminal, &label, &visible(question.text.trim())));
        for turn in &question.turns {
            for piece in &turn.pieces {
                let line = match piece.version.and_then(|number| session.version(number)) {
                    Some(version) => run(terminal, version),
                    None => piece.problem.as_deref().map_or_else(String::new, |problem| {
                        format!("not run: {}", one_line(problem, 160))
                    }),
                };
                text.push_str(&flow::hang(terminal, "  ", &line));
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

/// Whether a piece of code ran to its end: the last one that did is what the answer comes from.
fn ran(version: &&Version) -> bool {
    version.run.as_ref().is_some_and(|run| run.verdict == RunVerdict::Ok)
}

/// A piece of code with what came of it.
pub(super) fn version(terminal: &Terminal, version: &Version) -> String {
    let mut text = flow::hang(terminal, "", &terminal.bold(&run(terminal, version)));
    for line in version.stdout.lines().take(PRINTED) {
        let _ = writeln!(text, "  │ {}", one_line(line, terminal.width() - 4));
    }
    text
}

fn run(terminal: &Terminal, version: &Version) -> String {
    let lines = count(version.script.lines().count(), "line");
    let came = gate::error(terminal, version).unwrap_or_else(|| {
        let printed = version.stdout.trim();
        let more = match printed.lines().count() {
            0 | 1 => String::new(),
            n => format!(" … and {}", count(n - 1, "more line")),
        };
        let first = printed.lines().next().unwrap_or_default();
        terminal.dim(&format!("{}{more}", one_line(first, 100)))
    });
    let how = if version.check_failed() {
        "not run: a check failed".to_owned()
    } else {
        gate::run(terminal, version)
    };
    format!("v{}, {lines}: {how}  {came}", version.number)
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
