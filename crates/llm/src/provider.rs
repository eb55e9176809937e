//! From the configuration to models that can be asked.

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

/// A provider that is known without any configuration.
pub(super) struct BuiltIn {
    pub(super) name: &'static str,
    kind: Kind,
    base_url: &'static str,
    /// The environment variable of its key.
    pub(super) key_env: Option<&'static str>,
    /// The model that is used if only its key is there.
    pub(super) model: Option<&'static str>,
}

/// The built-in providers, in the order in which one is chosen when nothing is configured.
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

/// How long nothing may come of a model on a machine of one's own.
const PATIENCE: Duration = Duration::from_hours(1);

/// The provider of the models that run inside the program.
pub const EMBEDDED: &str = "embedded";

/// The model of a provider, as `PROVIDER/MODEL`, cut at the first slash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelRef {
    /// The provider's name in the configuration.
    pub provider: String,
    /// The model's name at the provider; may contain slashes.
    pub model: String,
}

impl ModelRef {
    /// Takes `PROVIDER/MODEL` apart. `embedded` alone is the default one of these models.
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

/// A model that can be asked, and how.
pub struct Connection {
    /// The model.
    pub model: Box<dyn Model>,
    /// How patiently it is asked.
    pub policy: Policy,
    /// What its tokens cost, if that is known, and whether that is only the usual price.
    pub price: Option<(Price, bool)>,
    /// How long prompt and answer can be together, in tokens, if that is known.
    pub context: Option<u32>,
    /// How many calls it works on at once.
    pub parallel: usize,
    /// How it is spoken to.
    pub kind: Kind,
    /// What stands for it where something is kept of it: the same model of the same server.
    pub identity: String,
    /// What is known of it since it was asked what it is like.
    pub profile: Option<Profile>,
    /// It is one of those that run inside the program and are known, none of which thinks aloud.
    pub of_catalogue: bool,
    /// It is one of this machine that was never asked what it is like, and may be.
    pub is_new: bool,
    /// The server that it is behind, if that can be asked about it.
    pub server: Option<Server>,
    /// Whether its answers are held to the schema of a request that has one; none: nobody knows yet.
    pub holds_to_schemas: Option<bool>,
}

impl Connection {
    /// A connection of which nothing is known.
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

    /// Whether its answers are known to be held to a schema.
    #[must_use]
    pub fn is_held_to_schemas(&self) -> bool {
        let thinks_first = self.kind == Kind::Embedded && !self.answers_at_once();
        self.holds_to_schemas == Some(true) && self.model.takes_schema() && !thinks_first
    }

    /// Whether answers of this agent can be held to a form: that leaves no room for a thought before it.
    #[must_use]
    pub fn can_be_held(&self, agent: Agent) -> bool {
        self.model.takes_form(agent) && self.answers_at_once()
    }

    /// Whether the model is known not to think aloud in its answers.
    #[must_use]
    pub fn answers_at_once(&self) -> bool {
        match &self.profile {
            Some(profile) => matches!(profile.thinking, Thinking::No | Thinking::Apart),
            None => self.of_catalogue,
        }
    }

    /// Whether its answers can be begun for it: it goes on from there, and does not think aloud first.
    #[must_use]
    pub fn can_be_begun(&self) -> bool {
        self.model.takes_prefill() && self.answers_at_once()
    }

