//! Creates connections to models from the configuration.

use super::anthropic::{self, Anthropic};
use super::call::Policy;
use super::command::CommandModel;
use super::completion::Completion;
pub use super::env::{Lookup, environment};
use super::fault::shown;
use super::gemini::Gemini;
use super::http::{BadAddress, Endpoint, HttpModel, is_near};
use super::keyring::{self, KeyringError};
use super::library::{Entry, Library, LibraryError, Meant};
use super::ollama::{self, Ollama};
use super::openai::OpenAi;
use super::pace::Paced;
use super::profiles;
use super::responses::Responses;
use super::secret::Secret;
use super::server_info::{OLLAMA, Server};
use super::template::Template;
use super::wire::Wire;
use super::{Fault, Model, ScriptModel, Used};
use crate::config::{Kind, Models, Price, Probe, ProviderConfig};
use redraft_domain::chat::Agent;
use redraft_domain::profile::{self, Profile, Thinking};
use redraft_files as files;
use redraft_files::yaml;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

/// A provider that needs no configuration.
pub(super) struct BuiltIn {
    pub(super) name: &'static str,
    kind: Kind,
    base_url: &'static str,
    /// Environment variable of its key.
    pub(super) key_env: Option<&'static str>,
    /// Default model if only the key is set.
    pub(super) model: Option<&'static str>,
}

/// Built-in providers, in the order of preference if nothing is configured.
pub(super) const BUILT_IN: [BuiltIn; 6] = [
    BuiltIn {
        name: "anthropic",
        kind: Kind::Anthropic,
        base_url: "https://api.anthropic.com",
        key_env: Some("ANTHROPIC_API_KEY"),
        model: Some("claude-sonnet-4-5"),
    },
    BuiltIn {
        name: "openai",
        kind: Kind::Openai,
        base_url: "https://api.openai.com/v1",
        key_env: Some("OPENAI_API_KEY"),
        model: Some("gpt-5"),
    },
    BuiltIn {
        name: "gemini",
        kind: Kind::Gemini,
        base_url: "https://generativelanguage.googleapis.com/v1beta",
        key_env: Some("GEMINI_API_KEY"),
        model: Some("gemini-2.5-pro"),
    },
    BuiltIn {
        name: "openrouter",
        kind: Kind::Openai,
        base_url: "https://openrouter.ai/api/v1",
        key_env: Some("OPENROUTER_API_KEY"),
        model: Some("qwen/qwen3-coder"),
    },
    BuiltIn { name: "ollama", kind: Kind::Ollama, base_url: OLLAMA, key_env: None, model: None },
    BuiltIn { name: EMBEDDED, kind: Kind::Embedded, base_url: "", key_env: None, model: None },
];

/// Silence limit for models on local machines.
const PATIENCE: Duration = Duration::from_hours(1);

/// Name of the provider of models that run inside the program.
pub const EMBEDDED: &str = "embedded";

/// A model of a provider, as `PROVIDER/MODEL`, split at the first slash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelRef {
    /// The provider's name in the configuration.
    pub provider: String,
    /// The model's name at the provider; may contain slashes.
    pub model: String,
}

impl ModelRef {
    /// Parses `PROVIDER/MODEL`. `embedded` alone is the default embedded model.
    pub fn parse(text: &str) -> Result<Self, ProviderError> {
        match text.split_once('/') {
            None if text == EMBEDDED => {
                Ok(Self { provider: EMBEDDED.to_owned(), model: "default".to_owned() })
            }
            Some((provider, model)) if !provider.is_empty() && !model.is_empty() => {
                Ok(Self { provider: provider.to_owned(), model: model.to_owned() })
            }
            _ => Err(ProviderError::Malformed { text: text.to_owned() }),
        }
    }
}

