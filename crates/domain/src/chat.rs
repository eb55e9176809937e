//! What is said to a model and what comes back.

use serde::{Deserialize, Serialize};
use std::fmt;

/// One of the program's prompts to a model: which template, which way of reading the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Agent {
    /// Proposes numbered requirements for the request.
    Planner,
    /// Writes the whole script.
    Coder,
    /// Writes the whole script again after a check or a run failed.
    Repair,
    /// Compares a version with the plan.
    Reviewer,
    /// Judges whether a version is safe to run.
    Safety,
    /// Names packages for modules.
    Dependencies,
    /// Looks for what is wrong in a version before it is run.
    Inspector,
    /// Explains a failure that could not be repaired.
    Analysis,
    /// Answers a question by having code run.
    Engineer,
    /// Finds what the request says that the script is tried with.
    Tries,
    /// Puts the output of a run into words, for the question that was asked.
    Interpretation,
}

impl Agent {
    /// Every agent, in the order in which a session first needs them.
    pub const ALL: [Self; 11] = [
        Self::Planner,
        Self::Coder,
        Self::Repair,
        Self::Reviewer,
        Self::Safety,
        Self::Dependencies,
        Self::Inspector,
        Self::Analysis,
        Self::Engineer,
        Self::Tries,
        Self::Interpretation,
    ];

    /// The name in template files, chat files and the journal.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Planner => "planner",
            Self::Coder => "coder",
            Self::Repair => "repair",
            Self::Reviewer => "reviewer",
            Self::Safety => "safety",
            Self::Dependencies => "dependencies",
            Self::Inspector => "inspector",
            Self::Analysis => "analysis",
            Self::Engineer => "engineer",
            Self::Tries => "tries",
            Self::Interpretation => "interpretation",
        }
    }

    /// Whose model and temperature it uses: repairs are the Coder's work.
    #[must_use]
    pub const fn role(self) -> Role {
        match self {
            Self::Planner | Self::Tries => Role::Planner,
            Self::Coder | Self::Repair => Role::Coder,
            Self::Reviewer | Self::Inspector | Self::Analysis | Self::Interpretation => {
                Role::Reviewer
            }
            Self::Safety => Role::Safety,
            Self::Dependencies => Role::Dependencies,
            Self::Engineer => Role::Engineer,
        }
    }
}

/// A part in the workflow that a model can be chosen for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Talks the plan through.
    Planner,
    /// Writes and repairs versions.
    Coder,
    /// Compares versions with the plan.
    Reviewer,
    /// Judges whether a script is safe to run.
    Safety,
    /// Names packages for imports.
    Dependencies,
    /// Answers questions with a tool that runs code.
    Engineer,
    /// Mends the lint findings of a version that works, where the Coder is not to do that.
    Linter,
}

impl Role {
    /// The roles that the guided workflow asks.
    pub const WORKFLOW: [Self; 3] = [Self::Planner, Self::Coder, Self::Reviewer];

    /// The role's name in the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Planner => "planner",
            Self::Coder => "coder",
            Self::Reviewer => "reviewer",
            Self::Safety => "safety",
            Self::Dependencies => "dependencies",
            Self::Engineer => "engineer",
            Self::Linter => "linter",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Who speaks in a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Speaker {
    /// Standing instructions.
    System,
    /// What the program asks.
    User,
    /// What the model answered earlier.
    Assistant,
    /// What a tool gave that the model called.
    Tool,
}

impl Speaker {
    /// The name that every chat wire format uses.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
            Self::Tool => "tool",
        }
    }
}

/// One message of a prompt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Who speaks.
    pub role: Speaker,
    /// What is said.
    pub content: String,
    /// The tools that the model called with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<ToolCall>,
    /// Of a tool: the `id` of the call that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answers: Option<String>,
}

/// Something that a model can have done instead of answering.
#[derive(Clone, Debug, PartialEq)]
pub struct Tool {
    /// Its name: letters, digits and underscores.
    pub name: String,
    /// What it does, for the model.
    pub description: String,
    /// What it takes, as a JSON schema of an object.
    pub parameters: serde_json::Value,
}

/// A model's wish to have a tool used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCall {
    /// What the tool's answer has to name.
    pub id: String,
    /// The tool's name, as the model wrote it.
    pub name: String,
    /// What it is given, as JSON; not checked against the tool's schema. A text where the model
    /// wrote no JSON.
    pub arguments: serde_json::Value,
}

impl Message {
    /// A message of standing instructions.
    pub fn system(content: impl Into<String>) -> Self {
        Self::by(Speaker::System, content)
    }

