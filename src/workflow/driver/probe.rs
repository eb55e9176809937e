//! Probes a model's properties with a few short calls.

use crate::agents::{extract, thoughts};
use crate::domain::chat::{Agent, Message, Outcome, Request, Usage};
use crate::domain::profile::{JUDGED, Profile, Thinking};
use crate::llm::Fault;
use crate::llm::call::{self, CallError, CallErrorKind};
use crate::llm::profiles;
use crate::llm::provider::Connection;
use crate::workflow::manager::Interrupted;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::time::{Duration, Instant};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Limits of a probe.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Time limit for a long prompt or a long answer.
    pub patience: Duration,
    /// Maximum length of the short answers, in tokens, including reasoning.
    pub thought: u32,
    /// Maximum length of the longest answer, in tokens.
    pub answer: u32,
    /// Maximum length of the longest prompt, in tokens.
    pub prompt: u64,
}

impl Effort {
    /// Limits of the probe before a first use, while the user waits for another command.
    pub const SHORT: Self =
        Self { patience: Duration::from_secs(8), thought: 400, answer: 256, prompt: 2_000 };
    /// Limits of a probe that the user asked for.
    pub const FULL: Self =
        Self { patience: Duration::from_secs(45), thought: 1_500, answer: 1_200, prompt: 16_000 };
}

/// Time limit of the first answer, for which the model may have to be loaded.
const LOADING: Duration = Duration::from_mins(3);

/// Length of the answer by which a model's speed is measured, in tokens: a second or two.
const TRIAL: u32 = 11;

/// Maximum prompt length for a model that costs money, in tokens.
const PAID_PROMPT: u64 = 3_000;

/// The password at the start of a long prompt, which its question asks for.
const PASSWORD: &str = "plum-4711";

/// Maximum number of times that a long prompt is shortened and sent again.
const SHORTER: usize = 3;

/// Length of one entry of the long prompt, in tokens: few tokenizers count fewer.
const ENTRY: u64 = 12;

const CODE: &str = "Write a Python script of three lines that prints 1, then 2, then 3, with a \
                    print of its own for each. Answer with the whole script in one ```python block \
                    and nothing else.";

const FORMAT: &str = "R1 was met, R2 was not met, R3 was met. Say so in exactly four lines and \
                      nothing else. The first three are `R1: met` or `R1: not met`, and the same \
                      for R2 and R3. The last is `VERDICT: ACCEPT` if all three were met, else \
                      `VERDICT: ITERATE`.";

const KEPT_TO: [&str; 4] = ["r1: met", "r2: not met", "r3: met", "verdict: iterate"];

/// Tasks with small scripts, and whether the script fulfils the task.
const JUDGE: [(&str, &str, bool); JUDGED as usize] = [
    (
        "print the sum of the whole numbers from 1 to 10, both included",
        "```python\nprint(sum(range(1, 11)))\n```",
        true,
    ),
    (
        "print the sum of the whole numbers from 1 to 20, both included",
        "```python\nprint(sum(range(1, 20)))\n```",
        false,
    ),
    (
        "print the prices 4, 9 and 2, the cheapest one first",
        "```python\nfor price in sorted([4, 9, 2], reverse=True):\n    print(price)\n```",
        false,
    ),
    (
        "print the words kiwi, fig and banana, the longest one first",
        "```python\nfor word in sorted(['kiwi', 'fig', 'banana'], key=len, reverse=True):\n    print(word)\n```",
        true,
    ),
    (
        "a function average(numbers) that gives 0 for an empty list",
        "```python\ndef average(numbers):\n    if not numbers:\n        return 0\n    return sum(numbers) / len(numbers)\n```",
        true,
    ),
    (
        "a function middle(a, b, c) that gives the one that is neither the largest nor the smallest",
        "```python\ndef middle(a, b, c):\n    return max(a, b, c)\n```",
        false,
    ),
];

const VERDICT: &str = "Does it do what was asked for? Answer with one line and nothing else: \
                       `VERDICT: ACCEPT` if it does, `VERDICT: ITERATE` if it does not.";

/// The question and the only word that the schema allows as its answer.
const LIGHTHOUSE: &str = "In one short sentence: what is a lighthouse for?";
const WORD: &str = "quince-2903";

/// Maximum length of that answer, in tokens, including reasoning.
const HELD_TOKENS: u32 = 400;

const COUNT: &str =
    "Write the numbers from 1 to 3000, each on a line of its own, and nothing else.";