    /// Takes up what was found out about the model: no prompt gets longer than that.
    pub fn adopt(&mut self, profile: Profile) {
        self.context = self.context.into_iter().chain(profile.context).min();
        self.is_new = false;
        self.profile = Some(profile);
    }
}

/// Why a model can't be asked. Found before anything is sent.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// Not of the form `PROVIDER/MODEL`.
    #[error("`{text}` is not a model; write PROVIDER/MODEL, as `ollama/qwen2.5-coder:7b`")]
    Malformed {
        /// What was written.
        text: String,
    },
    /// No provider of this name.
    #[error("there is no provider `{name}`; known are {known}; others go under `providers`")]
    Unknown {
        /// The name.
        name: String,
        /// The names that there are.
        known: String,
    },
    /// It takes no key.
    #[error("provider `{provider}` takes no key")]
    Keyless {
        /// The provider's name.
        provider: String,
    },
    /// The key's variable is not set.
    #[error(
        "provider `{provider}` needs a key; set the environment variable `{variable}`, or: redraft login {provider}"
    )]
    NoKey {
        /// The provider's name.
        provider: String,
        /// The variable.
        variable: String,
    },
    /// The key in the keyring can't be had.
    #[error("the key of provider `{provider}` can't be read: {source}")]
    Keyring {
        /// The provider's name.
        provider: String,
        /// What is wrong.
        source: KeyringError,
    },
    /// What the key's variable holds can't be a key.
    #[error("the key in `{variable}` has characters that no key has; set it again")]
    BadKey {
        /// The variable.
        variable: String,
    },
    /// The address can't be used.
    #[error("the `base_url` of provider `{provider}` can't be used: {source}")]
    BadUrl {
        /// The provider's name.
        provider: String,
        /// What is wrong with it.
        source: BadAddress,
    },
    /// A setting that this kind of provider can't do without is missing.
    #[error("provider `{provider}` has no `{field}`; set it under `providers`")]
    Missing {
        /// The provider's name.
        provider: String,
        /// The setting.
        field: &'static str,
    },
    /// The template of a raw prompt endpoint can't be used.
    #[error("the `template` of provider `{provider}` can't be used: {reason}")]
    BadTemplate {
        /// The provider's name.
        provider: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A kind that this build can't speak to.
    #[error("provider `{provider}` is of kind `{kind}`, which is not in this build")]
    NotInBuild {
        /// The provider's name.
        provider: String,
        /// The kind.
        kind: &'static str,
    },
    /// The model that should run inside the program is not here.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// The recorded answers can't be read.
    #[error(transparent)]
    Recording(Fault),
    /// The program that should answer is not there (kind `command`).
    #[error("provider `{provider}` needs the program `{program}`, which is not there")]
    NoProgram {
        /// The provider's name.
        provider: String,
        /// The program, as configured.
        program: String,
    },
}

/// Whether a model could be asked, as far as can be told without asking it.
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

/// The model of the catalogue that has to be fetched before this one can be asked, if any.
#[must_use]
pub fn to_fetch<'a>(model: &str, config: Models<'_>, library: &'a Library) -> Option<&'a Entry> {
    match known(model, config, library)? {
        entry if library.has(entry) => None,
        entry => Some(entry),
    }
}

/// What the catalogue knows of a model that runs inside the program.
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

/// Whether a model is one of a known provider, and no file that somebody names. What is no model at
/// all is refused by [`connect`], whoever named it.
#[must_use]
pub fn is_of_known(model: &str, config: Models<'_>) -> bool {
    let Ok(ModelRef { provider, model }) = ModelRef::parse(model) else { return true };
    let Some(settings) = settings(&provider, config, &environment) else { return false };
    settings.kind != Some(Kind::Embedded)
        || Library::open().is_ok_and(|library| !matches!(library.meant(&model), Ok(Meant::File(_))))
}

