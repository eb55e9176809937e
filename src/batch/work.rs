//! One task as a session: made, gone on with, or left as it is.

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

/// The longest plan that is taken, in bytes.
const LONGEST_PLAN: u64 = 1 << 20;

/// The longest reason that a result has, in characters.
const REASON: usize = 1000;

/// A task as it is to be done once.
#[derive(Clone, Copy, Debug)]
pub struct Job<'a> {
    /// The task.
    pub task: &'a Task,
    /// Which time it is, from 1.
    pub repeat: u32,
}

impl Job<'_> {
    /// The session's name: the task's id, with the number of a repetition behind it.
    #[must_use]
    pub fn name(&self) -> String {
        let id = &self.task.id;
        if self.repeat == 1 { id.clone() } else { format!("{id}.{}", self.repeat) }
    }

    /// What tells it from other jobs, in results too.
    #[must_use]
    pub fn key(&self) -> Key {
        (self.task.id.clone(), self.repeat)
    }
}

/// What the draft of a task's session is made from, besides the task.
pub struct Wanted {
    /// The session's name.
    pub name: String,
    /// What the script should do.
    pub request: String,
}

/// Makes a new session's draft of a task, or says why there is none.
pub type MakeDraft<'a> = dyn Fn(&Task, Wanted) -> Result<Draft, String> + Sync + 'a;
/// Puts a task's model, limits and examples over settings.
pub type Apply<'a> = dyn Fn(&Task, &mut Settings) -> Result<(), String> + Sync + 'a;
/// Is given each line that is added to a session's journal, with the task's id before it.
pub type Watch = Arc<dyn Fn(&str, &str) + Send + Sync>;
/// Is told what is done for the session of this name.
pub type Stage<'a> = dyn Fn(&str, &str) + Sync + 'a;

/// What all tasks share.
pub struct Shared<'a> {
    /// Where models are.
    pub config: &'a Config,
    /// The agents' templates.
    pub prompts: &'a Prompts,
    /// The environments of scripts.
    pub packages: &'a Packages,
    /// The sessions folder.
    pub sessions: &'a Path,
    /// Breaks all of them off.
    pub cancel: &'a CancellationToken,
    /// Sessions that wait at a gate or a limit are worked on again.
    pub retry_paused: bool,
    /// Results of an earlier time, for how long a task took.
    pub before: &'a Rows,
    /// Makes drafts.
    pub draft: &'a MakeDraft<'a>,
    /// Applies what a task says to a session that is there.
    pub apply: &'a Apply<'a>,
    /// Watches the journals.
    pub watch: Option<Watch>,
    /// Is told what is done.
    pub stage: &'a Stage<'a>,
    /// The exit code of what a task came to.
    pub exit: fn(&Came) -> u8,
}

/// What a task came to.
#[derive(Debug)]
pub enum Came {
    /// Its session was worked on, or stood so already.
    To(End),
    /// It can't be worked on as it is, for this reason.
    Unfit(String),
    /// Its session can't be opened, or its model not be reached as configured.
    Error(DriverError),
    /// The program is at fault: it panicked.
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

/// Does a task, as far as it is not done. Whatever goes wrong is a result.
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

/// The result of a task that came to this.
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

/// Seconds to the millisecond: what was written is the same when it is read.
fn milliseconds(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

/// How far a task came, its session, and whether that was worked on.
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
                // The first event was journaled before anybody could watch.
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

/// What the session is asked for: the task, or the first line of its plan.
fn request(task: &Task, plan: Option<&str>) -> String {
    let first = |plan: &str| {
        let lines = plan.lines().map(|line| line.trim_start_matches(['#', ' ']).trim());
        lines.clone().find(|line| !line.is_empty()).unwrap_or("what the plan says").to_owned()
    };
    task.request.clone().unwrap_or_else(|| first(plan.unwrap_or_default()))
}

/// Opens a session that is there, with what the task says over it.
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

/// What of a task is not what its session was made from, if anything. Its model and its limits may
/// change: a session goes on with the new ones.
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

/// Whether these are other files than the ones that were given. One that is gone since is the same.
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

/// Answers nothing, and says in a few words what is done.
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
            News::Trying { samples } => format!("tries {samples} candidates"),
            News::Seeking => "looks for packages".to_owned(),
            News::Installing(_) => "installs packages".to_owned(),
            News::Running { version, .. } => of("runs", version),
            News::Testing { version, .. } => of("tests", version),
            _ => return,
        };
        (self.stage)(&self.name, &words);
    }
}