/// A model that is ready for calls, with everything known about it.
pub struct Connection {
    /// The model.
    pub model: Box<dyn Model>,
    /// Retries and silence limit.
    pub policy: Policy,
    /// Price of its tokens, if known, and whether it is a list price.
    pub price: Option<(Price, bool)>,
    /// Context length in tokens, prompt and answer together, if known.
    pub context: Option<u32>,
    /// Number of parallel calls.
    pub parallel: usize,
    /// Kind of its provider.
    pub kind: Kind,
    /// Cache key of this model, the same for the same model of the same server.
    pub identity: String,
    /// Probe result, if the model was probed.
    pub profile: Option<Profile>,
    /// Whether it is an embedded model of the catalogue; none of these reasons in its answers.
    pub of_catalogue: bool,
    /// Whether it is a local model that was never probed and may be.
    pub is_new: bool,
    /// Its server, if that has an endpoint for model information.
    pub server: Option<Server>,
    /// Whether its answers are constrained by the schema of a request; `None` if unknown.
    pub holds_to_schemas: Option<bool>,
}

impl Connection {
    /// A connection without any information about the model.
    #[must_use]
    pub fn new(model: Box<dyn Model>, policy: Policy, kind: Kind) -> Self {
        Self {
            model,
            policy,
            price: None,
            context: None,
            parallel: 1,
            kind,
            identity: String::new(),
            profile: None,
            of_catalogue: false,
            is_new: false,
            server: None,
            holds_to_schemas: Some(true),
        }
    }

    /// Whether its answers are known to be constrained by a schema. An embedded model that may
    /// reason first is not.
    #[must_use]
    pub fn is_held_to_schemas(&self) -> bool {
        let thinks_first = self.kind == Kind::Embedded && !self.answers_at_once();
        self.holds_to_schemas == Some(true) && self.model.takes_schema() && !thinks_first
    }

    /// Whether answers of this agent can be constrained to a form, which leaves no room for
    /// reasoning before the answer.
    #[must_use]
    pub fn can_be_held(&self, agent: Agent) -> bool {
        self.model.takes_form(agent) && self.answers_at_once()
    }

    /// Whether the model is known not to reason in its answers.
    #[must_use]
    pub fn answers_at_once(&self) -> bool {
        match &self.profile {
            Some(profile) => matches!(profile.thinking, Thinking::No | Thinking::Apart),
            None => self.of_catalogue,
        }
    }

    /// Whether it can get a prefill: it continues from there, and does not reason first.
    #[must_use]
    pub fn can_be_begun(&self) -> bool {
        self.model.takes_prefill() && self.answers_at_once()
    }

    /// Stores a probe result, and limits the context to the probed length.
    pub fn adopt(&mut self, profile: Profile) {
        self.context = self.context.into_iter().chain(profile.context).min();
        self.is_new = false;
        self.profile = Some(profile);
    }
}

/// Why a model can't be used. Detected before anything is sent.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// Not of the form `PROVIDER/MODEL`.
    #[error("`{text}` is not a model; write PROVIDER/MODEL, as `ollama/qwen2.5-coder:7b`")]
    Malformed {
        /// The text.
        text: String,
    },
    /// There is no provider of this name.
    #[error("there is no provider `{name}`; known are {known}; others go under `providers`")]
    Unknown {
        /// The name.
        name: String,
        /// The known names.
        known: String,
    },
    /// The provider needs no key.
    #[error("provider `{provider}` takes no key")]
    Keyless {
        /// The provider's name.
        provider: String,
    },
    /// The environment variable of the key is not set.
    #[error(
        "provider `{provider}` needs a key; set the environment variable `{variable}`, or: redraft login {provider}"
    )]
    NoKey {
        /// The provider's name.
        provider: String,
        /// The variable.
        variable: String,
    },
    /// The key can't be read from the keyring.
    #[error("the key of provider `{provider}` can't be read: {source}")]
    Keyring {
        /// The provider's name.
        provider: String,
        /// What is wrong.
        source: KeyringError,
    },
    /// The value of the key's variable can't be a key.
    #[error("the key in `{variable}` has characters that no key has; set it again")]
    BadKey {
        /// The variable.
        variable: String,
    },
    /// The address is invalid.
    #[error("the `base_url` of provider `{provider}` can't be used: {source}")]
    BadUrl {
        /// The provider's name.
        provider: String,
        /// What is wrong with it.
        source: BadAddress,
    },
    /// A required setting of this kind of provider is missing.
    #[error("provider `{provider}` has no `{field}`; set it under `providers`")]
    Missing {
        /// The provider's name.
        provider: String,
        /// The setting.
        field: &'static str,
    },
    /// The template of a raw prompt endpoint is invalid.
    #[error("the `template` of provider `{provider}` can't be used: {reason}")]
    BadTemplate {
        /// The provider's name.
        provider: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The kind is not supported by this build.
    #[error("provider `{provider}` is of kind `{kind}`, which is not in this build")]
    NotInBuild {
        /// The provider's name.
        provider: String,
        /// The kind.
        kind: &'static str,
    },
    /// The embedded model is not available.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// The recorded answers can't be read.
    #[error(transparent)]
    Recording(Fault),
    /// The program of a provider of kind `command` does not exist.
    #[error("provider `{provider}` needs the program `{program}`, which is not there")]
    NoProgram {
        /// The provider's name.
        provider: String,
        /// The program, as configured.
        program: String,
    },
}

