//! The commands, one file each: each wires the layers below together. Only these modules use
//! catch-all errors.

mod acp;
mod ask;
mod batch;
mod chatlog;
mod complete;
mod completions;
mod diff;
mod doctor;
mod edit;
mod export;
mod feedback;
mod fetch;
mod fork;
mod help;
mod interrupts;
mod list;
mod log;
mod login;
mod look;
mod man;
mod mcp;
mod models;
mod new;
mod notebook;
mod open;
mod prompts;
mod questions;
mod rename;
mod repair;
mod replay;
mod report;
mod resume;
mod revoke;
mod rm;
mod run;
mod serve;
mod setup;
mod show;
mod trust;
mod welcome;
mod work;

use crate::cli::{Cli, Command, Global};
use crate::config::Config;
use crate::domain::text::{one_line, single_spaced, visible};
use crate::files;
use crate::llm::library::FetchError;
use crate::store::StoreError;
use crate::store::catalog::{self, Place};
use crate::terminal::{Terminal, lost, read_input};
use crate::traces;
use crate::workflow::driver::DriverError;
use clap::Parser;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use std::ffi::OsString;
use std::ops::ControlFlow;
use std::path::PathBuf;

/// Exit codes, as listed in DESIGN 4.
mod code {
    /// Success; for sessions: accepted.
    pub(super) const DONE: u8 = 0;
    /// A script that was run failed.
    pub(super) const RUN_FAILED: u8 = 1;
    /// A replay differs from the recording.
    pub(super) const DIFFERS: u8 = 1;
    /// A usage or configuration error, or an operation that the system refused.
    pub(super) const USAGE: u8 = 2;
    /// Paused at a gate or a limit, or a run that was refused.
    pub(super) const PAUSED: u8 = 3;
    /// The model provider failed.
    pub(super) const MODEL: u8 = 4;
    /// The session is locked, damaged, or in a newer format.
    pub(super) const SESSION: u8 = 5;
    /// A script that was run reached its time limit.
    pub(super) const TIMEOUT: u8 = 124;
    /// Interrupted by Ctrl-C.
    pub(super) const INTERRUPTED: u8 = 130;
}

/// The shared context of all commands.
struct Context {
    terminal: Terminal,
    config: Config,
    sessions: PathBuf,
    yes: bool,
    /// ` --config ...` and ` --sessions ...` as passed, quoted for a shell, to repeat in suggested
    /// commands.
    flags: String,
    /// File to which the conversation with the models is appended, if requested.
    chatlog: Option<PathBuf>,
}

impl Context {
    /// The same context for a command that prints only an answer to standard output.
    fn for_answers(self) -> Self {
        Self { terminal: self.terminal.for_answers(), ..self }
    }

    /// Finds a session by name; without one, the session last worked on.
    fn find(&self, wanted: Option<&str>) -> Result<Place, StoreError> {
        catalog::find(&self.sessions, wanted)
    }

    /// Finds a session for a command that does not accept a version.
    fn find_whole(&self, wanted: Option<&str>) -> anyhow::Result<Place> {
        let place = self.find(wanted)?;
        if place.version.is_some() {
            let wanted = one_line(wanted.unwrap_or_default(), 100);
            anyhow::bail!("`{wanted}`: this command takes a session, not a version of one");
        }
        Ok(place)
    }
}

/// Reads all of standard input as text; `what` names the expected content in errors.
fn input(what: &str, limit: u64) -> anyhow::Result<String> {
    read_input(limit).map_err(|error| {
        let reason = files::reason(&error);
        anyhow::anyhow!("cannot read the {what} from standard input: {reason}")
    })
}

/// Runs the program and returns its exit code.
#[must_use]
pub fn main() -> u8 {
    refuse_to_die_of_a_full_file();
    if let Some(code) = crate::sandbox::started_to_confine() {
        return code;
    }
    if let Some(code) = crate::data::started_to_describe() {
        return code;
    }
    hide_memory();
    let parsed = Cli::try_parse().or_else(|error| match task_for_new(&error) {
        Some(args) => Cli::try_parse_from(args),
        None => Err(error),
    });
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => return unparsed(&error),
    };
    let terminal = Terminal::new(cli.global.json, cli.global.no_color, cli.global.verbose);
    let ran = run(cli, terminal);
    if let Some(line) = traces::end() {
        terminal.warn(&line);
    }
    let ended = ran.and_then(|code| match lost() {
        Some(why) if code == code::DONE => {
            anyhow::bail!("cannot write to standard output: {why}")
        }
        _ => Ok(code),
    });
    match ended {
        Ok(code) => code,
        Err(error) => {
            report_error(terminal, &error);
            code_of(&error)
        }
    }
}

