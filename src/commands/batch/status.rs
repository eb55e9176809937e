//! Progress of a batch on any machine, read from its sessions.

use super::super::{Context, code};
use super::cluster;
use crate::batch::results::Outcome;
use crate::batch::work::Job;
use crate::domain::text::{count, one_line};
use crate::findings::evidence;
use crate::store::{self, StoreError};
use crate::workflow::driver;
use anyhow::Result;
use serde_json::json;
use std::collections::BTreeMap;
use std::path::Path;

/// Above this number, tasks are counted instead of listed.
const ALL: usize = 50;

pub(super) fn run(context: &Context, jobs: &[Job<'_>], out: &Path) -> Result<u8> {
    let terminal = &context.terminal;
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut lines = Vec::new();
    for job in jobs {
        let (state, more) = standing(&context.sessions.join(job.name()));
        *counts.entry(state).or_default() += 1;
        lines.push(format!(
            "{:<30}  {state:<11}  {}",
            one_line(&job.name(), 30),
            one_line(&more, 100)
        ));
    }
    let workers = cluster::workers(out)?;
    let job = cluster::submitted(out);
    if terminal.json {
        let working: Vec<&str> = workers.iter().map(|(name, _)| name.as_str()).collect();
        terminal.json(
            &json!({ "tasks": jobs.len(), "states": counts, "working": working, "job": job }),
        );
        return Ok(code::DONE);
    }
    if jobs.len() <= ALL {
        for line in &lines {
            terminal.say(line.trim_end());
        }
    }
    if let Some(job) = job {
        let shards = count(job.shards as usize, "shard");
        terminal.say(&format!("submitted to {} as job {}, {shards}", job.engine.program(), job.id));
    }
    for (name, at) in workers {
        let process = at.process.map_or_else(String::new, |id| format!(" (process {id})"));
        terminal.say(&format!("{name}: somebody works on it{process}"));
    }
    let counts: Vec<String> = counts.iter().map(|(state, n)| format!("{n} {state}")).collect();
    terminal.say(&terminal.bold(&format!("{}: {}", count(jobs.len(), "task"), counts.join(", "))));
    Ok(code::DONE)
}

/// The state of a task's session, and details.
fn standing(folder: &Path) -> (&'static str, String) {
    let session = match store::read(folder) {
        Ok(read) => read.session,
        Err(StoreError::Unknown(_)) => return ("not begun", String::new()),
        Err(error) => return (Outcome::Failed.name(), error.to_string()),
    };
    if let Some(accepted) = session.accepted {
        let version = session.version(accepted.version).filter(|_| !accepted.without_run);
        let level = version.and_then(evidence::level);
        return (level.map_or("not run", |level| level.name()), format!("v{}", accepted.version));
    }
    if store::worked_on_by(folder).is_some() {
        return ("running", String::new());
    }
    let reason = session.paused.clone().unwrap_or_default();
    let cut_off = driver::was_cut_off(&session);
    (if cut_off { Outcome::Interrupted } else { Outcome::Paused }.name(), reason)
}
