//! Everything that happens in a session, as recorded in the journal.
//!
//! An event carries enough to write its artifact again. Fields may be added; a change of meaning
//! needs a new format number.

mod records;

pub use records::{
    CallFinished, CallStarted, Escalation, Replied, RunFinished, SampleTried, SessionCreated,
};

use super::example::Example;
use super::packages::Needs;
use super::permission::Permission;
use super::plan::Requirement;
use super::report::{CapabilityKind, Checks, Evidence, Judged, Scored, Split, Test};
use super::review::{Answered, Finding, Review};
use super::settings::Settings;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Format number that this program writes.
pub const FORMAT: u32 = 1;

/// Maximum length of a script, plan or text of the user, in bytes.
pub const LONGEST_TEXT: usize = 1 << 20;

/// A file in the session's folder that is derived from the journal. New events leave it empty: the
/// store fills it in when it writes the file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    /// Path relative to the session's folder, separated by `/`.
    pub file: String,
    /// SHA-256 of its content, in hexadecimal.
    pub sha256: String,
    /// Length in bytes.
    pub bytes: u64,
}

/// Who answered at a gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// A person.
    Manager,
    /// The rules of `--auto`.
    Auto,
}

/// Why a version was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// The first version.
    First,
    /// A check or the run failed.
    Repair,
    /// The Reviewer's findings.
    Review,
    /// The user's feedback, or a changed plan.
    Feedback,
    /// Written by hand.
    Manager,
    /// Code to help answer a question.
    Question,
}

impl Cause {
    /// Name in the journal and on the screen.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Repair => "repair",
            Self::Review => "review",
            Self::Feedback => "feedback",
            Self::Manager => "manager",
            Self::Question => "question",
        }
    }
}

/// Why an answer could not be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalKind {
    /// It contains nothing of the requested kind.
    Unusable,
    /// It repeats an earlier version.
    Repeated,
}

/// A question to the user at which the session waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gate {
    /// Approve this plan?
    Plan,
    /// Accept this version?
    Version,
    /// May it run?
    Safety,
    /// May its packages be installed?
    Install,
    /// Continue beyond a limit?
    Budget,
    /// How to continue after the user stopped the work? The journal records only that the session
    /// paused there.
    Stopped,
}

impl Gate {
    /// Name in the journal and on the screen.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Plan => "plan",
            Self::Version => "version",
            Self::Safety => "safety",
            Self::Install => "install",
            Self::Budget => "budget",
            Self::Stopped => "stopped",
        }
    }
}

/// A file that the user added to the session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataFile {
    /// Name in `data/` or `tests/`.
    pub name: String,
    /// Length in bytes.
    pub bytes: u64,
    /// SHA-256 of its content.
    pub sha256: String,
    /// Description of its content, if it was examined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub described: Option<Described>,
}

/// Description of a data file, made when the session was created and shown to the models. It is
/// data: its text may come from the author of the file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Described {
    /// Format, size and amount of data, on one line.
    pub summary: String,
    /// Columns and first rows.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// Names of the first columns of its tables, spelled as a script has to write them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
    /// In the examined part, no value is missing, infinite, or a non-number among numbers.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub complete: bool,
}

