//! The events that carry much, as types of their own.

use super::Artifact;
use crate::chat::{Agent, Message, Outcome, ToolCall, Usage};
use crate::dialogue::Piece;
use crate::report::{Checks, Run, Test, Trial};
use crate::settings::Settings;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a stuck session tries before it asks.
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
    /// The format of this folder.
    pub format: u32,
    /// The program that made it.
    pub program: String,
    /// The session's name.
    pub name: String,
    /// The task, as given.
    pub request: String,
    /// What it runs with.
    pub settings: Settings,
    /// Files that the Manager gave.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub data: Vec<super::DataFile>,
    /// Acceptance tests that the Manager gave.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tests: Vec<super::DataFile>,
    /// The names that these use of the script.
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
    /// Who asks.
    pub agent: Agent,
    /// The version that it is about, or that it is to become.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u32>,
    /// `PROVIDER/MODEL`.
    pub model: String,
    /// Sampling temperature.
    pub temperature: f64,
    /// The longest answer in tokens.
    pub max_tokens: u32,
    /// The answer was to be JSON of a given form.
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
    /// Who asked.
    pub agent: Agent,
    /// How the answer ended.
    pub outcome: Outcome,
    /// It began to repeat itself and was cut off there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub repeats: bool,
    /// The script was there, and what was said after it was not waited for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub enough: bool,
    /// The answer, as received.
    pub answer: String,
    /// What the model thought aloud, where the provider keeps that apart.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reasoning: String,
    /// The tools that the model called with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<ToolCall>,
    /// Tokens.
    pub usage: Usage,
    /// Money in US dollars, where the price is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usd: Option<f64>,
    /// That is the usual price of a well-known model, which the configuration does not name.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub usual_price: bool,
    /// From the request to the end of the answer.
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
    /// Its number.
    pub sample: u32,
    /// The static checks.
    pub checks: Checks,
    /// Its run; none if a check failed, or nothing is run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<Run>,
    /// What it printed, within the limit.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub stdout: String,
    /// Its error output, within the limit.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub stderr: String,
    /// The Manager's tests, where it ran.
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
    /// The model call.
    pub call: u32,
    /// What the model said besides the code.
    pub said: String,
    /// The code that it wants to have run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pieces: Vec<Piece>,
    /// What it is told of an answer that holds nothing that can be run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// See [`super::Event::RunFinished`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunFinished {
    /// The version.
    pub version: u32,
    /// How it went.
    pub run: Run,
    /// What it printed, within the limit.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub stdout: String,
    /// Its error output, within the limit.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub stderr: String,
    /// `report_vN.yaml`, with the run.
    #[serde(flatten)]
    pub artifact: Artifact,
    /// `run_vN/stdout.txt` and `run_vN/stderr.txt`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<Artifact>,
}
