//! `redraft rename`: changes the name of a session.

use super::{Context, code};
use crate::cli;
use crate::domain::text::one_line;
use crate::store::manage;
use anyhow::Result;
use serde_json::json;

pub(super) fn run(context: &Context, args: &cli::Rename) -> Result<u8> {
    let place = context.find_whole(Some(&args.session))?;
    manage::rename(&place.folder, &args.name)?;
    let terminal = &context.terminal;
    if terminal.json {
        terminal.json(&json!({ "name": args.name }));
    }
    terminal.say(&format!("`{}` is `{}` now", one_line(&args.session, 60), args.name));
    Ok(code::DONE)
}
