//! Learns the size of a model's context from requests that the server refused as too long, and
//! decides when to give up.

use super::{Driver, DriverError, End, MODEL_FAILED, Next};
use crate::domain::chat::Request;
use crate::domain::event::Event;

impl Driver<'_, '_> {
    /// Records the context size that a refusal states, or an estimate below the size of the prompt.
    pub(super) fn learn_context(
        &mut self,
        model: &str,
        told: Option<u32>,
        request: &Request,
        words: String,
    ) {
        let asked = u32::try_from(request.prompt_tokens()).unwrap_or(u32::MAX);
        let before = self.contexts.get(model).copied();
        let size = told.unwrap_or(asked - asked / 4);
        let size = before.map_or(size, |before| size.min(before - before / 4));
        self.contexts.insert(model.to_owned(), size);
        let times = self.refused.get(model).map_or(0, |refused| refused.times) + 1;
        let (length, answer, is_told) = (length(request), request.max_tokens, told.is_some());
        self.refused.insert(model.to_owned(), TooLong { times, length, answer, is_told, words });
    }

    /// Resets the count after a request that was not too long.
    pub(super) fn was_taken(&mut self, model: &str) {
        if let Some(refused) = self.refused.get_mut(model) {
            refused.times = 0;
        }
    }

    /// Ends the work with the server's message about the request that was too long; the known
    /// context size may be an estimate.
    pub(super) fn too_long(&mut self, model: &str) -> Result<Next, DriverError> {
        let Some(TooLong { words, .. }) = self.refused.get(model) else { return Ok(Next::Go) };
        let (reason, told) = (format!("{MODEL_FAILED}: {words}"), format!("`{model}`: {words}"));
        self.record(Event::Paused { reason })?;
        Ok(Next::End(End::ModelFailed(told)))
    }
}

/// Maximum number of times that a request is shortened and sent again.
const SHORTER: u32 = 3;

/// A request that was refused as too long.
pub(super) struct TooLong {
    /// Number of such refusals in a row.
    pub(super) times: u32,
    /// Length of the prompt, in bytes.
    length: usize,
    /// Maximum length of the answer it asked for, in tokens.
    answer: u32,
    /// The server stated the size of the context.
    is_told: bool,
    /// The server's message.
    words: String,
}

impl TooLong {
    /// Whether to give up instead of sending these requests: they are no shorter, or the limit of
    /// tries is reached. A shorter answer counts only once, if the server stated the context size.
    pub(super) fn is_final(&self, asked: &[(u32, Request)]) -> bool {
        let fitted = self.is_told && self.times == 1;
        let shorter = |request: &Request| {
            length(request) < self.length || fitted && request.max_tokens < self.answer
        };
        self.times > SHORTER || !asked.iter().all(|(_, request)| shorter(request))
    }
}

/// The length of a prompt, in bytes.
pub(super) fn length(request: &Request) -> usize {
    request.messages.iter().map(|message| message.content.len()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::chat::{Agent, Message};

    #[test]
    fn a_refused_prompt_is_resent_only_if_shorter_and_at_most_three_times() {
        let request = |bytes: usize, answer| {
            vec![(1, Request::new(Agent::Coder, vec![Message::user("x".repeat(bytes))], answer))]
        };
        for (times, is_told, bytes, answer, is_final) in [
            (1, false, 99, 100, false),
            (3, false, 99, 100, false),
            (4, false, 99, 100, true),
            (1, false, 100, 100, true),
            (1, false, 101, 10, true),
            // A shorter answer can help only if the context size is known.
            (1, false, 100, 50, true),
            (1, true, 100, 50, false),
            (2, true, 100, 50, true),
            (2, true, 99, 50, false),
            (1, true, 100, 100, true),
        ] {
            let refused =
                TooLong { times, length: 100, answer: 100, is_told, words: String::new() };
            let asked = request(bytes, answer);
            assert_eq!(refused.is_final(&asked), is_final, "{times} {is_told} {bytes} {answer}");
        }
    }
}
