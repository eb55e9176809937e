//! The family of decoders that most small models belong to: llama, qwen2, qwen3.
//!
//! They differ in a bias, a norm and the way in which positions turn pairs of numbers.

use super::attention;
use super::gguf::Gguf;
use candle_core::quantized::{QTensor, QuantizedType};
use candle_core::{D, DType, Device, Result, Tensor, bail};
use candle_nn::ops::{rms_norm, silu, softmax_last_dim};
use candle_nn::rotary_emb::{rope_i, rope_thd};
use rayon::{ThreadPool, ThreadPoolBuilder};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

/// How much of all prompts is read in a step, in tokens: a share of the processor's cache.
pub(super) const AT_ONCE: usize = 256;

/// Up to how many positions of one conversation look at the others one by one, and not in a product.
const FEW: usize = 16;

/// How many positions a cache grows by.
const GROWTH: usize = 1024;

/// How a model's numbers are arranged.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    layers: usize,
    heads: usize,
    kv_heads: usize,
    head: usize,
    epsilon: f32,
    rope_base: f64,
    /// Positions turn neighbours, not the two halves.
    neighbours: bool,
    /// The most positions that the model was made for.
    context: usize,
}

impl Shape {
    fn read(file: &Gguf) -> Result<Self> {
        let Some(family) = file.text("general.architecture") else {
            bail!("the file does not say of which architecture its model is");
        };
        let neighbours = match family {
            "llama" => true,
            "qwen2" | "qwen3" => false,
            other => bail!(
                "models of the architecture `{other}` can't be run inside the program; \
                 llama, qwen2 and qwen3 can"
            ),
        };
        let number = |key: &str| file.number(&format!("{family}.{key}"));
        let needed = |key: &str| match number(key) {
            Some(found) if found > 0 => Ok(found),
            _ => bail!("the file does not tell its model's `{key}`"),
        };
        let heads = needed("attention.head_count")?;
        let head = number("attention.key_length").unwrap_or(needed("embedding_length")? / heads);
        if number("rope.dimension_count").is_some_and(|turned| turned != head)
            || number("attention.value_length").is_some_and(|length| length != head)
        {
            bail!("the model's heads are of a kind that can't be run inside the program");
        }
        let float = |key: &str| file.float(&format!("{family}.{key}"));
        #[expect(clippy::cast_possible_truncation, reason = "a small number either way")]
        let epsilon = float("attention.layer_norm_rms_epsilon").unwrap_or(1e-5) as f32;
        Ok(Self {
            layers: needed("block_count")?,
            heads,
            kv_heads: number("attention.head_count_kv").unwrap_or(heads),
            head,
            epsilon,
            rope_base: float("rope.freq_base").unwrap_or(10_000.),
            neighbours,
            context: needed("context_length")?,
        })
    }
}

struct Norm {
    weight: Tensor,
    epsilon: f32,
}

impl Norm {
    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        rms_norm(x, &self.weight, self.epsilon)
    }
}

/// A matrix of the file. Many rows are multiplied in candle's own arrangement of it; a single one
/// with the numbers as the file has them, which are fewer bytes to read, unless these are slow to read.
struct Matrix {
    arranged: QTensor,
    plain: Option<Box<dyn QuantizedType>>,
    rows: usize,
    columns: usize,
    /// Columns of zeros that the arrangement has beside them.
    more: usize,
}

impl Matrix {
    fn load(file: &Gguf, name: &str) -> Result<Self> {
        let (plain, shape) = file.storage(name)?;
        let (rows, columns) = shape.dims2()?;
        if let Some(arranged) = file.widened(name)? {
            let more = arranged.shape().dims2()?.1 - columns;
            return Ok(Self { arranged, plain: None, rows, columns, more });
        }
        Ok(Self { arranged: file.tensor(name)?, plain: Some(plain), rows, columns, more: 0 })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        if let Some(plain) = self.plain.as_ref().filter(|_| x.elem_count() == self.columns) {
            let x = x.flatten_all()?.to_vec1()?;
            let mut product = vec![0.; self.rows];
            plain.matmul_t((1, self.columns, self.rows), &x, &mut product)?;
            return Tensor::from_vec(product, (1, self.rows), &Device::Cpu);
        }
        if self.more > 0 {
            let x = x.pad_with_zeros(D::Minus1, 0, self.more)?;
            return x.apply_op1_no_bwd(&self.arranged);
        }
        x.apply_op1_no_bwd(&self.arranged)
    }

    /// Rows of it, as plain numbers.
    fn rows_of(&self, ids: &[u32]) -> Result<Tensor> {
        let rows = self.arranged.embedding(&Tensor::new(ids, &Device::Cpu)?)?;
        if self.more > 0 { rows.narrow(D::Minus1, 0, self.columns)?.contiguous() } else { Ok(rows) }
    }
}

/// A matrix with, in some families, a bias.
struct Linear {
    weight: Matrix,
    bias: Option<Tensor>,
}

