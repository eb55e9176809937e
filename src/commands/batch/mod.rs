//! `redraft batch`: works on many tasks unattended.

mod cluster;
mod status;
mod watch;

use super::{Context, code, fetch, interrupts, look, new, setup, work as session_work};
use crate::batch::pool;
use crate::batch::results::{self, Folder, Outcome, Row, Rows};
use crate::batch::shard::Part;
use crate::batch::table::{self, Totals};
use crate::batch::tasks::{self, Task};
use crate::batch::work::{self, Came, Job, Shared, Wanted};
use crate::cli;
use crate::config::Config;
use crate::domain::chat::Role;
use crate::domain::name;
use crate::domain::settings::{Preset, Settings};
use crate::files::{self, Locking, Mode};
use crate::llm::Used;
use crate::llm::config::Kind;
use crate::llm::provider::{self, ModelRef};
use crate::python::acceptance;
use crate::python::packages::Packages;
use crate::store::Draft;
use crate::workflow::driver::{DriverError, End};
use anyhow::{Error, Result, anyhow, bail};
use serde_json::json;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;
use watch::Watch;

/// Exit code of a Rust program that panicked.
const BROKE: u8 = 101;
/// Default number of parallel tasks for a model that is not embedded.
const JOBS: usize = 2;

pub(super) fn run(context: &Context, args: &cli::Batch) -> Result<u8> {
    if args.work.means.chatlog.is_some() {
        bail!("`--chatlog` follows one session; each task's `chats/` has what was said for it");
    }
    let tasks = tasks::read(&args.tasks)?;
    let mut jobs = jobs(&tasks, args.repeat.unwrap_or(1))?;
    let old = args.compare.as_deref().map(results::read).transpose()?;
    let out = out(context, args)?;
    if args.status {
        return status::run(context, &jobs, &out);
    }
    if args.cancel {
        return cluster::cancel(context, &out);
    }
    if let Some(engine) = args.engine {
        return cluster::submit(context, args, engine.into(), tasks.len(), &out);
    }
    files::create_folder(&out)?;
    if args.merge {
        let rows = merged(&jobs, &out, &args.from)?;
        return conclude(
            context,
            args,
            &Folder::new(out, None),
            &rows,
            jobs.len(),
            old.as_ref(),
            None,
        );
    }
    let part = Part::find(args.shard, args.shards, &|name| {
        std::env::var(name).ok().filter(|value| !value.is_empty())
    })
    .map_err(Error::msg)?;
    let places = (0..tasks.len()).cycle();
    let own: Vec<Job<'_>> = jobs
        .drain(..)
        .zip(places)
        .filter(|(job, place)| part.takes(*place, job.task))
        .map(|(job, _)| job)
        .collect();
    let folder = Folder::new(out, part.name().as_deref());
    let Locking::Taken(_lock) = files::lock(&folder.lock())? else {
        let shown = folder.path.display();
        context.terminal.warn(&format!(
            "error: another redraft works on this batch in `{shown}`; see it with `--status`"
        ));
        return Ok(code::SESSION);
    };
    files::write(&folder.host(), files::this_boot().as_bytes(), Mode::Normal)?;
    let kinds = match Kinds::new(context, args, &own)? {
        Ok(kinds) => kinds,
        Err(code) => return Ok(code),
    };
    let before = match folder.lines() {
        file if file.exists() => results::read(&file)?,
        _ => Rows::new(),
    };
    let (rows, interrupted) = all(context, args, &kinds, &own, &folder, &before)?;
    conclude(context, args, &folder, &rows, own.len(), old.as_ref(), Some(interrupted))
}

