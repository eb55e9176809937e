//! Finds the models to choose from if none is configured.

use super::http::Endpoint;
use super::keyring;
use super::library::Entry;
use super::provider::{
    BUILT_IN, EMBEDDED, Lookup, ProviderError, environment, names, settings, unknown,
};
use super::secret::Secret;
use super::server_info::{SERVERS, is_cloud, is_remote};
use crate::config::{Kind, Models};
use futures_util::future::join_all;
use reqwest::header::HeaderMap;
use std::time::Duration;

/// Timeout for a server on this machine to list its models.
const PATIENCE: Duration = Duration::from_millis(300);

/// Keys, servers and configured providers that were found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Discovery {
    /// Keys in the environment or the keyring, by name only.
    pub keys: Vec<FoundKey>,
    /// A running Ollama.
    pub ollama: Option<FoundOllama>,
    /// Servers on this machine with an `OpenAI`-compatible API.
    pub servers: Vec<FoundServer>,
    /// Names of the providers that the configuration adds or changes.
    pub configured: Vec<String>,
}

/// A key in the environment or the keyring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundKey {
    /// The provider that it belongs to.
    pub provider: String,
    /// The environment variable that has it; `None` if it is in the keyring.
    pub variable: Option<String>,
}

impl FoundKey {
    /// Its place, as text for the user.
    #[must_use]
    pub fn place(&self) -> &str {
        self.variable.as_deref().unwrap_or("the keyring")
    }
}

/// A running Ollama.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundOllama {
    /// Name and port.
    pub server: String,
    /// Its models, in its own order: the last changed first.
    pub models: Vec<String>,
    /// Its models that run on remote servers, and may cost money.
    pub elsewhere: Vec<String>,
}

/// A server that answered at a well-known address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundServer {
    /// The program that usually listens there.
    pub name: String,
    /// Address, for `base_url`.
    pub base_url: String,
    /// Names of its models.
    pub models: Vec<String>,
}

/// The model that is used because none is configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The model, as `PROVIDER/MODEL`.
    pub model: String,
    /// Why it was chosen, as text for the user.
    pub why: String,
}

/// Looks for keys and for a running Ollama. Takes at most 300 ms.
pub async fn discover(config: Models<'_>) -> Discovery {
    discover_in(config, &environment).await
}

/// [`discover`], and local servers that are not configured yet.
pub async fn discover_all(config: Models<'_>) -> Discovery {
    let (mut found, servers) = tokio::join!(discover(config), servers(&SERVERS));
    let own = |server: &FoundServer| {
        let mut configured = config.providers.values().filter_map(|p| p.base_url.as_deref());
        let place = |url: &str| url.trim_end_matches('/').trim_end_matches("/v1").to_owned();
        configured
            .any(|url| place(url).replace("localhost", "127.0.0.1") == place(&server.base_url))
    };
    found.servers = servers.into_iter().filter(|server| !own(server)).collect();
    found
}

/// The servers of `places` (name and address) that answer and list their models.
pub async fn servers(places: &[(&str, &str)]) -> Vec<FoundServer> {
    let one = |(name, base_url): &(&str, &str)| {
        let (name, base_url) = ((*name).to_owned(), (*base_url).to_owned());
        async move {
            let models = tokio::time::timeout(PATIENCE, listed(&base_url)).await.ok()??;
            Some(FoundServer { name, base_url, models })
        }
    };
    join_all(places.iter().map(one)).await.into_iter().flatten().collect()
}

/// The models in a server's `OpenAI`-compatible list.
async fn listed(base_url: &str) -> Option<Vec<String>> {
    let endpoint = Endpoint::new(base_url, "models", HeaderMap::new(), Secret::new("")).ok()?;
    let answer = endpoint.get().await.ok()?;
    let names = answer["data"].as_array()?.iter().filter_map(|model| model["id"].as_str());
    Some(names.map(str::to_owned).collect())
}

/// [`discover`] with another environment.
pub async fn discover_in(config: Models<'_>, env: Lookup<'_>) -> Discovery {
    let logins = keyring::logins();
    let key = |name: &str| {
        let variable = settings(name, config, env)?.api_key_env;
        let variable = variable.filter(|variable| env(variable).is_some());
        let found = variable.is_some() || logins.contains(name);
        found.then(|| FoundKey { provider: name.to_owned(), variable })
    };
    Discovery {
        keys: names(config).into_iter().filter_map(key).collect(),
        ollama: tokio::time::timeout(PATIENCE, ollama(config, env)).await.ok().flatten(),
        servers: Vec::new(),
        configured: config.providers.keys().cloned().collect(),
    }
}