/// One line of the journal without its number and time. Serde sees `{"its_name":{..}}`; the journal
/// has the name among the fields, as `event`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// The first line of every journal.
    SessionCreated(Box<SessionCreated>),
    /// Models or limits changed by flags, the configuration or an edited `session.yaml`.
    SettingsChanged {
        /// The request, if it was edited by hand.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        request: Option<String>,
        /// All settings from now on.
        settings: Box<Settings>,
        /// The new `session.yaml`.
        #[serde(flatten)]
        artifact: Artifact,
    },
    /// A model call started.
    ModelCallStarted(Box<CallStarted>),
    /// A model call ended with an answer.
    ModelCallFinished(Box<CallFinished>),
    /// A model call failed or was interrupted.
    ModelCallFailed {
        /// The call's number.
        call: u32,
        /// What went wrong, on one line.
        error: String,
        /// The part of the answer that had arrived.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        partial: String,
        /// The chat file.
        #[serde(flatten)]
        artifact: Artifact,
    },
    /// An answer could not be used; the model is asked again with the reason.
    AnswerRefused {
        /// The call's number.
        call: u32,
        /// Kind of problem.
        kind: RefusalKind,
        /// Reason that is sent to the model.
        reason: String,
        /// The candidate that the answer repeats.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sample: Option<u32>,
    },
    /// A plan was proposed and waits for approval.
    PlanProposed {
        /// The Planner's call; `None` if the user wrote it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        call: Option<u32>,
        /// The whole text.
        text: String,
        /// Its requirements.
        requirements: Vec<Requirement>,
    },
    /// The user sent a remark to the Planner.
    PlanRemark {
        /// Text of the remark.
        text: String,
    },
    /// The plan was approved.
    PlanApproved {
        /// Who approved it.
        by: By,
        /// The whole text.
        text: String,
        /// Its requirements.
        requirements: Vec<Requirement>,
        /// `plan.md`.
        #[serde(flatten)]
        artifact: Artifact,
    },
    /// The arguments and input to try the script with were read from the request.
    TriesRead {
        /// The model's call.
        call: u32,
        /// The arguments, verbatim from the request.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        args: Vec<String>,
        /// Lines of standard input, verbatim from the request.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        stdin: String,
    },
    /// An answer became a candidate for the next version.
    SampleRead {
        /// The version that it may become.
        version: u32,
        /// Number of the candidate, from 1.
        sample: u32,
        /// The Coder's call.
        call: u32,
        /// Corrections that were needed to extract the script from the answer.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        notes: Vec<String>,
        /// The script.
        script: String,
    },
    /// A candidate was checked, run and tested as far as possible.
    SampleTried(Box<SampleTried>),
    /// A version was created: a script that parses.
    VersionCreated {
        /// Its number, from 1.
        version: u32,
        /// Why it was written.
        cause: Cause,
        /// The version that it was written from.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        base: Option<u32>,
        /// The Coder's call; `None` if the user wrote it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        call: Option<u32>,
        /// Corrections that were needed to extract the script from the answer.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        notes: Vec<String>,
        /// The candidates that it was chosen from.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        samples: Vec<Scored>,
        /// How the candidates' behaviour differs, if it does.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        split: Option<Box<Split>>,
        /// Files in `candidates_vN/`: the candidates that were not chosen, and all scores.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        others: Vec<Artifact>,
        /// The script.
        script: String,
        /// `script_vN.py`.
        #[serde(flatten)]
        artifact: Artifact,
    },
    /// The static checks ended.
    Checked {
        /// The version.
        version: u32,
        /// Their results.
        checks: Box<Checks>,
        /// `report_vN.yaml`, without a run.
        #[serde(flatten)]
        artifact: Artifact,
    },
    /// The packages that a version needs were determined.
    PackagesSought {
        /// The version.
        version: u32,
        /// The result.
        needs: Box<Needs>,
    },
    /// The user or the rules of `--auto` decided whether packages may be installed for scripts of
    /// this session.
    InstallPermission {
        /// Allowed or denied.
        allowed: bool,
        /// Who gave it.
        by: By,
        /// Package names in the index.
        packages: Vec<String>,
    },
    /// The installation of packages into a separate environment started.
    InstallStarted {
        /// The version that needs them.
        version: u32,
        /// Its requirements, such as `numpy>=2`.
        packages: Vec<String>,
    },
    /// The installation ended.
    InstallFinished {
        /// The version that needs them.
        version: u32,
        /// Duration.
        milliseconds: u64,
        /// The installer's error message, if it failed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    },
    /// The script was started.
    RunStarted {
        /// The version.
        version: u32,
        /// Name of the sandbox mode.
        sandbox: String,
    },
    /// The script ended, or was not run.
    RunFinished(Box<RunFinished>),
    /// The user's tests were started.
    TestsStarted {
        /// The version.
        version: u32,
        /// Name of the sandbox mode.
        sandbox: String,
    },
    /// The user's tests ended.
    TestsFinished {
        /// The version.
        version: u32,
        /// Result of each test.
        tests: Vec<Test>,
        /// `report_vN.yaml`, with the run and the tests.
        #[serde(flatten)]
        artifact: Artifact,
    },
    /// The Reviewer's answer was read.
    Reviewed {
        /// The version.
        version: u32,
        /// The Reviewer's call.
        call: u32,
        /// Its result.
        review: Box<Review>,
        /// New or changed findings.
        findings: Vec<Finding>,
        /// The text of `review_vN.md`.
        text: String,
        /// `review_vN.md`.
        #[serde(flatten)]
        artifact: Artifact,
    },
    /// A model explained, after the last repair, why no version works.
    Analysed {
        /// The version that failed last.
        version: u32,
        /// The model's call.
        call: u32,
        /// The text of `analysis.md`.
        text: String,
        /// `analysis.md`.
        #[serde(flatten)]
        artifact: Artifact,
    },
    /// A model answered the user's question from the output of an accepted version.
    Interpreted {
        /// The version.
        version: u32,
        /// The model's call.
        call: u32,
        /// The answer, with marks after numbers that are the model's own; `None` if there is none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        answer: Option<String>,
        /// The text of `answer.md`.
        text: String,
        /// `answer.md`.
        #[serde(flatten)]
        artifact: Artifact,
    },
    /// A finding was waived or reopened, or a dispute about it was decided.
    FindingDecided {
        /// Who decided.
        by: By,
        /// The finding as it is now.
        finding: Box<Finding>,
    },
    /// The user tried a requirement by hand.
    RequirementTested {
        /// The version.
        version: u32,
        /// `R1`, `R2`, ...
        requirement: String,
        /// What the user observed.
        #[serde(flatten)]
        answered: Answered,
        /// Findings that are new or changed by it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        findings: Vec<Finding>,
    },
    /// The session waits for an answer at a gate.
    GateOpened {
        /// The gate.
        gate: Gate,
    },
    /// Another version was requested.
    IterationAsked {
        /// Who requested it.
        by: By,
        /// Used after an attempt without result: a higher temperature or a stronger model.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        escalation: Option<Escalation>,
    },
    /// The user chose one of the candidates' behaviours; it becomes an example.
    ExampleGiven {
        /// The inputs and the expected result.
        example: Box<Example>,
    },
    /// The user gave feedback on a version.
    FeedbackGiven {
        /// The version.
        version: u32,
        /// All feedback on this version so far.
        text: String,
        /// The change that it asks for, as a finding that stays open until the user settles it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        finding: Option<Box<Finding>>,
        /// `feedback_vN.md`.
        #[serde(flatten)]
        artifact: Artifact,
    },
    /// Another run of the version was requested.
    RunAsked {
        /// The version.
        version: u32,
    },
    /// Work continues from an earlier version.
    Rewound {
        /// The version.
        version: u32,
        /// Who requested it.
        by: By,
    },
    /// The user or the rules of `--auto` decided whether scripts of this session may do what one
    /// needs outside its run folder.
    RunPermission {
        /// Allowed or denied.
        allowed: bool,
        /// Who gave it.
        by: By,
        /// The permissions.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        permissions: Vec<Permission>,
        /// Permissions by kind, in journals of earlier versions of the program. They are read but
        /// have no effect: a kind names no file and no host.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        capabilities: Vec<CapabilityKind>,
        /// The version, if a model judged it unsafe.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        version: Option<u32>,
    },
    /// Permissions were revoked; the user is asked again when one is needed.
    PermissionRevoked {
        /// The permissions.
        permissions: Vec<Permission>,
    },
    /// A model named packages for modules of a version that the index does not know by their names.
    PackagesNamed {
        /// The version.
        version: u32,
        /// The model's call.
        call: u32,
        /// The package of each module; empty if no package provides it.
        names: BTreeMap<String, String>,
    },
    /// A model judged whether a version is safe to run.
    SafetyJudged {
        /// The version.
        version: u32,
        /// The model's call.
        call: u32,
        /// The judgement.
        #[serde(flatten)]
        judged: Judged,
    },
    /// The limits were extended by their original amount.
    BudgetExtended {
        /// Settings with the new limits.
        settings: Box<Settings>,
        /// `session.yaml`.
        #[serde(flatten)]
        artifact: Artifact,
    },
    /// The version was accepted.
    Accepted {
        /// The version.
        version: u32,
        /// Who accepted it.
        by: By,
        /// It was never run.
        without_run: bool,
        /// Evidence for it, if it ran.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        evidence: Option<Evidence>,
    },
    /// The session paused.
    Paused {
        /// Why, on one line.
        reason: String,
    },
    /// A file of the session was changed by hand.
    Edited {
        /// Its new text.
        text: String,
        /// Which file, and its new hash.
        #[serde(flatten)]
        artifact: Artifact,
    },
    /// An artifact was written again in another form.
    Rewritten {
        /// Which file, and its new hash.
        #[serde(flatten)]
        artifact: Artifact,
    },
    /// Another question was asked, in a session that answers questions.
    QuestionAsked {
        /// Text of the question.
        text: String,
    },
    /// A reply of the model was parsed; it does not end the question.
    Replied(Box<Replied>),
    /// A question ended.
    QuestionAnswered {
        /// Its number, from 1.
        question: u32,
        /// The model call with the answer.
        call: u32,
        /// The answer, if there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        answer: Option<String>,
        /// A remark on the answer, or why there is none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        remark: Option<String>,
        /// `answer_N.md`.
        #[serde(flatten)]
        artifact: Artifact,
    },
    /// `redraft repair` removed damaged lines from the journal.
    Repaired {
        /// The removed lines, one entry each.
        left_out: Vec<String>,
    },
}

