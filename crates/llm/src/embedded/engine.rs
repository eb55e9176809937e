//! Runs one model on a thread of its own, and answers all requests to it concurrently.
//!
//! Each step runs the next token of every conversation that is being generated, and a part of the
//! prompts that are still in prefill, through the model together. The cache of a finished
//! conversation is kept for later ones with the same prefix. If an answer starts to repeat earlier
//! text of the conversation, such as a script that is written again with one line changed, the
//! tokens that follow are guessed: the model processes several tokens in one step, and the first
//! one that is sampled differently ends the guess. The answer is the same with and without guesses.

use super::compute::{BATCH, Cache, Decoder, Step};
use super::form::{Form, Forms, Held};
use super::gguf::Gguf;
use super::prompt_lookup::PromptLookup;
use super::sampler::{Sampler, Sampling};
use super::template::Template;
use super::tokenizer::Tokenizer;
use crate::{Chunk, Fault, Finish, Phase};
use redraft_domain::chat::{Message, Outcome, Usage, split_prefill};
use std::cell::OnceCell;
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, TryRecvError};
use tokio::sync::mpsc::Sender;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::oneshot;

/// Maximum number of conversations that are answered concurrently.
const SEATS: usize = 8;

/// Maximum number of finished conversations whose cache is kept.
const KEPT: usize = 32;

/// A request to the model.
pub(super) struct Job {
    pub(super) messages: Vec<Message>,
    pub(super) sampling: Sampling,
    /// The form that the answer is constrained to.
    pub(super) form: Option<Form>,
    pub(super) seed: u64,
    /// Maximum length of the answer, in tokens.
    pub(super) most: usize,
    /// Maximum length of prompt and answer together, in tokens, if below the model's own limit.
    pub(super) context: Option<usize>,
    pub(super) chunks: Sender<Chunk>,
    pub(super) ended: oneshot::Sender<Result<Finish, Fault>>,
}

/// Loads a model and answers jobs until all senders are dropped.
pub(super) fn serve(path: &Path, jobs: &Receiver<Job>) {
    let Ok(first) = jobs.recv() else { return };
    let _ = first.chunks.try_send(Chunk::Phase(Phase::Loading));
    let mut scheduler = match Scheduler::open(path) {
        Ok(scheduler) => scheduler,
        Err(fault) => {
            for job in std::iter::once(first).chain(jobs) {
                let _ = job.ended.send(Err(fault.clone()));
            }
            return;
        }
    };
    scheduler.waiting.push_back((first, None));
    loop {
        if scheduler.idle() {
            match jobs.recv() {
                Ok(job) => scheduler.waiting.push_back((job, None)),
                Err(_) => return,
            }
        }
        loop {
            match jobs.try_recv() {
                Ok(job) => scheduler.waiting.push_back((job, None)),
                Err(TryRecvError::Disconnected) if scheduler.idle() => return,
                Err(_) => break,
            }
        }
        scheduler.work();
    }
}

/// A conversation that is being answered.
struct Slot {
    job: Job,
    sampler: Sampler,
    held: Option<Held>,
    /// Tokens of the prompt and of the answer.
    tokens: Vec<u32>,
    prompt: usize,
    /// Number of prompt tokens that were taken from the cache of another conversation.
    cached: usize,
    /// Maximum length of the conversation, in tokens.
    end: usize,
    cache: Cache,
    guess: PromptLookup,
    /// Tokens of the next step: new ones, followed by guessed ones.
    ahead: Vec<u32>,
    /// Bytes of the answer that are not sent yet: an incomplete character, or text that did not fit
    /// into the channel.
    unsent: Vec<u8>,
}

/// A prompt's tokens, and the maximum length of prompt and answer together.
type Written = (Vec<u32>, usize);

/// Cache of a finished conversation, for later ones with the same prefix.
struct CachedPrefix {
    tokens: Vec<u32>,
    cache: Cache,
}

