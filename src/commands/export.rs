//! `redraft export`: a script with its dependencies declared.

use super::{Context, code};
use crate::cli;
use crate::domain::session::{Session, Version};
use crate::files;
use crate::python::{check, packages, pep723};
use crate::store;
use anyhow::{Result, bail};
use serde_json::json;

pub(super) fn run(context: &Context, args: &cli::Export) -> Result<u8> {
    let place = context.find(args.target.session.as_deref())?;
    let session = store::read(&place.folder)?.session;
    let number = place.version.or(session.accepted.map(|a| a.version)).or(session.head);
    let Some(number) = number else {
        bail!("session `{}` has no version yet to export", session.name);
    };
    let Some(version) = session.version(number) else {
        return Err(store::no_version(&session, number).into());
    };
    let (script, dependencies) = with_dependencies(&session, version);
    let terminal = &context.terminal;
    match &args.output {
        Some(path) => {
            if !context.yes && path.is_file() {
                bail!("`{}` is there already; `--yes` overwrites it", path.display());
            }
            files::write_into(path, script.as_bytes())?;
            terminal.say(&format!("v{number} of {} is in {}", session.name, path.display()));
        }
        None if terminal.json => terminal.json(&json!({
            "session": session.name,
            "version": number,
            "dependencies": dependencies,
            "script": script,
        })),
        None => terminal.raw(&script),
    }
    Ok(code::DONE)
}

/// A version's script with its dependencies declared, and these.
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

/// `>=3.11` from `3.11.7`.
fn requires(version: &str) -> Option<String> {
    let mut parts = version.split('.');
    let (major, minor) = (parts.next()?, parts.next()?);
    Some(format!(">={major}.{minor}"))
}
