//! One turn: works on a session, shows its progress to the client, and asks at gates.

use super::rpc::{Client, RpcError};
use super::{gate, updates};
use crate::domain::chat::Outcome;
use crate::domain::event::Gate;
use crate::domain::plan::Requirement;
use crate::domain::text::one_line;
use crate::store;
use crate::terminal::{Terminal, gate as words};
use crate::view::status;
use crate::workflow::driver::End;
use crate::workflow::manager::{self, Answer};
use crate::workflow::session_task::{Ended, Message, News, Question, SessionTask, Watcher};
use serde_json::{Value, json};
use std::path::PathBuf;

/// Follows a session from a prompt to the end of the turn.
pub(super) struct Turn {
    pub(super) client: Client,
    pub(super) terminal: Terminal,
    /// Session name.
    pub(super) session: String,
    /// Session folder.
    pub(super) folder: PathBuf,
    pub(super) task: SessionTask,
    /// The user's text from the prompt, for the open gate.
    pub(super) said: Option<(Gate, String)>,
    /// The latest known requirements of the plan.
    pub(super) requirements: Vec<Requirement>,
    /// The last plan update that was sent.
    pub(super) plan: Value,
    /// Distinguishes tool call ids of this turn from those of other turns.
    pub(super) tag: String,
    /// Number of such ids so far.
    pub(super) number: u64,
    /// Outcome of the last model call, reset when the user is asked.
    pub(super) outcome: Option<Outcome>,
    /// The user was told how to answer in the next prompt.
    pub(super) asked: bool,
}

