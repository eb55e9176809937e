//! Batches as jobs of a cluster: submit and cancel them, and find their workers.

use super::super::{Context, code};
use crate::batch::engine::{self, Asked, Engine, Job, Submitted};
use crate::batch::results::Folder;
use crate::cli;
use crate::domain::text::{count, one_line, visible};
use crate::files::{self, Mode};
use anyhow::{Result, anyhow, bail};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The submitted job, stored in the results folder.
const JOB: &str = "job.json";
/// Default number of shards.
const SHARDS: u32 = 8;
/// The largest such file to read, in bytes.
const LARGEST: u64 = 1 << 16;
/// The options that only concern submission.
const OF_ENGINES: [&str; 7] =
    ["--engine", "--shards", "--account", "--partition", "--time", "--mem", "--array-limit"];

/// Writes the job's script into the results folder and submits it.
pub(super) fn submit(
    context: &Context,
    args: &cli::Batch,
    engine: Engine,
    tasks: usize,
    out: &Path,
) -> Result<u8> {
    if find(engine.program()).is_none() {
        bail!(
            "there is no program `{}` in PATH; submit on a machine of the cluster, or leave `--engine` out",
            engine.program()
        );
    }
    let most = u32::try_from(tasks).unwrap_or(u32::MAX);
    let shards = args.shards.unwrap_or(SHARDS).min(most);
    if engine == Engine::Slurm
        && find("scontrol").is_some()
        && let Ok(said) = call(&["scontrol".to_owned(), "show".to_owned(), "config".to_owned()])
        && let Some(most) = engine::most_shards(&String::from_utf8_lossy(&said.stdout))
        && shards > most
    {
        bail!(
            "this cluster's arrays have {most} tasks at most (MaxArraySize); give `--shards {most}`"
        );
    }
    let asked = Asked {
        account: args.account.clone(),
        partition: args.partition.clone(),
        time: args.time.clone(),
        mem: args.mem.clone(),
        array_limit: args.array_limit,
    };
    files::create_folder(out)?;
    let out = files::resolve(out)?;
    let folder = std::env::current_dir()?;
    let command = command(context)?;
    let name = out.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let name: String = name
        .chars()
        .map(|c| if c.is_alphanumeric() || "-_.".contains(c) { c } else { '-' })
        .collect();
    let job = Job {
        engine,
        name: &name,
        command: &command,
        folder: &folder,
        out: &out,
        shards,
        asked: &asked,
    };
    let (script, submit) =
        (job.script().map_err(anyhow::Error::msg)?, job.submit().map_err(anyhow::Error::msg)?);
    files::write(&job.script_path(), script.as_bytes(), Mode::Normal)?;
    let said = call(&submit)?;
    let printed = String::from_utf8_lossy(&said.stdout);
    let Some(id) = engine::job_id(engine, &printed).filter(|_| said.status.success()) else {
        let why = format!("{} {printed}", String::from_utf8_lossy(&said.stderr));
        bail!("`{}` did not take the job: {}", engine.program(), one_line(&why, 300));
    };
    let submitted = Submitted { engine, id, shards };
    files::write(&out.join(JOB), serde_json::to_string(&submitted)?.as_bytes(), Mode::Normal)?;
    let terminal = &context.terminal;
    if terminal.json {
        let script = job.script_path();
        terminal.json(&json!({ "event": "batch_submitted", "job": submitted, "script": script }));
    }
    terminal.say(&format!(
        "submitted as job {} with {}: {}",
        submitted.id,
        count(shards as usize, "shard"),
        job.script_path().display()
    ));
    let tasks = args.tasks.display().to_string();
    let tasks = shlex::try_quote(&tasks).map_or_else(|_| tasks.clone(), Into::into);
    for what in ["--status", "--merge", "--cancel"] {
        terminal.say(&visible(&format!("  redraft batch {tasks} {what}{}", context.flags)));
    }
    Ok(code::DONE)
}

