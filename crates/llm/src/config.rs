//! What is configured of models: their providers, and what tokens cost.

use redraft_domain::chat::Usage;
use redraft_files::yaml::{over, values};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// All that a configuration says of models.
#[derive(Clone, Copy)]
pub struct Models<'a> {
    /// Providers by name, on top of the built-in ones.
    pub providers: &'a BTreeMap<String, ProviderConfig>,
    /// What tokens cost, by `PROVIDER/MODEL`, on top of the known prices.
    pub prices: &'a BTreeMap<String, Price>,
    /// Whether a model of this machine is asked what it is like before its first use.
    pub probe: Option<Probe>,
}

/// Whether a model of this machine is asked what it is like before its first use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Probe {
    /// In a few short calls, once.
    Auto,
    /// Not at all, and what is known of models is not used.
    Never,
}

/// One provider of models.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a map of settings")]
pub struct ProviderConfig {
    /// How it is spoken to.
    pub kind: Option<Kind>,
    /// What stands before the wire format's own path in its address.
    pub base_url: Option<String>,
    /// The environment variable that holds its key; none or empty: it needs no key.
    pub api_key_env: Option<String>,
    /// How many calls it works on at once.
    #[serde(deserialize_with = "values::positive")]
    pub parallel: Option<usize>,
    /// How many requests it is sent in a minute, by all sessions of the process together.
    #[serde(deserialize_with = "values::positive")]
    pub requests_per_minute: Option<usize>,
    /// Seconds of silence after which a call has failed.
    #[serde(deserialize_with = "values::seconds")]
    pub timeout: Option<f64>,
    /// The file of recorded answers (kind `script`).
    pub path: Option<PathBuf>,
    /// The program and its arguments (kind `command`).
    #[serde(deserialize_with = "values::command")]
    pub command: Option<Vec<String>>,
    /// How often a failed call is tried again.
    #[serde(deserialize_with = "values::count")]
    pub retries: Option<u32>,
    /// Seconds that the first wait between two tries lasts at most.
    #[serde(deserialize_with = "values::seconds")]
    pub retry_seconds: Option<f64>,
    /// How long prompt and answer can be together, in tokens; the least that is asked for (kind
    /// `ollama`).
    #[serde(deserialize_with = "values::positive")]
    pub context: Option<u32>,
    /// How messages become one prompt: a template's name, or its text (kind `completion`).
    pub template: Option<String>,
    /// Texts that end an answer, besides the template's own (kind `completion`).
    pub stop: Option<Vec<String>>,
    /// What the fields of requests and answers are called (kind `completion`).
    #[serde(deserialize_with = "values::or_default")]
    pub fields: BTreeMap<Field, String>,
    /// Further fields for each request's JSON, put over what is there (kinds that use HTTP).
    #[serde(deserialize_with = "values::or_default")]
    pub extra: BTreeMap<String, serde_json::Value>,
    /// Reviews are asked for as JSON of a given form, and the provider holds the model to it; none: where a
    /// short call shows that it does (kinds that use HTTP, without `completion`; kind `embedded`: only where this says so).
    pub structured: Option<bool>,
    /// Whose answers are held to their form (kind `embedded`).
    pub grammar: Option<Grammar>,
    /// How tokens are drawn (kind `embedded`).
    #[serde(deserialize_with = "values::or_default")]
    pub sampling: Sampling,
}

/// How the tokens of an answer are drawn, besides the temperature.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "a map of sampling settings")]
pub struct Sampling {
    /// Makes the same request give the same answer.
    #[serde(deserialize_with = "values::count")]
    pub seed: Option<u64>,
    /// The likeliest tokens that are this likely together are drawn from; 0.95.
    #[serde(deserialize_with = "values::share")]
    pub top_p: Option<f64>,
    /// A token that is less likely than this part of the likeliest is not drawn; 0.05.
    #[serde(deserialize_with = "values::share")]
    pub min_p: Option<f64>,
    /// What the score of a token that came lately is divided by; 1 for nothing.
    #[serde(deserialize_with = "values::penalty")]
    pub repetition_penalty: Option<f64>,
}

/// Whose answers are held to their form, token by token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grammar {
    /// Nobody's.
    None,
    /// Those of all agents that have a form in lines: reviews, judgements of safety, names of packages.
    #[default]
    Forms,
    /// Scripts as well: one fence, which closes and ends the answer.
    All,
}

/// What a field of a raw prompt endpoint is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// The whole prompt.
    Prompt,
    /// The model's name.
    Model,
    /// The longest answer, in tokens.
    MaxTokens,
    /// The sampling temperature.
    Temperature,
    /// The list of texts that end an answer.
    Stop,
    /// Whether the answer is to come in pieces.
    Stream,
    /// The answer, or a piece of it.
    Answer,
}

/// How a provider is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The chat completions of `OpenAI` and of all that speak like it.
    Openai,
    /// `OpenAI`'s newer endpoint.
    Responses,
    /// Anthropic's messages endpoint.
    Anthropic,
    /// Gemini's own endpoint.
    Gemini,
    /// Ollama's own chat endpoint.
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
    /// The word in the configuration.
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

/// What a model's tokens cost, in US dollars for a million.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, expecting = "a map with `input` and `output`")]
pub struct Price {
    /// A million tokens of prompt.
    #[serde(deserialize_with = "values::dollars")]
    pub input: f64,
    /// A million tokens of answer.
    #[serde(deserialize_with = "values::dollars")]
    pub output: f64,
    /// A million tokens of prompt that the provider had in its cache; none: what the others cost.
    #[serde(default, deserialize_with = "values::budget")]
    pub cached: Option<f64>,
}

impl Price {
    /// What these tokens cost in US dollars.
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
    /// Lays `later` over this, field by field.
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
