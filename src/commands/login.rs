//! `redraft login` and `redraft logout`: a provider's key in the system's keyring.

use super::{Context, code, input, interrupts};
use crate::cli;
use crate::domain::text::one_line;
use crate::llm::discover::takes_key;
use crate::llm::keyring;
use crate::llm::provider::environment;
use crate::terminal;
use anyhow::{Context as _, Result};
use serde_json::json;

/// Maximum number of bytes of standard input read for a key.
const LONGEST: u64 = 64 << 10;

/// Stores a key in the keyring.
pub(super) fn login(context: &Context, args: &cli::Login) -> Result<u8> {
    let provider = &args.provider;
    let variable = takes_key(provider, context.config.models())?;
    let key = if terminal::is_there() {
        interrupts::on_signal(|_| {
            terminal::restore();
            std::process::exit(code::INTERRUPTED.into());
        })?;
        terminal::read_hidden(&format!("key of {provider}: "))
            .context("cannot read the key from the terminal")?
    } else {
        input("key", LONGEST)?
    };
    keyring::put(provider, &key)?;
    let terminal = &context.terminal;
    if terminal.json {
        terminal.json(&json!({ "provider": provider, "keyring": true }));
    }
    let name = one_line(provider, 60);
    terminal
        .say(&format!("the key of {name} is in the keyring; `redraft logout {name}` removes it"));
    if let Some(variable) = variable.filter(|variable| environment(variable).is_some()) {
        terminal.say(&format!("{} is set, and is used in its place", one_line(&variable, 60)));
    }
    Ok(code::DONE)
}

/// Removes a key from the keyring.
pub(super) fn logout(context: &Context, args: &cli::Login) -> Result<u8> {
    let removed = keyring::remove(&args.provider)?;
    let terminal = &context.terminal;
    if terminal.json {
        terminal.json(&json!({ "provider": args.provider, "removed": removed }));
    }
    let name = one_line(&args.provider, 60);
    terminal.say(&if removed {
        format!("the key of {name} is no longer in the keyring")
    } else {
        format!("the keyring has no key of {name} that redraft put there")
    });
    Ok(code::DONE)
}
