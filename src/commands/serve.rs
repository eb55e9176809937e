//! `redraft serve`: serves sessions as pages on this machine.

use super::{Context, code, fetch, interrupts, look, setup, work};
use crate::cli;
use crate::domain::settings::Preset;
use crate::domain::text::one_line;
use crate::files;
use crate::store::{self, Draft};
use crate::viewer::serve::{self, AccessCheck, Actions, Request};
use anyhow::{Result, anyhow, bail};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::TcpListener;

/// The longest task, in bytes.
const LONGEST: usize = 1 << 20;

pub(super) fn run(context: Context, args: &cli::Serve) -> Result<u8> {
    // Report broken templates now instead of at the first new session.
    work::prompts()?;
    let cancel = interrupts::cancel_on_interrupt()?;
    let terminal = context.terminal;
    let sessions = context.sessions.clone();
    // No questions are asked at this terminal.
    let context = Context { terminal: terminal.unattended(), ..context };
    setup::runtime()?.block_on(async {
        let address = args.listen;
        let listener = TcpListener::bind(address).await;
        let listener = listener.map_err(|error| {
            let why = files::reason(&error);
            anyhow!("cannot listen on `{address}`: {why}; choose another with `--listen`")
        })?;
        let access = AccessCheck::new(listener.local_addr()?)
            .map_err(|error| anyhow!("the system has no random bytes: {error}"))?;
        if !address.ip().is_loopback() {
            terminal.warn(&terminal.warm(
                "whoever reads what is sent on this network can read the sessions, and the token: \
                 nothing of it is encrypted",
            ));
        }
        if terminal.json {
            terminal.json(&json!({ "url": access.url() }));
        } else {
            terminal.say(&format!("the sessions in `{}` are shown at", sessions.display()));
            terminal.say(&access.url());
        }
        serve::serve(listener, access, sessions, actions(Arc::new(context)), cancel).await?;
        Ok(code::DONE)
    })
}

fn actions(context: Arc<Context>) -> Actions {
    let words = |error: anyhow::Error| error.to_string();
    let (creating, working, running) = (context.clone(), context.clone(), context);
    Actions {
        create: Box::new(move |request| create(&creating, request).map_err(words)),
        work: Box::new(move |name, task| {
            work::start(&working, working.sessions.join(name), None, task, true).map_err(words)
        }),
        run: Box::new(move |name, version, cancel| {
            super::run::again(&running, name, version, &cancel).map_err(words)
        }),
    }
}

fn create(context: &Context, asked: Request) -> Result<String> {
    let Request { request, preset, name, data } = asked;
    let request = request.trim().to_owned();
    if request.is_empty() {
        bail!("the task is empty; say in a sentence what the script should do");
    }
    if request.len() > LONGEST {
        bail!("the task has more than {LONGEST} bytes; give files of data instead");
    }
    if preset == Some(Preset::Ask) {
        bail!("start a session that answers questions with: redraft ask");
    }
    let settings = fetch::settings_as_is(context, preset)?;
    let folder = files::temporary_folder()?;
    let mut paths: Vec<PathBuf> = Vec::new();
    for upload in data {
        let path = folder.path().join(file_name(&upload.name)?);
        if paths.contains(&path) {
            bail!("two files are called `{}`", one_line(&upload.name, 60));
        }
        files::write(&path, &upload.content, files::Mode::Normal)?;
        paths.push(path);
    }
    let described = look::describe(&paths);
    let (tests, interface) = (Vec::new(), Vec::new());
    let draft = Draft { name, request, settings, data: paths, described, tests, interface };
    let store = store::create(&context.sessions, draft)?;
    // The folder's own name finds the session again.
    let folder = store.folder().file_name().unwrap_or_default();
    Ok(folder.to_string_lossy().into_owned())
}

/// Checks the name of an uploaded file: a plain name without a path.
fn file_name(name: &str) -> Result<&str> {
    let is_name = Path::new(name).file_name().is_some_and(|last| last == name);
    if !is_name || name.starts_with('.') || name.contains(['/', '\\', '\0']) {
        bail!("`{}` is not a valid file name", one_line(name, 60));
    }
    Ok(name)
}
