//! `redraft run`: runs a version of a session, or any script, as a session would.

use super::{Context, code, interrupts, setup};
use crate::cli;
use crate::domain::packages::Missing;
use crate::domain::permission::Permission;
use crate::domain::report::{Checks, RunVerdict};
use crate::domain::settings::{Install, Sandbox};
use crate::domain::text::{one_line, visible};
use crate::files;
use crate::python::interpreter::Interpreter;
use crate::python::packages::{InstallError, Packages};
use crate::python::run::{self, Ask, Ran, RunFault};
use crate::python::{check, interpreter};
use crate::sandbox;
use crate::store;
use crate::store::catalog::Place;
use crate::terminal::pick::{self, Choice};
use crate::terminal::{gate, links, relay};
use crate::view::words;
use crate::viewer;
use crate::workflow::driver;
use crate::workflow::install::{self, Answers};
use crate::workflow::permission;
use anyhow::{Result, bail};
use serde_json::json;
use std::path::{Path, PathBuf};
use tokio_util::sync::CancellationToken;

/// The largest script, in bytes.
const LARGEST: u64 = 4 << 20;
/// Maximum number of file names listed in a line.
const NAMED: usize = 5;

/// A script to run, with its settings.
pub(super) struct Wanted {
    pub(super) script: String,
    pub(super) name: String,
    pub(super) data: Vec<PathBuf>,
    pub(super) limits: Sandbox,
    pub(super) python: Option<String>,
    pub(super) args: Vec<String>,
    pub(super) stdin: String,
    pub(super) install: Install,
    pub(super) answers: Answers,
    /// Permissions from its session or its user.
    pub(super) allow: Vec<Permission>,
}

pub(super) fn run(context: &Context, args: &cli::Run) -> Result<u8> {
    let mut wanted = find(context, args.what.as_deref())?;
    if let Some(mode) = args.sandbox {
        wanted.limits.mode = mode.into();
    }
    wanted.limits.seconds = args.seconds.unwrap_or(wanted.limits.seconds);
    wanted.allow.extend(setup::permissions(&args.allow)?);
    if !args.args.is_empty() {
        wanted.args.clone_from(&args.args);
        wanted.stdin.clear();
    }
    if args.python.is_some() {
        wanted.python.clone_from(&args.python);
    }
    let terminal = &context.terminal;
    let cancel = interrupts::cancel_on_interrupt()?;
    let kept = (args.output.is_some() || terminal.interactive).then(files::temporary_folder);
    let kept = kept.transpose().map_err(store::StoreError::from)?;
    let kept = kept.as_ref().map(|folder| folder.path().join("files"));
    let typed = relay::Typed::default();
    let by_hand = (terminal.interactive && wanted.stdin.is_empty()).then_some(&typed);
    let ran = perform(context, &wanted, kept.as_deref(), by_hand, &cancel);
    if let Some(file) = &args.typed {
        let text = relay::text(&typed);
        files::put(file, text).map_err(store::StoreError::from)?;
    }
    let Some(ran) = ran? else {
        return Ok(code::INTERRUPTED);
    };
    if terminal.json {
        terminal.json(&json!({ "run": ran.run, "stdout": ran.stdout, "stderr": ran.stderr }));
    } else {
        terminal.print(&visible(&ran.stdout));
        if !ran.stderr.trim().is_empty() {
            terminal.warn(visible(&ran.stderr).trim_end());
        }
        terminal.warn(&format!(
            "{}: {}{}{}",
            ran.run.verdict.name(),
            words::seconds(ran.run.milliseconds),
            ran.run.refused_hosts().map_or_else(String::new, |tried| format!(", {tried}")),
            ran.run.reason.as_ref().map_or_else(String::new, |why| format!(", {}", visible(why))),
        ));
    }
    if let Some(kept) = &kept {
        keep(context, args.output.as_deref(), kept, &ran.run.files)?;
    }
    Ok(match ran.run.verdict {
        RunVerdict::Ok | RunVerdict::Window => code::DONE,
        RunVerdict::Failed => code::RUN_FAILED,
        RunVerdict::Timeout => code::TIMEOUT,
        RunVerdict::Waits | RunVerdict::Refused | RunVerdict::Skipped => code::PAUSED,
    })
}

/// Runs a version of a session again, for a client that is not at this terminal.
///
/// # Errors
/// There is no such version, or it can't be started.
pub(super) fn again(
    context: &Context,
    session: &str,
    version: u32,
    cancel: &CancellationToken,
) -> Result<viewer::serve::Ran> {
    let place = context.find(Some(&format!("{session}:v{version}")))?;
    let wanted = of_session(context, &place)?;
    let Some(ran) = perform(context, &wanted, None, None, cancel)? else { bail!("interrupted") };
    Ok(viewer::serve::Ran {
        verdict: ran.run.verdict.name(),
        reason: ran.run.reason.as_deref().map(visible),
        milliseconds: ran.run.milliseconds,
        stdout: visible(&ran.stdout),
        stderr: visible(&ran.stderr),
    })
}

