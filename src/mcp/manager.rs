//! The client as the Manager: uses the answer in the call, then may ask the user behind the client,
//! then leaves the gate open.

use super::gate::{self, Form};
use super::news;
use crate::domain::event::Gate;
use crate::terminal::{Terminal, gate as words};
use crate::workflow::manager::{Answer, Interrupted, Manager, News, Question};
use futures_util::future::LocalBoxFuture;
use serde_json::Value;
use std::path::Path;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

/// A gate to present to the user behind the client.
#[derive(Debug)]
pub struct Asked {
    /// The gate.
    pub form: Form,
    /// What was wrong with the previous answer, if there was one.
    pub again: Option<String>,
    /// Receives the filled-in form; `None` if the user gave no answer.
    pub reply: oneshot::Sender<Option<Value>>,
}

/// How often a user is asked again before it counts as no answer.
const TRIES: usize = 3;

/// The Manager for a call of a client.
pub struct Client {
    /// The answer in the call, and its gate.
    answer: Option<(Gate, Answer)>,
    /// The last answer came from the user.
    is_person: bool,
    person: Option<mpsc::Sender<Asked>>,
    news: Option<mpsc::UnboundedSender<String>>,
    cancel: CancellationToken,
    /// Notes for the user, to be included in the result.
    pub notes: Vec<String>,
    terminal: Terminal,
}

impl Client {
    /// Creates the Manager for a call.
    #[must_use]
    pub fn new(terminal: Terminal, wire: super::Wire, answer: Option<(Gate, Answer)>) -> Self {
        let super::Wire { cancel, news, person, is_person } = wire;
        Self { answer, is_person, person, news, cancel, notes: Vec::new(), terminal }
    }

    async fn answer(&mut self, question: &Question<'_>) -> Result<Answer, Interrupted> {
        if let Some((_, answer)) = self.answer.take_if(|(gate, _)| *gate == question.gate) {
            return Ok(answer);
        }
        let Some(person) = &self.person else { return Ok(Answer::Gone) };
        let form = form(self.terminal, question);
        let mut again = None;
        for _ in 0..TRIES {
            let (reply, said) = oneshot::channel();
            let asked = Asked { form: form.clone(), again, reply };
            if person.send(asked).await.is_err() {
                break;
            }
            let said = tokio::select! {
                biased;
                () = self.cancel.cancelled() => return Err(Interrupted),
                said = said => said,
            };
            let Ok(Some(content)) = said else { break };
            match form.read(&content) {
                Ok(answer) => {
                    self.is_person = true;
                    return Ok(answer);
                }
                Err(why) => again = Some(why),
            }
        }
        Ok(Answer::Gone)
    }
}

/// A gate as presented to a client or user.
#[must_use]
pub fn form(terminal: Terminal, question: &Question<'_>) -> Form {
    Form {
        gate: question.gate,
        // File paths are relative to the session's folder.
        asks: words::question(&terminal, question, Path::new("")).trim().to_owned(),
        choices: gate::choices(question),
    }
}

impl Manager for Client {
    fn ask<'a>(
        &'a mut self,
        question: &'a Question<'a>,
    ) -> LocalBoxFuture<'a, Result<Answer, Interrupted>> {
        Box::pin(self.answer(question))
    }

    fn tell(&mut self, news: News<'_>) {
        if let News::Note(note) = &news {
            self.notes.push((*note).to_owned());
        }
        if let Some(to) = &self.news
            && let Some(words) = news::words(&news)
        {
            // A closed channel means that the client cancelled.
            let _ = to.send(words);
        }
    }

    fn is_person(&self) -> bool {
        self.is_person
    }
}
