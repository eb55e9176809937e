//! `redraft completions`: prints a shell's completion script. Where the shell supports it, the
//! script also completes session names with `redraft complete`.

use super::code;
use crate::cli::{Cli, Completions};
use crate::terminal::Terminal;
use clap::CommandFactory;
use clap_complete::Shell;

pub(super) fn run(terminal: Terminal, args: &Completions) -> u8 {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "redraft", &mut script);
    let script = String::from_utf8_lossy(&script);
    // Our function replaces the generated one, and calls it for everything else.
    let with = |function: &str| {
        format!("{}\n{function}", script.replace("_redraft() {", "_redraft_words() {"))
    };
    terminal.raw(&match args.shell {
        Shell::Bash => with(include_str!("completions/redraft.bash")),
        Shell::Zsh => {
            // The call at the end of the script must follow our function.
            let (functions, call) = script.rsplit_once("\nif [").unwrap_or((&script, ""));
            let functions = functions.replace("_redraft() {", "_redraft_words() {");
            format!("{functions}\n{}\nif [{call}", include_str!("completions/redraft.zsh"))
        }
        Shell::Fish => format!("{script}{}", include_str!("completions/redraft.fish")),
        _ => script.into_owned(),
    });
    code::DONE
}