/// Checks whether a model can be used, as far as possible without a call.
pub fn check(model: &str, config: Models<'_>) -> Result<(), ProviderError> {
    connect(model, config, &Used::new())?;
    let ModelRef { provider, .. } = ModelRef::parse(model)?;
    let settings = settings(&provider, config, &environment).unwrap_or_default();
    match settings.command.as_deref() {
        Some([program, ..]) if settings.kind == Some(Kind::Command) && !is_there(program) => {
            Err(ProviderError::NoProgram { provider, program: shown(program) })
        }
        _ => Ok(()),
    }
}

/// The catalogue model that has to be downloaded before `model` can be used, if any.
#[must_use]
pub fn to_fetch<'a>(model: &str, config: Models<'_>, library: &'a Library) -> Option<&'a Entry> {
    match known(model, config, library)? {
        entry if library.has(entry) => None,
        entry => Some(entry),
    }
}

/// The catalogue entry of an embedded model.
#[must_use]
pub fn known<'a>(model: &str, config: Models<'_>, library: &'a Library) -> Option<&'a Entry> {
    let ModelRef { provider, model } = ModelRef::parse(model).ok()?;
    let settings = settings(&provider, config, &environment)?;
    match library.meant(&model) {
        Ok(Meant::Known(entry)) if settings.kind == Some(Kind::Embedded) => Some(entry),
        _ => None,
    }
}

/// Whether a provider is built in or configured.
#[must_use]
pub fn is_known(name: &str, config: Models<'_>) -> bool {
    names(config).contains(name)
}

/// Whether a model belongs to a known provider and is not the path of a file. A malformed name
/// counts as known, because [`connect`] reports it.
#[must_use]
pub fn is_of_known(model: &str, config: Models<'_>) -> bool {
    let Ok(ModelRef { provider, model }) = ModelRef::parse(model) else { return true };
    let Some(settings) = settings(&provider, config, &environment) else { return false };
    settings.kind != Some(Kind::Embedded)
        || Library::open().is_ok_and(|library| !matches!(library.meant(&model), Ok(Meant::File(_))))
}

