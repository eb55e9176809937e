//! `redraft models`: shows the models found and the model of each role, and manages the files of
//! embedded models.

mod check;
mod probe;
mod shelf;

pub(super) use shelf::machine;

use super::work::config_folder;
use super::{Context, code, setup};
use crate::cli::{Models, ModelsCommand};
use crate::domain::chat::Role;
use crate::domain::text::{one_line, size};
use crate::llm::config::Price;
use crate::llm::discover::{self, Choice, Discovery};
use crate::llm::library::Library;
use crate::llm::{self, provider};
use anyhow::Result;
use check::Checked;
use serde_json::{Value, json};

pub(super) fn run(context: &Context, args: &Models) -> Result<u8> {
    match &args.command {
        None => show(context, args.check),
        Some(ModelsCommand::List) => shelf::list(context),
        Some(ModelsCommand::Pull { name }) => shelf::pull(context, name.as_deref()),
        Some(ModelsCommand::Probe { model }) => probe::run(context, model.as_deref()),
        Some(ModelsCommand::Rm { name }) => shelf::remove(context, name),
    }
}

/// The model of a role.
struct Used {
    role: Role,
    choice: Choice,
    /// Why it can't be used.
    problem: Option<String>,
    /// Its prices and size.
    facts: Vec<String>,
}

fn show(context: &Context, check: bool) -> Result<u8> {
    let config = &context.config;
    let library = Library::open()?;
    let found = setup::runtime()?.block_on(discover::discover_all(config.models()));
    let chosen = discover::choose(&found, library.preferred());
    // Questions use the same model unless their role is configured.
    let engineer = config.roles.contains_key(&Role::Engineer).then_some(Role::Engineer);
    let used: Vec<Used> = Role::WORKFLOW
        .into_iter()
        .chain(engineer)
        .map(|role| {
            let of_role = config.roles.get(&role).and_then(|role| role.model.clone());
            let own = of_role.map(|model| (model, "configured for this role"));
            let named = own.or_else(|| config.model.clone().map(|model| (model, "configured")));
            let choice = named.map_or_else(
                || chosen.clone(),
                |(model, why)| Choice { model, why: why.to_owned() },
            );
            let problem =
                provider::check(&choice.model, config.models()).err().map(|e| e.to_string());
            let facts = facts(context, &library, &choice.model);
            Used { role, choice, problem, facts }
        })
        .collect();
    let mut checked: Vec<Checked> = Vec::new();
    for one in used.iter().filter(|one| check && one.problem.is_none()) {
        if checked.iter().all(|before| before.model != one.choice.model) {
            checked.push(check::check(context, &one.choice.model)?);
        }
    }
    if context.terminal.json {
        context.terminal.json(&as_json(&found, &library, &used, &checked));
    } else {
        say_found(context, &found, &library);
        say_used(context, &used);
        check::say(context, &checked);
        say_next(context, &found, &used, check);
    }
    let well = checked.iter().all(|one| one.result.is_ok()) && (!check || !checked.is_empty());
    Ok(if well || !check { code::DONE } else { code::MODEL })
}

/// Prices and size of a model.
fn facts(context: &Context, library: &Library, model: &str) -> Vec<String> {
    let mut facts = Vec::new();
    if let Some(entry) = provider::known(model, context.config.models(), library) {
        let memory = size(entry.memory);
        facts.push(format!("{} tokens of context, about {memory} of memory, free", entry.context));
        facts.extend(entry.too_large());
    }
    if let Some((price, usual)) = provider::price(model, context.config.models()) {
        let mark = if usual { ", the usual price" } else { "" };
        let Price { input, output, .. } = price;
        facts.push(format!("${input} in and ${output} out a million tokens{mark}"));
    }
    if let Some(known) = provider::connect(model, context.config.models(), &llm::Used::new())
        .ok()
        .and_then(|c| c.profile)
    {
        facts.extend(known.in_words());
    }
    let provider = model.split('/').next().unwrap_or_default();
    if let Some(context) = context.config.providers.get(provider).and_then(|p| p.context) {
        facts.push(format!("{context} tokens of context asked for"));
    }
    facts
}