/// Makes a write beyond the file size limit fail instead of killing the process, so that it is
/// reported like any other disk error.
fn refuse_to_die_of_a_full_file() {
    #[cfg(unix)]
    {
        use nix::sys::signal::{SigSet, Signal};
        // Before other threads start: they inherit the signal mask.
        let mut signals = SigSet::empty();
        signals.add(Signal::SIGXFSZ);
        let _ = signals.thread_block();
    }
}

/// Protects this process's memory and environment, which contain model keys, from other programs of
/// the same user and from core files. Child processes must do the same for themselves.
fn hide_memory() {
    #[cfg(target_os = "linux")]
    let _ = nix::sys::prctl::set_dumpable(false);
}

/// `redraft "an analog clock"` means `redraft new "an analog clock"`: an argument with white space
/// is not a command name.
fn task_for_new(error: &clap::Error) -> Option<Vec<OsString>> {
    if error.kind() != ErrorKind::InvalidSubcommand {
        return None;
    }
    let ContextValue::String(task) = error.get(ContextKind::InvalidSubcommand)? else {
        return None;
    };
    let mut args: Vec<OsString> = std::env::args_os().collect();
    let place = args.iter().skip(1).position(|arg| arg == task.as_str())? + 1;
    args.insert(place, "new".into());
    task.trim().contains(char::is_whitespace).then_some(args)
}

/// Prints help, the version, or a command-line error.
fn unparsed(error: &clap::Error) -> u8 {
    if !error.use_stderr() || error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        // Not an error, and clap picks the right stream.
        let _ = error.print();
        return if error.use_stderr() { code::USAGE } else { code::DONE };
    }
    let terminal = Terminal::new(false, false, false);
    let (what, next) = two_lines(&error.to_string());
    terminal.warn(&format!("{} {}", terminal.bad("error:"), visible(&what)));
    terminal.warn(&visible(&next));
    code::USAGE
}

/// Reduces a command-line error to two lines: what is wrong and what to do.
fn two_lines(text: &str) -> (String, String) {
    let mut parts = text.split("\n\n").map(single_spaced).filter(|part| !part.is_empty());
    let what = parts.next().unwrap_or_default();
    let rest: Vec<String> = parts.collect();
    let with = |start: &str| rest.iter().find(|part| part.starts_with(start)).cloned();
    let next = with("tip:").or_else(|| with("Usage:")).unwrap_or_else(|| "try `--help`".to_owned());
    (what.trim_start_matches("error: ").to_owned(), next)
}

