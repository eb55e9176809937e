//! `redraft feedback`: records what a test showed, without opening the dialog.

use super::{Context, ask, code, work};
use crate::cli;
use crate::domain::event::Event;
use crate::store;
use crate::workflow::driver;
use anyhow::{Result, bail};
use serde_json::json;

/// The longest feedback, in bytes.
const LONGEST: u64 = 1 << 20;

pub(super) fn run(context: &Context, args: &cli::Feedback) -> Result<u8> {
    let text =
        if args.text == "-" { super::input("feedback", LONGEST)? } else { args.text.clone() };
    if text.trim().is_empty() {
        bail!("the feedback is empty; say what you saw");
    }
    let place = context.find(Some(&args.session))?;
    let (mut store, found) = store::open(&place.folder)?;
    ask::refuse(context, &store, "there is no version to give feedback on")?;
    work::take_up(context, &mut store, found)?;
    let session = store.session();
    let Some(version) = place.version.or(session.head) else {
        bail!("session `{}` has no version yet to give feedback on", session.name);
    };
    if session.version(version).is_none() {
        return Err(store::no_version(session, version).into());
    }
    let event: Event = driver::feedback(session, version, &text);
    store.record(event)?;
    store.sync()?;
    let terminal = &context.terminal;
    let name = &store.session().name;
    if terminal.json {
        terminal.json(&json!({ "session": name, "version": version }));
    }
    terminal.say(&format!("noted for v{version}; the next version will be written with it"));
    terminal.say(&work::resume_with(context, store.folder()));
    Ok(code::DONE)
}
