//! `redraft edit`: opens the latest script in the user's editor and saves it as a new version.

use super::{Context, ask, code, work};
use crate::cli::Target;
use crate::store::{self, artifacts};
use crate::terminal::{editor, links, pick};
use crate::workflow::driver;
use anyhow::{Result, anyhow, bail};
use serde_json::json;

pub(super) fn run(context: &Context, args: &Target) -> Result<u8> {
    let place = context.find(args.session.as_deref())?;
    let (mut store, found) = store::open(&place.folder)?;
    ask::refuse(context, &store, "its code is its model's")?;
    work::take_up(context, &mut store, found)?;
    let session = store.session();
    let Some(base) = place.version.or(session.head) else {
        bail!("session `{}` has no version yet to edit", session.name);
    };
    let Some(version) = session.version(base) else {
        return Err(store::no_version(session, base).into());
    };
    let terminal = &context.terminal;
    let mut script = version.script.clone();
    let event = loop {
        script = editor::edit(&script, ".py")?;
        match driver::manual_version(session, script.clone(), Some(base)) {
            Ok(event) => break event,
            // An invalid script is kept, so that the user can fix it.
            Err(problem) if terminal.interactive => {
                // Only an explicit answer discards it: Escape asks again.
                let again = loop {
                    match pick::edit_again(terminal, &problem) {
                        Ok(None) => {}
                        Ok(Some(again)) => break again,
                        Err(_) => break false,
                    }
                };
                if !again {
                    break None;
                }
            }
            Err(problem) => return Err(anyhow!(problem)),
        }
    };
    let Some(event) = event else {
        terminal.say("nothing was changed");
        return Ok(code::DONE);
    };
    let number = session.next_version();
    store.record(event)?;
    store.sync()?;
    let file = store.folder().join(artifacts::script_file(number));
    let name = &store.session().name;
    if terminal.json {
        terminal.json(&json!({ "session": name, "version": number, "file": file }));
    }
    terminal.say(&format!("saved as v{number}: {}", links::path(terminal, &file)));
    terminal.say(&work::resume_with(context, store.folder()));
    Ok(code::DONE)
}
