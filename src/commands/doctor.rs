//! `redraft doctor`: checks what this machine, and a session, need to work.

use super::models::machine;
use super::{Context, code, interrupts, setup, work};
use crate::cli::Target;
use crate::domain::chat::Role;
use crate::domain::session::Session;
use crate::domain::settings::{Install, RoleSettings, SandboxMode, Settings};
use crate::domain::text::{one_line, size};
use crate::files;
use crate::llm::library::Library;
use crate::llm::{Used, profiles, provider};
use crate::python::interpreter::{self, Interpreter, InterpreterError};
use crate::python::packages::Packages;
use crate::sandbox;
use crate::store;
use crate::view::status;
use crate::workflow::driver;
use anyhow::Result;
use serde_json::json;
use std::collections::BTreeSet;

/// The result of one check.
struct Look {
    what: &'static str,
    fine: bool,
    words: String,
}

pub(super) fn run(context: &Context, args: &Target) -> Result<u8> {
    let session = args.session.as_deref().map(|wanted| {
        let place = context.find_whole(Some(wanted))?;
        Ok(store::read(&place.folder)?.session)
    });
    let own = session.as_ref().and_then(|read: &Result<Session>| read.as_ref().ok());
    let wanted = match own {
        Some(session) => session.settings.python.as_deref(),
        None => context.config.python.as_deref(),
    };
    let found = interpreter::find_with_reason(wanted);
    let mut looks = vec![
        python(&found),
        packages(context, &found),
        models(context, own),
        sandbox(),
        memory(),
        window(),
        folder(context),
        templates(),
    ];
    if let Some(read) = &session {
        looks.push(stands(read));
    }
    let terminal = &context.terminal;
    if terminal.json {
        let rows: Vec<_> = looks
            .iter()
            .map(|l| json!({ "what": l.what, "ok": l.fine, "found": l.words }))
            .collect();
        terminal.json(&rows);
    } else {
        for Look { what, fine, words } in &looks {
            let mark = if *fine { terminal.good("✓") } else { terminal.bad("✗") };
            terminal.say(&format!("{mark} {what:<9} {}", one_line(words, 200)));
        }
    }
    Ok(if looks.iter().all(|l| l.fine) { code::DONE } else { code::USAGE })
}

/// A Python and the reason for choosing it, or why there is none.
type Found = Result<(Interpreter, String), InterpreterError>;

/// The Python for runs, and the reason for choosing it.
fn python(found: &Found) -> Look {
    let words = match found {
        Ok((python, why)) => format!("Python {python}, {}: {why}", python.path.display()),
        Err(error) => error.to_string(),
    };
    Look { what: "python", fine: found.is_ok(), words }
}

/// The Python for runs, formatted for display.
pub(super) fn python_of(wanted: Option<&str>) -> Result<String, InterpreterError> {
    let python = interpreter::find(wanted)?;
    Ok(format!("Python {python}, {}", python.path.display()))
}

/// The installer of packages.
fn packages(context: &Context, found: &Found) -> Look {
    if context.config.install == Some(Install::Never) {
        let words = "never installed, as the configuration says".to_owned();
        return Look { what: "packages", fine: true, words };
    }
    let installer = found.as_ref().ok().and_then(|(python, _)| {
        let packages = Packages::new(context.config.uv.clone());
        setup::runtime().ok()?.block_on(packages.installer(python))
    });
    let fine = installer.is_some();
    let words = installer.map_or_else(
        || "nothing installs them: python3 -m ensurepip --user, or install `uv`".to_owned(),
        |installer| format!("installed by {installer}, once they are allowed"),
    );
    Look { what: "packages", fine, words }
}

/// The models of a session, or those that a new one would use.
fn models(context: &Context, session: Option<&Session>) -> Look {
    let look = |fine, words| Look { what: "model", fine, words };
    let mut named: Vec<String> = match session {
        Some(session) => {
            let of_role = |role: &RoleSettings| {
                [Some(role.model.clone()), role.escalate_to.clone()].into_iter().flatten()
            };
            session.settings.roles.values().flat_map(of_role).collect()
        }
        // Models of single roles must be reachable as well.
        None => Role::WORKFLOW
            .iter()
            .filter_map(|role| context.config.model_of(*role).map(str::to_owned))
            .collect(),
    };
    if session.is_none() && named.len() < Role::WORKFLOW.len() {
        match setup::default_model(context) {
            Ok(choice) => named.push(choice.model),
            Err(error) => return look(false, error.to_string()),
        }
    }
    let mut seen = BTreeSet::new();
    named.retain(|model| !model.is_empty() && seen.insert(model.clone()));
    let problem =
        named.iter().find_map(|model| provider::check(model, context.config.models()).err());
    match (problem, session) {
        (Some(problem), _) => look(false, problem.to_string()),
        (None, _) if named.is_empty() => look(false, "none".to_owned()),
        (None, Some(_)) => look(true, format!("{}, as the session has it", named.join(", "))),
        (None, None) => {
            let advice =
                advice(context, &named[0]).map_or_else(String::new, |words| format!("; {words}"));
            look(true, format!("{}{advice}; `redraft models` shows more", named[0]))
        }
    }
}

