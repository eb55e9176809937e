//! Rotary position embeddings (`RoPE`), and their scaling for conversations that are longer than
//! the original context of a model.

use super::gguf::Gguf;
use candle_core::{Device, Result, Tensor, bail};

/// Rotary position embedding of a head.
#[derive(Clone, Debug)]
pub(super) struct Turns {
    /// Rotation of each pair per position, in radians.
    angles: Vec<f32>,
    /// Factor of the rotated numbers, if there is one.
    growth: Option<f64>,
}

/// Scaling of positions.
#[derive(Clone, Copy, Debug)]
pub(super) enum Scaling {
    None,
    /// All pairs rotate slower by a factor.
    Linear {
        factor: f64,
    },
    /// `YaRN`: pairs that rotate slowly are slowed down by the factor, fast ones are not, and the
    /// ones between are interpolated.
    Yarn {
        factor: f64,
        /// Original context of the model, in positions.
        positions: usize,
        /// Number of rotations in the original context of a pair that counts as fast, and of one
        /// that counts as slow.
        fast: f64,
        slow: f64,
        /// Factor of the rotated numbers, in addition to the one that results from `factor`.
        growth: f64,
    },
}

impl Turns {
    /// Reads the rotations of a head of `head` numbers. The file can slow pairs down for long
    /// contexts (`rope_freqs.weight`); error if these factors do not fit the head.
    #[expect(clippy::cast_precision_loss, reason = "heads and contexts are far below 2^52")]
    #[expect(clippy::cast_possible_truncation, reason = "f32 is what the model computes in")]
    pub(super) fn read(file: &Gguf, head: usize, base: f64, scaling: Scaling) -> Result<Self> {
        let pairs = head / 2;
        let slower = if file.has("rope_freqs.weight") {
            file.plain("rope_freqs.weight")?.to_vec1()?
        } else {
            vec![1_f32; pairs]
        };
        if slower.len() != pairs {
            bail!("the file's factors for positions do not fit its heads");
        }
        let share = |pair: usize| match scaling {
            Scaling::None => 1.,
            Scaling::Linear { factor } => factor.recip(),
            Scaling::Yarn { factor, positions, fast, slow, .. } => {
                let pair_of = |turns: f64| {
                    let turned = positions as f64 / (turns * 2. * std::f64::consts::PI);
                    head as f64 * turned.ln() / (2. * base.ln())
                };
                let first = pair_of(fast).floor().max(0.);
                let last = pair_of(slow).ceil().min(head as f64 - 1.);
                let share = ((pair as f64 - first) / (last - first).max(0.001)).clamp(0., 1.);
                share / factor + 1. - share
            }
        };
        let angle = |(pair, slower): (usize, f32)| {
            let whole = base.powf(-2. * pair as f64 / head as f64);
            (whole * share(pair)) as f32 / slower
        };
        let growth = match scaling {
            Scaling::Yarn { factor, growth, .. } => Some(growth * (1. + 0.1 * factor.ln())),
            _ => None,
        };
        Ok(Self { angles: slower.into_iter().enumerate().map(angle).collect(), growth })
    }

    /// The cosines and sines of the rotations at `positions`, each of shape (positions, pairs).
    #[expect(clippy::cast_precision_loss, reason = "positions are below 2^24")]
    pub(super) fn at(&self, positions: &[usize]) -> Result<(Tensor, Tensor)> {
        let turned = positions.iter().flat_map(|at| self.angles.iter().map(|a| *at as f32 * a));
        let shape = (positions.len(), self.angles.len());
        let turned = Tensor::from_vec(turned.collect(), shape, &Device::Cpu)?;
        let (cos, sin) = (turned.cos()?, turned.sin()?);
        match self.growth {
            Some(growth) => Ok(((cos * growth)?, (sin * growth)?)),
            None => Ok((cos, sin)),
        }
    }
}
