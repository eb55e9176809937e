//! The command line: the doc comments here are the help.

use crate::batch::engine::Engine;
use crate::batch::shard::Shard;
use crate::domain::settings::{Preset, SandboxMode};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::net::SocketAddr;
use std::path::PathBuf;

/// Turns a sentence into one Python script that works, with whatever model you have.
///
/// A Planner proposes a plan, a Coder writes versions of the script, the machine checks and runs
/// them, a Reviewer compares them with the plan, and you decide. Everything is a readable file in
/// the session's folder.
#[derive(Debug, Parser)]
#[command(name = "redraft", version, max_term_width = 100, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// Options that every command takes.
#[derive(Args, Debug)]
pub(crate) struct Global {
    /// Read this configuration after the usual ones
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The folder that holds the sessions [default: `$REDRAFT_SESSIONS`, the configuration's, ./sessions]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) sessions: Option<PathBuf>,
    /// Print results, and for `new`, `resume` and `batch` each event, as JSON on standard output
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Do not ask before files are overwritten and models are fetched; with `ask`, as `--auto`
    #[arg(long, global = true)]
    pub(crate) yes: bool,
    /// Use no colours
    #[arg(long, global = true)]
    pub(crate) no_color: bool,
    /// Tell more: what models think aloud, their text where nobody watches, the causes of errors
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
    /// Tell only results, questions and errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start a session: from a task to an accepted script
    New(New),
    /// Ask questions that are answered by writing and running code
    Ask(Ask),
    /// Go on with a session, at the step where it stopped
    Resume(Resume),
    /// Work on many tasks side by side, unattended; a table and files say what came of each
    Batch(Batch),
    /// List the sessions, the one last worked on first
    List,
    /// Remove sessions with all their files
    Rm(Rm),
    /// Give a session another name
    Rename(Rename),
    /// Show a session, or one of its versions
    Show(Show),
    /// Show what changed between two versions
    Diff(Diff),
    /// Show everything that happened in a session
    Log(Target),
    /// Write a session as one page that needs nothing else: plan, versions, findings, differences
    Report(Report),
    /// Work through a session's recorded answers again, with the program and the templates of today,
    /// and say what is different
    Replay(Target),
    /// Record what a test of the latest version showed, for the next one
    Feedback(Feedback),
    /// Run a version, or any script, as a session would
    Run(Run),
    /// Open what a version's run left: its picture, or else its file
    Open(Target),
    /// Work with sessions in a browser, on this machine
    Serve(Serve),
    /// Take back what a session's scripts were allowed to reach
    Revoke(Revoke),
    /// Change the latest script in $EDITOR; saved as a new version
    Edit(Target),
    /// Make a new session that starts at a version of another one
    Fork(Fork),
    /// Write out a script, with its dependencies declared in a PEP 723 block
    Export(Export),
    /// Show which models were found and which would be used; fetch models that run here
    Models(Models),
    /// Keep a provider's key in the system's keyring; it is typed unseen, or read from standard input
    Login(Login),
    /// Remove a provider's key from the system's keyring
    Logout(Login),
    /// Check what this machine, and a session, need to work
    Doctor(Target),
    /// Take damaged lines out of a session's journal
    Repair(Named),
    /// Work with the agents' prompt templates
    Prompts(Prompts),
    /// Trust what a folder's `redraft.yaml` sets: servers, keys, programs, the sandbox
    ///
    /// A `redraft.yaml` in the current folder may choose a preset, limits, and models of providers
    /// that are built in or stand in your own configuration. Whatever else it sets is ignored, with
    /// one line, until you trust the folder: it is shown and you are asked, or `--yes` says so. That
    /// holds until the file changes or the folder moves. Your own configuration and the file given by
    /// `--config` need no trust.
    Trust(Trust),
    /// Serve other programs and their models over standard input and output (Model Context Protocol)
    Mcp(Mcp),
    /// Serve an editor over standard input and output (Agent Client Protocol)
    Acp(Acp),
    /// Print the shell's completion script
    Completions(Completions),
    /// What a completion script offers at the cursor
    #[command(hide = true)]
    Complete(Complete),
    /// Write a manual page for each command into a folder
    Man(Man),
    /// Show a page of the guide, or a command's help
    Help(Help),
}

/// What to show.
#[derive(Args, Debug)]
pub(crate) struct Help {
    /// A page (`presets`, `data`, `evidence`, ...) or a command [default: all that there are]
    #[arg(value_name = "TOPIC")]
    pub(crate) topic: Option<String>,
}

/// Which session.
#[derive(Args, Debug)]
pub(crate) struct Target {
    /// NAME, PATH or NAME:vN [default: the session last worked on]
    #[arg(value_name = "SESSION")]
    pub(crate) session: Option<String>,
}

/// What to show of a session.
#[derive(Args, Debug)]
pub(crate) struct Show {
    #[command(flatten)]
    pub(crate) target: Target,
    /// Draw the pictures that its run left, in half blocks where the terminal has nothing finer
    #[arg(long)]
    pub(crate) pictures: bool,
}

/// Where pages are served.
#[derive(Args, Debug)]
pub(crate) struct Serve {
    /// Listen here; on another address than 127.0.0.1, others on the network can read what is sent
    /// [default: a free port of 127.0.0.1]
    #[arg(
        long,
        value_name = "ADDR:PORT",
        default_value = "127.0.0.1:0",
        hide_default_value = true
    )]
    pub(crate) listen: SocketAddr,
}

