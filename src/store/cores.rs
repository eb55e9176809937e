//! Work that is shared by the cores: reading many lines, looking at many files.

use std::num::NonZero;
use std::panic::resume_unwind;
use std::thread;

/// Does a part of the items on each core and gives what came of the parts, in their order. Fewer
/// than `worth` items are not worth a thread.
pub(super) fn share<T: Sync, R: Send>(
    items: &[T],
    worth: usize,
    work: impl Fn(&[T]) -> R + Sync,
) -> Vec<R> {
    // To ask how many cores there are takes longer than most of what is shared.
    if items.len() <= worth {
        return vec![work(items)];
    }
    let part = items.len().div_ceil(count()).max(worth);
    let work = &work;
    thread::scope(|scope| {
        let parts: Vec<_> =
            items.chunks(part).map(|part| scope.spawn(move || work(part))).collect();
        // A thread that panicked did so on what this one would have panicked on.
        parts.into_iter().map(|part| part.join().unwrap_or_else(|e| resume_unwind(e))).collect()
    })
}

/// Has the same work done on all cores and gives what each came to.
pub(super) fn all<R: Send>(work: impl Fn() -> R + Sync) -> Vec<R> {
    share(&vec![(); count()], 1, |_| work())
}

/// How many threads read at once.
fn count() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get).min(8)
}
