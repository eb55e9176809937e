//! Samples the next token.

use std::collections::HashSet;

/// Sampling settings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sampling {
    /// 0 always takes the most likely token.
    pub(super) temperature: f64,
    /// Nucleus sampling: only the most likely tokens with this total probability.
    pub(super) top_p: f64,
    /// Only tokens with at least this fraction of the highest probability.
    pub(super) min_p: f64,
    /// Divisor of the scores of recent tokens.
    pub(super) repetition_penalty: f64,
}

/// Number of recent tokens that the repetition penalty applies to.
const LATELY: usize = 64;

/// Tokens below this fraction of the highest probability are dropped before sorting: together they
/// are negligible.
const FLOOR: f64 = 1e-6;

/// Samples tokens.
pub(super) struct Sampler {
    sampling: Sampling,
    random: fastrand::Rng,
}

impl Sampler {
    pub(super) fn new(sampling: Sampling, seed: u64) -> Self {
        Self { sampling, random: fastrand::Rng::with_seed(seed) }
    }

    /// Samples the next token from the scores of all tokens; `before` are the answer's tokens so
    /// far.
    pub(super) fn next(&mut self, scores: &mut [f32], before: &[u32]) -> u32 {
        self.punish(scores, before);
        self.draw(scores)
    }

    /// Samples the next token from these scores, without the repetition penalty.
    pub(super) fn draw(&mut self, scores: &[f32]) -> u32 {
        let best = likeliest(scores);
        if self.sampling.temperature <= 0. {
            return best;
        }
        let top = f64::from(scores[best as usize]);
        // Most tokens are too unlikely by their scores alone.
        let floor = self.sampling.min_p.max(FLOOR).ln() * self.sampling.temperature;
        let mut able: Vec<(u32, f64)> = (0..)
            .zip(scores.iter())
            .map(|(token, score)| (token, f64::from(*score) - top))
            .filter(|(_, below)| *below >= floor)
            .map(|(token, below)| (token, (below / self.sampling.temperature).exp()))
            .collect();
        able.sort_by(|a, b| b.1.total_cmp(&a.1));
        let all: f64 = able.iter().map(|(_, weight)| weight).sum();
        let mut kept = 0.;
        let mut count = 0;
        for (_, weight) in &able {
            kept += weight;
            count += 1;
            if kept >= all * self.sampling.top_p {
                break;
            }
        }
        let mut drawn = self.random.f64() * kept;
        let found = able[..count].iter().find(|(_, weight)| {
            drawn -= weight;
            drawn <= 0.
        });
        found.map_or(best, |(token, _)| *token)
    }

    fn punish(&self, scores: &mut [f32], before: &[u32]) {
        #[expect(clippy::cast_possible_truncation, reason = "a factor near one")]
        let penalty = self.sampling.repetition_penalty as f32;
        if (penalty - 1.).abs() < f32::EPSILON {
            return;
        }
        let lately: HashSet<u32> =
            before[before.len().saturating_sub(LATELY)..].iter().copied().collect();
        for token in lately {
            if let Some(score) = scores.get_mut(token as usize) {
                *score = if *score > 0. { *score / penalty } else { *score * penalty };
            }
        }
    }
}

fn likeliest(scores: &[f32]) -> u32 {
    let best = (0..).zip(scores).max_by(|a: &(u32, _), b| a.1.total_cmp(b.1));
    best.map_or(0, |(token, _)| token)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Sampling =
        Sampling { temperature: 1., top_p: 1., min_p: 0., repetition_penalty: 1. };

    /// How often each token is sampled in 1000 draws.
    fn drawn(sampling: Sampling, scores: &[f32], before: &[u32]) -> Vec<usize> {
        let mut sampler = Sampler::new(sampling, 7);
        let mut counts = vec![0; scores.len()];
        for _ in 0..1000 {
            counts[sampler.next(&mut scores.to_vec(), before) as usize] += 1;
        }
        counts
    }

    #[test]
    fn each_sampling_setting_takes_effect() {
        // Probabilities of about 0.64, 0.24, 0.09 and 0.03.
        let scores = [3., 2., 1., 0.];
        let all = drawn(PLAIN, &scores, &[]);
        assert!(all.windows(2).all(|pair| pair[0] > pair[1]) && all[3] > 10, "{all:?}");
        let cold = drawn(Sampling { temperature: 0., ..PLAIN }, &scores, &[]);
        assert_eq!(cold, [1000, 0, 0, 0]);
        let warm = drawn(Sampling { temperature: 2., ..PLAIN }, &scores, &[]);
        assert!(warm[0] < all[0] && warm[3] > all[3], "{warm:?}");
        let top = drawn(Sampling { top_p: 0.8, ..PLAIN }, &scores, &[]);
        assert!(top[1] > 0 && top[2] == 0 && top[3] == 0, "{top:?}");
        let min = drawn(Sampling { min_p: 0.1, ..PLAIN }, &scores, &[]);
        assert!(min[2] > 0 && min[3] == 0, "{min:?}");
        let punished = Sampling { temperature: 0., repetition_penalty: 2., ..PLAIN };
        assert_eq!(drawn(punished, &scores, &[0]), [0, 1000, 0, 0]);
        assert_eq!(drawn(punished, &[-1., -1.5], &[0]), [0, 1000]);
    }

    #[test]
    fn the_same_seed_gives_the_same_answer() {
        let answer = |seed| {
            let mut sampler = Sampler::new(PLAIN, seed);
            (0..50).map(|_| sampler.next(&mut [1., 1., 1., 1.], &[])).collect::<Vec<_>>()
        };
        assert_eq!(answer(1), answer(1));
        assert_ne!(answer(1), answer(2));
    }

    #[test]
    fn scores_that_are_not_finite_still_give_a_valid_token() {
        for scores in [vec![f32::NAN; 3], vec![f32::NEG_INFINITY; 3]] {
            let token = Sampler::new(PLAIN, 1).next(&mut scores.clone(), &[9]);
            assert!(token < 3);
        }
    }
}
