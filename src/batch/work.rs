//! Works on one task as a session: creates it, continues it, or leaves it unchanged.

use super::results::{Key, Outcome, Row, Rows};
use super::tasks::Task;
use crate::agents::planner;
use crate::config::Config;
use crate::domain::chat::Agent;
use crate::domain::event::{Artifact, By, DataFile, Event};
use crate::domain::session::Session;
use crate::domain::settings::Settings;
use crate::domain::text::one_line;
use crate::files;
use crate::findings::evidence;
use crate::llm::provider;
use crate::prompts::Prompts;
use crate::python::acceptance;
use crate::python::packages::Packages;
use crate::store::{self, Draft, Store, StoreError, artifacts};
use crate::workflow::driver::{self, DriverError, End, Tools, edits};
use crate::workflow::manager::{Answer, Interrupted, Manager, News, Question};
use futures_util::future::LocalBoxFuture;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

/// The longest plan, in bytes.
const LONGEST_PLAN: u64 = 1 << 20;

/// Maximum number of characters in a reason in a result.
const REASON: usize = 1000;

/// One repetition of a task.
#[derive(Clone, Copy, Debug)]
pub struct Job<'a> {
    /// The task.
    pub task: &'a Task,
    /// Repetition number, from 1.
    pub repeat: u32,
}

impl Job<'_> {
    /// The session's name: the task's id, followed by the number of the repetition after the first.
    #[must_use]
    pub fn name(&self) -> String {
        let id = &self.task.id;
        if self.repeat == 1 { id.clone() } else { format!("{id}.{}", self.repeat) }
    }

    /// Key that identifies the job, also in results.
    #[must_use]
    pub fn key(&self) -> Key {
        (self.task.id.clone(), self.repeat)
    }
}

/// Name and request for the draft of a task's session.
pub struct Wanted {
    /// The session's name.
    pub name: String,
    /// What the script should do.
    pub request: String,
}

/// Creates the draft of a new session for a task, or returns an error message.
pub type MakeDraft<'a> = dyn Fn(&Task, Wanted) -> Result<Draft, String> + Sync + 'a;
/// Applies a task's model, limits and examples to settings.
pub type Apply<'a> = dyn Fn(&Task, &mut Settings) -> Result<(), String> + Sync + 'a;
/// Receives the task's id and each line that is added to its session's journal.
pub type Watch = Arc<dyn Fn(&str, &str) + Send + Sync>;
/// Receives the session's name and its current activity.
pub type Stage<'a> = dyn Fn(&str, &str) + Sync + 'a;

/// State shared by all tasks.
pub struct Shared<'a> {
    /// Configuration of models.
    pub config: &'a Config,
    /// The agents' templates.
    pub prompts: &'a Prompts,
    /// The cache of Python environments.
    pub packages: &'a Packages,
    /// The sessions folder.
    pub sessions: &'a Path,
    /// Cancels all tasks.
    pub cancel: &'a CancellationToken,
    /// Continues sessions that wait at a gate or a limit.
    pub retry_paused: bool,
    /// Results of an earlier run, for the time that tasks took.
    pub before: &'a Rows,
    /// Creates drafts.
    pub draft: &'a MakeDraft<'a>,
    /// Applies a task to the settings of an existing session.
    pub apply: &'a Apply<'a>,
    /// Receives lines of the journals.
    pub watch: Option<Watch>,
    /// Receives the current activity.
    pub stage: &'a Stage<'a>,
    /// Maps a task's result to an exit code.
    pub exit: fn(&Came) -> u8,
}

/// Result of the attempt to work on a task.
#[derive(Debug)]
pub enum Came {
    /// Its session was worked on, or was in this state already.
    To(End),
    /// The task is invalid, for this reason.
    Unfit(String),
    /// Its session can't be opened, or its model can't be reached as configured.
    Error(DriverError),
    /// redraft panicked.
    Broke(String),
}

impl From<DriverError> for Came {
    fn from(error: DriverError) -> Self {
        Self::Error(error)
    }
}

impl From<StoreError> for Came {
    fn from(error: StoreError) -> Self {
        Self::Error(error.into())
    }
}

/// Works on a task unless it is done. All errors become results.
pub fn work(runtime: &Runtime, shared: &Shared<'_>, job: &Job<'_>) -> Row {
    let begun = Instant::now();
    let folder = shared.sessions.join(job.name());
    let (came, session, worked) = match attempt(runtime, shared, job, &folder) {
        Ok((end, session, worked)) => (Came::To(end), Some(session), worked),
        Err(came) => (came, store::read(&folder).ok().map(|read| read.session), true),
    };
    let seconds = if worked { begun.elapsed().as_secs_f64() } else { 0.0 };
    row(shared, job, &came, session.as_ref(), seconds)
}

