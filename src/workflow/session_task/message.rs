//! What a session's watchers receive: owned values that can leave the process as JSON.

use crate::domain::chat::{Agent, Outcome, Usage};
use crate::domain::event::Gate;
use crate::domain::plan::Plan;
use crate::domain::report::{Scored, Test, TestOutcome};
use crate::domain::session::{Session, Version};
use crate::workflow::driver::End;
use crate::workflow::manager;
use crate::workflow::progress::Progress;
use serde::{Serialize, Serializer};
use std::sync::Arc;
use std::time::Duration;

/// One message to a watcher.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "message", rename_all = "snake_case")]
pub enum Message {
    /// Something happened.
    News(News),
    /// Somebody has to answer.
    Question(Question),
    /// A question was answered, or will not be: the session was cancelled.
    Closed {
        /// The question.
        question: u64,
        /// The answer's word ([`manager::Answer::word`]), if there was one.
        answer: Option<&'static str>,
    },
    /// The work is over. No message follows.
    Ended(Ended),
}

/// A question that waits for an answer.
#[derive(Clone, Debug, Serialize)]
pub struct Question {
    /// Its number in this run of the session, from 1.
    pub id: u64,
    /// What about; none where the next question to the session is asked for.
    pub gate: Option<Gate>,
    /// What keeps the session from going on by itself: a limit, or that it is stuck.
    pub trouble: Option<String>,
    /// What a model had written when it was stopped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partial: Option<String>,
    /// The words of the answers that fit.
    pub choices: &'static [&'static str],
    /// The session as it stands at a gate; elsewhere it is empty.
    #[serde(skip)]
    pub session: Arc<Session>,
}

/// How the work ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Ended {
    /// How far it came; none if it failed.
    pub end: Option<End>,
    /// Why it failed.
    pub error: Option<String>,
    /// The exit code of a command that does nothing else.
    pub exit_code: u8,
}

/// Something that happened: [`manager::News`] as an owned value.
///
/// Versions are shared, not copied for each watcher. As JSON they are what [`seen`] says of them.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "news", rename_all = "snake_case")]
pub enum News {
    /// A model is asked.
    Calling {
        /// Who asks.
        agent: Agent,
        /// `PROVIDER/MODEL`.
        model: String,
        /// The version that it is about.
        version: Option<u32>,
    },
    /// A piece of its answer, or several in one.
    Text {
        /// The piece.
        text: String,
    },
    /// A piece of what it thinks aloud, or several in one.
    Reasoning {
        /// The piece.
        text: String,
    },
    /// How far it is with its answer. Who is late is told the latest only.
    Progress {
        /// How far.
        #[serde(flatten)]
        progress: Progress,
    },
    /// The call failed and is tried again; its text begins anew.
    Retrying {
        /// What went wrong.
        why: String,
        /// How long until then, in seconds.
        #[serde(serialize_with = "seconds")]
        wait: Duration,
    },
    /// It answered.
    Called {
        /// How the answer ended.
        outcome: Outcome,
        /// It began to repeat itself and was cut off there.
        repeats: bool,
        /// Tokens.
        usage: Usage,
        /// How long it took.
        milliseconds: u64,
    },
    /// The answer can't be used.
    Refused {
        /// Whose answer.
        agent: Agent,
        /// Why.
        reason: String,
    },
    /// There is a plan to decide on.
    Proposed {
        /// The plan.
        plan: Plan,
    },
    /// Some of the samples that were asked for are there.
    Sampled {
        /// How many.
        there: usize,
        /// Of how many.
        of: usize,
    },
    /// Samples are checked, run and tested.
    Trying {
        /// How many.
        samples: usize,
    },
    /// One of them becomes the next version.
    Chosen {
        /// What speaks for each.
        scores: Vec<Scored>,
    },
    /// There is a new version.
    Written {
        /// The version.
        #[serde(serialize_with = "seen")]
        version: Arc<Version>,
        /// The one that it was written from.
        #[serde(serialize_with = "number")]
        base: Option<Arc<Version>>,
    },
    /// The version was checked.
    Checked {
        /// The version.
        #[serde(serialize_with = "seen")]
        version: Arc<Version>,
    },
    /// It is looked for the packages that a version needs.
    Seeking,
    /// Packages are installed.
    Installing {
        /// Their names.
        packages: Vec<String>,
    },
    /// The version is started.
    Running {
        /// The version.
        version: u32,
        /// Seconds after which it is stopped.
        seconds: u64,
    },
    /// The run ended, or did not take place.
    Ran {
        /// The version.
        #[serde(serialize_with = "seen")]
        version: Arc<Version>,
    },
    /// The Manager's tests are run on the version.
    Testing {
        /// The version.
        version: u32,
        /// Seconds after which they are stopped.
        seconds: u64,
    },
    /// They ended, or did not take place.
    Tested {
        /// The version.
        #[serde(serialize_with = "seen")]
        version: Arc<Version>,
    },
    /// The version was reviewed.
    Reviewed {
        /// The version.
        #[serde(serialize_with = "seen")]
        version: Arc<Version>,
        /// How many requirements the plan has.
        requirements: usize,
        /// What is new in the review.
        findings: Vec<Found>,
    },
    /// The rules of `--auto` answered.
    Auto {
        /// At which gate.
        gate: Gate,
        /// What, in a few words.
        answer: String,
        /// `--auto` was given: else the preset asks nobody there.
        asked_for: bool,
    },
    /// A question to the session came to its end.
    Answered {
        /// The answer, if there is one.
        answer: Option<String>,
        /// What should be known of it, or why there is none.
        remark: Option<String>,
    },
    /// Something else that people should know.
    Note {
        /// In a sentence.
        text: String,
    },
}

