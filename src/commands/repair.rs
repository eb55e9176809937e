//! `redraft repair`: removes damaged lines from a session's journal.

use super::{Context, code};
use crate::cli::Named;
use crate::domain::text::{count, one_line};
use crate::store::repair;
use anyhow::Result;
use serde_json::json;

pub(super) fn run(context: &Context, args: &Named) -> Result<u8> {
    let place = context.find_whole(Some(&args.session))?;
    let outcome = repair::repair(&place.folder)?;
    let terminal = &context.terminal;
    if terminal.json {
        terminal.json(&json!({
            "left_out": outcome.left_out,
            "saved": outcome.saved,
            "kept": outcome.kept,
        }));
    }
    match &outcome.saved {
        None => terminal.say("the journal is whole; nothing was changed"),
        Some(saved) => {
            terminal.say(&format!(
                "{} left out, {} kept; the journal as it was is in {saved}",
                count(outcome.left_out.len(), "line"),
                outcome.kept,
            ));
            for line in &outcome.left_out {
                terminal.say(&format!("  {}", one_line(line, 160)));
            }
        }
    }
    Ok(code::DONE)
}
