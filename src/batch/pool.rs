//! A pool of threads that works through a list of jobs.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

/// Stack size of a thread, in bytes: the same as a main thread's, since scripts nest deeply.
const STACK: usize = 8 << 20;

/// Runs `work` once for each of `pieces`, at most `jobs` at a time, and passes each result to
/// `ended` with its index as it finishes. If one panics, its result is the panic message, and the
/// others continue. Nothing new is started once `stop` returns true.
///
/// `worker` creates the state that the jobs of a thread share, such as a runtime.
///
/// # Errors
/// No thread could be started.
pub fn run<T: Sync, W, R: Send>(
    jobs: usize,
    pieces: &[T],
    stop: &(impl Fn() -> bool + Sync),
    worker: &(impl Fn() -> W + Sync),
    work: &(impl Fn(&mut W, &T) -> R + Sync),
    mut ended: impl FnMut(usize, Result<R, String>),
) -> std::io::Result<()> {
    let next = AtomicUsize::new(0);
    let (sender, results) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..jobs.clamp(1, pieces.len().max(1)) {
            let (next, sender) = (&next, sender.clone());
            let thread = thread::Builder::new().name("task".to_owned()).stack_size(STACK);
            thread.spawn_scoped(scope, move || {
                let mut own = worker();
                while !stop() {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(piece) = pieces.get(at) else { return };
                    let result = catch_unwind(AssertUnwindSafe(|| work(&mut own, piece)));
                    let result = result.map_err(|panic| {
                        // The state may be inconsistent after a panic, so it is not reused.
                        own = worker();
                        let text = panic.downcast_ref::<String>().map(String::as_str);
                        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
                        text.unwrap_or("no reason was given").to_owned()
                    });
                    if sender.send((at, result)).is_err() {
                        return;
                    }
                }
            })?;
        }
        drop(sender);
        for (at, result) in results {
            ended(at, result);
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;
    use std::sync::Barrier;
    use std::sync::atomic::AtomicBool;

    fn go(
        jobs: usize,
        pieces: &[u32],
        work: impl Fn(u32) -> u32 + Sync,
    ) -> Vec<Result<u32, String>> {
        let mut all = vec![Err("it was not begun".to_owned()); pieces.len()];
        let ended = |at: usize, result| all[at] = result;
        run(jobs, pieces, &|| false, &|| (), &|(), piece| work(*piece), ended).unwrap();
        all
    }

    #[test]
    fn each_piece_is_done_once_whatever_becomes_of_the_others() {
        for jobs in [1, 2, 7, 100] {
            let all = go(jobs, &[1, 2, 3, 4, 5], |n| if n == 3 { panic!("no {n}") } else { n * 2 });
            let expected = [Ok(2), Ok(4), Err("no 3".to_owned()), Ok(8), Ok(10)];
            assert_eq!(all, expected, "{jobs} jobs");
        }
        assert!(go(3, &[], |n| n).is_empty());
    }

    #[test]
    fn as_many_as_jobs_are_done_at_the_same_time() {
        // None of the three ends before all have started.
        let together = Barrier::new(3);
        let all = go(3, &[1, 2, 3], |n| {
            together.wait();
            n
        });
        assert_eq!(all, [Ok(1), Ok(2), Ok(3)]);
    }

    #[test]
    fn nothing_further_is_begun_once_it_is_to_stop() {
        let stop = AtomicBool::new(false);
        let mut done = Vec::new();
        let work = |(): &mut (), n: &u32| {
            stop.store(*n == 2, Ordering::SeqCst);
            *n
        };
        let stopped = || stop.load(Ordering::SeqCst);
        run(1, &[1, 2, 3], &stopped, &|| (), &work, |_, result| done.push(result)).unwrap();
        assert_eq!(done, [Ok(1), Ok(2)]);
    }
}
