//! The model families that the decoder supports, a row each, and the shape of a model, read from
//! its file's metadata and its family's row.

use super::gguf::Gguf;
use super::turns::{Scaling, Turns};
use candle_core::quantized::gguf_file::Value;
use candle_core::{Result, Tensor, bail};
use candle_nn::ops::silu;

/// What distinguishes a family from the others. Properties that files state themselves are not
/// here: biases, norms of heads and after blocks, experts, factors, windows.
#[derive(Clone, Copy, Debug)]
struct Family {
    /// Name in a file (`general.architecture`).
    name: &'static str,
    /// `RoPE` rotates adjacent numbers, not the two halves of a head.
    neighbours: bool,
    /// Activation of the feed-forward networks' gates.
    gate: Gate,
    /// Every n-th layer has no position embedding.
    blind: Option<usize>,
    /// Every n-th layer attends to all positions, and the others to a window of the latest.
    wide: Option<usize>,
    /// A file can state that no layer has position embeddings (`rope.scaling.finetuned` is false).
    blind_if_said: bool,
    /// Embeddings are multiplied by the square root of their length.
    rooted: bool,
    /// In models with this many layers, attention is scaled by the embedding length divided by the
    /// number of heads, instead of by the length of a head.
    shared_out: Option<usize>,
}

/// Defaults for all families.
const PLAIN: Family = Family {
    name: "",
    neighbours: false,
    gate: Gate::Silu,
    blind: None,
    wide: None,
    blind_if_said: false,
    rooted: false,
    shared_out: None,
};

const FAMILIES: [Family; 8] = [
    Family { name: "llama", neighbours: true, ..PLAIN },
    Family { name: "qwen2", ..PLAIN },
    Family { name: "qwen3", ..PLAIN },
    Family { name: "qwen3moe", ..PLAIN },
    Family { name: "smollm3", neighbours: true, blind: Some(4), ..PLAIN },
    Family { name: "granite", neighbours: true, blind_if_said: true, ..PLAIN },
    Family { name: "granitemoe", neighbours: true, ..PLAIN },
    Family {
        name: "gemma3",
        gate: Gate::Gelu,
        wide: Some(6),
        rooted: true,
        shared_out: Some(62),
        ..PLAIN
    },
];

/// Activation function of a gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gate {
    Silu,
    Gelu,
}

impl Gate {
    /// Applies the function to each number.
    pub(super) fn of(self, x: &Tensor) -> Result<Tensor> {
        match self {
            Self::Silu => silu(x),
            Self::Gelu => x.gelu(),
        }
    }
}

/// How a layer handles positions.
#[derive(Clone, Copy, Debug)]
pub(super) struct LayerShape {
    /// Number of latest positions that it attends to, including its own; all if `None`.
    pub(super) window: Option<usize>,
    /// Index of its rotations in `Shape::turns`; `None` if it has no position embedding.
    pub(super) turns: Option<usize>,
}

/// Shape of a model.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    pub(super) layers: Vec<LayerShape>,
    pub(super) heads: usize,
    pub(super) kv_heads: usize,
    /// Numbers per head.
    pub(super) head: usize,
    pub(super) epsilon: f32,
    pub(super) neighbours: bool,
    pub(super) gate: Gate,
    /// Number of experts per position, if the model has experts.
    pub(super) experts: Option<usize>,
    /// Maximum context of the model, in tokens.
    pub(super) context: usize,
    pub(super) turns: Vec<Turns>,
    /// Factors of embeddings, of what each half of a layer adds, and of the scores of the next
    /// token.
    pub(super) embedding_scale: Option<f64>,
    pub(super) added_scale: Option<f64>,
    pub(super) score_scale: Option<f64>,
    /// Factor of the products of queries and keys.
    pub(super) attention_scale: f32,
}

/// Metadata of a file, by the keys of its family.
struct Keys<'a> {
    file: &'a Gguf,
    family: &'static str,
}

