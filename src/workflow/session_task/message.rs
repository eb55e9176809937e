//! Messages to a session's watchers: owned values that serialise to JSON.

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

/// A message to a watcher.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "message", rename_all = "snake_case")]
pub enum Message {
    /// An event.
    News(News),
    /// A question that needs an answer.
    Question(Question),
    /// A question was answered, or the session was cancelled before an answer.
    Closed {
        /// The question.
        question: u64,
        /// The answer's word ([`manager::Answer::word`]), if there was one.
        answer: Option<&'static str>,
    },
    /// The work ended. This is the last message.
    Ended(Ended),
}

/// An open question.
#[derive(Clone, Debug, Serialize)]
pub struct Question {
    /// Its number in this run of the session, from 1.
    pub id: u64,
    /// The gate; `None` for the prompt for the next question.
    pub gate: Option<Gate>,
    /// Why the session cannot continue by itself: a limit is reached, or it is stuck.
    pub trouble: Option<String>,
    /// The partial answer of a model call that was stopped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partial: Option<String>,
    /// The words of the valid answers.
    pub choices: &'static [&'static str],
    /// The current session at a gate; otherwise empty.
    #[serde(skip)]
    pub session: Arc<Session>,
}

/// How the work ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Ended {
    /// The result; `None` if the work failed.
    pub end: Option<End>,
    /// The error, if the work failed.
    pub error: Option<String>,
    /// The exit code of a command that only works on the session.
    pub exit_code: u8,
}

/// An event: [`manager::News`] as an owned value.
///
/// Versions are shared between watchers, and serialised by [`seen`].
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "news", rename_all = "snake_case")]
pub enum News {
    /// A model call starts.
    Calling {
        /// The agent that makes the call.
        agent: Agent,
        /// `PROVIDER/MODEL`.
        model: String,
        /// The version that the call is about.
        version: Option<u32>,
    },
    /// One or more chunks of the answer.
    Text {
        /// The text.
        text: String,
    },
    /// One or more chunks of the model's reasoning.
    Reasoning {
        /// The text.
        text: String,
    },
    /// The progress of the answer. A slow watcher receives only the latest.
    Progress {
        /// The progress.
        #[serde(flatten, serialize_with = "in_words")]
        progress: Progress,
    },
    /// The call failed and is retried; its text starts over.
    Retrying {
        /// What went wrong.
        why: String,
        /// Time until the retry, in seconds.
        #[serde(serialize_with = "seconds")]
        wait: Duration,
    },
    /// The call ended.
    Called {
        /// How the answer ended.
        outcome: Outcome,
        /// The answer was cut off because it repeated itself.
        repeats: bool,
        /// The tokens that were used.
        usage: Usage,
        /// Duration of the call, in milliseconds.
        milliseconds: u64,
    },
    /// The answer is unusable.
    Refused {
        /// The agent that was asked.
        agent: Agent,
        /// Why.
        reason: String,
    },
    /// A plan was proposed.
    Proposed {
        /// The plan.
        plan: Plan,
    },
    /// Some of the requested candidates have arrived, or the others made progress: a slow watcher gets the latest
    /// progress only.
    Sampled {
        /// How many have arrived.
        there: usize,
        /// How many were requested.
        of: usize,
        /// Progress of the other candidates together.
        #[serde(flatten, serialize_with = "in_words")]
        others: Option<Progress>,
    },
    /// Candidates are checked, run and tested.
    Trying {
        /// How many.
        samples: usize,
    },
    /// A candidate becomes the next version.
    Chosen {
        /// The scores of all candidates.
        scores: Vec<Scored>,
    },
    /// A new version was written.
    Written {
        /// The version.
        #[serde(serialize_with = "seen")]
        version: Arc<Version>,
        /// The version that it is based on.
        #[serde(serialize_with = "number")]
        base: Option<Arc<Version>>,
    },
    /// The version was checked.
    Checked {
        /// The version.
        #[serde(serialize_with = "seen")]
        version: Arc<Version>,
    },
    /// The packages of a version are being resolved.
    Seeking,
    /// Packages are installed.
    Installing {
        /// Their names.
        packages: Vec<String>,
    },
    /// A run of the version starts.
    Running {
        /// The version.
        version: u32,
        /// Time limit, in seconds.
        seconds: u64,
    },
    /// The run ended, or was skipped.
    Ran {
        /// The version.
        #[serde(serialize_with = "seen")]
        version: Arc<Version>,
    },
    /// The user's tests run on the version.
    Testing {
        /// The version.
        version: u32,
        /// Time limit, in seconds.
        seconds: u64,
    },
    /// The tests ended, or were skipped.
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
        /// Number of requirements in the plan.
        requirements: usize,
        /// New findings of the review.
        findings: Vec<Found>,
    },
    /// The rules of `--auto` answered a gate.
    Auto {
        /// The gate.
        gate: Gate,
        /// The answer, in a few words.
        answer: String,
        /// `--auto` was passed; otherwise the preset does not ask at this gate.
        asked_for: bool,
    },
    /// A question of the user ended.
    Answered {
        /// The answer, if there is one.
        answer: Option<String>,
        /// A remark on the answer, or why there is none.
        remark: Option<String>,
    },
    /// A note to the user.
    Note {
        /// The note, one sentence.
        text: String,
    },
}

/// A finding, reduced to its id and text.
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
            From::Sampled { there, of, others } => Self::Sampled { there, of, others },
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

/// A version in JSON: its number and cause, the verdict of its run, its test counts and its check
/// errors. The rest can be read from the session.
fn seen<S: Serializer>(version: &Version, serializer: S) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Seen<'a> {
        number: u32,
        cause: &'static str,
        errors: Vec<&'a str>,
        run: Option<&'static str>,
        /// Number of passed tests, and of all.
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

/// Progress with the same as text in `words`.
fn in_words<S: Serializer>(
    progress: &(impl Copy + Into<Option<Progress>>),
    serializer: S,
) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct InWords {
        #[serde(flatten)]
        progress: Progress,
        words: String,
    }
    let progress: Option<Progress> = (*progress).into();
    progress.map(|progress| InWords { progress, words: progress.words() }).serialize(serializer)
}

fn seconds<S: Serializer>(wait: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(wait.as_secs_f64())
}
