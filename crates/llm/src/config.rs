//! Configuration of models: providers and prices.

use redraft_domain::chat::Usage;
use redraft_files::yaml::{over, values};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// All model settings of the configuration.
#[derive(Clone, Copy)]
pub struct Models<'a> {
    /// Providers by name, in addition to the built-in ones.
    pub providers: &'a BTreeMap<String, ProviderConfig>,
    /// Prices by `PROVIDER/MODEL`, in addition to the known prices.
    pub prices: &'a BTreeMap<String, Price>,
    /// Whether local models are probed before their first use.
    pub probe: Option<Probe>,
}

/// Whether local models are probed before their first use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Probe {
    /// Once, with a few short calls.
    Auto,
    /// Never, and stored probe results are ignored.
    Never,
}

/// Settings of one provider.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a map of settings")]
pub struct ProviderConfig {
    /// API of the provider.
    pub kind: Option<Kind>,
    /// Base URL, before the path of the wire format.
    pub base_url: Option<String>,
    /// Environment variable of its key; the provider needs no key if it is missing or empty.
    pub api_key_env: Option<String>,
    /// Number of parallel calls.
    #[serde(deserialize_with = "values::positive")]
    pub parallel: Option<usize>,
    /// Maximum requests per minute, for all sessions of the process together.
    #[serde(deserialize_with = "values::positive")]
    pub requests_per_minute: Option<usize>,
    /// Seconds of silence after which a call fails.
    #[serde(deserialize_with = "values::seconds")]
    pub timeout: Option<f64>,
    /// File of recorded answers (kind `script`).
    pub path: Option<PathBuf>,
    /// The program and its arguments (kind `command`).
    #[serde(deserialize_with = "values::command")]
    pub command: Option<Vec<String>>,
    /// Number of retries of a failed call.
    #[serde(deserialize_with = "values::count")]
    pub retries: Option<u32>,
    /// Maximum seconds of the first wait between two attempts.
    #[serde(deserialize_with = "values::seconds")]
    pub retry_seconds: Option<f64>,
    /// Context length in tokens, prompt and answer together; the minimum that is requested (kind
    /// `ollama`).
    #[serde(deserialize_with = "values::positive")]
    pub context: Option<u32>,
    /// How messages are combined into one prompt: name of a template, or its text (kind
    /// `completion`).
    pub template: Option<String>,
    /// Stop texts, in addition to the template's (kind `completion`).
    pub stop: Option<Vec<String>>,
    /// Names of the fields of requests and answers (kind `completion`).
    #[serde(deserialize_with = "values::or_default")]
    pub fields: BTreeMap<Field, String>,
    /// Additional JSON fields of each request, overriding existing ones (kinds that use HTTP).
    #[serde(deserialize_with = "values::or_default")]
    pub extra: BTreeMap<String, serde_json::Value>,
    /// Whether reviews are requested as JSON with a schema that the provider enforces. If it is
    /// missing, a short test call decides (kinds that use HTTP, except `completion`); kind
    /// `embedded` needs `true`.
    pub structured: Option<bool>,
    /// Agents whose answers are constrained to their form (kind `embedded`).
    pub grammar: Option<Grammar>,
    /// Sampling settings (kind `embedded`).
    #[serde(deserialize_with = "values::or_default")]
    pub sampling: Sampling,
}

/// Sampling settings besides the temperature.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a map of sampling settings")]
pub struct Sampling {
    /// Seed of the random generator, for reproducible answers.
    #[serde(deserialize_with = "values::count")]
    pub seed: Option<u64>,
    /// Nucleus sampling: only the most likely tokens with this total probability; default 0.95.
    #[serde(deserialize_with = "values::share")]
    pub top_p: Option<f64>,
    /// Only tokens with at least this fraction of the highest probability; default 0.05.
    #[serde(deserialize_with = "values::share")]
    pub min_p: Option<f64>,
    /// Divisor of the scores of recent tokens; 1 turns it off.
    #[serde(deserialize_with = "values::penalty")]
    pub repetition_penalty: Option<f64>,
}

