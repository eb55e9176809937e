//! `redraft acp`: runs redraft as an agent of an editor.

use super::{Context, code, fetch, interrupts, look, models, setup, work};
use crate::acp::{self, Actions, Request};
use crate::cli;
use crate::domain::text::one_line;
use crate::files;
use crate::store::{self, Draft};
use crate::terminal::input_lines;
use anyhow::{Result, bail};
use std::path::PathBuf;
use std::sync::Arc;

/// The longest message of a client, in bytes.
const LONGEST: u64 = 16 << 20;
/// The longest task, in bytes.
const LONGEST_TASK: usize = 1 << 20;

pub(super) fn run(context: Context, args: &cli::Acp) -> Result<u8> {
    if args.setup {
        return set_up(&context);
    }
    // Report broken templates before the conversation starts.
    work::prompts()?;
    let quiet = context.terminal.for_protocol();
    let context = Context { terminal: quiet, yes: false, ..context };
    let sessions = context.sessions.clone();
    let stop = interrupts::cancel_on_interrupt()?;
    let served =
        acp::serve(actions(Arc::new(context)), quiet, sessions, input_lines(LONGEST), stop);
    setup::runtime()?.block_on(served);
    Ok(code::DONE)
}

/// Shows which models were found, and downloads an embedded one if needed, so that sessions can
/// run.
fn set_up(context: &Context) -> Result<u8> {
    models::run(context, &cli::Models { check: false, command: None })?;
    let settings = setup::settings(context, None, &cli::Work::default())?;
    setup::check_models(context, &settings)?;
    if let Some(code) = fetch::ensure(context, &settings, context.yes)? {
        return Ok(code);
    }
    context.terminal.say("Sessions can be worked on.");
    Ok(code::DONE)
}

fn actions(context: Arc<Context>) -> Actions {
    let words = |error: anyhow::Error| error.to_string();
    let (asked, creating, working) = (context.clone(), context.clone(), context);
    Actions {
        ready: Box::new(move || fetch::settings_as_is(&asked, None).map(drop).map_err(words)),
        create: Box::new(move |request| create(&creating, request).map_err(words)),
        work: Box::new(move |folder, feedback, task| {
            // Answers are not shared with other processes: the editor's dialog can't be closed when
            // somebody else answers.
            work::start(&working, folder, feedback, task, false).map_err(words)
        }),
    }
}

/// Creates a session with those files of the client's folder that its prompt names.
fn create(context: &Context, asked: Request) -> Result<Vec<String>> {
    let Request { sessions, name, request, files, cwd } = asked;
    if request.len() > LONGEST_TASK {
        bail!("the task has more than {LONGEST_TASK} bytes; name files of data instead");
    }
    let settings = fetch::settings_as_is(context, None)?;
    let root = files::resolve(&cwd)?;
    let (mut data, mut notes): (Vec<PathBuf>, _) = (Vec::new(), Vec::new());
    for file in files {
        // The note is the same for a file outside the folder and for a missing one.
        let resolved = files::resolve(&file).ok();
        match resolved.filter(|file| file.is_file() && file.starts_with(&root)) {
            Some(file) if data.contains(&file) => {}
            Some(file) => data.push(file),
            None => {
                let file = one_line(&file.display().to_string(), 200);
                notes.push(format!("`{file}` is not in this folder: the script will not have it."));
            }
        }
    }
    let described = look::describe(&data);
    let (tests, interface) = (Vec::new(), Vec::new());
    let draft = Draft { name: Some(name), request, settings, data, described, tests, interface };
    store::create(&sessions, draft)?;
    Ok(notes)
}