/// Merges the results of all parts in these folders, in the order of the tasks. Of several results
/// for a task, an accepted one wins, otherwise the last one.
fn merged(jobs: &[Job<'_>], out: &Path, from: &[PathBuf]) -> Result<Vec<Row>> {
    let mut found = Rows::new();
    for folder in std::iter::once(out).chain(from.iter().map(PathBuf::as_path)) {
        for part in Folder::parts(folder)? {
            if !part.lines().exists() {
                continue;
            }
            for (key, row) in results::read(&part.lines())? {
                let better = found.get(&key).is_none_or(|known| known.outcome != Outcome::Accepted);
                if better {
                    found.insert(key, row);
                }
            }
        }
    }
    Ok(jobs.iter().filter_map(|job| found.remove(&job.key())).collect())
}

/// The jobs: every task, repeated `repeat` times. All tasks run once before the first repetition.
fn jobs(tasks: &[Task], repeat: u32) -> Result<Vec<Job<'_>>> {
    let jobs: Vec<Job<'_>> = (1..=repeat)
        .flat_map(|repeat| tasks.iter().map(move |task| Job { task, repeat }))
        .collect();
    let mut names = HashSet::new();
    for job in &jobs {
        let name = job.name();
        name::check(&name)?;
        if !names.insert(name.to_lowercase()) {
            bail!("two sessions would be called `{name}`: give `{}` another id", job.task.id);
        }
    }
    Ok(jobs)
}

/// The results folder.
fn out(context: &Context, args: &cli::Batch) -> Result<PathBuf> {
    if let Some(out) = &args.out {
        return Ok(out.clone());
    }
    let name =
        args.tasks.file_stem().map_or_else(String::new, |n| n.to_string_lossy().into_owned());
    let name = format!("batch-{name}");
    name::check(&name).map_err(|why| {
        anyhow!("cannot name a folder of results `{name}`: {why}; give `--out DIR`")
    })?;
    Ok(context.sessions.join(name))
}

/// The task fields that need separate settings: model, preset and candidates.
type KindKey = (Option<String>, Option<Preset>, Option<u32>);

/// The settings of each kind of task. All models are checked before any work starts.
struct Kinds<'a> {
    args: &'a cli::Batch,
    config: Config,
    settings: HashMap<KindKey, Settings>,
}

impl<'a> Kinds<'a> {
    /// Chooses models, downloads missing ones, and probes local ones. Returns an exit code if the
    /// user declined or interrupted.
    fn new(context: &Context, args: &'a cli::Batch, jobs: &[Job<'_>]) -> Result<Result<Self, u8>> {
        // Done once, since servers are queried if no model is named.
        let mut config = context.config.clone();
        let named = |job: &Job<'_>| job.task.model.is_some() || args.work.means.model.is_some();
        let unnamed = |role: &Role| config.model_of(*role).is_none();
        if !jobs.iter().all(named) && Role::WORKFLOW.iter().any(unnamed) && config.model.is_none() {
            config.model = Some(setup::default_model(context)?.model);
        }
        let context = &Context {
            config,
            sessions: context.sessions.clone(),
            flags: String::new(),
            chatlog: None,
            ..*context
        };
        let mut kinds = Self { args, config: context.config.clone(), settings: HashMap::new() };
        let mut told = HashSet::new();
        for Job { task, .. } in jobs {
            let key = Self::key(task);
            if kinds.settings.contains_key(&key) {
                continue;
            }
            let preset = task.preset.or(args.preset.map(Into::into));
            let work = kinds.work_of_kind(task);
            let mut settings = setup::settings(context, preset, &work)?;
            setup::check_models(context, &settings).map_err(|error| match &task.model {
                Some(_) => anyhow!("`{}`, {}: {error}", args.tasks.display(), task.place),
                None => error,
            })?;
            if let Some(code) = fetch::ensure(context, &settings, true)? {
                return Ok(Err(code));
            }
            match setup::get_to_know(context, &settings, &interrupts::cancel_on_interrupt()?)? {
                Some(false) => {}
                Some(true) => settings = setup::settings(context, preset, &work)?,
                None => return Ok(Err(code::INTERRUPTED)),
            }
            if let Some(words) = setup::suit_unattended(context, &mut settings)
                && told.insert(words.clone())
            {
                context.terminal.note(&context.terminal.dim(&words));
            }
            kinds.settings.insert(key, settings);
        }
        Ok(Ok(kinds))
    }

    fn key(task: &Task) -> KindKey {
        (task.model.clone(), task.preset, task.limits.candidates)
    }

    /// The flags, with the fields of a task that define its kind on top.
    fn work_of_kind(&self, task: &Task) -> cli::Work {
        let mut work = self.args.work.clone();
        work.candidates = task.limits.candidates.or(work.candidates);
        if task.model.is_some() {
            work.means.model.clone_from(&task.model);
            (work.planner, work.coder, work.reviewer) = (None, None, None);
        }
        work
    }

    /// The flags, with all fields of a task on top.
    fn work(&self, task: &Task) -> cli::Work {
        let mut work = self.work_of_kind(task);
        let limits = &task.limits;
        work.repairs = limits.repairs.or(work.repairs);
        work.max_versions = limits.max_versions.or(work.max_versions);
        work.means.budget_tokens = limits.budget_tokens.or(work.means.budget_tokens);
        work.means.budget_usd = limits.budget_usd.or(work.means.budget_usd);
        work.examples.extend(task.examples.iter().cloned());
        work
    }

    fn apply(&self, task: &Task, settings: &mut Settings) -> Result<(), String> {
        setup::apply(settings, &self.work(task)).map_err(|error| error.to_string())
    }

    fn draft(&self, task: &Task, wanted: Wanted) -> Result<Draft, String> {
        let kind = self.settings.get(&Self::key(task));
        let mut settings = kind.cloned().ok_or("it came later than the others")?;
        self.apply(task, &mut settings)?;
        let tests = new::tests(&task.tests).map_err(|error| error.to_string())?;
        let interface = acceptance::interface(&tests);
        let described = look::describe(&task.data);
        let Wanted { name, request } = wanted;
        let data = task.data.clone();
        Ok(Draft { name: Some(name), request, settings, data, described, tests, interface })
    }

    /// Default number of parallel tasks: the smallest limit of the providers in use.
    fn jobs(&self) -> usize {
        let models = self.settings.values().flat_map(|settings| settings.roles.values());
        let of = |model: &str| {
            let provider = ModelRef::parse(model).map(|model| model.provider).unwrap_or_default();
            let parallel = self.config.providers.get(&provider).and_then(|known| known.parallel);
            let kind = provider::connect(model, self.config.models(), &Used::new())
                .map(|known| known.kind);
            parallel.unwrap_or(if kind.is_ok_and(|kind| kind == Kind::Embedded) { 1 } else { JOBS })
        };
        let models: HashSet<&str> = models.map(|role| role.model.as_str()).collect();
        models.into_iter().map(of).min().unwrap_or(JOBS)
    }
}

