//! The model computed by llama.cpp (feature `llama`) instead of `decoder`; building it needs cmake
//! and clang.
//!
//! All conversations share one KV cache; each is a sequence in it.

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

/// Maximum number of prompt tokens per step, over all conversations: calls are cancelled between
/// two steps.
pub(super) const BATCH: usize = 64;

/// Maximum length of a conversation, in tokens. Memory for it is allocated at the start.
const LONGEST: usize = 16_384;

/// Minimum number of positions that all conversations share.
const SHARED: usize = 16_384;

/// Maximum number of sequences, of active and of kept conversations.
const SEQUENCES: i32 = 64;

/// llama.cpp is initialized once per process.
static BACKEND: OnceLock<Option<LlamaBackend>> = OnceLock::new();

fn backend() -> Result<&'static LlamaBackend> {
    let start = || {
        let mut backend = LlamaBackend::init().ok()?;
        // Its log is discarded: errors are reported by this program.
        backend.void_logs();
        Some(backend)
    };
    BACKEND.get_or_init(start).as_ref().ok_or_else(|| Error::msg("llama.cpp did not start"))
}

/// The KV cache of all conversations, and the free sequence numbers.
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

/// Sequence number of a conversation. Dropping it frees its positions.
struct Sequence {
    id: i32,
    store: Rc<Store>,
}

impl Sequence {
    /// Keeps only the first `filled` positions.
    fn cut(&self, filled: usize) -> Result<()> {
        let from = u32::try_from(filled)?;
        let mut context = self.store.context.borrow_mut();
        context.kv_cache_seq_rm(self.id, Some(from), None).map_err(Error::wrap)
    }
}

impl Drop for Sequence {
    fn drop(&mut self) {
        // Removing a whole sequence never fails.
        let _ = self.cut(0);
        self.store.free.borrow_mut().push(self.id);
    }
}

/// KV cache of a conversation.
#[derive(Default)]
pub(super) struct Cache {
    sequence: Option<Sequence>,
    /// Number of filled positions.
    pub(super) filled: usize,
}

impl Cache {
    /// Keeps only the first `filled` positions; none if the sequence can't be cut.
    pub(super) fn cut(&mut self, filled: usize) {
        self.filled = self.filled.min(filled);
        if self.sequence.as_ref().is_some_and(|sequence| sequence.cut(self.filled).is_err()) {
            *self = Self::default();
        }
    }

    /// A copy of the first `filled` positions, which takes no memory of its own.
    pub(super) fn copy(&self, filled: usize) -> Result<Self> {
        let Some(from) = &self.sequence else { return Ok(Self::default()) };
        let sequence = from.store.sequence()?;
        let end = Some(u32::try_from(filled)?);
        let mut context = from.store.context.borrow_mut();
        context.kv_cache_seq_cp(from.id, sequence.id, Some(0), end).map_err(Error::wrap)?;
        drop(context);
        Ok(Self { sequence: Some(sequence), filled })
    }

    /// Size in memory, in bytes.
    pub(super) fn size(&self) -> usize {
        self.sequence.as_ref().map_or(0, |sequence| self.filled * sequence.store.position_size)
    }
}

/// One conversation's part of a step.
pub(super) struct Step<'a> {
    /// The tokens to process, at least one.
    pub(super) tokens: &'a [u32],
    /// Number of last tokens for which scores are needed, at least one.
    pub(super) wanted: usize,
    /// Cache of the tokens before them.
    pub(super) cache: &'a mut Cache,
}

/// A loaded model.
pub(super) struct Decoder {
    store: Rc<Store>,
    positions: usize,
    context: usize,
}

impl Decoder {
    /// Loads the model of a file. It is never freed, since its engine lives as long as the process.
    pub(super) fn load(path: &Path, _: Gguf) -> Result<Self> {
        let backend = backend()?;
        let model = LlamaModel::load_from_file(backend, path, &LlamaModelParams::default());
        // llama.cpp reports no further details.
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
            // Keys and values, two bytes per number.
            position_size: 2 * 2 * numbers as usize,
        };
        Ok(Self { store: Rc::new(store), positions, context })
    }

    /// Maximum context, in tokens.
    pub(super) fn context(&self) -> usize {
        self.context
    }

    /// Size of one position in a cache, in bytes.
    pub(super) fn position_size(&self) -> usize {
        self.store.position_size
    }

    /// Maximum size of the caches of all active conversations together, in bytes.
    pub(super) fn memory_at_work(&self) -> usize {
        self.store.position_size * (self.positions - self.context)
    }

    /// Maximum size of the kept caches of finished conversations, in bytes.
    pub(super) fn memory_kept(&self) -> usize {
        self.store.position_size * self.context
    }

    /// Processes the tokens of all steps behind the positions in their caches, and returns the
    /// scores of the next token for each of the last `wanted` tokens of a step, in the order of the
    /// steps. `go_on` is called once before; if it returns `false`, the result is `None`.
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
