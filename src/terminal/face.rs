//! A session's watcher at the terminal: draws its messages and answers its questions.

use super::lines::Lines;
use super::menu::Menus;
use super::tell::Reporter;
use super::{Terminal, end_waiting_when};
use crate::workflow::manager::{self, Answer, Interrupted};
use crate::workflow::session_task::{Message, Question, SessionTask, Watcher};
use std::path::Path;
use tokio_util::sync::CancellationToken;

/// Who sits at the terminal.
pub struct Face(Kind);

enum Kind {
    /// A person.
    Menus(Menus),
    /// Whoever writes to standard input.
    Lines(Lines),
}

impl Face {
    /// Menus, with the flags that a further command needs to find what this one does; or lines, where
    /// there are none. `cancel` ends the waiting for a line.
    #[must_use]
    pub fn new(terminal: Terminal, menus: Option<Vec<String>>, cancel: CancellationToken) -> Self {
        Self(match menus {
            Some(flags) => Kind::Menus(Menus::new(terminal, flags)),
            None => Kind::Lines(Lines::new(terminal, cancel)),
        })
    }

    /// Whether others may answer what is asked here. A program that writes lines would answer the next gate
    /// with what it says of one that was closed meanwhile.
    #[must_use]
    pub const fn shares_answers(&self) -> bool {
        matches!(self.0, Kind::Menus(_))
    }

    /// Draws what happens and answers what is asked until the work on the session in this folder is over.
    pub async fn follow(mut self, task: &SessionTask, mut watcher: Watcher, folder: &Path) {
        folder.clone_into(&mut self.teller().folder);
        // The last question that was answered here.
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
                        // If somebody else answered meanwhile, that is fine.
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

    /// Asks for a question to the session; none if there is no more.
    ///
    /// # Errors
    /// Ctrl-C.
    pub async fn listen(&mut self) -> Result<Option<String>, Interrupted> {
        match &mut self.0 {
            Kind::Menus(menus) => menus.question(),
            Kind::Lines(lines) => lines.question().await,
        }
    }
}
