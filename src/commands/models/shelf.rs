//! Lists, downloads and removes the files of embedded models.

use super::super::fetch::{self, Fetched};
use super::super::{Context, code};
use crate::domain::text::{one_line, size};
use crate::llm::library::{self, Entry, Library, Machine, Meant};
use crate::llm::{Used, profiles, provider};
use anyhow::{Result, bail};
use serde_json::{Value, json};

/// The downloaded models, by the name after `embedded/`, with their sizes in bytes.
pub(super) fn here(library: &Library) -> Vec<(String, u64)> {
    let known = library.entries().iter().filter(|entry| library.has(entry));
    let known = known.map(|entry| (entry.name.clone(), entry.bytes));
    let name = |(path, bytes): (std::path::PathBuf, u64)| {
        Some((path.file_name()?.to_str()?.to_owned(), bytes))
    };
    known.chain(library.others().into_iter().filter_map(name)).collect()
}

/// This machine, with the speeds of the catalogue's models that were measured on it.
pub(in crate::commands) fn machine(context: &Context, library: &Library) -> Machine {
    let folder = profiles::folder();
    let mut speeds = Vec::new();
    for entry in library.entries().iter().filter(|entry| library.has(entry)) {
        let model = format!("embedded/{}", entry.name);
        if let Ok(own) = provider::connect(&model, context.config.models(), &Used::new()) {
            let probed = own.profile.and_then(|profile| profile.answer_speed);
            let tried = profiles::kept_speed(&folder, &own.identity);
            speeds.extend(probed.into_iter().chain(tried).map(|speed| (entry.bytes, speed)));
        }
    }
    Machine::measured(library::memory(), &speeds)
}

/// The model to offer for download on this machine.
fn offered<'l>(library: &'l Library, machine: &Machine) -> Option<&'l Entry> {
    machine.best(library.entries()).filter(|best| !library.has(best))
}

pub(super) fn list(context: &Context) -> Result<u8> {
    let library = Library::open()?;
    let machine = machine(context, &library);
    let terminal = &context.terminal;
    if terminal.json {
        let known = library.entries().iter().map(|entry| as_json(&library, entry, &machine));
        let other = |(path, bytes): &(std::path::PathBuf, u64)| {
            let file = path.file_name().unwrap_or_default().to_string_lossy();
            json!({ "name": file, "here": true, "path": path, "bytes": bytes })
        };
        let others = library.others();
        terminal.json(&known.chain(others.iter().map(other)).collect::<Vec<_>>());
        return Ok(code::DONE);
    }
    let offered = offered(&library, &machine);
    for entry in library.entries() {
        let came = library.came(entry);
        let state = if library.has(entry) {
            terminal.good("here   ")
        } else if came > 0 {
            terminal.warm(&format!("{:>3} %  ", came.saturating_mul(100) / entry.bytes.max(1)))
        } else {
            terminal.dim("-      ")
        };
        let aliases = entry.aliases.join(", ");
        let name = terminal.bold(&format!("{:<20}", one_line(&entry.name, 40)));
        terminal.say(&format!("{name} {state} {:>8}  {aliases}", size(entry.bytes)));
        let facts =
            format!("{}; {}; about {} of memory", entry.title, entry.licence, size(entry.memory));
        terminal.say(&terminal.dim(&format!("  {}", one_line(&facts, 140))));
        let speed =
            machine.speed(entry).map(|speed| format!("about {speed:.1} tokens a second here"));
        let note = if machine.fits(entry) == Some(false) {
            let there = machine.memory.map(size).unwrap_or_default();
            Some(format!("does not fit: this machine has {there} of memory"))
        } else if offered == Some(entry) {
            Some(speed.map_or_else(
                || "offered for this machine: it has the memory".to_owned(),
                |speed| format!("offered for this machine: it has the memory; {speed}"),
            ))
        } else {
            speed
        };
        if let Some(note) = note {
            terminal.say(&terminal.dim(&format!("  {note}")));
        }
    }
    for (path, bytes) in library.others() {
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        terminal.say(&format!("{} here  {:>8}", terminal.bold(&one_line(&file, 60)), size(bytes)));
    }
    terminal.say(&format!("The files are in {}.", library.folder().display()));
    terminal.say("Fetch one with `redraft models pull NAME`, use it with `--model embedded/NAME`,");
    terminal.say("and any other GGUF file with `--model embedded/PATH.gguf`.");
    if machine.rate.is_none() {
        terminal.say("`redraft doctor` measures how fast they are here, once one is downloaded.");
    }
    Ok(code::DONE)
}

fn as_json(library: &Library, entry: &Entry, machine: &Machine) -> Value {
    let offered = offered(library, machine) == Some(entry);
    let here = library.has(entry);
    json!({
        "name": entry.name, "aliases": entry.aliases, "title": entry.title,
        "licence": entry.licence, "bytes": entry.bytes, "sha256": entry.sha256,
        "context": entry.context, "memory": entry.memory, "here": here,
        "offered": offered, "fits": machine.fits(entry), "tokens_per_second": machine.speed(entry),
        "path": here.then(|| library.path(entry)), "came": library.came(entry),
    })
}

pub(super) fn pull(context: &Context, name: Option<&str>) -> Result<u8> {
    let library = Library::open()?;
    let entry = match name.map(after_provider) {
        None => &library.entries()[0],
        Some(name) => match library.meant(name)? {
            Meant::Known(entry) => entry,
            Meant::File(path) => bail!(
                "`{}` is a file: only models that `redraft models list` names can be fetched",
                path.display()
            ),
        },
    };
    match fetch::fetch(context, &library, entry)? {
        Fetched::Stopped(code) => Ok(code),
        Fetched::Here(path) => {
            let terminal = &context.terminal;
            if terminal.json {
                terminal.json(&as_json(&library, entry, &machine(context, &library)));
            } else {
                terminal.say(&format!("{}", path.display()));
                terminal.say(&format!("use it with: --model embedded/{}", entry.name));
            }
            Ok(code::DONE)
        }
    }
}

pub(super) fn remove(context: &Context, name: &str) -> Result<u8> {
    let library = Library::open()?;
    let name = after_provider(name);
    let bytes = library.remove(name)?;
    let terminal = &context.terminal;
    if terminal.json {
        terminal.json(&json!({ "removed": name, "bytes": bytes }));
    } else {
        terminal.say(&format!("removed `{}`: {} are free again", one_line(name, 80), size(bytes)));
    }
    Ok(code::DONE)
}

/// The name without the provider, if it was written as for `--model`.
fn after_provider(name: &str) -> &str {
    name.strip_prefix("embedded/").unwrap_or(name)
}
