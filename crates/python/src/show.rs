//! Chooses the display for a script's window: a virtual one, the user's own, or none.

use std::convert::Infallible;
use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use redraft_sandbox::display::{Display, Frame};
use redraft_sandbox::{Content, Input};

/// Environment variables that a program needs to use the user's display.
const OWN: &[&str] = &["DISPLAY", "WAYLAND_DISPLAY", "XDG_RUNTIME_DIR"];
/// Interval between looks at a virtual display.
const LOOK: Duration = Duration::from_millis(250);
/// How long a window is watched once it is up: it may fail in that time, and must be drawn
/// completely.
const WATCH: Duration = Duration::from_secs(3);

/// The display for a script's window.
pub(super) enum Show {
    /// A virtual display that redraft captures.
    Virtual(Display),
    /// The user's own display.
    Own,
    /// No window, or no display available; the text says what is missing.
    Nothing(Option<String>),
}

impl Show {
    /// Chooses the display for a script with or without a window. The user's display is used for
    /// runs by hand, and for unconfined runs if no virtual display can be started.
    pub(super) fn of(window: bool, by_hand: bool, confined: bool) -> Self {
        if !window {
            return Self::Nothing(None);
        }
        if by_hand && has_display() {
            return Self::Own;
        }
        match Display::start() {
            Ok(display) => Self::Virtual(display),
            Err(_) if !confined && has_display() => Self::Own,
            Err(missing) => Self::Nothing(Some(missing)),
        }
    }

    /// Environment variables for the script.
    pub(super) fn env(&self) -> Vec<(OsString, OsString)> {
        let pair = |name: &str, value: &str| (OsString::from(name), OsString::from(value));
        match self {
            Self::Virtual(display) => vec![
                pair("DISPLAY", &display.name()),
                // There is no audio device.
                pair("SDL_AUDIODRIVER", "dummy"),
            ],
            Self::Own => OWN
                .iter()
                .filter_map(|name| Some((OsString::from(name), env::var_os(name)?)))
                .collect(),
            // Otherwise matplotlib would look for a display.
            Self::Nothing(_) => vec![pair("MPLBACKEND", "Agg")],
        }
    }

    /// Files outside its folder that the script must be able to read.
    pub(super) fn readable(&self) -> Vec<PathBuf> {
        match self {
            Self::Virtual(display) => vec![display.socket()],
            Self::Own => {
                let number = env::var("DISPLAY").unwrap_or_default();
                let number = number.trim_start_matches(':').split('.').next().unwrap_or_default();
                let wayland = env::var_os("XDG_RUNTIME_DIR").zip(env::var_os("WAYLAND_DISPLAY"));
                let wayland = wayland.map(|(folder, name)| Path::new(&folder).join(name));
                let socket = PathBuf::from(format!("/tmp/.X11-unix/X{number}"));
                std::iter::once(socket).chain(wayland).collect()
            }
            Self::Nothing(_) => Vec::new(),
        }
    }

    /// Processes that work for the script outside its sandbox: their memory counts as the script's.
    pub(super) fn processes(&self) -> Vec<u32> {
        match self {
            Self::Virtual(display) => vec![display.process()],
            Self::Own | Self::Nothing(_) => Vec::new(),
        }
    }

    /// The authority file for its folder, which is its home.
    pub(super) fn input(&self) -> Option<Input> {
        match self {
            Self::Virtual(display) => Some(display.key()),
            Self::Own => {
                let home = env::var_os("HOME").map(|home| Path::new(&home).join(".Xauthority"));
                let key = env::var_os("XAUTHORITY").map(PathBuf::from).or(home)?;
                key.is_file()
                    .then(|| Input { name: ".Xauthority".into(), content: Content::Copy(key) })
            }
            Self::Nothing(_) => None,
        }
    }
}

/// Captures a display: stores the latest frame in `seen`, and stops the script once its window was
/// up for long enough. Never returns; the caller drops it when the script ends.
pub(super) async fn look(
    display: &Display,
    stop: &CancellationToken,
    seen: &mut Option<Frame>,
) -> Infallible {
    let mut up: Option<Instant> = None;
    loop {
        sleep(LOOK).await;
        let Some(frame) = display.picture() else { continue };
        *seen = Some(frame);
        if up.get_or_insert_with(Instant::now).elapsed() >= WATCH {
            stop.cancel();
        }
    }
}

/// Whether the user has a display.
fn has_display() -> bool {
    let set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
    cfg!(target_os = "macos") || set("DISPLAY") || set("WAYLAND_DISPLAY")
}