/// The model and its conversations.
struct Scheduler {
    path: PathBuf,
    model: Decoder,
    tokenizer: Tokenizer,
    template: Template,
    /// Created for the first answer with a form; `None` if the vocabulary does not support forms.
    forms: OnceCell<Option<Forms>>,
    /// Jobs without a slot, with the tokenized prompt once it exists, as a long one may wait for
    /// many steps.
    waiting: VecDeque<(Job, Option<Written>)>,
    slots: Vec<Slot>,
    /// Ordered by last use, the most recent last.
    kept: Vec<CachedPrefix>,
}

impl Scheduler {
    fn open(path: &Path) -> Result<Self, Fault> {
        let broken = |reason: String| Fault::embedded(path, &reason);
        let file = Gguf::open(path).map_err(|error| broken(plain(&error)))?;
        let tokenizer = Tokenizer::load(&file).map_err(|error| broken(error.to_string()))?;
        let name = |key: &str| {
            let token = file.number(key);
            token.and_then(|token| tokenizer.name(token)).unwrap_or_default().to_owned()
        };
        let template = Template::new(
            file.text("tokenizer.chat_template"),
            &name("tokenizer.ggml.bos_token_id"),
            &name("tokenizer.ggml.eos_token_id"),
        );
        let model = Decoder::load(path, file).map_err(|error| broken(plain(&error)))?;
        Ok(Self {
            path: path.to_owned(),
            model,
            tokenizer,
            template,
            forms: OnceCell::new(),
            waiting: VecDeque::new(),
            slots: Vec::new(),
            kept: Vec::new(),
        })
    }

    fn idle(&self) -> bool {
        self.waiting.is_empty() && self.slots.is_empty()
    }

    /// Runs one step of all conversations.
    fn work(&mut self) {
        self.leave(|slot| slot.job.ended.is_closed());
        self.seat_waiting();
        if self.slots.is_empty() {
            return;
        }
        let mut left = BATCH;
        let mut steps = Vec::new();
        let mut stepping = Vec::new();
        let mut asked = Vec::new();
        let alone = self.slots.len() == 1;
        for (index, slot) in self.slots.iter_mut().enumerate() {
            let new = &slot.tokens[slot.cache.filled..];
            // A conversation in generation takes one token, however much the others have in
            // prefill.
            let take = if new.len() == 1 { 1 } else { new.len().min(left) };
            if take > 0 {
                left = left.saturating_sub(take);
                slot.ahead.clear();
                slot.ahead.extend_from_slice(&new[..take]);
                // With several conversations, a step has enough work without guesses.
                if alone && new.len() == 1 {
                    let room = slot.end - slot.tokens.len();
                    slot.ahead.extend_from_slice(slot.guess.next(&slot.tokens, room));
                }
                let wanted = slot.ahead.len() - take + 1;
                steps.push(Step { tokens: &slot.ahead, wanted, cache: &mut slot.cache });
                stepping.push((index, wanted));
                asked.push(&slot.job.ended);
            }
        }
        let go_on = || !asked.iter().any(|ended| ended.is_closed());
        let mut scores = match self.model.forward(&mut steps, &go_on) {
            Ok(Some(scores)) => scores.into_iter(),
            Ok(None) => return,
            Err(error) => {
                let fault = Fault::embedded(&self.path, &plain(&error));
                for slot in self.slots.drain(..) {
                    let _ = slot.job.ended.send(Err(fault.clone()));
                }
                return;
            }
        };
        let mut ended = Vec::new();
        for (index, wanted) in stepping {
            let slot = &mut self.slots[index];
            let scores: Vec<Vec<f32>> = scores.by_ref().take(wanted).collect();
            if slot.cache.filled < slot.tokens.len() {
                slot.show_life();
                continue;
            }
            let outcome = slot.write(scores, &self.tokenizer);
            ended.extend(outcome.map(|outcome| (index, outcome)));
        }
        for (index, outcome) in ended.into_iter().rev() {
            let slot = self.slots.remove(index);
            self.end(slot, outcome);
        }
    }

