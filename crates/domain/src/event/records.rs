//! Records of the events with many fields.

use super::Artifact;
use crate::chat::{Agent, Message, Outcome, ToolCall, Usage};
use crate::dialogue::Piece;
use crate::report::{Checks, Run, Test, Trial};
use crate::settings::Settings;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a stuck session tries before it asks the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Escalation {
    /// A higher temperature.
    Warmer,
    /// The model of `roles.coder.escalate_to`.
    Stronger,
}

/// See [`super::Event::SessionCreated`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SessionCreated {
    /// Format number of this folder.
    pub format: u32,
    /// The program that created it.
    pub program: String,
    /// The session's name.
    pub name: String,
    /// The user's request, verbatim.
    pub request: String,
    /// Initial settings.
    pub settings: Settings,
    /// Data files that the user added.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub data: Vec<super::DataFile>,
    /// The user's acceptance tests.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tests: Vec<super::DataFile>,
    /// Names of the script that these tests use.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub interface: Vec<String>,
    /// The session and version that it was forked from, as `NAME:vN`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forked_from: Option<String>,
    /// `session.yaml`.
    #[serde(flatten)]
    pub artifact: Artifact,
}

/// See [`super::Event::ModelCallStarted`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallStarted {
    /// The call's number in this session, from 1.
    pub call: u32,
    /// The agent that asks.
    pub agent: Agent,
    /// The version that the call is about, or that its answer is to become.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// `PROVIDER/MODEL`.
    pub model: String,
    /// Sampling temperature.
    pub temperature: f64,
    /// Maximum length of the answer, in tokens.
    pub max_tokens: u32,
    /// The answer was requested as JSON of a fixed form.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub structured: bool,
    /// The whole prompt.
    pub messages: Vec<Message>,
}

/// See [`super::Event::ModelCallFinished`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallFinished {
    /// The call's number.
    pub call: u32,
    /// The agent that asked.
    pub agent: Agent,
    /// How the answer ended.
    pub outcome: Outcome,
    /// The answer began to repeat itself and was cut off there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub repeats: bool,
    /// The call was stopped after the script, without waiting for the text after it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub enough: bool,
    /// The answer, as received.
    pub answer: String,
    /// The model's reasoning, if the provider returns it separately.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reasoning: String,
    /// Tool calls in the answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<ToolCall>,
    /// Token counts.
    pub usage: Usage,
    /// Cost in US dollars, if the price is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usd: Option<f64>,
    /// The cost uses the list price of a well-known model, because the configuration has none.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub usual_price: bool,
    /// Time from the request to the end of the answer.
    pub milliseconds: u64,
    /// The chat file.
    #[serde(flatten)]
    pub artifact: Artifact,
}

/// See [`super::Event::SampleTried`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SampleTried {
    /// The version that it may become.
    pub version: u32,
    /// Number of the candidate.
    pub sample: u32,
    /// The static checks.
    pub checks: Checks,
    /// Its run; `None` if a check failed, or scripts are not run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<Run>,
    /// Its standard output, up to the limit.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub stdout: String,
    /// Its error output, up to the limit.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub stderr: String,
    /// Results of the user's tests, if it ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tests: Option<Vec<Test>>,
    /// See [`crate::session::Sample::behaviour`].
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub behaviour: BTreeMap<String, String>,
    /// See [`crate::session::Sample::trials`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trials: Vec<Trial>,
}

/// See [`super::Event::Replied`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Replied {
    /// Number of the model call.
    pub call: u32,
    /// Text of the reply besides the code.
    pub said: String,
    /// The code to run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pieces: Vec<Piece>,
    /// Message to the model if the reply has no code that can be run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// See [`super::Event::RunFinished`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunFinished {
    /// The version.
    pub version: u32,
    /// Result of the run.
    pub run: Run,
    /// Its standard output, up to the limit.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub stdout: String,
    /// Its error output, up to the limit.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub stderr: String,
    /// `report_vN.yaml`, with the run.
    #[serde(flatten)]
    pub artifact: Artifact,
    /// `run_vN/stdout.txt` and `run_vN/stderr.txt`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<Artifact>,
}
