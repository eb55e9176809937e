//! `redraft` without arguments: a short introduction and the next command.

use super::{Context, code, new, setup};
use crate::cli;
use crate::domain::text::{one_line, size};
use crate::llm::library::Library;
use crate::llm::provider;
use crate::store::catalog;
use crate::terminal::flow;
use crate::terminal::prompt::{self, Typed};
use anyhow::Result;
use serde_json::json;

/// An example task for a user without sessions.
const EXAMPLE: &str = "redraft new \"show the time on an analog clock face\"";

pub(super) fn run(context: &Context) -> Result<u8> {
    let terminal = &context.terminal;
    let last = catalog::last(&context.sessions).ok().flatten();
    let name = last.and_then(|folder| Some(folder.file_name()?.to_string_lossy().into_owned()));
    let next = match &name {
        Some(_) => format!("redraft resume{}", context.flags),
        None => EXAMPLE.to_owned(),
    };
    if terminal.json {
        terminal.json(&json!({ "next": next, "last": name }));
        return Ok(code::DONE);
    }
    let title = terminal.bold("redraft turns a sentence into one working Python script.");
    terminal.say(&title);
    let words = "You agree on a plan, and a model writes the script. Each version is checked, run in a \
                 sandbox and compared with the plan. You accept it, or say what to change.";
    terminal.print(&flow::paragraph(terminal, words));
    let folder = context.sessions.display();
    terminal
        .say(&format!("Everything is in readable files in {folder}; stop and resume at any time."));
    terminal.say(&model(context)?);
    terminal.say("");
    if let Some(name) = name {
        let resume = format!("go on with `{}`:  ", one_line(&name, 40));
        terminal.print(&flow::hang(terminal, &resume, &terminal.bold(&next)));
    }
    terminal.print(&flow::hang(terminal, "start with:  ", &terminal.bold(EXAMPLE)));
    let more = terminal.dim("redraft --help, redraft models, redraft doctor");
    terminal.print(&flow::hang(terminal, &terminal.dim("more:        "), &more));
    if !terminal.interactive {
        return Ok(code::DONE);
    }
    terminal.say("");
    let asked = terminal.bold("What should the script do? (empty: quit)");
    match prompt::ask_first(&asked)? {
        Typed::Text(task) if !task.trim().is_empty() => {
            new::run(context, cli::New { task: Some(task), ..cli::New::default() })
        }
        Typed::Interrupted => Ok(code::INTERRUPTED),
        Typed::Text(_) | Typed::Back(_) | Typed::Ended => Ok(code::DONE),
    }
}

/// The model that would be used.
fn model(context: &Context) -> Result<String> {
    let library = Library::open()?;
    let model = match &context.config.model {
        Some(model) => model.clone(),
        None => setup::default_model(context)?.model,
    };
    Ok(match provider::to_fetch(&model, context.config.models(), &library) {
        Some(entry) => {
            let bytes = size(entry.bytes);
            format!(
                "No key or account is needed: a model ({bytes}) is downloaded once and runs here."
            )
        }
        None => format!("The model is {}; `--model` chooses another one.", one_line(&model, 80)),
    })
}
