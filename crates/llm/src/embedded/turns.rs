//! How positions turn the pairs of a head (`RoPE`), and how files stretch that for conversations that are
//! longer than those that a model saw first.

use super::gguf::Gguf;
use candle_core::{Device, Result, Tensor, bail};

/// How positions turn the pairs of a head.
#[derive(Clone, Debug)]
pub(super) struct Turns {
    /// How far one position turns each pair.
    angles: Vec<f32>,
    /// By what turned numbers grow, if they do.
    growth: Option<f64>,
}

/// How positions are stretched.
#[derive(Clone, Copy, Debug)]
pub(super) enum Scaling {
    None,
    /// All pairs turn slower by a factor.
    Linear {
        factor: f64,
    },
    /// Pairs that turn slowly do so by a factor, those that turn fast do not, and between the two it
    /// is a share of both.
    Yarn {
        factor: f64,
        /// The positions that the model saw first.
        positions: usize,
        /// How often those turn a pair that is fast, and one that is slow.
        fast: f64,
        slow: f64,
        /// By what turned numbers grow beside what the factor lets them.
        growth: f64,
    },
}

impl Turns {
    /// The turns of heads of so many numbers. A file can slow some of them down for long contexts.
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

    /// The cosines and sines of what positions turn, each of shape (positions, pairs).
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
