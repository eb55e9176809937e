//! `redraft export`: writes a script with its dependencies declared.

use super::{Context, code, interrupts, notebook, setup};
use crate::cli;
use crate::domain::session::{Session, Version};
use crate::files;
use crate::python::packages::{self, Packages};
use crate::python::{check, interpreter, pep723};
use crate::store;
use crate::terminal::links;
use crate::workflow::driver;
use anyhow::{Result, anyhow, bail};
use serde_json::json;
use std::path::PathBuf;

pub(super) fn run(context: &Context, args: &cli::Export) -> Result<u8> {
    let place = context.find(args.target.session.as_deref())?;
    let session = store::read(&place.folder)?.session;
    let number = place.version.or(session.result());
    let Some(number) = number else {
        bail!("session `{}` has no version yet to export", session.name);
    };
    let Some(version) = session.version(number) else {
        return Err(store::no_version(&session, number).into());
    };
    let (script, dependencies) = with_dependencies(&session, version);
    let terminal = &context.terminal;
    let notebook = args.notebook.then(|| {
        let pictures = notebook::pictures(&place.folder, version);
        notebook::of(&session, version, &dependencies, &driver::given(&session).0, &pictures)
    });
    let text = match &notebook {
        Some(notebook) => format!("{notebook:#}\n"),
        None => script.clone(),
    };
    match &args.output {
        Some(path) => {
            let beside = args.lock.then(|| {
                let mut name = path.clone().into_os_string();
                name.push(".lock");
                PathBuf::from(name)
            });
            let there = |path: &&PathBuf| !context.yes && path.is_file();
            if let Some(path) = [Some(path), beside.as_ref()].into_iter().flatten().find(there) {
                bail!("`{}` is there already; `--yes` overwrites it", path.display());
            }
            let lock = beside.as_ref().map(|_| lock(context, &session, &script)).transpose()?;
            files::write_into(path, text.as_bytes())?;
            if let Some((path, lock)) = beside.zip(lock) {
                files::write_into(&path, lock.as_bytes())?;
                let path = links::path(terminal, &path);
                terminal.say(&format!("its packages are pinned in {path}"));
            }
            let path = links::path(terminal, path);
            terminal.say(&format!("v{number} of {} is in {path}", session.name));
        }
        None if terminal.json => terminal.json(&json!({
            "session": session.name,
            "version": number,
            "dependencies": dependencies,
            "script": script,
            "notebook": notebook,
        })),
        None => terminal.raw(&text),
    }
    Ok(code::DONE)
}

/// A version's script with its dependencies declared, and the dependencies.
pub(super) fn with_dependencies(session: &Session, version: &Version) -> (String, Vec<String>) {
    let checks = version.checks.clone().unwrap_or_else(|| check::check(&version.script));
    let python = version
        .run
        .as_ref()
        .filter(|run| run.verdict.ran())
        .and_then(|run| run.python.as_deref())
        .and_then(requires)
        .unwrap_or_else(|| pep723::OLDEST.to_owned());
    let data = session.data.iter().map(|file| file.name.as_str());
    let dependencies = packages::without_data(&checks.dependencies, data);
    (pep723::with_block(&version.script, &python, &dependencies), dependencies)
}

/// The lock file of a script: exact packages with hashes.
fn lock(context: &Context, session: &Session, script: &str) -> Result<String> {
    let wanted = session.settings.python.as_deref().or(context.config.python.as_deref());
    let python = interpreter::find(wanted)?;
    let packages = Packages::new(context.config.uv.clone());
    let cancel = interrupts::cancel_on_interrupt()?;
    let locked = setup::runtime()?.block_on(packages.lock(&python, script, &cancel));
    locked.map_err(|error| anyhow!("the packages could not be pinned: {error}"))
}

/// Turns `3.11.7` into `>=3.11`.
fn requires(version: &str) -> Option<String> {
    let mut parts = version.split('.');
    let (major, minor) = (parts.next()?, parts.next()?);
    Some(format!(">={major}.{minor}"))
}