impl Event {
    /// The event's artifacts, to be filled in by the store.
    pub fn artifacts_mut(&mut self) -> Vec<&mut Artifact> {
        match self {
            Self::SessionCreated(e) => vec![&mut e.artifact],
            Self::ModelCallFinished(e) => vec![&mut e.artifact],
            Self::RunFinished(e) => {
                std::iter::once(&mut e.artifact).chain(e.outputs.iter_mut()).collect()
            }
            Self::VersionCreated { artifact, others, .. } => {
                std::iter::once(artifact).chain(others).collect()
            }
            Self::SettingsChanged { artifact, .. }
            | Self::ModelCallFailed { artifact, .. }
            | Self::PlanApproved { artifact, .. }
            | Self::Checked { artifact, .. }
            | Self::TestsFinished { artifact, .. }
            | Self::Reviewed { artifact, .. }
            | Self::Analysed { artifact, .. }
            | Self::Interpreted { artifact, .. }
            | Self::FeedbackGiven { artifact, .. }
            | Self::BudgetExtended { artifact, .. }
            | Self::QuestionAnswered { artifact, .. }
            | Self::Edited { artifact, .. }
            | Self::Rewritten { artifact } => vec![artifact],
            Self::ModelCallStarted(_)
            | Self::SampleRead { .. }
            | Self::SampleTried(_)
            | Self::AnswerRefused { .. }
            | Self::PlanProposed { .. }
            | Self::TriesRead { .. }
            | Self::PlanRemark { .. }
            | Self::RunStarted { .. }
            | Self::TestsStarted { .. }
            | Self::GateOpened { .. }
            | Self::FindingDecided { .. }
            | Self::RequirementTested { .. }
            | Self::IterationAsked { .. }
            | Self::ExampleGiven { .. }
            | Self::RunAsked { .. }
            | Self::Rewound { .. }
            | Self::RunPermission { .. }
            | Self::PermissionRevoked { .. }
            | Self::SafetyJudged { .. }
            | Self::PackagesNamed { .. }
            | Self::PackagesSought { .. }
            | Self::InstallPermission { .. }
            | Self::InstallStarted { .. }
            | Self::InstallFinished { .. }
            | Self::Accepted { .. }
            | Self::Paused { .. }
            | Self::QuestionAsked { .. }
            | Self::Replied(_)
            | Self::Repaired { .. } => Vec::new(),
        }
    }

