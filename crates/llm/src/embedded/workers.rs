//! Threads that share the work of a step, without waiting for slow threads.
//!
//! A step of one token is about two hundred products, and each depends on the previous one.
//! candle's threads synchronize after each product and spin until the last one is done: on a busy
//! machine, a thread that the system preempts in the middle of its share delays the step for a
//! whole time slice, milliseconds for every product. Here the work is split into pieces that may be
//! computed twice. The calling thread takes pieces like the others, and at the end recomputes those
//! that another thread took and did not finish.

use std::hint::spin_loop;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::{Builder, Thread, park};

/// Number of checks for new work before a thread sleeps: about the time between two products.
const LOOKS: u32 = 2_000;

/// Number of checks of an unfinished piece of another thread before it is recomputed: less time
/// than a piece takes.
const PATIENCE: u32 = 500;

/// Work that is split into pieces.
pub(super) trait Job: Send + Sync {
    /// Number of pieces.
    fn pieces(&self) -> usize;

    /// Computes one piece. Two threads may compute the same piece at the same time, and a late one
    /// may still be computing when [`run`] has returned.
    fn compute(&self, piece: usize);
}

/// A job in progress.
struct Posted {
    job: Arc<dyn Job>,
    /// The first piece that no thread has taken.
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

    /// Waits briefly for the pieces that other threads took, and recomputes those that are not
    /// done.
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

/// Where worker threads find their work.
#[derive(Default)]
struct Board {
    /// Number of jobs posted so far.
    number: AtomicUsize,
    latest: Mutex<Option<Arc<Posted>>>,
}

impl Board {
    fn post(&self, posted: Option<Arc<Posted>>) {
        *self.latest.lock().unwrap_or_else(PoisonError::into_inner) = posted;
    }

    /// Works on posted jobs, as long as the process lives.
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

/// The board of this process and its worker threads.
fn threads() -> &'static (Arc<Board>, Vec<Thread>) {
    static THREADS: OnceLock<(Arc<Board>, Vec<Thread>)> = OnceLock::new();
    THREADS.get_or_init(|| {
        let board = Arc::new(Board::default());
        // The calling thread is one of them. If a thread can't be started, fewer share the work.
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

/// Computes all pieces of a job, with the help of idle worker threads.
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

    /// Counts how often each piece was computed. Other threads block in every third piece until the
    /// test ends.
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
