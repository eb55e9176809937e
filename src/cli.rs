//! The command line. The doc comments here are the help texts.

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
    /// Do not ask before overwriting files and fetching models; with `ask`, as `--auto`
    #[arg(long, global = true)]
    pub(crate) yes: bool,
    /// Use no colours
    #[arg(long, global = true)]
    pub(crate) no_color: bool,
    /// Show more: models' reasoning, their text when output is not a terminal, the causes of errors
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
    /// Show only results, questions and errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start a session: from a task to an accepted script
    New(New),
    /// Ask questions that are answered by writing and running code
    Ask(Ask),
    /// Continue a session at the step where it stopped
    Resume(Resume),
    /// Work on many tasks in parallel, unattended; a table and files report the results
    Batch(Batch),
    /// List the sessions, the most recently used first
    List,
    /// Remove sessions with all their files
    Rm(Rm),
    /// Rename a session
    Rename(Rename),
    /// Show a session, or one of its versions
    Show(Show),
    /// Show what changed between two versions
    Diff(Diff),
    /// Show everything that happened in a session
    Log(Target),
    /// Write a session as one self-contained page: plan, versions, findings, differences
    Report(Report),
    /// Replay a session's recorded answers with today's program and templates, and show the
    /// differences
    Replay(Target),
    /// Record feedback on the latest version, for the next one
    Feedback(Feedback),
    /// Run a version, or any script, as a session would
    Run(Run),
    /// Open the result of a version's run: its picture, or else its file
    Open(Target),
    /// Work with sessions in a browser, on this machine
    Serve(Serve),
    /// Withdraw permissions of a session's scripts
    Revoke(Revoke),
    /// Edit the latest script in $EDITOR; the result is a new version
    Edit(Target),
    /// Make a new session that starts at a version of another one
    Fork(Fork),
    /// Write out a script, with its dependencies declared in a PEP 723 block
    Export(Export),
    /// Show the models that were found and those that would be used; fetch models that run here
    Models(Models),
    /// Store a provider's key in the system's keyring; type it unseen, or pass it on standard input
    Login(Login),
    /// Remove a provider's key from the system's keyring
    Logout(Login),
    /// Check the requirements of this machine and of a session
    Doctor(Target),
    /// Remove damaged lines from a session's journal
    Repair(Named),
    /// Work with the agents' prompt templates
    Prompts(Prompts),
    /// Trust what a folder's `redraft.yaml` sets: servers, keys, programs, the sandbox
    ///
    /// A `redraft.yaml` in the current folder may choose a preset, limits, and models of providers
    /// that are built in or in your own configuration. All other settings in it are ignored, with a
    /// message, until you trust the folder: the file is shown and you are asked, unless `--yes` is
    /// passed. The trust lasts until the file changes or the folder moves. Your own configuration and
    /// the file passed by `--config` need no trust.
    Trust(Trust),
    /// Serve other programs and their models over standard input and output (Model Context
    /// Protocol)
    Mcp(Mcp),
    /// Serve an editor over standard input and output (Agent Client Protocol)
    Acp(Acp),
    /// Print the shell's completion script
    Completions(Completions),
    /// Print the completions at the cursor, for a completion script
    #[command(hide = true)]
    Complete(Complete),
    /// Write a manual page for each command into a folder
    Man(Man),
    /// Show a page of the guide, or a command's help
    Help(Help),
}

/// The topic to show.
#[derive(Args, Debug)]
pub(crate) struct Help {
    /// A page (`presets`, `data`, `evidence`, ...) or a command [default: all that there are]
    #[arg(value_name = "TOPIC")]
    pub(crate) topic: Option<String>,
}

/// The session.
#[derive(Args, Debug)]
pub(crate) struct Target {
    /// NAME, PATH or NAME:vN [default: the most recently used session]
    #[arg(value_name = "SESSION")]
    pub(crate) session: Option<String>,
}

/// What to show of a session.
#[derive(Args, Debug)]
pub(crate) struct Show {
    #[command(flatten)]
    pub(crate) target: Target,
    /// Draw the pictures of its run, in half blocks if the terminal supports nothing finer
    #[arg(long)]
    pub(crate) pictures: bool,
}

