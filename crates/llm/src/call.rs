//! Calls a model, with retries, a silence limit and cancellation.

use super::redact;
use super::repetition::{self, Patience, Repetition};
use super::{Chunk, Fault, Finish, Model, Phase};
use redraft_domain::chat::{Outcome, Request, Role, ToolCall, Usage};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Maximum length of an answer's text and reasoning together, in bytes.
pub const MOST_TEXT: usize = 1 << 20;

/// Longest wait that a server may ask for; a longer one is a failure.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// Capacity of the channel from the model to the caller, in chunks.
const PIECES_AHEAD: usize = 64;

/// Minimum number of new bytes between two calls of `stop_when`.
const BETWEEN_LOOKS: usize = 16;

/// Note for an answer that arrived as reasoning.
const IN_THOUGHTS: &str = "the server sent the whole answer as a thought, and it was read there: set \
                           the server's parser of thoughts to this model, or switch it off";

/// Retries and silence limit of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Number of retries.
    pub retries: u32,
    /// Maximum of the first wait; the maximum doubles with each further one.
    pub base: Duration,
    /// Maximum time without any chunk, from the start of an attempt.
    pub silence: Duration,
    /// Whether an attempt that was silent for too long is retried. A slow machine that is still
    /// reading the prompt would start over.
    pub repeats_silence: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            retries: 3,
            base: Duration::from_millis(500),
            silence: Duration::from_mins(5),
            repeats_silence: true,
        }
    }
}