/// An editor's agent.
#[derive(Args, Debug)]
pub(crate) struct Acp {
    /// Set up a model in this terminal instead; editors offer this where none can be used
    #[arg(long)]
    pub(crate) setup: bool,
}

/// Whose key.
#[derive(Args, Debug)]
pub(crate) struct Login {
    /// A provider: `anthropic`, `openai`, `gemini`, `openrouter`, or one of the configuration
    #[arg(value_name = "PROVIDER")]
    pub(crate) provider: String,
}

/// Which session, said outright.
#[derive(Args, Debug)]
pub(crate) struct Named {
    /// NAME or PATH
    #[arg(value_name = "SESSION")]
    pub(crate) session: String,
}

/// Sessions to remove.
#[derive(Args, Debug)]
pub(crate) struct Rm {
    /// NAME or PATH of each
    #[arg(value_name = "SESSION", required = true)]
    pub(crate) which: Vec<String>,
}

/// A session and its new name.
#[derive(Args, Debug)]
pub(crate) struct Rename {
    /// NAME or PATH
    #[arg(value_name = "SESSION")]
    pub(crate) session: String,
    /// The new name
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
}

#[derive(Args, Debug, Default)]
pub(crate) struct New {
    /// What the script should do, in your own words
    #[arg(value_name = "TASK")]
    pub(crate) task: Option<String>,
    /// The session's name [default: made from the task]
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Read the task from a file, or from standard input with `-`
    #[arg(long, value_name = "FILE", conflicts_with = "task")]
    pub(crate) task_file: Option<PathBuf>,
    /// The way of working
    #[arg(long, value_name = "P", value_enum)]
    pub(crate) preset: Option<PresetArg>,
    /// Give the script this file; it is copied into the session
    #[arg(long, value_name = "PATH", allow_hyphen_values = true)]
    pub(crate) data: Vec<PathBuf>,
    /// Hold every version against these tests: a file of pytest's, a script that asserts, a
    /// cases.yaml, or a folder of them; they are copied into the session
    #[arg(long, value_name = "PATH", allow_hyphen_values = true)]
    pub(crate) tests: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) work: Work,
}