    /// Removes the conversations that `gone` selects, and keeps their caches.
    fn leave(&mut self, gone: impl Fn(&Slot) -> bool) {
        while let Some(index) = self.slots.iter().position(&gone) {
            let slot = self.slots.remove(index);
            self.keep(slot.tokens, slot.cache);
        }
    }

    /// Sends the end of an answer, and keeps its cache.
    fn end(&mut self, mut slot: Slot, outcome: Outcome) {
        slot.finish();
        let usage = Usage {
            prompt: slot.prompt as u64,
            answer: (slot.tokens.len() - slot.prompt) as u64,
            cached: slot.cached as u64,
            estimated: false,
        };
        let _ = slot.job.ended.send(Ok(Finish { outcome, usage: Some(usage) }));
        self.keep(slot.tokens, slot.cache);
    }

    fn keep(&mut self, mut tokens: Vec<u32>, cache: Cache) {
        tokens.truncate(cache.filled);
        self.kept.push(CachedPrefix { tokens, cache });
        let size = |kept: &[CachedPrefix]| kept.iter().map(|one| one.cache.size()).sum::<usize>();
        let most = self.model.memory_kept();
        while self.kept.len() > KEPT || self.kept.len() > 1 && size(&self.kept) > most {
            self.kept.remove(0);
        }
    }

    fn seat_waiting(&mut self) {
        while let Some((mut job, written)) = self.waiting.pop_front() {
            if job.ended.is_closed() {
                continue;
            }
            if self.slots.len() == SEATS {
                self.waiting.push_front((job, written));
                return;
            }
            let (tokens, end) = match written.map_or_else(|| self.prompt(&job), Ok) {
                Ok(found) => found,
                Err(fault) => {
                    let _ = job.ended.send(Err(fault));
                    continue;
                }
            };
            let size = |end: usize| end * self.model.position_size();
            let taken: usize = self.slots.iter().map(|slot| size(slot.end)).sum();
            let full = !self.slots.is_empty() && taken + size(end) > self.model.memory_at_work();
            let Some(cache) = (if full { None } else { self.cache_for(&tokens) }) else {
                self.waiting.push_front((job, Some((tokens, end))));
                return;
            };
            let held = job.form.take().and_then(|form| {
                let forms = self.forms.get_or_init(|| Forms::new(&self.tokenizer)).as_ref()?;
                forms.hold(form, split_prefill(&job.messages).1)
            });
            let slot = Slot {
                held,
                sampler: Sampler::new(job.sampling, job.seed),
                prompt: tokens.len(),
                cached: cache.filled,
                tokens,
                end,
                cache,
                guess: PromptLookup::default(),
                ahead: Vec::new(),
                unsent: Vec::new(),
                job,
            };
            slot.show_life();
            self.slots.push(slot);
        }
    }

    /// Tokenizes the prompt of a job. Error if it does not fit into the context.
    fn prompt(&self, job: &Job) -> Result<Written, Fault> {
        let written = self.template.write(&job.messages);
        let written = written.map_err(|error| Fault::embedded(&self.path, &plain(&error)))?;
        let tokens = self.tokenizer.encode(&written.parts());
        let tokens = tokens.map_err(|error| Fault::embedded(&self.path, &error.to_string()))?;
        let most = self.model.context();
        let context = job.context.map_or(most, |context| context.min(most));
        if tokens.len() >= context {
            return Err(Fault::PromptTooLong {
                context: u32::try_from(context).ok(),
                message: format!("it has {} tokens", tokens.len()),
            });
        }
        let end = context.min(tokens.len() + job.most.max(1));
        Ok((tokens, end))
    }

