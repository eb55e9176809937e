//! `redraft rm`: removes sessions with all their files.

use super::{Context, code};
use crate::cli;
use crate::domain::text::{count, one_line};
use crate::store::manage;
use crate::terminal::pick::{self, Choice};
use anyhow::{Result, bail};
use serde_json::json;

pub(super) fn run(context: &Context, args: &cli::Rm) -> Result<u8> {
    // Unless all sessions exist, none is removed.
    let places: Result<Vec<_>> =
        args.which.iter().map(|name| context.find_whole(Some(name))).collect();
    let mut folders: Vec<_> = places?.into_iter().map(|place| place.folder).collect();
    folders.sort();
    folders.dedup();
    let terminal = &context.terminal;
    let names = args.which.iter().map(|name| one_line(name, 60)).collect::<Vec<_>>().join(", ");
    if !context.yes {
        if !terminal.interactive {
            bail!("nothing was removed; `--yes` removes {names} with all files");
        }
        let choices = [
            Choice { word: "keep", what: "change nothing" },
            Choice { word: "remove", what: "with all versions, for good" },
        ];
        match pick::select(terminal, &format!("Remove {names}?"), &choices, 0) {
            Ok(Some(1)) => {}
            Ok(_) => return Ok(code::DONE),
            Err(_) => return Ok(code::INTERRUPTED),
        }
    }
    for folder in &folders {
        manage::remove(folder)?;
    }
    if terminal.json {
        terminal.json(&json!({ "removed": args.which }));
    }
    terminal.say(&format!("removed {}: {names}", count(folders.len(), "session")));
    Ok(code::DONE)
}
