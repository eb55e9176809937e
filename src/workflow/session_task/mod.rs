//! A session that is worked on in a thread of its own. Whoever watches it (a terminal, a page, a
//! protocol) receives owned messages and answers its questions; none of them can hold up the work.

mod mailbox;
mod message;

pub use mailbox::Watcher;
pub use message::{Ended, Found, Message, News, Question};

use super::manager::{self, Answer, Interrupted, Manager};
use crate::domain::event::Gate;
use crate::domain::session::Session;
use futures_util::future::LocalBoxFuture;
use mailbox::Mailbox;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::JoinHandle;
use thiserror::Error;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

/// The exit code of a program that panicked.
const PANICKED: u8 = 101;

/// Why an answer is not taken.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AnswerError {
    /// Somebody else answered first, or the session was cancelled.
    #[error("question {0} is closed: it was answered before, or the session was interrupted")]
    Closed(u64),
    /// No such question was asked.
    #[error("there is no question {0}")]
    Unknown(u64),
    /// The question takes other answers.
    #[error("`{word}` is no answer here; the answers are: {}", choices.join(", "))]
    Unfitting {
        /// The answer's word.
        word: &'static str,
        /// The words that fit.
        choices: &'static [&'static str],
    },
}

/// A handle of a session that is worked on. Its clones stand for the same session.
#[derive(Clone, Debug, Default)]
pub struct SessionTask {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    over: Condvar,
    cancel: CancellationToken,
}

#[derive(Debug, Default)]
struct State {
    watchers: Vec<Weak<Mailbox>>,
    /// The last question's number.
    asked: u64,
    open: Option<(Question, oneshot::Sender<Answer>)>,
    /// Ends what runs now, but not the work.
    running: Option<CancellationToken>,
    ended: Option<Ended>,
}