/// Works on all jobs. Returns the results of all jobs that were started now or earlier, in order,
/// and whether the batch was interrupted.
fn all(
    context: &Context,
    args: &cli::Batch,
    kinds: &Kinds<'_>,
    jobs: &[Job<'_>],
    folder: &Folder,
    before: &Rows,
) -> Result<(Vec<Row>, bool)> {
    // A panic is reported in the task's result.
    std::panic::set_hook(Box::new(|_| {}));
    let prompts = session_work::prompts()?;
    let packages = Packages::new(kinds.config.uv.clone());
    let cancel = CancellationToken::new();
    let again = format!("resume with: {}", command(false));
    session_work::catch_interrupts(&cancel, context.terminal, again, None)?;
    let side_by_side = args.jobs.map_or_else(|| kinds.jobs(), |jobs| jobs as usize);
    let watch = Watch::new(context.terminal, jobs.len());
    let (draft, apply) = (
        |task: &Task, wanted: Wanted| kinds.draft(task, wanted),
        |task: &Task, settings: &mut Settings| kinds.apply(task, settings),
    );
    let stage = |name: &str, words: &str| watch.stage(name, words);
    let terminal = context.terminal;
    let events: work::Watch = Arc::new(move |task, line| {
        // Each line of the journal is a JSON object.
        let rest = line.strip_prefix('{').unwrap_or_default();
        terminal.raw(&format!("{{\"task\":{},{rest}\n", json!(task)));
    });
    let shared = Shared {
        config: &kinds.config,
        prompts: &prompts,
        packages: &packages,
        sessions: &context.sessions,
        cancel: &cancel,
        retry_paused: args.retry_paused,
        before,
        draft: &draft,
        apply: &apply,
        watch: terminal.json.then_some(events),
        stage: &stage,
        exit,
    };
    let mut rows = Rows::new();
    let mut unwritten = None;
    let worker = || setup::runtime().map_err(|error| error.to_string());
    let do_one = |runtime: &mut Result<Runtime, String>, job: &Job<'_>| match runtime {
        Ok(runtime) => work::work(runtime, &shared, job),
        Err(why) => work::row(&shared, job, &Came::Unfit(why.clone()), None, 0.0),
    };
    let stop = || cancel.is_cancelled();
    pool::run(side_by_side, jobs, &stop, &worker, &do_one, |at, result| {
        let job = &jobs[at];
        let row =
            result.unwrap_or_else(|why| work::row(&shared, job, &Came::Broke(why), None, 0.0));
        watch.ended(&job.name(), &row);
        if terminal.json {
            let mut value = json!(row);
            value["event"] = "task_finished".into();
            value["task"] = row.id.clone().into();
            terminal.json(&value);
        }
        if before.get(&row.key()) != Some(&row)
            && let Err(error) = folder.add(&row)
        {
            unwritten.get_or_insert(error);
        }
        rows.insert(row.key(), row);
    })?;
    drop(watch);
    if let Some(error) = unwritten {
        return Err(error.into());
    }
    let of = |job: &Job<'_>| {
        let key = job.key();
        rows.remove(&key).or_else(|| before.get(&key).cloned())
    };
    let interrupted = cancel.is_cancelled();
    Ok((jobs.iter().filter_map(of).collect(), interrupted))
}

