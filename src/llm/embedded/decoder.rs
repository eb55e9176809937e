//! The family of decoders that most small models belong to: llama, qwen2, qwen3.
//!
//! They differ in a bias, a norm and the way in which positions turn pairs of numbers.

use super::gguf::Gguf;
use candle_core::quantized::QTensor;
use candle_core::{DType, Device, Result, Tensor, bail};
use candle_nn::attention::{AttnMask, flash_attn};
use candle_nn::ops::{rms_norm, silu};
use candle_nn::rotary_emb::{rope_i, rope_thd};

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
    pub(super) context: usize,
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

/// A matrix with, in some families, a bias.
struct Linear {
    weight: QTensor,
    bias: Option<Tensor>,
}

impl Linear {
    fn load(file: &Gguf, name: &str) -> Result<Self> {
        let bias = format!("{name}.bias");
        Ok(Self {
            weight: file.tensor(&format!("{name}.weight"))?,
            bias: file.has(&bias).then(|| file.plain(&bias)).transpose()?,
        })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        self.biased(x.apply_op1_no_bwd(&self.weight)?)
    }

    fn biased(&self, product: Tensor) -> Result<Tensor> {
        match &self.bias {
            Some(bias) => product.broadcast_add(bias),
            None => Ok(product),
        }
    }

    /// Several products of the same numbers, which candle makes together where it can.
    fn forward_all<const N: usize>(all: [&Self; N], x: &Tensor) -> Result<[Tensor; N]> {
        let weights = all.map(|linear| &linear.weight);
        let products = QTensor::gemv_fused_shared_lhs(&weights, x)?;
        let products = match products.map(<[Tensor; N]>::try_from) {
            Some(Ok(products)) => products,
            _ => {
                let mut each = all.iter();
                let products: Result<Vec<_>> =
                    each.by_ref().map(|l| x.apply_op1_no_bwd(&l.weight)).collect();
                match <[Tensor; N]>::try_from(products?) {
                    Ok(products) => products,
                    Err(_) => bail!("as many products as matrices"),
                }
            }
        };
        let mut products = products;
        for (product, linear) in products.iter_mut().zip(all) {
            *product = linear.biased(product.clone())?;
        }
        Ok(products)
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
/// (1, room, heads, head).
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
    /// What was computed of those before them.
    pub(super) cache: &'a mut Cache,
}

/// A model that was loaded.
pub(super) struct Decoder {
    pub(super) shape: Shape,
    embedding: QTensor,
    layers: Vec<Layer>,
    norm: Norm,
    /// The last matrix; the embedding serves where there is none of its own.
    head: Option<QTensor>,
    /// For each of the turned pairs of a head, how far one position turns it.
    turns: Vec<f32>,
}

impl Decoder {
    pub(super) fn load(file: &Gguf) -> Result<Self> {
        let shape = Shape::read(file)?;
        let norm = |name: &str| {
            let weight = file.plain(&format!("{name}.weight"))?;
            Ok::<_, candle_core::Error>(Norm { weight, epsilon: shape.epsilon })
        };
        let maybe_norm =
            |name: &str| file.has(&format!("{name}.weight")).then(|| norm(name)).transpose();
        let layer = |index: usize| {
            let name = |part: &str| format!("blk.{index}.{part}");
            let linear = |part: &str| Linear::load(file, &name(part));
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
        let head = file.has("output.weight").then(|| file.tensor("output.weight")).transpose()?;
        Ok(Self {
            embedding: file.tensor("token_embd.weight")?,
            layers,
            norm: norm("output_norm")?,
            head,
            turns: turns(&shape, file)?,
            shape,
        })
    }

    /// What one position of a cache takes, in bytes.
    pub(super) fn position_size(&self) -> usize {
        2 * self.shape.layers * self.shape.kv_heads * self.shape.head * size_of::<f32>()
    }

    /// Takes tokens up behind what the caches hold, and gives for each of the steps the scores of
    /// the token that follows its last. The weights are read once for all steps. `go_on` is asked
    /// before each layer; a `false` ends it without a result, and the caches are as before.
    pub(super) fn forward(
        &self,
        steps: &mut [Step<'_>],
        go_on: &dyn Fn() -> bool,
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
            last.push(u32::try_from(tokens.len() - 1)?);
        }
        let angles = Tensor::from_vec(angles, (tokens.len(), self.turns.len()), &Device::Cpu)?;
        let angles = (angles.cos()?, angles.sin()?);
        let mut x = self.embedding.embedding(&Tensor::new(tokens.as_slice(), &Device::Cpu)?)?;
        for (index, layer) in self.layers.iter().enumerate() {
            if !go_on() {
                return Ok(None);
            }
            x = (&x + self.attend(layer, index, &x, steps, &angles)?)?;
            let normed = layer.feed_norm.forward(&x)?;
            let [gate, up] = Linear::forward_all([&layer.gate, &layer.up], &normed)?;
            x = (x + layer.down.forward(&(silu(&gate)? * up)?)?)?;
        }
        for step in steps {
            step.cache.filled += step.tokens.len();
        }
        let last = x.index_select(&Tensor::new(last, &Device::Cpu)?, 0)?;
        let head = self.head.as_ref().unwrap_or(&self.embedding);
        let scores = self.norm.forward(&last)?.apply_op1_no_bwd(head)?;
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
        let [query, key, value] =
            Linear::forward_all([&layer.query, &layer.key, &layer.value], &normed)?;
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
        let query = turn(split(query, heads, layer.query_norm.as_ref())?)?;
        let key = turn(split(key, kv_heads, layer.key_norm.as_ref())?)?;
        let value = split(value, kv_heads, None)?;

        #[expect(clippy::cast_precision_loss, reason = "a head has some hundred numbers")]
        let scale = (head as f32).sqrt().recip();
        let mut attended = Vec::with_capacity(steps.len());
        let mut at = 0;
        for step in steps {
            let new = step.tokens.len();
            let own = |numbers: &Tensor| numbers.narrow(1, at, new)?.contiguous();
            let filled = step.cache.filled;
            let (keys, values) = &step.cache.layers[index];
            keys.slice_set(&own(&key)?, 1, filled)?;
            values.slice_set(&own(&value)?, 1, filled)?;
            let (keys, values) =
                (keys.narrow(1, 0, filled + new)?, values.narrow(1, 0, filled + new)?);
            let mask = AttnMask::causal_with_offset(filled);
            let query = own(&query)?;
            let mixed = flash_attn::<f32>(&query, &keys, &values, scale, mask, None, None)?;
            // From (1, heads, new, head).
            attended.push(mixed.transpose(1, 2)?.reshape((new, heads * head))?);
            at += new;
        }
        layer.output.forward(&Tensor::cat(&attended, 0)?)
    }

    fn make_room(&self, cache: &mut Cache, more: usize) -> Result<()> {
        let needed = cache.filled + more;
        if needed <= cache.room {
            return Ok(());
        }
        let room = needed.next_multiple_of(GROWTH).min(self.shape.context.max(needed));
        let shape = (1, room, self.shape.kv_heads, self.shape.head);
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
    let slower = match file.has("rope_freqs.weight") {
        true => file.plain("rope_freqs.weight")?.to_vec1()?,
        false => vec![1_f32; pairs],
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
