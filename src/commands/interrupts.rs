//! Handles Ctrl-C and SIGTERM while a command works.

use crate::terminal::{self, signals};
use tokio_util::sync::CancellationToken;

/// Sets the action for the signals, replacing the previous one.
pub(super) fn on_signal(
    action: impl FnMut(signals::Signal) + Send + 'static,
) -> anyhow::Result<()> {
    signals::on_signal(action).map_err(anyhow::Error::msg)
}

/// Returns a token that the signals cancel; they also end waiting for a key.
pub(super) fn cancel_on_interrupt() -> anyhow::Result<CancellationToken> {
    let cancel = CancellationToken::new();
    cancel_this_on_interrupt(cancel.clone())?;
    Ok(cancel)
}

/// The same with an existing token.
pub(super) fn cancel_this_on_interrupt(cancel: CancellationToken) -> anyhow::Result<()> {
    on_signal(move |_| {
        cancel.cancel();
        terminal::end_waiting();
    })
}
