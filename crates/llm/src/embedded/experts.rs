//! Mixture of experts: feed-forward networks of which each position uses only a few.
//!
//! All positions of one expert are computed together, with the blocks of the file: repacking all
//! experts would take the size of the file again.

use super::families::Gate;
use super::gguf::Gguf;
use super::matrix::Linear;
use candle_core::quantized::QuantizedType;
use candle_core::{Device, Result, Tensor, bail};
use candle_nn::ops::softmax_last_dim;

/// The experts of a layer and their router.
pub(super) struct Experts {
    router: Linear,
    each: Vec<Expert>,
    /// Number of experts per position.
    used: usize,
}

/// Feed-forward network of one expert.
struct Expert {
    gate: Part,
    up: Part,
    down: Part,
}

/// One matrix of an expert.
struct Part {
    numbers: Box<dyn QuantizedType>,
    rows: usize,
    columns: usize,
}

impl Part {
    /// Loads the matrices of one kind for all experts.
    fn load(file: &Gguf, name: &str) -> Result<Vec<Self>> {
        let (parts, (rows, columns)) = file.parts(name)?;
        Ok(parts.into_iter().map(|numbers| Self { numbers, rows, columns }).collect())
    }

    /// Products of the matrix with contiguous rows of `columns` numbers each.
    fn forward(&self, x: &[f32]) -> Result<Vec<f32>> {
        let count = x.len() / self.columns;
        let mut product = vec![0.; count * self.rows];
        self.numbers.matmul_t((count, self.columns, self.rows), x, &mut product)?;
        Ok(product)
    }
}

impl Expert {
    fn forward(&self, x: &[f32], gate: Gate) -> Result<Vec<f32>> {
        let passed = self.gate.forward(x)?;
        let count = passed.len();
        let passed = gate.of(&Tensor::from_vec(passed, count, &Device::Cpu)?)?.to_vec1::<f32>()?;
        let up = self.up.forward(x)?;
        let gated: Vec<f32> = passed.into_iter().zip(up).map(|(gate, up)| gate * up).collect();
        self.down.forward(&gated)
    }
}

impl Experts {
    /// Loads the experts of a layer; `layer` is the prefix of its tensor names, and `used` the
    /// number of experts per position. Error if the shapes do not fit together.
    pub(super) fn load(file: &Gguf, layer: &str, used: usize) -> Result<Self> {
        let part = |kind: &str| Part::load(file, &format!("{layer}.ffn_{kind}_exps.weight"));
        let each = part("gate")?.into_iter().zip(part("up")?).zip(part("down")?);
        let each: Vec<Expert> = each.map(|((gate, up), down)| Expert { gate, up, down }).collect();
        let router = Linear::load(file, &format!("{layer}.ffn_gate_inp"))?;
        let fits = |expert: &Expert| {
            let Expert { gate, up, down } = expert;
            (gate.rows, gate.columns) == (up.rows, up.columns)
                && (gate.rows, gate.columns) == (down.columns, down.rows)
        };
        if used > each.len() || router.rows() != each.len() || !each.iter().all(fits) {
            bail!("the experts of `{layer}` do not fit together");
        }
        Ok(Self { router, each, used })
    }

    /// The weighted sum of the outputs of each position's experts: from (count, width) to the same
    /// shape.
    pub(super) fn forward(&self, x: &Tensor, gate: Gate) -> Result<Tensor> {
        let (count, width) = x.dims2()?;
        let shares: Vec<Vec<f32>> = softmax_last_dim(&self.router.forward(x)?)?.to_vec2()?;
        let mut given: Vec<Vec<(usize, f32)>> = vec![Vec::new(); self.each.len()];
        for (place, shares) in shares.iter().enumerate() {
            let mut best: Vec<usize> = (0..shares.len()).collect();
            best.sort_by(|a, b| shares[*b].total_cmp(&shares[*a]));
            best.truncate(self.used);
            let sum: f32 = best.iter().map(|which| shares[*which]).sum();
            for which in best {
                given[which]
                    .push((place, shares[which] / sum.max(f32::from(half::f16::MIN_POSITIVE))));
            }
        }
        let x = x.flatten_all()?.to_vec1::<f32>()?;
        let mut mixed = vec![0.; count * width];
        for (expert, given) in self.each.iter().zip(given).filter(|(_, given)| !given.is_empty()) {
            let own: Vec<f32> =
                given.iter().flat_map(|(place, _)| &x[place * width..][..width]).copied().collect();
            let out = expert.forward(&own, gate)?;
            for ((place, share), out) in given.into_iter().zip(out.chunks_exact(width)) {
                for (mixed, out) in mixed[place * width..][..width].iter_mut().zip(out) {
                    *mixed += share * out;
                }
            }
        }
        Tensor::from_vec(mixed, (count, width), &Device::Cpu)
    }
}
