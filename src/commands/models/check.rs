//! Requests one token from each model, to see whether it answers.

use super::super::{Context, code, interrupts, setup};
use crate::domain::chat::{Agent, Message, Request};
use crate::domain::text::one_line;
use crate::llm::call::{self, CallErrorKind};
use crate::llm::{Used, provider};
use anyhow::Result;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Result of a check.
pub(super) struct Checked {
    pub(super) model: String,
    pub(super) time: Duration,
    /// The answer, or the error.
    pub(super) result: Result<String, String>,
}

/// Requests one token from a model.
pub(super) fn check(context: &Context, model: &str) -> Result<Checked> {
    let connection = provider::connect(model, context.config.models(), &Used::new())?;
    let cancel = interrupts::cancel_on_interrupt()?;
    let messages = vec![Message::user("Answer with the one word: yes")];
    let request = Request::new(Agent::Planner, messages, 1);
    // One token of a short prompt needs a shorter timeout than a whole answer.
    let silence = connection.policy.silence.min(call::Policy::default().silence);
    let policy = call::Policy { retries: 0, silence, ..connection.policy };
    let begun = Instant::now();
    let mut unheard = |_: call::News<'_>| {};
    let asked =
        call::call(&*connection.model, &request, &policy, &|_| false, &cancel, &mut unheard);
    let answer = setup::runtime()?.block_on(asked);
    let time = begun.elapsed();
    if matches!(&answer, Err(error) if error.kind == CallErrorKind::Interrupted) {
        std::process::exit(i32::from(code::INTERRUPTED));
    }
    let result = answer.map(|answer| answer.text).map_err(|error| error.to_string());
    Ok(Checked { model: model.to_owned(), time, result })
}

pub(super) fn say(context: &Context, checked: &[Checked]) {
    let terminal = &context.terminal;
    if !checked.is_empty() {
        terminal.say(&terminal.bold("Checked"));
    }
    for Checked { model, time, result } in checked {
        let (model, seconds) = (one_line(model, 80), time.as_secs_f64());
        terminal.say(&match result {
            Ok(said) => {
                let said = one_line(said, 20);
                format!("  {} {model} said `{said}` after {seconds:.1} s", terminal.good("✓"))
            }
            Err(why) => {
                let why = one_line(why, 200);
                format!("  {} {model}, after {seconds:.1} s: {why}", terminal.bad("✗"))
            }
        });
    }
}

pub(super) fn as_json(checked: &[Checked]) -> Vec<Value> {
    let one = |checked: &Checked| {
        let milliseconds = u64::try_from(checked.time.as_millis()).unwrap_or(u64::MAX);
        json!({
            "model": checked.model, "ok": checked.result.is_ok(), "milliseconds": milliseconds,
            "answer": checked.result.as_ref().ok(), "error": checked.result.as_ref().err(),
        })
    };
    checked.iter().map(one).collect()
}
