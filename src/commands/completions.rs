//! `redraft completions`: the shell's completion script.

use super::code;
use crate::cli::{Cli, Completions};
use crate::terminal::Terminal;
use clap::CommandFactory;

pub(super) fn run(terminal: Terminal, args: &Completions) -> u8 {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "redraft", &mut script);
    terminal.raw(&String::from_utf8_lossy(&script));
    code::DONE
}