    /// Whether the event can grant something to scripts. Such an event counts only if it was
    /// recorded by this user on this machine, which its seal proves.
    #[must_use]
    pub const fn can_open(&self) -> bool {
        matches!(
            self,
            Self::SessionCreated(_)
                | Self::SettingsChanged { .. }
                | Self::BudgetExtended { .. }
                | Self::PlanApproved { by: By::Manager, .. }
                | Self::RunPermission { allowed: true, .. }
                | Self::InstallPermission { allowed: true, .. }
        )
    }

    /// Whether losing this event would lose money, work or a person's decision. Such events are
    /// synced to disk before anything else happens.
    #[must_use]
    pub const fn is_precious(&self) -> bool {
        !matches!(
            self,
            Self::ModelCallStarted(_)
                | Self::AnswerRefused { .. }
                | Self::PlanProposed { call: Some(_), .. }
                | Self::TriesRead { .. }
                | Self::VersionCreated { call: Some(_), .. }
                | Self::SampleRead { .. }
                | Self::SampleTried(_)
                | Self::Checked { .. }
                | Self::Reviewed { .. }
                | Self::Analysed { .. }
                | Self::Interpreted { .. }
                | Self::SafetyJudged { .. }
                | Self::PackagesNamed { .. }
                | Self::RunStarted { .. }
                | Self::TestsStarted { .. }
                | Self::GateOpened { .. }
                | Self::IterationAsked { by: By::Auto, .. }
                | Self::PlanApproved { by: By::Auto, .. }
                | Self::RunPermission { by: By::Auto, .. }
                | Self::PackagesSought { .. }
                | Self::InstallPermission { by: By::Auto, .. }
                | Self::InstallStarted { .. }
                | Self::InstallFinished { .. }
                | Self::Replied(_)
                | Self::Rewritten { .. }
        )
    }
}
