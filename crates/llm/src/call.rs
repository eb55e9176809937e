//! Asks a model: the one place for retries, the limit on silence, and cancelling.

use super::redact;
use super::repetition::{self, Patience, Repetition};
use super::{Chunk, Fault, Finish, Model, Phase};
use redraft_domain::chat::{Outcome, Request, Role, ToolCall, Usage};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// The most text and reasoning that one answer can have, in bytes.
pub const MOST_TEXT: usize = 1 << 20;

/// The longest wait that a server can ask for before it counts as a failure.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// Pieces that wait for the caller before the model has to.
const PIECES_AHEAD: usize = 64;

/// Bytes that arrive between two looks whether an answer is enough.
const BETWEEN_LOOKS: usize = 16;

/// What is told of an answer that was read where thoughts belong.
const IN_THOUGHTS: &str = "the server sent the whole answer as a thought, and it was read there: set \
                           the server's parser of thoughts to this model, or switch it off";

/// How patiently a model is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// How often a failed try is repeated.
    pub retries: u32,
    /// What the first wait lasts at most; each further one can last twice as long.
    pub base: Duration,
    /// How long nothing may come, from the start of a try on.
    pub silence: Duration,
    /// Whether a try in which nothing came for so long is repeated. A slow machine that is still
    /// reading the prompt would begin it anew.
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

/// What the caller is told while a model answers.
#[derive(Debug)]
pub enum News<'a> {
    /// What the request begins the answer with: no word of the model's.
    Prefill(&'a str),
    /// A piece of the answer.
    Text(&'a str),
    /// A piece of what the model thinks before it answers.
    Reasoning(&'a str),
    /// What the model does before its first words.
    Phase(Phase),
    /// This try failed and the next one follows: the text starts anew.
    Retrying {
        /// What went wrong.
        why: &'a Fault,
        /// How long is waited now.
        wait: Duration,
        /// The number of the try that follows; the first retry is 2.
        attempt: u32,
    },
}

/// A model's answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Its text, as sent.
    pub text: String,
    /// What the model thought, where the provider tells it apart; may be empty.
    pub reasoning: String,
    /// The tools that it calls; only of a model that was told of tools.
    pub calls: Vec<ToolCall>,
    /// How it ended.
    pub outcome: Outcome,
    /// The tokens of the try that succeeded, estimated if the provider did not count them.
    pub usage: Usage,
    /// It began to repeat itself and was cut off there.
    pub repeats: bool,
    /// What was wanted was there, so the rest was not waited for.
    pub stopped: bool,
    /// What whoever waits should know of it, in words.
    pub notes: Vec<String>,
    /// How many tries it took, from 1.
    pub attempts: u32,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[error("{kind}")]
pub struct CallError {
    /// What ended the call.
    pub kind: CallErrorKind,
    /// The text of the last try, as far as it came.
    pub partial: String,
}

/// What ended a call without an answer.
#[derive(Debug, PartialEq, thiserror::Error)]
pub enum CallErrorKind {
    /// The caller cancelled it.
    #[error("interrupted")]
    Interrupted,
    /// The last try failed, and another one would not help or is not allowed.
    #[error("{0}")]
    Failed(Fault),
}

/// Asks a model until it answers, and tells the caller what arrives.
///
/// A fault that may pass is met with up to `policy.retries` further tries, after a random wait that
/// can double each time, or after the time that the server asks for, if that is at most a minute.
/// What the request begins an answer with is told first, and part of its text.
/// An answer that goes round in circles is cut off, as if it had met its limit of length; one that
/// `stop_when` holds of, as far as it came is whole.
/// Cancelling stops it at once, in a wait as well. An answer that says it is whole but has no text
/// is a fault; one that was cut or refused may be empty.
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
            // Servers and programs can repeat what they were sent.
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

/// One try.
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
                        // What comes now is what came already: nobody has to wait for it.
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
    // What was sent before the end, or before a fault, was said.
    while let Ok(piece) = chunks.try_recv() {
        heard.take(&piece, on)?;
    }
    let mut ending = ended?;
    // Some servers call an answer whole that met its limit.
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

/// How long to wait before the next try; `None` if there must not be one.
fn wait_before_retry(fault: &Fault, policy: &Policy, attempts: u32) -> Option<Duration> {
    let in_vain = matches!(fault, Fault::Silence { .. }) && !policy.repeats_silence;
    if !fault.retryable() || in_vain || attempts > policy.retries {
        return None;
    }
    // Callers that failed together should not come back together, so all waits are random.
    let most = policy.base.saturating_mul(2u32.saturating_pow(attempts - 1)).min(LONGEST_WAIT);
    match fault.retry_after() {
        Some(wish) if wish > LONGEST_WAIT => None,
        Some(wish) => Some(wish + policy.base.min(LONGEST_WAIT).mul_f64(fastrand::f64())),
        None => Some(most.mul_f64(fastrand::f64())),
    }
}

/// What came in one try.
#[derive(Default)]
struct Heard {
    text: String,
    /// How much of the text was there before the model said anything, in bytes.
    prefill: usize,
    reasoning: String,
    calls: Vec<ToolCall>,
    notes: Vec<String>,
    repetition: [Repetition; 2],
    repeats: bool,
    /// The length at which it was last looked whether it is enough, in bytes.
    weighed_at: usize,
    stopped: bool,
}

impl Heard {
    /// An answer that begins so.
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

    /// Takes what the model thought for its answer, where it thought and said nothing: a server that
    /// takes the model for one that thinks aloud sends the whole answer as a thought. Whether there
    /// was anything to take.
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
        // Reasoning is paid for like any other part of an answer.
        let said = self.text.get(self.prefill..).unwrap_or_default();
        let mut guess = Usage::estimate(&request.messages, said);
        guess.answer += self.reasoning.len().div_ceil(4) as u64;
        let mut usage = ending.usage.unwrap_or(guess);
        // A count of nothing is none, and budgets hold for servers that do not count as well.
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
