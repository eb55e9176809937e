//! Ctrl-C and the signals that ask the program to end: what they do is for whoever works at the time.

use std::sync::{Mutex, OnceLock, PoisonError};
use tokio::runtime::{Builder, Runtime};

/// What came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Ctrl-C.
    Interrupt,
    /// The program is to end: SIGTERM, or the terminal is gone.
    End,
}

type Action = Box<dyn FnMut(Signal) + Send>;

/// What the signals do now.
static ACTION: Mutex<Option<Action>> = Mutex::new(None);
/// They are caught, or why they can't be.
static CAUGHT: OnceLock<Result<(), String>> = OnceLock::new();

/// From now on the signals do this, and nothing that they did before.
///
/// # Errors
/// Says why the system does not let them be caught.
pub fn on_signal(action: impl FnMut(Signal) + Send + 'static) -> Result<(), String> {
    *ACTION.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(action));
    catch()
}

/// From now on the signals do not end the program by themselves.
///
/// # Errors
/// Says why the system does not let them be caught.
pub(super) fn catch() -> Result<(), String> {
    CAUGHT.get_or_init(|| listen().map_err(|error| error.to_string())).clone()
}

/// Has a thread of its own wait for signals.
fn listen() -> std::io::Result<()> {
    let runtime = Builder::new_current_thread().enable_io().build()?;
    // They are caught when this is done, not when the thread comes to run.
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
