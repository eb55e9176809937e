//! Downloads embedded models: asks once, shows progress, and can be interrupted safely.

use super::models::machine;
use super::{Context, code, interrupts, setup};
use crate::cli;
use crate::domain::settings::{Preset, Settings};
use crate::domain::text::{one_line, size, visible};
use crate::llm::library::{Entry, FetchError, Library, LibraryError, News};
use crate::llm::provider;
use crate::python::packages::content::WheelDownloader;
use crate::terminal::pick::{self, Choice};
use crate::terminal::progress::Progress;
use crate::workflow::manager::Interrupted;
use anyhow::Result;
use futures_util::FutureExt;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Instant;

/// Result of a download.
pub(super) enum Fetched {
    /// The file exists.
    Here(PathBuf),
    /// The user interrupted it; the exit code.
    Stopped(u8),
}

/// Downloads a model and shows the progress.
///
/// # Errors
/// The download failed.
pub(super) fn fetch(context: &Context, library: &Library, entry: &Entry) -> Result<Fetched> {
    let terminal = context.terminal;
    let cancel = interrupts::cancel_on_interrupt()?;
    // Created only if the index is used, because it takes a while.
    let downloader = LazyLock::new(|| {
        WheelDownloader::find(context.config.python.as_deref(), context.config.uv.clone())
    });
    let package = |requirement: String, folder: PathBuf| {
        let (downloader, cancel) = (&downloader, &cancel);
        async move { downloader.content(&requirement, &folder, cancel).await }.boxed()
    };
    if let Some(warning) = entry.too_large() {
        terminal.warn(&terminal.warm(&format!("`{}`: {warning}", entry.name)));
    }
    let begun = Instant::now();
    let mut progress = Progress::new(terminal, entry.bytes);
    let mut from = String::new();
    let (mut new_source, mut checking) = (true, false);
    let mut tell = |news: News<'_>| match news {
        News::Waiting(holder) => {
            progress.say(&format!("another redraft ({holder}) is downloading it: waiting"));
        }
        News::From(source) => {
            source.clone_into(&mut from);
            (new_source, checking) = (true, false);
            progress.say(&format!("fetching `{}` from {source}", entry.name));
        }
        News::Came(bytes) => {
            if std::mem::take(&mut new_source) {
                progress.begin("fetching", bytes);
            }
            progress.at(bytes);
        }
        News::Failed { source, why } => {
            let words = format!("  {}: {}", one_line(source, 60), one_line(why, 200));
            progress.say(&terminal.warm(&words));
        }
        News::Checked(bytes) if terminal.live => {
            if !std::mem::replace(&mut checking, true) {
                progress.begin("checking", 0);
            }
            progress.at(bytes);
        }
        News::Checked(_) => {}
    };
    let fetched = setup::runtime()?.block_on(library.fetch(entry, &package, &cancel, &mut tell));
    drop(progress);
    match fetched {
        Ok(path) => {
            let words = if from.is_empty() {
                format!("`{}` is downloaded already, and its checksum is right", entry.name)
            } else {
                let seconds = begun.elapsed().as_secs_f64();
                let bytes = size(entry.bytes);
                format!(
                    "fetched `{}`, {bytes}, in {seconds:.0} s; its checksum is right",
                    entry.name
                )
            };
            terminal.say(&terminal.good(&words));
            Ok(Fetched::Here(path))
        }
        Err(FetchError::Interrupted) => {
            let (came, all) = (size(library.came(entry)), size(entry.bytes));
            terminal.say(&format!("interrupted: {came} of {all} are downloaded and kept"));
            terminal.say(&format!("go on with: redraft models pull {}", visible(&entry.name)));
            Ok(Fetched::Stopped(code::INTERRUPTED))
        }
        Err(error) => Err(error.into()),
    }
}

/// Makes sure that the embedded models of a session are on this machine: asks, unless `agreed`, and
/// downloads them. Returns an exit code if the user declined or interrupted.
///
/// # Errors
/// A model is missing and the user can't be asked, or the download failed.
pub(super) fn ensure(context: &Context, settings: &Settings, agreed: bool) -> Result<Option<u8>> {
    let library = Library::open()?;
    let models = settings
        .roles
        .values()
        .flat_map(|role| [Some(&role.model), role.escalate_to.as_ref()].into_iter().flatten());
    let mut missing: Vec<&Entry> = Vec::new();
    for model in models {
        if let Some(entry) = provider::to_fetch(model, context.config.models(), &library)
            && !missing.contains(&entry)
        {
            missing.push(entry);
        }
    }
    for entry in missing {
        if !agreed && !context.terminal.interactive {
            let (name, bytes) = (entry.name.clone(), entry.bytes);
            return Err(LibraryError::NotHere { name, bytes }.into());
        }
        if !agreed && let Some(code) = refused(context, &library, entry)? {
            return Ok(Some(code));
        }
        if let Fetched::Stopped(code) = fetch(context, &library, entry)? {
            return Ok(Some(code));
        }
    }
    Ok(None)
}

/// Asks whether to download a model; returns the exit code if not.
fn refused(context: &Context, library: &Library, entry: &Entry) -> Result<Option<u8>> {
    let terminal = &context.terminal;
    interrupts::cancel_on_interrupt()?;
    let all = size(entry.bytes - library.came(entry).min(entry.bytes));
    terminal.say(&format!("The model runs on this machine, inside redraft: {}.", entry.title));
    terminal.say(&format!(
        "It is fetched once ({all}, checksum verified) into {}; licence: {}.",
        library.folder().display(),
        entry.licence
    ));
    if let Some(warning) = entry.too_large() {
        terminal.say(&terminal.warm(&format!("But {warning}.")));
    }
    let machine = machine(context, library);
    if let Some(better) = machine.better(library.entries(), entry).filter(|b| !library.has(b)) {
        terminal.say(&terminal.dim(&format!(
            "This machine has the memory for `{}` ({}, from its publisher): better scripts, more \
             slowly; use it with `--model embedded/{}`.",
            better.name,
            size(better.bytes),
            better.name
        )));
    }
    let what = format!("{all}, once");
    let choices = [
        Choice { word: "fetch", what: &what },
        Choice { word: "quit", what: "use another model: a key, Ollama, or --model" },
    ];
    match pick::select(terminal, "Fetch it now?", &choices, 0) {
        Ok(Some(0)) => return Ok(None),
        Err(Interrupted) => return Ok(Some(code::INTERRUPTED)),
        Ok(_) => {}
    }
    terminal.say("name another model with `--model`; `redraft models` shows what was found");
    Ok(Some(code::PAUSED))
}

/// The settings of a new session for a client that is not at this terminal. Its models must be
/// usable as they are; nothing is downloaded.
pub(super) fn settings_as_is(context: &Context, preset: Option<Preset>) -> Result<Settings> {
    let settings = setup::settings(context, preset, &cli::Work::default())?;
    setup::check_models(context, &settings)?;
    ensure(context, &settings, false)?;
    Ok(settings)
}