impl Linear {
    fn load(file: &Gguf, name: &str) -> Result<Self> {
        let bias = format!("{name}.bias");
        Ok(Self {
            weight: Matrix::load(file, &format!("{name}.weight"))?,
            bias: file.has(&bias).then(|| file.plain(&bias)).transpose()?,
        })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let product = self.weight.forward(x)?;
        match &self.bias {
            Some(bias) => product.broadcast_add(bias),
            None => Ok(product),
        }
    }
}

struct Layer {
    attention_norm: Norm,
    query: Linear,
    key: Linear,
    value: Linear,
    output: Linear,
    query_norm: Option<Norm>,
    key_norm: Option<Norm>,
    feed_norm: Norm,
    gate: Linear,
    up: Linear,
    down: Linear,
}

/// What was computed of earlier positions, one pair a layer: keys and values, each of shape
/// (`kv_heads`, room, head), so that what one head reads for every token stands together.
#[derive(Default)]
pub(super) struct Cache {
    layers: Vec<(Tensor, Tensor)>,
    room: usize,
    /// How many positions are filled.
    pub(super) filled: usize,
}

impl Cache {
    /// Forgets what came after the first positions.
    pub(super) fn cut(&mut self, filled: usize) {
        self.filled = self.filled.min(filled);
    }

    /// A copy of the first positions.
    pub(super) fn copy(&self, filled: usize) -> Result<Self> {
        let part = |numbers: &Tensor| numbers.narrow(1, 0, filled)?.force_contiguous();
        let layers = self.layers.iter().map(|(k, v)| Ok((part(k)?, part(v)?)));
        Ok(Self { layers: layers.collect::<Result<_>>()?, room: filled, filled })
    }

    /// What it takes in memory, in bytes.
    pub(super) fn size(&self) -> usize {
        let numbers = |pair: &(Tensor, Tensor)| pair.0.elem_count() + pair.1.elem_count();
        self.layers.iter().map(numbers).sum::<usize>() * size_of::<f32>()
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
    file: Gguf,
    /// Whether the weights were used once, and have their places in memory.
    settled: AtomicBool,
    /// One thread on which steps of few tokens are computed. candle hands norms and positions to
    /// others, even of a single token; from here it has none to hand them to, and is done sooner.
    alone: ThreadPool,
    shape: Shape,
    embedding: Matrix,
    layers: Vec<Layer>,
    norm: Norm,
    /// The last matrix; the embedding serves where there is none of its own.
    head: Option<Matrix>,
    /// For each of the turned pairs of a head, how far one position turns it.
    turns: Vec<f32>,
}

impl Decoder {
    pub(super) fn load(_: &Path, file: Gguf) -> Result<Self> {
        let shape = Shape::read(&file)?;
        let norm = |name: &str| {
            let weight = file.plain(&format!("{name}.weight"))?;
            Ok::<_, candle_core::Error>(Norm { weight, epsilon: shape.epsilon })
        };
        let maybe_norm =
            |name: &str| file.has(&format!("{name}.weight")).then(|| norm(name)).transpose();
        let layer = |index: usize| {
            let name = |part: &str| format!("blk.{index}.{part}");
            let linear = |part: &str| Linear::load(&file, &name(part));
            Ok(Layer {
                attention_norm: norm(&name("attn_norm"))?,
                query: linear("attn_q")?,
                key: linear("attn_k")?,
                value: linear("attn_v")?,
                output: linear("attn_output")?,
                query_norm: maybe_norm(&name("attn_q_norm"))?,
                key_norm: maybe_norm(&name("attn_k_norm"))?,
                feed_norm: norm(&name("ffn_norm"))?,
                gate: linear("ffn_gate")?,
                up: linear("ffn_up")?,
                down: linear("ffn_down")?,
            })
        };
        let layers = (0..shape.layers).map(layer).collect::<Result<_>>()?;
        let head =
            file.has("output.weight").then(|| Matrix::load(&file, "output.weight")).transpose()?;
        Ok(Self {
            embedding: Matrix::load(&file, "token_embd.weight")?,
            layers,
            norm: norm("output_norm")?,
            head,
            turns: turns(&shape, &file)?,
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

    /// The longest conversation, in tokens.
    pub(super) fn context(&self) -> usize {
        self.shape.context
    }

    /// What conversations at work may take together, in bytes; one may always run.
    #[expect(clippy::unused_self, reason = "other decoders take their room from the start")]
    pub(super) fn memory_at_work(&self) -> usize {
        2 << 30
    }

    /// What is kept of ended ones, in bytes.
    #[expect(clippy::unused_self, reason = "other decoders take their room from the start")]
    pub(super) fn memory_kept(&self) -> usize {
        512 << 20
    }

    /// What one position of a cache takes, in bytes.
    pub(super) fn position_size(&self) -> usize {
        2 * self.shape.layers * self.shape.kv_heads * self.shape.head * size_of::<f32>()
    }

    /// Takes tokens up behind what the caches hold, and gives, one step after the other, the scores of
    /// what follows each token for which that is wanted. The weights are read once for all steps.
    /// `go_on` is asked before each layer; a `false` ends it without a result, and the caches are as
    /// before.
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
        let mut angles = Vec::new();
        let mut last = Vec::new();
        for step in &mut *steps {
            self.make_room(step.cache, step.tokens.len())?;
            tokens.extend_from_slice(step.tokens);
            let filled = step.cache.filled;
            for position in filled..filled + step.tokens.len() {
                #[expect(clippy::cast_precision_loss, reason = "positions are below 2^24")]
                angles.extend(self.turns.iter().map(|turn| position as f32 * turn));
            }
            last.extend(u32::try_from(tokens.len() - step.wanted)?..u32::try_from(tokens.len())?);
        }
        let angles = Tensor::from_vec(angles, (tokens.len(), self.turns.len()), &Device::Cpu)?;
        let angles = (angles.cos()?, angles.sin()?);
        let mut x = self.embedding.rows_of(&tokens)?;
        for (index, layer) in self.layers.iter().enumerate() {
            if !self.settled.load(Ordering::Relaxed) {
                self.file.release();
            }
            if !go_on() {
                return Ok(None);
            }
            x = (&x + self.attend(layer, index, &x, steps, &angles)?)?;
            let normed = layer.feed_norm.forward(&x)?;
            let gated = (silu(&layer.gate.forward(&normed)?)? * layer.up.forward(&normed)?)?;
            x = (x + layer.down.forward(&gated)?)?;
        }
        self.settled.store(true, Ordering::Relaxed);
        for step in steps {
            step.cache.filled += step.tokens.len();
        }
        let last = x.index_select(&Tensor::new(last, &Device::Cpu)?, 0)?;
        let head = self.head.as_ref().unwrap_or(&self.embedding);
        let scores = head.forward(&self.norm.forward(&last)?)?;
        Ok(Some(scores.to_vec2()?))
    }

    fn attend(
        &self,
        layer: &Layer,
        index: usize,
        x: &Tensor,
        steps: &[Step<'_>],
        (cos, sin): &(Tensor, Tensor),
    ) -> Result<Tensor> {
        let Shape { heads, kv_heads, head, .. } = self.shape;
        let count = x.dim(0)?;
        let normed = layer.attention_norm.forward(x)?;
        let split = |numbers: Tensor, heads: usize, norm: Option<&Norm>| {
            let numbers = numbers.reshape((1, count, heads, head))?;
            norm.map_or(Ok(numbers.clone()), |norm| norm.forward(&numbers))
        };
        let turn = |numbers: Tensor| {
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
                    attention::Place { query, keys, values, all }
                }));
            } else {
                let all = |numbers: &Tensor| numbers.narrow(1, 0, filled + new);
                let query = query.narrow(0, at, new)?.contiguous()?;
                mixed.push((at, self.mix(&query, &all(keys)?, &all(values)?)?));
            }
            at += new;
        }
        let few = (!places.is_empty()).then(|| attention::of_each(&query.contiguous()?, &places));
        let few = few.transpose()?;
        if let (Some(few), []) = (&few, &mixed[..]) {
            return layer.output.forward(few);
        }
        // In the order of the tokens: those of products stand where their step does.
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

