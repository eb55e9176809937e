//! The settings that a folder's configuration may change before the user trusts that folder.
//!
//! Each type is destructured field by field, without `..`: a new field does not compile until
//! somebody decides here whether it grants anything. Every setting that is not passed on here as
//! harmless needs trust.

use super::{Config, LimitsConfig, PackagesConfig, ProviderConfig, RoleConfig, SandboxConfig};
use crate::domain::chat::Role;
use crate::domain::settings::{Install, Safety, SandboxMode};
use crate::llm::config::Sampling;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use std::collections::BTreeMap;
use std::fmt;

/// The user's own configuration, without the folder's file.
pub struct Known<'a> {
    /// The user's own configuration.
    pub own: &'a Config,
    /// Whether a provider is built in or in the user's own configuration.
    pub provider: &'a dyn Fn(&str) -> bool,
    /// Whether a model, as `PROVIDER/MODEL`, belongs to such a provider.
    pub model: &'a dyn Fn(&str) -> bool,
}

/// A setting that needs the user's trust.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opening {
    /// The path of keys to it in the file.
    pub keys: Vec<String>,
    /// Its line in the file, from 1.
    pub line: usize,
    /// Its value.
    pub value: String,
}

impl Config {
    /// Splits a folder's configuration into its harmless settings, and the key paths of the
    /// settings that need trust.
    #[must_use]
    pub fn split(self, known: &Known<'_>) -> (Self, Vec<Vec<String>>) {
        let mut sorter = Sorter { known, within: Vec::new(), opening: Vec::new() };
        let harmless = sorter.config(self);
        (harmless, sorter.opening)
    }
}

impl Opening {
    /// Finds the settings at these key paths in a file's text, ordered by line. The whole text is
    /// parsed for each.
    #[must_use]
    pub fn find(text: &str, keys: &[Vec<String>]) -> Vec<Self> {
        let text = text.trim_start_matches('\u{feff}');
        let all: serde_json::Value = serde_yaml::from_str(text).unwrap_or_default();
        let opening = |keys: &Vec<String>| {
            let value = keys.iter().try_fold(&all, |value, key| value.get(key));
            let value = match value {
                Some(serde_json::Value::String(value)) => value.clone(),
                Some(value) => value.to_string(),
                None => String::new(),
            };
            Self { keys: keys.clone(), line: line_of(text, keys), value }
        };
        let mut openings: Vec<Self> = keys.iter().map(opening).collect();
        openings.sort_by_key(|opening| opening.line);
        openings
    }
}

/// Separates harmless settings from those that need trust.
struct Sorter<'a> {
    known: &'a Known<'a>,
    /// The key path of the current section.
    within: Vec<String>,
    /// The key paths of the settings that need trust.
    opening: Vec<Vec<String>>,
}