/// Where pages are served.
#[derive(Args, Debug)]
pub(crate) struct Serve {
    /// Listen on this address; on others than 127.0.0.1, other hosts on the network can read the
    /// traffic [default: a free port of 127.0.0.1]
    #[arg(
        long,
        value_name = "ADDR:PORT",
        default_value = "127.0.0.1:0",
        hide_default_value = true
    )]
    pub(crate) listen: SocketAddr,
}

/// Options of the ACP server.
#[derive(Args, Debug)]
pub(crate) struct Acp {
    /// Set up a model in this terminal instead; editors offer this if none can be used
    #[arg(long)]
    pub(crate) setup: bool,
}

/// The provider of a key.
#[derive(Args, Debug)]
pub(crate) struct Login {
    /// A provider: `anthropic`, `openai`, `gemini`, `openrouter`, or one from the configuration
    #[arg(value_name = "PROVIDER")]
    pub(crate) provider: String,
}

/// A session that must be named.
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
    /// The preset
    #[arg(long, value_name = "P", value_enum)]
    pub(crate) preset: Option<PresetArg>,
    /// A data file for the script; it is copied into the session
    #[arg(long, value_name = "PATH", allow_hyphen_values = true)]
    pub(crate) data: Vec<PathBuf>,
    /// Tests for every version: a pytest file, a script with assertions, a cases.yaml, or a folder
    /// of them; they are copied into the session
    #[arg(long, value_name = "PATH", allow_hyphen_values = true)]
    pub(crate) tests: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) work: Work,
}

#[derive(Args, Debug)]
pub(crate) struct Ask {
    /// Your question [default: one after the other, until you quit]
    #[arg(value_name = "QUESTION")]
    pub(crate) question: Option<String>,
    /// The session's name [default: made from the question]
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// A data file for the code; it is copied into the session
    #[arg(long, value_name = "PATH", allow_hyphen_values = true)]
    pub(crate) data: Vec<PathBuf>,
    /// Maximum number of pieces of code run for one question [default: 8]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = at_least_one)]
    pub(crate) steps: Option<u32>,
    /// Answer the gates by rule: permissions not given by `--allow` are denied
    #[arg(long)]
    pub(crate) auto: bool,
    #[command(flatten)]
    pub(crate) means: Means,
}

/// Flags that all sessions share.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Means {
    /// The model for all roles, as PROVIDER/MODEL
    #[arg(long, value_name = "M")]
    pub(crate) model: Option<String>,
    /// Maximum number of tokens
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) budget_tokens: Option<u64>,
    /// Maximum cost in US dollars
    #[arg(long, value_name = "X", allow_negative_numbers = true, value_parser = money)]
    pub(crate) budget_usd: Option<f64>,
    /// The sandbox mode of runs (strict unless set otherwise)
    #[arg(long, value_name = "MODE", value_enum)]
    pub(crate) sandbox: Option<SandboxArg>,
    /// Give the scripts a permission: `network`, `network=HOST`, `read=PATH`, `env=NAME`,
    /// `processes`
    #[arg(long, value_name = "WHAT")]
    pub(crate) allow: Vec<String>,
    /// The Python to use: `auto`, `system`, `uv`, `venv:PATH`, `conda:NAME`, or a path
    #[arg(long, value_name = "P")]
    pub(crate) python: Option<String>,
    /// Also append the conversation with the models to this file
    #[arg(long, value_name = "FILE")]
    pub(crate) chatlog: Option<PathBuf>,
    /// Require output to be JSON that fits the JSON schema in this file
    #[arg(long, value_name = "FILE")]
    pub(crate) schema: Option<PathBuf>,
}

#[derive(Args, Debug)]
pub(crate) struct Resume {
    #[command(flatten)]
    pub(crate) target: Target,
    /// Continue from this version
    #[arg(long, value_name = "vN", value_parser = version)]
    pub(crate) from: Option<u32>,
    #[command(flatten)]
    pub(crate) work: Work,
}

