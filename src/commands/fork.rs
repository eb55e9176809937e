//! `redraft fork`: creates a session that starts at a version of another one.

use super::{Context, code, work};
use crate::cli;
use crate::store;
use anyhow::Result;
use serde_json::json;

pub(super) fn run(context: &Context, args: &cli::Fork) -> Result<u8> {
    let place = context.find(Some(&args.session))?;
    let mut store = store::fork(&context.sessions, &place.folder, place.version, &args.name)?;
    store.sync()?;
    let terminal = &context.terminal;
    let session = store.session();
    if terminal.json {
        terminal.json(&json!({
            "name": session.name,
            "forked_from": session.forked_from,
            "head": session.head,
        }));
    }
    let from = session.forked_from.as_deref().unwrap_or_default();
    terminal.say(&format!("session {} starts at {from}", session.name));
    terminal.say(&work::resume_with(context, store.folder()));
    Ok(code::DONE)
}