/// Runs a script; the files that it writes are kept in `keep_files_in`. With `typed`, the user
/// operates it at this terminal, and their input is recorded. Returns `None` if interrupted.
///
/// # Errors
/// There is no Python, its packages can't be installed, or the system can't confine it.
pub(super) fn perform(
    context: &Context,
    wanted: &Wanted,
    keep_files_in: Option<&Path>,
    typed: Option<&relay::Typed>,
    cancel: &CancellationToken,
) -> Result<Option<Ran>> {
    let access = permission::access_of(wanted.limits.mode, &wanted.allow);
    let python = interpreter::find(wanted.python.as_deref())?;
    let checks = check::check(&wanted.script);
    let runtime = setup::runtime()?;
    let Some(python) = runtime.block_on(ground(context, wanted, python, &checks, cancel))? else {
        return Ok(None);
    };
    let runner = sandbox::runner(access.mode);
    let ask = Ask {
        script: &wanted.script,
        script_name: &wanted.name,
        data: &wanted.data,
        earlier: &[],
        access: &access,
        checks: &checks,
        limits: wanted.limits,
        python: &python,
        keep_files_in,
        picture: None,
        imported: false,
        by_hand: typed.is_some(),
        args: &wanted.args,
        stdin: wanted.stdin.clone().into_bytes(),
    };
    let ran = match typed.filter(|_| relay::is_possible()) {
        Some(typed) => {
            let terminal = &context.terminal;
            terminal.warn(&terminal.dim("Ctrl-\\ ends it, whatever it does"));
            let hands = relay::hands(typed);
            runtime.block_on(run::used(runner.as_ref(), ask, hands, cancel))
        }
        None => runtime.block_on(run::run(runner.as_ref(), ask, cancel)),
    };
    match ran {
        Ok(ran) => Ok(Some(ran)),
        Err(RunFault::Interrupted) => Ok(None),
        Err(fault) => Err(fault.into()),
    }
}

/// Copies the files that the script wrote to the user's folder. The script chose their names, so
/// names that programs read automatically (`.bashrc`, `.git/hooks/..`, `redraft.yaml`) are left
/// out.
fn keep(context: &Context, to: Option<&Path>, kept: &Path, names: &[String]) -> Result<()> {
    let terminal = &context.terminal;
    let read_unasked = |name: &&String| {
        name.split('/').any(|part| part.starts_with('.')) || name.ends_with("redraft.yaml")
    };
    let (left, taken): (Vec<&String>, Vec<&String>) = names.iter().partition(read_unasked);
    if taken.is_empty() || (to.is_none() && (!terminal.interactive || terminal.json)) {
        return Ok(());
    }
    let folder = to.unwrap_or(Path::new("."));
    let shown = |names: &[&String]| {
        let list: Vec<String> = names.iter().take(NAMED).map(|name| one_line(name, 60)).collect();
        let more = if names.len() > NAMED { ", ..." } else { "" };
        format!("{}{more}", list.join(", "))
    };
    let there: Vec<&String> =
        taken.iter().copied().filter(|name| folder.join(name).symlink_metadata().is_ok()).collect();
    if to.is_none() {
        let overwritten = match shown(&there) {
            none if none.is_empty() => none,
            some => format!(" (it overwrites {some})"),
        };
        let choices = [
            Choice { word: "keep", what: "copy into the current folder" },
            Choice { word: "leave", what: "they are gone then" },
        ];
        let asked = format!("It wrote {}. Keep it here{overwritten}?", shown(&taken));
        if !matches!(
            pick::select(terminal, &asked, &choices, usize::from(!there.is_empty())),
            Ok(Some(0))
        ) {
            return Ok(());
        }
    } else if !there.is_empty() && !context.yes {
        bail!("`{}` is there already; `--yes` overwrites it", one_line(there[0], 100));
    }
    for name in &taken {
        let Some(bytes) = files::read_regular(&kept.join(name), u64::MAX) else { continue };
        let place = files::place(folder, name).map_err(store::StoreError::from)?;
        // Replaces an existing file; a link is not followed.
        files::write(&place, &bytes, files::Mode::Normal).map_err(store::StoreError::from)?;
    }
    let paths = taken.iter().take(NAMED).map(|name| links::path(terminal, &folder.join(name)));
    let more = if taken.len() > NAMED { ", ..." } else { "" };
    terminal.warn(&format!("kept: {}{more}", paths.collect::<Vec<_>>().join(", ")));
    if !left.is_empty() {
        terminal
            .warn(&format!("left out, since programs read such files unasked: {}", shown(&left)));
    }
    Ok(())
}