/// Flags that `new`, `resume` and `batch` share.
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
    /// Candidates of each script, requested at once; the best by tests, run and checks is taken
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = at_least_one)]
    pub(crate) candidates: Option<u32>,
    /// Maximum number of repairs in a row before you are asked
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) repairs: Option<u32>,
    /// Maximum number of versions
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = at_least_one)]
    pub(crate) max_versions: Option<u32>,
    /// Answer the gates by rule: approve, iterate while something fails, accept what works
    #[arg(long)]
    pub(crate) auto: bool,
    /// Check and review versions without running them
    #[arg(long)]
    pub(crate) no_run: bool,
    /// Arguments of every run, quoted as for a shell
    #[arg(long, value_name = "ARGS", allow_hyphen_values = true)]
    pub(crate) args: Option<String>,
    /// Standard input of every run: a text, or a file with `@`
    #[arg(long, value_name = "TEXT|@FILE", allow_hyphen_values = true)]
    pub(crate) stdin: Option<String>,
    /// An example that every version is tested on: 'input: 5 -> 120', 'arguments: 10 km -> 6.21'
    #[arg(long = "example", value_name = "EXAMPLE", allow_hyphen_values = true)]
    pub(crate) examples: Vec<String>,
}

/// Many tasks, with flags for those that a task does not set itself.
#[derive(Args, Debug)]
pub(crate) struct Batch {
    /// The tasks: JSON lines, a JSON list (`.json`) or a YAML list (`.yaml`), each with an `id` and a `task`
    #[arg(value_name = "TASKS")]
    pub(crate) tasks: PathBuf,
    /// Tasks in parallel [default: the provider's `parallel`; else 1 for a model inside redraft,
    /// and 2]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = at_least_one)]
    pub(crate) jobs: Option<u32>,
    /// The folder for results [default: `batch-NAME` in the sessions folder, named after the file
    /// of tasks]
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// The preset
    #[arg(long, value_name = "P", value_enum)]
    pub(crate) preset: Option<PresetArg>,
    /// Continue tasks that are paused at a gate or a limit
    #[arg(long)]
    pub(crate) retry_paused: bool,
    /// Run each task this many times, and show the mean and the spread
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = at_least_one)]
    pub(crate) repeat: Option<u32>,
    /// Compare with the `results.jsonl` of an older batch
    #[arg(long, value_name = "FILE")]
    pub(crate) compare: Option<PathBuf>,
    /// Run only one part of several, such as `2/8` [default: from the task array of Slurm or `hq`]
    #[arg(long, value_name = "i/n")]
    pub(crate) shard: Option<Shard>,
    /// Number of parts [default with `--engine`: 8, or one for each task]
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = at_least_one)]
    pub(crate) shards: Option<u32>,
    /// Collect the results of all parts into one table
    #[arg(long, conflicts_with_all = ["status", "cancel", "engine", "shard"])]
    pub(crate) merge: bool,
    /// With `--merge`: another folder with results of parts
    #[arg(long, value_name = "DIR", requires = "merge")]
    pub(crate) from: Vec<PathBuf>,
    /// Show the progress, wherever the batch runs
    #[arg(long, conflicts_with_all = ["cancel", "engine", "shard"])]
    pub(crate) status: bool,
    /// Cancel the batch: processes of this machine, and the cluster's job
    #[arg(long, conflicts_with_all = ["engine", "shard"])]
    pub(crate) cancel: bool,
    /// Submit it to a cluster as an array of parts
    #[arg(long, value_enum, conflicts_with = "shard")]
    pub(crate) engine: Option<EngineArg>,
    /// The Slurm account to charge
    #[arg(long, value_name = "A", requires = "engine")]
    pub(crate) account: Option<String>,
    /// The Slurm partition
    #[arg(long, value_name = "P", requires = "engine")]
    pub(crate) partition: Option<String>,
    /// The time limit of a part, in the engine's format
    #[arg(long, value_name = "T", requires = "engine")]
    pub(crate) time: Option<String>,
    /// The memory of a part, in Slurm's format
    #[arg(long, value_name = "M", requires = "engine")]
    pub(crate) mem: Option<String>,
    /// Maximum number of parts that Slurm runs at the same time
    #[arg(long, value_name = "K", requires = "engine", value_parser = at_least_one)]
    pub(crate) array_limit: Option<u32>,
    #[command(flatten)]
    pub(crate) work: Work,
}

