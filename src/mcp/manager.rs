//! The client as the Manager: it brings one answer, the person behind it may be asked for more, and
//! then nobody is left.

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

/// A gate that is put to the person behind the client.
#[derive(Debug)]
pub struct Asked {
    /// The gate.
    pub form: Form,
    /// What was wrong with the last answer, if there was one.
    pub again: Option<String>,
    /// Takes what was filled in; none if the person gave no answer.
    pub reply: oneshot::Sender<Option<Value>>,
}

/// How often a person is asked the same before it is taken for no answer.
const TRIES: usize = 3;

/// Stands for whoever is behind a client.
pub struct Client {
    /// The answer that the call brought, and the gate that it is for.
    answer: Option<(Gate, Answer)>,
    /// The last answer is a person's.
    is_person: bool,
    person: Option<mpsc::Sender<Asked>>,
    news: Option<mpsc::UnboundedSender<String>>,
    cancel: CancellationToken,
    /// What the user should know, for the result.
    pub notes: Vec<String>,
    terminal: Terminal,
}

impl Client {
    /// Stands for the client of a call.
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

/// A gate as it is put to whoever answers it.
#[must_use]
pub fn form(terminal: Terminal, question: &Question<'_>) -> Form {
    Form {
        gate: question.gate,
        // Files are named as they stand in the session's folder.
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
            // Who does not listen any more has cancelled.
            let _ = to.send(words);
        }
    }

    fn is_person(&self) -> bool {
        self.is_person
    }
}
