//! Threads that share the work of a step and are never waited for.
//!
//! A step of one token is some two hundred products, and each needs the one before. candle's threads
//! meet after each of them and spin until the last one is there: on a machine with other work, a
//! thread that the system puts aside in the middle of its share holds the step up for its whole turn,
//! milliseconds for every product. Here the work is cut into pieces that may be computed twice. Who
//! asked for it takes pieces as the others do, and at the end computes again what somebody else took
//! and did not finish.

use std::hint::spin_loop;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::{Builder, Thread, park};

/// How often a thread looks for new work before it sleeps: the time between two products.
const LOOKS: u32 = 2_000;

/// How often unfinished work of another thread is looked at before it is computed again: less than a
/// piece takes.
const PATIENCE: u32 = 500;

/// Work in pieces.
pub(super) trait Job: Send + Sync {
    /// The number of pieces.
    fn pieces(&self) -> usize;

    /// Computes one of them. Two threads may compute the same one at the same time; a late one may
    /// still be at it when [`run`] has returned.
    fn compute(&self, piece: usize);
}

/// A job that is being worked on.
struct Posted {
    job: Arc<dyn Job>,
    /// The first piece that nobody took.
    next: AtomicUsize,
    done: Vec<AtomicBool>,
}

impl Posted {
    /// Computes pieces until all are taken.
    fn work(&self) {
        while let piece = self.next.fetch_add(1, Ordering::Relaxed)
            && let Some(done) = self.done.get(piece)
        {
            self.job.compute(piece);
            done.store(true, Ordering::Release);
        }
    }

    /// Waits a moment for the pieces that others took, and computes those again that are not done.
    fn finish(&self) {
        for (piece, done) in self.done.iter().enumerate() {
            let mut looks = 0;
            while !done.load(Ordering::Acquire) {
                if looks == PATIENCE {
                    self.job.compute(piece);
                    break;
                }
                looks += 1;
                spin_loop();
            }
        }
    }
}

/// Where threads find their work.
#[derive(Default)]
struct Board {
    /// How many jobs were posted.
    number: AtomicUsize,
    latest: Mutex<Option<Arc<Posted>>>,
}

impl Board {
    fn post(&self, posted: Option<Arc<Posted>>) {
        *self.latest.lock().unwrap_or_else(PoisonError::into_inner) = posted;
    }

    /// Works on what is posted, for as long as the process lives.
    fn serve(&self) {
        let mut seen = 0;
        loop {
            let mut looks = 0;
            while self.number.load(Ordering::Acquire) == seen {
                if looks == LOOKS {
                    park();
                } else {
                    looks += 1;
                    spin_loop();
                }
            }
            seen = self.number.load(Ordering::Acquire);
            let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if let Some(posted) = latest {
                posted.work();
            }
        }
    }
}

/// The board of this process, and the threads that work on what is posted there.
fn threads() -> &'static (Arc<Board>, Vec<Thread>) {
    static THREADS: OnceLock<(Arc<Board>, Vec<Thread>)> = OnceLock::new();
    THREADS.get_or_init(|| {
        let board = Arc::new(Board::default());
        // Who asks is one of them. Where a thread can't be had, fewer share the work.
        let helpers = (1..candle_core::utils::get_num_threads()).map_while(|number| {
            let board = board.clone();
            let started =
                Builder::new().name(format!("model-{number}")).spawn(move || board.serve());
            Some(started.ok()?.thread().clone())
        });
        let helpers = helpers.collect();
        (board, helpers)
    })
}

/// Computes all pieces of a job, with the other threads as far as they are free.
pub(super) fn run(job: Arc<dyn Job>) {
    let (board, helpers) = threads();
    let pieces = job.pieces();
    if pieces < 2 || helpers.is_empty() {
        (0..pieces).for_each(|piece| job.compute(piece));
        return;
    }
    let done = (0..pieces).map(|_| AtomicBool::new(false)).collect();
    let posted = Arc::new(Posted { job, next: AtomicUsize::new(0), done });
    board.post(Some(posted.clone()));
    board.number.fetch_add(1, Ordering::Release);
    helpers.iter().for_each(Thread::unpark);
    posted.work();
    posted.finish();
    board.post(None);
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;
    use std::sync::Condvar;
    use std::sync::atomic::AtomicU32;

    /// Counts how often each piece was computed. Other threads are held up in every third piece until
    /// the test ends.
    struct Counted {
        counts: Vec<AtomicU32>,
        asked_by: std::thread::ThreadId,
        held_up: Mutex<bool>,
        ended: Condvar,
    }

    impl Job for Counted {
        fn pieces(&self) -> usize {
            self.counts.len()
        }

        fn compute(&self, piece: usize) {
            if piece.is_multiple_of(3) && std::thread::current().id() != self.asked_by {
                let held_up = self.held_up.lock().unwrap();
                drop(self.ended.wait_while(held_up, |held_up| *held_up).unwrap());
            }
            self.counts[piece].fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn all_pieces_are_computed_while_other_threads_are_blocked() {
        for pieces in [0, 1, 2, 7, 1000] {
            let counts = (0..pieces).map(|_| AtomicU32::new(0)).collect();
            let asked_by = std::thread::current().id();
            let (held_up, ended) = (Mutex::new(true), Condvar::new());
            let job = Arc::new(Counted { counts, asked_by, held_up, ended });
            run(job.clone());
            let counts = job.counts.iter().map(|count| count.load(Ordering::Relaxed));
            assert!(counts.into_iter().all(|count| count > 0), "{pieces}");
            *job.held_up.lock().unwrap() = false;
            job.ended.notify_all();
        }
    }
}
