//! The full view of a session.

use super::{
    Finding, Plan, Question, Requirement, Version, dialogue, matrix, status, version, words,
};
use crate::domain::chat::{Role, Usage};
use crate::domain::event::DataFile;
use crate::domain::permission::Permission;
use crate::domain::report::Evidence;
use crate::domain::session;
use crate::domain::settings::{Preset, Settings};
use crate::findings::ledger;
use crate::workflow::permission;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// A session.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Session {
    /// Its name.
    pub name: String,
    /// The format version of its folder.
    pub format: u32,
    /// `script`, or `ask` for a session that answers questions.
    pub kind: &'static str,
    /// The task, as the user wrote it.
    pub request: String,
    /// The preset.
    pub preset: Preset,
    /// The model of each role, as `PROVIDER/MODEL`.
    pub models: BTreeMap<Role, String>,
    /// The status as one word: `accepted`, `waiting`, `paused`, `answered`, `unanswered`.
    pub status: &'static str,
    /// The status as text: `accepted v3 (ran)`, `at the version gate`.
    pub state: String,
    /// Its settings.
    pub settings: Settings,
    /// The permissions of its scripts.
    pub allowed: Vec<Permission>,
    /// Permissions from another user or machine, which count once they are granted here.
    pub allowed_elsewhere: BTreeSet<Permission>,
    /// The version it was forked from, as `NAME:vN`.
    pub forked_from: Option<String>,
    /// The user's data files.
    pub data: Vec<DataFile>,
    /// The user's test files.
    pub tests: Vec<DataFile>,
    /// The approved plan.
    pub plan: Option<Plan>,
    /// A proposed plan that awaits approval.
    pub proposal: Option<Plan>,
    /// The examples that every version is tested on, in the form used in a plan.
    pub examples: Vec<String>,
    /// The version that the next one is based on.
    pub head: Option<u32>,
    /// The accepted version.
    pub accepted: Option<u32>,
    /// The evidence for the accepted version.
    pub evidence: Option<Evidence>,
    /// The model's interpretation of the accepted version's output, if there is one.
    pub answer: Option<String>,
    /// Why it is paused.
    pub paused: Option<String>,
    /// All versions, oldest first, without their scripts.
    pub versions: Vec<Version>,
    /// The status of the requirements over the versions.
    pub requirements: Vec<Requirement>,
    /// All findings of the ledger, ordered by id.
    pub findings: Vec<Finding>,
    /// The questions of a session that answers questions.
    pub questions: Option<Vec<Question>>,
    /// Tokens of all calls, by kind.
    pub usage: Usage,
    /// Tokens of all calls.
    pub tokens: u64,
    /// Number of finished model calls.
    pub calls: usize,
    /// Duration of all calls, in seconds.
    pub seconds: f64,
    /// Cost of all calls in US dollars, where prices are known.
    pub usd: Option<f64>,
    /// Tokens, calls and cost as text.
    pub spent: String,
    /// When it was created.
    pub created: String,
    /// When its last event was recorded.
    pub updated: String,
}

impl Session {
    /// The view of a session.
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
            findings: ledger::findings(session).map(|f| Finding::of(f, script)).collect(),
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