/// Whether a program exists: at its path, or in one of the folders of `PATH`.
fn is_there(program: &str) -> bool {
    if program.contains('/') {
        return Path::new(program).is_file();
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// Price of a model's tokens: from the configuration, else the list price of a well-known model
/// with `true`.
#[must_use]
pub fn price(model: &str, config: Models<'_>) -> Option<(Price, bool)> {
    let known = || -> Option<Price> {
        let usual: BTreeMap<String, Price> = yaml::read(include_str!("prices.yaml")).ok()?;
        usual.get(model).copied()
    };
    config.prices.get(model).map(|price| (*price, false)).or_else(|| Some((known()?, true)))
}

/// Whether a model's tokens are free: it runs inside the program, or on a server of this machine at
/// the usual port of a model server, and has no configured price. A remote server may forward
/// requests to a model that costs money.
#[must_use]
pub fn costs_nothing(model: &str, config: Models<'_>) -> bool {
    let Ok(ModelRef { provider, model: id }) = ModelRef::parse(model) else { return false };
    let Some(settings) = settings(&provider, config, &environment) else { return false };
    let here = |kind: Kind| {
        let server = Server::new(kind, settings.base_url.as_deref()?, &id);
        server.map(|server| server.is_own())
    };
    let own = settings.kind.is_some_and(|kind| kind == Kind::Embedded || here(kind) == Some(true));
    own && price(model, config).is_none()
}

/// Whether a model is known to judge scripts no better than chance, by its probe or by the
/// catalogue.
#[must_use]
pub fn is_guessing(model: &str, config: Models<'_>) -> bool {
    let profile = connect(model, config, &Used::new()).ok().and_then(|known| known.profile);
    let probed = profile.and_then(|profile| profile.judged_right);
    let judged = probed.or_else(|| known(model, config, &Library::open().ok()?)?.judges);
    judged.is_some_and(profile::is_guessing)
}

/// Creates a connection from a model's name and the configuration, with keys from the environment.
///
/// `used` is the number of calls of each agent that a recording has answered already. Sends
/// nothing.
pub fn connect(model: &str, config: Models<'_>, used: &Used) -> Result<Connection, ProviderError> {
    let mut connection = connect_in(model, config, used, &environment)?;
    if config.probe == Some(Probe::Never) {
        connection.is_new = false;
        connection.holds_to_schemas.get_or_insert(false);
        return Ok(connection);
    }
    let folder = profiles::folder();
    if let Some(profile) = profiles::kept(&folder, &connection.identity) {
        connection.adopt(profile);
    }
    let ModelRef { provider, .. } = ModelRef::parse(model)?;
    let said = settings(&provider, config, &environment).and_then(|settings| settings.structured);
    if said.is_none() && connection.model.takes_schema() {
        let known = profiles::kept_schema(&folder, &connection.identity);
        connection.holds_to_schemas = known.or(connection.holds_to_schemas);
    }
    Ok(connection)
}

/// [`connect`] with another environment and without stored probe results.
pub fn connect_in(
    model: &str,
    config: Models<'_>,
    used: &Used,
    env: Lookup<'_>,
) -> Result<Connection, ProviderError> {
    let ModelRef { provider: name, model: id } = ModelRef::parse(model)?;
    let Some(settings) = settings(&name, config, env) else {
        return Err(unknown(&name, config));
    };
    let provider = Provider { name, settings, env };
    let policy = provider.policy();
    let identity = provider.identity(&id);
    let holds_to_schemas =
        provider.settings.structured.or_else(|| provider.is_official().then_some(true));
    let server = provider
        .settings
        .kind
        .and_then(|kind| Server::new(kind, provider.settings.base_url.as_deref()?, &id));
    let is_embedded = provider.settings.kind == Some(Kind::Embedded);
    let is_file = is_embedded
        && Library::open().is_ok_and(|library| matches!(library.meant(&id), Ok(Meant::File(_))));
    let of_catalogue = is_embedded && !is_file;
    let own = server.as_ref().is_some_and(Server::is_own);
    let is_new = is_file || own;
    let context = provider.settings.context.unwrap_or(ollama::DEFAULT_CONTEXT);
    let kind = provider.settings.kind;
    let kind = kind.ok_or_else(|| provider.missing("kind"))?;
    let model_behind: Box<dyn Model> = match kind {
        Kind::Openai => {
            let official = provider.is_official();
            provider.http(OpenAi { model: id, official, own })?
        }
        Kind::Responses => provider.http(Responses { model: id })?,
        Kind::Anthropic => provider.http(Anthropic { model: id })?,
        Kind::Gemini => provider.http(Gemini { model: id })?,
        Kind::Ollama => provider.http(Ollama { model: id, context })?,
        Kind::Completion => provider.http(provider.completion(id)?)?,
        Kind::Command => {
            let command = provider.settings.command.clone();
            let command = command.ok_or_else(|| provider.missing("command"))?;
            Box::new(CommandModel { command, model: id })
        }
        Kind::Script => {
            let path = provider.settings.path.as_deref();
            let path = path.ok_or_else(|| provider.missing("path"))?;
            Box::new(ScriptModel::new(path, used).map_err(ProviderError::Recording)?)
        }
        #[cfg(feature = "embedded")]
        Kind::Embedded => Box::new(super::embedded::Embedded {
            file: Library::open().map_err(LibraryError::from)?.file(&id)?,
            sampling: provider.settings.sampling,
            context: provider.settings.context,
            structured: provider.settings.structured == Some(true),
            grammar: provider.settings.grammar.unwrap_or_default(),
        }),
        #[cfg(not(feature = "embedded"))]
        kind @ Kind::Embedded => {
            let kind = kind.name();
            return Err(ProviderError::NotInBuild { provider: provider.name, kind });
        }
    };
    let place = format!("{} {:?}", provider.name, provider.settings.base_url);
    let (a_minute, at_once) = (provider.settings.requests_per_minute, provider.settings.parallel);
    let model_behind = Paced::over(model_behind, &place, a_minute, at_once);
    // Ollama sets its context length to the size that a request needs.
    let context = provider.settings.context.filter(|_| kind != Kind::Ollama);
    let price = price(model, config);
    let parallel = provider.settings.parallel.unwrap_or(match kind {
        // Recordings are replayed in order.
        Kind::Script => 1,
        Kind::Command | Kind::Embedded | Kind::Ollama => 4,
        _ => 8,
    });
    let nothing_known = Connection::new(model_behind, policy, kind);
    let known = Connection { price, context, parallel, identity, ..nothing_known };
    Ok(Connection { of_catalogue, is_new, server, holds_to_schemas, ..known })
}

pub(super) fn unknown(name: &str, config: Models<'_>) -> ProviderError {
    let known = names(config).into_iter().collect::<Vec<_>>().join(", ");
    ProviderError::Unknown { name: name.to_owned(), known }
}

/// Names of all providers, built-in and configured.
pub(super) fn names(config: Models<'_>) -> BTreeSet<&str> {
    let configured = config.providers.keys().map(String::as_str);
    BUILT_IN.iter().map(|known| known.name).chain(configured).collect()
}

/// Settings of a provider: the built-in ones, overridden by the configuration.
pub(super) fn settings(name: &str, config: Models<'_>, env: Lookup<'_>) -> Option<ProviderConfig> {
    let configured = config.providers.get(name);
    let known = BUILT_IN.iter().find(|known| known.name == name);
    let mut settings = ProviderConfig::default();
    if let Some(known) = known {
        settings.kind = Some(known.kind);
        settings.base_url = Some(known.base_url.to_owned());
        settings.api_key_env = known.key_env.map(str::to_owned);
        if known.kind == Kind::Ollama {
            settings.base_url = ollama::host(env).or(settings.base_url);
        }
    } else {
        configured?;
    }
    if let Some(configured) = configured {
        settings.merge(configured.clone());
    }
    // A configured provider needs no address if its kind has only one.
    let usual = || BUILT_IN.iter().find(|known| Some(known.kind) == settings.kind);
    let only_one = [Kind::Anthropic, Kind::Gemini, Kind::Ollama];
    if settings.kind.is_some_and(|kind| only_one.contains(&kind)) && settings.base_url.is_none() {
        settings.base_url = usual().map(|known| known.base_url.to_owned());
    }
    settings.api_key_env = settings.api_key_env.filter(|variable| !variable.is_empty());
    Some(settings)
}

/// A provider while a connection is created.
struct Provider<'a> {
    name: String,
    settings: ProviderConfig,
    env: Lookup<'a>,
}

impl Provider<'_> {
    fn missing(&self, field: &'static str) -> ProviderError {
        ProviderError::Missing { provider: self.name.clone(), field }
    }

    fn base_url(&self) -> Result<&str, ProviderError> {
        self.settings.base_url.as_deref().ok_or_else(|| self.missing("base_url"))
    }

    /// Cache key of one of its models.
    fn identity(&self, model: &str) -> String {
        let kind = self.settings.kind.map_or("", Kind::name);
        let place = match self.settings.kind {
            Some(Kind::Command) => format!("{:?}", self.settings.command),
            // A different file under the same name is a different model.
            Some(Kind::Embedded) => {
                let path = Path::new(model);
                let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
                format!("{} {}", path.display(), files::size(&path))
            }
            _ => self.settings.base_url.clone().unwrap_or_default(),
        };
        format!("{kind} {place} {model}")
    }

    fn policy(&self) -> Policy {
        let default = Policy::default();
        let time = |seconds: Option<f64>, default| {
            seconds.and_then(|s| Duration::try_from_secs_f64(s).ok()).unwrap_or(default)
        };
        // A local server may be slow, and has only one user.
        let url = self.settings.base_url.as_deref().unwrap_or_default();
        let own = self.settings.kind == Some(Kind::Embedded) || is_near(url);
        Policy {
            retries: self.settings.retries.unwrap_or(default.retries),
            base: time(self.settings.retry_seconds, default.base),
            silence: time(self.settings.timeout, if own { PATIENCE } else { default.silence }),
            repeats_silence: !own,
        }
    }

    /// A model behind this provider's server.
    fn http<W: Wire + 'static>(&self, wire: W) -> Result<Box<dyn Model>, ProviderError> {
        let key = self.key()?;
        let headers = self.headers(&key)?;
        let endpoint = Endpoint::new(self.base_url()?, &wire.path(), headers, key)
            .map_err(|source| ProviderError::BadUrl { provider: self.name.clone(), source })?;
        let extra = self.settings.extra.clone();
        Ok(Box::new(HttpModel { endpoint, wire, extra, refused_schema: false.into() }))
    }

    /// Whether it is the server of the format's vendor, whose models are constrained by schemas.
    /// Other servers of the same format may ignore schemas.
    fn is_official(&self) -> bool {
        let host = match self.settings.kind {
            Some(Kind::Openai | Kind::Responses) => "//api.openai.com",
            Some(Kind::Anthropic) => "//api.anthropic.com",
            Some(Kind::Gemini) => "//generativelanguage.googleapis.com",
            _ => return false,
        };
        self.settings.base_url.as_deref().is_some_and(|url| url.contains(host))
    }

    /// A model behind a raw prompt endpoint.
    fn completion(&self, model: String) -> Result<Completion, ProviderError> {
        let template = self.settings.template.as_deref().unwrap_or("chatml");
        let template = Template::new(template)
            .map_err(|reason| ProviderError::BadTemplate { provider: self.name.clone(), reason })?;
        let stop = self.settings.stop.as_deref().unwrap_or_default();
        Ok(Completion::new(model, template, stop, &self.settings.fields))
    }

    /// The key from the environment, else from the keyring; empty if the provider needs none.
    fn key(&self) -> Result<Secret, ProviderError> {
        let variable = self.settings.api_key_env.as_deref();
        let key = variable.and_then(self.env).map(|key| Secret::new(&key));
        if let Some(key) = key.filter(|key| !key.expose().is_empty()) {
            return Ok(key);
        }
        let provider = || self.name.clone();
        let kept = keyring::get(&self.name)
            .map_err(|source| ProviderError::Keyring { provider: provider(), source })?;
        match (kept, variable) {
            (Some(key), _) => Ok(key),
            (None, None) => Ok(Secret::new("")),
            (None, Some(variable)) => {
                Err(ProviderError::NoKey { provider: provider(), variable: variable.to_owned() })
            }
        }
    }

    /// Headers of each request.
    fn headers(&self, key: &Secret) -> Result<HeaderMap, ProviderError> {
        let mut headers = HeaderMap::new();
        let kind = self.settings.kind;
        if kind == Some(Kind::Anthropic) {
            headers.insert("anthropic-version", HeaderValue::from_static(anthropic::VERSION));
        }
        if key.expose().is_empty() {
            return Ok(headers);
        }
        let own = match kind {
            Some(Kind::Anthropic) => Some("x-api-key"),
            // Never in the URL, which may be logged by servers and proxies.
            Some(Kind::Gemini) => Some("x-goog-api-key"),
            _ => None,
        };
        let (name, value) = match own {
            Some(name) => (HeaderName::from_static(name), key.expose().to_owned()),
            None => (AUTHORIZATION, format!("Bearer {}", key.expose())),
        };
        let mut value = HeaderValue::from_str(&value).map_err(|_| ProviderError::BadKey {
            variable: self.settings.api_key_env.clone().unwrap_or_else(|| "the keyring".to_owned()),
        })?;
        // Hides it in debug output.
        value.set_sensitive(true);
        headers.insert(name, value);
        Ok(headers)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    fn env(name: &str) -> Option<String> {
        match name {
            "ANTHROPIC_API_KEY" => Some("secret-1\n".to_owned()),
            "BROKEN_KEY" => Some("a\nb".to_owned()),
            "BLANK_KEY" => Some("  ".to_owned()),
            _ => None,
        }
    }

    /// The model settings of a configuration.
    #[derive(Default, serde::Deserialize)]
    #[serde(default)]
    struct Known {
        providers: BTreeMap<String, ProviderConfig>,
        prices: BTreeMap<String, Price>,
    }

    impl Known {
        const fn models(&self) -> Models<'_> {
            Models { providers: &self.providers, prices: &self.prices, probe: None }
        }
    }

    fn try_connect(model: &str, config: &str) -> Result<Connection, String> {
        let known: Known = yaml::read(config).unwrap();
        connect_in(model, known.models(), &Used::new(), &env).map_err(|error| error.to_string())
    }

    #[test]
    fn a_model_reference_is_provider_slash_model() {
        let parsed = ModelRef::parse("openrouter/qwen/qwen3:free").unwrap();
        assert_eq!(
            (parsed.provider.as_str(), parsed.model.as_str()),
            ("openrouter", "qwen/qwen3:free")
        );
        let default = ModelRef::parse("embedded").unwrap();
        assert_eq!(default, ModelRef::parse("embedded/default").unwrap());
        for text in ["", "gpt-5", "/x", "x/", "/"] {
            assert!(ModelRef::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_unusable_provider_is_reported_before_any_request() {
        for (model, config, words) in [
            ("gpt-5", "", "write PROVIDER/MODEL"),
            ("opnai/x", "", "anthropic, embedded, gemini, ollama,"),
            ("opnai/x", "providers: {mine: {kind: openai}}", "gemini, mine, ollama"),
            ("openai/x", "", "environment variable `OPENAI_API_KEY`"),
            ("p/x", "providers: {p: {kind: openai, base_url: 'http://h', api_key_env: K}}", "`K`"),
            ("p/x", "providers: {p: {kind: anthropic, api_key_env: BLANK_KEY}}", "`BLANK_KEY`"),
            ("p/x", "providers: {p: {kind: anthropic, api_key_env: BROKEN_KEY}}", "characters"),
            ("p/x", "providers: {p: {kind: openai}}", "no `base_url`"),
            ("p/x", "providers: {p: {kind: openai, base_url: 'u:pw@h'}}", "can't be used"),
            ("p/x", "providers: {p: {base_url: 'http://h'}}", "no `kind`"),
            ("p/x", "providers: {p: {kind: command}}", "no `command`"),
            ("p/x", "providers: {p: {kind: script}}", "no `path`"),
            ("p/x", "providers: {p: {kind: script, path: no/such.yaml}}", "`no/such.yaml`"),
            ("p/x", "providers: {p: {kind: completion}}", "no `base_url`"),
            (
                "p/x",
                "providers: {p: {kind: completion, base_url: 'http://h', template: x}}",
                "`template` of provider `p` can't be used: known are chatml",
            ),
            ("p/x", "providers: {p: {kind: embedded}}", "no embedded model `x`; there are `"),
            ("embedded/no/such.gguf", "", "no model file `no/such.gguf`"),
            ("embedded//no/such.gguf", "", "no model file `/no/such.gguf`"),
            ("embedded/./such.gguf", "", "no model file `./such.gguf`"),
        ] {
            let error = try_connect(model, config).err().unwrap();
            assert!(error.contains(words), "{model}: {error}");
            assert!(!error.contains("pw"), "{error}");
        }
    }

    #[test]
    fn the_configuration_overrides_the_built_in_providers() {
        for (model, config) in [
            ("anthropic/m", ""),
            ("ollama/m", ""),
            (
                "openai/m",
                "providers: {openai: {base_url: 'http://127.0.0.1:1/v1', api_key_env: ''}}",
            ),
            ("p/m", "providers: {p: {kind: openai, base_url: 'http://127.0.0.1:1/v1'}}"),
            ("p/m", "providers: {p: {kind: command, command: 'cat -'}}"),
            // Only the kind changes; the address is kept.
            ("openai/m", "providers: {openai: {kind: responses, api_key_env: ''}}"),
            ("p/m", "providers: {p: {kind: gemini}}"),
            ("p/m", "providers: {p: {kind: completion, base_url: 'http://h', template: gemma}}"),
        ] {
            assert!(try_connect(model, config).is_ok(), "{model} {config}");
        }
        let connection = try_connect(
            "ollama/m",
            "providers: {ollama: {timeout: 2, retries: 0, retry_seconds: 0.25}}\n\
             prices: {ollama/m: {input: 1, output: 2}}",
        )
        .unwrap();
        let (base, silence) = (Duration::from_millis(250), Duration::from_secs(2));
        let policy = Policy { retries: 0, base, silence, repeats_silence: false };
        assert_eq!(connection.policy, policy);
        // A slow local machine gets more time; a hosted model that is silent gets a retry.
        for (config, minutes, repeats) in [
            ("{kind: openai, base_url: 'http://127.0.0.1:1/v1'}", 60, false),
            ("{kind: ollama, base_url: 'http://box:11434'}", 60, false),
            ("{kind: openai, base_url: 'https://api.example.com/v1'}", 5, true),
        ] {
            let policy = try_connect("p/m", &format!("providers: {{p: {config}}}")).unwrap().policy;
            let silence = Duration::from_mins(minutes);
            assert_eq!((policy.silence, policy.repeats_silence), (silence, repeats), "{config}");
        }
        let price = Price { input: 1.0, output: 2.0, cached: None };
        assert_eq!(connection.price, Some((price, false)));
        let usual = |model: &str| super::price(model, Known::default().models());
        let known = usual("anthropic/claude-sonnet-4-5");
        assert!(known.is_some_and(|(price, marked)| price.output > price.input && marked));
        assert_eq!(usual("ollama/other"), None);
    }

    #[test]
    fn the_address_of_ollama_is_read_from_its_environment_variable() {
        for (host, url) in [
            ("0.0.0.0", "http://127.0.0.1:11434"),
            (":8080", "http://127.0.0.1:8080"),
            ("box", "http://box:11434"),
            ("box:1234", "http://box:1234"),
            ("http://box", "http://box"),
            ("https://box:1/ollama", "https://box:1/ollama"),
            ("[::1]", "http://[::1]:11434"),
            ("[::1]:9", "http://[::1]:9"),
        ] {
            let found = settings("ollama", Known::default().models(), &|_| Some(host.to_owned()));
            assert_eq!(found.unwrap().base_url.as_deref(), Some(url), "{host}");
        }
    }
}