/// The command line of a shard: this command without the options for submission.
fn command(context: &Context) -> Result<Vec<String>> {
    let program = std::env::current_exe()?;
    let program = program.to_str().ok_or_else(|| anyhow!("the program's path is not UTF-8"))?;
    let mut command = vec![program.to_owned()];
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match OF_ENGINES.iter().find(|option| arg.starts_with(**option)) {
            Some(option) if arg == **option => drop(args.next()),
            Some(option) if arg[option.len()..].starts_with('=') => {}
            _ => command.push(arg),
        }
    }
    // The environment of the node may name another folder.
    if !command.iter().any(|arg| arg == "--sessions" || arg.starts_with("--sessions=")) {
        let sessions = std::path::absolute(&context.sessions)?;
        let sessions =
            sessions.to_str().ok_or_else(|| anyhow!("the sessions' path is not UTF-8"))?;
        command.extend(["--sessions".to_owned(), sessions.to_owned()]);
    }
    Ok(command)
}

/// The submitted job, if there is one.
pub(super) fn submitted(out: &Path) -> Option<Submitted> {
    serde_json::from_str(&files::read_regular_text(&out.join(JOB), LARGEST).ok()?).ok()
}

/// Cancels a batch: the submitted job, or the processes that work on it.
pub(super) fn cancel(context: &Context, out: &Path) -> Result<u8> {
    let mut any = false;
    let terminal = &context.terminal;
    if let Some(job) = submitted(out) {
        any = true;
        let args: Vec<String> = job.cancel().into_iter().map(str::to_owned).collect();
        let said = call(&args)?;
        if said.status.success() {
            terminal.say(&format!("job {} is cancelled", job.id));
        } else {
            let why = String::from_utf8_lossy(&said.stderr).into_owned();
            terminal.warn(&format!("`{}` failed: {}", args[0], one_line(&why, 300)));
        }
    }
    for (name, at) in workers(out)? {
        any = true;
        let At { process, host } = at;
        if host == files::this_boot()
            && let Some(process) = process
            && interrupt(process)
        {
            terminal.say(&format!("{name}: process {process} is interrupted"));
        } else {
            let host = one_line(host.split(' ').next().unwrap_or_default(), 60);
            terminal.say(&format!("{name}: somebody works on it on `{host}`; cancel it there"));
        }
    }
    if !any {
        terminal.say("nobody works on it");
    }
    Ok(code::DONE)
}

/// The worker of a part.
pub(super) struct At {
    /// Process id of the worker.
    pub(super) process: Option<u32>,
    /// Its machine and boot id.
    host: String,
}

/// The parts with a running worker, by name.
pub(super) fn workers(out: &Path) -> Result<Vec<(String, At)>> {
    let mut workers = Vec::new();
    if !out.is_dir() {
        return Ok(workers);
    }
    for part in Folder::parts(out)? {
        if let Some(holder) = files::holder(&part.lock()) {
            let process = holder.process.filter(|_| holder.host.is_none());
            let host = files::read_regular_text(&part.host(), LARGEST).unwrap_or_default();
            workers.push((part.name().to_owned(), At { process, host }));
        }
    }
    Ok(workers)
}

#[cfg(unix)]
fn interrupt(process: u32) -> bool {
    use nix::sys::signal::{Signal, kill};
    kill(nix::unistd::Pid::from_raw(process.cast_signed()), Signal::SIGINT).is_ok()
}

#[cfg(not(unix))]
fn interrupt(_: u32) -> bool {
    false
}

fn call(args: &[String]) -> Result<Output> {
    let mut command = Command::new(&args[0]);
    command.args(&args[1..]).stdin(Stdio::null());
    command
        .output()
        .map_err(|error| anyhow!("cannot start `{}`: {}", args[0], files::reason(&error)))
}

/// Finds a program on `PATH`.
fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}
