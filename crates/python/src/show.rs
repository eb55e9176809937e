//! Where a script's window goes: a virtual display, the person's own, or nowhere.

use std::convert::Infallible;
use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use redraft_sandbox::display::{Display, Frame};
use redraft_sandbox::{Content, Input};

/// What a program needs of our environment to put up a window where we do.
const OWN: &[&str] = &["DISPLAY", "WAYLAND_DISPLAY", "XDG_RUNTIME_DIR"];
/// How often a virtual display is looked at.
const LOOK: Duration = Duration::from_millis(250);
/// How long a window is watched once it is up: it may fail then, and has to be drawn whole.
const WATCH: Duration = Duration::from_secs(3);

/// Where a script's window goes.
pub(super) enum Show {
    /// On a display that is only looked at by us.
    Virtual(Display),
    /// On the display of the person who runs the program.
    Own,
    /// It has none, or there is no place; what is missing for one.
    Nothing(Option<String>),
}

impl Show {
    /// The place for a script that has a window, or not. The person's own display is used by hand,
    /// and where nothing is confined and there is no other.
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

    /// What the script needs in its environment.
    pub(super) fn env(&self) -> Vec<(OsString, OsString)> {
        let pair = |name: &str, value: &str| (OsString::from(name), OsString::from(value));
        match self {
            Self::Virtual(display) => vec![
                pair("DISPLAY", &display.name()),
                // There is nothing to hear.
                pair("SDL_AUDIODRIVER", "dummy"),
            ],
            Self::Own => OWN
                .iter()
                .filter_map(|name| Some((OsString::from(name), env::var_os(name)?)))
                .collect(),
            // Else it would look for a display when it draws.
            Self::Nothing(_) => vec![pair("MPLBACKEND", "Agg")],
        }
    }

    /// What it needs to see outside its folder.
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

    /// Processes that work for it outside its confinement: their memory counts as its own.
    pub(super) fn processes(&self) -> Vec<u32> {
        match self {
            Self::Virtual(display) => vec![display.process()],
            Self::Own | Self::Nothing(_) => Vec::new(),
        }
    }

    /// What it needs in its folder, which is its home.
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

/// Looks at a display: keeps what was seen last, and stops the program when its window was up long
/// enough. Ends with the program.
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

/// Whether the person has a display.
fn has_display() -> bool {
    let set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
    cfg!(target_os = "macos") || set("DISPLAY") || set("WAYLAND_DISPLAY")
}
