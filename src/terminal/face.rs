//! A session's watcher at the terminal: draws its messages and answers its questions.

use super::Terminal;
use super::lines::Lines;
use super::menu::Menus;
use super::tell::Teller;
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

    /// Draws what happens and answers what is asked until the work on the session in this folder is over.
    pub async fn follow(mut self, task: &SessionTask, mut watcher: Watcher, folder: &Path) {
        folder.clone_into(&mut self.teller().folder);
        while let Some(message) = watcher.next().await {
            match message {
                Message::News(news) => match &mut self.0 {
                    Kind::Menus(menus) => menus.tell(&news),
                    Kind::Lines(lines) => lines.tell(&news),
                },
                Message::Question(question) => match self.answer(&question).await {
                    // A question that somebody else answered meanwhile is closed, and that is fine.
                    Ok(answer) => drop(task.answer(question.id, answer)),
                    Err(Interrupted) => task.cancel(),
                },
                Message::Closed { .. } | Message::Ended(_) => {}
            }
        }
    }

    fn teller(&mut self) -> &mut Teller {
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
        let question = manager::Question { gate, session: &question.session, trouble };
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
