//! The user interface of a session at the terminal: prints its messages and answers its questions.

use super::lines::Lines;
use super::menu::Menus;
use super::tell::Reporter;
use super::{Terminal, end_waiting_when};
use crate::workflow::manager::{self, Answer, Interrupted};
use crate::workflow::session_task::{Message, Question, SessionTask, Watcher};
use std::path::Path;
use tokio_util::sync::CancellationToken;

/// The source of answers at the terminal.
pub struct Face(Kind);

enum Kind {
    /// A user, with menus.
    Menus(Menus),
    /// A program or user that writes lines to standard input.
    Lines(Lines),
}

impl Face {
    /// Menus, with the flags that make further commands use the same configuration; or lines,
    /// without flags. `cancel` stops the wait for a line.
    #[must_use]
    pub fn new(terminal: Terminal, menus: Option<Vec<String>>, cancel: CancellationToken) -> Self {
        Self(match menus {
            Some(flags) => Kind::Menus(Menus::new(terminal, flags)),
            None => Kind::Lines(Lines::new(terminal, cancel)),
        })
    }

    /// Whether other clients may answer the questions too. A program that writes lines could
    /// otherwise answer the next gate with a line for one that was closed meanwhile.
    #[must_use]
    pub const fn shares_answers(&self) -> bool {
        matches!(self.0, Kind::Menus(_))
    }

    /// Prints messages and answers questions until the work on the session in this folder ends.
    pub async fn follow(mut self, task: &SessionTask, mut watcher: Watcher, folder: &Path) {
        folder.clone_into(&mut self.teller().folder);
        // The id of the last question that was answered here.
        let mut own = 0;
        while let Some(message) = watcher.next().await {
            match message {
                Message::News(news) => match &mut self.0 {
                    Kind::Menus(menus) => menus.tell(&news),
                    Kind::Lines(lines) => lines.tell(&news),
                },
                Message::Question(question) => {
                    let (id, asking) = (question.id, task.clone());
                    end_waiting_when(Some(Box::new(move || !asking.is_open(id))));
                    match self.answer(&question).await {
                        // An error means that another client answered meanwhile, which is fine.
                        Ok(answer) => own = task.answer(id, answer).map_or(own, |()| id),
                        Err(Interrupted) if task.is_open(id) => task.cancel(),
                        Err(Interrupted) => {}
                    }
                    end_waiting_when(None);
                }
                Message::Closed { question, answer: Some(word) } if question != own => {
                    let terminal = &self.teller().terminal;
                    terminal.say(&terminal.dim(&format!("  answered elsewhere: {word}")));
                }
                Message::Closed { .. } | Message::Ended(_) => {}
            }
        }
    }

    fn teller(&mut self) -> &mut Reporter {
        match &mut self.0 {
            Kind::Menus(menus) => &mut menus.teller,
            Kind::Lines(lines) => &mut lines.teller,
        }
    }

    async fn answer(&mut self, question: &Question) -> Result<Answer, Interrupted> {
        let Some(gate) = question.gate else {
            return Ok(self.listen().await?.map_or(Answer::Gone, Answer::Say));
        };
        let trouble = question.trouble.clone();
        let question = manager::Question {
            gate,
            session: &question.session,
            trouble,
            partial: question.partial.as_deref(),
        };
        match &mut self.0 {
            Kind::Menus(menus) => menus.answer(&question),
            Kind::Lines(lines) => lines.answer(&question).await,
        }
    }

    /// Asks the user for a question to the session; `None` if there are no more.
    ///
    /// # Errors
    /// Ctrl-C, a cancelled wait, or a terminal that cannot be read.
    pub async fn listen(&mut self) -> Result<Option<String>, Interrupted> {
        match &mut self.0 {
            Kind::Menus(menus) => menus.question(),
            Kind::Lines(lines) => lines.question().await,
        }
    }
}
