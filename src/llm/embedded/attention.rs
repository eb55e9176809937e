//! What new positions take of all earlier ones, one by one: the part of an answer's every token that
//! grows with the conversation. Prompts, many positions at once, are matrix products and need none of it.

use candle_core::utils::barrier_pool;
use candle_core::{Device, Result, Storage, Tensor, bail};
use std::ops::Range;
use std::sync::OnceLock;

/// How many sums are kept side by side, so that they fit the processor's widest registers.
const LANES: usize = 16;

/// A new position, and what it looks at.
pub(super) struct Place<'a> {
    /// Which of the queries is its own.
    pub(super) query: usize,
    /// The conversation's keys, of shape (`kv_heads`, room, head).
    pub(super) keys: &'a Tensor,
    /// Its values, of the same shape.
    pub(super) values: &'a Tensor,
    /// How many of those positions count.
    pub(super) all: usize,
}

/// Queries of shape (count, heads, head), without gaps, and their places; to (places, heads * head).
pub(super) fn of_each(queries: &Tensor, places: &[Place<'_>]) -> Result<Tensor> {
    let (_, heads, head) = queries.dims3()?;
    let (queries, layout) = queries.storage_and_layout();
    let caches: Vec<_> = places
        .iter()
        .map(|at| (at.keys.storage_and_layout().0, at.values.storage_and_layout().0))
        .collect();
    let mut at_work = Vec::with_capacity(places.len());
    let mut shared = 1;
    for (place, (keys, values)) in places.iter().zip(&caches) {
        let (kv_heads, room, _) = place.keys.dims3()?;
        let (Storage::Cpu(queries), Storage::Cpu(keys), Storage::Cpu(values)) =
            (&*queries, &**keys, &**values)
        else {
            bail!("attention is computed on the processor");
        };
        shared = kv_heads;
        at_work.push(AtWork {
            query: &queries.as_slice()?[layout.start_offset() + place.query * heads * head..],
            keys: keys.as_slice()?,
            values: values.as_slice()?,
            all: place.all,
            head,
            room,
            group: heads / kv_heads * head,
        });
    }
    let done: Vec<OnceLock<Vec<f32>>> =
        at_work.iter().flat_map(|_| vec![OnceLock::new(); shared]).collect();
    barrier_pool().execute_chunked(done.len(), |which: Range<usize>| {
        for one in which {
            let _ = done[one].set(at_work[one / shared].attend(one % shared));
        }
    });
    let mixed: Vec<f32> = done.into_iter().filter_map(OnceLock::into_inner).flatten().collect();
    Tensor::from_vec(mixed, (places.len(), heads * head), &Device::Cpu)
}

struct AtWork<'a> {
    query: &'a [f32],
    keys: &'a [f32],
    values: &'a [f32],
    all: usize,
    head: usize,
    /// How many positions of one head stand behind each other.
    room: usize,
    /// The numbers of all queries that share keys.
    group: usize,
}