/// How fast a downloaded model of the catalogue is on this machine, and which one would serve better.
fn advice(context: &Context, model: &str) -> Option<String> {
    let library = Library::open().ok()?;
    let name = model.strip_prefix("embedded/")?;
    let entry = library.entries().iter().find(|entry| entry.is_called(name))?;
    if library.has(entry) {
        trial(context, model);
    }
    let machine = machine(context, &library);
    let better = machine.better(library.entries(), entry).map(|better| {
        let (name, size) = (&better.name, size(better.bytes));
        let speed = machine.speed(better);
        let speed = speed.map_or_else(String::new, |speed| format!(", about {speed:.1} a second"));
        let why = if better.bytes < entry.bytes { "faster" } else { "better scripts" };
        format!("`{name}` would serve better ({why}; {size}{speed})")
    });
    let words = [
        entry.too_large(),
        machine.speed(entry).map(|speed| format!("about {speed:.1} tokens a second")),
        better,
    ];
    let words: Vec<String> = words.into_iter().flatten().collect();
    (!words.is_empty()).then(|| words.join("; "))
}

/// Measures the speed of a model that was never measured, with a very short answer, and stores it.
fn trial(context: &Context, model: &str) {
    let connected = provider::connect(model, context.config.models(), &Used::new());
    let Ok(connection) = connected else { return };
    let folder = profiles::folder();
    if profiles::kept_speed(&folder, &connection.identity).is_some() {
        return;
    }
    let (Ok(runtime), Ok(cancel)) = (setup::runtime(), interrupts::cancel_on_interrupt()) else {
        return;
    };
    if let Some(speed) = runtime.block_on(driver::speed(&connection, &cancel)) {
        // A trial that can't be stored is made again.
        let _ = profiles::keep_speed(&folder, &connection.identity, model, speed);
    }
}

fn sandbox() -> Look {
    let (fine, words) = match strict() {
        Ok(words) => (true, format!("{words}; THREATS.md says what it does not defend")),
        Err(error) => (
            false,
            format!(
                "{error}; until then scripts run only with `--sandbox off`, and data files are looked into unconfined"
            ),
        ),
    };
    Look { what: "sandbox", fine, words }
}

/// Runs an empty program in the strict sandbox, and describes the result.
fn strict() -> Result<String> {
    let gaps = setup::runtime()?.block_on(sandbox::probe())?;
    Ok(if gaps.is_empty() {
        "strict, whole".to_owned()
    } else {
        format!("strict, but: {}", gaps.join("; "))
    })
}

/// How the scripts of a session are confined, formatted for display.
pub(super) fn sandbox_of(settings: &Settings) -> String {
    match settings.sandbox.mode {
        _ if !settings.run => "nothing is run".to_owned(),
        SandboxMode::Strict => strict().unwrap_or_else(|error| format!("strict: {error}")),
        SandboxMode::Network => "network: strict, but for the network".to_owned(),
        SandboxMode::Off => "off: scripts run with your rights".to_owned(),
    }
}

/// How the memory of scripts is limited.
fn memory() -> Look {
    Look { what: "memory", fine: true, words: sandbox::MEMORY_BOUNDS.to_owned() }
}

/// Only programs with a window need a display, so a missing one is not a failure.
fn window() -> Look {
    let words =
        sandbox::display::missing().unwrap_or_else(|| "a virtual display, by Xvfb".to_owned());
    Look { what: "window", fine: true, words }
}

/// Checks that sessions can be created, and cleans up.
fn folder(context: &Context) -> Look {
    let folder =
        std::path::absolute(&context.sessions).unwrap_or_else(|_| context.sessions.clone());
    // The sessions folder is created with the first session; until then, its nearest existing
    // parent must be writable.
    let there = folder.ancestors().find(|path| path.symlink_metadata().is_ok());
    let probe = there.unwrap_or(&folder).join(format!(".redraft-probe-{}", std::process::id()));
    let tried = files::create_folder(&probe).and_then(|()| files::remove_folder(&probe));
    let (fine, words) = match tried {
        Ok(()) if there == Some(&folder) => (true, context.sessions.display().to_string()),
        Ok(()) => (true, format!("{}, not there yet", context.sessions.display())),
        Err(error) => (false, error.to_string()),
    };
    Look { what: "sessions", fine, words }
}

fn templates() -> Look {
    let (fine, words) = match work::prompts() {
        Ok(_) => (true, "built in, or your own where you have some".to_owned()),
        Err(error) => (false, error.to_string()),
    };
    Look { what: "prompts", fine, words }
}

/// The state of the session.
fn stands(read: &Result<Session>) -> Look {
    let (fine, words) = match read {
        Ok(session) => (true, status::words(session)),
        Err(error) => (false, error.to_string()),
    };
    Look { what: "session", fine, words }
}
