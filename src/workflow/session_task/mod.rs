//! Works on a session in a separate thread. Watchers (a terminal, a page, a protocol) receive owned
//! messages and answer questions; they cannot block the work.

mod mailbox;
mod message;

pub use mailbox::Watcher;
pub use message::{Ended, Found, Message, News, Question};

use super::manager::{self, Answer, Interrupted, Manager};
use crate::domain::event::Gate;
use crate::domain::session::Session;
use futures_util::future::LocalBoxFuture;
use mailbox::{Mailbox, Waiting};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::JoinHandle;
use thiserror::Error;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

/// Exit code after a panic.
const PANICKED: u8 = 101;

/// Why an answer is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AnswerError {
    /// The question was answered already, or the session was cancelled.
    #[error("question {0} is closed: it was answered before, or the session was interrupted")]
    Closed(u64),
    /// There is no such question.
    #[error("there is no question {0}")]
    Unknown(u64),
    /// The answer is not valid for this question.
    #[error("`{word}` is no answer here; the answers are: {}", choices.join(", "))]
    Unfitting {
        /// The answer's word.
        word: &'static str,
        /// The words of the valid answers.
        choices: &'static [&'static str],
    },
}

/// A handle to a running session. Clones refer to the same session.
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
    /// What a new watcher receives first: the running step and its text so far.
    now: Waiting,
    /// The id of the latest question.
    asked: u64,
    open: Option<(Question, oneshot::Sender<Answer>)>,
    /// Cancels the running step, but not the work.
    running: Option<CancellationToken>,
    ended: Option<Ended>,
}

impl SessionTask {
    /// A task that has not started, so that a watcher can be added first.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts the work in a new thread. The thread returns the second value of `work`. `Ended` is
    /// sent after `work` has returned, when everything that it opened and did not return is closed.
    ///
    /// # Errors
    /// If the system cannot start another thread.
    pub fn start<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut dyn Manager, CancellationToken) -> (Ended, T) + Send + 'static,
    ) -> std::io::Result<JoinHandle<T>> {
        let task = self.clone();
        std::thread::Builder::new().name("session".to_owned()).spawn(move || {
            // Watchers are informed of the end even after a panic.
            let mut closing = Closing { task: &task, ended: None };
            let cancel = task.shared.cancel.clone();
            let (ended, given) = work(&mut Asking { task: &task }, cancel);
            closing.ended = Some(ended);
            given
        })
    }

    /// A watcher that receives all messages from now on, starting with the open question, or with
    /// the running step and the model's text so far.
    #[must_use]
    pub fn watch(&self) -> Watcher {
        let mut state = self.state();
        let mailbox = Arc::new(Mailbox::with(state.now.clone()));
        if let Some((question, _)) = &state.open {
            mailbox.put(Message::Question(question.clone()));
        }
        match &state.ended {
            Some(ended) => mailbox.put(Message::Ended(ended.clone())),
            None => state.watchers.push(Arc::downgrade(&mailbox)),
        }
        Watcher::new(mailbox)
    }

    /// Answers a question. Only the first answer counts.
    ///
    /// # Errors
    /// If the question is closed or unknown, or the answer is not valid for it.
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
            // The receiver is gone if the session was cancelled.
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

    /// Stops the running step, so that the user is asked how to continue. Returns `false` if there
    /// is nothing to stop: a question is open, or the step was stopped already.
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

    /// The token that cancels the work, for callers without this handle.
    #[must_use]
    pub fn cancellation(&self) -> CancellationToken {
        self.shared.cancel.clone()
    }

    /// How the work ended, if it has.
    #[must_use]
    pub fn ended(&self) -> Option<Ended> {
        self.state().ended.clone()
    }

    /// Blocks this thread until the work ends.
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
            // An answer in the meantime has sent this message already.
            if state.open.take().is_some() {
                state.tell(&Message::Closed { question: id, answer: None });
            }
        }
        answered.ok_or(Interrupted)
    }
}

impl State {
    fn tell(&mut self, message: &Message) {
        self.now.follow(message);
        self.watchers.retain(|watcher| {
            let watcher = watcher.upgrade();
            watcher.map(|mailbox| mailbox.put(message.clone())).is_some()
        });
    }
}

/// Marks a task as ended when it is dropped, even after a panic.
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

/// The Manager in the session's thread: passes news and questions on to the watchers.
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
        // Cloned before the lock is taken, so that an answer does not wait for it.
        let message = Message::News(news.into());
        self.task.state().tell(&message);
    }
}

#[cfg(test)]
mod tests;
