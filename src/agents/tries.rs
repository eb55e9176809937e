//! The Tries agent: extracts arguments and input for the script from the request. Only text that is
//! in the request word for word is used, so that nothing is made up by the model.

use super::given::{self, Given, NOTHING};
use super::thoughts::after_thinking;
use super::{Refusal, RefusalKind, ask, text};
use crate::domain::chat::{Agent, Request};
use crate::domain::text::stands_in;
use crate::prompts::{PromptError, Prompts};
use serde::Serialize;

/// The input of the prompt.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Shown<'a> {
    /// The user's request.
    pub request: &'a str,
    /// Why the previous answer was refused.
    pub refusal: Option<&'a str>,
}

/// Builds the request.
pub fn request(prompts: &Prompts, shown: Shown<'_>) -> Result<Request, PromptError> {
    ask(prompts, Agent::Tries, Shown { request: shown.request.trim(), ..shown })
}

/// Parses an answer; empty if the request states no inputs.
///
/// # Errors
/// If the answer does not have the requested form.
pub fn parse(answer: &str, request: &str) -> Result<Given, Refusal> {
    let answer = text::normalise(answer);
    let answer = after_thinking(&answer);
    let lines = || answer.lines().map(str::trim).filter(|line| !line.is_empty());
    let of_form = |line: &str| {
        let line = line.trim_start_matches("- ");
        line == NOTHING || line.starts_with("arguments:") || line.starts_with("input:")
    };
    if !lines().any(of_form) {
        let reason = format!("Write only `arguments: ...`, `input: ...` or `{NOTHING}`.");
        return Err(Refusal::new(RefusalKind::Unusable, reason));
    }
    let said: Vec<&str> = lines().filter(|line| of_form(line) && *line != NOTHING).collect();
    let mut given = given::read(&format!("{}\n{}", given::HEADING, said.join("\n")));
    if !given.args.iter().all(|arg| stands_in(request, arg)) {
        given.args.clear();
    }
    // A model that copies the request found no input in it.
    let too_much = 2 * given.stdin.len() > request.trim().len();
    if too_much || !given.stdin.lines().all(|line| stands_in(request, line)) {
        given.stdin.clear();
    }
    Ok(given)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    #[test]
    fn only_input_that_the_request_contains_is_accepted() {
        let request = "print a table. start and end are arguments. Try it with the arguments 0 40 8, \
                       or type 3 and then `New York`.";
        for (answer, args, stdin) in [
            ("arguments: 0 40 8", &["0", "40", "8"][..], ""),
            (
                "- arguments: 0 40 8\n- input: 3\n- input: New York",
                &["0", "40", "8"],
                "3\nNew York\n",
            ),
            ("none", &[], ""),
            ("arguments: --start 0", &[], ""),
            ("arguments: 0 4", &[], ""),
            (
                "input: print a table. start and end are arguments. Try it with the arguments 0 40 8, or",
                &[],
                "",
            ),
            ("arguments: 0\ninput: yes", &["0"], ""),
        ] {
            let given = parse(answer, request).unwrap();
            assert_eq!(
                (given.args.as_slice(), given.stdin.as_str()),
                (args.iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>().as_slice(), stdin),
                "{answer}"
            );
        }
        assert!(parse("It takes two numbers.", request).is_err());
    }
}