impl Keys<'_> {
    fn name(&self, key: &str) -> String {
        format!("{}.{key}", self.family)
    }

    fn number(&self, key: &str) -> Option<usize> {
        self.file.number(&self.name(key))
    }

    fn needed(&self, key: &str) -> Result<usize> {
        match self.number(key) {
            Some(found) if found > 0 => Ok(found),
            _ => bail!("the file does not tell its model's `{key}`"),
        }
    }

    fn flag(&self, key: &str) -> Option<bool> {
        self.file.flag(&self.name(key))
    }

    /// A factor or a base; zero and numbers that are not finite count as missing.
    fn float(&self, key: &str) -> Option<f64> {
        self.file.float(&self.name(key)).filter(|number| number.is_normal())
    }

    /// Error if the model needs a computation that is not supported here.
    fn plain(&self) -> Result<()> {
        let unknown = [
            "attn_logit_softcapping",
            "final_logit_softcapping",
            "rope.scaling.yarn_log_multiplier",
        ];
        if let Some(key) = unknown.iter().find(|key| self.float(key).is_some()) {
            return other(&format!("with `{}`", self.name(key)));
        }
        if self.float("expert_weights_scale").is_some_and(|scale| (scale - 1.).abs() > 1e-6) {
            return other(&format!("with `{}`", self.name("expert_weights_scale")));
        }
        Ok(())
    }

    /// Window of each layer, in positions; `None` for all positions.
    fn windows(&self, layers: usize, every: Option<usize>) -> Vec<Option<usize>> {
        let window = self.number("attention.sliding_window").filter(|window| *window > 0);
        let (Some(window), Some(every)) = (window, every) else { return vec![None; layers] };
        let pattern = "attention.sliding_window_pattern";
        let said = self.file.list(&self.name(pattern)).unwrap_or_default();
        let every = self.number(pattern).unwrap_or(every);
        let narrow = |layer: usize| match said.get(layer) {
            Some(said) => matches!(said, Value::Bool(true)),
            None => !last_of(layer, every),
        };
        (0..layers).map(|layer| narrow(layer).then_some(window)).collect()
    }

    /// Scaling of positions beyond the original context.
    fn scaling(&self) -> Result<Scaling> {
        let factor = self.float("rope.scaling.factor").or_else(|| self.float("rope.scale_linear"));
        let Some(factor) = factor else { return Ok(Scaling::None) };
        match self.file.text(&self.name("rope.scaling.type")) {
            Some("none") => Ok(Scaling::None),
            None | Some("linear") => Ok(Scaling::Linear { factor }),
            Some("yarn") => Ok(Scaling::Yarn {
                factor,
                positions: self
                    .number("rope.scaling.original_context_length")
                    .map_or_else(|| self.needed("context_length"), Ok)?,
                fast: self.float("rope.scaling.yarn_beta_fast").unwrap_or(32.),
                slow: self.float("rope.scaling.yarn_beta_slow").unwrap_or(1.),
                growth: self.float("rope.scaling.attn_factor").unwrap_or(1.),
            }),
            Some(kind) => other(&format!("with `{}` of `{kind}`", self.name("rope.scaling.type"))),
        }
    }
}

/// Whether a layer is the last of a group of `of` layers.
fn last_of(layer: usize, of: usize) -> bool {
    (layer + 1).is_multiple_of(of)
}

/// Error for a model that is not supported here.
fn other<T>(which: &str) -> Result<T> {
    let names: Vec<&str> = FAMILIES.iter().map(|family| family.name).collect();
    bail!(
        "models {which} can't be run inside the program; {} can, and a build with `--features llama` \
         knows others",
        names.join(", ")
    )
}

impl Shape {
    /// Reads the shape of a file's model. Error if the model would be computed incorrectly.
    pub(super) fn read(file: &Gguf) -> Result<Self> {
        let Some(name) = file.text("general.architecture") else {
            bail!("the file does not say of which architecture its model is");
        };
        let Some(family) = FAMILIES.iter().find(|family| family.name == name) else {
            return other(&format!("of the architecture `{name}`"));
        };
        let keys = Keys { file, family: family.name };
        keys.plain()?;
        let heads = keys.needed("attention.head_count")?;
        let kv_heads = keys.number("attention.head_count_kv").unwrap_or(heads);
        let width = keys.needed("embedding_length")?;
        let head = keys.number("attention.key_length").unwrap_or(width / heads);
        if keys.number("rope.dimension_count").is_some_and(|turned| turned != head)
            || keys.number("attention.value_length").is_some_and(|length| length != head)
            || kv_heads == 0
            || !heads.is_multiple_of(kv_heads)
        {
            return other("with heads of another kind");
        }
        let count = keys.needed("block_count")?;
        #[expect(clippy::cast_precision_loss, reason = "a model has some thousand numbers")]
        let root = |number: usize| (number as f64).sqrt();
        let windows = keys.windows(count, family.wide);
        let base = keys.float("rope.freq_base").unwrap_or(10_000.);
        let mut turns = vec![Turns::read(file, head, base, keys.scaling()?)?];
        if windows.iter().any(Option::is_some) {
            let base = keys.float("rope.freq_base_swa").unwrap_or(10_000.);
            turns.push(Turns::read(file, head, base, Scaling::None)?);
        }
        let blind = family.blind_if_said && keys.flag("rope.scaling.finetuned") == Some(false);
        let layers = windows.into_iter().enumerate();
        let layers = layers.map(|(index, window)| LayerShape {
            window,
            turns: (!blind && family.blind.is_none_or(|of| !last_of(index, of)))
                .then_some(usize::from(window.is_some())),
        });
        let layers = layers.collect();
        let shared_out = family.shared_out == Some(count);
        let own_scale = || root(if shared_out { width / heads } else { head }).recip();
        #[expect(clippy::cast_possible_truncation, reason = "small numbers either way")]
        let small = |number: f64| number as f32;
        Ok(Self {
            layers,
            heads,
            kv_heads,
            head,
            epsilon: small(keys.float("attention.layer_norm_rms_epsilon").unwrap_or(1e-5)),
            neighbours: family.neighbours,
            gate: family.gate,
            experts: keys
                .number("expert_count")
                .filter(|count| *count > 0)
                .map_or(Ok(None), |_| keys.needed("expert_used_count").map(Some))?,
            context: keys.needed("context_length")?,
            turns,
            embedding_scale: if family.rooted {
                Some(root(width))
            } else {
                keys.float("embedding_scale")
            },
            added_scale: keys.float("residual_scale"),
            score_scale: keys.float("logit_scale").map(f64::recip),
            attention_scale: small(keys.float("attention.scale").unwrap_or_else(own_scale)),
        })
    }
}