/// Progress of a call.
#[derive(Debug)]
pub enum News<'a> {
    /// The prefill of the request, which is not the model's own text.
    Prefill(&'a str),
    /// A chunk of the answer.
    Text(&'a str),
    /// A chunk of reasoning before the answer.
    Reasoning(&'a str),
    /// Progress before the first text.
    Phase(Phase),
    /// An attempt failed and the next one follows; the text starts over.
    Retrying {
        /// What went wrong.
        why: &'a Fault,
        /// Wait before the next attempt.
        wait: Duration,
        /// Number of the next attempt; the first retry is 2.
        attempt: u32,
    },
}

/// A model's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Text, as sent, including the prefill.
    pub text: String,
    /// Reasoning, if the provider returns it separately; may be empty.
    pub reasoning: String,
    /// Tool calls; only from models that were offered tools.
    pub calls: Vec<ToolCall>,
    /// How it ended.
    pub outcome: Outcome,
    /// Token counts of the successful attempt, estimated if the provider reports none.
    pub usage: Usage,
    /// It began to repeat itself and was cut off there.
    pub repeats: bool,
    /// It was stopped early by `stop_when`.
    pub stopped: bool,
    /// Notes on the answer, for the user.
    pub notes: Vec<String>,
    /// Number of attempts, from 1.
    pub attempts: u32,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[error("{kind}")]
pub struct CallError {
    /// What ended the call.
    pub kind: CallErrorKind,
    /// The text of the last attempt, as far as it arrived.
    pub partial: String,
}

/// What ended a call without an answer.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum CallErrorKind {
    /// The caller cancelled it.
    #[error("interrupted")]
    Interrupted,
    /// The last attempt failed, and another one would not help or is not allowed.
    #[error("{0}")]
    Failed(Fault),
}

/// Calls a model until it answers, and reports the chunks to `on` as they arrive.
///
/// A transient fault is retried up to `policy.retries` times, after a random wait whose maximum
/// doubles each time, or after the time that the server asks for, if that is at most a minute. The
/// prefill of the request is reported first, and is part of the answer's text. An answer that
/// repeats itself is cut off, like one that reached its length limit; an answer that `stop_when`
/// accepts is stopped and counts as complete. Cancelling takes effect at once, during a wait as
/// well. A complete answer without text is a fault; one that was cut off or refused may be empty.
pub async fn call(
    model: &dyn Model,
    request: &Request,
    policy: &Policy,
    stop_when: &dyn Fn(&str) -> bool,
    cancel: &CancellationToken,
    on: &mut dyn FnMut(News<'_>),
) -> Result<Answer, CallError> {
    let mut attempts = 1;
    loop {
        let mut heard = Heard::of(request.prefill(), on);
        let turn = tokio::select! {
            biased;
            () = cancel.cancelled() => return Err(heard.error(CallErrorKind::Interrupted)),
            turn = model.turn() => turn,
        };
        let ended = tokio::select! {
            biased;
            () = cancel.cancelled() => return Err(heard.error(CallErrorKind::Interrupted)),
            ended = attempt(model, request, policy.silence, stop_when, &mut heard, on) => ended,
        };
        drop(turn);
        let fault = match ended {
            Ok(ending) => return Ok(heard.answer(ending, request, attempts)),
            // Servers and programs may quote the prompt in their errors.
            Err(fault) => fault.map_said(|said| redact::without_quotes(said, &request.messages)),
        };
        let Some(wait) = wait_before_retry(&fault, policy, attempts) else {
            return Err(heard.error(CallErrorKind::Failed(fault)));
        };
        attempts += 1;
        on(News::Retrying { why: &fault, wait, attempt: attempts });
        tokio::select! {
            biased;
            () = cancel.cancelled() => return Err(heard.error(CallErrorKind::Interrupted)),
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// One attempt.
async fn attempt(
    model: &dyn Model,
    request: &Request,
    silence: Duration,
    stop_when: &dyn Fn(&str) -> bool,
    heard: &mut Heard,
    on: &mut dyn FnMut(News<'_>),
) -> Result<Finish, Fault> {
    let patience = match request.agent.role() {
        Role::Coder | Role::Engineer => repetition::CODE,
        _ => repetition::PROSE,
    };
    let (sender, mut chunks) = mpsc::channel(PIECES_AHEAD);
    let mut answering = model.answer(request, sender);
    let quiet = tokio::time::sleep(silence);
    tokio::pin!(quiet);
    let mut open = true;
    let ended = loop {
        tokio::select! {
            biased;
            piece = chunks.recv(), if open => match piece {
                Some(piece) => {
                    heard.take(&piece, on)?;
                    if heard.begins_to_repeat(patience) {
                        // The rest would only repeat what has arrived.
                        return Ok(Finish { outcome: Outcome::Cut, usage: None });
                    }
                    if heard.stops_when(stop_when) {
                        return Ok(Finish { outcome: Outcome::Whole, usage: None });
                    }
                    quiet.set(tokio::time::sleep(silence));
                }
                None => open = false,
            },
            ended = &mut answering => break ended,
            () = &mut quiet => return Err(Fault::Silence { seconds: silence.as_secs_f64() }),
        }
    };
    // Chunks that were sent before the end, or before a fault, are part of the answer.
    while let Ok(piece) = chunks.try_recv() {
        heard.take(&piece, on)?;
    }
    let mut ending = ended?;
    // Some servers report an answer that reached its limit as complete.
    let met = ending.usage.is_some_and(|usage| usage.answer >= u64::from(request.max_tokens));
    if ending.outcome == Outcome::Whole && met && heard.calls.is_empty() {
        ending.outcome = Outcome::Cut;
    }
    let said = heard.text.get(heard.prefill..).unwrap_or_default();
    let empty = said.trim().is_empty() && heard.calls.is_empty();
    if ending.outcome == Outcome::Whole && empty && !heard.read_thoughts(on) {
        return Err(Fault::Empty);
    }
    Ok(ending)
}

/// The wait before the next attempt; `None` if there must not be one.
fn wait_before_retry(fault: &Fault, policy: &Policy, attempts: u32) -> Option<Duration> {
    let in_vain = matches!(fault, Fault::Silence { .. }) && !policy.repeats_silence;
    if !fault.retryable() || in_vain || attempts > policy.retries {
        return None;
    }
    // Callers that failed together should not retry together, so all waits are random.
    let most = policy.base.saturating_mul(2u32.saturating_pow(attempts - 1)).min(LONGEST_WAIT);
    match fault.retry_after() {
        Some(wish) if wish > LONGEST_WAIT => None,
        Some(wish) => Some(wish + policy.base.min(LONGEST_WAIT).mul_f64(fastrand::f64())),
        None => Some(most.mul_f64(fastrand::f64())),
    }
}

/// The chunks received in one attempt.
#[derive(Default)]
struct Heard {
    text: String,
    /// Length of the prefill in the text, in bytes.
    prefill: usize,
    reasoning: String,
    calls: Vec<ToolCall>,
    notes: Vec<String>,
    repetition: [Repetition; 2],
    repeats: bool,
    /// Length of the text at the last call of `stop_when`, in bytes.
    weighed_at: usize,
    stopped: bool,
}

impl Heard {
    /// A new attempt, whose text starts with the prefill.
    fn of(prefill: &str, on: &mut dyn FnMut(News<'_>)) -> Self {
        if !prefill.is_empty() {
            on(News::Prefill(prefill));
        }
        Self { text: prefill.to_owned(), prefill: prefill.len(), ..Self::default() }
    }

    fn take(&mut self, piece: &Chunk, on: &mut dyn FnMut(News<'_>)) -> Result<(), Fault> {
        let new = match piece {
            Chunk::Text(new) | Chunk::Reasoning(new) | Chunk::Note(new) => new.len(),
            Chunk::Call(call) => call.arguments.to_string().len(),
            Chunk::Phase(_) => 0,
        };
        if self.text.len() + self.reasoning.len() + new > MOST_TEXT {
            return Err(Fault::TooLong { what: "it has more than 1 MiB of text".to_owned() });
        }
        match piece {
            Chunk::Text(new) => {
                self.text.push_str(new);
                on(News::Text(new));
            }
            Chunk::Reasoning(new) => {
                self.reasoning.push_str(new);
                on(News::Reasoning(new));
            }
            Chunk::Call(call) => self.calls.push(call.clone()),
            Chunk::Note(note) => self.notes.push(note.clone()),
            Chunk::Phase(phase) => on(News::Phase(*phase)),
        }
        Ok(())
    }

    /// Uses the reasoning as the answer if there is no other text: a server that wrongly expects a
    /// reasoning model sends the whole answer as reasoning. Returns whether there was any
    /// reasoning.
    fn read_thoughts(&mut self, on: &mut dyn FnMut(News<'_>)) -> bool {
        if self.reasoning.trim().is_empty() {
            return false;
        }
        let text = std::mem::take(&mut self.reasoning);
        on(News::Text(&text));
        self.text.truncate(self.prefill);
        self.text.push_str(&text);
        self.notes.push(IN_THOUGHTS.to_owned());
        true
    }

    fn begins_to_repeat(&mut self, patience: Patience) -> bool {
        let [text, reasoning] = &mut self.repetition;
        self.repeats =
            text.is_in(&self.text, patience) || reasoning.is_in(&self.reasoning, repetition::PROSE);
        self.repeats
    }

    fn stops_when(&mut self, stop_when: &dyn Fn(&str) -> bool) -> bool {
        if self.text.len() < self.weighed_at + BETWEEN_LOOKS {
            return false;
        }
        self.weighed_at = self.text.len();
        self.stopped = self.calls.is_empty() && stop_when(&self.text);
        self.stopped
    }

    fn answer(self, ending: Finish, request: &Request, attempts: u32) -> Answer {
        // Reasoning is paid for like the rest of the answer.
        let said = self.text.get(self.prefill..).unwrap_or_default();
        let mut guess = Usage::estimate(&request.messages, said);
        guess.answer += self.reasoning.len().div_ceil(4) as u64;
        let mut usage = ending.usage.unwrap_or(guess);
        // A count of 0 is treated as missing, so that budgets work with servers that don't count.
        for (count, guess) in [(&mut usage.prompt, guess.prompt), (&mut usage.answer, guess.answer)]
        {
            if *count == 0 && guess > 0 {
                *count = guess;
                usage.estimated = true;
            }
        }
        Answer {
            text: self.text,
            reasoning: self.reasoning,
            calls: self.calls,
            outcome: ending.outcome,
            usage,
            repeats: self.repeats,
            stopped: self.stopped,
            notes: self.notes,
            attempts,
        }
    }

    fn error(self, kind: CallErrorKind) -> CallError {
        CallError { kind, partial: self.text }
    }
}
