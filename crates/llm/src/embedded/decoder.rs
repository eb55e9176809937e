//! The decoder that all families of `families` share: attention and a feed-forward network in each
//! layer, with norms before and, in some families, after them.

use super::attention;
use super::experts::Experts;
use super::families::{Gate, LayerShape, Shape};
use super::gguf::Gguf;
use super::matrix::{Linear, Matrix, Norm};
use candle_core::{DType, Device, Result, Tensor, bail};
use candle_nn::ops::softmax_last_dim;
use candle_nn::rotary_emb::{rope_i, rope_thd};
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

#[cfg(test)]
mod tests;

/// Maximum number of prompt tokens per step, over all conversations; sized for the processor's
/// cache.
pub(super) const BATCH: usize = 256;

/// Maximum number of new positions of a conversation whose attention is computed one by one; that
/// of more is a matrix product.
const FEW: usize = 16;

/// Number of positions that a cache grows by.
const GROWTH: usize = 1024;

struct Layer {
    shape: LayerShape,
    attention_norm: Norm,
    query: Linear,
    key: Linear,
    value: Linear,
    output: Linear,
    query_norm: Option<Norm>,
    key_norm: Option<Norm>,
    /// After attention.
    attention_end: Option<Norm>,
    feed_norm: Norm,
    feed: Feed,
    /// After the network.
    feed_end: Option<Norm>,
}

/// The feed-forward network of a layer, or its experts.
#[expect(clippy::large_enum_variant, reason = "one a layer, and most are of the larger kind")]
enum Feed {
    One { gate: Linear, up: Linear, down: Linear },
    Experts(Experts),
}

impl Feed {
    fn forward(&self, x: &Tensor, gate_by: Gate) -> Result<Tensor> {
        match self {
            Self::One { gate, up, down } => {
                let gated = (gate_by.of(&gate.forward(x)?)? * up.forward(x)?)?;
                down.forward(&gated)
            }
            Self::Experts(experts) => experts.forward(x, gate_by),
        }
    }
}

/// Applies a norm, if there is one.
fn normed(norm: Option<&Norm>, x: Tensor) -> Result<Tensor> {
    match norm {
        Some(norm) => norm.forward(&x),
        None => Ok(x),
    }
}

/// Multiplies by a factor, if there is one.
fn scaled(x: Tensor, factor: Option<f64>) -> Result<Tensor> {
    match factor {
        Some(factor) => x * factor,
        None => Ok(x),
    }
}

/// KV cache of a conversation: keys and values of each layer, each of shape (`kv_heads`, room,
/// head), so that the numbers that one head reads for every token are contiguous.
#[derive(Default)]
pub(super) struct Cache {
    layers: Vec<(Tensor, Tensor)>,
    room: usize,
    /// Number of filled positions.
    pub(super) filled: usize,
}

impl Cache {
    /// Keeps only the first `filled` positions.
    pub(super) fn cut(&mut self, filled: usize) {
        self.filled = self.filled.min(filled);
    }

    /// A copy of the first `filled` positions.
    pub(super) fn copy(&self, filled: usize) -> Result<Self> {
        let part = |numbers: &Tensor| numbers.narrow(1, 0, filled)?.force_contiguous();
        let layers = self.layers.iter().map(|(k, v)| Ok((part(k)?, part(v)?)));
        Ok(Self { layers: layers.collect::<Result<_>>()?, room: filled, filled })
    }

