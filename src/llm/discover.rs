//! What models there are to choose from when nobody has configured one.

use super::http::Door;
use super::provider::{BUILT_IN, Lookup, environment, names, settings};
use super::secret::Secret;
use crate::config::{Config, Kind};
use reqwest::header::HeaderMap;
use std::time::Duration;

/// How long a running Ollama may take to say what it has.
const PATIENCE: Duration = Duration::from_millis(300);

/// What was found on this machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Discovery {
    /// The keys that are in the environment, by their names only.
    pub keys: Vec<FoundKey>,
    /// A running Ollama.
    pub ollama: Option<FoundOllama>,
    /// The names of the providers that the configuration adds or changes.
    pub configured: Vec<String>,
}

/// A key that is in the environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundKey {
    /// The provider that it is for.
    pub provider: String,
    /// The variable that holds it.
    pub variable: String,
}

/// An Ollama that answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundOllama {
    /// Its name and port.
    pub server: String,
    /// The models that it has, in its order: the last changed comes first.
    pub models: Vec<String>,
}

/// Looks for keys in the environment and for a running Ollama. Takes at most 300 ms.
pub async fn discover(config: &Config) -> Discovery {
    discover_in(config, &environment).await
}

/// [`discover`] with another environment.
pub async fn discover_in(config: &Config, env: Lookup<'_>) -> Discovery {
    let key = |name: &str| {
        let variable = settings(name, config, env)?.api_key_env?;
        env(&variable)?;
        Some(FoundKey { provider: name.to_owned(), variable })
    };
    Discovery {
        keys: names(config).into_iter().filter_map(key).collect(),
        ollama: tokio::time::timeout(PATIENCE, ollama(config, env)).await.ok().flatten(),
        configured: config.providers.keys().cloned().collect(),
    }
}

/// Asks Ollama for its models; `None` if none answers.
async fn ollama(config: &Config, env: Lookup<'_>) -> Option<FoundOllama> {
    let settings = settings("ollama", config, env)?;
    if settings.kind != Some(Kind::Ollama) {
        return None;
    }
    let url = settings.base_url?;
    let door = Door::new(&url, "api/tags", HeaderMap::new(), Secret::new("")).ok()?;
    let tags = door.get().await.ok()?;
    let names = tags["models"].as_array()?.iter().filter_map(|model| model["name"].as_str());
    Some(FoundOllama { server: door.server(), models: names.map(str::to_owned).collect() })
}

/// The model to use when none is configured, as `PROVIDER/MODEL`: that of the first key in the
/// order of the built-in providers, else one of a running Ollama, one for code if it has any.
#[must_use]
pub fn choose(found: &Discovery) -> Option<String> {
    let by_key = BUILT_IN.iter().find_map(|known| {
        found.keys.iter().find(|key| key.provider == known.name)?;
        Some(format!("{}/{}", known.name, known.model?))
    });
    by_key.or_else(|| {
        let models = &found.ollama.as_ref()?.models;
        // Models for embeddings can't answer.
        let mut able = models.iter().filter(|name| !name.contains("embed"));
        let first = able.clone().next();
        let model = able.find(|name| name.contains("coder")).or(first)?;
        Some(format!("ollama/{model}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_of_what_is_there_is_chosen() {
        let found = |keys: &[&str], models: &[&str]| Discovery {
            keys: keys
                .iter()
                .map(|key| FoundKey { provider: (*key).to_owned(), variable: "V".to_owned() })
                .collect(),
            ollama: Some(FoundOllama {
                server: "h:1".to_owned(),
                models: models.iter().map(|&model| model.to_owned()).collect(),
            }),
            configured: Vec::new(),
        };
        for (keys, models, chosen) in [
            (
                &["openrouter", "anthropic"][..],
                &["llama3"][..],
                Some("anthropic/claude-sonnet-4-5"),
            ),
            (&["gemini", "mine"], &[], Some("gemini/gemini-2.5-pro")),
            (&["mine"], &["llama3", "qwen2.5-coder:7b"], Some("ollama/qwen2.5-coder:7b")),
            (&[], &["nomic-embed-text", "llama3"], Some("ollama/llama3")),
            (&[], &["nomic-embed-text"], None),
            (&[], &[], None),
        ] {
            assert_eq!(choose(&found(keys, models)).as_deref(), chosen);
        }
        assert_eq!(choose(&Discovery::default()), None);
    }
}