/// Probes a local model before its first use, stores the profile and applies it. Messages go to
/// `tell`. Returns whether the model was probed. A failed probe does not prevent the model's use.
///
/// # Errors
/// If the user interrupts.
pub async fn get_to_know(
    connection: &mut Connection,
    model: &str,
    cancel: &CancellationToken,
    tell: &mut dyn FnMut(&str),
) -> Result<bool, Interrupted> {
    if !connection.is_new {
        return Ok(false);
    }
    // The server at this address may be another one than usual, and one that forwards requests may
    // cost money.
    if let Some(server) = &connection.server
        && server.told().await.is_none_or(|told| told.elsewhere)
    {
        return Ok(false);
    }
    tell(&format!(
        "`{model}` is new here: a few short calls show what it is like (not with `probe: never`)"
    ));
    match probe(connection, model, Effort::SHORT, cancel, &mut |_| ()).await {
        Ok(profile) => {
            tell(&profile.in_words().join("; "));
            if let Err(error) = profiles::keep(&profiles::folder(), &connection.identity, &profile)
            {
                tell(&error.to_string());
            }
            connection.adopt(profile);
            Ok(true)
        }
        Err(CallErrorKind::Interrupted) => Err(Interrupted),
        // The call that follows reports the error.
        Err(CallErrorKind::Failed(_)) => {
            connection.is_new = false;
            Ok(false)
        }
    }
}