fn run(cli: Cli, terminal: Terminal) -> anyhow::Result<u8> {
    if let Some(Command::Completions(args)) = &cli.command {
        return Ok(completions::run(terminal, args));
    }
    if let Some(Command::Complete(args)) = &cli.command {
        return Ok(complete::run(terminal, args));
    }
    if let Some(Command::Help(args)) = &cli.command {
        return help::run(terminal, args);
    }
    if let Some(Command::Man(args)) = &cli.command {
        return man::run(terminal, args);
    }
    files::sweep();
    if let Some(Command::Trust(args)) = &cli.command {
        return trust::run(terminal, &cli.global, args);
    }
    let asks = trust::asks(&cli);
    let config = match trust::configuration(terminal, cli.global.config.as_deref(), asks)? {
        ControlFlow::Continue(config) => config,
        ControlFlow::Break(code) => return Ok(code),
    };
    let terminal = Terminal {
        quiet: cli.global.quiet || config.quiet == Some(true) && !terminal.verbose,
        ..terminal
    };
    if let Some(traces) = &config.traces {
        traces::begin(traces).map_err(anyhow::Error::msg)?;
    }
    let chatlog = asked_chatlog(cli.command.as_ref()).cloned().or_else(|| config.chatlog.clone());
    let flags = repeated(&cli.global);
    let sessions = sessions_folder(cli.global.sessions, &config);
    let context = Context { terminal, config, sessions, yes: cli.global.yes, flags, chatlog };
    let Some(command) = cli.command else { return welcome::run(&context) };
    match command {
        Command::New(args) => new::run(&context, args),
        Command::Ask(args) => ask::run(&context.for_answers(), args),
        Command::Resume(args) => resume::run(context, &args),
        Command::Batch(args) => batch::run(&context, &args),
        Command::List => list::run(&context),
        Command::Rm(args) => rm::run(&context, &args),
        Command::Rename(args) => rename::run(&context, &args),
        Command::Show(args) => show::run(&context, &args),
        Command::Diff(args) => diff::run(&context, &args),
        Command::Log(args) => log::run(&context, &args),
        Command::Feedback(args) => feedback::run(&context, &args),
        Command::Run(args) => run::run(&context, &args),
        Command::Serve(args) => serve::run(context, &args),
        Command::Open(args) => open::run(&context, &args),
        Command::Revoke(args) => revoke::run(&context, &args),
        Command::Edit(args) => edit::run(&context, &args),
        Command::Fork(args) => fork::run(&context, &args),
        Command::Export(args) => export::run(&context, &args),
        Command::Models(args) => models::run(&context, &args),
        Command::Login(args) => login::login(&context, &args),
        Command::Logout(args) => login::logout(&context, &args),
        Command::Doctor(args) => doctor::run(&context, &args),
        Command::Report(args) => report::run(&context, &args),
        Command::Replay(args) => replay::run(&context, &args),
        Command::Repair(args) => repair::run(&context, &args),
        Command::Mcp(args) => mcp::run(context, &args),
        Command::Acp(args) => acp::run(context, &args),
        Command::Prompts(args) => prompts::run(&context, &args),
        // These need no configuration and are handled above.
        Command::Completions(_)
        | Command::Complete(_)
        | Command::Help(_)
        | Command::Man(_)
        | Command::Trust(_) => Ok(code::DONE),
    }
}

/// The sessions folder: from the flag, the environment, the configuration, or `sessions` in the
/// current folder.
fn sessions_folder(flag: Option<PathBuf>, config: &Config) -> PathBuf {
    let variable = || std::env::var_os("REDRAFT_SESSIONS").filter(|v| !v.is_empty());
    flag.or_else(|| variable().map(Into::into))
        .or_else(|| config.sessions_dir.clone())
        .unwrap_or_else(|| PathBuf::from("sessions"))
}

/// The file of `--chatlog`.
const fn asked_chatlog(command: Option<&Command>) -> Option<&PathBuf> {
    match command {
        Some(Command::New(args)) => args.work.means.chatlog.as_ref(),
        Some(Command::Resume(args)) => args.work.means.chatlog.as_ref(),
        Some(Command::Ask(args)) => args.means.chatlog.as_ref(),
        _ => None,
    }
}

/// The global flags with paths, as passed.
fn repeated(global: &Global) -> String {
    let flag = |name: &str, path: &Option<PathBuf>| {
        let path = path.as_ref()?.to_str()?;
        Some(format!(" {name} {}", shlex::try_quote(path).ok()?))
    };
    let given = [flag("--config", &global.config), flag("--sessions", &global.sessions)];
    given.into_iter().flatten().collect()
}

/// Prints an error in one or two lines.
fn report_error(terminal: Terminal, error: &anyhow::Error) {
    let label = terminal.bad("error:");
    terminal.warn(&format!("{label} {}", visible(&error.to_string())));
    if terminal.verbose {
        for cause in error.chain().skip(1) {
            terminal.warn(&format!("  because: {}", visible(&cause.to_string())));
        }
    }
}

fn code_of(error: &anyhow::Error) -> u8 {
    let store =
        error.downcast_ref::<StoreError>().or_else(|| match error.downcast_ref::<DriverError>() {
            Some(DriverError::Store(error)) => Some(error),
            _ => None,
        });
    match store {
        Some(error) => code_of_store(error),
        None => match error.downcast_ref::<FetchError>() {
            Some(FetchError::Nowhere { .. }) => code::MODEL,
            _ => code::USAGE,
        },
    }
}

fn code_of_store(error: &StoreError) -> u8 {
    match error {
        StoreError::Locked { .. } | StoreError::Damaged { .. } | StoreError::Newer { .. } => {
            code::SESSION
        }
        _ => code::USAGE,
    }
}
