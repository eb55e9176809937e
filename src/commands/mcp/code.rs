//! The tools that read, compare, check and run.

use super::session::{PRINTED, waiting};
use super::{Tools, fields};
use crate::commands::run::Wanted;
use crate::commands::{diff, export, run};
use crate::diff as lines;
use crate::domain::settings::{Install, Sandbox, SandboxMode};
use crate::domain::text::ends;
use crate::mcp::Reply;
use crate::mcp::tools::{
    DiffVersions, ExportScript, Lint, ListSessions, RunPython, RunScript, ShowSession,
};
use crate::python::check;
use crate::store::{self, artifacts, catalog};
use crate::view;
use crate::workflow::install::Answers;
use anyhow::{Result, bail};
use serde_json::json;
use tokio_util::sync::CancellationToken;

/// Default number of sessions listed.
const LISTED: usize = 20;
/// The largest script, in bytes.
const LARGEST: usize = 4 << 20;

/// Runs a version as its session would.
pub(super) fn run_script(
    tools: &Tools,
    args: RunScript,
    cancel: &CancellationToken,
) -> Result<Reply> {
    let mut place = tools.find(&args.session)?;
    place.version = args.version;
    let mut wanted = run::of_session(&tools.context, &place)?;
    if let Some(arguments) = args.arguments {
        wanted.args = arguments;
        wanted.stdin.clear();
    }
    if let Some(input) = args.input {
        wanted.stdin = input;
    }
    perform(tools, &wanted, cancel)
}

/// Runs any code, always in the strict sandbox.
pub(super) fn run_python(
    tools: &Tools,
    args: RunPython,
    cancel: &CancellationToken,
) -> Result<Reply> {
    if args.code.len() > LARGEST {
        bail!("the code has more than {LARGEST} bytes");
    }
    let config = &tools.context.config;
    let wanted = Wanted {
        script: args.code,
        name: "script.py".to_owned(),
        data: tools.data(&args.data)?,
        limits: Sandbox { mode: SandboxMode::Strict, ..config.sandbox() },
        python: config.python.clone(),
        args: Vec::new(),
        stdin: args.input.unwrap_or_default(),
        install: Install::Never,
        answers: Answers::new(),
        allow: Vec::new(),
    };
    perform(tools, &wanted, cancel)
}

fn perform(tools: &Tools, wanted: &Wanted, cancel: &CancellationToken) -> Result<Reply> {
    let Some(ran) = run::perform(&tools.context, wanted, None, None, cancel)? else {
        bail!("the run was cancelled");
    };
    let mut value = fields(json!({
        "verdict": ran.run.verdict.name(),
        "output": ends(&ran.stdout, PRINTED),
        "errors": ends(&ran.stderr, PRINTED),
        "run": ran.run,
    }));
    if !ran.run.verdict.went_well() {
        let why = ran.run.error.as_ref().map(|error| format!("{}: {}", error.kind, error.message));
        let why = why.or_else(|| ran.run.reason.clone());
        let why = why.unwrap_or_else(|| ran.run.verdict.name().to_owned());
        value.insert("error".to_owned(), json!(why.trim_start_matches(": ")));
    }
    // A failed script is a successful tool call: its error is the answer.
    Ok(Reply::done(value))
}

/// Checks code without running it.
pub(super) fn lint(args: &Lint) -> Reply {
    if args.code.len() > LARGEST {
        return Reply::failed(&format!("the code has more than {LARGEST} bytes"));
    }
    let checks = check::check(&args.code);
    Reply::done(fields(json!({
        "ok": checks.errors.is_empty(),
        "errors": checks.errors,
        "findings": checks.lint,
        "security": checks.security,
        "capabilities": checks.capabilities,
        "dependencies": checks.dependencies,
    })))
}

/// Lists the sessions, the one last worked on first.
pub(super) fn list(tools: &Tools, args: &ListSessions) -> Result<Reply> {
    let listed = catalog::list(&tools.context.sessions, view::SessionRow::of)?;
    let mut rows = view::Row::newest_first(listed);
    let limit = args.limit.unwrap_or(LISTED);
    let more = rows.len().saturating_sub(limit);
    rows.truncate(limit);
    Ok(Reply::done(fields(json!({ "sessions": rows, "more": more }))))
}

/// Shows a session or one of its versions.
pub(super) fn show(tools: &Tools, args: &ShowSession) -> Result<Reply> {
    let session = store::read(&tools.find(&args.session)?.folder)?.session;
    let mut value = fields(json!({}));
    match args.version {
        Some(number) => {
            let Some(version) = session.version(number) else {
                return Err(store::no_version(&session, number).into());
            };
            value.insert("version".to_owned(), json!(view::Version::whole(&session, version)));
        }
        None => {
            value.insert("session".to_owned(), json!(view::Session::of(&session)));
        }
    }
    if let Some(form) = waiting(&tools.context, &session) {
        value.insert("gate".to_owned(), form.value(tools.allow_gates));
    }
    Ok(Reply::done(value))
}

/// Compares two versions.
pub(super) fn diff(tools: &Tools, args: &DiffVersions) -> Result<Reply> {
    let session = store::read(&tools.find(&args.session)?.folder)?.session;
    let newer = args.to.or(session.head).unwrap_or(1);
    let base = session.version(newer).and_then(|version| version.base);
    let older = args.from.or(base);
    let wanted: Vec<u32> = older.into_iter().chain([newer]).collect();
    let (old, new) = match wanted.as_slice() {
        [_, _] => diff::pair(&session, &wanted)?,
        // The first version has no base.
        _ => (None, diff::pair(&session, &[newer, newer])?.1),
    };
    let before = old.map_or("", |version| version.script.as_str());
    let old_name = old.map_or_else(|| "/dev/null".to_owned(), |v| artifacts::script_file(v.number));
    let stat = lines::stat(before, &new.script);
    let unified =
        lines::unified(before, &new.script, &old_name, &artifacts::script_file(new.number));
    let mut value = fields(json!({
        "to": new.number,
        "added": stat.added,
        "removed": stat.removed,
        "diff": unified,
    }));
    if let Some(old) = old {
        value.insert("from".to_owned(), json!(old.number));
    }
    Ok(Reply::done(value))
}

/// Exports a script with its dependencies declared.
pub(super) fn export(tools: &Tools, args: &ExportScript) -> Result<Reply> {
    let session = store::read(&tools.find(&args.session)?.folder)?.session;
    let number = args.version.or(session.result());
    let Some(number) = number else {
        bail!("session `{}` has no version yet to export", session.name);
    };
    let Some(version) = session.version(number) else {
        return Err(store::no_version(&session, number).into());
    };
    let (script, dependencies) = export::with_dependencies(&session, version);
    Ok(Reply::done(fields(json!({
        "session": session.name,
        "version": number,
        "dependencies": dependencies,
        "script": script,
    }))))
}