#[derive(Args, Debug)]
pub(crate) struct Ask {
    /// What you want to know [default: one question after the other, until you leave]
    #[arg(value_name = "QUESTION")]
    pub(crate) question: Option<String>,
    /// The session's name [default: made from the question]
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Give the code this file; it is copied into the session
    #[arg(long, value_name = "PATH", allow_hyphen_values = true)]
    pub(crate) data: Vec<PathBuf>,
    /// Pieces of code that are run for one question at most [default: 8]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = at_least_one)]
    pub(crate) steps: Option<u32>,
    /// Answer the gates by rule: what was not allowed by `--allow` is denied
    #[arg(long)]
    pub(crate) auto: bool,
    #[command(flatten)]
    pub(crate) means: Means,
}

/// What a session may use: flags that all sessions share.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Means {
    /// The model for all roles, as PROVIDER/MODEL
    #[arg(long, value_name = "M")]
    pub(crate) model: Option<String>,
    /// Tokens in all
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) budget_tokens: Option<u64>,
    /// US dollars in all
    #[arg(long, value_name = "X", allow_negative_numbers = true, value_parser = money)]
    pub(crate) budget_usd: Option<f64>,
    /// How runs are confined (strict if nothing else is said)
    #[arg(long, value_name = "MODE", value_enum)]
    pub(crate) sandbox: Option<SandboxArg>,
    /// Let the scripts reach something: `network`, `network=HOST`, `read=PATH`, `env=NAME`, `processes`
    #[arg(long, value_name = "WHAT")]
    pub(crate) allow: Vec<String>,
    /// The Python to use: `auto`, `system`, `uv`, `venv:PATH`, `conda:NAME`, or a path
    #[arg(long, value_name = "P")]
    pub(crate) python: Option<String>,
    /// Append what is said to the models, and what they answer, to this file as well
    #[arg(long, value_name = "FILE")]
    pub(crate) chatlog: Option<PathBuf>,
    /// What is printed has to be JSON that fits the JSON schema in this file
    #[arg(long, value_name = "FILE")]
    pub(crate) schema: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct Resume {
    #[command(flatten)]
    pub(crate) target: Target,
    /// Go on from this version
    #[arg(long, value_name = "vN", value_parser = version)]
    pub(crate) from: Option<u32>,
    #[command(flatten)]
    pub(crate) work: Work,
}

/// What a session works with: flags that `new`, `resume` and `batch` share.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Work {
    #[command(flatten)]
    pub(crate) means: Means,
    /// The Planner's model
    #[arg(long, value_name = "M")]
    pub(crate) planner: Option<String>,
    /// The Coder's model
    #[arg(long, value_name = "M")]
    pub(crate) coder: Option<String>,
    /// The Reviewer's model
    #[arg(long, value_name = "M")]
    pub(crate) reviewer: Option<String>,
    /// Samples of each script, asked for at once; the best by tests, run and checks is taken
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = at_least_one)]
    pub(crate) candidates: Option<u32>,
    /// Repairs in a row before you are asked
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) repairs: Option<u32>,
    /// Versions in all
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = at_least_one)]
    pub(crate) max_versions: Option<u32>,
    /// Answer the gates by rule: approve, iterate while something fails, accept what works
    #[arg(long)]
    pub(crate) auto: bool,
    /// Check and review versions without running them
    #[arg(long)]
    pub(crate) no_run: bool,
    /// Arguments that every version is run with, quoted as for a shell
    #[arg(long, value_name = "ARGS", allow_hyphen_values = true)]
    pub(crate) args: Option<String>,
    /// What every version reads from standard input: a text, or a file with `@`
    #[arg(long, value_name = "TEXT|@FILE", allow_hyphen_values = true)]
    pub(crate) stdin: Option<String>,
    /// What the script does, checked on every version: 'input: 5 -> 120', 'arguments: 10 km -> 6.21'
    #[arg(long = "example", value_name = "EXAMPLE", allow_hyphen_values = true)]
    pub(crate) examples: Vec<String>,
}