/// Probes a model; `on` is called with a description of each call.
///
/// # Errors
/// If the model does not answer, or the user interrupts. A refused long prompt is not an error.
pub async fn probe(
    connection: &Connection,
    model: &str,
    effort: Effort,
    cancel: &CancellationToken,
    on: &mut (dyn FnMut(&str) + Send),
) -> Result<Profile, CallErrorKind> {
    let mut profile = Profile { model: model.to_owned(), ..Profile::default() };
    profile.context = connection.context;
    if let Some(server) = &connection.server
        && let Some(told) = server.told().await
    {
        profile.context = told.context.into_iter().chain(profile.context).min();
    }
    let asker = Asker { connection, cancel };

    on("for a script");
    let heard = asker.ask(Agent::Coder, CODE, effort.thought, LOADING).await?;
    heard.note_thoughts(&mut profile);
    let answer = heard.answer(&profile);
    profile.fences = answer.contains("```") || answer.contains("~~~");
    profile.code = extract::script(answer, heard.outcome, &super::answer::parses).is_ok();

    on("for an answer of a given form");
    let heard = asker.ask(Agent::Planner, FORMAT, effort.thought, LOADING).await?;
    heard.note_thoughts(&mut profile);
    profile.format = keeps_to_the_form(heard.answer(&profile));
    let reading = heard.prompt_speed();

    on("to judge small scripts");
    let mut right = 0;
    for (wish, script, is_right) in JUDGE {
        let prompt = format!("A user asked for this: {wish}\n\nThe script:\n{script}\n\n{VERDICT}");
        let heard = asker.ask(Agent::Reviewer, &prompt, effort.thought, effort.patience).await?;
        right += u32::from(verdict(heard.answer(&profile)) == Some(is_right));
    }
    profile.judged_right = Some(right);

    on("for a long answer");
    let heard = asker.ask(Agent::Planner, COUNT, effort.answer, effort.patience).await?;
    profile.answer_tokens = heard.usage.answer;
    profile.answer_speed = heard.answer_speed();
    profile.answer_limit = heard.limit(effort.answer);

    on("with a long prompt");
    let whole = u64::from(profile.context.unwrap_or(u32::MAX)) * 3 / 4;
    let seconds = effort.patience.as_secs();
    let in_time =
        reading.map_or(effort.prompt, |speed| whole_number(speed).saturating_mul(seconds));
    let paid = connection.price.map_or(u64::MAX, |_| PAID_PROMPT);
    let mut tokens = effort.prompt.min(whole).min(in_time).min(paid);
    for _ in 0..SHORTER {
        let prompt = long_prompt(tokens);
        match asker.ask(Agent::Planner, &prompt, 64, effort.patience.saturating_mul(2)).await {
            Ok(heard) => {
                if heard.text.contains(PASSWORD) || heard.reasoning.contains(PASSWORD) {
                    profile.read_tokens = heard.usage.prompt;
                } else if !heard.usage.estimated && heard.usage.prompt * 2 < tokens {
                    // The server silently dropped the start of the prompt.
                    profile.context = u32::try_from(heard.usage.prompt).ok();
                }
                profile.prompt_speed = heard.prompt_speed().or(reading);
                break;
            }
            Err(CallErrorKind::Failed(Fault::PromptTooLong { context, .. })) => {
                profile.context = context.into_iter().chain(profile.context).min();
                tokens = context.map_or(tokens / 2, |context| u64::from(context) / 2);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(profile)
}

/// If not known yet, finds out whether a local server constrains answers to a schema, stores the
/// result and applies it. Messages go to `tell`. A failed call does not prevent the model's use.
///
/// # Errors
/// If the user interrupts.
pub(super) async fn try_schema(
    connection: &mut Connection,
    model: &str,
    cancel: &CancellationToken,
    tell: &mut dyn FnMut(&str),
) -> Result<(), Interrupted> {
    // A session sends no extra calls to a server that may cost money; `models probe` does.
    let own = connection.server.as_ref();
    let own = own.is_some_and(crate::llm::server_info::Server::is_own);
    if !own || connection.holds_to_schemas.is_some() || !connection.model.takes_schema() {
        return Ok(());
    }
    tell(&format!(
        "one short call shows whether `{model}` can be held to a form (not with `probe: never`)"
    ));
    let holds = match holds_to_schemas(connection, cancel).await {
        Ok(holds) => holds,
        Err(CallErrorKind::Interrupted) => return Err(Interrupted),
        // The call that follows reports the error.
        Err(CallErrorKind::Failed(_)) => None,
    };
    if let Some(holds) = holds {
        let kept = profiles::keep_schema(&profiles::folder(), &connection.identity, model, holds);
        if let Err(error) = kept {
            tell(&error.to_string());
        }
    }
    connection.holds_to_schemas = Some(holds.unwrap_or(false));
    Ok(())
}

/// Whether answers are constrained to the schema of a request: one short call whose schema allows a
/// single answer that no model would give by itself. `None` if it does not end in time.
///
/// # Errors
/// If the model does not answer, or the user interrupts.
pub async fn holds_to_schemas(
    connection: &Connection,
    cancel: &CancellationToken,
) -> Result<Option<bool>, CallErrorKind> {
    let only = json!({"type": "string", "enum": [WORD]});
    let schema = json!({"type": "object", "properties": {"word": only}, "required": ["word"],
        "additionalProperties": false});
    let request = Request::new(Agent::Reviewer, vec![Message::user(LIGHTHOUSE)], HELD_TOKENS);
    let request = Request { schema: Some(schema), ..request };
    let heard = Asker { connection, cancel }.send(&request, LOADING).await?;
    let said = serde_json::from_str::<Value>(&heard.text).ok();
    Ok(heard.ended.then(|| said == Some(json!({"word": WORD}))))
}

/// Whether the answer consists of exactly the four requested lines.
fn keeps_to_the_form(answer: &str) -> bool {
    let lines = answer.lines().map(|line| line.trim().trim_matches('`').to_lowercase());
    lines.filter(|line| !line.is_empty()).eq(KEPT_TO)
}

/// Whether a script was accepted; `None` if the answer contains both verdicts or neither.
fn verdict(answer: &str) -> Option<bool> {
    match (answer.contains("VERDICT: ACCEPT"), answer.contains("VERDICT: ITERATE")) {
        (true, false) => Some(true),
        (false, true) => Some(false),
        _ => None,
    }
}

/// Measures how fast a model writes, in tokens per second, with an answer of [`TRIAL`] tokens; `None` if it
/// wrote too few to tell, or failed.
pub async fn speed(connection: &Connection, cancel: &CancellationToken) -> Option<f64> {
    let asker = Asker { connection, cancel };
    let said = asker.ask(Agent::Coder, COUNT, TRIAL, LOADING).await.ok()?;
    said.answer_speed()
}

/// A prompt of about this many tokens that states a password at its start and asks for it at its
/// end.
fn long_prompt(tokens: u64) -> String {
    let mut prompt = format!("The password is {PASSWORD}. Here is a list that does not matter.\n");
    for number in 0..tokens / ENTRY {
        let _ = writeln!(prompt, "Entry {number} of the list is {}.", number * 37 % 1000);
    }
    prompt + "What is the password? Answer with the password and nothing else."
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is no large number"
)]
const fn whole_number(speed: f64) -> u64 {
    speed as u64
}

#[expect(clippy::cast_precision_loss, reason = "it is no large number")]
fn per_second(tokens: u64, time: Duration) -> Option<f64> {
    (tokens > 0 && !time.is_zero()).then(|| tokens as f64 / time.as_secs_f64())
}

struct Asker<'a> {
    connection: &'a Connection,
    cancel: &'a CancellationToken,
}

/// The answer to a call, as far as it arrived within the time limit.
struct Heard {
    text: String,
    reasoning: String,
    outcome: Outcome,
    usage: Usage,
    /// The answer ended in time.
    ended: bool,
    /// The answer repeated itself.
    repeats: bool,
    /// Time until the first chunk.
    first: Duration,
    /// Time until the last chunk.
    last: Duration,
}

impl Asker<'_> {
    async fn ask(
        &self,
        agent: Agent,
        prompt: &str,
        max_tokens: u32,
        patience: Duration,
    ) -> Result<Heard, CallErrorKind> {
        let request = Request::new(agent, vec![Message::user(prompt)], max_tokens);
        self.send(&request, patience).await
    }

    async fn send(&self, request: &Request, patience: Duration) -> Result<Heard, CallErrorKind> {
        let begun = Instant::now();
        let (mut text, mut reasoning, mut pieces) = (String::new(), String::new(), 0);
        let (mut first, mut last) = (None, Duration::ZERO);
        let mut on = |news: call::News<'_>| {
            match news {
                call::News::Text(new) => text.push_str(new),
                call::News::Reasoning(new) => reasoning.push_str(new),
                call::News::Prefill(_) | call::News::Phase(_) | call::News::Retrying { .. } => {
                    return;
                }
            }
            pieces += 1;
            last = begun.elapsed();
            first.get_or_insert(last);
        };
        let model = self.connection.model.as_ref();
        let asked =
            call::call(model, request, &self.connection.policy, &|_| false, self.cancel, &mut on);
        let ended = timeout(patience, asked).await;
        let (first, last) = (first.unwrap_or(last), last);
        match ended {
            Ok(Ok(answer)) => Ok(Heard {
                text: answer.text,
                reasoning: answer.reasoning,
                outcome: answer.outcome,
                usage: answer.usage,
                ended: true,
                repeats: answer.repeats,
                first,
                last,
            }),
            Ok(Err(CallError { kind, .. })) => Err(kind),
            Err(_) => {
                // Streaming servers usually send one token per chunk.
                let mut usage = Usage::estimate(&request.messages, &text);
                usage.answer = usage.answer.max(pieces);
                let (outcome, ended, repeats) = (Outcome::Cut, false, false);
                Ok(Heard { text, reasoning, outcome, usage, ended, repeats, first, last })
            }
        }
    }
}

