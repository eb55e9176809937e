//! Works on an open session and reports how it ended.

use super::{Context, chatlog, code, interrupts, setup};
use crate::config::Config;
use crate::domain::chat::Agent;
use crate::domain::dialogue::{Dialogue, Question};
use crate::domain::report::{Test, TestOutcome};
use crate::domain::session::Version;
use crate::domain::settings::Preset;
use crate::domain::text::{count, visible};
use crate::findings::evidence;
use crate::llm::provider;
use crate::prompts::Prompts;
use crate::python::packages::Packages;
use crate::store::{self, Found, Store, artifacts};
use crate::terminal::signals::Signal;
use crate::terminal::{self, Face, Terminal, editor, flow, gate, links, restore};
use crate::view::{status, words};
use crate::workflow::driver::{self, End, Tools, edits};
use crate::workflow::manager::{Manager, News};
use crate::workflow::session_socket::{self, Offer};
use crate::workflow::session_task::{Ended, SessionTask};
use anyhow::Result;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// Signals within this time count as one.
const ONE_SIGNAL: Duration = Duration::from_millis(100);

/// The folder of the user's own templates and configuration.
pub(super) fn config_folder() -> Option<std::path::PathBuf> {
    directories::ProjectDirs::from("", "", "redraft").map(|dirs| dirs.config_dir().to_owned())
}

/// Loads and checks the templates, before anything is written or paid for.
pub(super) fn prompts() -> Result<Prompts> {
    let prompts = Prompts::load(config_folder().map(|f| f.join("prompts")).as_deref())?;
    prompts.check()?;
    Ok(prompts)
}

/// Reports problems found when the session was opened, and journals edits made by hand.
pub(super) fn take_up(context: &Context, store: &mut Store, found: Found) -> Result<()> {
    for line in taken_up(store, found)? {
        context.terminal.warn(&line);
    }
    Ok(())
}

/// Journals edits made by hand, and returns one line for each problem found when the session was
/// opened.
pub(super) fn taken_up(store: &mut Store, found: Found) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    if found.torn {
        lines.push(
            "the journal's last line was torn; it was cut off and saved as journal.torn".to_owned(),
        );
    }
    for file in &found.restored {
        lines.push(format!("`{file}` was missing or torn; it was written again"));
    }
    lines.extend(edits::take_up(store, found.edits)?);
    Ok(lines)
}

/// The user interface of a session while it is worked on.
pub(super) struct SessionIo {
    /// The face that shows events and asks questions.
    pub(super) face: Face,
    /// The task that works on the session.
    pub(super) task: SessionTask,
    /// Gates are answered by the rules of `--auto`.
    auto: bool,
    /// Asks for further questions (`redraft ask`).
    more: bool,
    /// Prints each event if the output is JSON.
    pub(super) events: bool,
}

impl SessionIo {
    /// Menus at an interactive terminal, otherwise line-based prompts.
    pub(super) fn new(context: &Context, auto: bool, more: bool) -> Self {
        let (terminal, task) = (context.terminal, SessionTask::new());
        // A user who types questions is at the terminal even with `--auto`.
        let menus = terminal.interactive && (more || !auto);
        let flags = shlex::split(&context.flags).unwrap_or_default();
        let face = Face::new(terminal, menus.then_some(flags), task.cancellation());
        Self { face, task, auto, more, events: true }
    }
}

/// Works until the session is accepted or pauses; returns the exit code.
pub(super) fn work(context: &Context, store: Store, prompts: Prompts, auto: bool) -> Result<u8> {
    work_as(context, store, prompts, SessionIo::new(context, auto, false))
}

