//! `redraft new`: from a task to an accepted script.

use super::{Context, code, doctor, fetch, interrupts, look, setup, work};
use crate::cli;
use crate::domain::settings::Settings;
use crate::domain::text::one_line;
use crate::python::acceptance;
use crate::store::{self, Draft};
use crate::terminal::prompt::{self, Typed};
use anyhow::{Result, bail};
use std::collections::HashSet;
use std::fmt::Write as _;
use std::path::PathBuf;

/// The longest task, in bytes.
const LONGEST: u64 = 1 << 20;

pub(super) fn run(context: &Context, args: cli::New) -> Result<u8> {
    let request = task(context, &args)?;
    let mut settings = setup::settings(context, args.preset.map(Into::into), &args.work)?;
    setup::check_models(context, &settings)?;
    if args.task.is_none() && args.task_file.is_none() {
        show(context, &settings);
    }
    if let Some(code) = fetch::ensure(context, &settings, context.yes || args.work.auto)? {
        return Ok(code);
    }
    if args.work.auto {
        let cancel = interrupts::cancel_on_interrupt()?;
        match setup::get_to_know(context, &settings, &cancel)? {
            Some(false) => {}
            // The probe result may change the number of candidates.
            Some(true) => {
                settings = setup::settings(context, args.preset.map(Into::into), &args.work)?;
            }
            None => return Ok(code::INTERRUPTED),
        }
        if let Some(words) = setup::suit_unattended(context, &mut settings) {
            context.terminal.note(&context.terminal.dim(&words));
        }
    }
    let prompts = work::prompts()?;
    let tests = tests(&args.tests)?;
    let interface = acceptance::interface(&tests);
    let described = look::describe(&args.data);
    let (name, data) = (args.name, args.data);
    let draft = Draft { name, request, settings, data, described, tests, interface };
    let store = store::create(&context.sessions, draft)?;
    let session = store.session();
    let terminal = &context.terminal;
    let title = terminal.bold(&format!("session {}", session.name));
    terminal.note(&format!("{title}: {}", one_line(&session.request, 120)));
    if terminal.json {
        // The first event was journaled before a listener was registered.
        for line in store::lines(store.folder())? {
            terminal.raw(&format!("{line}\n"));
        }
    }
    work::work(context, store, prompts, args.work.auto)
}

/// Shows the settings that a session will use.
fn show(context: &Context, settings: &Settings) {
    let terminal = &context.terminal;
    let row = |what: &str, words: &str| {
        terminal.note(&format!(
            "  {} {}",
            terminal.dim(&format!("{what:<9}")),
            one_line(words, 120)
        ));
    };
    let mut shown: Vec<(&str, String)> = Vec::new();
    for (role, own) in &settings.roles {
        match shown.iter_mut().find(|(model, _)| *model == own.model) {
            Some((_, roles)) => drop(write!(roles, ", {role}")),
            None => shown.push((&own.model, role.to_string())),
        }
    }
    for (model, roles) in &shown {
        row("model", &format!("{model} ({roles})"));
    }
    row("sandbox", &doctor::sandbox_of(settings));
    row("python", &doctor::python_of(settings.python.as_deref()).unwrap_or_else(|e| e.to_string()));
}

/// Expands files and folders to test files, each of which must contain tests.
pub(super) fn tests(given: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut tests = Vec::new();
    for path in given {
        let shown = path.display();
        if path.is_dir() {
            let found = acceptance::in_folder(path)?;
            if found.is_empty() {
                bail!("cannot take `{shown}` as tests: no file in it holds any");
            }
            tests.extend(found);
        } else {
            tests.push(path.clone());
        }
    }
    let mut names = HashSet::new();
    for path in &tests {
        let shown = path.display();
        if let Err(problem) = acceptance::check(path) {
            bail!("cannot take `{shown}` as tests: {problem}");
        }
        if !names.insert(path.file_name()) {
            bail!("cannot take `{shown}` as tests: another file given has the same name");
        }
    }
    Ok(tests)
}

fn task(context: &Context, args: &cli::New) -> Result<String> {
    let text = match (&args.task, &args.task_file) {
        (Some(task), _) => task.clone(),
        (None, Some(file)) if file.as_os_str() == "-" => super::input("task", LONGEST)?,
        (None, Some(file)) => crate::files::read_text(file, LONGEST)?,
        (None, None) if context.terminal.interactive => ask(context)?,
        (None, None) => bail!("what should the script do? give a TASK, or `--task-file FILE`"),
    };
    let text = text.trim_start_matches('\u{feff}').to_owned();
    if text.trim().is_empty() {
        bail!("the task is empty; say in a sentence what the script should do");
    }
    if text.len() as u64 > LONGEST {
        bail!("the task has more than {LONGEST} bytes; give files with `--data` instead");
    }
    Ok(text)
}

fn ask(context: &Context) -> Result<String> {
    match prompt::ask_first(&context.terminal.bold("What should the script do?"))? {
        Typed::Text(text) => Ok(text),
        Typed::Interrupted | Typed::Back(_) | Typed::Ended => bail!("no task was given"),
    }
}