    /// What the new positions take of all positions up to their own: queries of shape (new, heads,
    /// head), keys and values of (`kv_heads`, all, head), to (new, heads * head).
    fn mix(&self, queries: &Tensor, keys: &Tensor, values: &Tensor) -> Result<Tensor> {
        let Shape { heads, kv_heads, head, .. } = self.shape;
        let (new, all) = (queries.dim(0)?, keys.dim(1)?);
        let group = heads / kv_heads;
        // The queries of all heads that share keys are rows of one matrix.
        let queries = queries.reshape((new, kv_heads, group, head))?.permute((1, 2, 0, 3))?;
        let queries = queries.reshape((kv_heads, group * new, head))?;
        #[expect(clippy::cast_precision_loss, reason = "a head has some hundred numbers")]
        let queries = (queries * (head as f64).sqrt().recip())?;
        let later = |row: usize, column: usize| column > all - new + row;
        let mask: Vec<f32> = (0..new)
            .flat_map(|row| (0..all).map(move |column| (row, column)))
            .map(|(row, column)| if later(row, column) { f32::NEG_INFINITY } else { 0. })
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
        let layers = (0..self.shape.layers)
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

/// How far one position turns each pair; a file can slow some of them down for long contexts.
fn turns(shape: &Shape, file: &Gguf) -> Result<Vec<f32>> {
    let pairs = shape.head / 2;
    let slower = if file.has("rope_freqs.weight") {
        file.plain("rope_freqs.weight")?.to_vec1()?
    } else {
        vec![1_f32; pairs]
    };
    if slower.len() != pairs {
        bail!("the file's factors for positions do not fit its heads");
    }
    #[expect(clippy::cast_precision_loss, reason = "a head has some hundred numbers")]
    #[expect(clippy::cast_possible_truncation, reason = "f32 is what the model computes in")]
    let turn = |(pair, slower): (usize, f32)| {
        (shape.rope_base.powf(-2. * pair as f64 / shape.head as f64)) as f32 / slower
    };
    Ok(slower.into_iter().enumerate().map(turn).collect())
}
