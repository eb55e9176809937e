//! `redraft doctor`: what this machine, and a session, need to work.

use super::{Context, code, setup, work};
use crate::cli::Target;
use crate::domain::chat::Role;
use crate::domain::settings::{Install, SandboxMode, Settings};
use crate::domain::text::one_line;
use crate::files;
use crate::llm::provider;
use crate::python::interpreter::{self, InterpreterError};
use crate::python::packages::Packages;
use crate::sandbox;
use crate::store;
use crate::view::status;
use anyhow::Result;
use serde_json::json;

/// One thing that was looked at.
struct Look {
    what: &'static str,
    fine: bool,
    words: String,
}

pub(super) fn run(context: &Context, args: &Target) -> Result<u8> {
    let mut looks = vec![
        python(context),
        packages(context),
        models(context),
        sandbox(),
        memory(),
        window(),
        folder(context),
        templates(),
    ];
    if let Some(wanted) = &args.session {
        looks.push(session(context, wanted));
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

fn python(context: &Context) -> Look {
    let found = python_of(context.config.python.as_deref());
    let fine = found.is_ok();
    let words = found.unwrap_or_else(|error| error.to_string());
    Look { what: "python", fine, words }
}

/// The Python that would be used, for people.
pub(super) fn python_of(wanted: Option<&str>) -> Result<String, InterpreterError> {
    let python = interpreter::find(wanted)?;
    Ok(format!("Python {python}, {}", python.path.display()))
}

/// What installs the packages that scripts need.
fn packages(context: &Context) -> Look {
    if context.config.install == Some(Install::Never) {
        let words = "never installed, as the configuration says".to_owned();
        return Look { what: "packages", fine: true, words };
    }
    let installer = interpreter::find(context.config.python.as_deref()).ok().and_then(|python| {
        let packages = Packages::new(context.config.uv.clone());
        setup::runtime().ok()?.block_on(packages.installer(&python))
    });
    let fine = installer.is_some();
    let words = installer.map_or_else(
        || "nothing installs them: python3 -m ensurepip --user, or install `uv`".to_owned(),
        |installer| format!("installed by {installer}, once they are allowed"),
    );
    Look { what: "packages", fine, words }
}

fn models(context: &Context) -> Look {
    let look = |fine, words| Look { what: "model", fine, words };
    // Those of single roles have to be reached as well.
    let mut named: Vec<String> = Role::WORKFLOW
        .iter()
        .filter_map(|role| context.config.model_of(*role).map(str::to_owned))
        .collect();
    if named.len() < Role::WORKFLOW.len() {
        match setup::default_model(context) {
            Ok(choice) => named.push(choice.model),
            Err(error) => return look(false, error.to_string()),
        }
    }
    let problem =
        named.iter().find_map(|model| provider::check(model, context.config.models()).err());
    match (problem, named.first()) {
        (Some(problem), _) => look(false, problem.to_string()),
        (None, Some(model)) => look(true, format!("{model}; `redraft models` shows more")),
        (None, None) => look(false, "none".to_owned()),
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

/// Really confines a program that does nothing, as scripts are, and says how well.
fn strict() -> Result<String> {
    let gaps = setup::runtime()?.block_on(sandbox::probe())?;
    Ok(if gaps.is_empty() {
        "strict, whole".to_owned()
    } else {
        format!("strict, but: {}", gaps.join("; "))
    })
}

/// How the scripts of a session would be confined, for people.
pub(super) fn sandbox_of(settings: &Settings) -> String {
    match settings.sandbox.mode {
        _ if !settings.run => "nothing is run".to_owned(),
        SandboxMode::Strict => strict().unwrap_or_else(|error| format!("strict: {error}")),
        SandboxMode::Network => "network: strict, but for the network".to_owned(),
        SandboxMode::Off => "off: scripts run with your rights".to_owned(),
    }
}

/// What bounds the memory of scripts.
fn memory() -> Look {
    Look { what: "memory", fine: true, words: sandbox::MEMORY_BOUNDS.to_owned() }
}

/// Programs with a window need more than others; nothing else does.
fn window() -> Look {
    let words =
        sandbox::display::missing().unwrap_or_else(|| "a virtual display, by Xvfb".to_owned());
    Look { what: "window", fine: true, words }
}

/// Tries whether sessions could be made, and leaves nothing behind.
fn folder(context: &Context) -> Look {
    let folder =
        std::path::absolute(&context.sessions).unwrap_or_else(|_| context.sessions.clone());
    // It is made with the first session; until then, what matters is the folder that it goes into.
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

fn session(context: &Context, wanted: &str) -> Look {
    let read = context.find_whole(Some(wanted)).and_then(|place| Ok(store::read(&place.folder)?));
    let (fine, words) = match read {
        Ok(snapshot) => (true, status::words(&snapshot.session)),
        Err(error) => (false, error.to_string()),
    };
    Look { what: "session", fine, words }
}