    /// Size in memory, in bytes.
    pub(super) fn size(&self) -> usize {
        let numbers = |pair: &(Tensor, Tensor)| pair.0.elem_count() + pair.1.elem_count();
        self.layers.iter().map(numbers).sum::<usize>() * size_of::<f32>()
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
    file: Gguf,
    /// Whether the weights were used once, so that candle has repacked them.
    settled: AtomicBool,
    /// A pool of one thread for steps of few tokens. candle distributes norms and rotations over
    /// threads, even for a single token; in this pool it can't, which is faster.
    alone: ThreadPool,
    shape: Shape,
    embedding: Matrix,
    layers: Vec<Layer>,
    norm: Norm,
    /// The output matrix; if there is none, the embedding is used.
    head: Option<Matrix>,
}

impl Decoder {
    pub(super) fn load(_: &Path, file: Gguf) -> Result<Self> {
        let shape = Shape::read(&file)?;
        let epsilon = shape.epsilon;
        let layer = |(index, layer): (usize, &LayerShape)| {
            let start = format!("blk.{index}");
            let name = |part: &str| format!("{start}.{part}");
            let linear = |part: &str| Linear::load(&file, &name(part));
            let norm = |part: &str| Norm::load(&file, &name(part), epsilon);
            let maybe_norm = |part: &str| Norm::maybe(&file, &name(part), epsilon);
            let feed = match shape.experts {
                Some(used) => Feed::Experts(Experts::load(&file, &start, used)?),
                None => Feed::One {
                    gate: linear("ffn_gate")?,
                    up: linear("ffn_up")?,
                    down: linear("ffn_down")?,
                },
            };
            Ok(Layer {
                shape: *layer,
                attention_norm: norm("attn_norm")?,
                query: linear("attn_q")?,
                key: linear("attn_k")?,
                value: linear("attn_v")?,
                output: linear("attn_output")?,
                query_norm: maybe_norm("attn_q_norm")?,
                key_norm: maybe_norm("attn_k_norm")?,
                attention_end: maybe_norm("post_attention_norm")?,
                feed_norm: norm("ffn_norm")?,
                feed,
                feed_end: maybe_norm("post_ffw_norm")?,
            })
        };
        let layers = shape.layers.iter().enumerate().map(layer).collect::<Result<_>>()?;
        let head =
            file.has("output.weight").then(|| Matrix::load(&file, "output.weight")).transpose()?;
        let embedding = Matrix::load(&file, "token_embd.weight")?;
        let norm = Norm::load(&file, "output_norm", epsilon)?;
        if let Some(name) = file.left() {
            bail!(
                "the file has a tensor `{name}` that models of its family do not have; a build with \
                 `--features llama` may know it"
            );
        }
        Ok(Self {
            embedding,
            layers,
            norm,
            head,
            shape,
            settled: AtomicBool::new(false),
            alone: ThreadPoolBuilder::new()
                .num_threads(1)
                .thread_name(|_| "model-step".to_owned())
                .build()
                .map_err(candle_core::Error::wrap)?,
            file,
        })
    }

    /// Maximum context, in tokens.
    pub(super) fn context(&self) -> usize {
        self.shape.context
    }

    /// Maximum size of the caches of all active conversations together, in bytes; a single one may
    /// always run.
    #[expect(clippy::unused_self, reason = "other decoders take their room from the start")]
    pub(super) fn memory_at_work(&self) -> usize {
        2 << 30
    }

    /// Maximum size of the kept caches of finished conversations, in bytes.
    #[expect(clippy::unused_self, reason = "other decoders take their room from the start")]
    pub(super) fn memory_kept(&self) -> usize {
        512 << 20
    }

    /// Size of one position in a cache, in bytes.
    pub(super) fn position_size(&self) -> usize {
        2 * self.layers.len() * self.shape.kv_heads * self.shape.head * size_of::<f32>()
    }