/// A finding by its id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Found {
    /// `F1`, `F2`, ...
    pub id: String,
    /// What is wrong.
    pub text: String,
}

impl From<manager::News<'_>> for News {
    fn from(news: manager::News<'_>) -> Self {
        use manager::News as From;
        let shared = |version: &Version| Arc::new(version.clone());
        match news {
            From::Calling { agent, model, version } => {
                Self::Calling { agent, model: model.to_owned(), version }
            }
            From::Text(text) => Self::Text { text: text.to_owned() },
            From::Reasoning(text) => Self::Reasoning { text: text.to_owned() },
            From::Progress(progress) => Self::Progress { progress },
            From::Retrying { why, wait } => Self::Retrying { why, wait },
            From::Called { outcome, repeats, usage, milliseconds } => {
                Self::Called { outcome, repeats, usage, milliseconds }
            }
            From::Refused { agent, reason } => Self::Refused { agent, reason: reason.to_owned() },
            From::Proposed(plan) => Self::Proposed { plan: plan.clone() },
            From::Sampled { there, of } => Self::Sampled { there, of },
            From::Trying { samples } => Self::Trying { samples },
            From::Chosen { scores } => Self::Chosen { scores: scores.to_vec() },
            From::Written { version, base } => {
                Self::Written { version: shared(version), base: base.map(shared) }
            }
            From::Checked(version) => Self::Checked { version: shared(version) },
            From::Seeking => Self::Seeking,
            From::Installing(packages) => Self::Installing { packages: packages.to_vec() },
            From::Running { version, seconds } => Self::Running { version, seconds },
            From::Ran(version) => Self::Ran { version: shared(version) },
            From::Testing { version, seconds } => Self::Testing { version, seconds },
            From::Tested(version) => Self::Tested { version: shared(version) },
            From::Reviewed { session, version } => {
                let new = version.review.iter().flat_map(|review| &review.new);
                let found = new.filter_map(|id| session.ledger.iter().find(|f| f.id == *id));
                let found = found.map(|f| Found { id: f.id.clone(), text: f.text.clone() });
                Self::Reviewed {
                    version: shared(version),
                    requirements: session.requirements().len(),
                    findings: found.collect(),
                }
            }
            From::Auto { gate, answer, asked_for } => {
                Self::Auto { gate, answer: answer.to_owned(), asked_for }
            }
            From::Answered(end) => {
                Self::Answered { answer: end.answer.clone(), remark: end.remark.clone() }
            }
            From::Note(text) => Self::Note { text: text.to_owned() },
        }
    }
}

/// What is said of a version in JSON: its number, its cause, how its run ended and its tests, the
/// errors of its checks. The rest stands in the session.
fn seen<S: Serializer>(version: &Version, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Seen<'a> {
        number: u32,
        cause: &'static str,
        errors: Vec<&'a str>,
        run: Option<&'static str>,
        /// Passed, and all.
        tests: Option<[usize; 2]>,
    }
    let checks = version.checks.iter().flat_map(|checks| &checks.errors);
    let passed = |test: &&Test| test.outcome == TestOutcome::Passed;
    let tests = |tests: &Vec<Test>| [tests.iter().filter(passed).count(), tests.len()];
    let seen = Seen {
        number: version.number,
        cause: version.cause.name(),
        errors: checks.map(|error| error.message.as_str()).collect(),
        run: version.run.as_ref().map(|run| run.verdict.name()),
        tests: version.tests.as_ref().map(tests),
    };
    seen.serialize(serializer)
}

#[expect(clippy::ref_option, reason = "serde gives it so")]
fn number<S: Serializer>(base: &Option<Arc<Version>>, serializer: S) -> Result<S::Ok, S::Error> {
    base.as_ref().map(|base| base.number).serialize(serializer)
}

fn seconds<S: Serializer>(wait: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(wait.as_secs_f64())
}