/// Whether there is such a program: where its path says, or in one of the folders of `PATH`.
fn is_there(program: &str) -> bool {
    if program.contains('/') {
        return Path::new(program).is_file();
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// What a model's tokens cost: what the configuration says, else the usual price of a well-known
/// model, marked as such.
#[must_use]
pub fn price(model: &str, config: Models<'_>) -> Option<(Price, bool)> {
    let known = || -> Option<Price> {
        let usual: BTreeMap<String, Price> = yaml::read(include_str!("prices.yaml")).ok()?;
        usual.get(model).copied()
    };
    config.prices.get(model).map(|price| (*price, false)).or_else(|| Some((known()?, true)))
}

/// Whether a model's tokens cost nothing but time: it runs inside the program, or behind a server of this
/// machine where servers that run models usually listen, and nobody set a price. A server elsewhere may
/// send what it is asked on to one that costs money.
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

/// Whether a model is known to judge scripts no better than chance, by its probe or by the catalogue.
#[must_use]
pub fn is_guessing(model: &str, config: Models<'_>) -> bool {
    let profile = connect(model, config, &Used::new()).ok().and_then(|known| known.profile);
    let probed = profile.and_then(|profile| profile.judged_right);
    let judged = probed.or_else(|| known(model, config, &Library::open().ok()?)?.judges);
    judged.is_some_and(profile::is_guessing)
}

/// Makes a model from its name and the configuration, with keys from the environment.
///
/// `used` tells how many calls of each agent a recording has answered before. Sends nothing.
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

/// [`connect`] with another environment.
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
    // An Ollama makes its context as large as it has to be.
    let context = provider.settings.context.filter(|_| kind != Kind::Ollama);
    let price = price(model, config);
    let parallel = provider.settings.parallel.unwrap_or(match kind {
        // Recordings are played in their order.
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

/// The names of all providers, built-in and configured.
pub(super) fn names(config: Models<'_>) -> BTreeSet<&str> {
    let configured = config.providers.keys().map(String::as_str);
    BUILT_IN.iter().map(|known| known.name).chain(configured).collect()
}

/// What is known of a provider: what is built in, with what the configuration says over it.
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
    // A provider of one's own needs no address if its kind has only one.
    let usual = || BUILT_IN.iter().find(|known| Some(known.kind) == settings.kind);
    let only_one = [Kind::Anthropic, Kind::Gemini, Kind::Ollama];
    if settings.kind.is_some_and(|kind| only_one.contains(&kind)) && settings.base_url.is_none() {
        settings.base_url = usual().map(|known| known.base_url.to_owned());
    }
    settings.api_key_env = settings.api_key_env.filter(|variable| !variable.is_empty());
    Some(settings)
}

/// A provider on its way to a connection.
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

    /// What stands for one of its models.
    fn identity(&self, model: &str) -> String {
        let kind = self.settings.kind.map_or("", Kind::name);
        let place = match self.settings.kind {
            Some(Kind::Command) => format!("{:?}", self.settings.command),
            // Another file under the same name is another model.
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
        // What one runs oneself may be slow, and has nobody else to serve.
        let url = self.settings.base_url.as_deref().unwrap_or_default();
        let own = self.settings.kind == Some(Kind::Embedded) || is_near(url);
        Policy {
            retries: self.settings.retries.unwrap_or(default.retries),
            base: time(self.settings.retry_seconds, default.base),
            silence: time(self.settings.timeout, if own { PATIENCE } else { default.silence }),
            repeats_silence: !own,
        }
    }

    /// A model behind a server of this provider.
    fn http<W: Wire + 'static>(&self, wire: W) -> Result<Box<dyn Model>, ProviderError> {
        let key = self.key()?;
        let headers = self.headers(&key)?;
        let endpoint = Endpoint::new(self.base_url()?, &wire.path(), headers, key)
            .map_err(|source| ProviderError::BadUrl { provider: self.name.clone(), source })?;
        let extra = self.settings.extra.clone();
        Ok(Box::new(HttpModel { endpoint, wire, extra, refused_schema: false.into() }))
    }

    /// Whether it is the server of who made its format, whose models are held to schemas. What else speaks
    /// a format may ignore them.
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

    /// The headers that go with each request.
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
            // Never in the address, which ends up in the logs of others.
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
        // Keeps it out of debug output.
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

    /// What a configuration says of models.
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
    fn a_model_is_named_by_provider_and_name() {
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
    fn what_can_not_work_is_said_before_anything_is_sent() {
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
    fn what_is_configured_goes_over_what_is_built_in() {
        for (model, config) in [
            ("anthropic/m", ""),
            ("ollama/m", ""),
            (
                "openai/m",
                "providers: {openai: {base_url: 'http://127.0.0.1:1/v1', api_key_env: ''}}",
            ),
            ("p/m", "providers: {p: {kind: openai, base_url: 'http://127.0.0.1:1/v1'}}"),
            ("p/m", "providers: {p: {kind: command, command: 'cat -'}}"),
            // Only the kind changes: the address stays.
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
        // A slow machine is waited for, and a hosted model that says nothing is asked again.
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
    fn ollama_is_looked_for_where_its_own_variable_says() {
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