    /// Processes the tokens of all steps behind the positions in their caches, and returns the
    /// scores of the next token for each of the last `wanted` tokens of a step, in the order of the
    /// steps. The weights are read once for all steps. `go_on` is called before each layer; if it
    /// returns `false`, the result is `None` and the caches are as before.
    pub(super) fn forward(
        &self,
        steps: &mut [Step<'_>],
        go_on: &(dyn Fn() -> bool + Sync),
    ) -> Result<Option<Vec<Vec<f32>>>> {
        if steps.iter().all(|step| step.tokens.len() <= FEW) {
            self.alone.install(|| self.compute(steps, go_on))
        } else {
            self.compute(steps, go_on)
        }
    }

    fn compute(
        &self,
        steps: &mut [Step<'_>],
        go_on: &(dyn Fn() -> bool + Sync),
    ) -> Result<Option<Vec<Vec<f32>>>> {
        let mut tokens = Vec::new();
        let mut positions = Vec::new();
        let mut last = Vec::new();
        for step in &mut *steps {
            self.make_room(step.cache, step.tokens.len())?;
            tokens.extend_from_slice(step.tokens);
            let filled = step.cache.filled;
            positions.extend(filled..filled + step.tokens.len());
            last.extend(u32::try_from(tokens.len() - step.wanted)?..u32::try_from(tokens.len())?);
        }
        let turned = self.shape.turns.iter().map(|turns| turns.at(&positions));
        let turned = turned.collect::<Result<Vec<_>>>()?;
        let mut x = scaled(self.embedding.rows_of(&tokens)?, self.shape.embedding_scale)?;
        for (index, layer) in self.layers.iter().enumerate() {
            if !self.settled.load(Ordering::Relaxed) {
                self.file.release();
            }
            if !go_on() {
                return Ok(None);
            }
            let turned = layer.shape.turns.and_then(|which| turned.get(which));
            let attended = self.attend(layer, index, &x, steps, turned)?;
            let attended = normed(layer.attention_end.as_ref(), attended)?;
            x = (x + scaled(attended, self.shape.added_scale)?)?;
            let fed = layer.feed.forward(&layer.feed_norm.forward(&x)?, self.shape.gate)?;
            let fed = normed(layer.feed_end.as_ref(), fed)?;
            x = (x + scaled(fed, self.shape.added_scale)?)?;
        }
        self.settled.store(true, Ordering::Relaxed);
        for step in steps {
            step.cache.filled += step.tokens.len();
        }
        let last = x.index_select(&Tensor::new(last, &Device::Cpu)?, 0)?;
        let head = self.head.as_ref().unwrap_or(&self.embedding);
        let scores = head.forward(&self.norm.forward(&last)?)?;
        Ok(Some(scaled(scores, self.shape.score_scale)?.to_vec2()?))
    }

    fn attend(
        &self,
        layer: &Layer,
        index: usize,
        x: &Tensor,
        steps: &[Step<'_>],
        turned: Option<&(Tensor, Tensor)>,
    ) -> Result<Tensor> {
        let Shape { heads, kv_heads, head, .. } = self.shape;
        let window = layer.shape.window;
        let count = x.dim(0)?;
        let normed = layer.attention_norm.forward(x)?;
        let split = |numbers: Tensor, heads: usize, norm: Option<&Norm>| {
            let numbers = numbers.reshape((1, count, heads, head))?;
            norm.map_or(Ok(numbers.clone()), |norm| norm.forward(&numbers))
        };
        let turn = |numbers: Tensor| {
            let Some((cos, sin)) = turned else { return Ok(numbers) };
            if self.shape.neighbours {
                let by_head = numbers.transpose(1, 2)?.contiguous()?;
                rope_i(&by_head, cos, sin)?.transpose(1, 2)?.contiguous()
            } else {
                rope_thd(&numbers, cos, sin)
            }
        };
        let query = turn(split(layer.query.forward(&normed)?, heads, layer.query_norm.as_ref())?)?;
        let key = turn(split(layer.key.forward(&normed)?, kv_heads, layer.key_norm.as_ref())?)?;
        let value = split(layer.value.forward(&normed)?, kv_heads, None)?;

        let query = query.squeeze(0)?;
        let mut places = Vec::new();
        let mut mixed = Vec::new();
        let mut at = 0;
        for step in steps {
            let new = step.tokens.len();
            let own = |numbers: &Tensor| numbers.squeeze(0)?.narrow(0, at, new);
            let by_head = |numbers: &Tensor| own(numbers)?.transpose(0, 1)?.contiguous();
            let filled = step.cache.filled;
            let (keys, values) = &step.cache.layers[index];
            keys.slice_set(&by_head(&key)?, 1, filled)?;
            values.slice_set(&by_head(&value)?, 1, filled)?;
            if new <= FEW {
                places.extend((0..new).map(|n| {
                    let (query, all) = (at + n, filled + n + 1);
                    let from = window.map_or(0, |window| all.saturating_sub(window));
                    let (keys, values) = (keys.clone(), values.clone());
                    attention::Place { query, keys, values, from, all }
                }));
            } else {
                let from = window.map_or(0, |window| (filled + 1).saturating_sub(window));
                let seen = |numbers: &Tensor| numbers.narrow(1, from, filled + new - from);
                let query = query.narrow(0, at, new)?.contiguous()?;
                mixed.push((at, self.mix(&query, &seen(keys)?, &seen(values)?, window)?));
            }
            at += new;
        }
        let few = (!places.is_empty())
            .then(|| attention::of_each(&query.contiguous()?, places, self.shape.attention_scale));
        let few = few.transpose()?;
        if let (Some(few), []) = (&few, &mixed[..]) {
            return layer.output.forward(few);
        }
        // In the order of the tokens: results of products are at the place of their step.
        let mut attended = Vec::with_capacity(steps.len());
        let (mut at, mut taken) = (0, 0);
        let mut mixed = mixed.into_iter().peekable();
        for step in steps {
            let new = step.tokens.len();
            attended.push(match (mixed.next_if(|(start, _)| *start == at), &few) {
                (Some((_, product)), _) => product,
                (None, Some(few)) => few.narrow(0, taken, new)?,
                (None, None) => bail!("a step has no tokens"),
            });
            taken += if new <= FEW { new } else { 0 };
            at += new;
        }
        layer.output.forward(&Tensor::cat(&attended, 0)?)
    }

    /// Causal attention of many new positions, limited to a window of the latest ones if there is
    /// one. `queries` has the shape (new, heads, head); `keys` and `values` (`kv_heads`, all,
    /// head), where the last positions are the new ones. Returns (new, heads * head).
    fn mix(
        &self,
        queries: &Tensor,
        keys: &Tensor,
        values: &Tensor,
        window: Option<usize>,
    ) -> Result<Tensor> {
        let Shape { heads, kv_heads, head, .. } = self.shape;
        let (new, all) = (queries.dim(0)?, keys.dim(1)?);
        let group = heads / kv_heads;
        // The queries of all heads that share keys are the rows of one matrix.
        let queries = queries.reshape((new, kv_heads, group, head))?.permute((1, 2, 0, 3))?;
        let queries = queries.reshape((kv_heads, group * new, head))?;
        let queries = (queries * f64::from(self.shape.attention_scale))?;
        let window = window.unwrap_or(all);
        let unseen = |row: usize, column: usize| {
            let own = all - new + row;
            column > own || own - column >= window
        };
        let mask: Vec<f32> = (0..new)
            .flat_map(|row| (0..all).map(move |column| (row, column)))
            .map(|(row, column)| if unseen(row, column) { f32::NEG_INFINITY } else { 0. })
            .collect();
        let mask = Tensor::from_vec(mask, (1, 1, new, all), &Device::Cpu)?;
        let scores =
            queries.matmul(&keys.transpose(1, 2)?)?.reshape((kv_heads, group, new, all))?;
        let scores = scores.broadcast_add(&mask)?.reshape((kv_heads, group * new, all))?;
        let mixed = softmax_last_dim(&scores)?.matmul(values)?;
        let mixed = mixed.reshape((kv_heads, group, new, head))?.permute((2, 0, 1, 3))?;
        mixed.reshape((new, heads * head))
    }

    fn make_room(&self, cache: &mut Cache, more: usize) -> Result<()> {
        let needed = cache.filled + more;
        if needed <= cache.room {
            return Ok(());
        }
        let room = needed.next_multiple_of(GROWTH).min(self.shape.context.max(needed));
        let shape = (self.shape.kv_heads, room, self.shape.head);
        let fresh = || Tensor::zeros(shape, DType::F32, &Device::Cpu);
        let grown = |old: Option<&Tensor>| {
            let new = fresh()?;
            if let Some(old) = old.filter(|_| cache.filled > 0) {
                new.slice_set(&old.narrow(1, 0, cache.filled)?.contiguous()?, 1, 0)?;
            }
            Ok::<_, candle_core::Error>(new)
        };
        let layers = (0..self.layers.len())
            .map(|index| {
                let old = cache.layers.get(index);
                Ok((grown(old.map(|pair| &pair.0))?, grown(old.map(|pair| &pair.1))?))
            })
            .collect::<Result<_>>()?;
        cache.layers = layers;
        cache.room = room;
        Ok(())
    }
}