/// Many tasks, with flags that hold for all of them where a task says nothing itself.
#[derive(Args, Debug)]
pub(crate) struct Batch {
    /// The tasks: JSON lines, a JSON list (`.json`) or a YAML list (`.yaml`), each with an `id` and a `task`
    #[arg(value_name = "TASKS")]
    pub(crate) tasks: PathBuf,
    /// Tasks at the same time [default: the provider's `parallel`; else 1 for a model inside redraft, and 2]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = at_least_one)]
    pub(crate) jobs: Option<u32>,
    /// Where the results go [default: `batch-NAME` in the sessions folder, by the file of tasks]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// The way of working
    #[arg(long, value_name = "P", value_enum)]
    pub(crate) preset: Option<PresetArg>,
    /// Work again on tasks that wait at a gate or a limit
    #[arg(long)]
    pub(crate) retry_paused: bool,
    /// Do each task so many times, and show the mean and the spread
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = at_least_one)]
    pub(crate) repeat: Option<u32>,
    /// Show what changed against the `results.jsonl` of an older batch
    #[arg(long, value_name = "FILE")]
    pub(crate) compare: Option<PathBuf>,
    /// Do one part of several only, as `2/8` [default: what the task array of Slurm or `hq` says]
    #[arg(long, value_name = "i/n")]
    pub(crate) shard: Option<Shard>,
    /// In how many parts it is done [default with `--engine`: 8, or a task each]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = at_least_one)]
    pub(crate) shards: Option<u32>,
    /// Collect the results of all parts into one table
    #[arg(long, conflicts_with_all = ["status", "cancel", "engine", "shard"])]
    pub(crate) merge: bool,
    /// With `--merge`: another folder that holds results of parts
    #[arg(long, value_name = "DIR", requires = "merge")]
    pub(crate) from: Vec<PathBuf>,
    /// Show how far it is, wherever it is worked on
    #[arg(long, conflicts_with_all = ["cancel", "engine", "shard"])]
    pub(crate) status: bool,
    /// Break off whoever works on it: processes of this machine, and the cluster's job
    #[arg(long, conflicts_with_all = ["engine", "shard"])]
    pub(crate) cancel: bool,
    /// Submit it to a cluster as an array of parts
    #[arg(long, value_enum, conflicts_with = "shard")]
    pub(crate) engine: Option<EngineArg>,
    /// The account that Slurm counts it on
    #[arg(long, value_name = "A", requires = "engine")]
    pub(crate) account: Option<String>,
    /// Slurm's partition
    #[arg(long, value_name = "P", requires = "engine")]
    pub(crate) partition: Option<String>,
    /// The time limit of a part, as the engine writes it
    #[arg(long, value_name = "T", requires = "engine")]
    pub(crate) time: Option<String>,
    /// The memory of a part, as Slurm writes it
    #[arg(long, value_name = "M", requires = "engine")]
    pub(crate) mem: Option<String>,
    /// Parts that Slurm runs at the same time at most
    #[arg(long, value_name = "K", requires = "engine", value_parser = at_least_one)]
    pub(crate) array_limit: Option<u32>,
    #[command(flatten)]
    pub(crate) work: Work,
}