/// Agents whose answers are constrained to their form, token by token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grammar {
    /// None.
    None,
    /// All agents with a line format: reviews, safety judgements, package names.
    #[default]
    Forms,
    /// Scripts as well: one code fence, whose end is the end of the answer.
    All,
}

/// Purpose of a field of a raw prompt endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// The whole prompt.
    Prompt,
    /// The model's name.
    Model,
    /// Maximum length of the answer, in tokens.
    MaxTokens,
    /// Sampling temperature.
    Temperature,
    /// List of stop texts.
    Stop,
    /// Whether the answer is streamed.
    Stream,
    /// The answer, or a chunk of it.
    Answer,
}

/// API of a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Chat completions of `OpenAI` and compatible servers.
    Openai,
    /// `OpenAI`'s newer responses API.
    Responses,
    /// Anthropic's messages API.
    Anthropic,
    /// Gemini's own API.
    Gemini,
    /// Ollama's own chat API.
    Ollama,
    /// A program that reads messages and writes the answer.
    Command,
    /// Recorded answers.
    Script,
    /// A raw prompt endpoint.
    Completion,
    /// A model inside the process.
    Embedded,
}

impl Kind {
    /// Name in the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Openai => "openai",
            Self::Responses => "responses",
            Self::Gemini => "gemini",
            Self::Anthropic => "anthropic",
            Self::Ollama => "ollama",
            Self::Command => "command",
            Self::Script => "script",
            Self::Completion => "completion",
            Self::Embedded => "embedded",
        }
    }
}

/// Prices in US dollars per million tokens.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a map with `input` and `output`")]
pub struct Price {
    /// Prompt tokens.
    #[serde(deserialize_with = "values::dollars")]
    pub input: f64,
    /// Answer tokens.
    #[serde(deserialize_with = "values::dollars")]
    pub output: f64,
    /// Prompt tokens from the provider's cache; the same as `input` if missing.
    #[serde(default, deserialize_with = "values::budget")]
    pub cached: Option<f64>,
}

impl Price {
    /// The cost of these tokens in US dollars.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "no count of tokens reaches 2^52")]
    pub fn of(self, usage: Usage) -> f64 {
        let cached = usage.cached.min(usage.prompt);
        let prompt = (usage.prompt - cached) as f64 * self.input;
        let cached = cached as f64 * self.cached.unwrap_or(self.input);
        (prompt + cached + usage.answer as f64 * self.output) / 1e6
    }
}

impl ProviderConfig {
    /// Overrides these settings with those that `later` has.
    pub fn merge(&mut self, later: Self) {
        over(&mut self.kind, later.kind);
        over(&mut self.base_url, later.base_url);
        over(&mut self.api_key_env, later.api_key_env);
        over(&mut self.parallel, later.parallel);
        over(&mut self.requests_per_minute, later.requests_per_minute);
        over(&mut self.structured, later.structured);
        over(&mut self.grammar, later.grammar);
        over(&mut self.timeout, later.timeout);
        over(&mut self.path, later.path);
        over(&mut self.command, later.command);
        over(&mut self.retries, later.retries);
        over(&mut self.retry_seconds, later.retry_seconds);
        over(&mut self.context, later.context);
        self.sampling.merge(later.sampling);
        over(&mut self.template, later.template);
        over(&mut self.stop, later.stop);
        self.fields.extend(later.fields);
        self.extra.extend(later.extra);
    }
}

impl Sampling {
    fn merge(&mut self, later: Self) {
        over(&mut self.seed, later.seed);
        over(&mut self.top_p, later.top_p);
        over(&mut self.min_p, later.min_p);
        over(&mut self.repetition_penalty, later.repetition_penalty);
    }
}
