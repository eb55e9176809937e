//! Finds out what a model is like, and keeps it.

use super::super::{Context, code, interrupts, setup};
use crate::domain::chat::Role;
use crate::domain::text::one_line;
use crate::llm::call::CallErrorKind;
use crate::llm::config::{Kind, Probe};
use crate::llm::{Used, profiles, provider};
use crate::workflow::driver::{self, Effort};
use anyhow::{Result, bail};
use serde_json::json;

pub(super) fn run(context: &Context, model: Option<&str>) -> Result<u8> {
    let configured = || context.config.model_of(Role::Coder).map(str::to_owned);
    let model = match model.map(str::to_owned).or_else(configured) {
        Some(model) => model,
        None => setup::default_model(context)?.model,
    };
    let terminal = &context.terminal;
    let shown = one_line(&model, 80);
    // What was known before is found out anew, and bounds nothing.
    let mut config = context.config.clone();
    config.probe = Some(Probe::Never);
    let connection = provider::connect(&model, config.models(), &Used::new())?;
    if connection.kind == Kind::Script {
        bail!("`{shown}` plays recorded answers: there is nothing to find out");
    }
    let cancel = interrupts::cancel_on_interrupt()?;
    let mut on = |what: &str| terminal.say(&terminal.dim(&format!("asking {what}")));
    let asked = driver::probe(&connection, &model, Effort::FULL, &cancel, &mut on);
    let profile = match setup::runtime()?.block_on(asked) {
        Ok(profile) => profile,
        Err(CallErrorKind::Interrupted) => return Ok(code::INTERRUPTED),
        Err(error) => {
            terminal.warn(&format!("`{shown}`: {error}"));
            return Ok(code::MODEL);
        }
    };
    let file = profiles::keep(&profiles::folder(), &connection.identity, &profile)?;
    if terminal.json {
        terminal.json(&json!({ "profile": profile, "file": file }));
        return Ok(code::DONE);
    }
    terminal.say(&terminal.bold(&shown));
    for fact in profile.in_words() {
        terminal.say(&format!("  {}", one_line(&fact, 120)));
    }
    terminal.say(&terminal.dim(&format!("kept in {} for its later use", file.display())));
    Ok(code::DONE)
}
