//! `redraft trust`, and the merged configuration of every command: the user's own file, the
//! folder's file as far as it is trusted, and the file of `--config`.

use super::{code, interrupts};
use crate::cli::{self, Cli, Command, Global};
use crate::config::foreign::{Known, Opening};
use crate::config::{Config, ConfigFile};
use crate::domain::text::{count, one_line};
use crate::llm::provider;
use crate::terminal::Terminal;
use crate::terminal::pick::{self, Choice};
use crate::trust::Register;
use crate::workflow::manager::Interrupted;
use anyhow::{Result, bail};
use serde_json::json;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// The configuration file of a folder.
const FILE: &str = "redraft.yaml";
/// The most settings that a user is asked to review.
const MOST: usize = 100;
/// Maximum number of settings named in one line.
const NAMED: usize = 6;
/// Maximum number of characters shown of a setting's value.
const SHOWN: usize = 300;

/// A folder's configuration file, split into harmless and other settings.
struct Foreign {
    /// The folder's canonical path.
    folder: PathBuf,
    /// The file's path for display.
    name: String,
    file: ConfigFile,
    /// The settings that need no trust.
    harmless: Config,
    /// The keys of the other settings; empty if the file needs no trust.
    opening: Vec<Vec<String>>,
}

/// The user's answer.
enum Answer {
    Trust,
    Ignore,
    Quit,
    Interrupted,
}

/// Whether this command may ask about trust: only commands that work on something, and not with
/// `--auto` or `--yes`.
pub(super) fn asks(cli: &Cli) -> bool {
    let auto = match &cli.command {
        Some(Command::New(args)) => args.work.auto,
        Some(Command::Resume(args)) => args.work.auto,
        Some(Command::Ask(args)) => args.auto,
        Some(Command::Run(_) | Command::Mcp(_) | Command::Acp(_)) => false,
        _ => true,
    };
    !auto && !cli.global.yes
}

/// Reads and merges the user's own configuration, that of the current folder and that of
/// `--config`; later ones win. Breaks with an exit code if the user quit.
///
/// # Errors
/// One of them can't be read or is invalid.
pub(super) fn configuration(
    terminal: Terminal,
    named: Option<&Path>,
    ask: bool,
) -> Result<ControlFlow<u8, Config>> {
    let mut config = ConfigFile::of_user()?.map(|file| file.config).unwrap_or_default();
    let here = Path::new(FILE);
    // A file named with `--config` is trusted, even if it is the folder's own.
    let is_named = named.is_some_and(|path| {
        path.canonicalize().is_ok_and(|it| here.canonicalize().ok() == Some(it))
    });
    let of_folder = if is_named { None } else { ConfigFile::of_folder(here)? };
    let named = named.map(ConfigFile::read).transpose()?.map(|file| file.config);
    if let Some(file) = of_folder {
        let mut own = config.clone();
        own.merge(named.clone().unwrap_or_default());
        match Foreign::new(here, file, &own).settle(terminal, ask)? {
            ControlFlow::Continue(of_folder) => config.merge(of_folder),
            ControlFlow::Break(code) => return Ok(ControlFlow::Break(code)),
        }
    }
    config.merge(named.unwrap_or_default());
    Ok(ControlFlow::Continue(config))
}

impl Foreign {
    /// Splits a folder's file.
    fn new(path: &Path, file: ConfigFile, own: &Config) -> Self {
        let known = Known {
            own,
            provider: &|name| provider::is_known(name, own.models()),
            model: &|model| provider::is_of_known(model, own.models()),
        };
        let (harmless, opening) = file.config.clone().split(&known);
        let folder = match path.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        let name = one_line(&path.display().to_string(), 200);
        Self { folder, name, file, harmless, opening }
    }

    fn is_trusted(&self) -> bool {
        Register::open().is_some_and(|register| register.trusts(&self.folder, &self.file.text))
    }