/// The row for a task's result.
#[must_use]
pub fn row(
    shared: &Shared<'_>,
    job: &Job<'_>,
    came: &Came,
    session: Option<&Session>,
    seconds: f64,
) -> Row {
    let before = shared.before.get(&job.key());
    let folder = shared.sessions.join(job.name());
    let (outcome, reason) = match came {
        Came::To(End::Accepted(_)) => (Outcome::Accepted, None),
        Came::To(End::Answered) => (Outcome::Failed, Some("it answers questions".to_owned())),
        Came::To(End::Paused(reason)) => (Outcome::Paused, Some(reason.clone())),
        Came::To(End::Interrupted) => (Outcome::Interrupted, Some("interrupted".to_owned())),
        Came::To(End::ModelFailed(why)) => (Outcome::Failed, Some(format!("model {why}"))),
        Came::Unfit(why) => (Outcome::Failed, Some(why.clone())),
        Came::Error(error) => (Outcome::Failed, Some(error.to_string())),
        Came::Broke(why) => {
            (Outcome::Failed, Some(format!("the program broke: {why}; please report this")))
        }
    };
    let accepted = session.filter(|_| outcome == Outcome::Accepted).and_then(|s| s.accepted);
    let version = accepted.and_then(|accepted| session?.version(accepted.version));
    let seen = accepted.is_some_and(|accepted| !accepted.without_run);
    Row {
        id: job.task.id.clone(),
        repeat: job.repeat,
        outcome,
        evidence: version.filter(|_| seen).and_then(evidence::level),
        exit: (shared.exit)(came),
        script: version.map(|version| folder.join(artifacts::script_file(version.number))),
        session: folder,
        versions: session.map_or(0, |session| session.versions.len()),
        tokens: session
            .map_or(0, |session| session.calls.usage.prompt + session.calls.usage.answer),
        seconds: milliseconds(seconds + before.map_or(0.0, |row| row.seconds)),
        usd: session.filter(|session| session.calls.priced).map(|session| session.calls.usd),
        reason: reason.map(|reason| one_line(&reason, REASON)),
    }
}