impl AtWork<'_> {
    fn attend(&self, kv_head: usize) -> Vec<f32> {
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") {
            // SAFETY: the processor was just asked whether it has these instructions.
            #[expect(unsafe_code, reason = "code for a processor's own instructions")]
            return unsafe { self.attend_wide(kv_head) };
        }
        self.attend_plainly(kv_head)
    }

    /// The same, compiled for processors of the last ten years.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2")]
    fn attend_wide(&self, kv_head: usize) -> Vec<f32> {
        self.attend_plainly(kv_head)
    }

    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it is compiled with its caller's instructions")]
    fn attend_plainly(&self, kv_head: usize) -> Vec<f32> {
        let head = self.head;
        let queries = &self.query[kv_head * self.group..][..self.group];
        let row = |numbers, at: usize| -> &[f32] {
            let numbers: &[f32] = numbers;
            &numbers[(kv_head * self.room + at) * head..][..head]
        };
        let count = self.group / head;
        let mut scores = vec![0.; count * self.all];
        for at in 0..self.all {
            let key = row(self.keys, at);
            for (which, query) in queries.chunks_exact(head).enumerate() {
                scores[which * self.all + at] = dot(query, key);
            }
        }
        #[expect(clippy::cast_precision_loss, reason = "a head has some hundred numbers")]
        let scale = (head as f32).sqrt().recip();
        for scores in scores.chunks_exact_mut(self.all) {
            shares(scores, scale);
        }
        let zeros = vec![0.; head];
        let mut mixed = vec![0.; self.group];
        for at in (0..self.all).step_by(2) {
            // Two at once, so that the sums are fetched and put back half as often.
            let value = row(self.values, at);
            let next = if at + 1 < self.all { row(self.values, at + 1) } else { &zeros[..head] };
            for (which, mixed) in mixed.chunks_exact_mut(head).enumerate() {
                let shares = &scores[which * self.all..][..self.all];
                let (share, other) = (shares[at], shares.get(at + 1).copied().unwrap_or(0.));
                for ((sum, number), next) in mixed.iter_mut().zip(value).zip(next) {
                    *sum += share * number + other * next;
                }
            }
        }
        mixed
    }
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "it is compiled with its caller's instructions")]
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.; LANES];
    let (a, b) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest = a.remainder().iter().zip(b.remainder()).map(|(a, b)| a * b).sum::<f32>();
    for (a, b) in a.zip(b) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    // In halves: one after the other, each addition would wait for the one before.
    for half in [8, 4, 2, 1] {
        for lane in 0..half {
            sums[lane] += sums[lane + half];
        }
    }
    rest + sums[0]
}

/// From scores to shares of one (softmax).
#[inline(always)]
#[expect(clippy::inline_always, reason = "it is compiled with its caller's instructions")]
fn shares(scores: &mut [f32], scale: f32) {
    let most = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0.;
    for score in &mut *scores {
        *score = ((*score - most) * scale).exp();
        sum += *score;
    }
    for score in scores {
        *score /= sum;
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    #[test]
    fn one_position_takes_something_else_of_the_others() {
        // Two heads of keys for four of queries, of 20 numbers: not a multiple of the lanes.
        let (heads, kv_heads, head, room, all) = (4, 2, 20, 9, 7);
        let some = |count: usize, seed: u64| -> Vec<f32> {
            let mut random = fastrand::Rng::with_seed(seed);
            (0..count).map(|_| random.f32() - 0.5).collect()
        };
        let query = some(heads * head, 1);
        let (keys, values) = (some(room * kv_heads * head, 2), some(room * kv_heads * head, 3));
        let mut expected = Vec::new();
        for which in 0..heads {
            let own = |numbers: &[f32], at: usize| -> Vec<f32> {
                let start = (which / 2 * room + at) * head;
                numbers[start..start + head].to_vec()
            };
            let weight = |at: usize| {
                let key = own(&keys, at);
                let score: f32 = (0..head).map(|n| query[which * head + n] * key[n]).sum();
                (score / 20_f32.sqrt()).exp()
            };
            let sum: f32 = (0..all).map(weight).sum();
            for n in 0..head {
                expected.push((0..all).map(|at| weight(at) / sum * own(&values, at)[n]).sum());
            }
        }
        let of = |numbers: &[f32], shape: (usize, usize, usize)| {
            Tensor::from_slice(numbers, shape, &Device::Cpu).unwrap()
        };
        let cache = (kv_heads, room, head);
        // It is the second of two, and asked for twice.
        let two: Vec<f32> = query.iter().map(|n| -n).chain(query.iter().copied()).collect();
        let (keys, values) = (of(&keys, cache), of(&values, cache));
        let place = || Place { query: 1, keys: &keys, values: &values, all };
        let mixed = of_each(&of(&two, (2, heads, head)), &[place(), place()]).unwrap();
        let mixed: Vec<f32> = mixed.flatten_all().unwrap().to_vec1().unwrap();
        assert_eq!(mixed.len(), 2 * expected.len());
        for (mixed, expected) in mixed.iter().zip(expected.iter().chain(&expected)) {
            let expected: f32 = *expected;
            assert!((mixed - expected).abs() < 1e-5, "{mixed} {expected}");
        }
    }
}
