//! Fits a prompt into a model's context by leaving parts out, the oldest and longest first. The
//! plan, the script and the user's messages are never left out.

use crate::domain::chat::{Request, Usage};

/// How much of the optional parts a prompt contains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PromptBudget {
    /// Size of a run's output, in bytes.
    pub(super) run: usize,
    /// Size of failed tests, in bytes.
    pub(super) tests: usize,
    /// Number of open findings, blockers first.
    pub(super) findings: usize,
    /// Size of the description of data files, in characters.
    pub(super) data: usize,
}

/// Budgets from the largest to the smallest. Prompts do not grow with a script's output.
pub(super) const PROMPT_BUDGETS: [PromptBudget; 4] = [
    PromptBudget { run: 1500, tests: 1500, findings: usize::MAX, data: usize::MAX },
    PromptBudget { run: 400, tests: 1500, findings: usize::MAX, data: 2000 },
    PromptBudget { run: 150, tests: 400, findings: 6, data: 800 },
    PromptBudget { run: 150, tests: 150, findings: 2, data: 200 },
];

/// Minimum length of an answer with a script, in tokens.
const SHORTEST_ANSWER: u64 = 64;

/// A prompt that was fitted to a context.
#[derive(Debug)]
pub(super) struct Fitted {
    pub(super) request: Request,
    /// Something was left out.
    pub(super) less: bool,
    /// It fits, as far as the estimate goes.
    pub(super) fits: bool,
}

/// The fullest prompt that fits a context of this many tokens, with the rest left for the answer.
/// Without a known context, the whole prompt.
pub(super) fn fit<E>(
    context: Option<u32>,
    make: impl Fn(PromptBudget) -> Result<Request, E>,
) -> Result<Fitted, E> {
    let [whole, less @ ..] = PROMPT_BUDGETS;
    let mut request = make(whole)?;
    let Some(context) = context.map(u64::from) else {
        return Ok(Fitted { request, less: false, fits: true });
    };
    // The answer needs its share of the context too.
    let answer = u64::from(request.max_tokens).min(context / 4);
    let fits = |request: &Request| request.prompt_tokens() + answer <= context;
    let full = request.messages.clone();
    let mut smaller = less.into_iter();
    while !fits(&request) {
        let Some(room) = smaller.next() else { break };
        request = make(room)?;
    }
    // A prompt is refused only if even the lower estimate does not fit, since the count errs on the
    // high side.
    let least = Usage::estimate(&request.messages, "").prompt + SHORTEST_ANSWER;
    let left = context.saturating_sub(request.prompt_tokens()).max(answer.max(1));
    request.max_tokens = request.max_tokens.min(u32::try_from(left).unwrap_or(u32::MAX));
    Ok(Fitted { less: request.messages != full, fits: least <= context, request })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;
    use crate::domain::chat::{Agent, Message};

    /// A prompt with a script of 4,000 bytes, and a run's output as long as the budget allows.
    fn make(room: PromptBudget) -> Result<Request, ()> {
        let text = "s".repeat(4000) + &"r".repeat(room.run);
        Ok(Request::new(Agent::Coder, vec![Message::user(text)], 1000))
    }

    #[test]
    fn the_run_is_cut_first_then_the_answer_and_never_the_script() {
        for (context, run, less, fits, answer) in [
            (None, 1500, false, true, 1000..=1000),
            (Some(100_000), 1500, false, true, 1000..=1000),
            (Some(2600), 1500, false, true, 800..=900),
            (Some(2000), 400, true, true, 500..=700),
            (Some(1100), 150, true, false, 200..=300),
            (Some(10), 150, true, false, 1..=10),
        ] {
            let fitted = fit(context, make).unwrap();
            let length = fitted.request.messages[0].content.len();
            assert_eq!((length, fitted.less, fitted.fits), (4000 + run, less, fits), "{context:?}");
            assert!(answer.contains(&fitted.request.max_tokens), "{:?}", fitted.request.max_tokens);
        }
    }
}
