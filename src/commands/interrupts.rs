//! Ctrl-C and SIGTERM while a command works.

use crate::terminal::{self, signals};
use tokio_util::sync::CancellationToken;

/// From now on the signals do this, and nothing that they did before.
pub(super) fn on_signal(
    action: impl FnMut(signals::Signal) + Send + 'static,
) -> anyhow::Result<()> {
    signals::on_signal(action).map_err(anyhow::Error::msg)
}

/// From now on the signals cancel this, and end what waits for a key.
pub(super) fn cancel_on_interrupt() -> anyhow::Result<CancellationToken> {
    let cancel = CancellationToken::new();
    cancel_this_on_interrupt(cancel.clone())?;
    Ok(cancel)
}

/// The same with what is there.
pub(super) fn cancel_this_on_interrupt(cancel: CancellationToken) -> anyhow::Result<()> {
    on_signal(move |_| {
        cancel.cancel();
        terminal::end_waiting();
    })
}
