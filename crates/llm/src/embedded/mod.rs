//! A model inside the process (kind `embedded`): a GGUF file, run by candle on the processor.
//!
//! `gguf` maps the file, `tokenizer` and `template` make its tokens of a conversation, `families` says
//! how its model is arranged, `decoder` is the model, made of `matrix`, `experts`, `attention` and
//! `turns`, with its numbers in `weights`, `sampler` draws, `form` says what may be drawn, `prompt_lookup` looks
//! ahead, `engine` does all of it on one thread for everyone who asks. With the feature `llama`, `llama` stands in the place of
//! `decoder`.

#[cfg(not(feature = "llama"))]
mod attention;
#[cfg(not(feature = "llama"))]
mod decoder;
mod engine;
#[cfg(not(feature = "llama"))]
mod experts;
#[cfg(not(feature = "llama"))]
mod families;
mod form;
mod gguf;
#[cfg(feature = "llama")]
mod llama;
#[cfg(not(feature = "llama"))]
mod matrix;
mod prompt_lookup;
mod sampler;
mod template;
mod tokenizer;
#[cfg(not(feature = "llama"))]
mod turns;
#[cfg(not(feature = "llama"))]
mod weights;
#[cfg(not(feature = "llama"))]
mod workers;

#[cfg(not(feature = "llama"))]
use decoder as compute;
#[cfg(feature = "llama")]
use llama as compute;

use super::{Chunk, Fault, Finish, Model};
use crate::config::{Grammar, Sampling};
use futures_util::future::BoxFuture;
use redraft_domain::chat::{Agent, Request, Role};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};
use std::sync::{LazyLock, Mutex, PoisonError};
use tokio::sync::{mpsc, oneshot};

/// The engines at work, by their files: all roles that use a model share one. An engine lives as
/// long as the process, for whoever asks next.
static ENGINES: LazyLock<Mutex<HashMap<PathBuf, Sender<engine::Job>>>> =
    LazyLock::new(Mutex::default);

/// A model in a file.
pub(super) struct Embedded {
    /// The GGUF file.
    pub(super) file: PathBuf,
    /// How its tokens are drawn.
    pub(super) sampling: Sampling,
    /// The longest prompt and answer together, in tokens, if not what the model was made for.
    pub(super) context: Option<u32>,
    /// Answers are held to a schema where a request has one.
    pub(super) structured: bool,
    /// Whose answers are held to the form of their request.
    pub(super) grammar: Grammar,
}

impl Model for Embedded {
    fn answer<'a>(
        &'a self,
        request: &'a Request,
        chunks: mpsc::Sender<Chunk>,
    ) -> BoxFuture<'a, Result<Finish, Fault>> {
        Box::pin(async move {
            let (ended, ending) = oneshot::channel();
            let drawn = &self.sampling;
            let job = engine::Job {
                messages: request.messages.clone(),
                sampling: sampler::Sampling {
                    temperature: request.temperature,
                    top_p: drawn.top_p.unwrap_or(0.95),
                    min_p: drawn.min_p.unwrap_or(0.05),
                    repetition_penalty: drawn.repetition_penalty.unwrap_or(1.),
                },
                form: form::Form::of(request),
                seed: drawn.seed.unwrap_or_else(|| fastrand::u64(..)),
                most: request.max_tokens as usize,
                context: self.context.map(|context| context as usize),
                chunks,
                ended,
            };
            let asked = ask(&self.file, job);
            match ending.await {
                Ok(ended) if asked => ended,
                _ => Err(Fault::embedded(&self.file, "the engine stopped")),
            }
        })
    }

    fn takes_schema(&self) -> bool {
        self.structured
    }

    fn takes_form(&self, agent: Agent) -> bool {
        match self.grammar {
            Grammar::None => false,
            Grammar::Forms => agent.role() != Role::Coder,
            Grammar::All => true,
        }
    }

    fn takes_prefill(&self) -> bool {
        true
    }
}

/// Hands a job to the engine of a file, which is started if it is not there. `false` if it died.
fn ask(file: &Path, job: engine::Job) -> bool {
    let mut engines = ENGINES.lock().unwrap_or_else(PoisonError::into_inner);
    let engine = engines.entry(file.to_owned()).or_insert_with(|| {
        let (jobs, waiting) = channel();
        let path = file.to_owned();
        // If no thread can be had, the job's sender is dropped with it and the job ends so.
        let _ = std::thread::Builder::new()
            .name("model".to_owned())
            .spawn(move || engine::serve(&path, &waiting));
        jobs
    });
    let taken = engine.send(job).is_ok();
    if !taken {
        engines.remove(file);
    }
    taken
}