impl Turn {
    /// Shows progress until the work ends, and returns the stop reason.
    ///
    /// # Errors
    /// The work failed.
    pub(super) async fn follow(mut self, mut watcher: Watcher) -> Result<&'static str, RpcError> {
        while let Some(message) = watcher.next().await {
            match message {
                Message::News(news) => {
                    for update in self.draw(&news) {
                        self.show(update).await;
                    }
                }
                Message::Question(question) => self.question(&question).await,
                Message::Closed { .. } => {}
                Message::Ended(ended) => return self.end(ended).await,
            }
        }
        Err(RpcError::failed("the work on the session broke off"))
    }

    /// Sends an update of the session; a plan is sent only if it changed.
    pub(super) async fn show(&mut self, update: Value) {
        if update["sessionUpdate"] == "plan" {
            if self.plan == update {
                return;
            }
            self.plan.clone_from(&update);
        }
        let params = json!({ "sessionId": self.session, "update": update });
        self.client.notify("session/update", params).await;
    }

    fn draw(&mut self, news: &News) -> Vec<Value> {
        let line = |words: &str| vec![updates::said(&format!("\n\n{words}\n\n"))];
        match news {
            News::Calling { agent, model, .. } => {
                line(&format!("*{}, {}*", agent.name(), one_line(model, 80)))
            }
            News::Text { text } => vec![updates::said(text)],
            News::Reasoning { text } => vec![updates::thought(text)],
            News::Retrying { why, wait } => {
                line(&format!("{why}; asked again in {:.1} s", wait.as_secs_f64()))
            }
            News::Called { outcome, .. } => {
                self.outcome = Some(*outcome);
                Vec::new()
            }
            News::Refused { reason, .. } => line(&format!("not taken: {reason}")),
            News::Proposed { plan } => {
                self.requirements.clone_from(&plan.requirements);
                vec![updates::plan(&self.requirements, None)]
            }
            News::Written { version, base } => {
                let mut shown = vec![updates::written(&self.folder, version, base.as_deref())];
                if !self.requirements.is_empty() {
                    shown.push(updates::plan(&self.requirements, Some(version)));
                }
                shown
            }
            News::Installing { packages } => line(&format!("installing {}", packages.join(", "))),
            News::Running { version, .. } => {
                self.number += 1;
                vec![updates::running(&self.run_id(*version), *version)]
            }
            News::Ran { version } => {
                let began = version.run.as_ref().is_some_and(|run| run.verdict.ran());
                updates::ran(&self.run_id(version.number), version, !began).into_iter().collect()
            }
            News::Tested { version } => match words::tests(&self.terminal, version) {
                Some(words) => line(&format!("tests: {words}")),
                None => Vec::new(),
            },
            News::Reviewed { version, .. } if !self.requirements.is_empty() => {
                vec![updates::plan(&self.requirements, Some(version))]
            }
            News::Auto { gate, answer, .. } => line(&format!("{} gate: {answer}", gate.name())),
            News::Note { text } => line(text),
            _ => Vec::new(),
        }
    }

    fn run_id(&self, version: u32) -> String {
        format!("v{version}-run-{}-{}", self.tag, self.number)
    }

    /// Answers a question with the text from the prompt, or else asks the user.
    async fn question(&mut self, question: &Question) {
        let Some(gate) = question.gate else {
            // An error here or below means that the question was closed meanwhile.
            let _ = self.task.answer(question.id, Answer::Gone);
            return;
        };
        let session = &question.session;
        updates::requirements(session).clone_into(&mut self.requirements);
        if let Some(plan) = updates::plan_of(session) {
            self.show(plan).await;
        }
        let typed = self.said.take_if(|(meant, _)| *meant == gate);
        let typed = typed.map(|(_, text)| gate::typed(gate, &text));
        let answer = match typed {
            Some(Ok(answer)) => Some(answer),
            typed => {
                if let Some(Err(hint)) = typed {
                    self.show(updates::said(&format!("\n\n{hint}\n\n"))).await;
                }
                let trouble = question.trouble.clone();
                self.put(&manager::Question { gate, session, trouble, partial: None }).await
            }
        };
        if let Some(answer) = answer {
            let _ = self.task.answer(question.id, answer);
        }
    }

    /// Asks the user at a gate; `None` if cancelled.
    async fn put(&mut self, question: &manager::Question<'_>) -> Option<Answer> {
        self.number += 1;
        self.outcome = None;
        let id = format!("gate-{}-{}", self.tag, self.number);
        let (call, options) = gate::request(&self.terminal, question, &id);
        let params = json!({ "sessionId": self.session, "toolCall": call, "options": options });
        let cancelled = self.task.cancellation();
        let reply = tokio::select! {
            biased;
            () = cancelled.cancelled() => return None,
            reply = self.client.request("session/request_permission", params) => reply,
        };
        let outcome = reply.map(|reply| reply["outcome"].clone()).unwrap_or_default();
        if outcome["outcome"] == "cancelled" {
            self.task.cancel();
            return None;
        }
        let answer = gate::chosen(question, outcome["optionId"].as_str().unwrap_or_default());
        let status = if answer.is_some() { "completed" } else { "failed" };
        let ended = json!({
            "sessionUpdate": "tool_call_update", "toolCallId": id, "status": status,
        });
        self.show(ended).await;
        if answer.is_none() {
            // Clients without permission dialogs also get here.
            self.show(updates::said(&gate::message(&self.terminal, question))).await;
            self.asked = true;
        }
        Some(answer.unwrap_or(Answer::Gone))
    }

    /// Shows how the work ended; returns the stop reason.
    async fn end(mut self, ended: Ended) -> Result<&'static str, RpcError> {
        let session = store::read(&self.folder).map(|read| read.session);
        if let Some(plan) = session.as_ref().ok().and_then(updates::plan_of) {
            self.show(plan).await;
        }
        if let Some((_, text)) = self.said.take() {
            let text = one_line(&text, 200);
            self.show(updates::said(&format!("\n\nNobody asked for this any more: {text}\n\n")))
                .await;
        }
        if self.task.cancellation().is_cancelled() {
            return Ok("cancelled");
        }
        let reason = match (&ended.end, self.outcome) {
            (Some(End::ModelFailed(error)), _) => {
                return Err(RpcError::failed(format!("model {error}")));
            }
            (None, _) => return Err(RpcError::failed(ended.error.unwrap_or_default())),
            (Some(End::Interrupted), _) => "cancelled",
            // Paused because the model refused to answer or its answer was cut off, and the user
            // was not asked since.
            (Some(End::Paused(_)), Some(Outcome::Refused)) => "refusal",
            (Some(End::Paused(_)), Some(Outcome::Cut)) => "max_tokens",
            (Some(End::Accepted(_) | End::Answered | End::Paused(_)), _) => "end_turn",
        };
        if let Ok(session) = session
            && !self.asked
        {
            let state = status::words(&session);
            let words = match &ended.end {
                Some(End::Accepted(version)) => {
                    let file = self.folder.join(store::artifacts::script_file(*version));
                    format!("{state}: {}", file.display())
                }
                _ => state,
            };
            self.show(updates::said(&format!("\n\n{words}\n"))).await;
        }
        Ok(reason)
    }
}
