//! The configuration: YAML files, each of which overrides the ones before it, key by key.
//!
//! All keys are optional. Values are validated during parsing, so that each error can name the
//! file, the line and the column.

pub mod foreign;

use crate::domain::chat::Role;
use crate::domain::packages::{Rules, normal};
use crate::domain::report::Evidence;
use crate::domain::settings::{
    Install, Limits, LintUse, Preset, Safety, Sandbox, SandboxMode, Strategy,
};
use crate::files;
use crate::files::yaml::{self, over, values};
use crate::llm::config::{Models, Price, Probe, ProviderConfig};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _, Unexpected};
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

/// Maximum size of a configuration file, in bytes.
const LARGEST: u64 = 1 << 20;

/// The configuration; a key that is missing in the files is `None` or empty.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a map of settings")]
pub struct Config {
    /// The model of all roles without one of their own, as `PROVIDER/MODEL`.
    pub model: Option<String>,
    /// Settings of single roles.
    #[serde(deserialize_with = "values::or_default")]
    pub roles: BTreeMap<Role, RoleConfig>,
    /// Model providers by name, on top of the built-in ones.
    #[serde(deserialize_with = "values::or_default")]
    pub providers: BTreeMap<String, ProviderConfig>,
    /// The default preset.
    pub preset: Option<Preset>,
    /// Number of candidates of a script.
    #[serde(deserialize_with = "values::positive")]
    pub candidates: Option<u32>,
    /// Number of candidates of a plan.
    #[serde(deserialize_with = "values::positive")]
    pub plan_candidates: Option<u32>,
    /// Maximum number of times that a model is asked for a module's package.
    #[serde(deserialize_with = "values::positive")]
    pub dependency_samples: Option<u32>,
    /// Whether the package index is queried before a package is installed.
    pub check_index: Option<bool>,
    /// Maximum number of attempts to install packages.
    #[serde(deserialize_with = "values::positive")]
    pub install_attempts: Option<u32>,
    /// Temperature added for each further candidate.
    #[serde(deserialize_with = "values::temperature")]
    pub sampling_temperature_step: Option<f64>,
    /// How a candidate is chosen among otherwise equal ones.
    pub sampling_strategy: Option<Strategy>,
    /// Whether the Coder answers with edits to the script before.
    pub edits: Option<bool>,
    /// Evidence that `--auto` requires to accept a version.
    pub accept: Option<Evidence>,
    /// How lint findings are used.
    pub lint: Option<LintUse>,
    /// Whether versions are run.
    pub run: Option<bool>,
    /// Whether missing packages are installed.
    pub install: Option<Install>,
    /// Who judges whether a script is safe to run.
    pub safety: Option<Safety>,
    /// Whether a local model is probed before its first use.
    pub probe: Option<Probe>,
    /// The sessions folder, relative to the current folder.
    pub sessions_dir: Option<PathBuf>,
    /// Prices of tokens, by `PROVIDER/MODEL`.
    #[serde(deserialize_with = "values::or_default")]
    pub prices: BTreeMap<String, Price>,
    /// Permissions of the scripts, as for `--allow`.
    #[serde(deserialize_with = "values::or_default")]
    pub allow: Vec<String>,
    /// The Python interpreter, a name or a path.
    pub python: Option<String>,
    /// The `uv` program that installs packages, if it is not the first one found.
    pub uv: Option<PathBuf>,
    /// A file to which the conversation with the models is appended, besides the session's folder.
    pub chatlog: Option<PathBuf>,
    /// Show only results, questions and errors.
    pub quiet: Option<bool>,
    /// Where traces are sent; `None` to send none.
    pub traces: Option<TracesConfig>,
    #[serde(deserialize_with = "values::or_default")]
    packages: PackagesConfig,
    #[serde(deserialize_with = "values::or_default")]
    limits: LimitsConfig,
    #[serde(deserialize_with = "values::or_default")]
    sandbox: SandboxConfig,
}

