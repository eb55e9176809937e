//! Attention of single new positions over all earlier ones, the part of the cost per token that
//! grows with the conversation. Prompts, with many new positions at once, are computed as matrix
//! products in `decoder` instead.
#![expect(
    clippy::inline_always,
    reason = "what uses a processor's registers is compiled for each kind"
)]

use super::workers::{self, Job};
use candle_core::{Device, Result, Storage, Tensor, bail};
use pulp::{Arch, Simd, WithSimd};
use std::sync::{Arc, OnceLock};

/// Number of keys that are multiplied with a query at once, so that the query is loaded less often.
const ABREAST: usize = 4;

/// Number of positions whose values are added at once, so that they stay in the first-level cache
/// for all queries.
const BLOCK: usize = 32;

/// Number of registers that hold partial sums while values are added.
const COLUMNS: usize = 8;

/// Keys of less than this size, in bytes, are processed without other threads.
const FEW_BYTES: usize = 1 << 16;

/// A new position, and the positions that it attends to.
pub(super) struct Place {
    /// Index of its query.
    pub(super) query: usize,
    /// Keys of the conversation, of shape (`kv_heads`, room, head).
    pub(super) keys: Tensor,
    /// Values, of the same shape.
    pub(super) values: Tensor,
    /// The first position that it attends to, and the end of the range (exclusive).
    pub(super) from: usize,
    pub(super) all: usize,
}

/// Attention of each place. `queries` has the shape (count, heads, head) and is contiguous; `scale`
/// is the factor of the products of queries and keys. Returns the shape (places, heads * head).
pub(super) fn of_each(queries: &Tensor, places: Vec<Place>, scale: f32) -> Result<Tensor> {
    let (_, heads, head) = queries.dims3()?;
    let Some(kv_heads) = places.first().map(|place| place.keys.dim(0)).transpose()? else {
        bail!("attention is computed of at least one position");
    };
    let seen: usize = places.iter().map(|place| place.all - place.from).sum();
    let shape = (places.len(), heads * head);
    let mixed = (0..places.len() * kv_heads).map(|_| OnceLock::new()).collect();
    let work = Arc::new(Attention { queries: queries.clone(), places, kv_heads, scale, mixed });
    if seen * kv_heads * head * size_of::<f32>() < FEW_BYTES {
        (0..work.pieces()).for_each(|piece| work.compute(piece));
    } else {
        workers::run(work.clone());
    }
    let mut mixed = Vec::with_capacity(shape.0 * shape.1);
    for one in &work.mixed {
        match one.get() {
            Some(Ok(one)) => mixed.extend_from_slice(one),
            Some(Err(why)) => bail!("{why}"),
            None => bail!("attention was not computed"),
        }
    }
    Tensor::from_vec(mixed, shape, &Device::Cpu)
}

/// The work of all places. A piece is one place and the queries that share one head of keys.
struct Attention {
    queries: Tensor,
    places: Vec<Place>,
    kv_heads: usize,
    scale: f32,
    /// Result of each piece.
    mixed: Vec<OnceLock<Result<Vec<f32>>>>,
}

impl Job for Attention {
    fn pieces(&self) -> usize {
        self.mixed.len()
    }

    fn compute(&self, piece: usize) {
        // A piece that is computed twice has the same result.
        let _ = self.mixed[piece].set(self.mix(piece));
    }
}

impl Attention {
    fn mix(&self, piece: usize) -> Result<Vec<f32>> {
        let place = &self.places[piece / self.kv_heads];
        let kv_head = piece % self.kv_heads;
        let (queries, layout) = self.queries.storage_and_layout();
        let (keys, _) = place.keys.storage_and_layout();
        let (values, _) = place.values.storage_and_layout();
        let (Storage::Cpu(queries), Storage::Cpu(keys), Storage::Cpu(values)) =
            (&*queries, &*keys, &*values)
        else {
            bail!("attention is computed on the processor");
        };
        let (_, room, head) = place.keys.dims3()?;
        let (_, heads, _) = self.queries.dims3()?;
        let group = heads / self.kv_heads * head;
        let at = layout.start_offset() + place.query * heads * head + kv_head * group;
        let all = place.all - place.from;
        let start = (kv_head * room + place.from) * head;
        let keys = &keys.as_slice()?[start..][..all * head];
        let values = &values.as_slice()?[start..][..all * head];
        let queries = &queries.as_slice()?[at..][..group];
        let shared = Shared { queries, keys, values, all, head, scale: self.scale };
        Ok(Arch::new().dispatch(shared))
    }
}

