//! A session with everything that is known of it.

use super::{
    Finding, Plan, Question, Requirement, Version, dialogue, matrix, status, version, words,
};
use crate::domain::chat::{Role, Usage};
use crate::domain::event::DataFile;
use crate::domain::permission::Permission;
use crate::domain::report::Evidence;
use crate::domain::session;
use crate::domain::settings::{Preset, Settings};
use crate::workflow::permission;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// A session as it stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Session {
    /// Its name.
    pub name: String,
    /// The format of its folder.
    pub format: u32,
    /// `script`, or `ask` for a session that answers questions.
    pub kind: &'static str,
    /// The task, as given.
    pub request: String,
    /// The way of working.
    pub preset: Preset,
    /// The model of each role, as `PROVIDER/MODEL`.
    pub models: BTreeMap<Role, String>,
    /// Where it stands, as one word: `accepted`, `waiting`, `paused`, `answered`, `unanswered`.
    pub status: &'static str,
    /// Where it stands, in words: `accepted v3 (ran)`, `at the version gate`.
    pub state: String,
    /// What it runs with.
    pub settings: Settings,
    /// What its scripts may reach outside their run folder.
    pub allowed: Vec<Permission>,
    /// What was allowed elsewhere, and counts once it is allowed here.
    pub allowed_elsewhere: BTreeSet<Permission>,
    /// Where it was forked from, as `NAME:vN`.
    pub forked_from: Option<String>,
    /// Files of data that the user gave.
    pub data: Vec<DataFile>,
    /// Acceptance tests that the user gave.
    pub tests: Vec<DataFile>,
    /// The plan that stands.
    pub plan: Option<Plan>,
    /// A plan that waits for approval.
    pub proposal: Option<Plan>,
    /// The examples that every version is held against, each in the form of a plan's line.
    pub examples: Vec<String>,
    /// The version that work goes on from.
    pub head: Option<u32>,
    /// The accepted version.
    pub accepted: Option<u32>,
    /// How much was seen of the accepted version.
    pub evidence: Option<Evidence>,
    /// What a model says that the accepted version's output means for the question, where it was read.
    pub answer: Option<String>,
    /// Why it waits.
    pub paused: Option<String>,
    /// All versions, oldest first, without their scripts.
    pub versions: Vec<Version>,
    /// Requirements by versions.
    pub requirements: Vec<Requirement>,
    /// All findings of the ledger, in the order of their ids.
    pub findings: Vec<Finding>,
    /// The questions of a session that answers such.
    pub questions: Option<Vec<Question>>,
    /// Tokens of all calls, taken apart.
    pub usage: Usage,
    /// Tokens of all calls.
    pub tokens: u64,
    /// Calls of models that ended.
    pub calls: usize,
    /// Seconds of all calls, added up.
    pub seconds: f64,
    /// US dollars of all calls, where a price is known.
    pub usd: Option<f64>,
    /// Tokens, calls and money in words.
    pub spent: String,
    /// When it was made.
    pub created: String,
    /// When its last event happened.
    pub updated: String,
}

impl Session {
    /// A session as it stands.
    #[must_use]
    pub fn of(session: &session::Session) -> Self {
        let (calls, planning) = (&session.calls, &session.planning);
        let model = |(role, settings): (&Role, &crate::domain::settings::RoleSettings)| {
            (*role, settings.model.clone())
        };
        let script = session.head().map(|head| head.script.as_str());
        Self {
            name: session.name.clone(),
            format: session.format,
            kind: status::kind(session),
            request: session.request.clone(),
            preset: session.settings.preset,
            models: session.settings.roles.iter().map(model).collect(),
            status: status::word(session),
            state: status::words(session),
            settings: session.settings.clone(),
            allowed: permission::allowed(session),
            allowed_elsewhere: session.elsewhere.clone(),
            forked_from: session.forked_from.clone(),
            data: session.data.clone(),
            tests: session.tests.clone(),
            plan: planning.plan.as_ref().map(Plan::of),
            proposal: planning.proposal.as_ref().map(Plan::of),
            examples: session.all_examples().map(ToString::to_string).collect(),
            head: session.head,
            accepted: session.accepted.map(|a| a.version),
            evidence: session.accepted.and_then(|a| a.evidence),
            answer: session.interpreted.as_ref().and_then(|(_, answer)| answer.clone()),
            paused: session.paused.clone(),
            versions: session.versions.iter().map(|v| Version::of(session, v)).collect(),
            requirements: matrix(session),
            findings: session.ledger.iter().map(|f| Finding::of(f, script)).collect(),
            questions: dialogue::questions(session),
            usage: calls.usage,
            tokens: calls.usage.total(),
            calls: calls.finished.values().sum(),
            seconds: version::seconds(calls.milliseconds),
            usd: calls.priced.then_some(calls.usd),
            spent: words::spent(session),
            created: session.created.clone(),
            updated: session.updated.clone(),
        }
    }
}
