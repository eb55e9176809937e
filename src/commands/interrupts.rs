//! Ctrl-C and SIGTERM: what they do is for whoever works at the time.

use crate::terminal;
use std::sync::{Mutex, OnceLock, PoisonError};
use tokio_util::sync::CancellationToken;

type Action = Box<dyn FnMut() + Send>;

/// What the signals do now.
static ACTION: Mutex<Option<Action>> = Mutex::new(None);
/// They are caught, or why they can't be.
static CAUGHT: OnceLock<Result<(), String>> = OnceLock::new();

/// From now on the signals do this, and nothing that they did before.
pub(super) fn on_interrupt(action: impl FnMut() + Send + 'static) -> anyhow::Result<()> {
    *ACTION.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(action));
    // One process can be told only once what to do about them.
    let caught = CAUGHT.get_or_init(|| {
        let act = || {
            if let Some(action) = &mut *ACTION.lock().unwrap_or_else(PoisonError::into_inner) {
                action();
            }
        };
        ctrlc::set_handler(act).map_err(|error| error.to_string())
    });
    caught.clone().map_err(anyhow::Error::msg)
}

/// From now on the signals cancel this, and end what waits for a key.
pub(super) fn cancel_on_interrupt() -> anyhow::Result<CancellationToken> {
    let cancel = CancellationToken::new();
    let on_interrupt_of = cancel.clone();
    on_interrupt(move || {
        on_interrupt_of.cancel();
        terminal::end_waiting();
    })?;
    Ok(cancel)
}