/// Settings of a role.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a map of settings")]
pub struct RoleConfig {
    /// Its model, as `PROVIDER/MODEL`.
    pub model: Option<String>,
    /// Its sampling temperature, 0 to 2.
    #[serde(deserialize_with = "values::temperature")]
    pub temperature: Option<f64>,
    /// Maximum length of an answer, in tokens.
    #[serde(deserialize_with = "values::positive")]
    pub max_tokens: Option<u32>,
    /// The model to switch to when this one is stuck, as `PROVIDER/MODEL`.
    pub escalate_to: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a map of settings")]
struct LimitsConfig {
    #[serde(deserialize_with = "values::positive")]
    max_versions: Option<u32>,
    #[serde(deserialize_with = "values::count")]
    repairs: Option<u32>,
    #[serde(deserialize_with = "values::count")]
    budget_tokens: Option<u64>,
    #[serde(deserialize_with = "values::budget")]
    budget_usd: Option<f64>,
    #[serde(deserialize_with = "values::positive")]
    steps: Option<u32>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a map of settings")]
struct PackagesConfig {
    #[serde(deserialize_with = "package_names")]
    allow: Vec<String>,
    #[serde(deserialize_with = "package_names")]
    deny: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a map of settings")]
struct SandboxConfig {
    mode: Option<SandboxMode>,
    #[serde(deserialize_with = "values::positive")]
    seconds: Option<u64>,
    #[serde(deserialize_with = "values::positive")]
    memory_mb: Option<u64>,
    #[serde(deserialize_with = "values::positive")]
    processes: Option<u64>,
    #[serde(deserialize_with = "values::positive")]
    disk_mb: Option<u64>,
}

/// Settings for traces that are sent to an OpenTelemetry collector.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a map of settings")]
pub struct TracesConfig {
    /// The OpenTelemetry endpoint, without `/v1/traces`. If `None`, OpenTelemetry's environment
    /// variables apply, then its default.
    pub endpoint: Option<String>,
    /// Whether traces include prompts and answers.
    pub prompts: Option<bool>,
}

/// Reads package names and normalises them.
fn package_names<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let names = Option::<Vec<String>>::deserialize(deserializer)?.unwrap_or_default();
    let name = |name: &String| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        let normal = normal(name);
        let fits = !normal.is_empty() && name.chars().all(plain);
        fits.then_some(normal).ok_or_else(|| {
            D::Error::invalid_value(Unexpected::Str(name), &"the name of a package, as `numpy`")
        })
    };
    names.iter().map(name).collect()
}

/// An error when reading the configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file that exists or was requested cannot be read.
    #[error("can't read the configuration `{}`: {}", path.display(), files::reason(source))]
    Read {
        /// The file.
        path: PathBuf,
        /// The system error.
        source: io::Error,
    },
    /// The content is invalid. The message ends with the line and the column.
    #[error("`{name}` {message}")]
    Content {
        /// The file.
        name: String,
        /// What is wrong, and where.
        message: String,
    },
}

/// A parsed configuration file.
#[derive(Debug)]
pub struct ConfigFile {
    /// The text of the file.
    pub text: String,
    /// The parsed content.
    pub config: Config,
}

impl ConfigFile {
    /// The user's own file, if it exists.
    pub fn of_user() -> Result<Option<Self>, ConfigError> {
        let Some(dirs) = directories::ProjectDirs::from("", "", "redraft") else { return Ok(None) };
        let path = dirs.config_dir().join("config.yaml");
        there(Self::read(&path))
    }

    /// The file of a folder, if it exists. The folder may come from anybody, so only a regular file
    /// is read.
    pub fn of_folder(path: &Path) -> Result<Option<Self>, ConfigError> {
        there(Self::from_text(path, files::read_regular_text(path, LARGEST)))
    }

    /// A file that must exist.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        Self::from_text(path, files::read_text(path, LARGEST))
    }

    fn from_text(path: &Path, text: Result<String, files::FileError>) -> Result<Self, ConfigError> {
        let text = text
            .map_err(|error| ConfigError::Read { path: path.to_owned(), source: error.source })?;
        let config = Config::parse(&text, &path.display().to_string())?;
        Ok(Self { text, config })
    }
}

