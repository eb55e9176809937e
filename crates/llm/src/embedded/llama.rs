//! The model computed by llama.cpp (feature `llama`), in place of `decoder`, where cmake and clang are
//! there to build it.
//!
//! All conversations share one store of positions; each is a sequence in it.

use super::gguf::Gguf;
use candle_core::{Error, Result};
use llama_cpp_2::context::LlamaContext;
use llama_cpp_2::context::params::LlamaContextParams;
use llama_cpp_2::llama_backend::LlamaBackend;
use llama_cpp_2::llama_batch::LlamaBatch;
use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::model::params::LlamaModelParams;
use llama_cpp_2::token::LlamaToken;
use std::cell::RefCell;
use std::num::NonZeroU32;
use std::path::Path;
use std::rc::Rc;
use std::sync::OnceLock;

/// How much of all prompts is read in a step, in tokens: between two steps calls are cancelled.
pub(super) const BATCH: usize = 64;

/// The longest conversation, in tokens. Room for it is taken from the start.
const LONGEST: usize = 16_384;

/// The positions that several short conversations share at least.
const SHARED: usize = 16_384;

/// Sequences that there can be: those at work, and those that are kept.
const SEQUENCES: i32 = 64;

/// llama.cpp is started once in a process.
static BACKEND: OnceLock<Option<LlamaBackend>> = OnceLock::new();

fn backend() -> Result<&'static LlamaBackend> {
    let start = || {
        let mut backend = LlamaBackend::init().ok()?;
        // What it has to say is said by us.
        backend.void_logs();
        Some(backend)
    };
    BACKEND.get_or_init(start).as_ref().ok_or_else(|| Error::msg("llama.cpp did not start"))
}

/// The positions of all conversations, and the names of sequences that are free.
struct Store {
    context: RefCell<LlamaContext<'static>>,
    free: RefCell<Vec<i32>>,
    position_size: usize,
}

impl Store {
    fn sequence(self: &Rc<Self>) -> Result<Sequence> {
        let id = self.free.borrow_mut().pop();
        let id = id.ok_or_else(|| Error::msg("too many conversations at once"))?;
        Ok(Sequence { id, store: Rc::clone(self) })
    }
}

/// A conversation's name in the store; its positions are given back with it.
struct Sequence {
    id: i32,
    store: Rc<Store>,
}

impl Sequence {
    /// Forgets what came after the first positions.
    fn cut(&self, filled: usize) -> Result<()> {
        let from = u32::try_from(filled)?;
        let mut context = self.store.context.borrow_mut();
        context.kv_cache_seq_rm(self.id, Some(from), None).map_err(Error::wrap)
    }
}

impl Drop for Sequence {
    fn drop(&mut self) {
        // All of a sequence can always be removed.
        let _ = self.cut(0);
        self.store.free.borrow_mut().push(self.id);
    }
}

/// What was computed of earlier positions.
#[derive(Default)]
pub(super) struct Cache {
    sequence: Option<Sequence>,
    /// How many positions are filled.
    pub(super) filled: usize,
}

impl Cache {
    /// Forgets what came after the first positions.
    pub(super) fn cut(&mut self, filled: usize) {
        self.filled = self.filled.min(filled);
        if self.sequence.as_ref().is_some_and(|sequence| sequence.cut(self.filled).is_err()) {
            *self = Self::default();
        }
    }

    /// A copy of the first positions, which takes no room of its own.
    pub(super) fn copy(&self, filled: usize) -> Result<Self> {
        let Some(from) = &self.sequence else { return Ok(Self::default()) };
        let sequence = from.store.sequence()?;
        let end = Some(u32::try_from(filled)?);
        let mut context = from.store.context.borrow_mut();
        context.kv_cache_seq_cp(from.id, sequence.id, Some(0), end).map_err(Error::wrap)?;
        drop(context);
        Ok(Self { sequence: Some(sequence), filled })
    }

    /// What it takes in memory, in bytes.
    pub(super) fn size(&self) -> usize {
        self.sequence.as_ref().map_or(0, |sequence| self.filled * sequence.store.position_size)
    }
}

