//! Queries model servers for information about a model, without a model call.

use super::fault::is_hollow;
use super::http::Endpoint;
use super::secret::Secret;
use crate::config::Kind;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use std::time::Duration;

/// Timeout of a query.
const PATIENCE: Duration = Duration::from_secs(2);

/// Servers with an `OpenAI`-compatible API, and their default addresses.
pub(super) const SERVERS: [(&str, &str); 4] = [
    ("llama.cpp", "http://127.0.0.1:8080/v1"),
    ("LM Studio", "http://127.0.0.1:1234/v1"),
    ("vLLM", "http://127.0.0.1:8000/v1"),
    ("text-generation-webui", "http://127.0.0.1:5000/v1"),
];

/// Ollama's default address.
pub(super) const OLLAMA: &str = "http://127.0.0.1:11434";

/// A model server and one of its models.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    kind: Kind,
    base_url: String,
    model: String,
}

/// Information from a server about a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerInfo {
    /// Name of the server's program.
    pub server: &'static str,
    /// Context length in tokens, prompt and answer together.
    pub context: Option<u32>,
    /// Whether the model runs on a remote server, to which requests are forwarded.
    pub elsewhere: bool,
}

impl Server {
    /// A server of a kind that users run themselves; `None` for other kinds.
    pub(super) fn new(kind: Kind, base_url: &str, model: &str) -> Option<Self> {
        let (base_url, model) = (base_url.trim_end_matches('/').to_owned(), model.to_owned());
        matches!(kind, Kind::Openai | Kind::Completion | Kind::Ollama).then_some(Self {
            kind,
            base_url,
            model,
        })
    }

    /// Whether its answers are computed on this machine, at no cost.
    #[must_use]
    pub fn is_own(&self) -> bool {
        self.is_of_this_machine() && !self.is_elsewhere()
    }

    /// Whether its address is a default address of model servers on this machine.
    pub(super) fn is_of_this_machine(&self) -> bool {
        let bare = |url: &str| {
            let url = url.trim_end_matches("/v1").trim_end_matches('/');
            url.replace("localhost", "127.0.0.1")
        };
        let mut usual = SERVERS.iter().map(|(_, url)| *url).chain([OLLAMA]);
        usual.any(|url| bare(url) == bare(&self.base_url))
    }

    /// Whether the model's name means that it runs remotely, by Ollama's tags for such models.
    pub(super) fn is_elsewhere(&self) -> bool {
        self.kind == Kind::Ollama && is_cloud(&self.model)
    }

    /// Queries the server; `None` if it is not a known server or does not answer in time.
    pub async fn told(&self) -> Option<ServerInfo> {
        tokio::time::timeout(PATIENCE, self.ask()).await.ok().flatten()
    }

    async fn ask(&self) -> Option<ServerInfo> {
        if self.kind == Kind::Ollama {
            let endpoint = endpoint(&self.base_url, "api/show")?;
            return ollama(&endpoint.ask(&json!({ "model": self.model })).await.ok()?);
        }
        let root = self.base_url.trim_end_matches("/v1");
        let get = async |base: &str, path: &str| endpoint(base, path)?.get().await.ok();
        if let Some(told) = get(root, "props").await.as_ref().and_then(llama_cpp) {
            return Some(told);
        }
        let list = get(root, "api/v0/models").await;
        if let Some(told) = list.and_then(|list| lm_studio(&list, &self.model)) {
            return Some(told);
        }
        let list = get(root, "v1/models").await;
        list.and_then(|list| vllm(&list, &self.model))
    }
}

impl ServerInfo {
    const fn here(server: &'static str, context: Option<u32>) -> Self {
        Self { server, context, elsewhere: false }
    }
}

fn endpoint(base: &str, path: &str) -> Option<Endpoint> {
    Endpoint::new(base, path, HeaderMap::new(), Secret::new("")).ok()
}

/// Whether an Ollama model has the tag of a cloud model: `cloud`, or one that ends in it, such as
/// `120b-cloud`.
pub(super) fn is_cloud(model: &str) -> bool {
    let tag = model.rsplit('/').next().and_then(|name| name.split_once(':'));
    tag.is_some_and(|(_, tag)| tag == "cloud" || tag.ends_with("-cloud"))
}

/// Whether Ollama's data about a model says that it runs remotely, or that it has no local data.
pub(super) fn is_remote(entry: &Value) -> bool {
    let names = ["remote_host", "remote_model"];
    names.iter().any(|name| !is_hollow(&entry[*name])) || entry["size"] == 0
}

fn number(value: &Value) -> Option<u32> {
    value.as_u64().and_then(|n| u32::try_from(n).ok()).filter(|n| *n > 0)
}

/// The entry of a model in a list of models.
fn entry<'a>(list: &'a Value, model: &str) -> Option<&'a Value> {
    list["data"].as_array()?.iter().find(|entry| entry["id"] == model)
}

/// `GET /props` of llama.cpp's server: the context of one of its slots.
fn llama_cpp(props: &Value) -> Option<ServerInfo> {
    let settings = props.get("default_generation_settings")?;
    Some(ServerInfo::here("llama.cpp", number(&settings["n_ctx"])))
}