#[derive(Args, Debug)]
pub(crate) struct Diff {
    /// [SESSION] [vA] [vB]: by default the latest version against the one that it was written from
    #[arg(value_name = "SESSION vA vB", num_args = 0..=3)]
    pub(crate) what: Vec<String>,
    /// Only count the lines
    #[arg(long, conflicts_with = "side_by_side")]
    pub(crate) stat: bool,
    /// Both versions beside each other
    #[arg(long)]
    pub(crate) side_by_side: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Feedback {
    /// NAME, PATH or NAME:vN
    #[arg(value_name = "SESSION")]
    pub(crate) session: String,
    /// What you saw, or `-` to read it from standard input
    #[arg(value_name = "TEXT")]
    pub(crate) text: String,
}

#[derive(Args, Debug)]
pub(crate) struct Run {
    /// SESSION, SESSION:vN or FILE.py [default: the session last worked on]
    #[arg(value_name = "SESSION|FILE.py")]
    pub(crate) what: Option<String>,
    /// How it is confined (strict if nothing else is said)
    #[arg(long, value_name = "MODE", value_enum)]
    pub(crate) sandbox: Option<SandboxArg>,
    /// Let it reach something: `network`, `network=HOST`, `read=PATH`, `env=NAME`, `processes`
    #[arg(long, value_name = "WHAT")]
    pub(crate) allow: Vec<String>,
    /// The Python to use: `auto`, `system`, `uv`, `venv:PATH`, `conda:NAME`, or a path
    #[arg(long, value_name = "P")]
    pub(crate) python: Option<String>,
    /// Stop it after so many seconds [default: the session's, the configuration's]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) seconds: Option<u64>,
    /// Where the files go that it writes [default: at a terminal you are asked; else nowhere]
    #[arg(short, long, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
    /// Where what a person types is kept
    #[arg(long, value_name = "FILE", hide = true)]
    pub(crate) typed: Option<PathBuf>,
    /// Arguments for the script [default: the session's]
    #[arg(last = true, value_name = "ARGS")]
    pub(crate) args: Vec<String>,
}

#[derive(Args, Debug)]
pub(crate) struct Revoke {
    /// NAME or PATH
    #[arg(value_name = "SESSION")]
    pub(crate) session: String,
    /// What to take back, as `show` lists it: `network=HOST`, `read=PATH`, ... [default: everything]
    #[arg(value_name = "PERMISSION")]
    pub(crate) permissions: Vec<String>,
}

#[derive(Args, Debug)]
pub(crate) struct Fork {
    /// NAME, PATH or NAME:vN
    #[arg(value_name = "SESSION")]
    pub(crate) session: String,
    /// The new session's name
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
}

#[derive(Args, Debug)]
pub(crate) struct Export {
    #[command(flatten)]
    pub(crate) target: Target,
    /// The file to write [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// As a notebook: the plan, the code, what it printed, its pictures
    #[arg(long, conflicts_with = "lock")]
    pub(crate) notebook: bool,
    /// Pin its dependencies with their hashes, beside it in FILE.lock; needs uv
    #[arg(long, requires = "output")]
    pub(crate) lock: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Man {
    /// The folder
    #[arg(value_name = "DIR")]
    pub(crate) folder: PathBuf,
}

#[derive(Args, Debug)]
pub(crate) struct Report {
    /// NAME or PATH [default: the session last worked on]
    #[arg(value_name = "SESSION")]
    pub(crate) session: Option<String>,
    /// The file to write, or `-` for standard output [default: SESSION.html or SESSION.md here]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// A page, or text in Markdown
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = ReportFormat::Html)]
    pub(crate) format: ReportFormat,
}

/// How a report is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormat {
    /// One page of HTML
    Html,
    /// Markdown
    Md,
}

#[derive(Args, Debug)]
pub(crate) struct Prompts {
    #[command(subcommand)]
    pub(crate) command: PromptsCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PromptsCommand {
    /// Write the built-in templates into a folder, to be changed
    Export {
        /// The folder
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
}

#[derive(Args, Debug)]
pub(crate) struct Trust {
    /// The folder [default: the current one]
    #[arg(value_name = "DIR", conflicts_with = "list")]
    pub(crate) folder: Option<PathBuf>,
    /// Trust it no longer
    #[arg(long, conflicts_with = "list")]
    pub(crate) revoke: bool,
    /// List the folders that are trusted
    #[arg(long)]
    pub(crate) list: bool,
}

/// How clients are served.
#[derive(Args, Debug)]
pub(crate) struct Mcp {
    /// A folder whose files clients may give to scripts, besides the current one
    #[arg(long = "root", value_name = "DIR")]
    pub(crate) roots: Vec<PathBuf>,
    /// Let clients answer the safety, install and budget gates, and vouch for results, as you would
    #[arg(long)]
    pub(crate) allow_gates: bool,
    /// Serve clients over HTTP that bring the token which is printed, on this machine only
    /// [default: a free port of 127.0.0.1]
    #[arg(
        long,
        value_name = "ADDR:PORT",
        num_args = 0..=1,
        default_missing_value = "127.0.0.1:0"
    )]
    pub(crate) http: Option<SocketAddr>,
}