fn say_found(context: &Context, found: &Discovery, library: &Library) {
    let terminal = &context.terminal;
    let row = |name: &str, words: &str| {
        terminal.say(&format!("  {:<12} {}", one_line(name, 40), one_line(words, 120)));
    };
    terminal.say(&terminal.bold("Found"));
    for key in &found.keys {
        row(&key.provider, &format!("the key in {}", key.place()));
    }
    if let Some(ollama) = &found.ollama {
        let place = |model| if ollama.elsewhere.contains(model) { " (runs elsewhere)" } else { "" };
        let models: Vec<String> =
            ollama.models.iter().map(|model| format!("{model}{}", place(model))).collect();
        row("ollama", &format!("{}: {}", ollama.server, models.join(", ")));
    }
    for server in &found.servers {
        row(&server.name, &format!("{}: {}", server.base_url, server.models.join(", ")));
    }
    for name in &found.configured {
        row(name, "configured");
    }
    for (name, bytes) in shelf::here(library) {
        row("embedded", &format!("{name}, {}", size(bytes)));
    }
    if shelf::here(library).is_empty() {
        row("embedded", "no model is downloaded yet; see redraft models list");
    }
    if found.keys.is_empty() && found.ollama.is_none() && found.configured.is_empty() {
        terminal.say("  no key in the environment or the keyring, no Ollama, nothing configured");
    }
}

fn say_used(context: &Context, used: &[Used]) {
    let terminal = &context.terminal;
    terminal.say(&terminal.bold("Used"));
    for (n, Used { role, choice, problem, facts }) in used.iter().enumerate() {
        let model = one_line(&choice.model, 80);
        terminal.say(&format!("  {:<12} {model} ({})", role.name(), one_line(&choice.why, 100)));
        // Facts about a model are printed once.
        if used[..n].iter().any(|earlier| earlier.choice.model == choice.model) {
            continue;
        }
        let indent = " ".repeat(15);
        for fact in facts {
            terminal.say(&terminal.dim(&format!("{indent}{}", one_line(fact, 100))));
        }
        if let Some(problem) = problem {
            terminal.say(&terminal.bad(&format!("{indent}{}", one_line(problem, 200))));
        }
    }
}

/// Suggests how to use a server that was found and is not used.
fn say_next(context: &Context, found: &Discovery, used: &[Used], checked: bool) {
    let terminal = &context.terminal;
    if let Some(server) = found.servers.first() {
        let model = server.models.first().map_or("MODEL", String::as_str);
        let file = config_folder().map_or_else(
            || "your configuration".to_owned(),
            |folder| folder.join("config.yaml").display().to_string(),
        );
        let server_name = one_line(&server.name, 40);
        terminal.say(&format!("To use {server_name}, write into {file}:"));
        terminal.say(&format!("  model: local/{}", one_line(model, 80)));
        let address = one_line(&server.base_url, 80);
        terminal.say("  providers:");
        terminal.say(&format!("    local: {{ kind: openai, base_url: \"{address}\" }}"));
    }
    if !checked && used.iter().any(|one| one.problem.is_none()) {
        terminal.say(&terminal.dim("`redraft models --check` tests each of these with one token"));
    }
}

fn as_json(found: &Discovery, library: &Library, used: &[Used], checked: &[Checked]) -> Value {
    let roles: Vec<Value> = used
        .iter()
        .map(|one| {
            json!({
                "role": one.role, "model": one.choice.model, "why": one.choice.why,
                "error": one.problem, "facts": one.facts,
            })
        })
        .collect();
    let keys: Vec<Value> = found
        .keys
        .iter()
        .map(|key| json!({ "provider": key.provider, "variable": key.variable }))
        .collect();
    let ollama = found
        .ollama
        .as_ref()
        .map(|o| json!({ "server": o.server, "models": o.models, "elsewhere": o.elsewhere }));
    let servers: Vec<Value> = found
        .servers
        .iter()
        .map(|s| json!({ "name": s.name, "base_url": s.base_url, "models": s.models }))
        .collect();
    let files: Vec<Value> = shelf::here(library)
        .into_iter()
        .map(|(name, bytes)| json!({ "model": format!("embedded/{name}"), "bytes": bytes }))
        .collect();
    json!({
        "keys": keys, "ollama": ollama, "servers": servers, "files": files,
        "configured": found.configured, "roles": roles, "checks": check::as_json(checked),
    })
}
