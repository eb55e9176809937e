//! Everything that happens in a session, as the journal keeps it.
//!
//! An event carries what its artifact can be written from again. Fields may be added; a change of
//! meaning is a new format.

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

/// The format that this program writes.
pub const FORMAT: u32 = 1;

/// Bytes of the longest script, plan or text of the Manager's that is taken.
pub const LONGEST_TEXT: usize = 1 << 20;

/// A file in the session's folder that follows from the journal. Who makes an event leaves it
/// empty: the store fills it in when it writes the file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    /// Its path in the session's folder, with `/`.
    pub file: String,
    /// SHA-256 of its content, in hexadecimal.
    pub sha256: String,
    /// Its length.
    pub bytes: u64,
}

/// Who gave an answer at a gate.
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
    /// The first one.
    First,
    /// A check or the run failed.
    Repair,
    /// The Reviewer's findings.
    Review,
    /// The Manager's feedback, or a changed plan.
    Feedback,
    /// Written by hand.
    Manager,
    /// Code that is to help to answer a question.
    Question,
}

impl Cause {
    /// The word in the journal and on the screen.
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
    /// It held nothing that was asked for.
    Unusable,
    /// It repeats an earlier version.
    Repeated,
}

/// A question to the Manager.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Gate {
    /// Is this the plan?
    Plan,
    /// What about this version?
    Version,
    /// May it run?
    Safety,
    /// May its packages be installed?
    Install,
    /// May it go on past a limit?
    Budget,
    /// How does what a person stopped go on? The journal has only that the session paused there.
    Stopped,
}

impl Gate {
    /// The word in the journal and on the screen.
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

/// A file that the Manager gave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataFile {
    /// Its name in `data/` or `tests/`.
    pub name: String,
    /// Its length.
    pub bytes: u64,
    /// SHA-256 of its content.
    pub sha256: String,
    /// What is in it, where that was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub described: Option<Described>,
}