/// The interpreter for the script: this Python, or an environment with the required packages.
/// `None` if interrupted.
async fn ground(
    context: &Context,
    wanted: &Wanted,
    python: Interpreter,
    checks: &Checks,
    cancel: &CancellationToken,
) -> Result<Option<Interpreter>> {
    if checks.dependencies.is_empty() || wanted.install == Install::Never {
        return Ok(Some(python));
    }
    let terminal = &context.terminal;
    let packages = Packages::new(context.config.uv.clone());
    let needs = packages.needs(&python, checks, &wanted.data, true, cancel).await;
    if cancel.is_cancelled() {
        return Ok(None);
    }
    let requirements = install::wanted(wanted.install, &wanted.answers, &needs);
    if install::is_impossible(&needs) || requirements.is_empty() {
        return Ok(Some(python));
    }
    if let Some(there) = packages.find(&python, &requirements) {
        return Ok(Some(there));
    }
    let open = install::open(wanted.install, &wanted.answers, &needs);
    if !open.is_empty() && !allowed(context, &open)? {
        return Ok(Some(python));
    }
    terminal.warn(&format!("installing {}", one_line(&requirements.join(", "), 100)));
    match packages.install(&python, &requirements, cancel).await {
        Ok(environment) => Ok(Some(environment)),
        Err(InstallError::Interrupted) => Ok(None),
        Err(error) => bail!("the packages could not be installed: {error}"),
    }
}

/// Whether these packages may be installed.
fn allowed(context: &Context, open: &[&Missing]) -> Result<bool> {
    let terminal = &context.terminal;
    let trap = open.iter().any(|package| package.warning.is_some());
    if context.yes && !trap {
        return Ok(true);
    }
    if !terminal.interactive || terminal.json {
        let names: Vec<&str> = open.iter().map(|package| package.requirement.as_str()).collect();
        terminal.warn(&format!(
            "it needs {}, which this Python does not have; `--yes` installs what is not suspicious",
            one_line(&names.join(", "), 100)
        ));
        return Ok(false);
    }
    terminal.print(&gate::packages(terminal, open));
    let choices = [
        Choice { word: "allow", what: "install them in a separate environment" },
        Choice { word: "deny", what: "run it without them" },
    ];
    match pick::select(terminal, "Install them?", &choices, usize::from(trap)) {
        Ok(chosen) => Ok(chosen == Some(0)),
        Err(_) => bail!("interrupted"),
    }
}

fn find(context: &Context, what: Option<&str>) -> Result<Wanted> {
    let path = Path::new(what.unwrap_or_default());
    if path.is_file() {
        let rules = context.config.packages();
        return Ok(Wanted {
            script: crate::files::read_text(path, LARGEST)?,
            name: path
                .file_name()
                .map_or_else(|| "script.py".into(), |n| n.to_string_lossy().into_owned()),
            data: Vec::new(),
            limits: context.config.sandbox(),
            python: context.config.python.clone(),
            args: Vec::new(),
            stdin: String::new(),
            install: install::policy(context.config.install.unwrap_or_default(), &rules),
            answers: install::answers(&Answers::new(), &rules),
            // A script named by path may start other programs, which the sandbox confines as well.
            allow: [setup::permissions(&context.config.allow)?, vec![Permission::Processes]]
                .concat(),
        });
    }
    if path.extension().is_some_and(|e| e == "py") {
        bail!("there is no file `{}`", one_line(what.unwrap_or_default(), 100));
    }
    of_session(context, &context.find(what)?)
}

/// Prepares a version of a session to run as it would run there.
///
/// # Errors
/// There is no such version.
pub(super) fn of_session(context: &Context, place: &Place) -> Result<Wanted> {
    let session = store::read(&place.folder)?.session;
    let number = place.version.or(session.head).unwrap_or(1);
    let Some(version) = session.version(number) else {
        return Err(store::no_version(&session, number).into());
    };
    for wanted in session.elsewhere.iter().filter(|wanted| wanted.is_of_settings()) {
        let note = format!(
            "this session was made elsewhere, and wants to {}: that is ignored until you allow it",
            wanted.words()
        );
        context.terminal.warn(&one_line(&note, 200));
    }
    let files = store::given(&place.folder, &session);
    for line in &files.changed {
        context.terminal.warn(&visible(line));
    }
    let (mut given, _) = driver::given(&session);
    if context.terminal.interactive && session.settings.stdin.is_empty() {
        // The user types the input, so the plan's is not used.
        given.stdin.clear();
    }
    Ok(Wanted {
        script: version.script.clone(),
        name: store::artifacts::script_file(number),
        data: files.data,
        limits: session.settings.sandbox,
        python: session.settings.python.clone(),
        args: given.args,
        stdin: given.stdin,
        install: install::policy(session.settings.install, &session.settings.packages),
        // Packages that were denied earlier are asked about again.
        answers: install::answers(
            &session
                .installs
                .iter()
                .filter(|(_, yes)| **yes)
                .map(|(n, _)| (n.clone(), true))
                .collect(),
            &session.settings.packages,
        ),
        allow: permission::granted(&session).cloned().collect(),
    })
}
