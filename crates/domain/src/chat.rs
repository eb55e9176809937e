//! Prompts and answers of a model: agents, roles, messages, tools and token counts.

use serde::{Deserialize, Serialize};
use std::fmt;

/// One kind of prompt: it has its own template and its own parser for the answer.
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
    /// Names the packages that provide modules.
    Dependencies,
    /// Looks for defects in a version before it is run.
    Inspector,
    /// Explains a failure that could not be repaired.
    Analysis,
    /// Answers a question by running code.
    Engineer,
    /// Finds the arguments and input in the request that the script is tried with.
    Tries,
    /// Answers the user's question from the output of a run.
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

    /// Name in template files, chat files and the journal.
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

    /// The role whose model and temperature the agent uses: repairs are the Coder's work.
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

/// A part in the workflow, with a model of its own in the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Works out the plan.
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
    /// Fixes the lint findings of a version that works, if the Coder is not used for that.
    Linter,
}

impl Role {
    /// Roles that the guided workflow uses.
    pub const WORKFLOW: [Self; 3] = [Self::Planner, Self::Coder, Self::Reviewer];

    /// Name in the configuration.
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

/// The author of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Speaker {
    /// Standing instructions.
    System,
    /// The program.
    User,
    /// The model, in an earlier answer.
    Assistant,
    /// The result of a tool that the model called.
    Tool,
}

impl Speaker {
    /// Role name, the same in every chat wire format.
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
    /// Author.
    pub role: Speaker,
    /// Text.
    pub content: String,
    /// Tool calls in this message.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<ToolCall>,
    /// For a tool result: the `id` of the call that it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answers: Option<String>,
}

/// A tool that a model may call instead of answering.
#[derive(Clone, Debug, PartialEq)]
pub struct Tool {
    /// Name: letters, digits and underscores.
    pub name: String,
    /// Description for the model.
    pub description: String,
    /// Parameters, as a JSON schema of an object.
    pub parameters: serde_json::Value,
}

/// A model's call of a tool.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCall {
    /// Identifier that the tool's result refers to.
    pub id: String,
    /// The tool's name, as the model wrote it.
    pub name: String,
    /// Arguments as JSON, not checked against the tool's schema. A JSON string if the model's text
    /// is not valid JSON.
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

    /// An answer of the model, with its tool calls.
    pub fn assistant(content: impl Into<String>, calls: Vec<ToolCall>) -> Self {
        Self { calls, ..Self::by(Speaker::Assistant, content) }
    }

    /// The result of a tool call.
    pub fn tool(call: &ToolCall, content: impl Into<String>) -> Self {
        Self { answers: Some(call.id.clone()), ..Self::by(Speaker::Tool, content) }
    }

    fn by(role: Speaker, content: impl Into<String>) -> Self {
        Self { role, content: content.into(), calls: Vec::new(), answers: None }
    }
}

/// A request to a model: the prompt, the sampling and the limits.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// The agent that asks; recorded answers are looked up by it.
    pub agent: Agent,
    /// The whole prompt.
    pub messages: Vec<Message>,
    /// Sampling temperature; 0 always takes the most likely token.
    pub temperature: f64,
    /// Maximum length of the answer, in tokens.
    pub max_tokens: u32,
    /// Tools that the model may call; sent only to models that support tools.
    pub tools: Vec<Tool>,
    /// JSON schema of an object that the answer must match; used only with providers that can
    /// enforce a schema.
    pub schema: Option<serde_json::Value>,
    /// Pattern that the whole answer, with its prefill, must match; used only with models whose
    /// output can be constrained. Supports only repeats, classes and alternatives.
    pub form: Option<String>,
}

impl Request {
    /// A request at temperature 0, without tools, schema or form.
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

    /// The prefill: the beginning of the answer, which is the last message if its author is the
    /// assistant. Only models that can continue from a prefill get one.
    #[must_use]
    pub fn prefill(&self) -> &str {
        split_prefill(&self.messages).1
    }

    /// The latest tool call with this id in an earlier answer.
    #[must_use]
    pub fn call(&self, id: &str) -> Option<&ToolCall> {
        self.messages.iter().rev().flat_map(|message| &message.calls).find(|call| call.id == id)
    }

    /// Tokens of the prompt, estimated on the high side: every message adds a few tokens of
    /// framing, and code has more tokens than prose.
    #[must_use]
    pub fn prompt_tokens(&self) -> u64 {
        let prompt = Usage::estimate(&self.messages, "").prompt;
        prompt + prompt / 4 + 16 * self.messages.len() as u64
    }
}

/// Splits a prompt into its messages and the prefill of the answer; the prefill is empty if there
/// is none.
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
    /// The model ended it.
    Whole,
    /// It reached the length limit.
    Cut,
    /// The provider or the model declined to answer.
    Refused,
}

/// Token counts of one or more calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Tokens of the prompts.
    pub prompt: u64,
    /// Tokens of the answers, including reasoning.
    pub answer: u64,
    /// Prompt tokens that came from the provider's cache.
    #[serde(default, skip_serializing_if = "super::is_default")]
    pub cached: u64,
    /// The provider reported no count; the counts are estimates at four bytes a token.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub estimated: bool,
}

impl Usage {
    /// Estimates the counts for a provider that reports none, at four bytes a token, as for English
    /// and code.
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
        // Counts come from the server and may be nonsense.
        self.prompt = self.prompt.saturating_add(other.prompt);
        self.answer = self.answer.saturating_add(other.answer);
        self.cached = self.cached.saturating_add(other.cached);
        self.estimated |= other.estimated;
    }
}