/// What was seen in a file of data when the session was made, as the models are told it. It is data:
/// whoever made the file may have written it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Described {
    /// Its format, its size and how much is in it, on one line.
    pub summary: String,
    /// Its columns and first rows.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// The names of the first columns of its tables, as a script has to write them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
    /// In what was looked at, no value is missing, is no number where others are, or is infinite.
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
    /// Other models or limits, from flags, the configuration or an edited `session.yaml`.
    SettingsChanged {
        /// The request, where it was changed by hand.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        request: Option<String>,
        /// All settings from now on.
        settings: Box<Settings>,
        /// `session.yaml` as it now stands.
        #[serde(flatten)]
        artifact: Artifact,
    },
    /// A model is asked.
    ModelCallStarted(Box<CallStarted>),
    /// It answered.
    ModelCallFinished(Box<CallFinished>),
    /// It did not, or was interrupted.
    ModelCallFailed {
        /// The call's number.
        call: u32,
        /// What went wrong, on one line.
        error: String,
        /// What had arrived by then.
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
        /// The kind of trouble.
        kind: RefusalKind,
        /// What the model is told.
        reason: String,
        /// The sample that it is again.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sample: Option<u32>,
    },
    /// A plan to be approved.
    PlanProposed {
        /// The Planner's call; none when the Manager wrote it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        call: Option<u32>,
        /// The whole text.
        text: String,
        /// Its requirements.
        requirements: Vec<Requirement>,
    },
    /// The Manager said something to the Planner.
    PlanRemark {
        /// What was said.
        text: String,
    },
    /// The plan stands.
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
    /// It was read in the request what the script is tried with.
    TriesRead {
        /// The model's call.
        call: u32,
        /// The arguments, each as it stands in the request.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        args: Vec<String>,
        /// The lines that are typed, each as it stands there.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        stdin: String,
    },
    /// An answer became one of the samples that the next version is chosen from.
    SampleRead {
        /// The version that it may become.
        version: u32,
        /// Its number among them, from 1.
        sample: u32,
        /// The Coder's call.
        call: u32,
        /// How the answer had to be mended to get at the script.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        notes: Vec<String>,
        /// The script.
        script: String,
    },
    /// A sample was checked, run and tested as far as it could be.
    SampleTried(Box<SampleTried>),
    /// A script that parses.
    VersionCreated {
        /// Its number, from 1.
        version: u32,
        /// Why it was written.
        cause: Cause,
        /// The version that it was written from.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        base: Option<u32>,
        /// The Coder's call; none when the Manager wrote it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        call: Option<u32>,
        /// How the answer had to be mended to get at the script.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        notes: Vec<String>,
        /// The samples that it was chosen from.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        samples: Vec<Scored>,
        /// In what these differ, where they do.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        split: Option<Box<Split>>,
        /// `candidates_vN/`: those that were not chosen, and all scores.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        others: Vec<Artifact>,
        /// The script.
        script: String,
        /// `script_vN.py`.
        #[serde(flatten)]
        artifact: Artifact,
    },
    /// The static checks are done.
    Checked {
        /// The version.
        version: u32,
        /// What they found.
        checks: Box<Checks>,
        /// `report_vN.yaml`, without a run.
        #[serde(flatten)]
        artifact: Artifact,
    },
    /// It was looked for the packages that the version needs.
    PackagesSought {
        /// The version.
        version: u32,
        /// What was found.
        needs: Box<Needs>,
    },
    /// May packages be installed for scripts of this session?
    InstallPermission {
        /// The answer.
        allowed: bool,
        /// Who gave it.
        by: By,
        /// The packages, by their names in the index.
        packages: Vec<String>,
    },
    /// Packages are installed into an environment of their own.
    InstallStarted {
        /// The version that needs them.
        version: u32,
        /// What it needs, as `numpy>=2`.
        packages: Vec<String>,
    },
    /// The installation ended.
    InstallFinished {
        /// The version that needs them.
        version: u32,
        /// How long it took.
        milliseconds: u64,
        /// What the installer said, if nothing came of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    },
    /// The script is started.
    RunStarted {
        /// The version.
        version: u32,
        /// What confines it.
        sandbox: String,
    },
    /// The script ended, or was not run.
    RunFinished(Box<RunFinished>),
    /// The Manager's tests are started.
    TestsStarted {
        /// The version.
        version: u32,
        /// What confines them.
        sandbox: String,
    },
    /// They ended.
    TestsFinished {
        /// The version.
        version: u32,
        /// How each of them went.
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
        /// What came of it.
        review: Box<Review>,
        /// Findings that are new or changed.
        findings: Vec<Finding>,
        /// The text of `review_vN.md`.
        text: String,
        /// `review_vN.md`.
        #[serde(flatten)]
        artifact: Artifact,
    },
    /// Why no version works was explained, after the last repair.
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
    /// What an accepted version printed was put into words, for the question that was asked.
    Interpreted {
        /// The version.
        version: u32,
        /// The model's call.
        call: u32,
        /// The answer, with marks behind numbers of its own; none where there was none to be had.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        answer: Option<String>,
        /// The text of `answer.md`.
        text: String,
        /// `answer.md`.
        #[serde(flatten)]
        artifact: Artifact,
    },
    /// A finding was waived, opened again, or a dispute about it decided.
    FindingDecided {
        /// Who decided.
        by: By,
        /// The finding as it stands now.
        finding: Box<Finding>,
    },
    /// The Manager tried a requirement by hand.
    RequirementTested {
        /// The version.
        version: u32,
        /// `R1`, `R2`, ...
        requirement: String,
        /// What was seen.
        #[serde(flatten)]
        answered: Answered,
        /// Findings that are new or changed by it.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        findings: Vec<Finding>,
    },
    /// A person is asked.
    GateOpened {
        /// What about.
        gate: Gate,
    },
    /// Another version is wanted.
    IterationAsked {
        /// Who wants it.
        by: By,
        /// Nothing came of the last try: more daring, or a stronger model.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        escalation: Option<Escalation>,
    },
    /// The user said which of the things that candidates did is meant: an example from now on.
    ExampleGiven {
        /// What is given, and what is meant to come of it.
        example: Box<Example>,
    },
    /// What a person said of a version.
    FeedbackGiven {
        /// The version.
        version: u32,
        /// Everything said of this version so far.
        text: String,
        /// What is asked for with it: a finding that stays open until its user settles it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        finding: Option<Box<Finding>>,
        /// `feedback_vN.md`.
        #[serde(flatten)]
        artifact: Artifact,
    },
    /// The version is to be run again.
    RunAsked {
        /// The version.
        version: u32,
    },
    /// Work goes on from an earlier version.
    Rewound {
        /// The version.
        version: u32,
        /// Who wants it.
        by: By,
    },
    /// May scripts of this session do what one asks for outside its run folder?
    RunPermission {
        /// The answer.
        allowed: bool,
        /// Who gave it.
        by: By,
        /// What is meant.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        permissions: Vec<Permission>,
        /// What was meant in the journals of earlier programs, by its kind. It is read and no longer
        /// counts: a kind names no file and no host.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        capabilities: Vec<CapabilityKind>,
        /// The version that is meant, where a model judged it to be unsafe.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        version: Option<u32>,
    },
    /// What was allowed is taken back, to be asked for anew.
    PermissionRevoked {
        /// What is meant.
        permissions: Vec<Permission>,
    },
    /// A model named packages for modules of a version that the index does not know by their names.
    PackagesNamed {
        /// The version.
        version: u32,
        /// The model's call.
        call: u32,
        /// The package of each module; empty where it is in none.
        names: BTreeMap<String, String>,
    },
    /// A model said whether a version is safe to run.
    SafetyJudged {
        /// The version.
        version: u32,
        /// The model's call.
        call: u32,
        /// What it said.
        #[serde(flatten)]
        judged: Judged,
    },
    /// The limits are widened by as much again.
    BudgetExtended {
        /// Limits from now on.
        settings: Box<Settings>,
        /// `session.yaml`.
        #[serde(flatten)]
        artifact: Artifact,
    },
    /// The version is taken.
    Accepted {
        /// The version.
        version: u32,
        /// Who took it.
        by: By,
        /// It was never seen to run.
        without_run: bool,
        /// How much was seen of it, if it ran.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        evidence: Option<Evidence>,
    },
    /// The session waits.
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
    /// An artifact was written again in another form than before.
    Rewritten {
        /// Which file, and its new hash.
        #[serde(flatten)]
        artifact: Artifact,
    },
    /// Another question, in a session that answers them.
    QuestionAsked {
        /// As it was asked.
        text: String,
    },
    /// The model's answer was read, and is not the last word on a question.
    Replied(Box<Replied>),
    /// A question came to its end.
    QuestionAnswered {
        /// Its number, from 1.
        question: u32,
        /// The model call whose answer it is.
        call: u32,
        /// The answer, if there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        answer: Option<String>,
        /// What should be known of it, or why there is none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        remark: Option<String>,
        /// `answer_N.md`.
        #[serde(flatten)]
        artifact: Artifact,
    },
    /// `redraft repair` took damaged lines out of the journal.
    Repaired {
        /// What was left out, a line each.
        left_out: Vec<String>,
    },
}

impl Event {
    /// The artifacts that come with the event, to be filled in by the store.
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

    /// Whether the event can open something to scripts: such an event counts only where it was
    /// recorded by this user on this machine, which its seal shows.
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

    /// Whether losing this event would lose money, work or a person's word: such events are on
    /// disk before anything else happens.
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