/// Attention of the queries that share one head of keys, in explicit SIMD of the processor's width:
/// left to the compiler, the same loops were sometimes several times slower, by chance.
#[derive(Clone, Copy)]
struct Shared<'a> {
    queries: &'a [f32],
    keys: &'a [f32],
    values: &'a [f32],
    all: usize,
    head: usize,
    scale: f32,
}

impl WithSimd for Shared<'_> {
    type Output = Vec<f32>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Vec<f32> {
        let Self { queries, keys, values, all, head, scale } = self;
        let mut scores = vec![0.; queries.len() / head * all];
        let mut at = 0;
        // A few rows for all queries: after the first query, the rows are in the first-level cache.
        while at < all {
            let few = all - at < ABREAST;
            for (scores, query) in scores.chunks_exact_mut(all).zip(queries.chunks_exact(head)) {
                let scores = &mut scores[at..];
                if few {
                    [scores[0]] = products(simd, query, rows(keys, head, at));
                } else {
                    let found = products::<_, ABREAST>(simd, query, rows(keys, head, at));
                    scores[..ABREAST].copy_from_slice(&found);
                }
            }
            at += if few { 1 } else { ABREAST };
        }
        for scores in scores.chunks_exact_mut(all) {
            shares(simd, scores, scale);
        }
        let mut mixed = vec![0.; queries.len()];
        for (block, values) in values.chunks(BLOCK * head).enumerate() {
            for (mixed, shares) in mixed.chunks_exact_mut(head).zip(scores.chunks_exact(all)) {
                mix(simd, mixed, &shares[block * BLOCK..], values);
            }
        }
        mixed
    }
}

/// The rows of `N` consecutive positions from `at` on.
#[inline(always)]
fn rows<const N: usize>(rows: &[f32], head: usize, at: usize) -> [&[f32]; N] {
    std::array::from_fn(|n| &rows[(at + n) * head..][..head])
}

/// The dot products of a query with `N` keys.
#[inline(always)]
fn products<S: Simd, const N: usize>(simd: S, query: &[f32], keys: [&[f32]; N]) -> [f32; N] {
    let (query, query_rest) = S::as_simd_f32s(query);
    let keys = keys.map(S::as_simd_f32s);
    let whole = keys.map(|(key, _)| &key[..query.len()]);
    let mut sums = [simd.splat_f32s(0.); N];
    for (at, query) in query.iter().enumerate() {
        for n in 0..N {
            sums[n] = simd.mul_add_e_f32s(*query, whole[n][at], sums[n]);
        }
    }
    if !query_rest.is_empty() {
        let query = simd.partial_load_f32s(query_rest);
        for n in 0..N {
            let key = simd.partial_load_f32s(keys[n].1);
            sums[n] = simd.mul_add_e_f32s(query, key, sums[n]);
        }
    }
    sums.map(|sum| simd.reduce_sum_f32s(sum))
}

