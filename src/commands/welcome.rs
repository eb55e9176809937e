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
    let title = terminal.bold("redraft turns a sentence into one Python script that works.");
    terminal.say(&title);
    let words = "You talk a plan through; a model writes versions of the script; each is checked, run \
                 in a sandbox and compared with the plan; you accept one, or say what should be different.";
    terminal.print(&flow::paragraph(terminal, words));
    let folder = context.sessions.display();
    terminal.say(&format!(
        "All of it is readable files in {folder}, to be stopped and resumed at any point."
    ));
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
    let asked = terminal.bold("What should the script do? (nothing: leave)");
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
                "No key and no account is needed: a model ({bytes}) is fetched once, and runs here."
            )
        }
        None => format!("The model is {}, unless you name another one.", one_line(&model, 80)),
    })
}