/// Turns the error for a missing file into `None`.
fn there(read: Result<ConfigFile, ConfigError>) -> Result<Option<ConfigFile>, ConfigError> {
    match read {
        Err(ConfigError::Read { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
            Ok(None)
        }
        read => read.map(Some),
    }
}

impl Config {
    /// Parses the text of a file; `name` is the file's name in errors.
    pub fn parse(text: &str, name: &str) -> Result<Self, ConfigError> {
        // A byte order mark, as some editors write, would be parsed as a document of its own.
        let text = text.trim_start_matches('\u{feff}');
        // An empty file, or one with comments only, is parsed as null.
        let config: Result<Option<Self>, _> = yaml::read(text);
        let name = name.to_owned();
        let config = config.map_err(|message| ConfigError::Content { name, message })?;
        Ok(config.unwrap_or_default())
    }

    /// Overrides these settings with those in `later`; missing keys keep their values.
    pub fn merge(&mut self, later: Self) {
        over(&mut self.model, later.model);
        for (role, new) in later.roles {
            let old = self.roles.entry(role).or_default();
            over(&mut old.model, new.model);
            over(&mut old.temperature, new.temperature);
            over(&mut old.max_tokens, new.max_tokens);
            over(&mut old.escalate_to, new.escalate_to);
        }
        for (name, new) in later.providers {
            self.providers.entry(name).or_default().merge(new);
        }
        over(&mut self.preset, later.preset);
        over(&mut self.candidates, later.candidates);
        over(&mut self.plan_candidates, later.plan_candidates);
        over(&mut self.dependency_samples, later.dependency_samples);
        over(&mut self.check_index, later.check_index);
        over(&mut self.install_attempts, later.install_attempts);
        over(&mut self.sampling_temperature_step, later.sampling_temperature_step);
        over(&mut self.sampling_strategy, later.sampling_strategy);
        over(&mut self.edits, later.edits);
        over(&mut self.accept, later.accept);
        over(&mut self.lint, later.lint);
        over(&mut self.run, later.run);
        over(&mut self.install, later.install);
        over(&mut self.safety, later.safety);
        over(&mut self.probe, later.probe);
        over(&mut self.sessions_dir, later.sessions_dir);
        self.prices.extend(later.prices);
        self.allow.extend(later.allow);
        over(&mut self.python, later.python);
        over(&mut self.uv, later.uv);
        over(&mut self.chatlog, later.chatlog);
        over(&mut self.quiet, later.quiet);
        if let Some(later) = later.traces {
            let traces = self.traces.get_or_insert_default();
            over(&mut traces.endpoint, later.endpoint);
            over(&mut traces.prompts, later.prompts);
        }
        self.packages.allow.extend(later.packages.allow);
        self.packages.deny.extend(later.packages.deny);
        over(&mut self.limits.max_versions, later.limits.max_versions);
        over(&mut self.limits.repairs, later.limits.repairs);
        over(&mut self.limits.budget_tokens, later.limits.budget_tokens);
        over(&mut self.limits.budget_usd, later.limits.budget_usd);
        over(&mut self.limits.steps, later.limits.steps);
        over(&mut self.sandbox.mode, later.sandbox.mode);
        over(&mut self.sandbox.seconds, later.sandbox.seconds);
        over(&mut self.sandbox.memory_mb, later.sandbox.memory_mb);
        over(&mut self.sandbox.processes, later.sandbox.processes);
        over(&mut self.sandbox.disk_mb, later.sandbox.disk_mb);
    }

    /// The limits, with defaults for missing keys.
    #[must_use]
    pub fn limits(&self, default: Limits) -> Limits {
        Limits {
            max_versions: self.limits.max_versions.unwrap_or(default.max_versions),
            repairs: self.limits.repairs.unwrap_or(default.repairs),
            budget_tokens: self.limits.budget_tokens.or(default.budget_tokens),
            budget_usd: self.limits.budget_usd.or(default.budget_usd),
            steps: self.limits.steps,
        }
    }

    /// The packages that are allowed or denied beforehand.
    #[must_use]
    pub fn packages(&self) -> Rules {
        let PackagesConfig { allow, deny } = self.packages.clone();
        Rules { allow, deny }
    }

    /// The sandbox settings, with defaults for missing keys.
    #[must_use]
    pub fn sandbox(&self) -> Sandbox {
        let default = Sandbox::default();
        Sandbox {
            mode: self.sandbox.mode.unwrap_or(default.mode),
            seconds: self.sandbox.seconds.unwrap_or(default.seconds),
            memory_mb: self.sandbox.memory_mb.unwrap_or(default.memory_mb),
            processes: self.sandbox.processes.unwrap_or(default.processes),
            disk_mb: self.sandbox.disk_mb.unwrap_or(default.disk_mb),
        }
    }

    /// The settings for models.
    #[must_use]
    pub const fn models(&self) -> Models<'_> {
        Models { providers: &self.providers, prices: &self.prices, probe: self.probe }
    }

    /// The model of a role: its own, otherwise that of all roles.
    #[must_use]
    pub fn model_of(&self, role: Role) -> Option<&str> {
        let own = self.roles.get(&role).and_then(|role| role.model.as_deref());
        own.or(self.model.as_deref())
    }
}

#[cfg(test)]
mod tests;
