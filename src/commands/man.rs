//! `redraft man`: writes the manual pages.

use super::code;
use crate::cli::{self, Cli};
use crate::files::{self, Mode};
use crate::terminal::Terminal;
use anyhow::{Context as _, Result};
use clap::{Command, CommandFactory};
use clap_mangen::Man;

pub(super) fn run(terminal: Terminal, args: &cli::Man) -> Result<u8> {
    let mut all = Cli::command();
    // Built first, so that global options appear on each page.
    all.build();
    files::create_folder(&args.folder)?;
    let mut pages = Vec::new();
    collect(&all, &mut pages)?;
    for (name, page) in pages {
        let path = args.folder.join(name);
        files::write(&path, &page, Mode::Normal)?;
        terminal.say(&path.display().to_string());
    }
    Ok(code::DONE)
}

/// Collects the pages of a command and its subcommands with their file names: `redraft.1`,
/// `redraft-new.1`, ...
fn collect(command: &Command, pages: &mut Vec<(String, Vec<u8>)>) -> Result<()> {
    let man = Man::new(command.clone());
    let mut page = Vec::new();
    man.render(&mut page).context("cannot write a manual page")?;
    pages.push((man.get_filename(), page));
    for command in command.get_subcommands().filter(|command| !command.is_hide_set()) {
        collect(command, pages)?;
    }
    Ok(())
}