#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Models {
    /// Ask each model that would be used for one token
    #[arg(long)]
    pub(crate) check: bool,
    #[command(subcommand)]
    pub(crate) command: Option<ModelsCommand>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ModelsCommand {
    /// List the models that run inside redraft, and which are on this machine
    List,
    /// Fetch a model, or go on fetching it; one that is here is checked
    Pull {
        /// The model [default: the one that is used where nothing else is found]
        #[arg(value_name = "NAME")]
        name: Option<String>,
    },
    /// Find out what a model is like, in four short calls, and keep it for its later use
    Probe {
        /// The model, as PROVIDER/MODEL [default: the one that would be used]
        #[arg(value_name = "MODEL")]
        model: Option<String>,
    },
    /// Remove a model's file
    Rm {
        /// The model, or the name of a file in the folder
        #[arg(value_name = "NAME")]
        name: String,
    },
}

#[derive(Args, Debug)]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_name = "SHELL", value_enum)]
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Args, Debug)]
pub(crate) struct Complete {
    /// The words behind the program's name, up to the one at the cursor
    #[arg(value_name = "WORD", last = true)]
    pub(crate) words: Vec<String>,
}

/// The presets of this build.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum PresetArg {
    /// Plan, versions, reviews, all gates
    Guided,
    /// No plan, no review: write, run, feed the error back until it runs
    Quick,
    /// Several samples of plan and script, the best by tests, run and checks: for weak models
    Sampler,
    /// A question about files of data (`--data`): reviewed before each run; explains what it can't do
    Analyst,
}

impl From<PresetArg> for Preset {
    fn from(arg: PresetArg) -> Self {
        match arg {
            PresetArg::Guided => Self::Guided,
            PresetArg::Quick => Self::Quick,
            PresetArg::Sampler => Self::Sampler,
            PresetArg::Analyst => Self::Analyst,
        }
    }
}

/// Who runs the parts of a batch.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum EngineArg {
    /// Slurm, by `sbatch`
    Slurm,
    /// `HyperQueue`, by `hq submit`
    Hq,
}

impl From<EngineArg> for Engine {
    fn from(arg: EngineArg) -> Self {
        match arg {
            EngineArg::Slurm => Self::Slurm,
            EngineArg::Hq => Self::Hq,
        }
    }
}

/// How much a run is confined.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum SandboxArg {
    /// No network, no files but its own
    Strict,
    /// Strict, with the network
    Network,
    /// A plain child process
    Off,
}

impl From<SandboxArg> for SandboxMode {
    fn from(arg: SandboxArg) -> Self {
        match arg {
            SandboxArg::Strict => Self::Strict,
            SandboxArg::Network => Self::Network,
            SandboxArg::Off => Self::Off,
        }
    }
}

/// Reads `vN` or `N`.
///
/// # Errors
/// Anything else.
pub(crate) fn version(text: &str) -> Result<u32, String> {
    match text.strip_prefix('v').unwrap_or(text).parse() {
        Ok(n) if n > 0 => Ok(n),
        _ => Err("a version is `v1`, `v2`, ...".to_owned()),
    }
}

fn at_least_one(text: &str) -> Result<u32, String> {
    match text.parse() {
        Ok(n) if n > 0 => Ok(n),
        _ => Err("a whole number of at least 1".to_owned()),
    }
}

fn money(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(x) if x.is_finite() && x >= 0.0 => Ok(x),
        _ => Err("an amount in US dollars, as `2.5`".to_owned()),
    }
}