impl SessionTask {
    /// A task that does not work yet, so that a watcher can see everything.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Does the work in a thread of its own. What it gives besides its end is what the thread gives.
    /// `Ended` is sent when `work` has returned: what it opened is closed then, unless it gave it back.
    ///
    /// # Errors
    /// The system starts no further thread.
    pub fn start<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut dyn Manager, CancellationToken) -> (Ended, T) + Send + 'static,
    ) -> std::io::Result<JoinHandle<T>> {
        let task = self.clone();
        std::thread::Builder::new().name("session".to_owned()).spawn(move || {
            // A panic, too, ends the session for those who watch it.
            let mut closing = Closing { task: &task, ended: None };
            let cancel = task.shared.cancel.clone();
            let (ended, given) = work(&mut Asking { task: &task }, cancel);
            closing.ended = Some(ended);
            given
        })
    }

    /// All messages from now on, the open question first, if there is one.
    #[must_use]
    pub fn watch(&self) -> Watcher {
        let mailbox = Arc::new(Mailbox::default());
        let mut state = self.state();
        if let Some((question, _)) = &state.open {
            mailbox.put(Message::Question(question.clone()));
        }
        match &state.ended {
            Some(ended) => mailbox.put(Message::Ended(ended.clone())),
            None => state.watchers.push(Arc::downgrade(&mailbox)),
        }
        Watcher::new(mailbox)
    }

    /// Answers a question. The first answer counts.
    ///
    /// # Errors
    /// The question is closed or was never asked, or takes no answer of this kind.
    pub fn answer(&self, question: u64, answer: Answer) -> Result<(), AnswerError> {
        let mut state = self.state();
        let Some((open, _)) = state.open.as_ref().filter(|(open, _)| open.id == question) else {
            let known = (1..=state.asked).contains(&question);
            let error = if known { AnswerError::Closed } else { AnswerError::Unknown };
            return Err(error(question));
        };
        let (word, choices) = (answer.word(), open.choices);
        if !choices.contains(&word) && answer != Answer::Gone {
            return Err(AnswerError::Unfitting { word, choices });
        }
        if let Some((_, reply)) = state.open.take() {
            // Who does not wait for it any more was cancelled.
            let _ = reply.send(answer);
        }
        state.tell(&Message::Closed { question, answer: Some(word) });
        Ok(())
    }

    /// Whether a question still waits for its answer.
    #[must_use]
    pub fn is_open(&self, question: u64) -> bool {
        self.state().open.as_ref().is_some_and(|(open, _)| open.id == question)
    }

    /// The open question, if there is one.
    #[must_use]
    pub fn question(&self) -> Option<Question> {
        self.state().open.as_ref().map(|(question, _)| question.clone())
    }

    /// Stops what is running, so that it is asked how that goes on. Gives whether there was anything to
    /// stop: there is not where a question is open, or where it is stopped already.
    #[must_use]
    pub fn stop(&self) -> bool {
        let state = self.state();
        let stoppable =
            |running: &&CancellationToken| state.open.is_none() && !running.is_cancelled();
        state.running.as_ref().filter(stoppable).map(CancellationToken::cancel).is_some()
    }

    /// Stops the work. The session is paused and can be resumed.
    pub fn cancel(&self) {
        self.shared.cancel.cancel();
    }

    /// Ends what runs when it is cancelled; for whoever has to cancel without this handle.
    #[must_use]
    pub fn cancellation(&self) -> CancellationToken {
        self.shared.cancel.clone()
    }

    /// How the work ended, if it did.
    #[must_use]
    pub fn ended(&self) -> Option<Ended> {
        self.state().ended.clone()
    }

    /// Waits, blocking this thread, until the work is over.
    #[must_use]
    pub fn join(&self) -> Ended {
        let mut state = self.state();
        loop {
            if let Some(ended) = &state.ended {
                return ended.clone();
            }
            state = self.shared.over.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a question and waits for its answer.
    async fn ask(
        &self,
        gate: Option<Gate>,
        (trouble, partial): (Option<String>, Option<String>),
        session: Arc<Session>,
    ) -> Result<Answer, Interrupted> {
        let (reply, answer) = oneshot::channel();
        let id = {
            let mut state = self.state();
            state.asked += 1;
            let choices = manager::choices(gate);
            let question = Question { id: state.asked, gate, trouble, partial, choices, session };
            state.tell(&Message::Question(question.clone()));
            state.open = Some((question, reply));
            state.asked
        };
        let answered = tokio::select! {
            biased;
            () = self.shared.cancel.cancelled() => None,
            answer = answer => answer.ok(),
        };
        if answered.is_none() {
            let mut state = self.state();
            // An answer that came meanwhile has said so already.
            if state.open.take().is_some() {
                state.tell(&Message::Closed { question: id, answer: None });
            }
        }
        answered.ok_or(Interrupted)
    }
}

impl State {
    fn tell(&mut self, message: &Message) {
        self.watchers.retain(|watcher| {
            let watcher = watcher.upgrade();
            watcher.map(|mailbox| mailbox.put(message.clone())).is_some()
        });
    }
}

/// Ends a task, however its work came to its end.
struct Closing<'a> {
    task: &'a SessionTask,
    ended: Option<Ended>,
}

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        let ended = self.ended.take().unwrap_or_else(|| Ended {
            end: None,
            error: Some("the work on the session broke off; please report this".to_owned()),
            exit_code: PANICKED,
        });
        let mut state = self.task.state();
        (state.open, state.running) = (None, None);
        state.tell(&Message::Ended(ended.clone()));
        state.watchers.clear();
        state.ended = Some(ended);
        self.task.shared.over.notify_all();
    }
}

/// The Manager of the session's thread: passes on what it is told and asked.
struct Asking<'a> {
    task: &'a SessionTask,
}

impl Manager for Asking<'_> {
    fn ask<'a>(
        &'a mut self,
        question: &'a manager::Question<'a>,
    ) -> LocalBoxFuture<'a, Result<Answer, Interrupted>> {
        let session = Arc::new(question.session.clone());
        let about = (question.trouble.clone(), question.partial.map(str::to_owned));
        Box::pin(self.task.ask(Some(question.gate), about, session))
    }

    fn listen(&mut self) -> LocalBoxFuture<'_, Result<Option<String>, Interrupted>> {
        Box::pin(async {
            Ok(match self.task.ask(None, (None, None), Arc::default()).await? {
                Answer::Say(text) => Some(text),
                _ => None,
            })
        })
    }

    fn begins(&mut self, running: &CancellationToken) {
        self.task.state().running = Some(running.clone());
    }

    fn tell(&mut self, news: manager::News<'_>) {
        // Copied before the lock is taken: whoever answers does not wait for it.
        let message = Message::News(news.into());
        self.task.state().tell(&message);
    }
}

#[cfg(test)]
mod tests;
