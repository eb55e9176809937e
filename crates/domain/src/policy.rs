//! How careful a session is: what a setting opens is a permission too.

use serde::{Deserialize, Serialize};

/// How much a run is confined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SandboxMode {
    /// No network, no files but its own.
    #[default]
    Strict,
    /// Strict, with the network.
    Network,
    /// A plain child process of the user.
    Off,
}

impl SandboxMode {
    /// The word on the command line and in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::Network => "network",
            Self::Off => "off",
        }
    }
}

/// Whether packages are installed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Install {
    /// The Manager is asked.
    #[default]
    Ask,
    /// Without asking.
    Auto,
    /// Not at all.
    Never,
}

/// Who judges whether a script is safe to run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Safety {
    /// The static checks.
    #[default]
    Static,
    /// A model.
    Model,
    /// Both.
    Both,
    /// Nobody.
    Off,
}
