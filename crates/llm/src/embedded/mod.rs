//! A model inside the process (kind `embedded`): a GGUF file, run by candle on the processor.
//!
//! `gguf` maps the file; `template` and `tokenizer` turn a conversation into tokens; `families`
//! reads the shape of the model; `decoder` computes it, with `matrix`, `experts`, `attention` and
//! `turns`, and the weights of `weights`; `sampler` samples tokens; `form` constrains them;
//! `prompt_lookup` guesses tokens ahead; `engine` runs all of it on one thread for all callers.
//! With the feature `llama`, `llama` replaces `decoder`.

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

/// The running engines, by file: all roles that use a model share one. An engine lives as long as
/// the process.
static ENGINES: LazyLock<Mutex<HashMap<PathBuf, Sender<engine::Job>>>> =
    LazyLock::new(Mutex::default);

/// A model in a file.
pub(super) struct Embedded {
    /// The GGUF file.
    pub(super) file: PathBuf,
    /// Sampling settings.
    pub(super) sampling: Sampling,
    /// Maximum length of prompt and answer together, in tokens; `None` for the model's own limit.
    pub(super) context: Option<u32>,
    /// Whether an answer is constrained to the schema of its request, if it has one.
    pub(super) structured: bool,
    /// Agents whose answers are constrained to the form of their request.
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

/// Sends a job to the engine of a file, which is started if necessary. Returns `false` if the
/// engine has stopped.
fn ask(file: &Path, job: engine::Job) -> bool {
    let mut engines = ENGINES.lock().unwrap_or_else(PoisonError::into_inner);
    let engine = engines.entry(file.to_owned()).or_insert_with(|| {
        let (jobs, waiting) = channel();
        let path = file.to_owned();
        // If no thread can be started, the receiver is dropped, and sending the job fails.
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
