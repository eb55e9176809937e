//! `redraft prompts`: exports the agents' templates.

use super::{Context, code, work};
use crate::cli::{self, PromptsCommand};
use crate::files::{self, Mode};
use crate::prompts::Prompts;
use anyhow::{Result, bail};
use serde_json::json;

pub(super) fn run(context: &Context, args: &cli::Prompts) -> Result<u8> {
    let PromptsCommand::Export { folder } = &args.command;
    let paths: Vec<_> =
        Prompts::builtin().iter().map(|(name, text)| (folder.join(name), text)).collect();
    if !context.yes
        && let Some((path, _)) = paths.iter().find(|(path, _)| path.symlink_metadata().is_ok())
    {
        bail!("`{}` is there already; `--yes` overwrites it", path.display());
    }
    files::create_folder(folder)?;
    for (path, text) in &paths {
        files::write(path, text.as_bytes(), Mode::Normal)?;
    }
    let terminal = &context.terminal;
    if terminal.json {
        terminal.json(&json!(paths.iter().map(|(path, _)| path).collect::<Vec<_>>()));
    }
    for (path, _) in &paths {
        terminal.say(&path.display().to_string());
    }
    if let Some(own) = work::config_folder() {
        let own = own.join("prompts");
        terminal.say(&format!("those in {} take the place of the built-in ones", own.display()));
    }
    Ok(code::DONE)
}