/// Adds a block of values, weighted by `shares`, to `mixed`; there may be more shares than values.
#[inline(always)]
fn mix<S: Simd>(simd: S, mixed: &mut [f32], shares: &[f32], values: &[f32]) {
    let values = shares.iter().zip(values.chunks_exact(mixed.len()));
    let wide = COLUMNS * S::F32_LANES;
    let mut at = 0;
    let mut columns = mixed.chunks_exact_mut(wide);
    for mixed in &mut columns {
        let (mixed, _) = S::as_mut_simd_f32s(mixed);
        let mut sums: [S::f32s; COLUMNS] = std::array::from_fn(|n| mixed[n]);
        for (share, value) in values.clone() {
            let share = simd.splat_f32s(*share);
            let (value, _) = S::as_simd_f32s(&value[at..][..wide]);
            for n in 0..COLUMNS {
                sums[n] = simd.mul_add_e_f32s(share, value[n], sums[n]);
            }
        }
        mixed.copy_from_slice(&sums);
        at += wide;
    }
    for mixed in columns.into_remainder().chunks_mut(S::F32_LANES) {
        let mut sum = simd.partial_load_f32s(mixed);
        for (share, value) in values.clone() {
            let value = simd.partial_load_f32s(&value[at..][..mixed.len()]);
            sum = simd.mul_add_e_f32s(simd.splat_f32s(*share), value, sum);
        }
        simd.partial_store_f32s(mixed, sum);
        at += mixed.len();
    }
}

/// Softmax of the scores times `scale`, in place.
#[inline(always)]
fn shares<S: Simd>(simd: S, scores: &mut [f32], scale: f32) {
    let (scores, rest) = S::as_mut_simd_f32s(scores);
    let most = scores
        .iter()
        .fold(simd.splat_f32s(f32::NEG_INFINITY), |most, score| simd.max_f32s(most, *score));
    let most = rest.iter().copied().fold(simd.reduce_max_f32s(most), f32::max);
    let mut sums = simd.splat_f32s(0.);
    for score in &mut *scores {
        let below = simd.sub_f32s(*score, simd.splat_f32s(most));
        *score = exp(simd, simd.mul_f32s(below, simd.splat_f32s(scale)));
        sums = simd.add_f32s(sums, *score);
    }
    let mut sum = simd.reduce_sum_f32s(sums);
    for score in &mut *rest {
        *score = ((*score - most) * scale).exp();
        sum += *score;
    }
    let share = sum.recip();
    for score in scores {
        *score = simd.mul_f32s(*score, simd.splat_f32s(share));
    }
    for score in rest {
        *score *= share;
    }
}

