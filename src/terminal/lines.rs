//! The Manager as lines on standard input: one answer per line, in the words of the menu.

use super::tell::Reporter;
use super::{Terminal, editor};
use crate::domain::event::Gate;
use crate::domain::session::Session;
use crate::domain::text::one_line;
use crate::view;
use crate::workflow::manager::{self, Answer, Asked, Interrupted, Line, Question};
use crate::workflow::session_task::News;
use serde_json::json;
use std::io::{BufRead, IsTerminal, Read};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Maximum length of an answer, in bytes.
const LONGEST: u64 = 1 << 20;

/// Reads answers from standard input without menus.
pub(super) struct Lines {
    pub(super) teller: Reporter,
    input: Option<mpsc::Receiver<String>>,
    cancel: CancellationToken,
}

impl Lines {
    /// Nothing is read before the first gate. `cancel` stops the wait for a line.
    #[must_use]
    pub(super) const fn new(terminal: Terminal, cancel: CancellationToken) -> Self {
        Self { teller: Reporter::new(terminal), input: None, cancel }
    }

    /// The next line; `None` at the end of the input.
    async fn line(&mut self) -> Result<Option<String>, Interrupted> {
        let lines = self.input.get_or_insert_with(|| input_lines(LONGEST));
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Err(Interrupted),
            line = lines.recv() => Ok(line),
        }
    }

    /// Prints news of the session.
    pub(super) fn tell(&mut self, news: &News) {
        self.teller.tell(news);
    }

    /// Asks at a gate. After a line that is not an answer, prints a hint and reads the next line.
    pub(super) async fn answer(&mut self, question: &Question<'_>) -> Result<Answer, Interrupted> {
        self.teller.question(question);
        loop {
            if self.teller.terminal.json {
                self.teller.terminal.json(&json!({ "question": view::Gate::of(question) }));
            }
            let Some(line) = self.line().await? else { return Ok(Answer::Gone) };
            // A program can send an answer of several lines as a JSON string.
            let text = self.teller.terminal.json.then(|| serde_json::from_str(&line).ok());
            let line = text.flatten().unwrap_or(line);
            if !std::io::stdin().is_terminal() {
                self.teller.terminal.say(&format!("> {}", one_line(&line, 200)));
            }
            match manager::read_line(question.gate, &line) {
                Line::Answer(answer) => return Ok(answer),
                Line::Unknown(hint) => self.teller.terminal.say(&format!("  {hint}")),
                Line::Edit => match edited(question, None) {
                    Ok(text) => return Ok(Answer::Edited(text)),
                    Err(problem) => self.teller.terminal.say(&format!("  {problem}")),
                },
            }
        }
    }

    /// Asks for another question; `None` at the end of the input.
    pub(super) async fn question(&mut self) -> Result<Option<String>, Interrupted> {
        let typed = std::io::stdin().is_terminal();
        loop {
            if typed {
                self.teller.terminal.say("What do you want to know?");
            }
            let Some(line) = self.line().await? else { return Ok(None) };
            match manager::read_question(&line) {
                Asked::Nothing => {}
                Asked::Leave => return Ok(None),
                Asked::Question(question) => {
                    if !typed {
                        self.teller.terminal.say(&format!("> {}", one_line(&question, 200)));
                    }
                    return Ok(Some(question));
                }
            }
        }
    }
}

/// Opens the text that a gate is about, or an earlier draft of it, in the user's editor. Fails with
/// a message if the editor failed or nothing was changed.
pub(super) fn edited(question: &Question<'_>, begun: Option<&str>) -> Result<String, String> {
    let (before, suffix) = editable(question.gate, question.session);
    let text = editor::edit(begun.unwrap_or(&before), suffix).map_err(|e| e.to_string())?;
    if text.trim().is_empty() || text == before {
        return Err("nothing was changed".to_owned());
    }
    Ok(text)
}

fn editable(gate: Gate, session: &Session) -> (String, &'static str) {
    match gate {
        Gate::Plan => {
            let plan = session.planning.proposal.as_ref();
            (plan.map_or_else(String::new, |p| p.text.clone()), ".md")
        }
        _ => (session.head().map_or_else(String::new, |v| v.script.clone()), ".py"),
    }
}

/// The lines of standard input, read by a thread, so that Ctrl-C works while waiting for a line. A
/// line of more than `longest` bytes is split.
#[must_use]
pub fn input_lines(longest: u64) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel(16);
    std::thread::spawn(move || {
        let mut input = std::io::stdin().lock();
        loop {
            let mut line = Vec::new();
            match input.by_ref().take(longest).read_until(b'\n', &mut line) {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
            let line = String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']).to_owned();
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    receiver
}