    /// The settings to use: all if the file is trusted or the user trusts it now, otherwise the
    /// harmless ones.
    fn settle(self, terminal: Terminal, ask: bool) -> Result<ControlFlow<u8, Config>> {
        if self.opening.is_empty() || self.is_trusted() {
            return Ok(ControlFlow::Continue(self.file.config));
        }
        if !ask || !terminal.interactive || self.opening.len() > MOST {
            terminal.warn(&terminal.warm(&self.ignored()));
            return Ok(ControlFlow::Continue(self.harmless));
        }
        for line in self.lines() {
            terminal.warn(&line);
        }
        let choices = [
            Choice { word: "trust", what: "use all of it, until the file changes" },
            Choice { word: "ignore", what: "ignore these settings this time" },
            Choice { word: "quit", what: "start nothing and leave" },
        ];
        Ok(match answer(terminal, &choices)? {
            Answer::Trust => {
                self.trust()?;
                ControlFlow::Continue(self.file.config)
            }
            Answer::Ignore => ControlFlow::Continue(self.harmless),
            Answer::Quit => {
                terminal.warn("nothing was started");
                ControlFlow::Break(code::PAUSED)
            }
            Answer::Interrupted => ControlFlow::Break(code::INTERRUPTED),
        })
    }

    fn trust(&self) -> Result<()> {
        Ok(register()?.trust(&self.folder, &self.file.text)?)
    }

    /// A warning in one line, used when the user is not asked.
    fn ignored(&self) -> String {
        let mut names: Vec<String> =
            self.opening.iter().take(NAMED).map(|keys| setting(keys)).collect();
        if self.opening.len() > NAMED {
            names.push("...".to_owned());
        }
        format!(
            "`{}` of this folder is not trusted: {} ignored ({}); see `redraft trust`",
            self.name,
            count(self.opening.len(), "setting"),
            names.join(", "),
        )
    }

    /// The settings that need trust, one per line.
    fn lines(&self) -> Vec<String> {
        let head = format!(
            "`{}` in {} has settings that are used only if you trust this folder:",
            self.name,
            one_line(&self.folder.display().to_string(), 200)
        );
        let line = |opening: Opening| {
            let place = format!("{}:{}", self.name, opening.line);
            let length = opening.value.chars().count();
            let cut =
                if length > SHOWN { format!(" ({length} characters)") } else { String::new() };
            let value = one_line(&opening.value, SHOWN);
            format!("  {place} {}: {value}{cut}", one_line(&opening.keys.join("."), 100))
        };
        let openings = Opening::find(&self.file.text, &self.opening);
        std::iter::once(head).chain(openings.into_iter().map(line)).collect()
    }

    fn json(&self, trusted: bool) -> serde_json::Value {
        let settings: Vec<_> = Opening::find(&self.file.text, &self.opening)
            .into_iter()
            .map(|o| json!({ "line": o.line, "key": o.keys.join("."), "value": o.value }))
            .collect();
        json!({ "folder": self.folder, "trusted": trusted, "settings": settings })
    }
}

/// A setting inside a sentence: ``base_url of `anthropic` ``.
fn setting(keys: &[String]) -> String {
    match keys {
        [.., section, key] => format!("{} of `{}`", one_line(key, 40), one_line(section, 40)),
        _ => one_line(&keys.join("."), 40),
    }
}

