//! What a session runs with.

use super::chat::Role;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How far a session may go.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Versions in all.
    pub max_versions: u32,
    /// Repairs, and answers refused, in a row.
    pub repairs: u32,
    /// Tokens of prompts and answers together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget_tokens: Option<u64>,
    /// Money, in US dollars.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub budget_usd: Option<f64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_versions: 10, repairs: 3, budget_tokens: None, budget_usd: None }
    }
}

/// How much a run is confined.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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

/// The limits of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sandbox {
    /// How much it is confined.
    pub mode: SandboxMode,
    /// Wall-clock seconds.
    pub seconds: u64,
    /// Memory in MiB.
    pub memory_mb: u64,
    /// Processes and threads.
    pub processes: u64,
    /// What it may write, in MiB.
    pub disk_mb: u64,
}

impl Default for Sandbox {
    fn default() -> Self {
        Self {
            mode: SandboxMode::Strict,
            seconds: 30,
            memory_mb: 2048,
            processes: 64,
            disk_mb: 512,
        }
    }
}

/// Whether packages are installed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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

/// A way of working: settings of the one state machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    /// Plan, versions, reviews, all gates.
    #[default]
    Guided,
}

impl Preset {
    /// The word on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Guided => "guided",
        }
    }
}

/// What one role works with.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoleSettings {
    /// `PROVIDER/MODEL`.
    pub model: String,
    /// Sampling temperature, where the template's is not wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// The longest answer in tokens, where the template's is not wanted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u32>,
    /// The model to try once when the session is stuck.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escalate_to: Option<String>,
}

/// What a session runs with: `session.yaml` without the request.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The way of working.
    pub preset: Preset,
    /// A model for each role.
    pub roles: BTreeMap<Role, RoleSettings>,
    /// How far it may go.
    #[serde(default)]
    pub limits: Limits,
    /// Whether versions are run.
    #[serde(default = "yes")]
    pub run: bool,
    /// How runs are confined.
    #[serde(default)]
    pub sandbox: Sandbox,
    /// Whether packages are installed.
    #[serde(default)]
    pub install: Install,
    /// Who judges whether a script is safe to run.
    #[serde(default)]
    pub safety: Safety,
    /// The Python to use, where it is not the first that is found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub python: Option<String>,
    /// The command-line arguments that every version is run with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
    /// What every version can read from standard input before end of file.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub stdin: String,
}

const fn yes() -> bool {
    true
}

impl Settings {
    /// What a role works with; a role that nothing was set for has no model.
    #[must_use]
    pub fn role(&self, role: Role) -> RoleSettings {
        self.roles.get(&role).cloned().unwrap_or_default()
    }
}
