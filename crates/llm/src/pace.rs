//! Rate limits of a provider for the whole process: requests per minute and parallel requests.

use super::{Chunk, Fault, Finish, Model};
use futures_util::future::BoxFuture;
use redraft_domain::chat::{Agent, Request};
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

/// Time window of the rate limit.
const MINUTE: Duration = Duration::from_mins(1);

/// The limits by provider and their values, shared by all sessions of the process.
static PACES: LazyLock<Mutex<HashMap<String, Arc<Pace>>>> = LazyLock::new(Mutex::default);

/// A slot for one parallel request; dropping it releases the slot.
pub type Turn = Option<OwnedSemaphorePermit>;

/// Limits of a provider.
struct Pace {
    minute: Option<Mutex<Window>>,
    places: Option<Arc<Semaphore>>,
}

/// A model whose provider has limits.
pub(super) struct Paced {
    model: Box<dyn Model>,
    pace: Arc<Pace>,
}

impl Paced {
    /// Wraps a model of `provider` with limits of requests per minute and of parallel requests;
    /// returns the model unchanged if there are none.
    pub(super) fn over(
        model: Box<dyn Model>,
        provider: &str,
        a_minute: Option<usize>,
        at_once: Option<usize>,
    ) -> Box<dyn Model> {
        if a_minute.is_none() && at_once.is_none() {
            return model;
        }
        let mut all = PACES.lock().unwrap_or_else(PoisonError::into_inner);
        let key = format!("{provider} {a_minute:?} {at_once:?}");
        let pace = all.entry(key).or_insert_with(|| {
            let minute = a_minute.map(|most| Mutex::new(Window::new(most)));
            let places = at_once.map(|most| Arc::new(Semaphore::new(most)));
            Arc::new(Pace { minute, places })
        });
        Box::new(Self { model, pace: Arc::clone(pace) })
    }
}

impl Model for Paced {
    fn answer<'a>(
        &'a self,
        request: &'a Request,
        chunks: mpsc::Sender<Chunk>,
    ) -> BoxFuture<'a, Result<Finish, Fault>> {
        self.model.answer(request, chunks)
    }

    fn turn(&self) -> BoxFuture<'_, Turn> {
        Box::pin(async {
            let place = match &self.pace.places {
                // The semaphore is never closed.
                Some(places) => Arc::clone(places).acquire_owned().await.ok(),
                None => None,
            };
            if let Some(minute) = &self.pace.minute {
                let at = minute.lock().unwrap_or_else(PoisonError::into_inner).take(Instant::now());
                tokio::time::sleep_until(at.into()).await;
            }
            place
        })
    }

    fn takes_tools(&self) -> bool {
        self.model.takes_tools()
    }

    fn takes_schema(&self) -> bool {
        self.model.takes_schema()
    }

    fn refused_schema(&self) -> bool {
        self.model.refused_schema()
    }

    fn takes_form(&self, agent: Agent) -> bool {
        self.model.takes_form(agent)
    }

    fn takes_prefill(&self) -> bool {
        self.model.takes_prefill()
    }
}

/// Times of the last requests: a sliding window in which no minute has more than `most`.
struct Window {
    most: usize,
    given: VecDeque<Instant>,
}

impl Window {
    fn new(most: usize) -> Self {
        Self { most: most.max(1), given: VecDeque::new() }
    }

    /// The time at which the next request may be sent; it counts from then on.
    fn take(&mut self, now: Instant) -> Instant {
        let first = if self.given.len() < self.most { None } else { self.given.pop_front() };
        let at = first.map_or(now, |first| now.max(first + MINUTE));
        self.given.push_back(at);
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_minute_has_more_requests_than_allowed() {
        let begun = Instant::now();
        let seconds = Duration::from_secs;
        for (most, asked, sent) in [
            (1, vec![0, 0, 0], vec![0, 60, 120]),
            (2, vec![0, 10, 20, 20, 65], vec![0, 10, 60, 70, 120]),
            (3, vec![0, 1, 2, 61, 62], vec![0, 1, 2, 61, 62]),
            (3, vec![0, 0, 0, 59, 200], vec![0, 0, 0, 60, 200]),
        ] {
            let mut window = Window::new(most);
            let given: Vec<u64> = asked
                .iter()
                .map(|at| (window.take(begun + seconds(*at)) - begun).as_secs())
                .collect();
            assert_eq!(given, sent, "{most} a minute, asked at {asked:?}");
        }
    }

    struct Silent;

    impl Model for Silent {
        fn answer<'a>(
            &'a self,
            _: &'a Request,
            _: mpsc::Sender<Chunk>,
        ) -> BoxFuture<'a, Result<Finish, Fault>> {
            Box::pin(std::future::pending())
        }
    }

    #[test]
    fn models_of_one_provider_wait_for_each_other() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let model = |provider: &str, a_minute, at_once| {
            Paced::over(Box::new(Silent), provider, a_minute, at_once)
        };
        let soon = |model: &dyn Model, within| {
            let turn = async {
                tokio::time::timeout(Duration::from_millis(within), model.turn()).await.ok()
            };
            runtime.as_ref().ok()?.block_on(turn)
        };
        let (first, second) = (model("a", Some(1), None), model("a", Some(1), None));
        assert!(soon(&*first, 10_000).is_some());
        assert!(soon(&*second, 20).is_none(), "the minute has had its request");
        assert!(soon(&*model("b", Some(1), None), 10_000).is_some(), "another provider");
        let (first, second) = (model("a", None, Some(1)), model("a", None, Some(1)));
        let held = soon(&*first, 10_000);
        assert!(soon(&*second, 20).is_none(), "its one place is taken");
        drop(held);
        assert!(soon(&*second, 10_000).is_some());
    }
}