impl Heard {
    /// The answer without its reasoning.
    fn answer(&self, profile: &Profile) -> &str {
        let cut = self.outcome == Outcome::Cut;
        let thought = thoughts(&self.text, profile.thinking, cut);
        thought.map_or(&self.text, |(end, _)| &self.text[end..])
    }

    fn note_thoughts(&self, profile: &mut Profile) {
        let tokens = |bytes: usize| u32::try_from(bytes.div_ceil(4)).unwrap_or(u32::MAX);
        let cut = self.outcome == Outcome::Cut;
        if !self.reasoning.is_empty() {
            profile.thinking = Thinking::Apart;
            profile.thought_tokens = profile.thought_tokens.max(tokens(self.reasoning.len()));
        } else if let Some((end, how)) = thoughts(&self.text, profile.thinking, cut) {
            profile.thinking = how;
            profile.thought_tokens = profile.thought_tokens.max(tokens(end));
        }
    }

    /// The server's own limit of the answer, in tokens, if it ended the answer earlier than
    /// requested.
    fn limit(&self, asked: u32) -> Option<u32> {
        let cut = self.ended && self.outcome == Outcome::Cut && !self.repeats;
        let tokens = u32::try_from(self.usage.answer).ok().filter(|_| !self.usage.estimated)?;
        (cut && tokens > 0 && tokens < asked - asked / 10).then_some(tokens)
    }

    fn prompt_speed(&self) -> Option<f64> {
        // Cached tokens took no time.
        per_second(self.usage.prompt.saturating_sub(self.usage.cached), self.first)
    }

    fn answer_speed(&self) -> Option<f64> {
        per_second(self.usage.answer.saturating_sub(1), self.last.saturating_sub(self.first))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_lines_that_were_asked_for_are_the_given_form() {
        for (answer, kept) in [
            ("R1: met\nR2: not met\nR3: met\nVERDICT: ITERATE", true),
            ("`R1: met`\n`R2: not met`\n`R3: met`\n\n`VERDICT: ITERATE`\n", true),
            ("R1: met\nR2: not met\nR3: met\nVERDICT: ACCEPT", false),
            ("Sure!\nR1: met\nR2: not met\nR3: met\nVERDICT: ITERATE", false),
            ("R1: met, R2: not met, R3: met, VERDICT: ITERATE", false),
            ("", false),
        ] {
            assert_eq!(keeps_to_the_form(answer), kept, "{answer}");
        }
    }

    #[test]
    fn a_long_prompt_is_about_as_long_as_it_should_be() {
        let prompt = long_prompt(12_000);
        let estimate = Usage::estimate(&[Message::user(prompt)], "").prompt;
        assert!((6_000..14_000).contains(&estimate), "{estimate}");
        assert!(long_prompt(0).contains(PASSWORD));
    }
}