/// e^x for x <= 0, with a relative error of at most 4e-7, since `f32::exp` is a function call for
/// each number. The power of two is written into the exponent; the remainder, at most half of ln 2,
/// is computed as a power series.
#[inline(always)]
fn exp<S: Simd>(simd: S, x: S::f32s) -> S::f32s {
    /// 1.5 * 2^23: adding and subtracting it rounds to a whole number.
    const WHOLE: f32 = 12_582_912.;
    /// ln 2 in two parts. The first has few bits, so that its products are exact.
    const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
    let each = |number: f32| simd.splat_f32s(number);
    // Smaller results are negligible beside the largest share.
    let x = simd.max_f32s(x, each(-87.));
    let shifted = simd.mul_add_e_f32s(x, each(std::f32::consts::LOG2_E), each(WHOLE));
    let power = simd.sub_f32s(shifted, each(WHOLE));
    let rest = LN_2.into_iter().fold(x, |rest, part| simd.mul_add_e_f32s(power, each(-part), rest));
    let sum = [1. / 120., 1. / 24., 1. / 6., 0.5, 1., 1.]
        .into_iter()
        .fold(each(1. / 720.), |sum, factor| simd.mul_add_e_f32s(sum, rest, each(factor)));
    let exponent = simd.splat_u32s(127_u32.wrapping_sub(WHOLE.to_bits()));
    let exponent = simd.add_u32s(simd.transmute_u32s_f32s(shifted), exponent);
    let exponent = simd.wrapping_dyn_shl_u32s(exponent, simd.splat_u32s(23));
    simd.mul_f32s(sum, simd.transmute_f32s_u32s(exponent))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;
    use pulp::Scalar;

    /// Attention by its definition, in double precision.
    fn defined(query: &[f32], keys: &[f32], values: &[f32], scale: f32) -> Vec<f64> {
        let head = query.len();
        let score = |key: &[f32]| -> f64 {
            let product: f64 =
                key.iter().zip(query).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
            (product * f64::from(scale)).exp()
        };
        let scores: Vec<f64> = keys.chunks(head).map(score).collect();
        let sum: f64 = scores.iter().sum();
        let rows = || scores.iter().zip(values.chunks(head));
        (0..head).map(|n| rows().map(|(s, v)| s / sum * f64::from(v[n])).sum()).collect()
    }

    fn close(mixed: &[f32], expected: &[f64], how: &str) {
        assert_eq!(mixed.len(), expected.len());
        for (mixed, expected) in mixed.iter().zip(expected) {
            assert!((f64::from(*mixed) - expected).abs() < 1e-5, "{how}: {mixed} {expected}");
        }
    }

    #[test]
    fn attention_equals_its_definition_with_and_without_simd() {
        // The head length need not be a multiple of the SIMD lanes, nor the positions of `ABREAST`.
        for (heads, kv_heads, head, room, from, all, scale) in [
            (4, 2, 20, 9, 0, 7, 0.2),
            (1, 1, 1, 1, 0, 1, 1.),
            (6, 2, 128, 40, 0, 33, 0.09),
            (6, 2, 128, 40, 7, 33, 0.02),
            (9, 3, 64, 24, 0, 24, 0.125),
            (9, 3, 64, 24, 23, 24, 0.125),
            (2, 2, 16, 8, 0, 3, 0.25),
            (7, 1, 31, 64, 0, 50, 0.5),
            (7, 1, 31, 64, 14, 50, 0.1),
        ] {
            let some = |count: usize, seed: u64| -> Vec<f32> {
                let mut random = fastrand::Rng::with_seed(seed);
                (0..count).map(|_| 4. * random.f32() - 2.).collect()
            };
            let query = some(heads * head, 1);
            let (keys, values) = (some(room * kv_heads * head, 2), some(room * kv_heads * head, 3));
            let group = heads / kv_heads;
            let expected: Vec<f64> = (0..heads)
                .flat_map(|which| {
                    let own = which / group * room * head..;
                    let seen = from * head..all * head;
                    let keys = &keys[own.clone()][seen.clone()];
                    defined(&query[which * head..][..head], keys, &values[own][seen], scale)
                })
                .collect();
            let of = |numbers: &[f32], shape: (usize, usize, usize)| {
                Tensor::from_slice(numbers, shape, &Device::Cpu).unwrap()
            };
            let cache = (kv_heads, room, head);
            let (of_keys, of_values) = (of(&keys, cache), of(&values, cache));
            let place =
                || Place { query: 1, keys: of_keys.clone(), values: of_values.clone(), from, all };
            let shared = |which: usize| Shared {
                queries: &query[which * group * head..][..group * head],
                keys: &keys[(which * room + from) * head..][..(all - from) * head],
                values: &values[(which * room + from) * head..][..(all - from) * head],
                all: all - from,
                head,
                scale,
            };
            let by_one = (0..kv_heads).flat_map(|which| shared(which).with_simd(Scalar));
            close(&by_one.collect::<Vec<f32>>(), &expected, "without registers");
            // Its query is the second of two, and the place is passed twice.
            let two: Vec<f32> = query.iter().map(|n| -n).chain(query.iter().copied()).collect();
            let two = of(&two, (2, heads, head));
            let mixed = of_each(&two, vec![place(), place()], scale).unwrap();
            for mixed in mixed.to_vec2::<f32>().unwrap() {
                close(&mixed, &expected, "as the processor can");
            }
        }
    }

    #[test]
    fn exp_is_accurate_to_four_parts_in_ten_million() {
        let one = |x: f32| exp(Scalar, x);
        for step in 0..=8700_u16 {
            let x = -f32::from(step) / 100.;
            assert!((one(x) - x.exp()).abs() <= 4e-7 * x.exp(), "{x}: {}", one(x));
        }
        for nothing in [-87.5, -1e30, f32::NEG_INFINITY] {
            assert!((0. ..2e-38).contains(&one(nothing)), "{nothing}");
        }
    }
}