impl Sorter<'_> {
    fn config(&mut self, config: Config) -> Config {
        let Config {
            model,
            roles,
            providers,
            preset,
            candidates,
            plan_candidates,
            dependency_samples,
            check_index,
            install_attempts,
            sampling_temperature_step,
            sampling_strategy,
            edits,
            accept,
            lint,
            run,
            install,
            safety,
            probe,
            sessions_dir,
            prices,
            allow,
            python,
            uv,
            chatlog,
            quiet,
            traces,
            packages,
            limits,
            sandbox,
        } = config;
        if !allow.is_empty() {
            self.opens("allow");
        }
        let known = self.known;
        let own = known.own;
        let installs = own.install.unwrap_or_default();
        let judges = own.safety.unwrap_or_default();
        Config {
            model: self.only("model", model, |model| (known.model)(model)),
            roles: self.roles(roles),
            providers: self.providers(providers),
            preset,
            candidates,
            plan_candidates,
            dependency_samples,
            check_index: self
                .only("check_index", check_index, |on| *on || own.check_index == Some(false)),
            install_attempts,
            sampling_temperature_step,
            sampling_strategy,
            edits,
            accept,
            lint,
            run: self.only("run", run, |on| !on || own.run != Some(false)),
            install: self.only("install", install, |new| reach(*new) <= reach(installs)),
            safety: self.only("safety", safety, |new| *new == judges || *new == Safety::Both),
            probe,
            sessions_dir: self.never("sessions_dir", sessions_dir),
            // A price of zero would disable a cost limit.
            prices: self.never_any("prices", &prices),
            allow: Vec::new(),
            python: self.never("python", python),
            uv: self.never("uv", uv),
            chatlog: self.never("chatlog", chatlog),
            quiet,
            traces: self.never("traces", traces),
            packages: self.section("packages", |sorter| sorter.packages(packages)),
            limits: self.section("limits", |sorter| sorter.limits(&limits)),
            sandbox: self.section("sandbox", |sorter| sorter.sandbox(&sandbox)),
        }
    }

    fn roles(&mut self, roles: BTreeMap<Role, RoleConfig>) -> BTreeMap<Role, RoleConfig> {
        let known = self.known;
        self.section("roles", |sorter| {
            let role = |(role, config): (Role, RoleConfig)| {
                let RoleConfig { model, temperature, max_tokens, escalate_to } = config;
                // A folder must not choose the model that judges safety.
                let harmless = |model: &String| role != Role::Safety && (known.model)(model);
                let config = sorter.section(role.name(), |sorter| RoleConfig {
                    model: sorter.only("model", model, harmless),
                    temperature,
                    max_tokens,
                    escalate_to: sorter.only("escalate_to", escalate_to, harmless),
                });
                (role, config)
            };
            roles.into_iter().map(role).collect()
        })
    }

    fn packages(&mut self, packages: PackagesConfig) -> PackagesConfig {
        let PackagesConfig { allow, deny } = packages;
        if !allow.is_empty() {
            self.opens("allow");
        }
        PackagesConfig { allow: Vec::new(), deny }
    }

    fn providers(
        &mut self,
        providers: BTreeMap<String, ProviderConfig>,
    ) -> BTreeMap<String, ProviderConfig> {
        self.section("providers", |sorter| {
            let mut harmless = BTreeMap::new();
            for (name, config) in providers {
                if (sorter.known.provider)(&name) {
                    let config = sorter.section(&name, |sorter| sorter.provider(config));
                    harmless.insert(name, config);
                } else {
                    // A provider without its server or program is meaningless, so the whole entry
                    // needs trust.
                    sorter.opens(&name);
                }
            }
            harmless
        })
    }

    fn provider(&mut self, provider: ProviderConfig) -> ProviderConfig {
        let ProviderConfig {
            kind,
            base_url,
            api_key_env,
            parallel,
            requests_per_minute,
            timeout,
            path,
            command,
            retries,
            retry_seconds,
            context,
            template,
            stop,
            fields,
            extra,
            structured,
            grammar,
            sampling,
        } = provider;
        let Sampling { seed, top_p, min_p, repetition_penalty } = sampling;
        ProviderConfig {
            kind: self.never("kind", kind),
            base_url: self.never("base_url", base_url),
            api_key_env: self.never("api_key_env", api_key_env),
            parallel,
            requests_per_minute,
            timeout,
            path: self.never("path", path),
            command: self.never("command", command),
            retries,
            retry_seconds,
            context,
            template: self.never("template", template),
            stop: self.never("stop", stop),
            fields: self.never_any("fields", &fields),
            extra: self.never_any("extra", &extra),
            structured,
            grammar,
            sampling: Sampling { seed, top_p, min_p, repetition_penalty },
        }
    }

    /// A folder may lower limits, but not raise them above the user's.
    fn limits(&mut self, limits: &LimitsConfig) -> LimitsConfig {
        let &LimitsConfig { max_versions, repairs, budget_tokens, budget_usd, steps } = limits;
        let own = &self.known.own.limits;
        LimitsConfig {
            max_versions: self.only("max_versions", max_versions, within(own.max_versions)),
            repairs: self.only("repairs", repairs, within(own.repairs)),
            budget_tokens: self.only("budget_tokens", budget_tokens, within(own.budget_tokens)),
            budget_usd: self.only("budget_usd", budget_usd, within(own.budget_usd)),
            steps: self.only("steps", steps, within(own.steps)),
        }
    }

    /// A folder may restrict the sandbox further, but not loosen it.
    fn sandbox(&mut self, sandbox: &SandboxConfig) -> SandboxConfig {
        let &SandboxConfig { mode, seconds, memory_mb, processes, disk_mb } = sandbox;
        let own = self.known.own.sandbox();
        SandboxConfig {
            mode: self.only("mode", mode, |new| opens(*new) <= opens(own.mode)),
            seconds: self.only("seconds", seconds, within(Some(own.seconds))),
            memory_mb: self.only("memory_mb", memory_mb, within(Some(own.memory_mb))),
            processes: self.only("processes", processes, within(Some(own.processes))),
            disk_mb: self.only("disk_mb", disk_mb, within(Some(own.disk_mb))),
        }
    }

    /// Passes a value on if it is harmless, or records that it needs trust.
    fn only<T>(
        &mut self,
        key: &str,
        value: Option<T>,
        harmless: impl FnOnce(&T) -> bool,
    ) -> Option<T> {
        if value.as_ref().is_some_and(|value| !harmless(value)) {
            self.opens(key);
            return None;
        }
        value
    }

    fn never<T>(&mut self, key: &str, value: Option<T>) -> Option<T> {
        self.only(key, value, |_| false)
    }

    fn never_any<K: Ord, V>(&mut self, key: &str, map: &BTreeMap<K, V>) -> BTreeMap<K, V> {
        if !map.is_empty() {
            self.opens(key);
        }
        BTreeMap::new()
    }

    fn opens(&mut self, key: &str) {
        let mut keys = self.within.clone();
        keys.push(key.to_owned());
        self.opening.push(keys);
    }

    fn section<T>(&mut self, key: &str, take_apart: impl FnOnce(&mut Self) -> T) -> T {
        self.within.push(key.to_owned());
        let taken = take_apart(self);
        self.within.pop();
        taken
    }
}

