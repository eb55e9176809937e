//! `redraft models probe`: probes a model's abilities and stores the result.

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
    // An earlier result is ignored, so that it does not limit the probe.
    let mut config = context.config.clone();
    config.probe = Some(Probe::Never);
    let connection = provider::connect(&model, config.models(), &Used::new())?;
    if connection.kind == Kind::Script {
        bail!("`{shown}` plays recorded answers: there is nothing to find out");
    }
    let cancel = interrupts::cancel_on_interrupt()?;
    let mut on = |what: &str| terminal.say(&terminal.dim(&format!("asking {what}")));
    let asked = driver::probe(&connection, &model, Effort::FULL, &cancel, &mut on);
    let runtime = setup::runtime()?;
    let profile = match runtime.block_on(asked) {
        Ok(profile) => profile,
        Err(CallErrorKind::Interrupted) => return Ok(code::INTERRUPTED),
        Err(error) => {
            terminal.warn(&format!("`{shown}`: {error}"));
            return Ok(code::MODEL);
        }
    };
    let folder = profiles::folder();
    let file = profiles::keep(&folder, &connection.identity, &profile)?;
    let mut holds = None;
    if connection.model.takes_schema() {
        terminal.say(&terminal.dim("asking for an answer that its server is to hold to a schema"));
        let asked = driver::holds_to_schemas(&connection, &cancel);
        holds = runtime.block_on(asked).ok().flatten();
    }
    if let Some(holds) = holds {
        profiles::keep_schema(&folder, &connection.identity, &model, holds)?;
    }
    if terminal.json {
        terminal.json(&json!({ "profile": profile, "holds_to_schemas": holds, "file": file }));
        return Ok(code::DONE);
    }
    terminal.say(&terminal.bold(&shown));
    for fact in profile.in_words() {
        terminal.say(&format!("  {}", one_line(&fact, 120)));
    }
    if let Some(holds) = holds {
        terminal.say(if holds {
            "  its server holds answers to a schema: reviews are asked for as JSON"
        } else {
            "  its server does not hold answers to a schema: reviews are asked for in lines"
        });
    }
    terminal.say(&terminal.dim(&format!("kept in {} for its later use", file.display())));
    Ok(code::DONE)
}