fn exit(came: &Came) -> u8 {
    match came {
        Came::To(End::Accepted(_) | End::Answered) => code::DONE,
        Came::To(End::Paused(_)) => code::PAUSED,
        Came::To(End::Interrupted) => code::INTERRUPTED,
        Came::To(End::ModelFailed(_)) => code::MODEL,
        Came::Error(DriverError::Store(error)) => super::code_of_store(error),
        Came::Error(_) | Came::Unfit(_) => code::USAGE,
        Came::Broke(_) => BROKE,
    }
}

/// Writes and prints the results; returns the exit code. `interrupted` is `None` if no work was
/// done.
fn conclude(
    context: &Context,
    args: &cli::Batch,
    folder: &Folder,
    rows: &[Row],
    tasks: usize,
    old: Option<&Rows>,
    interrupted: Option<bool>,
) -> Result<u8> {
    let terminal = &context.terminal;
    folder.write(rows)?;
    let mut totals = Totals::of(tasks);
    for row in rows {
        totals.add(row, code::MODEL);
    }
    for line in table::lines(rows) {
        terminal.say(&line);
    }
    for line in table::repeats(rows) {
        terminal.say(&line);
    }
    for line in old.into_iter().flat_map(|old| table::compare(rows, old)) {
        terminal.say(&line);
    }
    terminal.say(&terminal.bold(&totals.words()));
    terminal.say(&format!(
        "results: {} and {}",
        folder.lines().display(),
        folder.table().display()
    ));
    let exit = if interrupted == Some(true) {
        code::INTERRUPTED
    } else if totals.accepted() == tasks {
        code::DONE
    } else if totals.provider_failed == tasks {
        code::MODEL
    } else {
        code::PAUSED
    };
    if terminal.json {
        terminal.json(&json!({
            "event": "batch_finished",
            "exit": exit,
            "tasks": tasks,
            "accepted": totals.accepted(),
            "tested": totals.accepted[0],
            "agreed": totals.accepted[1],
            "ran": totals.accepted[2],
            "not_run": totals.accepted[3],
            "failed": totals.failed,
            "paused": totals.paused,
            "interrupted": totals.interrupted,
            "tokens": totals.tokens,
            "usd": totals.usd,
            "results": folder.lines(),
        }));
    }
    if exit != code::DONE && interrupted.is_some() {
        let only_paused = totals.accepted() + totals.paused == tasks;
        terminal.say(&format!("resume with: {}", command(only_paused && !args.retry_paused)));
    }
    Ok(exit)
}

/// This command line, quoted for a shell.
fn command(retry_paused: bool) -> String {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args = args.iter().map(String::as_str).chain(retry_paused.then_some("--retry-paused"));
    let args = shlex::try_join(args).unwrap_or_default();
    format!("redraft {}", crate::domain::text::visible(&args))
}
