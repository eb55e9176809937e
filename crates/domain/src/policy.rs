//! Safety settings of a session. A setting that grants something is a permission too.

use serde::{Deserialize, Serialize};

/// How a run is confined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SandboxMode {
    /// No network, no files except the run folder.
    #[default]
    Strict,
    /// Strict, with the network.
    Network,
    /// Not confined: a plain child process of the user.
    Off,
}

impl SandboxMode {
    /// Name on the command line and in reports.
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
    /// The user is asked.
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
    /// No judgement.
    Off,
}
