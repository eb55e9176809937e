//! `redraft models`: what was found, and what would be used for each role.

use super::{Context, code, setup};
use crate::domain::chat::Role;
use crate::domain::text::one_line;
use crate::llm::{discover, provider};
use anyhow::Result;
use serde_json::json;

pub(super) fn run(context: &Context) -> Result<u8> {
    let config = &context.config;
    let found = setup::runtime()?.block_on(discover::discover(config));
    let chosen = discover::choose(&found);
    let roles: Vec<(Role, Option<String>, &str)> = Role::WORKFLOW
        .into_iter()
        .map(|role| match config.model_of(role) {
            Some(model) => (role, Some(model.to_owned()), "configured"),
            None => (role, chosen.clone(), "the first that was found"),
        })
        .collect();
    let problem = |model: &str| provider::check(model, config).err();
    let terminal = &context.terminal;
    if terminal.json {
        let roles: Vec<_> = roles
            .iter()
            .map(|(role, model, why)| {
                let error = model.as_deref().and_then(problem).map(|e| e.to_string());
                json!({ "role": role, "model": model, "why": why, "error": error })
            })
            .collect();
        let keys: Vec<_> = found
            .keys
            .iter()
            .map(|k| json!({ "provider": k.provider, "variable": k.variable }))
            .collect();
        let ollama =
            found.ollama.as_ref().map(|o| json!({ "server": o.server, "models": o.models }));
        let configured = &found.configured;
        terminal.json(&json!({
            "keys": keys, "ollama": ollama, "configured": configured, "roles": roles,
        }));
        return Ok(code::DONE);
    }
    terminal.say(&terminal.bold("Found"));
    for key in &found.keys {
        terminal.say(&format!("  {:<12} the key in {}", key.provider, key.variable));
    }
    if let Some(ollama) = &found.ollama {
        let models = one_line(&ollama.models.join(", "), 100);
        terminal.say(&format!("  {:<12} {}: {models}", "ollama", one_line(&ollama.server, 60)));
    }
    for name in &found.configured {
        terminal.say(&format!("  {:<12} configured", one_line(name, 40)));
    }
    if found.keys.is_empty() && found.ollama.is_none() && found.configured.is_empty() {
        terminal.say("  no key, no server, nothing configured");
    }
    terminal.say(&terminal.bold("Used"));
    for (role, model, why) in &roles {
        let words = match model {
            None => terminal.warm("none: name one with --model PROVIDER/MODEL"),
            Some(model) => match problem(model) {
                None => format!("{} ({why})", one_line(model, 80)),
                Some(error) => format!(
                    "{}: {}",
                    one_line(model, 80),
                    terminal.bad(&one_line(&error.to_string(), 140))
                ),
            },
        };
        terminal.say(&format!("  {:<12} {words}", role.name()));
    }
    Ok(code::DONE)
}