/// Works until the session is done or pauses; returns the exit code. A separate thread works on the
/// session while this one shows progress and asks questions.
pub(super) fn work_as(
    context: &Context,
    mut store: Store,
    prompts: Prompts,
    talk: SessionIo,
) -> Result<u8> {
    let SessionIo { face, task, auto, more, events } = talk;
    let folder = store.folder().to_owned();
    let mut ready = || {
        watch(context, &mut store, events)?;
        let last_line = resume_with(context, &folder);
        // If the user can be asked how to go on, the first Ctrl-C only stops the current step.
        let asks = (!auto && terminal::is_there()).then(|| task.clone());
        catch_interrupts(&task.cancellation(), context.terminal, last_line, asks)?;
        Ok((task.watch(), setup::runtime()?))
    };
    let (watcher, runtime) = match ready() {
        Ok(ready) => ready,
        Err(error) => return Ok(failed(context, &folder, &error)),
    };
    let before = answered_before(&store);
    let config = context.config.clone();
    // Other processes follow live through the socket; without it they see the state on disk.
    let _offer = session_socket::offer(&task, &folder, face.shares_answers());
    let thread = task.start(move |manager, cancel| {
        let end = drive(&config, &mut store, &prompts, Means { manager, cancel, auto, more });
        let ended = ended(&store, &end, before);
        (ended, (store, end))
    })?;
    runtime.block_on(face.follow(&task, watcher, &folder));
    let (store, end) = thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    match end {
        Ok(end) => conclude(context, &store, &end),
        Err(error) => return Ok(failed(context, &folder, &error)),
    }
    Ok(task.join().exit_code)
}

fn failed(context: &Context, folder: &Path, error: &anyhow::Error) -> u8 {
    super::report_error(context.terminal, error);
    context.terminal.warn(&resume_with(context, folder));
    super::code_of(error)
}

/// How the driver is run for a session.
pub(super) struct Means<'a> {
    /// Answers gates and receives news.
    pub(super) manager: &'a mut dyn Manager,
    /// Cancels the work.
    pub(super) cancel: CancellationToken,
    /// Gates are answered by the rules of `--auto`.
    pub(super) auto: bool,
    /// Asks for further questions.
    pub(super) more: bool,
}

/// Works on a session in this thread.
pub(super) fn drive(
    config: &Config,
    store: &mut Store,
    prompts: &Prompts,
    means: Means<'_>,
) -> Result<End> {
    let Means { manager, cancel, auto, more } = means;
    if let Some(note) = store.lock_note() {
        manager.tell(News::Note(&note));
    }
    let connect =
        |model: &str, used: &HashMap<Agent, usize>| provider::connect(model, config.models(), used);
    let packages = Packages::new(config.uv.clone());
    let tools =
        Tools { manager, connect: &connect, packages: &packages, prompts, cancel, auto, more };
    Ok(setup::runtime()?.block_on(driver::drive(store, tools))?)
}

/// Works on a session in a separate thread; see [`go_on`].
pub(super) fn start(
    context: &Arc<Context>,
    folder: PathBuf,
    feedback: Option<String>,
    task: &SessionTask,
    shares: bool,
) -> Result<()> {
    let (prompts, context, own) = (prompts()?, context.clone(), task.clone());
    task.start(move |manager, _| {
        go_on(&context, &folder, &prompts, feedback.as_deref(), manager, (&own, shares))
    })?;
    Ok(())
}

/// Works on a session like `redraft resume`, for a client that is not at this terminal. Feedback on
/// the latest version is recorded first. Other processes can watch the `task`, and answer its
/// questions if `shares` is set. The returned offer must be kept until the watchers have received
/// the end.
fn go_on(
    context: &Context,
    folder: &Path,
    prompts: &Prompts,
    feedback: Option<&str>,
    manager: &mut dyn Manager,
    (task, shares): (&SessionTask, bool),
) -> (Ended, Option<Offer>) {
    let opened = || {
        let (mut store, found) = store::open(folder)?;
        setup::check_models(context, &store.session().settings)?;
        let words = taken_up(&mut store, found)?;
        if let (Some(text), Some(version)) = (feedback, store.session().head) {
            let event = driver::feedback(store.session(), version, text);
            store.record(event)?;
        }
        anyhow::Ok((store, words))
    };
    let (mut store, words) = match opened() {
        Ok(opened) => opened,
        Err(error) => return (broken(&error), None),
    };
    let offer = session_socket::offer(task, folder, shares);
    for line in words.iter().chain(&store.given().changed) {
        manager.tell(News::Note(line));
    }
    let before = answered_before(&store);
    let cancel = task.cancellation();
    let means = Means { manager, cancel, auto: false, more: true };
    let end = drive(&context.config, &mut store, prompts, means);
    (ended(&store, &end, before), offer.ok())
}

