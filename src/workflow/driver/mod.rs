//! Performs the steps of the state machine: calls agents and models, runs checks and scripts, and
//! records the results in the journal.

mod answer;
mod ask;
mod call;
mod context;
mod decide;
mod dialogue;
pub mod edits;
mod fit;
mod given;
mod history;
mod notes;
mod packages;
mod probe;
mod read;
mod removed;
mod replay;
mod run;
mod samples;
mod stop;
mod test;

pub use ask::{feedback, manual_version, trouble};

pub use given::given;
pub use probe::{Effort, get_to_know, holds_to_schemas, probe, speed};
pub use replay::{Difference, replay};

use super::convergence;
use super::machine::{self, Step};
use super::manager::{Manager, News};
use crate::domain::chat::Agent;
use crate::domain::event::{Artifact, By, Event};
use crate::domain::report::{Checks, Run};
use crate::domain::session::Session;
use crate::llm::provider::{Connection, ProviderError};
use crate::prompts::{PromptError, Prompts};
use crate::python::interpreter::Interpreter;
use crate::python::packages::Packages;
use crate::python::{check, outline};
use crate::sandbox::RunnerError;
use crate::store::{Store, StoreError};
use crate::traces::Recording;
use serde::Serialize;
use std::collections::HashMap;
use thiserror::Error;
use tokio_util::sync::CancellationToken;

/// Connects to a model by its name. The counts are the number of answers per agent in this session,
/// for providers that play back recorded answers.
pub type Connect<'a> =
    dyn Fn(&str, &HashMap<Agent, usize>) -> Result<Connection, ProviderError> + 'a;

/// What the driver needs besides the session.
pub struct Tools<'a> {
    /// Asks and informs the user.
    pub manager: &'a mut dyn Manager,
    /// Connects to a model by its name.
    pub connect: &'a Connect<'a>,
    /// Creates and finds the environments that scripts run in.
    pub packages: &'a Packages,
    /// The agents' templates.
    pub prompts: &'a Prompts,
    /// Cancels the work.
    pub cancel: CancellationToken,
    /// Answer gates by the rules of `--auto`.
    pub auto: bool,
    /// Ask the user for further questions after all are answered.
    pub more: bool,
}

/// Reason of a pause after an interruption.
const INTERRUPTED: &str = "interrupted";
/// Prefix of the reason of a pause after a failed model call.
const MODEL_FAILED: &str = "the model failed";
/// Prefix of the reason of a pause because the prompt was known to be too long for the model.
const NOT_ASKED: &str = "the model was not asked";

/// Whether a session is paused only by an interruption or a failed model: it continues when it is
/// resumed, without an answer from the user.
#[must_use]
pub fn was_cut_off(session: &Session) -> bool {
    session.paused.as_deref().is_none_or(is_cut_off)
}

/// Whether the reason is an interruption or a failed model.
fn is_cut_off(reason: &str) -> bool {
    [INTERRUPTED, MODEL_FAILED, NOT_ASKED].iter().any(|cut_off| reason.starts_with(cut_off))
}

/// How the work ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// This version was accepted.
    Accepted(u32),
    /// All questions are answered, and there is no further one.
    Answered,
    /// The session is paused, for this reason.
    Paused(String),
    /// The user interrupted.
    Interrupted,
    /// The model provider failed.
    ModelFailed(String),
}