/// Rounds to milliseconds, so that a value is the same when read back.
fn milliseconds(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

/// Works on the task; returns the end, the session, and whether it was worked on.
fn attempt(
    runtime: &Runtime,
    shared: &Shared<'_>,
    job: &Job<'_>,
    folder: &Path,
) -> Result<(End, Session, bool), Came> {
    let (task, name) = (job.task, job.name());
    let plan = task.plan.as_deref().map(|path| files::read_text(path, LONGEST_PLAN));
    let plan = plan.transpose().map_err(|error| Came::Unfit(error.to_string()))?;
    let request = request(task, plan.as_deref());
    let mut store = match store::read(folder) {
        Ok(read) => {
            let session = read.session;
            if let Some(what) = changed(shared, task, &session, &request, plan.as_deref())? {
                return Err(Came::Unfit(format!(
                    "session `{name}` was made of another task: {what} changed; give the task \
                     another id, or remove the session with: redraft rm {name}"
                )));
            }
            if let Some(accepted) = session.accepted.filter(|_| read.edited.is_empty()) {
                return Ok((End::Accepted(accepted.version), session, false));
            }
            if !driver::was_cut_off(&session) && !shared.retry_paused {
                let reason = session.paused.clone().unwrap_or_default();
                return Ok((End::Paused(reason), session, false));
            }
            go_on(shared, task, folder)?
        }
        Err(StoreError::Unknown(_)) => {
            (shared.stage)(&name, "begins");
            let draft = (shared.draft)(task, Wanted { name: name.clone(), request });
            let mut store = store::create(shared.sessions, draft.map_err(Came::Unfit)?)?;
            if let Some(watch) = &shared.watch {
                // The first event was journaled before a listener was registered.
                for line in store::lines(store.folder())? {
                    watch(&task.id, &line);
                }
            }
            watched(shared, task, &mut store);
            store
        }
        Err(error) => return Err(error.into()),
    };
    let session = store.session();
    if let Some(text) =
        plan.filter(|_| session.planning.plan.is_none() && session.versions.is_empty())
    {
        let requirements = planner::read_plan(&text);
        let artifact = Artifact::default();
        store.record(Event::PlanApproved { by: By::Manager, text, requirements, artifact })?;
    }
    let mut teller = Reporter { name, stage: shared.stage };
    let connect = |model: &str, used: &HashMap<Agent, usize>| {
        provider::connect(model, shared.config.models(), used)
    };
    let tools = Tools {
        manager: &mut teller,
        connect: &connect,
        packages: shared.packages,
        prompts: shared.prompts,
        cancel: shared.cancel.clone(),
        auto: true,
        more: false,
    };
    let end = runtime.block_on(driver::drive(&mut store, tools))?;
    Ok((end, store.session().clone(), true))
}

/// The request for the session: the task, or the first line of its plan.
fn request(task: &Task, plan: Option<&str>) -> String {
    let first = |plan: &str| {
        let lines = plan.lines().map(|line| line.trim_start_matches(['#', ' ']).trim());
        lines.clone().find(|line| !line.is_empty()).unwrap_or("what the plan says").to_owned()
    };
    task.request.clone().unwrap_or_else(|| first(plan.unwrap_or_default()))
}

/// Opens an existing session and applies the task to its settings.
fn go_on(shared: &Shared<'_>, task: &Task, folder: &Path) -> Result<Store, Came> {
    let (mut store, found) = store::open(folder)?;
    watched(shared, task, &mut store);
    edits::take_up(&mut store, found.edits)?;
    let mut settings = store.session().settings.clone();
    (shared.apply)(task, &mut settings).map_err(Came::Unfit)?;
    if settings != store.session().settings {
        let (settings, artifact) = (Box::new(settings), Artifact::default());
        store.record(Event::SettingsChanged { request: None, settings, artifact })?;
    }
    Ok(store)
}

fn watched(shared: &Shared<'_>, task: &Task, store: &mut Store) {
    if let Some(watch) = shared.watch.clone() {
        let id = task.id.clone();
        store.watch(move |line| watch(&id, line));
    }
}

/// The part of a task that differs from its session's input, if any. The model and the limits may
/// change: the session continues with the new ones.
fn changed(
    shared: &Shared<'_>,
    task: &Task,
    session: &Session,
    request: &str,
    plan: Option<&str>,
) -> Result<Option<&'static str>, Came> {
    let mut settings = Settings::of(session.settings.preset);
    (shared.apply)(task, &mut settings).map_err(Came::Unfit)?;
    let stands = session.planning.plan.as_ref();
    let tests: Vec<PathBuf> = task
        .tests
        .iter()
        .flat_map(|path| {
            if path.is_dir() {
                acceptance::in_folder(path).unwrap_or_default()
            } else {
                vec![path.clone()]
            }
        })
        .collect();
    let what = [
        ("its request", session.request != request),
        ("its plan", plan.zip(stands).is_some_and(|(plan, stands)| plan != stands.text)),
        ("its data", differ(&task.data, &session.data)),
        ("its tests", differ(&tests, &session.tests)),
        ("its examples", settings.examples != session.settings.examples),
        ("its preset", task.preset.is_some_and(|preset| preset != session.settings.preset)),
    ];
    Ok(what.into_iter().find(|(_, changed)| *changed).map(|(what, _)| what))
}

/// Whether the files differ from the session's. A file that was removed counts as unchanged.
fn differ(paths: &[PathBuf], given: &[DataFile]) -> bool {
    let named = |path: &&PathBuf, file: &DataFile| {
        path.file_name().is_some_and(|name| name.to_string_lossy() == file.name)
    };
    let same = |file: &DataFile| {
        let path = paths.iter().find(|path| named(path, file));
        path.is_some_and(|path| files::hash_regular(path).is_none_or(|hash| hash == file.sha256))
    };
    paths.len() != given.len() || !given.iter().all(same)
}

/// Answers nothing, and reports the current activity.
struct Reporter<'a> {
    name: String,
    stage: &'a Stage<'a>,
}

impl Manager for Reporter<'_> {
    fn ask<'a>(
        &'a mut self,
        _: &'a Question<'a>,
    ) -> LocalBoxFuture<'a, Result<Answer, Interrupted>> {
        Box::pin(std::future::ready(Ok(Answer::Gone)))
    }

    fn tell(&mut self, news: News<'_>) {
        let of = |what: &str, version: u32| format!("{what} v{version}");
        let words = match news {
            News::Calling { agent, version: Some(version), .. } => of(agent.name(), version),
            News::Calling { agent, .. } => agent.name().to_owned(),
            News::Retrying { why, .. } => format!("waits: {}", one_line(&why, 60)),
            News::Trying { samples } => format!("runs {samples} candidates"),
            News::Seeking => "looks for packages".to_owned(),
            News::Installing(_) => "installs packages".to_owned(),
            News::Running { version, .. } => of("runs", version),
            News::Testing { version, .. } => of("tests", version),
            _ => return,
        };
        (self.stage)(&self.name, &words);
    }
}