/// The number of a session's questions that have ended.
fn answered_before(store: &Store) -> usize {
    store.session().dialogue.as_ref().map_or(0, Dialogue::ended)
}

/// The result for work that could not start.
fn broken(error: &anyhow::Error) -> Ended {
    Ended { end: None, error: Some(error.to_string()), exit_code: super::code_of(error) }
}

/// The result for the watchers. `before` is the number of questions that had ended when the work
/// started.
fn ended(store: &Store, end: &Result<End>, before: usize) -> Ended {
    let exit_code = match end {
        Ok(End::Accepted(_)) => code::DONE,
        Ok(End::Answered) => answered(store, before),
        Ok(End::Paused(_)) => code::PAUSED,
        Ok(End::Interrupted) => code::INTERRUPTED,
        Ok(End::ModelFailed(_)) => code::MODEL,
        Err(error) => super::code_of(error),
    };
    let error = end.as_ref().err().map(ToString::to_string);
    Ended { end: end.as_ref().ok().cloned(), error, exit_code }
}

/// Registers listeners on the journal: one prints each line if `events` is set and the output is
/// JSON, another appends to the chat log.
fn watch(context: &Context, store: &mut Store, events: bool) -> Result<()> {
    let terminal = context.terminal;
    if terminal.json && events {
        store.watch(move |line| terminal.raw(&format!("{line}\n")));
    }
    let quick = store.session().settings.preset == Preset::Quick;
    let usual = || quick.then(|| chatlog::FILE.into());
    if let Some(file) = context.chatlog.clone().or_else(usual) {
        chatlog::begin(&file, store.session())?;
        store.watch_too(move |line| {
            if let Err(error) = chatlog::note(&file, line) {
                terminal.warn(&error.to_string());
            }
        });
    }
    Ok(())
}

/// The first Ctrl-C cancels the work, a second one exits the program. With `asks`, the first one
/// only stops the current step, and the user is asked how to go on.
pub(super) fn catch_interrupts(
    cancel: &CancellationToken,
    out: Terminal,
    last_line: String,
    asks: Option<SessionTask>,
) -> Result<()> {
    let cancel = cancel.clone();
    let at_terminal = terminal::is_there();
    let mut first: Option<Instant> = None;
    interrupts::on_signal(move |signal| {
        if editor::is_open() {
            return;
        }
        if let Some(task) = &asks {
            if signal == Signal::Interrupt && task.stop() {
                first = Some(Instant::now());
                return;
            }
            // The earlier stop is over, so the next signal counts as the first one.
            if task.question().is_some() && !cancel.is_cancelled() {
                first = None;
            }
        }
        cancel.cancel();
        terminal::end_waiting();
        // A closing terminal or a menu ended by a signal sends several signals at once; these count
        // as one.
        let hurried = first.get_or_insert_with(Instant::now).elapsed() >= ONE_SIGNAL;
        if hurried && terminal::is_there() == at_terminal {
            restore();
            out.warn(&last_line);
            std::process::exit(i32::from(code::INTERRUPTED));
        }
    })
}

/// The exit code of a dialogue. `before` is the number of questions that had ended when the work
/// started.
fn answered(store: &Store, before: usize) -> u8 {
    let questions = store.session().dialogue.iter().flat_map(|d| &d.questions);
    let without = |q: &Question| q.end.as_ref().is_none_or(|end| end.answer.is_none());
    // If no new question was asked, the last one counts.
    let all = store.session().dialogue.as_ref().map_or(0, Dialogue::ended);
    let open = questions.skip(before.min(all.saturating_sub(1))).any(without);
    if open { code::PAUSED } else { code::DONE }
}