/// An error that stops the work.
#[derive(Debug, Error)]
pub enum DriverError {
    /// The session cannot be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The disk refuses the files of a run.
    #[error(transparent)]
    Runner(#[from] RunnerError),
    /// A model cannot be reached as configured.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// A template is invalid.
    #[error(transparent)]
    Prompt(#[from] PromptError),
    /// A file that was edited by hand is invalid.
    #[error("cannot take up the edited `{file}`: {problem}")]
    Edit {
        /// The file.
        file: String,
        /// What is wrong with it.
        problem: String,
    },
}

/// Works on a session until it is accepted or paused.
///
/// # Errors
/// Everything up to the error is in the journal; the session can be resumed.
pub async fn drive(store: &mut Store, tools: Tools<'_>) -> Result<End, DriverError> {
    let recording = Recording::of(store.session());
    if let Some(recording) = &recording {
        store.watch_too(recording.watch());
    }
    let mut driver = Driver::of(store, tools);
    driver.begin();
    let end = driver.work().await;
    driver.store.sync()?;
    drop(recording);
    end
}

/// The result of a step.
enum Next {
    /// Continue with the next step.
    Go,
    /// Stop working.
    End(End),
}

struct Driver<'s, 't> {
    store: &'s mut Store,
    tools: Tools<'t>,
    /// Cancels the running step, but not the work.
    running: CancellationToken,
    models: HashMap<String, Connection>,
    /// Sizes of the models' contexts, in tokens, learned from their servers' refusals.
    contexts: HashMap<String, u32>,
    /// The latest request that was too long, by model.
    refused: HashMap<String, context::TooLong>,
    python: Option<Interpreter>,
    /// If set, events are collected here and nothing is recorded or performed: see [`replay`].
    dry_run: Option<Vec<Event>>,
}

impl<'s, 't> Driver<'s, 't> {
    /// A driver without connections.
    fn of(store: &'s mut Store, tools: Tools<'t>) -> Self {
        let (models, contexts, refused) = (HashMap::new(), HashMap::new(), HashMap::new());
        let running = tools.cancel.child_token();
        Self { store, tools, running, models, contexts, refused, python: None, dry_run: None }
    }
}

impl Driver<'_, '_> {
    async fn work(&mut self) -> Result<End, DriverError> {
        loop {
            if self.tools.cancel.is_cancelled() {
                return self.interrupted();
            }
            // No step is running that could notice the cancellation.
            if self.running.is_cancelled() {
                match self.stopped(None).await? {
                    Next::Go => continue,
                    Next::End(end) => return Ok(end),
                }
            }
            let step = machine::next_step(self.store.session());
            let next = self.perform(&step).await?;
            if let Next::End(end) = next {
                return Ok(end);
            }
        }
    }

    /// Performs a step.
    async fn perform(&mut self, step: &Step) -> Result<Next, DriverError> {
        Ok(match *step {
            Step::Read { last_try } => self.read(last_try)?,
            Step::Ask(gate) => self.ask(gate).await?,
            Step::Call { agent, version } => self.call(agent, version).await?,
            Step::Check(version) => self.check(version)?,
            Step::ResolvePackages(version) => self.seek(version).await?,
            Step::Run(version) => self.run(version).await?,
            Step::NotRun(version, verdict, ref reason) => {
                let run = Run::not_run(verdict, reason.clone());
                self.ran(version, run, String::new(), String::new())?
            }
            Step::Test(version) => self.test(version).await?,
            Step::TrySamples => self.try_samples().await?,
            Step::Choose => self.choose()?,
            Step::GoBack(version) => self.go_back(version)?,
            Step::Done(version) => Next::End(End::Accepted(version)),
            Step::Take => self.take_piece()?,
            Step::NextQuestion => self.listen().await?,
        })
    }

    fn record(&mut self, event: Event) -> Result<(), DriverError> {
        if let Some(dry_run) = &mut self.dry_run {
            dry_run.push(event);
            return Ok(());
        }
        Ok(self.store.record(event)?)
    }

    fn pause(&mut self, reason: &str) -> Result<Next, DriverError> {
        self.record(Event::Paused { reason: reason.to_owned() })?;
        Ok(Next::End(End::Paused(reason.to_owned())))
    }

    fn interrupted(&mut self) -> Result<End, DriverError> {
        self.record(Event::Paused { reason: INTERRUPTED.to_owned() })?;
        Ok(End::Interrupted)
    }

    /// Continues from the best version so far, and reports why.
    fn go_back(&mut self, version: u32) -> Result<Next, DriverError> {
        let session = self.store.session();
        if let (Some(head), Some(best)) = (session.head(), session.version(version)) {
            let why = convergence::shortcoming(head, best);
            self.tools.manager.tell(News::Note(&format!(
                "v{} is worse than v{version} ({why}): going on from v{version}",
                head.number
            )));
        }
        self.record(Event::Rewound { version, by: By::Auto })?;
        Ok(Next::Go)
    }

    fn check(&mut self, version: u32) -> Result<Next, DriverError> {
        let session = self.store.session();
        let known = session.version(version);
        let script = known.map_or("", |v| v.script.as_str());
        let mut checks = Box::new(checks_of(session, script));
        checks.removed = known.map(|version| removed::of(session, version)).unwrap_or_default();
        self.record(Event::Checked { version, checks, artifact: Artifact::default() })?;
        if let Some(version) = self.store.session().version(version) {
            self.tools.manager.tell(News::Checked(version));
        }
        Ok(Next::Go)
    }
}

/// The static checks of a script, including functions tested by the user that ignore their
/// parameters.
fn checks_of(session: &Session, script: &str) -> Checks {
    Checks {
        ignores_parameters: outline::ignores_parameters(script, &session.interface),
        ..check::check(script)
    }
}