/// Whether a limit is at most the user's own, if there is one.
fn within<T: PartialOrd>(own: Option<T>) -> impl FnOnce(&T) -> bool {
    move |new| own.is_none_or(|own| *new <= own)
}

/// The rank of an install policy; a higher one allows more.
const fn reach(install: Install) -> u8 {
    match install {
        Install::Never => 0,
        Install::Ask => 1,
        Install::Auto => 2,
    }
}

/// The rank of a sandbox mode; a higher one allows more.
const fn opens(mode: SandboxMode) -> u8 {
    match mode {
        SandboxMode::Strict => 0,
        SandboxMode::Network => 1,
        SandboxMode::Off => 2,
    }
}

/// The line of a setting, from 1: deserialization is stopped at its key by an error.
fn line_of(text: &str, keys: &[String]) -> usize {
    let stopped = Stop(keys).deserialize(serde_yaml::Deserializer::from_str(text));
    stopped.err().and_then(|error| error.location()).map_or(1, |place| place.line())
}

/// Deserializes down to a key, and fails there.
struct Stop<'a>(&'a [String]);

impl<'de> DeserializeSeed<'de> for Stop<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Stop<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of settings")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Some((key, below)) = self.0.split_first() else { return Ok(()) };
        while let Some(found) = map.next_key_seed(StopAt { key, last: below.is_empty() })? {
            if found {
                map.next_value_seed(Stop(below))?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

/// Whether a key is the expected one; fails at the last key of the path.
struct StopAt<'a> {
    key: &'a str,
    last: bool,
}

impl<'de> DeserializeSeed<'de> for StopAt<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for StopAt<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<bool, E> {
        if key == self.key && self.last {
            return Err(E::custom("found"));
        }
        Ok(key == self.key)
    }
}