/// Reports how the work ended and how to continue.
fn conclude(context: &Context, store: &Store, end: &End) {
    let terminal = &context.terminal;
    let session = store.session();
    match end {
        End::Accepted(version) => {
            let version = *version;
            let file = store.folder().join(artifacts::script_file(version));
            let unseen = if session.accepted.is_some_and(|a| a.without_run) {
                terminal.warm(" without a run: it was not seen to work")
            } else {
                let tests = session.version(version).and_then(|v| v.tests.as_ref());
                let with = |outcome| {
                    let tests = tests.into_iter().flatten();
                    tests.filter(move |test: &&Test| test.outcome == outcome).count()
                };
                let open = [(TestOutcome::Skipped, "not run"), (TestOutcome::Unproven, "unproven")];
                let open = open.map(|(outcome, word)| (with(outcome), word));
                let open: Vec<String> = open
                    .iter()
                    .filter(|(n, _)| *n > 0)
                    .map(|(n, word)| format!("{} {word}", count(*n, "test")))
                    .collect();
                match open.join(" and ") {
                    none if none.is_empty() => none,
                    open => terminal.warm(&format!(" with {open}")),
                }
            };
            terminal.note(&terminal.dim(&format!("  after {}", words::work_done(session))));
            let seen = if session.accepted.is_some_and(|a| a.without_run) {
                String::new()
            } else {
                status::seen(session)
            };
            let file = links::path(terminal, &file);
            let words = format!("accepted v{version}{seen}{unseen}: {file}");
            let row = |label: &str, words: &str| {
                let label = terminal.dim(&format!("{label:<13}"));
                flow::hang(terminal, &format!("  {label} "), words)
            };
            let version = session.version(version).filter(|_| !terminal.quiet);
            let left = version.map_or_else(String::new, |version| {
                gate::left(terminal, version, store.folder(), row)
            });
            if terminal.interactive && !terminal.quiet {
                terminal.say(&terminal.bold(&words));
                terminal.print(&left);
                terminal.print(&next(context, store.folder(), row));
            } else {
                terminal.print(&left);
                terminal.say(&terminal.bold(&words));
            }
        }
        End::Answered => terminal.say(&resume_with(context, store.folder())),
        End::Paused(reason) => {
            let done = words::work_done(session);
            let below = |head: &&Version| {
                evidence::level(head).is_some_and(|level| level < session.settings.accept)
            };
            if let Some(head) = session.head().filter(below) {
                terminal.say(&gate::split(terminal, head));
            }
            if session.analysed.is_some() && session.analysed == session.head {
                let file = store.folder().join("analysis.md");
                terminal.say(&format!("analysis: {}", links::path(terminal, &file)));
            }
            terminal.say(&format!("paused: {}, after {done}", visible(reason)));
            terminal.say(&resume_with(context, store.folder()));
        }
        End::Interrupted => {
            terminal.say("interrupted");
            terminal.say(&resume_with(context, store.folder()));
        }
        End::ModelFailed(error) => {
            let label = terminal.bad("error:");
            terminal.warn(&format!("{label} model {}", visible(error)));
            terminal.warn(&resume_with(context, store.folder()));
        }
    }
}

/// Suggested commands for an accepted script.
fn next(context: &Context, folder: &Path, row: impl Fn(&str, &str) -> String) -> String {
    let name = quoted(&name_for(context, folder));
    let flags = &context.flags;
    let ways = [
        ("run it", format!("redraft run {name}{flags}")),
        ("copy it here", format!("redraft export {name}{flags} -o {name}.py")),
        (
            "change it",
            format!("redraft feedback {name}{flags} \"...\" and redraft resume {name}{flags}"),
        ),
    ];
    ways.iter().map(|(what, how)| row(what, &visible(how))).collect()
}

fn quoted(name: &str) -> String {
    shlex::try_quote(name).map_or_else(|_| name.to_owned(), std::borrow::Cow::into_owned)
}

/// The last line for any session that can be resumed.
pub(super) fn resume_with(context: &Context, folder: &Path) -> String {
    let name = quoted(&name_for(context, folder));
    format!("resume with: redraft resume {}", visible(&format!("{name}{}", context.flags)))
}

/// The command that shows a version of a session: `redraft show NAME:vN`.
pub(super) fn show_with(context: &Context, folder: &Path) -> String {
    format!("redraft show {}:vN{}", quoted(&name_for(context, folder)), context.flags)
}

/// The argument that finds a session again: its folder's name if it is in the sessions folder,
/// otherwise its path. The folder may have been renamed since the session was created.
fn name_for(context: &Context, folder: &Path) -> String {
    let parent = folder.parent().and_then(|parent| parent.canonicalize().ok());
    let here = parent.is_some() && parent == context.sessions.canonicalize().ok();
    match folder.file_name().filter(|_| here) {
        Some(name) => name.to_string_lossy().into_owned(),
        None => folder.display().to_string(),
    }
}