    /// A message from the program.
    pub fn user(content: impl Into<String>) -> Self {
        Self::by(Speaker::User, content)
    }

    /// What the model answered, and the tools that it called.
    pub fn assistant(content: impl Into<String>, calls: Vec<ToolCall>) -> Self {
        Self { calls, ..Self::by(Speaker::Assistant, content) }
    }

    /// What a tool gave.
    pub fn tool(call: &ToolCall, content: impl Into<String>) -> Self {
        Self { answers: Some(call.id.clone()), ..Self::by(Speaker::Tool, content) }
    }

    fn by(role: Speaker, content: impl Into<String>) -> Self {
        Self { role, content: content.into(), calls: Vec::new(), answers: None }
    }
}

/// What is asked of a model: the prompt, the sampling and the limits.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// Which agent asks; recorded answers are looked up by it.
    pub agent: Agent,
    /// The whole prompt.
    pub messages: Vec<Message>,
    /// Sampling temperature, 0 for the most likely text.
    pub temperature: f64,
    /// The longest answer, in tokens.
    pub max_tokens: u32,
    /// The tools that it may call; only models that take tools are told of them.
    pub tools: Vec<Tool>,
    /// What the answer has to be, as a JSON schema of an object; only for models whose provider can
    /// hold them to one.
    pub schema: Option<serde_json::Value>,
    /// What the answer has to be, as a pattern that the whole of it matches, with what it was begun with;
    /// only for models that can be held to one. Repeats, classes and alternatives only.
    pub form: Option<String>,
}

impl Request {
    /// A prompt for the most likely text, without tools, schema and form.
    #[must_use]
    pub fn new(agent: Agent, messages: Vec<Message>, max_tokens: u32) -> Self {
        Self {
            agent,
            messages,
            temperature: 0.0,
            max_tokens,
            tools: Vec::new(),
            schema: None,
            form: None,
        }
    }

    /// How the answer begins already: the last message, where the model itself speaks it. Only models
    /// that go on from there are asked so.
    #[must_use]
    pub fn prefill(&self) -> &str {
        split_prefill(&self.messages).1
    }

    /// The latest call with this id, made in an earlier answer.
    #[must_use]
    pub fn call(&self, id: &str) -> Option<&ToolCall> {
        self.messages.iter().rev().flat_map(|message| &message.calls).find(|call| call.id == id)
    }

    /// The tokens that the prompt takes, rather too many than too few: every message costs a few
    /// for its frame, and code has more tokens than prose.
    #[must_use]
    pub fn prompt_tokens(&self) -> u64 {
        let prompt = Usage::estimate(&self.messages, "").prompt;
        prompt + prompt / 4 + 16 * self.messages.len() as u64
    }
}

/// The messages of a prompt without the beginning of its answer, and that beginning.
#[must_use]
pub fn split_prefill(messages: &[Message]) -> (&[Message], &str) {
    match messages {
        [before @ .., last] if last.role == Speaker::Assistant => (before, &last.content),
        all => (all, ""),
    }
}

/// How an answer that arrived ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The model said that it was done.
    Whole,
    /// The answer met the limit of its length.
    Cut,
    /// The provider or the model declined to answer.
    Refused,
}

/// Tokens of one or of many calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens of the prompts.
    pub prompt: u64,
    /// Tokens of the answers, with reasoning.
    pub answer: u64,
    /// Of the prompt, those that the provider had in its cache.
    #[serde(default, skip_serializing_if = "super::is_default")]
    pub cached: u64,
    /// The provider gave no count: four bytes were taken for a token.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub estimated: bool,
}

impl Usage {
    /// A guess for a provider that counts nothing: four bytes a token, as for English and code.
    #[must_use]
    pub fn estimate(messages: &[Message], answer: &str) -> Self {
        let called = |m: &Message| -> usize {
            m.calls.iter().map(|call| call.arguments.to_string().len()).sum()
        };
        let prompt: usize = messages.iter().map(|m| m.content.len() + called(m)).sum();
        Self {
            prompt: prompt.div_ceil(4) as u64,
            answer: answer.len().div_ceil(4) as u64,
            cached: 0,
            estimated: true,
        }
    }

    /// Prompt and answer together.
    #[must_use]
    pub const fn total(self) -> u64 {
        self.prompt.saturating_add(self.answer)
    }

    /// Adds another call's tokens.
    pub const fn add(&mut self, other: Self) {
        // What a server counts is its own word, and may be nonsense.
        self.prompt = self.prompt.saturating_add(other.prompt);
        self.answer = self.answer.saturating_add(other.answer);
        self.cached = self.cached.saturating_add(other.cached);
        self.estimated |= other.estimated;
    }
}