/// `GET /api/v0/models` of LM Studio: the context that the model was loaded with, else its maximum.
fn lm_studio(list: &Value, model: &str) -> Option<ServerInfo> {
    let entry = entry(list, model)?;
    let most = entry.get("max_context_length")?;
    let context = number(&entry["loaded_context_length"]).or_else(|| number(most));
    Some(ServerInfo::here("LM Studio", context))
}

/// `GET /v1/models` of vLLM.
fn vllm(list: &Value, model: &str) -> Option<ServerInfo> {
    let context = entry(list, model)?.get("max_model_len")?;
    Some(ServerInfo::here("vLLM", number(context)))
}

/// `POST /api/show` of Ollama: the context that the model was trained for; the key's prefix is the
/// model's family.
fn ollama(shown: &Value) -> Option<ServerInfo> {
    let facts = shown["model_info"].as_object()?;
    let context = facts.iter().find(|(key, _)| key.ends_with(".context_length"));
    let context = context.and_then(|(_, length)| number(length));
    Some(ServerInfo { elsewhere: is_remote(shown), ..ServerInfo::here("Ollama", context) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_context_size_is_read_from_known_servers_only() {
        let list = json!({"object": "list", "data": [
            {"id": "a", "max_model_len": 4096, "owned_by": "vllm"},
            {"id": "m", "max_model_len": 8192, "owned_by": "vllm"}]});
        let studio = json!({"data": [
            {"id": "m", "max_context_length": 32768, "loaded_context_length": 4096},
            {"id": "other", "max_context_length": 32768, "state": "not-loaded"}]});
        let props = json!({"default_generation_settings": {"n_ctx": 2048}, "total_slots": 8});
        let shown = json!({"model_info": {
            "general.architecture": "qwen2", "qwen2.context_length": 32768}});
        let remote = json!({"remote_host": "https://ollama.com:443", "remote_model": "m",
            "model_info": {"m.context_length": 32768}});
        let told = |server, context| Some(ServerInfo::here(server, context));
        for (read, expected) in [
            (llama_cpp(&props), told("llama.cpp", Some(2048))),
            (lm_studio(&studio, "m"), told("LM Studio", Some(4096))),
            (lm_studio(&studio, "other"), told("LM Studio", Some(32768))),
            (lm_studio(&studio, "none"), None),
            (vllm(&list, "m"), told("vLLM", Some(8192))),
            (ollama(&shown), told("Ollama", Some(32768))),
            (
                ollama(&remote),
                Some(ServerInfo { elsewhere: true, ..ServerInfo::here("Ollama", Some(32768)) }),
            ),
            // Servers that only resemble one of these.
            (llama_cpp(&json!({"error": "no such page"})), None),
            (vllm(&json!({"data": [{"id": "m", "object": "model"}]}), "m"), None),
            (lm_studio(&list, "m"), None),
            (ollama(&json!({"models": []})), None),
            (vllm(&json!({"data": [{"id": "m", "max_model_len": -1}]}), "m"), told("vLLM", None)),
        ] {
            assert_eq!(read, expected);
        }
    }

    #[test]
    fn remote_ollama_models_are_recognized_by_fields_and_tag() {
        for (entry, remote) in [
            (json!({"name": "m", "size": 4_661_224_676_u64}), false),
            (json!({"name": "m"}), false),
            (json!({"name": "m", "size": 9, "remote_host": "", "remote_model": ""}), false),
            (json!({"name": "m", "size": 384, "remote_host": "https://ollama.com:443"}), true),
            (json!({"name": "m", "size": 384, "remote_model": "big"}), true),
            (json!({"name": "m", "size": 0}), true),
        ] {
            assert_eq!(is_remote(&entry), remote, "{entry}");
        }
        for (name, cloud) in [
            ("gpt-oss:120b-cloud", true),
            ("glm-4.6:cloud", true),
            ("me/m:cloud", true),
            ("cloud", false),
            ("cloud:7b", false),
            ("m:latest", false),
            ("m:icloud", false),
        ] {
            assert_eq!(is_cloud(name), cloud, "{name}");
        }
    }

    #[test]
    fn only_usual_local_addresses_are_probed_automatically() {
        for (kind, url, usual) in [
            (Kind::Openai, "http://127.0.0.1:8080/v1", true),
            (Kind::Openai, "http://localhost:8080/v1/", true),
            (Kind::Completion, "http://127.0.0.1:8000", true),
            (Kind::Ollama, "http://127.0.0.1:11434", true),
            (Kind::Openai, "http://127.0.0.1:38080/v1", false),
            (Kind::Openai, "http://10.0.0.7:8080/v1", false),
            (Kind::Openai, "https://api.openai.com/v1", false),
        ] {
            let server = Server::new(kind, url, "m");
            assert_eq!(server.is_some_and(|s| s.is_of_this_machine()), usual, "{url}");
        }
        assert_eq!(Server::new(Kind::Anthropic, "http://127.0.0.1:8080", "m"), None);
    }
}