#[derive(Args, Debug)]
pub(crate) struct Diff {
    /// [SESSION] [vA] [vB]: by default the latest version and the one that it is based on
    #[arg(value_name = "SESSION vA vB", num_args = 0..=3)]
    pub(crate) what: Vec<String>,
    /// Only count the lines
    #[arg(long, conflicts_with = "side_by_side")]
    pub(crate) stat: bool,
    /// Show both versions side by side
    #[arg(long)]
    pub(crate) side_by_side: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Feedback {
    /// NAME, PATH or NAME:vN
    #[arg(value_name = "SESSION")]
    pub(crate) session: String,
    /// Your feedback, or `-` to read it from standard input
    #[arg(value_name = "TEXT")]
    pub(crate) text: String,
}

#[derive(Args, Debug)]
pub(crate) struct Run {
    /// SESSION, SESSION:vN or FILE.py [default: the most recently used session]
    #[arg(value_name = "SESSION|FILE.py")]
    pub(crate) what: Option<String>,
    /// The sandbox mode (strict unless set otherwise)
    #[arg(long, value_name = "MODE", value_enum)]
    pub(crate) sandbox: Option<SandboxArg>,
    /// Give it a permission: `network`, `network=HOST`, `read=PATH`, `env=NAME`, `processes`
    #[arg(long, value_name = "WHAT")]
    pub(crate) allow: Vec<String>,
    /// The Python to use: `auto`, `system`, `uv`, `venv:PATH`, `conda:NAME`, or a path
    #[arg(long, value_name = "P")]
    pub(crate) python: Option<String>,
    /// Time limit in seconds [default: the session's, the configuration's]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) seconds: Option<u64>,
    /// The folder for the files that it writes [default: at a terminal you are asked; else none]
    #[arg(short, long, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
    /// The file for what a person types
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
    /// Permissions to withdraw, as `show` lists them: `network=HOST`, `read=PATH`, ... [default:
    /// all]
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
    /// As a notebook: the plan, the code, its output, its pictures
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
    /// NAME or PATH [default: the most recently used session]
    #[arg(value_name = "SESSION")]
    pub(crate) session: Option<String>,
    /// The file to write, or `-` for standard output [default: SESSION.html or SESSION.md here]
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// The format: a page, or Markdown
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = ReportFormat::Html)]
    pub(crate) format: ReportFormat,
}

/// The format of a report.
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
    /// Write the built-in templates into a folder, to be edited
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
    /// Withdraw the trust
    #[arg(long, conflicts_with = "list")]
    pub(crate) revoke: bool,
    /// List the trusted folders
    #[arg(long)]
    pub(crate) list: bool,
}

/// Options of the MCP server.
#[derive(Args, Debug)]
pub(crate) struct Mcp {
    /// A folder with files that clients may pass to scripts, besides the current one
    #[arg(long = "root", value_name = "DIR")]
    pub(crate) roots: Vec<PathBuf>,
    /// Let clients answer the safety, install and budget gates, and approve results, as you would
    #[arg(long)]
    pub(crate) allow_gates: bool,
    /// Serve clients over HTTP on this machine only; they must send the token that is printed
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
    /// Request one token from each model that would be used
    #[arg(long)]
    pub(crate) check: bool,
    #[command(subcommand)]
    pub(crate) command: Option<ModelsCommand>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ModelsCommand {
    /// List the models that run inside redraft, and which of them are on this machine
    List,
    /// Fetch a model, or resume a download; a model that is here is verified
    Pull {
        /// The model [default: the one that is used if nothing else is found]
        #[arg(value_name = "NAME")]
        name: Option<String>,
    },
    /// Probe a model in four short calls, and store its profile for later use
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
    /// The words after the program's name, up to the one at the cursor
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
    /// Several candidates of plan and script, the best by tests, run and checks: for weak models
    Sampler,
    /// A question about data files (`--data`): reviewed before each run; explains what it can't do
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

/// The engine that runs the parts of a batch.
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

/// The sandbox mode of a run.
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

/// Parses `vN` or `N`.
///
/// # Errors
/// For any other text.
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