/// The environment variable of a provider's key, if one is configured. An error if the provider is
/// unknown or needs no key.
pub fn takes_key(name: &str, config: Models<'_>) -> Result<Option<String>, ProviderError> {
    let Some(settings) = settings(name, config, &environment) else {
        return Err(unknown(name, config));
    };
    match settings.kind {
        Some(Kind::Command | Kind::Embedded | Kind::Script) => {
            Err(ProviderError::Keyless { provider: name.to_owned() })
        }
        _ => Ok(settings.api_key_env),
    }
}

/// Asks Ollama for its models; `None` if it does not run.
async fn ollama(config: Models<'_>, env: Lookup<'_>) -> Option<FoundOllama> {
    let settings = settings("ollama", config, env)?;
    if settings.kind != Some(Kind::Ollama) {
        return None;
    }
    let url = settings.base_url?;
    let endpoint = Endpoint::new(&url, "api/tags", HeaderMap::new(), Secret::new("")).ok()?;
    let tags = endpoint.get().await.ok()?;
    let (mut models, mut elsewhere) = (Vec::new(), Vec::new());
    for entry in tags["models"].as_array()? {
        let Some(name) = entry["name"].as_str() else { continue };
        models.push(name.to_owned());
        if is_remote(entry) || is_cloud(name) {
            elsewhere.push(name.to_owned());
        }
    }
    Some(FoundOllama { server: endpoint.server(), models, elsewhere })
}

/// The model to use if none is configured: the default model of the first key in the order of the
/// built-in providers, else a model that a local Ollama runs itself, preferably one for code, else
/// the embedded model.
#[must_use]
pub fn choose(found: &Discovery, embedded: &Entry) -> Choice {
    by_key(found).or_else(|| by_ollama(found)).unwrap_or_else(|| Choice {
        model: format!("{EMBEDDED}/{}", embedded.name),
        why: "no key and no Ollama was found; it runs inside redraft".to_owned(),
    })
}

fn by_key(found: &Discovery) -> Option<Choice> {
    BUILT_IN.iter().find_map(|known| {
        let key = found.keys.iter().find(|key| key.provider == known.name)?;
        let model = format!("{}/{}", known.name, known.model?);
        Some(Choice { model, why: format!("the key in {} is the first found", key.place()) })
    })
}

fn by_ollama(found: &Discovery) -> Option<Choice> {
    let FoundOllama { models, elsewhere, .. } = found.ollama.as_ref()?;
    // Embedding models can't answer, and remote models are never chosen without asking.
    let mut able =
        models.iter().filter(|name| !name.contains("embed") && !elsewhere.contains(name));
    let first = able.clone().next();
    let model = able.find(|name| name.contains("coder")).or(first)?;
    let why = "no key was found, and Ollama runs".to_owned();
    Some(Choice { model: format!("ollama/{model}"), why })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;
    use crate::library::{BUILT_IN as BUILT_IN_CATALOGUE, Library};

    #[test]
    fn the_best_available_model_is_chosen() {
        let found = |keys: &[&str], models: &[&str]| Discovery {
            keys: keys
                .iter()
                .map(|key| FoundKey { provider: (*key).to_owned(), variable: None })
                .collect(),
            ollama: Some(FoundOllama {
                server: "h:1".to_owned(),
                models: models.iter().map(|&model| model.to_owned()).collect(),
                elsewhere: vec!["big-coder".to_owned()],
            }),
            ..Discovery::default()
        };
        let library = Library::in_folder("/none".into(), BUILT_IN_CATALOGUE).unwrap();
        let embedded = library.preferred();
        for (keys, models, chosen) in [
            (&["openrouter", "anthropic"][..], &["llama3"][..], "anthropic/claude-sonnet-4-5"),
            (&["gemini", "mine"], &[], "gemini/gemini-2.5-pro"),
            (&["mine"], &["llama3", "qwen2.5-coder:7b"], "ollama/qwen2.5-coder:7b"),
            (&[], &["nomic-embed-text", "llama3"], "ollama/llama3"),
            (&[], &["big-coder", "llama3"], "ollama/llama3"),
            (&[], &["big-coder"], "embedded/qwen2.5-coder-1.5b"),
            (&[], &["nomic-embed-text"], "embedded/qwen2.5-coder-1.5b"),
            (&[], &[], "embedded/qwen2.5-coder-1.5b"),
        ] {
            assert_eq!(choose(&found(keys, models), embedded).model, chosen);
        }
        assert_eq!(choose(&Discovery::default(), embedded).model, "embedded/qwen2.5-coder-1.5b");
    }
}
