//! Ctrl-C and the signals that end the program; the current operation sets what they do.

use std::sync::{Mutex, OnceLock, PoisonError};
use tokio::runtime::{Builder, Runtime};

/// A signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Ctrl-C.
    Interrupt,
    /// A request to end the program: SIGTERM, or the terminal was closed.
    End,
}

type Action = Box<dyn FnMut(Signal) + Send>;

/// The current action of the signals.
static ACTION: Mutex<Option<Action>> = Mutex::new(None);
/// Whether the signals are caught, or why they cannot be.
static CAUGHT: OnceLock<Result<(), String>> = OnceLock::new();

/// Replaces the action of the signals.
///
/// # Errors
/// The system does not allow them to be caught.
pub fn on_signal(action: impl FnMut(Signal) + Send + 'static) -> Result<(), String> {
    *ACTION.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(action));
    catch()
}

/// Catches the signals, so that they do not end the program by themselves.
///
/// # Errors
/// The system does not allow them to be caught.
pub(super) fn catch() -> Result<(), String> {
    CAUGHT.get_or_init(|| listen().map_err(|error| error.to_string())).clone()
}

/// Waits for signals in a thread.
fn listen() -> std::io::Result<()> {
    let runtime = Builder::new_current_thread().enable_io().build()?;
    // The signals are caught from here on, before the thread runs.
    let streams = {
        let _within = runtime.enter();
        streams::Streams::new()?
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || act(&runtime, streams))?;
    Ok(())
}

fn act(runtime: &Runtime, mut streams: streams::Streams) {
    while let Some(signal) = runtime.block_on(streams.next()) {
        if let Some(action) = &mut *ACTION.lock().unwrap_or_else(PoisonError::into_inner) {
            action(signal);
        }
    }
}

#[cfg(unix)]
mod streams {
    use super::Signal;
    use tokio::signal::unix::{self, SignalKind};

    pub(super) struct Streams {
        interrupt: unix::Signal,
        terminate: unix::Signal,
        hangup: unix::Signal,
    }

    impl Streams {
        pub(super) fn new() -> std::io::Result<Self> {
            Ok(Self {
                interrupt: unix::signal(SignalKind::interrupt())?,
                terminate: unix::signal(SignalKind::terminate())?,
                hangup: unix::signal(SignalKind::hangup())?,
            })
        }

        pub(super) async fn next(&mut self) -> Option<Signal> {
            tokio::select! {
                biased;
                came = self.terminate.recv() => came.map(|()| Signal::End),
                came = self.hangup.recv() => came.map(|()| Signal::End),
                came = self.interrupt.recv() => came.map(|()| Signal::Interrupt),
            }
        }
    }
}

#[cfg(windows)]
mod streams {
    use super::Signal;
    use tokio::signal::windows;

    pub(super) struct Streams {
        interrupt: windows::CtrlC,
        close: windows::CtrlClose,
        shutdown: windows::CtrlShutdown,
    }

    impl Streams {
        pub(super) fn new() -> std::io::Result<Self> {
            Ok(Self {
                interrupt: windows::ctrl_c()?,
                close: windows::ctrl_close()?,
                shutdown: windows::ctrl_shutdown()?,
            })
        }

        pub(super) async fn next(&mut self) -> Option<Signal> {
            tokio::select! {
                biased;
                came = self.close.recv() => came.map(|()| Signal::End),
                came = self.shutdown.recv() => came.map(|()| Signal::End),
                came = self.interrupt.recv() => came.map(|()| Signal::Interrupt),
            }
        }
    }
}