/// Asks the user. The default is not to trust, in case Enter was meant for something else.
fn answer(terminal: Terminal, choices: &[Choice<'_>]) -> Result<Answer> {
    interrupts::cancel_on_interrupt()?;
    Ok(match pick::select(&terminal, "Trust this folder?", choices, 1) {
        Ok(Some(chosen)) => match choices.get(chosen).map(|choice| choice.word) {
            Some("trust") => Answer::Trust,
            Some("ignore") => Answer::Ignore,
            _ => Answer::Quit,
        },
        Ok(None) => Answer::Quit,
        Err(Interrupted) => Answer::Interrupted,
    })
}

fn register() -> Result<Register> {
    match Register::open() {
        Some(register) => Ok(register),
        None => bail!("there is no home folder to record in which folders are trusted"),
    }
}

pub(super) fn run(terminal: Terminal, global: &Global, args: &cli::Trust) -> Result<u8> {
    let register = register()?;
    if args.list {
        list(terminal, &register);
        return Ok(code::DONE);
    }
    let folder = args.folder.as_deref().unwrap_or_else(|| Path::new("."));
    if args.revoke {
        return revoke(terminal, &register, folder);
    }
    let path = match &args.folder {
        Some(folder) => folder.join(FILE),
        None => PathBuf::from(FILE),
    };
    let Some(file) = ConfigFile::of_folder(&path)? else {
        bail!("there is no `{}`: nothing needs trust", path.display());
    };
    let mut own = ConfigFile::of_user()?.map(|file| file.config).unwrap_or_default();
    if let Some(named) = &global.config {
        own.merge(ConfigFile::read(named)?.config);
    }
    let foreign = Foreign::new(&path, file, &own);
    if foreign.opening.is_empty() {
        if terminal.json {
            terminal.json(&foreign.json(false));
        }
        terminal.say(&format!("`{}` has no setting that needs trust", foreign.name));
        return Ok(code::DONE);
    }
    if foreign.opening.len() > MOST {
        let (name, n) = (&foreign.name, foreign.opening.len());
        bail!("`{name}` has {n} settings that need trust, too many to read: shorten it");
    }
    for line in foreign.lines() {
        terminal.say(&line);
    }
    if foreign.is_trusted() {
        terminal.say("the folder is trusted already");
    } else if global.yes {
        foreign.trust()?;
        terminal.say("the folder is trusted, until the file changes");
    } else if terminal.interactive {
        let choices = [
            Choice { word: "trust", what: "use all of it, until the file changes" },
            Choice { word: "quit", what: "trust nothing" },
        ];
        match answer(terminal, &choices)? {
            Answer::Trust => foreign.trust()?,
            Answer::Interrupted => return Ok(code::INTERRUPTED),
            Answer::Ignore | Answer::Quit => {
                terminal.say("nothing was trusted");
                return Ok(code::PAUSED);
            }
        }
    } else {
        bail!("there is no terminal to ask at: `redraft trust --yes` trusts the folder");
    }
    if terminal.json {
        terminal.json(&foreign.json(true));
    }
    Ok(code::DONE)
}

fn revoke(terminal: Terminal, register: &Register, folder: &Path) -> Result<u8> {
    // A folder that was removed has no canonical path.
    let real = folder.canonicalize().or_else(|_| std::path::absolute(folder))?;
    let was = register.revoke(&real)?;
    if terminal.json {
        terminal.json(&json!({ "folder": real, "revoked": was }));
    }
    let shown = one_line(&real.display().to_string(), 200);
    let words = if was { "is not trusted any more" } else { "was not trusted" };
    terminal.say(&format!("{shown} {words}"));
    Ok(code::DONE)
}

fn list(terminal: Terminal, register: &Register) {
    let state = |folder: &Path| match ConfigFile::of_folder(&folder.join(FILE)) {
        Ok(Some(file)) if register.trusts(folder, &file.text) => "unchanged",
        Ok(None) => "gone",
        _ => "changed: you will be asked again",
    };
    let rows: Vec<_> = register
        .list()
        .into_iter()
        .map(|record| (state(Path::new(&record.folder)), record))
        .collect();
    if terminal.json {
        let rows: Vec<_> = rows
            .iter()
            .map(|(state, r)| json!({ "folder": r.folder, "at": r.at, "sha256": r.sha256, "state": state }))
            .collect();
        terminal.json(&rows);
        return;
    }
    if rows.is_empty() {
        terminal.say("no folder is trusted");
    }
    for (state, record) in rows {
        let folder = one_line(&record.folder, 200);
        terminal.say(&format!("{folder}  {}  {state}", one_line(&record.at, 40)));
    }
}