/// One conversation's share of a computation.
pub(super) struct Step<'a> {
    /// The tokens to take up, at least one.
    pub(super) tokens: &'a [u32],
    /// For how many of the last of them it is wanted which token follows, at least one.
    pub(super) wanted: usize,
    /// What was computed of those before them.
    pub(super) cache: &'a mut Cache,
}

/// A model that was loaded.
pub(super) struct Decoder {
    store: Rc<Store>,
    positions: usize,
    context: usize,
}

impl Decoder {
    /// Loads the model of a file. It stays for as long as the process, as its engine does.
    pub(super) fn load(path: &Path, _: Gguf) -> Result<Self> {
        let backend = backend()?;
        let model = LlamaModel::load_from_file(backend, path, &LlamaModelParams::default());
        // It says no more than that.
        let unknown = "llama.cpp can't load it: it does not know the model's family, or the file is \
                       not whole";
        let model = model.map_err(|_| Error::msg(unknown))?;
        let model: &'static LlamaModel = Box::leak(Box::new(model));
        let context = LONGEST.min(model.n_ctx_train() as usize);
        let positions = SHARED.max(2 * context);
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let threads = i32::try_from(threads)?;
        let params = LlamaContextParams::default()
            .with_n_ctx(NonZeroU32::new(u32::try_from(positions)?))
            .with_n_seq_max(SEQUENCES.unsigned_abs())
            .with_kv_unified(true)
            .with_n_threads(threads)
            .with_n_threads_batch(threads);
        let state = model.new_context(backend, params).map_err(Error::wrap)?;
        let head = model.n_embd() / i32::try_from(model.n_head().max(1))?;
        let numbers = model.n_layer() * model.n_head_kv() * head.unsigned_abs();
        let store = Store {
            context: RefCell::new(state),
            free: RefCell::new((0..SEQUENCES).rev().collect()),
            // Keys and values, of two bytes each.
            position_size: 2 * 2 * numbers as usize,
        };
        Ok(Self { store: Rc::new(store), positions, context })
    }

    /// The longest conversation, in tokens.
    pub(super) fn context(&self) -> usize {
        self.context
    }

    /// What one position of a cache takes, in bytes.
    pub(super) fn position_size(&self) -> usize {
        self.store.position_size
    }

    /// What conversations at work may take together, in bytes.
    pub(super) fn memory_at_work(&self) -> usize {
        self.store.position_size * (self.positions - self.context)
    }

    /// What may be kept of ended ones, in bytes.
    pub(super) fn memory_kept(&self) -> usize {
        self.store.position_size * self.context
    }

    /// Takes tokens up behind what the caches hold, and gives, one step after the other, the scores of
    /// what follows each token for which that is wanted. `go_on` is asked before; a `false` ends it
    /// without a result.
    pub(super) fn forward(
        &self,
        steps: &mut [Step<'_>],
        go_on: &(dyn Fn() -> bool + Sync),
    ) -> Result<Option<Vec<Vec<f32>>>> {
        if !go_on() {
            return Ok(None);
        }
        let count = steps.iter().map(|step| step.tokens.len()).sum();
        let mut batch = LlamaBatch::new(count, 1);
        let mut last = Vec::new();
        for step in &mut *steps {
            if step.cache.sequence.is_none() {
                step.cache.sequence = Some(self.store.sequence()?);
            }
            let id = step.cache.sequence.iter().map(|sequence| sequence.id).sum();
            for (n, token) in step.tokens.iter().enumerate() {
                let position = i32::try_from(step.cache.filled + n)?;
                let token = LlamaToken(i32::try_from(*token)?);
                let wanted = n + step.wanted >= step.tokens.len();
                batch.add(token, position, &[id], wanted).map_err(Error::wrap)?;
                last.extend(wanted.then(|| batch.n_tokens() - 1));
            }
        }
        let mut context = self.store.context.borrow_mut();
        context.decode(&mut batch).map_err(Error::wrap)?;
        for step in steps {
            step.cache.filled += step.tokens.len();
        }
        Ok(Some(last.into_iter().map(|n| context.get_logits_ith(n).to_vec()).collect()))
    }
}