    /// The cache of the longest prefix that a conversation shares with another one; empty if there
    /// is none. `None` while an active conversation is still computing a longer shared prefix.
    fn cache_for(&mut self, tokens: &[u32]) -> Option<Cache> {
        // The last token is always computed, since its scores are needed.
        let able = tokens.len() - 1;
        let common =
            |others: &[u32]| tokens[..able].iter().zip(others).take_while(|(a, b)| a == b).count();
        let kept = self.kept.iter().enumerate().map(|(index, kept)| (common(&kept.tokens), index));
        let (kept, index) = kept.max().unwrap_or_default();
        let slots = self.slots.iter().map(|slot| (common(&slot.tokens[..slot.prompt]), slot));
        if let Some((shared, slot)) = slots.max_by_key(|(shared, _)| *shared)
            && shared > kept
        {
            return if slot.cache.filled < shared {
                None
            } else {
                // If it can't be copied, it is computed again.
                Some(slot.cache.copy(shared).unwrap_or_default())
            };
        }
        let Some(earlier) = self.kept.get(index).filter(|_| kept > 0) else {
            return Some(Cache::default());
        };
        if kept < earlier.tokens.len() / 2 {
            // Most of the earlier conversation differs: it is kept unchanged for later ones of its
            // kind.
            return Some(earlier.cache.copy(kept).unwrap_or_default());
        }
        let mut cache = self.kept.remove(index).cache;
        cache.cut(kept);
        Some(cache)
    }
}

impl Slot {
    /// Samples the tokens that follow the last one and the guessed ones behind it, from the scores
    /// at each of these, until one differs from the guess. Returns the outcome if the answer ends.
    fn write(&mut self, scores: Vec<Vec<f32>>, tokenizer: &Tokenizer) -> Option<Outcome> {
        let guessed = self.ahead.split_off(self.ahead.len() + 1 - scores.len());
        let mut right = 0;
        let mut outcome = None;
        for (place, mut scores) in scores.into_iter().enumerate() {
            let said = &self.tokens[self.prompt..];
            let token = match &mut self.held {
                Some(held) => held.next(&mut self.sampler, &mut scores, said, tokenizer),
                None => self.sampler.next(&mut scores, said),
            };
            if tokenizer.is_control(token) {
                outcome = Some(Outcome::Whole);
                break;
            }
            self.tokens.push(token);
            self.say(tokenizer.bytes(token));
            if self.held.as_mut().is_some_and(|held| held.take(token)) {
                outcome = Some(Outcome::Whole);
                break;
            }
            if self.tokens.len() >= self.end {
                outcome = Some(Outcome::Cut);
                break;
            }
            if guessed.get(place) != Some(&token) {
                break;
            }
            right += 1;
        }
        self.guess.came(guessed.len(), right);
        // Positions behind a wrong guess are not part of this conversation.
        self.cache.cut(self.tokens.len() - 1);
        outcome
    }

    /// Reports how much of the prompt is processed, so that the silence is not mistaken for a
    /// fault.
    fn show_life(&self) {
        let (read, of) = (self.cache.filled as u64, self.prompt as u64);
        let _ = self.job.chunks.try_send(Chunk::Phase(Phase::Reading { read, of }));
    }

    /// Sends bytes of the answer, up to the last complete character.
    fn say(&mut self, bytes: &[u8]) {
        self.unsent.extend_from_slice(bytes);
        let whole = match std::str::from_utf8(&self.unsent) {
            Ok(text) => text.len(),
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            Err(_) => self.unsent.len(),
        };
        if whole == 0 {
            return;
        }
        let text = String::from_utf8_lossy(&self.unsent[..whole]).into_owned();
        if let Err(TrySendError::Full(_)) = self.job.chunks.try_send(Chunk::Text(text)) {
            return;
        }
        self.unsent.drain(..whole);
    }

    /// Sends the remaining bytes, and blocks until there is room in the channel.
    fn finish(&mut self) {
        if !self.unsent.is_empty() {
            let text = String::from_utf8_lossy(&self.unsent).into_owned();
            let _ = self.job.chunks.blocking_send(Chunk::Text(text));
        }
    }
}

/// The first line of a library's error, without a backtrace.
fn plain(error: &dyn std::fmt::Display) -> String {
    error.to_string().lines().next().unwrap_or_default().to_owned()
}
