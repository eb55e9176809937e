//! `redraft ask`: answers questions by running code.

use super::work::{self, SessionIo};
use super::{Context, fetch, interrupts, look, setup};
use crate::cli;
use crate::domain::report::RunVerdict;
use crate::domain::settings::Preset;
use crate::domain::text::one_line;
use crate::store::{self, Draft, Store};
use anyhow::{Result, bail};
use serde_json::{Value, json};
use std::path::Path;

/// The longest question, in bytes.
const LONGEST: usize = 1 << 20;

pub(super) fn run(context: &Context, args: cli::Ask) -> Result<u8> {
    let work = cli::Work { means: args.means, ..cli::Work::default() };
    let mut settings = setup::settings(context, Some(Preset::Ask), &work)?;
    if !settings.run {
        bail!("`run: false` in the configuration: questions are answered by running code");
    }
    settings.limits.steps = args.steps.or(settings.limits.steps);
    setup::check_models(context, &settings)?;
    if let Some(code) = fetch::ensure(context, &settings, context.yes || args.auto)? {
        return Ok(code);
    }
    let prompts = work::prompts()?;
    let mut talk = talk(context, args.auto, args.question.is_none());
    let question = match args.question {
        Some(question) => question,
        None => first(&mut talk)?,
    };
    if question.trim().is_empty() {
        bail!("the question is empty; say in a sentence what you want to know");
    }
    if question.len() > LONGEST {
        bail!("the question has more than {LONGEST} bytes; give files with `--data` instead");
    }
    let draft = Draft {
        name: args.name,
        request: question.trim().to_owned(),
        settings,
        described: look::describe(&args.data),
        data: args.data,
        tests: Vec::new(),
        interface: Vec::new(),
    };
    let mut store = store::create(&context.sessions, draft)?;
    let session = store.session();
    let terminal = &context.terminal;
    let title = terminal.bold(&format!("session {}", session.name));
    terminal.note(&format!("{title}: {}", one_line(&session.request, 120)));
    // The result of each question is printed instead.
    talk.events = false;
    if terminal.json {
        watch(context, &mut store);
    }
    work::work_as(context, store, prompts, talk)
}

/// The user interface of a dialogue. Without a terminal, no questions are asked about permissions.
pub(super) fn talk(context: &Context, auto: bool, more: bool) -> SessionIo {
    let auto = auto || context.yes || !context.terminal.interactive;
    SessionIo::new(context, auto, more)
}

/// Reads the first question of a dialogue.
fn first(talk: &mut SessionIo) -> Result<String> {
    interrupts::cancel_this_on_interrupt(talk.task.cancellation())?;
    match setup::runtime()?.block_on(talk.face.listen()) {
        Ok(Some(question)) => Ok(question),
        Ok(None) => bail!("no question was asked; give a QUESTION, or one a line"),
        Err(_) => bail!("interrupted before anything was asked"),
    }
}

/// Prints the result of each question as a line of JSON.
fn watch(context: &Context, store: &mut Store) {
    let terminal = context.terminal;
    let session = store.session();
    let (name, mut question) = (session.name.clone(), session.request.clone());
    let schema = !session.settings.schema.is_empty();
    let mut runs: Vec<Value> = Vec::new();
    let (mut script, mut code) = (Value::Null, Value::Null);
    let mut value = Value::Null;
    store.watch(move |line| {
        let event: Value = serde_json::from_str(line).unwrap_or_default();
        match event["event"].as_str() {
            Some("question_asked") => {
                event["text"].as_str().unwrap_or_default().clone_into(&mut question);
            }
            Some("version_created") => script = event["script"].clone(),
            Some("run_finished") => {
                let verdict = &event["run"]["verdict"];
                if verdict == RunVerdict::Ok.name() {
                    code = script.take();
                    let printed = event["stdout"].as_str().unwrap_or_default();
                    value = serde_json::from_str(printed.trim()).unwrap_or_default();
                }
                runs.push(json!({ "version": event["version"], "verdict": verdict }));
            }
            Some("question_answered") => {
                let mut ended = json!({
                    "session": name,
                    "question": question,
                    "answer": event["answer"],
                    "remark": event["remark"],
                    "code": code.take(),
                    "runs": std::mem::take(&mut runs),
                });
                // The last output that fits the schema, parsed: for programs, the answer itself.
                if schema {
                    ended["value"] = std::mem::take(&mut value);
                }
                terminal.json(&ended);
            }
            _ => {}
        }
    });
}

/// Refuses a command that needs a session with a script.
///
/// # Errors
/// The session answers questions.
pub(super) fn refuse(context: &Context, store: &Store, what: &str) -> Result<()> {
    if store.session().dialogue.is_none() {
        return Ok(());
    }
    let how = work::resume_with(context, store.folder());
    let folder: &Path = store.folder();
    let name = folder.file_name().map(|n| n.to_string_lossy()).unwrap_or_default();
    bail!("session `{}` answers questions: {what}; {how}", one_line(&name, 80))
}
