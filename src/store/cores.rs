//! Parallel work on all cores: reading many lines, checking many files.

use std::num::NonZero;
use std::panic::resume_unwind;
use std::thread;

/// Splits the items into one part per core, and returns the results of the parts in order. Up to
/// `worth` items are processed on this thread.
pub(super) fn share<T: Sync, R: Send>(
    items: &[T],
    worth: usize,
    work: impl Fn(&[T]) -> R + Sync,
) -> Vec<R> {
    // Querying the number of cores takes longer than most of the work that is shared.
    if items.len() <= worth {
        return vec![work(items)];
    }
    let part = items.len().div_ceil(count()).max(worth);
    let work = &work;
    thread::scope(|scope| {
        let parts: Vec<_> =
            items.chunks(part).map(|part| scope.spawn(move || work(part))).collect();
        // A panic of a thread is passed on.
        parts.into_iter().map(|part| part.join().unwrap_or_else(|e| resume_unwind(e))).collect()
    })
}

/// Runs the same work on all cores, and returns all results.
pub(super) fn all<R: Send>(work: impl Fn() -> R + Sync) -> Vec<R> {
    share(&vec![(); count()], 1, |_| work())
}

/// The number of threads, at most eight.
fn count() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get).min(8)
}
